//! The file that tells other programs where everything is.

use std::{fs, io, path::Path};

use local_stack::Endpoints;

/// Writes the file in one step: whoever sees it sees all of it.
pub(crate) fn write(path: &Path, endpoints: &Endpoints) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = path.with_file_name(name);
    fs::write(&unfinished, serde_json::to_string_pretty(endpoints)?)?;
    fs::rename(&unfinished, path)
}
