//! The origin: registry, vault, sources and image work behind signed image URLs.
#![deny(unsafe_code)]

pub mod clock;
pub mod registry;
pub mod vault;
