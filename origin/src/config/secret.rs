//! A secret from the configuration: wiped on drop, and never printed.

use std::fmt;

use zeroize::Zeroizing;

/// A secret as a variable or its file gives it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Any text.
    #[must_use]
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(set)")
    }
}
