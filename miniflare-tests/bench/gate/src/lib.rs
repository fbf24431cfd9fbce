//! The gate in a loop: what one request costs in `shared`, without the I/O around it.
//!
//! One pass is what the Worker asks of `shared` for one request: read the target, verify its signature, expiry, key
//! policy, referer and source rules, negotiate the format, name the result in the cache. The records are opened
//! before, as they are in the Worker's memory. `miniflare-tests/bench/gate.ts` calls [`passes`] from Node, `main.rs`
//! natively.

use std::cell::OnceCell;
use std::hint::black_box;

use sealpix::denial::Code;
use sealpix::domain::HostRule;
use sealpix::key::{PublicKey, SecretKey};
use sealpix::operations::Operations;
use sealpix::quota::Limits;
use sealpix::record::{Caching, Environment, KeyRecord, KeyState, Policy, ProjectRecord};
use sealpix::source::Source;
use sealpix::target::{Request, Slug};
use sealpix::{gate, negotiation};

/// Length of the measured target, in bytes.
pub const TARGET_BYTES: usize = 200;

/// A second of 2026, between the two expiries below.
const NOW_SECS: u64 = 1_790_000_000;
const LATER_SECS: u64 = 1_790_003_600;
const EARLIER_SECS: u64 = 1_789_996_400;

const REFERER: &str = "https://www.example.com/articles/2026/a-page.html";
const ACCEPT: &str = "image/avif,image/webp,image/apng,image/*,*/*;q=0.8";

/// What is passed through the gate, in the order of the numbers that [`passes`] takes.
pub const CASES: [(&str, Option<Code>); 4] = [
    ("admitted", None),
    ("signature_invalid", Some(Code::SignatureInvalid)),
    ("url_expired", Some(Code::UrlExpired)),
    ("malformed_url", Some(Code::MalformedUrl)),
];

struct Bench {
    key: KeyRecord,
    project: ProjectRecord,
    targets: [String; CASES.len()],
}

impl Bench {
    /// A project with a handful of rules each of which is looked at, and a target for each case.
    fn new() -> Option<Self> {
        let slug = Slug::new("my-app")?;
        let public = PublicKey::parse("pk_ZGVmZ2hpamtsbW5vcHFycw").ok()?;
        let signing_key = SecretKey::from_bytes([7; 32]).ok()?.signing_key();
        let rules = |texts: [&str; 4]| texts.iter().filter_map(|text| HostRule::parse(text).ok()).collect::<Vec<_>>();
        let sign = |expires: u64| {
            let request = |padding: usize| {
                Some(Request {
                    project: slug.clone(),
                    operations: Operations::parse("w_800,h_600,fit_cover,f_auto,q_80").ok()?,
                    source: Source::parse(&format!("cdn.example.com/{}.jpg", "p".repeat(padding))).ok()?,
                    key: public,
                    expires: Some(expires),
                })
            };
            let shortest = request(1)?.sign(&signing_key).ok()?.len();
            request(1 + TARGET_BYTES.checked_sub(shortest)?)?.sign(&signing_key).ok()
        };
        let admitted = sign(LATER_SECS)?;
        let targets = [
            admitted.clone(),
            admitted.replace("w_800", "w_801"),
            sign(EARLIER_SECS)?,
            admitted.replace("q_80", "q_0x"),
        ];
        let key = KeyRecord {
            key: public,
            project: slug.clone(),
            signing_key: signing_key.clone(),
            state: KeyState::Active,
            not_after: None,
            limits: Limits { minute: 600, day: 100_000 },
            policy: Policy { max_width: Some(2_000), ..Policy::default() },
        };
        let project = ProjectRecord {
            slug: slug.clone(),
            environment: Environment::Production,
            referers: rules(["example.org", "*.example.org", "example.com", "*.example.com"]),
            require_referer: false,
            sources: rules(["images.example.org", "*.example.net", "s3.amazonaws.com/my-bucket/", "cdn.example.com"]),
            grants: Vec::new(),
            presets: Vec::new(),
            watermarks: Vec::new(),
            caching: Caching::default(),
            epoch: 1,
            source_epochs: Vec::new(),
        };
        Some(Self { key, project, targets })
    }

    /// One pass: the name of the result in the cache, or why there is none.
    fn pass(&self, target: &str) -> Result<String, Code> {
        let target = gate::read("GET", target).map_err(|denial| denial.code)?;
        let admission = gate::admit(&target, Some(REFERER), Some(&self.key), Some(&self.project), NOW_SECS)
            .map_err(|denial| denial.code)?;
        let (operations, _) = negotiation::resolve(&admission.operations, Some(ACCEPT));
        Ok(admission.cache_key(&operations))
    }
}

thread_local! {
    static BENCH: OnceCell<Option<Bench>> = const { OnceCell::new() };
}

/// Passes case `case` of [`CASES`] through the gate `times` times; how often the verdict was the right one.
#[expect(unsafe_code, reason = "the name by which Node calls it; one function of that name is linked")]
#[unsafe(no_mangle)]
pub extern "C" fn passes(case: u32, times: u32) -> u32 {
    BENCH.with(|bench| {
        let Some(bench) = bench.get_or_init(Bench::new) else { return 0 };
        let case = case as usize;
        let (Some(target), Some((_, denied))) = (bench.targets.get(case), CASES.get(case)) else { return 0 };
        let right = |_: &u32| black_box(bench.pass(black_box(target))).err() == *denied;
        (0..times).filter(right).map(|_| 1).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_200_bytes_and_has_its_verdict() {
        let lengths = Bench::new().map(|bench| bench.targets.map(|target| target.len()));
        assert_eq!(lengths, Some([TARGET_BYTES; CASES.len()]));
        for case in 0..4 {
            assert_eq!(passes(case, 3), 3);
        }
        assert_eq!(passes(4, 3), 0);
    }
}
