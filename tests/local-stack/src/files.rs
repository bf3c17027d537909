//! The files that give other programs the stack's addresses.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use local_stack::Stack;

use crate::env_file;

/// The requested files with their paths.
pub(crate) struct Files {
    pub(crate) env: Option<PathBuf>,
    pub(crate) ready: Option<PathBuf>,
}

impl Files {
    /// Writes the ready file last, so that a program that sees it finds the other one too.
    pub(crate) fn write(&self, stack: &Stack) -> anyhow::Result<()> {
        if let Some(path) = &self.env {
            write(path, &env_file::text(&stack.variables_of_any()?)?)?;
        }
        if let Some(path) = &self.ready {
            write(path, &serde_json::to_string_pretty(stack.endpoints())?)?;
        }
        Ok(())
    }

    /// Removes them, so that no program finds a stack that has stopped. A user may have removed
    /// them already.
    pub(crate) fn remove(&self) {
        for path in self.env.iter().chain(&self.ready) {
            fs::remove_file(path).ok();
        }
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    in_one_step(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Renames a complete file into place, so that a reader never sees a part of it.
fn in_one_step(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = path.with_file_name(name);
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}
