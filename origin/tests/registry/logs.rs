//! What every registry does with usage, the request log and exports of the audit log.

use std::collections::BTreeMap;

use sealpix::denial::Code;
use sealpix::key::PublicKey;
use sealpix::usage::{Count, Format, Outcome, ReportId};
use sealpix_origin::registry::{
    AuditExport, ChainVerdict, ExportedEntry, KeyUsage, LoggedRequest, RequestFilter, UsageBy, UsageFilter, UsageTotal,
    verify_export,
};

use crate::home::{Home, Opened, key, project, public_key, slug};

/// The first millisecond of a day.
const NOW: u64 = 1_800_000_000_000 - 1_800_000_000_000 % 86_400_000;
const MINUTE: u64 = NOW / 60_000;

/// A registry with the projects `my-app` (keys 1 and 2) and `other` (key 3).
async fn filled(home: &Home) -> Opened {
    let registry = home.open().await;
    let third = sealpix_origin::registry::Key { project: slug("other"), ..key(3) };
    let projects = vec![project("my-app", &[]), project("other", &[])];
    registry.apply(projects, vec![key(1), key(2), third], vec![], NOW).await.unwrap();
    registry
}

fn id(number: u64) -> ReportId {
    ReportId { counter: [9; 16], sequence: number }
}

fn count(number: u16, minute: u64, outcome: Outcome, count: u64) -> Count {
    Count { key: public_key(number), minute, outcome, count, bytes: 0, format: None }
}

/// Whether it counted.
async fn report(registry: &Opened, id: ReportId, rows: &[Count]) -> bool {
    let mut change = registry.begin(NOW).await;
    let counted = change.count_usage(&id, rows).await.unwrap();
    change.commit().await.unwrap();
    counted
}

fn everything() -> UsageFilter {
    UsageFilter { project: None, key: None, from: 0, until: u64::MAX }
}

fn total(minute: Option<u64>, outcome: Option<&str>, requests: u64, denied: u64) -> UsageTotal {
    UsageTotal { minute, outcome: outcome.map(str::to_owned), format: None, requests, denied, bytes: 0 }
}

pub(crate) async fn each_report_counts_once_however_often_and_at_once_it_comes(home: &Home) {
    const REPORTS: u64 = 20;
    const REPLAYS: u64 = 50;
    filled(home).await;
    let instances = [home.open().await, home.open().await];
    let denied = Outcome::Denied(Code::SignatureInvalid);
    // More rows than a statement takes; one row comes twice; one is of a key that nobody has made.
    let rows = |number: u64| -> Vec<Count> {
        let minutes = (0..60).flat_map(|minute| {
            [count(1, MINUTE + minute, Outcome::Hit, number + minute), count(2, MINUTE + minute, denied, 1)]
        });
        minutes.chain([count(1, MINUTE, Outcome::Hit, 1_000), count(99, MINUTE, Outcome::Hit, 7)]).collect()
    };
    let mut tasks = tokio::task::JoinSet::new();
    for replay in 0..REPLAYS {
        for number in 1..=REPORTS {
            let registry = Opened::clone(&instances[usize::from((replay + number) % 2 == 0)]);
            let rows = rows(number);
            tasks.spawn(async move { report(&registry, id(number), &rows).await });
        }
    }
    let counted = tasks.join_all().await.into_iter().filter(|counted| *counted).count();
    assert_eq!(counted as u64, REPORTS);
    let hits: u64 = (1..=REPORTS).flat_map(|number| (0..60).map(move |minute| number + minute)).sum();
    let totals = instances[0].usage(&everything(), UsageBy::Outcome).await.unwrap();
    let expected = [
        total(None, Some("hit"), hits + REPORTS * 1_000, 0),
        total(None, Some("signature_invalid"), REPORTS * 60, REPORTS * 60),
    ];
    assert_eq!(totals, expected);
    assert!(instances[1].is_report_counted(&id(1)).await.unwrap());
    assert!(!instances[1].is_report_counted(&id(REPORTS + 1)).await.unwrap());
}

pub(crate) async fn usage_is_totalled_by_time_and_by_outcome(home: &Home) {
    let registry = filled(home).await;
    let limited = Outcome::Denied(Code::RateLimited);
    let rows = [
        count(1, MINUTE, Outcome::Ok, 1),
        count(1, MINUTE + 1, limited, 2),
        count(1, MINUTE + 60, Outcome::Miss, 4),
        count(2, MINUTE + 1, Outcome::NotModified, 8),
        count(3, MINUTE + 1_440, Outcome::Ok, 16),
    ];
    assert!(report(&registry, id(1), &rows).await);
    let by = |minutes| UsageBy::Minutes(minutes);
    let at = |minute, requests, denied| total(Some(MINUTE + minute), None, requests, denied);
    let (key_1, other) = (Some(public_key(1)), Some(slug("other")));
    let all = everything;
    for (filter, by, expected) in [
        (all(), by(1), vec![at(0, 1, 0), at(1, 10, 2), at(60, 4, 0), at(1_440, 16, 0)]),
        (all(), by(60), vec![at(0, 11, 2), at(60, 4, 0), at(1_440, 16, 0)]),
        (all(), by(1_440), vec![at(0, 15, 2), at(1_440, 16, 0)]),
        (UsageFilter { key: key_1, ..all() }, by(60), vec![at(0, 3, 2), at(60, 4, 0)]),
        (UsageFilter { project: other, ..all() }, by(60), vec![at(1_440, 16, 0)]),
        (UsageFilter { project: Some(slug("none")), ..all() }, by(60), vec![]),
        (UsageFilter { from: MINUTE + 1, until: MINUTE + 60, ..all() }, by(1), vec![at(1, 10, 2)]),
        (
            UsageFilter { key: key_1, ..all() },
            UsageBy::Outcome,
            vec![
                total(None, Some("miss"), 4, 0),
                total(None, Some("ok"), 1, 0),
                total(None, Some("rate_limited"), 2, 2),
            ],
        ),
    ] {
        assert_eq!(registry.usage(&filter, by).await.unwrap(), expected, "{filter:?} {by:?}");
    }
}

pub(crate) async fn usage_is_totalled_by_format_with_the_bytes_sent(home: &Home) {
    let registry = filled(home).await;
    let sent = |outcome, format, number, bytes| Count { format, bytes, ..count(1, MINUTE, outcome, number) };
    let (avif, jpeg) = (Some(Format::Avif), Some(Format::Jpeg));
    let rows = [
        sent(Outcome::Hit, avif, 3, 900),
        sent(Outcome::Hit, jpeg, 1, 1_000),
        sent(Outcome::Miss, avif, 1, 300),
        sent(Outcome::Denied(Code::RateLimited), None, 7, 0),
    ];
    // Twice, under two names: what is there is added to.
    for number in [1, 2] {
        assert!(report(&registry, id(number), &rows).await);
    }
    assert!(!report(&registry, id(2), &rows).await);
    let format = |format: &str, requests, denied, bytes| UsageTotal {
        format: Some(format.to_owned()),
        bytes,
        ..total(None, None, requests, denied)
    };
    let expected = [format("avif", 8, 0, 2_400), format("jpg", 2, 0, 2_000), format("none", 14, 14, 0)];
    assert_eq!(registry.usage(&everything(), UsageBy::Format).await.unwrap(), expected);
    let hits = UsageTotal { bytes: 3_800, ..total(None, Some("hit"), 8, 0) };
    assert_eq!(registry.usage(&everything(), UsageBy::Outcome).await.unwrap()[0], hits);
    let all = UsageTotal { bytes: 4_400, ..total(Some(MINUTE), None, 24, 14) };
    assert_eq!(registry.usage(&everything(), UsageBy::Minutes(1)).await.unwrap(), [all]);
}

pub(crate) async fn usage_counted_before_formats_is_kept(home: &Home) {
    filled(home).await;
    // As the migration finds it.
    home.back_before(5);
    home.tamper(&format!(
        "INSERT INTO usage (public_key, minute, outcome, count) VALUES ('{}', {MINUTE}, 'hit', 41);",
        public_key(1)
    ));
    let registry = home.open().await;
    assert!(report(&registry, id(1), &[count(1, MINUTE, Outcome::Hit, 1)]).await);
    let totals = registry.usage(&everything(), UsageBy::Outcome).await.unwrap();
    assert_eq!(totals, [total(None, Some("hit"), 42, 0)]);
}

pub(crate) async fn a_keys_last_use_is_the_last_that_it_signed(home: &Home) {
    let registry = filled(home).await;
    let rows = [
        count(1, MINUTE - 1_441, Outcome::Ok, 100),
        count(1, MINUTE - 1_439, Outcome::Hit, 3),
        count(1, MINUTE - 5, Outcome::Denied(Code::RateLimited), 2),
        count(1, MINUTE - 1, Outcome::Denied(Code::SignatureInvalid), 50),
        count(2, MINUTE - 2_000, Outcome::Ok, 9),
    ];
    assert!(report(&registry, id(1), &rows).await);
    // More than one statement's.
    let asked: Vec<PublicKey> = (1..120).map(public_key).collect();
    let usage = registry.key_usage(&asked, NOW).await.unwrap();
    let expected = BTreeMap::from([
        (public_key(1), KeyUsage { last_used_at: Some(NOW - 5 * 60_000), requests_24h: 5 }),
        (public_key(2), KeyUsage { last_used_at: Some(NOW - 2_000 * 60_000), requests_24h: 0 }),
        (public_key(3), KeyUsage::default()),
    ]);
    assert_eq!(usage, expected);
    assert!(registry.key_usage(&[], NOW).await.unwrap().is_empty());
}

fn request(id: &str, at: u64, number: u16, outcome: Outcome) -> LoggedRequest {
    LoggedRequest {
        id: id.to_owned(),
        at,
        key: Some(public_key(number)),
        project: Some(slug(if number == 3 { "other" } else { "my-app" })),
        outcome,
        status: 200,
        source: "cdn.example.com/ü.jpg".to_owned(),
        operations: "w_100".to_owned(),
        millis: 12,
        bytes: 3_456,
        count: 1,
    }
}

fn denied(at: u64, number: u16, code: Code, count: u64) -> LoggedRequest {
    let key = public_key(number);
    let row = request(&LoggedRequest::denied_id(at, Some(key), code), at, number, Outcome::Denied(code));
    LoggedRequest { key: Some(key), status: code.status(), count, ..row }
}

async fn log(registry: &Opened, requests: &[LoggedRequest]) {
    let mut change = registry.begin(NOW).await;
    change.log_requests(requests).await.unwrap();
    change.commit().await.unwrap();
}

pub(crate) async fn the_request_log_sums_up_denials_and_is_capped(home: &Home) {
    let registry = filled(home).await;
    for turn in 0..3 {
        // 150 keys a minute, of which 100 have room, the same ones each time.
        let rows: Vec<_> = (0..150).map(|number| denied(NOW, number, Code::KeyRevoked, turn + 1)).collect();
        log(&registry, &rows).await;
    }
    let next: Vec<_> = (0..30).map(|number| denied(NOW + 60_000, number, Code::UrlExpired, 1)).collect();
    log(&registry, &next).await;
    let read = registry.requests(&RequestFilter::default(), None, 1_000).await.unwrap();
    let of_minute: Vec<_> = read.iter().filter(|row| row.at == NOW).collect();
    assert_eq!((of_minute.len(), read.len()), (100, 130));
    assert!(of_minute.iter().all(|row| row.count == 6), "a row stands for all of its minute");
    // What was answered is no matter of that cap.
    let answered: Vec<_> = (0..130).map(|number| request(&format!("{number:032}"), NOW, 1, Outcome::Ok)).collect();
    log(&registry, &answered).await;
    let filter = RequestFilter { outcome: Some(Outcome::Ok), ..RequestFilter::default() };
    let read = registry.requests(&filter, None, 1_000).await.unwrap();
    assert_eq!(read.len(), 130);
    assert_eq!(read[0], answered[129], "it is read back as it was written");
    let nobody = LoggedRequest { key: None, project: None, ..request("nobody", NOW - 1, 1, Outcome::Ok) };
    log(&registry, std::slice::from_ref(&nobody)).await;
    let until = RequestFilter { until: Some(NOW), ..RequestFilter::default() };
    assert_eq!(registry.requests(&until, None, 10).await.unwrap(), [nobody]);
}

pub(crate) async fn the_request_log_is_read_in_pages_and_by_filters(home: &Home) {
    let registry = filled(home).await;
    // Five at one time each: the id parts them.
    let rows: Vec<_> = (0..25_u16)
        .map(|number| request(&format!("{number:032}"), NOW + u64::from(number / 5), number % 3 + 1, Outcome::Ok))
        .collect();
    log(&registry, &rows).await;
    let mut read = Vec::new();
    loop {
        let after = read.last().map(|row: &LoggedRequest| (row.at, row.id.clone()));
        let page = registry.requests(&RequestFilter::default(), after, 4).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, rows.iter().rev().cloned().collect::<Vec<_>>());
    for (filter, expected) in [
        (RequestFilter { key: Some(public_key(2)), ..RequestFilter::default() }, 8),
        (RequestFilter { project: Some(slug("other")), ..RequestFilter::default() }, 8),
        (RequestFilter { project: Some(slug("my-app")), ..RequestFilter::default() }, 17),
        (RequestFilter { outcome: Some(Outcome::NotModified), ..RequestFilter::default() }, 0),
        (RequestFilter { from: Some(NOW + 1), until: Some(NOW + 3), ..RequestFilter::default() }, 10),
    ] {
        assert_eq!(registry.requests(&filter, None, 100).await.unwrap().len(), expected, "{filter:?}");
    }
}

async fn exported(registry: &Opened) -> (usize, Vec<ExportedEntry>) {
    let mut export = AuditExport::default();
    let (mut pages, mut lines) = (0, Vec::new());
    loop {
        let page = export.next(registry).await.unwrap();
        if page.is_empty() {
            return (pages, lines);
        }
        pages += 1;
        lines.extend(page);
    }
}

fn verdict(lines: &[ExportedEntry]) -> ChainVerdict {
    let text: String = lines.iter().map(ExportedEntry::line).collect();
    verify_export(text.as_bytes()).unwrap()
}

pub(crate) async fn the_audit_log_is_exported_in_pages_and_verified_from_the_file(home: &Home) {
    let registry = home.open().await;
    assert_eq!(exported(&registry).await.0, 0);
    for (at, notes) in [(NOW, 1_500), (NOW + 1, 1_000)] {
        let mut change = registry.begin(at).await;
        for number in 0..notes {
            change.note_created("thing.create", &format!("thing {number}"));
        }
        change.commit().await.unwrap();
    }
    let (pages, lines) = exported(&registry).await;
    assert_eq!((pages, lines.len()), (3, 2_500));
    assert_eq!(verdict(&lines), ChainVerdict::Intact { first: 1, last: 2_500 });
    home.tamper("UPDATE audit_log SET target = 'thing x' WHERE seq = 1700");
    let (_, tampered) = exported(&registry).await;
    assert_eq!(verdict(&tampered), ChainVerdict::Broken { at: 1_700 });
    home.tamper("UPDATE audit_log SET target = 'thing 199' WHERE seq = 1700");
    home.tamper("DELETE FROM audit_log WHERE seq = 1000");
    let (_, tampered) = exported(&registry).await;
    assert_eq!(verdict(&tampered), ChainVerdict::Broken { at: 1_000 });

    let mut change = registry.begin(NOW + 2).await;
    assert_eq!(change.prune_audit_log(NOW + 1).await.unwrap(), 1_499);
    change.commit().await.unwrap();
    let (_, lines) = exported(&registry).await;
    assert_eq!(verdict(&lines), ChainVerdict::Intact { first: 1_501, last: 2_501 });
}
