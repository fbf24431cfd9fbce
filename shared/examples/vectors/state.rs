//! The registry of the vectors: six projects, and keys in every state.

use sealpix::key::{PublicKey, SecretKey};
use sealpix::quota::Limits;
use sealpix::record::{Environment, KeyState, Policy};
use sealpix::signature;

use crate::format::{ConfiguredSource, Key, Project, State};

/// A key pair of the vectors: 16 readable bytes, and 32 consecutive ones from `first`.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    name: [u8; 16],
    first: u8,
}

/// The key pair of the specification's worked example.
pub(crate) const MAIN: Pair = Pair { name: *b"defghijklmnopqrs", first: 0 };
pub(crate) const REVOKED: Pair = Pair { name: *b"my-app-revoked-.", first: 1 };
/// Its `not_after` has passed.
pub(crate) const PAST: Pair = Pair { name: *b"my-app-past-key.", first: 2 };
/// Its `not_after` is far ahead, as after a rotation with overlap.
pub(crate) const FUTURE: Pair = Pair { name: *b"my-app-future--.", first: 3 };
/// No request a minute.
pub(crate) const NO_MINUTE: Pair = Pair { name: *b"my-app-minute-0.", first: 4 };
/// No request a day.
pub(crate) const NO_DAY: Pair = Pair { name: *b"my-app-day-zero.", first: 5 };
/// `exp` is required.
pub(crate) const EXPIRING: Pair = Pair { name: *b"my-app-expiring.", first: 6 };
/// `exp` at most an hour ahead.
pub(crate) const HOUR: Pair = Pair { name: *b"my-app-one-hour.", first: 7 };
/// Only `w` and `f`.
pub(crate) const LISTED: Pair = Pair { name: *b"my-app-w-and-f-.", first: 8 };
/// Presets only.
pub(crate) const PRESETS: Pair = Pair { name: *b"my-app-presets-.", first: 9 };
/// Results of at most 1000 x 800.
pub(crate) const CAPPED: Pair = Pair { name: *b"my-app-1000x800.", first: 10 };
/// Another tenant's.
pub(crate) const OTHER: Pair = Pair { name: *b"other-app-key--.", first: 11 };
/// Another tenant's, revoked.
pub(crate) const OTHER_REVOKED: Pair = Pair { name: *b"other-app-gone-.", first: 12 };
/// A development project without rules.
pub(crate) const SANDBOX: Pair = Pair { name: *b"sandbox-key----.", first: 13 };
/// A staging project without rules.
pub(crate) const STAGING: Pair = Pair { name: *b"staging-app-key.", first: 14 };
/// A project with a referer list.
pub(crate) const EMBED: Pair = Pair { name: *b"embed-app-key--.", first: 15 };
/// Of the same project: no request a minute, and only `w`.
pub(crate) const EMBED_NARROW: Pair = Pair { name: *b"embed-app-w----.", first: 16 };
/// A project that requires a Referer.
pub(crate) const STRICT: Pair = Pair { name: *b"strict-app-key-.", first: 17 };
/// A development project with local referers.
pub(crate) const LOCAL: Pair = Pair { name: *b"local-app-key--.", first: 18 };
/// In no registry.
pub(crate) const UNKNOWN: Pair = Pair { name: *b"nobody-knows-me.", first: 19 };

impl Pair {
    pub(crate) fn public(self) -> PublicKey {
        PublicKey::from_bytes(self.name)
    }

    pub(crate) fn secret(self) -> SecretKey {
        let mut next = self.first;
        SecretKey::from_bytes(std::array::from_fn(|_| {
            next += 1;
            next - 1
        }))
        .unwrap()
    }

    /// Signs a text as it stands, canonical or not, and appends the signature.
    pub(crate) fn sign(self, text: &str) -> String {
        format!("{text}&sig={}", self.signature(text))
    }

    pub(crate) fn signature(self, text: &str) -> String {
        signature::sign(&self.secret().signing_key(), text).to_string()
    }

    fn row(self) -> Key {
        Key {
            public_key: self.public().to_string(),
            secret_key: self.secret().reveal().to_string(),
            state: KeyState::Active,
            not_after: None,
            limits: Limits { minute: 1_000_000, day: 100_000_000 },
            policy: Policy::default(),
        }
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn project(slug: &str, environment: Environment, keys: Vec<Key>) -> Project {
    Project {
        slug: slug.to_owned(),
        environment,
        referers: Vec::new(),
        require_referer: false,
        sources: Vec::new(),
        grants: Vec::new(),
        presets: Default::default(),
        keys,
    }
}

/// The registry.
pub(crate) fn state() -> State {
    let everything = || Policy::default();
    let my_keys = vec![
        MAIN.row(),
        Key { state: KeyState::Revoked, ..REVOKED.row() },
        Key { not_after: Some(1_600_000_000), ..PAST.row() },
        Key { not_after: Some(4_102_444_800), ..FUTURE.row() },
        Key { limits: Limits { minute: 0, day: 100_000_000 }, ..NO_MINUTE.row() },
        Key { limits: Limits { minute: 1_000_000, day: 0 }, ..NO_DAY.row() },
        Key { policy: Policy { require_expiry: true, ..everything() }, ..EXPIRING.row() },
        Key { policy: Policy { max_lifetime_secs: Some(3_600), ..everything() }, ..HOUR.row() },
        Key { policy: Policy { operations: Some(texts(&["w", "f"])), ..everything() }, ..LISTED.row() },
        Key { policy: Policy { presets_only: true, ..everything() }, ..PRESETS.row() },
        Key { policy: Policy { max_width: Some(1_000), max_height: Some(800), ..everything() }, ..CAPPED.row() },
    ];
    let my_sources = ["cdn.example.com", "*.example.org", "media.example.com:8443", "s3.amazonaws.com/my-bucket/"];
    let presets = [("card", "w_400,h_300,fit_cover"), ("huge", "w_4000,h_3000")];
    let narrow = Key {
        limits: Limits { minute: 0, day: 0 },
        policy: Policy { operations: Some(texts(&["w"])), ..everything() },
        ..EMBED_NARROW.row()
    };
    use Environment::{Development, Production, Staging};
    State {
        projects: vec![
            Project {
                sources: texts(&my_sources),
                grants: texts(&["gallery"]),
                presets: presets.map(|(name, items)| (name.to_owned(), items.to_owned())).into(),
                ..project("my-app", Production, my_keys)
            },
            Project {
                sources: texts(&["cdn.example.com"]),
                ..project(
                    "other-app",
                    Production,
                    vec![OTHER.row(), Key { state: KeyState::Revoked, ..OTHER_REVOKED.row() }],
                )
            },
            project("sandbox", Development, vec![SANDBOX.row()]),
            project("staging-app", Staging, vec![STAGING.row()]),
            Project {
                referers: texts(&["example.com", "*.example.net", "partner.example.org:8443"]),
                sources: texts(&["cdn.example.com"]),
                grants: texts(&["gallery"]),
                ..project("embed-app", Production, vec![EMBED.row(), narrow])
            },
            Project {
                referers: texts(&["example.com"]),
                require_referer: true,
                grants: texts(&["gallery"]),
                ..project("strict-app", Production, vec![STRICT.row()])
            },
            Project {
                referers: texts(&["localhost:3000", "127.0.0.1"]),
                grants: texts(&["gallery"]),
                ..project("local-app", Development, vec![LOCAL.row()])
            },
        ],
        sources: vec![ConfiguredSource { name: "gallery".into(), kind: "file".into(), root: "gallery".into() }],
    }
}
