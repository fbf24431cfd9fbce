//! The origin: registry, vault, sources and image work behind signed image URLs.
#![deny(unsafe_code)]

pub mod access;
pub mod admin;
pub mod clock;
pub mod config;
pub mod delivery;
mod derivatives;
pub mod edge_link;
pub mod images;
pub mod inspection;
pub mod keys;
pub mod license;
pub mod observe;
pub mod origin;
pub mod peer;
pub mod registry;
pub mod server;
pub mod settings;
pub mod signing;
pub mod sources;
pub mod vault;
