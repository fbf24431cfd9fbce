//! What commands print. Who reads it may stop reading: `sealpix keys list | head -1` is no error.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

use super::CommandError;

/// Prints a line. Where nobody reads any more the process ends, its work done; where it cannot be written, as on a full
/// disk, it ends as failed.
pub(crate) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("sealpix: standard output: {error}");
    std::process::exit(1);
}

/// Prints what is shown once. That it was not read is an error, which `remedy` follows.
pub(crate) fn once(text: &str, remedy: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| CommandError::Io(remedy.to_owned(), error))
}
