//! Schedules: the template's forms, and the invocations.

mod running;
mod template;
