//! The cases. Every expectation is written by hand; nothing here asks the code under test but to sign.

mod encoding;
mod expiry;
mod gate;
mod operations;
mod policy;
mod query;
mod rules;
mod signature;
mod source;

use crate::format::{Case, Edge, Sign};
use crate::state::{MAIN, Pair};

/// A remote source that every rule list here allows; no server of that name exists.
pub(crate) const PHOTO: &str = "cdn.example.com/photo.jpg";
/// A picture that is there.
pub(crate) const SUNSET: &str = "@gallery/sunset.jpg";
pub(crate) const MALFORMED: &str = "malformed_url";

/// All cases, in the order of the specification.
pub(crate) fn all() -> Vec<Case> {
    [
        gate::cases(),
        encoding::cases(),
        query::cases(),
        signature::cases(),
        expiry::cases(),
        source::cases(),
        rules::cases(),
        policy::cases(),
        operations::cases(),
    ]
    .concat()
}

/// A GET of a literal target that is admitted on both sides, until a further word says otherwise.
fn case(id: &str, why: &str, target: impl Into<String>) -> Case {
    Case {
        id: id.to_owned(),
        why: why.to_owned(),
        traps: Vec::new(),
        method: "GET".to_owned(),
        target: Some(target.into()),
        sign: None,
        referer: None,
        raw: "admitted".to_owned(),
        edge: Edge::Same,
    }
}

/// A case that the runner signs as it goes, with an expiry so many seconds from now.
fn signing(id: &str, why: &str, key: Pair, (project, operations, source): (&str, &str, &str), seconds: i64) -> Case {
    let sign = Sign {
        project: project.to_owned(),
        operations: operations.to_owned(),
        source: source.to_owned(),
        key: key.public().to_string(),
        expires_in: Some(seconds),
        width: None,
    };
    Case { target: None, sign: Some(sign), ..case(id, why, "") }
}

impl Case {
    fn denied(self, code: &str) -> Self {
        Self { raw: code.to_owned(), ..self }
    }

    fn malformed(self) -> Self {
        self.denied(MALFORMED)
    }

    fn trap(mut self, id: &str) -> Self {
        self.traps.push(id.to_owned());
        self
    }

    fn method(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    fn referer(self, referer: &str) -> Self {
        Self { referer: Some(referer.to_owned()), ..self }
    }

    /// Refused as it stands; a URL parser makes the canonical target of it.
    fn normalised(self) -> Self {
        Self { edge: Edge::NormalisedThenAdmitted, ..self.malformed() }
    }

    /// Refused as it stands; some platforms make the canonical target of it.
    fn varies(self) -> Self {
        Self { edge: Edge::Varies, ..self.malformed() }
    }
}

/// `?key=…` of a key.
fn key_query(key: Pair) -> String {
    format!("?key={}", key.public())
}

/// A target of the main key, signed as it stands: path, then what follows the key.
fn signed_with(path: &str, tail: &str) -> String {
    MAIN.sign(&format!("{path}{}{tail}", key_query(MAIN)))
}

/// A target of `my-app` under the main key.
fn signed(operations: &str, source: &str) -> String {
    signed_with(&format!("/my-app/{operations}/{source}"), "")
}

/// A target of another key.
fn signed_by(key: Pair, project: &str, operations: &str, source: &str) -> String {
    key.sign(&format!("/{project}/{operations}/{source}{}", key_query(key)))
}

/// `path` with the signature of `canonical`: what a URL parser must turn into the latter to be admitted.
fn signed_as(path: &str, canonical: &str) -> String {
    let query = key_query(MAIN);
    format!("{path}{query}&sig={}", MAIN.signature(&format!("{canonical}{query}")))
}
