//! The vectors, natively: every case of `vectors/v1.json` through `gate::read` and `gate::admit`, as it stands
//! and as a URL parser hands it on; and that the file covers what it says.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sealpix::domain::HostRule;
use sealpix::encoding::EncodingError;
use sealpix::gate;
use sealpix::key::{PublicKey, SecretKey};
use sealpix::operations::{Name, Operations};
use sealpix::quota::Verdict;
use sealpix::record::{Caching, Grant, KeyRecord, Preset, ProjectRecord};
use sealpix::source::{Source, SourceError};
use sealpix::target::{Request, Slug, Target};

#[path = "../examples/vectors/cases/mod.rs"]
mod cases;
#[path = "../examples/vectors/format.rs"]
mod format;
#[path = "../examples/vectors/state.rs"]
mod state;

use format::{Case, Edge, Sign, State};

const FILE: &str = include_str!("../vectors/v1.json");

/// A second of 2026; no literal case depends on it.
const NOW: u64 = 1_790_000_000;

/// The gate's codes, row by row.
const GATE_CODES: [&str; 14] = [
    "method_not_allowed",
    "malformed_url",
    "key_unknown",
    "signature_invalid",
    "project_mismatch",
    "key_revoked",
    "key_expired",
    "url_expired",
    "expiry_required",
    "expiry_too_far",
    "operation_not_allowed",
    "referer_denied",
    "source_denied",
    "rate_limited",
];

/// Traps that a target can spring. Of the signing traps these cannot:
/// SIG-7 at the very second is `the_boundary_second_is_valid` (two clocks differ); SIG-12 is in envelope.rs;
/// SIG-13 in key.rs and link.rs; the half of SIG-17 behind the edge in proof.rs.
const TRAPS: [&str; 21] = [
    "SIG-1", "SIG-2", "SIG-3", "SIG-4", "SIG-5", "SIG-6", "SIG-7", "SIG-8", "SIG-9", "SIG-10", "SIG-11", "SIG-14",
    "SIG-15", "SIG-16", "SIG-17", "PATH-1", "PATH-2", "PATH-3", "PATH-4", "NUM-1", "NUM-2",
];

struct Records {
    keys: BTreeMap<PublicKey, KeyRecord>,
    projects: BTreeMap<Slug, ProjectRecord>,
    secrets: BTreeMap<String, SecretKey>,
}

impl Records {
    fn of(state: &State) -> Self {
        let rules = |texts: &[String]| texts.iter().map(|text| HostRule::parse(text).unwrap()).collect();
        let mut records = Self { keys: BTreeMap::new(), projects: BTreeMap::new(), secrets: BTreeMap::new() };
        for project in &state.projects {
            let slug = Slug::new(&project.slug).unwrap();
            for row in &project.keys {
                let secret = SecretKey::parse(&row.secret_key).unwrap();
                let record = KeyRecord {
                    key: PublicKey::parse(&row.public_key).unwrap(),
                    project: slug.clone(),
                    signing_key: secret.signing_key(),
                    state: row.state,
                    not_after: row.not_after,
                    limits: row.limits,
                    policy: row.policy.clone(),
                };
                records.keys.insert(record.key, record);
                records.secrets.insert(row.public_key.clone(), secret);
            }
            let preset = |(name, items): (&String, &String)| {
                (Name::new(name).unwrap(), Preset::new(Operations::parse(items).unwrap()).unwrap())
            };
            let record = ProjectRecord {
                slug: slug.clone(),
                environment: project.environment,
                referers: rules(&project.referers),
                require_referer: project.require_referer,
                sources: rules(&project.sources),
                grants: project
                    .grants
                    .iter()
                    .map(|name| Grant { name: Name::new(name).unwrap(), version: 1 })
                    .collect(),
                presets: project.presets.iter().map(preset).collect(),
                watermarks: BTreeMap::new(),
                caching: Caching::default(),
                epoch: 0,
                source_epochs: Vec::new(),
            };
            records.projects.insert(slug, record);
        }
        records
    }

    fn sign(&self, sign: &Sign) -> String {
        let request = Request {
            project: Slug::new(&sign.project).unwrap(),
            operations: Operations::parse(&sign.operations).unwrap(),
            source: Source::parse(&sign.source).unwrap(),
            key: PublicKey::parse(&sign.key).unwrap(),
            expires: sign.expires_in.map(|seconds| NOW.checked_add_signed(seconds).unwrap()),
        };
        let target = request.sign(&self.secrets[&sign.key].signing_key()).unwrap();
        sign.width.map_or(target.clone(), |width| format!("{target}&w={width}"))
    }

    fn target(&self, case: &Case) -> String {
        match (&case.target, &case.sign) {
            (Some(target), None) => target.clone(),
            (None, Some(sign)) => self.sign(sign),
            _ => unreachable!("{}: either target or sign", case.id),
        }
    }

    fn verdict(&self, method: &str, target: &str, referer: Option<&str>) -> &'static str {
        let admit = || {
            let target = gate::read(method, target)?;
            let key = self.keys.get(&target.request().key);
            let project = self.projects.get(&target.request().project);
            gate::admit(&target, referer, key, project, NOW)
        };
        match admit() {
            Ok(admission) if Verdict::of(admission.limits, 0, 0, NOW).admitted => "admitted",
            Ok(_) => "rate_limited",
            Err(denial) => denial.code.as_str(),
        }
    }
}

/// What a Worker sees: WHATWG URL parsing, the base before the target.
fn normalised(target: &str) -> String {
    let url = url::Url::parse(&format!("https://img.example.com{target}")).unwrap();
    url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
}

#[cfg_attr(not(target_family = "wasm"), test)]
#[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
fn every_case_has_its_verdict_as_it_stands_and_behind_a_url_parser() {
    let vectors = format::read(FILE);
    let records = Records::of(&vectors.state);
    let mut wrong = Vec::new();
    for case in &vectors.cases {
        let target = records.target(case);
        let raw = records.verdict(&case.method, &target, case.referer.as_deref());
        let edge = records.verdict(&case.method, &normalised(&target), case.referer.as_deref());
        let edge_is_right = match case.edge {
            Edge::Same => edge == case.raw,
            Edge::NormalisedThenAdmitted => edge == "admitted",
            Edge::Varies => edge == "admitted" || edge == case.raw,
        };
        if raw != case.raw || !edge_is_right {
            wrong.push(format!(
                "{}: raw {raw}, edge {edge}; expected {} and {:?}\n  {target}",
                case.id, case.raw, case.edge
            ));
        }
        if raw == "admitted" {
            assert_eq!(Target::parse(&target).unwrap().to_string(), target, "{}", case.id);
            assert_eq!(normalised(&target), target, "{}: a canonical target is a URL parser's fixed point", case.id);
        }
    }
    println!("vectors: native {}", vectors.cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), vectors.cases.len(), wrong.join("\n"));
}

/// A case that is refused for another fault than its own proves nothing.
#[test]
fn malformed_cases_are_refused_for_the_part_that_they_are_about() {
    use sealpix::target::TargetError as E;
    for case in format::read(FILE).cases.iter().filter(|case| case.raw == "malformed_url") {
        let error = Target::parse(case.target.as_ref().unwrap()).unwrap_err();
        let group = case.id.split('-').next().unwrap();
        let fits = match group {
            "slug" => error == E::Project,
            "escape" | "raw" => matches!(error, E::Encoding(_) | E::Source(SourceError::DoubleEncoded)),
            "segment" | "dots" | "shape" | "backslash" | "cdn" => !matches!(error, E::Query | E::Key | E::Signature),
            "length" => error == E::TooLong,
            "query" => matches!(error, E::Shape | E::Query | E::Key | E::Width),
            "widths" => matches!(error, E::Width | E::Query | E::Encoding(_)),
            "signature" => error == E::Signature,
            "expiry" => matches!(error, E::Expiry | E::ExpiryInMilliseconds | E::Query),
            "host" | "port" | "named" => matches!(error, E::Source(_) | E::Encoding(_)),
            "item" | "number" | "list" => matches!(error, E::Operations(_) | E::Encoding(EncodingError::Control)),
            "order" => case.id == "order-target-before-key",
            _ => false,
        };
        assert!(fits, "{}: {error:?}", case.id);
    }
}

#[test]
fn the_file_is_what_the_table_says() {
    let vectors = format::read(FILE);
    assert_eq!((vectors.version, vectors.about.is_empty()), (1, false));
    assert_eq!(vectors.cases, cases::all());
    assert_eq!(
        FILE,
        format::print(&state::state(), &cases::all()),
        "regenerate: cargo run -p sealpix-shared --example vectors"
    );
}

#[test]
fn the_cases_cover_every_code_and_every_trap_of_a_target() {
    let cases = format::read(FILE).cases;
    assert!(cases.len() >= 150);
    let ids: HashSet<_> = cases.iter().map(|case| &case.id).collect();
    assert_eq!(ids.len(), cases.len(), "ids are unique");
    let kebab = |id: &str| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    assert!(cases.iter().all(|case| kebab(&case.id) && !case.why.is_empty()));
    // Each target can be sent as it stands in a request line, and no client cuts it.
    let sendable = |target: &String| target.bytes().all(|b| b.is_ascii_graphic() && !b"#<>`".contains(&b));
    assert!(cases.iter().filter_map(|case| case.target.as_ref()).all(sendable));
    let codes: BTreeSet<_> = cases.iter().map(|case| case.raw.as_str()).collect();
    let known: BTreeSet<_> = GATE_CODES.into_iter().chain(["admitted"]).collect();
    assert_eq!(codes, known);
    let traps: BTreeSet<_> = cases.iter().flat_map(|case| &case.traps).map(String::as_str).collect();
    for trap in TRAPS {
        assert!(traps.contains(trap), "{trap} has no case");
    }
}

#[test]
fn sig7_the_boundary_second_is_valid_and_a_clock_behind_admits_no_second_more() {
    let vectors = format::read(FILE);
    let records = Records::of(&vectors.state);
    let case = vectors.cases.iter().find(|case| case.id == "sign-minute").unwrap();
    let text = records.target(case);
    let target = gate::read("GET", &text).unwrap();
    let request = target.request();
    let at = |now| {
        let admission =
            gate::admit(&target, None, records.keys.get(&request.key), records.projects.get(&request.project), now);
        admission.map(|_| ()).map_err(|denial| denial.code.as_str())
    };
    let end = NOW + 60;
    assert_eq!((at(end - 1), at(end), at(end + 1)), (Ok(()), Ok(()), Err("url_expired")));
    // The origin takes the edge's second from the proof: 30 s of skew move neither verdict.
    assert_eq!(at(end + 30), Err("url_expired"));
    assert_eq!(at(0), Ok(()));
}

/// SIG-9, SIG-12: a caller that looks up the wrong record is told so, whatever the record says.
#[test]
fn sig9_a_record_of_another_name_admits_nothing() {
    let vectors = format::read(FILE);
    let records = Records::of(&vectors.state);
    let case = vectors.cases.iter().find(|case| case.id == "get-remote").unwrap();
    let text = records.target(case);
    let target = gate::read("GET", &text).unwrap();
    let (key, project) = (&records.keys[&target.request().key], &records.projects[&target.request().project]);
    let verdict =
        |key, project| gate::admit(&target, None, key, project, NOW).map(|_| ()).map_err(|no| no.code.as_str());
    assert_eq!(verdict(Some(key), Some(project)), Ok(()));
    assert_eq!(verdict(Some(key), None), Err("project_mismatch"));
    assert_eq!(verdict(None, Some(project)), Err("key_unknown"));
    for other in records.projects.values().filter(|other| other.slug != project.slug) {
        assert_eq!(verdict(Some(key), Some(other)), Err("project_mismatch"));
    }
    for other in records.keys.values().filter(|other| other.key != key.key) {
        assert_eq!(verdict(Some(other), Some(project)), Err("key_unknown"));
    }
}
