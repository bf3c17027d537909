//! The checks, by subject.

pub(crate) mod access;
pub(crate) mod api;
pub(crate) mod belvo;
pub(crate) mod branding;
pub(crate) mod callbacks;
pub(crate) mod pages;
pub(crate) mod portal;
mod svg;
pub(crate) mod tokens;
pub(crate) mod webhook;
