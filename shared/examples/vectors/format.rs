//! The file's form: what a runner reads.

use sealpix::quota::Limits;
use sealpix::record::{Environment, KeyState, Policy};
use serde::{Deserialize, Serialize};

/// How to read the file; its `about`.
const ABOUT: &[&str] = &[
    "Signed URLs of version 1, and the gate's verdict on each.",
    "state: the registry, in the form that `sealpix registry apply` takes; a root is relative to this file's folder.",
    "A case has a target, sent byte for byte, or sign, which the runner signs as it goes: operations and source are \
     the decoded canonical texts, expires_in is seconds from now, width becomes &w= after the signature.",
    "referer: the header's value; without it no header is sent. method: the request's.",
    "raw: the verdict on the target as it stands, natively and at the origin: admitted, or the denial code. Admitted \
     over HTTP means that the answer's code is none of the gate's (method_not_allowed to rate_limited): what the \
     source then answers is another matter. An answer to HEAD has no body: compare its status with that of the code.",
    "edge: the verdict behind a URL parser (WHATWG), as a Worker sees the target: same as raw; \
     normalised-then-admitted, where the parser makes the canonical target of it; varies by platform, where both \
     are right and why says what does it. A runner makes the URL by writing the target behind the base, \
     never by resolving it against the base.",
    "No literal depends on the clock before 2100. Every row is one line; regenerate, never edit: see shared/examples/vectors.",
];

/// The whole file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vectors {
    pub(crate) version: u32,
    pub(crate) about: Vec<String>,
    pub(crate) state: State,
    pub(crate) cases: Vec<Case>,
}

/// The registry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) projects: Vec<Project>,
    pub(crate) sources: Vec<ConfiguredSource>,
}

/// A project and its keys.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    pub(crate) slug: String,
    pub(crate) environment: Environment,
    pub(crate) referers: Vec<String>,
    pub(crate) require_referer: bool,
    pub(crate) sources: Vec<String>,
    pub(crate) grants: Vec<String>,
    pub(crate) presets: std::collections::BTreeMap<String, String>,
    pub(crate) keys: Vec<Key>,
}

/// A key pair.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) public_key: String,
    pub(crate) secret_key: String,
    pub(crate) state: KeyState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) not_after: Option<u64>,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
}

/// A configured source.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfiguredSource {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) root: String,
}

/// One request and its verdicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) why: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) traps: Vec<String>,
    pub(crate) method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sign: Option<Sign>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) referer: Option<String>,
    pub(crate) raw: String,
    pub(crate) edge: Edge,
}

/// What a runner signs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    pub(crate) project: String,
    pub(crate) operations: String,
    pub(crate) source: String,
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) width: Option<u32>,
}

/// The verdict behind a URL parser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Edge {
    Same,
    NormalisedThenAdmitted,
    Varies,
}

/// Reads the file's text.
pub(crate) fn read(text: &str) -> Vectors {
    serde_json::from_str(text).unwrap()
}

/// The file's text: a row for each case.
pub(crate) fn print(state: &State, cases: &[Case]) -> String {
    let state = serde_json::to_string_pretty(state).unwrap().replace('\n', "\n  ");
    let about: Vec<_> = ABOUT.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    let cases: Vec<_> = cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
    format!(
        "{{\n  \"version\": 1,\n  \"about\": [\n    {}\n  ],\n  \"state\": {state},\n  \"cases\": [\n    {}\n  ]\n}}\n",
        about.join(",\n    "),
        cases.join(",\n    ")
    )
}
