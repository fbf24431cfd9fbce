//! A new password for a user: from a file, from standard input, or from whoever sits at the terminal; never from the
//! arguments, which other users of the machine can read.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use sealpix_origin::access::password::Password;
use zeroize::Zeroizing;

use crate::commands::flags::read_secret;
use crate::commands::{CommandError, read_stdin};

/// The password, checked.
pub(super) fn new_password(file: Option<PathBuf>) -> Result<Password, CommandError> {
    let text = match file {
        Some(file) if file == Path::new("-") => without_end(&read_stdin()?),
        Some(file) => read_secret(&file)?,
        None => asked()?,
    };
    Password::new(text).map_err(|error| CommandError::Refused(error.to_string()))
}

/// A line without its end.
fn without_end(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asked for twice: it is not shown while it is typed.
fn asked() -> Result<Zeroizing<String>, CommandError> {
    if !std::io::stdin().is_terminal() {
        let message =
            "there is no terminal to ask for the password: give --password-file FILE, or - for standard input";
        return Err(CommandError::Refused(message.to_owned()));
    }
    let ask = |prompt: &str| {
        let typed = rpassword::prompt_password(prompt);
        typed.map(Zeroizing::new).map_err(|error| CommandError::Io("the terminal".to_owned(), error))
    };
    let first = ask("Password: ")?;
    if *first != *ask("Again: ")? {
        return Err(CommandError::Refused("the two passwords differ".to_owned()));
    }
    Ok(first)
}
