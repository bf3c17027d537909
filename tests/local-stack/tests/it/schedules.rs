//! Schedules: what the template may say, and what happens when their time has come.

mod running;
mod template;
