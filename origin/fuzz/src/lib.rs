//! The image engine alone, compiled from its own files: a sanitizer's build of the whole origin would cost minutes more.

#[path = "../../src/images/mod.rs"]
pub mod images;

pub mod checks;
