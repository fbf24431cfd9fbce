//! Properties of the format over any request, not over chosen ones: one spelling, no byte that does not count,
//! and nothing on the way that changes a canonical target.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sealpix::envelope::{self, Context, Kind, Stamp};
use sealpix::key::{PublicKey, SecretKey, SigningKey};
use sealpix::link::{LinkKeys, LinkSecret};
use sealpix::operations::{ITEMS, Operations, Width};
use sealpix::proof::{self, Direction, Facts, Proven};
use sealpix::source::Source;
use sealpix::target::{Request, Slug, Target};

const NOW: u64 = 1_800_000_000;

fn signing_key() -> SigningKey {
    SecretKey::parse("sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap().signing_key()
}

fn text(strategy: impl Strategy<Value = impl ToString> + 'static) -> BoxedStrategy<String> {
    strategy.prop_map(|value| value.to_string()).boxed()
}

fn words(words: &'static [&'static str]) -> BoxedStrategy<String> {
    text(select(words))
}

fn thousandths(from: u32, to: u32) -> BoxedStrategy<String> {
    text((from..=to).prop_map(decimal))
}

/// The canonical spelling, by another road than the crate's: all digits, then the zeros cut.
fn decimal(thousandths: u32) -> String {
    let all = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    all.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn gravity() -> BoxedStrategy<String> {
    let point = (0..=1000u32, 0..=1000u32).prop_map(|(x, y)| format!("fp:{}:{}", decimal(x), decimal(y)));
    prop_oneof![words(&["n", "ne", "e", "se", "s", "sw", "w", "nw", "smart"]), text(point)].boxed()
}

fn percent() -> BoxedStrategy<String> {
    text(prop_oneof![-100..=-1i32, 1..=100i32])
}

/// Canonical values of one item, as the specification's table has them.
fn value(name: &str) -> BoxedStrategy<String> {
    match name {
        "p" => text("[a-z0-9-]{1,32}"),
        "page" => text(2..=1000u32),
        "frames" => text(1..=200u32),
        "crop" => prop_oneof![
            (0..=65_535u32, 0..=65_535u32, 1..=65_535u32, 1..=65_535u32)
                .prop_map(|(x, y, w, h)| format!("{x}:{y}:{w}:{h}")),
            (0..=999u32, 0..=999u32, 1..=1000u32, 1..=1000u32).prop_map(|(x, y, w, h)| format!(
                "f:{}:{}:{}:{}",
                decimal(x),
                decimal(y),
                decimal(w),
                decimal(h)
            )),
        ]
        .boxed(),
        "trim" => text(0..=100u32),
        "w" => prop_oneof![
            text(1..=8192u32),
            btree_set(1..=8192u32, 2..=16).prop_map(|widths| widths
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join("|")),
        ]
        .boxed(),
        "h" => text(1..=8192u32),
        "dpr" => thousandths(1_001, 4_000),
        "fit" => words(&["cover", "fill", "outside", "pad"]),
        "up" | "gray" | "invert" => words(&["1"]),
        "g" => gravity(),
        "pad" => prop_oneof![
            text(0..=2000u32),
            (0..=2000u32, 0..=2000u32, 0..=2000u32, 0..=2000u32)
                .prop_filter("equal sides are one number", |(t, r, b, l)| !(t == r && r == b && b == l))
                .prop_map(|(t, r, b, l)| format!("{t}:{r}:{b}:{l}")),
        ]
        .boxed(),
        "bg" => prop_oneof![
            text("[0-9a-f]{6}"),
            text("[0-9a-f]{8}").prop_filter("ff is opaque", |colour| !colour.ends_with("ff")),
            words(&["blur", "auto"]),
        ]
        .boxed(),
        "rot" => words(&["90", "180", "270"]),
        "flip" => words(&["h", "v", "hv"]),
        "blur" => thousandths(300, 100_000),
        "sharpen" => thousandths(100, 10_000),
        "pixelate" => text(2..=256u32),
        "bri" | "con" | "sat" => percent(),
        "hue" => text(1..=359u32),
        "wm" => ("[a-z0-9-]{1,32}", prop_oneof![gravity(), words(&["center", "tile"])], 1..=100u32, 1..=100u32)
            .prop_map(|(name, place, opacity, scale)| format!("{name}:{place}:{opacity}:{scale}"))
            .boxed(),
        "round" => text(1..=4096u32),
        "f" => words(&["auto", "jpg", "png", "webp", "avif", "gif", "json"]),
        "q" => prop_oneof![text(1..=100u32), words(&["auto"])].boxed(),
        "max" => text(1_000..=10_000_000u32),
        "meta" => words(&["copyright", "keep"]),
        "dl" => text("[A-Za-z0-9_-][A-Za-z0-9._-]{0,90}\\.[A-Za-z0-9_-]{1,8}"),
        other => unreachable!("{other} has no strategy: the table has grown"),
    }
}

/// Canonical operations: each item present or not, most of them rarely.
fn operations() -> impl Strategy<Value = String> {
    let items: Vec<_> = ITEMS
        .iter()
        .map(|item| proptest::option::weighted(0.15, value(item.name)).prop_map(|v| (item.name, v)))
        .collect();
    items.prop_map(|items| {
        let written: Vec<_> =
            items.into_iter().filter_map(|(name, value)| Some(format!("{name}_{}", value?))).collect();
        if written.is_empty() { "_".to_owned() } else { written.join(",") }
    })
}

/// A segment of any characters but `/` and controls; what the grammar refuses is filtered by the parser.
fn segment() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        6 => prop::char::range('!', '~'),
        2 => Just('%'),
        2 => Just(' '),
        2 => any::<char>(),
        1 => select(&['ü', '夕', '🌅', '\u{202e}', '\u{feff}', '.', '?', '&', '=', '\''][..]),
    ];
    vec(character.prop_filter("no slash, no control", |c| *c != '/' && !c.is_control()), 1..12)
        .prop_map(String::from_iter)
}

fn host() -> impl Strategy<Value = String> {
    let label = "[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?";
    (vec(label, 1..4), "[a-z]([a-z0-9-]{0,6}[a-z0-9])?", proptest::option::weighted(0.2, 1..=65_535u16)).prop_map(
        |(labels, last, port)| {
            let host = format!("{}.{last}", labels.join("."));
            port.filter(|port| *port != 443).map_or(host.clone(), |port| format!("{host}:{port}"))
        },
    )
}

/// Texts of remote and named sources.
fn source() -> impl Strategy<Value = Source> {
    let head = prop_oneof![2 => host(), 1 => "[a-z0-9-]{1,32}".prop_map(|name| format!("@{name}"))];
    (head, vec(segment(), 1..5))
        .prop_filter_map("a source", |(head, segments)| Source::parse(&format!("{head}/{}", segments.join("/"))).ok())
}

fn request() -> impl Strategy<Value = Request> {
    let slug = "[a-z0-9][a-z0-9-]{1,20}[a-z0-9]".prop_filter_map("a slug", |slug| Slug::new(&slug));
    let expires = proptest::option::of(1..=9_999_999_999u64);
    (slug, operations(), source(), any::<[u8; 16]>(), expires).prop_map(
        |(project, operations, source, key, expires)| {
            let operations = Operations::parse(&operations).unwrap();
            Request { project, operations, source, key: PublicKey::from_bytes(key), expires }
        },
    )
}

/// A whole signed target, `&w=` included.
fn target() -> impl Strategy<Value = (Request, String)> {
    (request(), any::<Index>()).prop_map(|(request, index)| {
        let mut target = request.sign(&signing_key()).unwrap();
        if let Some(Width::List(widths)) = &request.operations.width {
            target.push_str(&format!("&w={}", index.get(widths)));
        }
        (request, target)
    })
}

/// Every text one byte away: each byte replaced, removed, and one put before it.
fn one_byte_away(text: &str, with: &[u8]) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    for at in 0..=bytes.len() {
        let (before, after) = bytes.split_at(at);
        let mut put = |middle: &[u8], after: &[u8]| {
            let changed = String::from_utf8([before, middle, after].concat()).ok();
            out.extend(changed.filter(|changed| changed != text));
        };
        for byte in with {
            put(&[*byte], after);
            if let Some((_, after)) = after.split_first() {
                put(&[*byte], after);
            }
        }
        if let Some((_, after)) = after.split_first() {
            put(&[], after);
        }
    }
    out
}

/// RFC 3986 section 6.2.2: upper-case escapes, unreserved bytes unescaped, dot segments removed (5.2.4).
fn rfc3986(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap();
    let path = unescape_unreserved(path);
    let mut out: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(out.pop()),
            segment => out.push(segment),
        }
    }
    format!("/{}?{}", out.join("/"), unescape_unreserved(query))
}

/// What some CDNs do before anything else runs: unreserved bytes unescaped, other escapes in upper case.
fn unescape_unreserved(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (escape, after) = rest[at..].split_at(3);
        let byte = u8::from_str_radix(&escape[1..], 16).unwrap();
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&escape.to_ascii_uppercase());
        }
        rest = after;
    }
    out + rest
}

fn merge_slashes(text: &str) -> String {
    let mut out = text.to_owned();
    while out.contains("//") {
        out = out.replace("//", "/");
    }
    out
}

fn whatwg(target: &str) -> String {
    let url = url::Url::parse(&format!("https://img.example.com{target}")).unwrap();
    url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
}

proptest! {
    #[test]
    fn sig14_what_is_signed_parses_prints_and_verifies((request, target) in target()) {
        let parsed = Target::parse(&target).unwrap();
        prop_assert_eq!(parsed.request(), &request);
        prop_assert_eq!(parsed.to_string(), target.as_str());
        prop_assert_eq!(parsed.signed_part(), request.signed_part());
        prop_assert!(parsed.is_signed_by(&signing_key()));
        prop_assert!(target.bytes().all(|b| b.is_ascii_graphic()));
    }

    #[test]
    fn operations_have_one_spelling(text in operations()) {
        let operations = Operations::parse(&text).unwrap();
        prop_assert_eq!(operations.to_string(), text.as_str());
        prop_assert_eq!(Operations::read(&text).unwrap(), operations);
    }

    /// SIG-3: the string to sign determines the request. Fields are drawn from few values, so that their borders
    /// nearly meet.
    #[test]
    fn sig3_two_requests_never_share_a_string_to_sign(a in tight_request(), b in tight_request()) {
        prop_assert_eq!(a == b, a.signed_part() == b.signed_part());
    }

    #[test]
    fn canonical_targets_are_fixed_points_of_what_lies_on_the_way((_, target) in target()) {
        prop_assert_eq!(whatwg(&target), target.as_str());
        prop_assert_eq!(rfc3986(&target), target.as_str());
        prop_assert_eq!(unescape_unreserved(&target), target.as_str());
        prop_assert_eq!(merge_slashes(&target), target.as_str());
    }

    /// SIG-2, SSRF-7: the fetcher's URL parser reads the bytes that were verified, and the host that was checked.
    #[test]
    fn ssrf7_upstream_urls_are_fixed_points_of_a_url_parser(source in source()) {
        if let Source::Remote(remote) = source {
            match url::Url::parse(&remote.url()) {
                Ok(url) => {
                    prop_assert_eq!(url.as_str(), remote.url());
                    prop_assert_eq!(url.host_str(), Some(remote.host()));
                    prop_assert_eq!(url.port(), remote.port());
                    prop_assert_eq!(url.path(), remote.path());
                    prop_assert!(url.fragment().is_none() && url.username().is_empty());
                }
                // Punycode that decodes to nothing: no parser takes it, so nothing is fetched.
                Err(_) => prop_assert!(remote.host().contains("xn--"), "{}", remote.url()),
            }
        }
    }

    /// SIG-14: what a person writes is read and printed canonically, and nothing of it is lost on the way.
    #[test]
    fn sig14_free_spellings_print_canonically(text in operations(), written in free_spelling(), seed in any::<u64>()) {
        let shuffled = shuffle(&text, seed);
        prop_assert_eq!(Operations::read(&shuffled).unwrap().to_string(), text);
        if let Ok(operations) = Operations::read(&written) {
            let canonical = operations.to_string();
            prop_assert_eq!(&Operations::parse(&canonical).unwrap(), &operations);
            prop_assert_eq!(Operations::read(&canonical).unwrap().to_string(), canonical);
        }
    }

    /// SIG-14: a decimal of more than three digits is refused, never rounded to another.
    #[test]
    fn sig14_no_decimal_is_rounded(units in 1..4u32, fraction in "[0-9]{3,6}[1-9]") {
        let written = format!("dpr_{units}.{fraction}");
        prop_assert!(Operations::read(&written).is_err(), "{}", written);
    }

    /// NUM-2: an item that stands twice is refused, even where one of the two says the default.
    #[test]
    fn num2_an_item_twice_is_refused(item in select(ITEMS), seed in any::<Index>()) {
        let values = match (item.default, item.name) {
            (Some(default), "page" | "hue" | "dpr") => vec![default, "2"],
            (Some(default), "bri" | "con" | "sat") => vec![default, "7"],
            (Some(default), "fit") => vec![default, "cover"],
            (Some(default), "g") => vec![default, "smart"],
            (Some(default), "rot") => vec![default, "90"],
            (Some(default), "meta") => vec![default, "keep"],
            (None, "w" | "h" | "frames") => vec!["7", "9"],
            _ => return Ok(()),
        };
        let (first, second) = (seed.get(&values), values[0]);
        let written = format!("{0}_{first},{0}_{second}", item.name);
        prop_assert!(Operations::read(&written).is_err(), "{}", written);
        prop_assert!(Operations::parse(&written).is_err(), "{}", written);
    }

    #[test]
    fn a_source_read_freely_is_one_that_parses(head in host(), path in vec(segment(), 1..4), scheme in any::<bool>()) {
        let written = format!("{}{head}/{}", if scheme { "https://" } else { "" }, path.join("/"));
        if let Ok(source) = Source::read(&written) {
            prop_assert_eq!(&Source::parse(&source.to_string()).unwrap(), &source);
            // A browser would ask for the same URL (it leaves `|^` and `%` alone where we escape them).
            let Source::Remote(remote) = source else { unreachable!("no @") };
            // The query keeps a space at the path's end from being trimmed.
            if let Ok(url) = url::Url::parse(&format!("https://{}?q", written.trim_start_matches("https://"))) {
                prop_assert_eq!(url.host_str(), Some(remote.host()));
                prop_assert_eq!(decoded(url.path()), decoded(remote.path()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// SIG-2: no byte of a signed target but the choice of a listed width can change without a refusal.
    #[test]
    fn sig2_any_changed_byte_is_refused((request, target) in target(), extra in any::<u8>()) {
        let key = signing_key();
        let with = [b'0', b'1', b'9', b'a', b'A', b'/', b'%', b'&', b'=', b'.', b'?', b'_', b',', b' ', b'\\', extra];
        for changed in one_byte_away(&target, &with) {
            let Ok(parsed) = Target::parse(&changed) else { continue };
            if parsed.is_signed_by(&key) {
                let listed = parsed.width().is_some_and(|width| request.operations.width.as_ref().unwrap().lists(width));
                prop_assert!(listed && parsed.request() == &request, "{} for {}", changed, target);
            }
        }
    }

    /// SIG-12: a sealed record with any byte changed does not open.
    #[test]
    fn sig12_any_changed_byte_of_a_record_is_refused(plain in vec(any::<u8>(), 0..80), nonce in any::<[u8; 12]>(), extra in any::<u8>()) {
        let keys = link_keys();
        let context = Context { environment: "production", kind: Kind::Key, name: "pk_a" };
        let stamp = Stamp { version: NOW * 1000, sealed_at: NOW, fresh_until: NOW + 86_400 };
        let sealed = envelope::seal(&keys[0], context, stamp, &plain, nonce);
        prop_assert_eq!(envelope::open(&keys, context, &sealed, NOW).unwrap().plaintext, plain);
        for changed in one_byte_away(&sealed, &[b'0', b'1', b'r', b'.', b'A', b'-', b'_', b'=', extra]) {
            prop_assert!(envelope::open(&keys, context, &changed, NOW).is_err(), "{}", changed);
        }
    }

    /// SIG-17: a proof with any byte changed, in the header or in the request, does not hold.
    #[test]
    fn sig17_any_changed_byte_of_a_proof_is_refused(nonce in "[A-Za-z0-9_-]{22}", target in "/[!-~]{0,40}", extra in any::<u8>()) {
        let keys = link_keys();
        let facts = Facts { time: NOW, nonce, referer: Some("https://example.com/".into()), ..Facts::default() };
        let request = Proven { direction: Direction::EdgeToOrigin, method: "GET", target: &target, body: b"" };
        let header = proof::prove(&keys[0], request, &facts);
        prop_assert_eq!(proof::verify(&keys, request, &header, NOW).unwrap(), facts);
        for changed in one_byte_away(&header, &[b'0', b'p', b'.', b'A', b'-', b'_', b'=', extra]) {
            prop_assert!(proof::verify(&keys, request, &changed, NOW).is_err(), "{}", changed);
        }
        for changed in one_byte_away(&target, &[b'0', b'/', b'?', b'&', extra]) {
            let other = Proven { target: &changed, ..request };
            prop_assert!(proof::verify(&keys, other, &header, NOW).is_err(), "{}", changed);
        }
    }
}

fn link_keys() -> Vec<LinkKeys> {
    [1, 2].map(|id| LinkSecret::from_bytes([id; 4], [id; 32]).unwrap().keys()).to_vec()
}

/// Requests whose fields are few and alike: slugs that look like operations, sources that look like queries.
fn tight_request() -> impl Strategy<Value = Request> {
    let operations = select(&["_", "w_1", "w_1,h_1", "w_1|2", "p_a", "p_aaa"][..]);
    let source = select(
        &[
            "@a/a",
            "@a/a/a",
            "@a/a?key=a",
            "@a/a&exp=1",
            "@a/a?exp=1",
            "a.aa/a",
            "a.aa/a/a",
            "a.aa/a?exp=1",
            "a.aa/a&sig=a",
            "a.aa/_/a.aa/a",
            "a.aa/w_1/a.aa/a",
            "a.aa/%61x",
            "a.aa/ax",
            "a.aa/a%20",
            "a.aa/a ",
        ][..],
    );
    let expires = select(&[None, Some(1), Some(11), Some(9_999_999_999)][..]);
    (select(&["aaa", "aaaa", "a-a"][..]), operations, source, select(&[0u8, 1][..]), expires).prop_map(
        |(slug, operations, source, key, expires)| Request {
            project: Slug::new(slug).unwrap(),
            operations: Operations::parse(operations).unwrap(),
            source: Source::parse(source).unwrap(),
            key: PublicKey::from_bytes([key; 16]),
            expires,
        },
    )
}

/// What a person might write: names of the table, values near to right ones, spaces, defaults.
fn free_spelling() -> impl Strategy<Value = String> {
    let name = select(ITEMS).prop_map(|item| item.name);
    let value = prop_oneof![
        "[+-]?[0-9]{1,5}",
        "[+]?[0-9]{0,3}\\.[0-9]{0,4}",
        "#?[0-9a-fA-F]{3,9}",
        "(f:)?[0-9.]{1,4}:[0-9.]{1,4}:[0-9.]{1,4}:[0-9.]{1,4}",
        "fp:[0-9.]{1,4}:[0-9.]{1,4}",
        "[0-9]{1,4}(\\|[0-9]{1,4}){1,5}",
        "[a-z]{1,4}:(tile|se|centre|fp:0.50:1.0):[0-9]{1,3}:[0-9]{1,3}",
        words(&[
            "contain", "centre", "center", "true", "vh", "JPEG", "WebP", "auto", "strip", "blur", "a.b", "0", "1.0",
            "-0"
        ]),
    ];
    vec((name, value, "[ ]?", "[ ]?").prop_map(|(name, value, a, b)| format!("{a}{name}_{value}{b}")), 1..5)
        .prop_map(|items| items.join(","))
}

/// The items in another order, with spaces.
fn shuffle(text: &str, mut seed: u64) -> String {
    let mut items: Vec<_> = text.split(',').collect();
    for at in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(seed >> 33).unwrap() % (at + 1);
        items.swap(at, other);
    }
    format!(" {} ", items.join(" , "))
}

/// Every valid escape decoded, once.
fn decoded(path: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(hex, 16))) {
            Some(Ok(decoded)) if byte == b'%' => {
                out.push(decoded);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}
