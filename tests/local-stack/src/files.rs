//! The files that tell other programs where everything is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use local_stack::Stack;

use crate::env_file;

/// Which of them somebody asked for, and where.
pub(crate) struct Files {
    pub(crate) env: Option<PathBuf>,
    pub(crate) ready: Option<PathBuf>,
}

impl Files {
    /// Writes them; whoever sees the ready file finds the other one too.
    pub(crate) fn write(&self, stack: &Stack) -> anyhow::Result<()> {
        if let Some(path) = &self.env {
            write(path, &env_file::text(&stack.variables_of_any()?)?)?;
        }
        if let Some(path) = &self.ready {
            write(path, &serde_json::to_string_pretty(stack.endpoints())?)?;
        }
        Ok(())
    }

    /// Whoever reads them must not find a stack that is gone; they may have been removed already.
    pub(crate) fn remove(&self) {
        for path in self.env.iter().chain(&self.ready) {
            fs::remove_file(path).ok();
        }
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    in_one_step(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Whoever sees the file sees all of it.
fn in_one_step(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = path.with_file_name(name);
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}
