//! What must hold of any bytes: no panic, one spelling, and nothing opens that was not sealed.
//!
//! The fuzz targets run these functions on what libFuzzer finds, `shared/tests/corpus.rs` on the seeds and their
//! mutations with any compiler.

use sealpix::domain::{HostRule, Site};
use sealpix::envelope::{self, Context, Kind, Stamp};
use sealpix::gate;
use sealpix::link::{LinkKeys, LinkSecret};
use sealpix::negotiation::negotiate;
use sealpix::operations::Operations;
use sealpix::proof::{self, Direction, Facts, Proven};
use sealpix::record::{KeyRecord, ProjectRecord};
use sealpix::source::Source;
use sealpix::target::{Request, Slug, Target};

/// A check of any bytes; it panics where a promise is broken.
pub type Check = fn(&[u8]);

/// Every check, by the name of its fuzz target and of its folder of seeds.
pub const CHECKS: [(&str, Check); 7] = [
    ("url", url),
    ("operations", operations),
    ("source", source),
    ("envelope", envelope),
    ("proof", proof),
    ("rules", rules),
    ("records", records),
];

/// The second in which everything here happens.
const NOW: u64 = 1_800_000_000;

/// A target that parses prints as the same bytes, and its parts make the same target again.
pub fn url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Target::parse(text) {
        Ok(target) => {
            assert_eq!(target.to_string(), text);
            assert_eq!(target.request().signed_part(), target.signed_part());
            assert!(text.starts_with(target.signed_part()));
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            // Resolved operations name one width, and are canonical themselves.
            let resolved = target.resolved_operations();
            assert_eq!(Operations::parse(&resolved.to_string()).as_ref(), Ok(&resolved));
            let Request { source, .. } = target.request();
            assert_eq!(Source::parse(&source.to_string()).as_ref(), Ok(source));
            assert!(gate::read("HEAD", text).is_ok());
        }
        // HDR-3: what is said of a text repeats no markup of it.
        Err(error) => assert!(!error.to_string().contains(['<', '>', '"', '\r', '\n'])),
    }
    assert!(gate::read("POST", text).is_err());
}

/// Operations that parse print as the same text; operations that are read print as a text that parses to them.
pub fn operations(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(operations) = Operations::parse(text) {
        assert_eq!(operations.to_string(), text);
        assert_eq!(Operations::read(text), Ok(operations));
    }
    if let Ok(operations) = Operations::read(text) {
        let canonical = operations.to_string();
        assert_eq!(Operations::parse(&canonical), Ok(operations));
    }
}

/// A source that parses prints as the same text; one that is read parses again; its URL is plain ASCII.
pub fn source(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(source) = Source::parse(text) {
        assert_eq!(source.to_string(), text);
        if let Source::Remote(remote) = &source {
            let url = remote.url();
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\'), "{url}");
            assert!(url.starts_with(&format!("https://{}", remote.host())));
            // What was matched against the rules is what stands in the URL.
            assert!(url.contains(remote.path()));
        }
    }
    if let Ok(source) = Source::read(text) {
        assert_eq!(Source::parse(&source.to_string()), Ok(source));
    }
}

/// Nothing opens that was not sealed for its place; what was sealed opens, and with a bit flipped does not.
pub fn envelope(bytes: &[u8]) {
    let keys = link_keys();
    let here = Context { environment: "production", kind: Kind::Key, name: "pk_a" };
    if let Ok(text) = std::str::from_utf8(bytes)
        && envelope::open(&keys, here, text, NOW).is_ok()
    {
        let elsewhere = Context { name: "pk_b", ..here };
        assert!(envelope::open(&keys, elsewhere, text, NOW).is_err());
    }
    let Some((nonce, plaintext)) = bytes.split_first_chunk::<12>() else { return };
    let stamp = Stamp { version: NOW, sealed_at: u64::from(nonce[0]), fresh_until: u64::MAX };
    let [first, ..] = &keys;
    let sealed = envelope::seal(first, here, stamp, plaintext, *nonce);
    match envelope::open(&keys, here, &sealed, NOW) {
        Ok(opened) => assert_eq!((opened.plaintext.as_slice(), opened.stamp), (plaintext, stamp)),
        Err(_) => assert!(sealed.len() > envelope::MAX_SEALED_BYTES),
    }
    assert!(flipped(&sealed, *nonce).is_none_or(|text| envelope::open(&keys, here, &text, NOW).is_err()));
}

/// A proof holds for its own request only; whatever facts are stated come back as stated.
pub fn proof(bytes: &[u8]) {
    let keys = link_keys();
    let request = Proven { direction: Direction::EdgeToOrigin, method: "GET", target: "/a?b", body: b"" };
    let other = Proven { method: "HEAD", ..request };
    if let Ok(text) = std::str::from_utf8(bytes)
        && proof::verify(&keys, request, text, NOW).is_ok()
    {
        assert!(proof::verify(&keys, other, text, NOW).is_err());
    }
    let Ok(facts) = serde_json::from_slice::<Facts>(bytes) else { return };
    let [first, ..] = &keys;
    let header = proof::prove(first, request, &facts);
    if header.len() <= proof::MAX_PROOF_BYTES {
        assert_eq!(proof::verify(&keys, request, &header, facts.time).as_ref(), Ok(&facts));
    }
    let seed = std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default());
    assert!(proof::verify(&keys, other, &header, facts.time).is_err());
    assert!(flipped(&header, seed).is_none_or(|text| proof::verify(&keys, request, &text, facts.time).is_err()));
}

/// Rules, referers and Accept headers: a rule prints as it was written.
pub fn rules(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let rule = HostRule::parse(text);
    if let Ok(rule) = &rule {
        assert_eq!(rule.to_string(), text);
        assert!(!rule.is_wildcard() || !rule.is_local());
        // A rule without a prefix admits its own host, and with `*.` only what is below it.
        let host = rule.host();
        let site = Site::of_referer(&format!("https://{host}/"));
        assert!(site.is_some_and(|site| !rule.is_wildcard() || !rule.admits_site(&site)));
        if let Ok(Source::Remote(remote)) = Source::parse(&format!("evil{host}/a")) {
            assert!(!rule.admits_source(&remote), "{text} admits evil{host}");
        }
    }
    if let Some(site) = Site::of_referer(text) {
        assert!(text.bytes().all(|byte| byte > b' ' && byte != b'\\'));
        // The host of a Referer stands behind its scheme and before everything else.
        let none = HostRule::parse("sealpix.example").ok();
        let named = text.to_ascii_lowercase().contains("://sealpix.example");
        assert!(named || !none.is_some_and(|rule| rule.admits_site(&site)));
    }
    let _ = (negotiate(Some(text)), Slug::new(text));
}

/// Records that are read are written as what is read again.
pub fn records(bytes: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<KeyRecord>(bytes) {
        let written = serde_json::to_vec(&record).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<KeyRecord>(&written).ok(), Some(record));
    }
    if let Ok(record) = serde_json::from_slice::<ProjectRecord>(bytes) {
        let written = serde_json::to_vec(&record).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<ProjectRecord>(&written).ok(), Some(record));
    }
}

/// The two slots of a link in rotation; the keys of the committed seeds.
fn link_keys() -> [LinkKeys; 2] {
    [1, 2].map(|id| match LinkSecret::from_bytes([id; 4], [id; 32]) {
        Ok(secret) => secret.keys(),
        Err(_) => unreachable!("not zeros"),
    })
}

/// An ASCII text with one bit flipped, chosen by the first bytes of `seed`; `None` if that is not ASCII.
fn flipped(text: &str, seed: [u8; 12]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let at = usize::from(u16::from_be_bytes([seed[0], seed[1]])) % bytes.len().max(1);
    *bytes.get_mut(at)? ^= 1 << (seed[2] % 7);
    String::from_utf8(bytes).ok()
}
