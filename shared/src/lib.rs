//! The rules that Sealpix's edge and origin both apply, and the specification of its signed URLs.
//!
//! A signed URL is one canonical text; its *target* (path and query) is what counts:
//!
//! ```text
//! /{project}/{operations}/{source}?key={public key}[&exp={unix seconds}]&sig={signature}[&w={width}]
//! ```
//!
//! A backend signs a [`target::Request`] with the key derived from its secret key:
//!
//! ```
//! use sealpix::{key::{PublicKey, SecretKey}, operations::Operations, source::Source, target::{Request, Slug}};
//!
//! let secret = SecretKey::parse("sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")?;
//! let request = Request {
//!     project: Slug::new("my-app").ok_or("not a project")?,
//!     operations: Operations::read("f_webp, w_800")?,
//!     source: Source::read("https://cdn.example.com/photo.jpg")?,
//!     key: PublicKey::parse("pk_ZGVmZ2hpamtsbW5vcHFycw")?,
//!     expires: Some(1_800_000_000),
//! };
//! let target = request.sign(&secret.signing_key())?;
//! assert_eq!(target, "/my-app/w_800,f_webp/cdn.example.com/photo.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw\
//!     &exp=1800000000&sig=KnTrSRr8ZeYuU0s7Xk1i25MLwxp5Gvvz");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The edge, and the origin behind it, ask the [`gate`]: [`gate::read`] the target, look up the two
//! [records](record) it names, [`gate::admit`]. The answer is an admission, or a [`denial`] with a stable code.
//!
//! This crate decides and the sides act: it has no clock, no randomness, no I/O and no runtime. Time, keys,
//! nonces and request facts are arguments.
#![forbid(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::string_slice, clippy::panic, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test may stop where it stands"
    )
)]

pub mod answer;
pub mod cache_key;
pub mod denial;
pub mod domain;
pub mod encoding;
pub mod envelope;
pub mod gate;
pub mod key;
pub mod link;
pub mod negotiation;
pub mod operations;
pub mod proof;
pub mod quota;
pub mod record;
pub mod signature;
pub mod source;
pub mod target;
pub mod usage;
pub mod wire;
