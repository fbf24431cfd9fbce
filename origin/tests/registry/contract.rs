//! What every registry does.

pub(crate) use crate::accounts::*;

use sealpix::record::{Caching, KeyState};
use sealpix_origin::registry::{
    AuditFilter, Cell, ChainVerdict, EdgeLink, Key, Project, RegistryError, SourceKind, StoredSource,
};

pub(crate) use crate::logs::{
    a_keys_last_use_is_the_last_that_it_signed, each_report_counts_once_however_often_and_at_once_it_comes,
    the_audit_log_is_exported_in_pages_and_verified_from_the_file, the_request_log_is_read_in_pages_and_by_filters,
    the_request_log_sums_up_denials_and_is_capped, usage_counted_before_formats_is_kept,
    usage_is_totalled_by_format_with_the_bytes_sent, usage_is_totalled_by_time_and_by_outcome,
};
pub(crate) use crate::opening::*;
pub(crate) use crate::purges::*;
pub(crate) use crate::repeated::*;
pub(crate) use crate::upkeep::*;
pub(crate) use crate::watermarks::{
    a_project_has_so_many_watermarks_and_a_record_that_can_be_pushed,
    a_removed_watermark_is_gone_and_never_comes_back_as_what_it_was,
    a_watermark_is_kept_and_its_version_rises_with_each_change,
};

use crate::home::{Home, Opened, Rotation, fallback, key, name, project, public_key, slug, source};

/// The clock of these tests stands still unless they say so.
pub(crate) const NOW: u64 = 1_800_000_000_000;

async fn versions(registry: &Opened, number: u16) -> (u64, u64) {
    let (key, project) = registry.key_and_project(public_key(number), &slug("my-app")).await.unwrap();
    (key.map_or(0, |key| key.version), project.map_or(0, |project| project.version))
}

/// A registry with the project `my-app` and its key 1.
pub(crate) async fn filled(home: &Home) -> Opened {
    let registry = home.open().await;
    registry.apply(vec![project("my-app", &[])], vec![key(1)], vec![], NOW).await.unwrap();
    registry
}

fn rotation(old: u16, new: u16) -> Rotation {
    Rotation { old: public_key(old), old_not_after: 1_900_000_000, new: key(new) }
}

pub(crate) async fn an_empty_registry_answers(home: &Home) {
    let registry = home.open().await;
    registry.ping().await.unwrap();
    assert_eq!(registry.key_and_project(public_key(1), &slug("my-app")).await.unwrap(), (None, None));
    assert!(registry.keys(None).await.unwrap().is_empty());
    assert!(registry.projects().await.unwrap().is_empty());
    assert!(registry.sources().await.unwrap().is_empty());
    assert!(registry.edge_links().await.unwrap().is_empty());
    assert!(registry.setting_cell("vault.check").await.unwrap().is_none());
    assert!(registry.cells().await.unwrap().is_empty());
    registry.apply(vec![], vec![], vec![], NOW).await.unwrap();
}

pub(crate) async fn what_is_stored_is_read_back(home: &Home) {
    let registry = home.open().await;
    // Names that locales sort differently from bytes.
    let sources =
        vec![source("b-a", "https://b.example/x"), source("ba", "https://a.example"), source("a", "https://c")];
    let projects = vec![project("my-app", &["ba", "b-a"]), project("my-app-2", &[]), project("myapp", &["a"])];
    let plain = Key { not_after: None, state: KeyState::Revoked, project: slug("myapp"), ..key(2) };
    registry.apply(projects.clone(), vec![key(1), plain.clone()], sources, NOW).await.unwrap();

    let stored = |key: Key| Key { version: NOW, created_at: NOW, ..key };
    let (read_key, read_project) = registry.key_and_project(public_key(1), &slug("my-app")).await.unwrap();
    assert_eq!(read_key, Some(stored(key(1))));
    let read_project = read_project.unwrap();
    assert_eq!(read_project.version, NOW);
    let grants: Vec<_> =
        read_project.value.grants.iter().map(|grant| (grant.name.to_string(), grant.version)).collect();
    assert_eq!(grants, [("b-a".to_owned(), NOW), ("ba".to_owned(), NOW)], "with the sources' versions");
    assert_eq!(Project { grants: projects[0].grants.clone(), ..read_project.value.clone() }, projects[0]);

    let (key_alone, none) = registry.key_and_project(public_key(2), &slug("no-such")).await.unwrap();
    assert_eq!((key_alone, none), (Some(stored(plain.clone())), None));
    let (none, project_alone) = registry.key_and_project(public_key(3), &slug("myapp")).await.unwrap();
    assert_eq!((none, project_alone.unwrap().value.slug), (None, slug("myapp")));

    assert_eq!(registry.keys(None).await.unwrap(), [stored(key(1)), stored(plain.clone())]);
    assert_eq!(registry.keys(Some(&slug("myapp"))).await.unwrap(), [stored(plain)]);
    let listed: Vec<_> = registry.projects().await.unwrap().into_iter().map(|project| project.slug).collect();
    assert_eq!(listed, [slug("my-app"), slug("my-app-2"), slug("myapp")]);
    assert_eq!(registry.projects().await.unwrap()[0], read_project.value);
    let listed = registry.sources().await.unwrap();
    assert_eq!(listed.iter().map(|source| source.name.to_string()).collect::<Vec<_>>(), ["a", "b-a", "ba"]);
    assert_eq!((listed[1].location.as_str(), listed[1].version), ("https://b.example/x", NOW));
}

pub(crate) async fn a_key_is_added_once_and_to_a_project(home: &Home) {
    let registry = filled(home).await;
    registry.add_key(key(2), NOW).await.unwrap();
    assert!(matches!(registry.add_key(key(2), NOW).await, Err(RegistryError::Exists(_))));
    let orphan = Key { project: slug("no-such"), ..key(3) };
    assert!(matches!(registry.add_key(orphan, NOW).await, Err(RegistryError::Missing(_))));
    assert_eq!(registry.keys(None).await.unwrap().len(), 2);
}

pub(crate) async fn states_are_set(home: &Home) {
    let registry = filled(home).await;
    registry.set_key_state(public_key(1), KeyState::Revoked, NOW).await.unwrap();
    let (held, _) = registry.key_and_project(public_key(1), &slug("my-app")).await.unwrap();
    assert_eq!(held.unwrap(), Key { state: KeyState::Revoked, version: NOW + 1, created_at: NOW, ..key(1) });
    let revived = registry.set_key_state(public_key(1), KeyState::Active, NOW).await;
    assert!(matches!(revived, Err(RegistryError::Refused(_))), "{revived:?}");
    assert_eq!(versions(&registry, 1).await.0, NOW + 1);
    let missing = registry.set_key_state(public_key(9), KeyState::Revoked, NOW).await;
    assert!(matches!(missing, Err(RegistryError::Missing(_))));
}

pub(crate) async fn versions_rise_with_each_change_and_stand_without(home: &Home) {
    let registry = filled(home).await;
    let mut expected = (NOW, NOW);
    assert_eq!(versions(&registry, 1).await, expected);
    for now in [NOW, NOW - 1_000_000, NOW + 1_000_000] {
        registry.apply(vec![project("my-app", &[])], vec![key(1)], vec![], now).await.unwrap();
        registry.set_key_state(public_key(1), KeyState::Active, now).await.unwrap();
        assert_eq!(versions(&registry, 1).await, expected, "an equal state moved a version");
    }

    let as_it_is = |key: Key| key;
    let changes: [fn(Key) -> Key; 5] = [
        |key| Key { name: "other".to_owned(), ..key },
        |key| Key { not_after: Some(1_999_999_999), ..key },
        |key| Key { limits: sealpix::quota::Limits { minute: 6, day: 50 }, ..key },
        |key| Key { policy: sealpix::record::Policy::default(), ..key },
        |key| Key { state: KeyState::Revoked, ..key },
    ];
    let mut held = as_it_is(key(1));
    for change in changes {
        held = change(held);
        // Neither a clock that stands nor one that went back keeps a version from rising.
        registry.apply(vec![], vec![held.clone()], vec![], NOW - 5).await.unwrap();
        expected.0 += 1;
        assert_eq!(versions(&registry, 1).await, expected);
    }
    let stored = registry.keys(None).await.unwrap().remove(0);
    assert_eq!(Key { version: 0, created_at: 0, ..stored }, held);
    for later in [None, Some(2_000_000_000)] {
        registry.apply(vec![], vec![Key { not_after: later, ..held.clone() }], vec![], NOW).await.unwrap();
        assert_eq!(versions(&registry, 1).await, expected, "an end moved away");
    }

    let changes: [fn(Project) -> Project; 8] = [
        |project| Project { referers: vec![], ..project },
        |project| Project { require_referer: false, ..project },
        |project| Project { sources: vec![], ..project },
        |project| Project { presets: std::collections::BTreeMap::new(), ..project },
        |project| Project { caching: Caching::default(), ..project },
        |project| Project { fallback: Some(fallback("@gallery/missing.png")), ..project },
        |project| Project { fallback: None, ..project },
        |project| Project { environment: sealpix::record::Environment::Production, epoch: 5, ..project },
    ];
    let mut held = project("my-app", &[]);
    for change in changes {
        held = change(held);
        registry.apply(vec![held.clone()], vec![], vec![], NOW).await.unwrap();
        expected.1 += 1;
        assert_eq!(versions(&registry, 1).await, expected);
    }
    registry.apply(vec![Project { epoch: 1, ..held.clone() }], vec![], vec![], NOW).await.unwrap();
    assert_eq!(registry.projects().await.unwrap(), [held], "an epoch fell");
    assert_eq!(versions(&registry, 1).await, expected);
    registry.add_key(key(2), NOW).await.unwrap();
    registry.set_key_state(public_key(2), KeyState::Revoked, NOW + 500).await.unwrap();
    assert_eq!(versions(&registry, 2).await.0, NOW + 500, "the clock leads where it is ahead");
}

pub(crate) async fn a_sources_change_moves_its_projects(home: &Home) {
    let registry = filled(home).await;
    let first = source("cdn", "https://a.example");
    registry.apply(vec![project("my-app", &["cdn"])], vec![], vec![first.clone()], NOW).await.unwrap();
    assert_eq!(versions(&registry, 1).await, (NOW, NOW + 1), "a grant is a change");
    registry.apply(vec![project("my-app", &["cdn"])], vec![], vec![first], NOW).await.unwrap();
    assert_eq!(versions(&registry, 1).await, (NOW, NOW + 1));

    let mut moved = source("cdn", "https://b.example");
    registry.apply(vec![], vec![], vec![moved.clone()], NOW).await.unwrap();
    assert_eq!(versions(&registry, 1).await, (NOW, NOW + 2));
    moved.kind = SourceKind::File;
    registry.apply(vec![project("my-app", &["cdn"])], vec![], vec![moved.clone()], NOW).await.unwrap();
    assert_eq!(versions(&registry, 1).await, (NOW, NOW + 3));
    let held = registry.projects().await.unwrap().remove(0);
    assert_eq!(held.grants[0].version, NOW + 2, "the record names the source's version");
    moved.version = NOW + 2;
    assert_eq!(registry.sources().await.unwrap(), [moved]);

    registry.apply(vec![project("my-app", &[])], vec![], vec![], NOW).await.unwrap();
    assert_eq!(versions(&registry, 1).await, (NOW, NOW + 4), "and so is its end");
    registry.apply(vec![], vec![], vec![source("cdn", "https://c.example")], NOW).await.unwrap();
    assert_eq!(versions(&registry, 1).await, (NOW, NOW + 4));
}

pub(crate) async fn a_sources_credentials_are_kept_resealed_and_taken_away(home: &Home) {
    let registry = home.open().await;
    let at = |now| registry.begin(now);
    let mut change = at(NOW).await;
    let first = Cell { sealed: "v1.first".to_owned(), ..change.next_source_cell(&name("store")).await.unwrap() };
    assert_eq!(
        (first.table, first.row.as_str(), first.column, first.version),
        ("sources", "store", "credentials_cell", NOW)
    );
    let bucket = |cell: Option<&Cell>| StoredSource {
        kind: SourceKind::S3,
        credentials: cell.cloned(),
        ..source("store", "s3://photos?region=eu-west-1")
    };
    change.put_source(&bucket(Some(&first))).await.unwrap();
    change.commit().await.unwrap();
    let held = registry.sources().await.unwrap().remove(0);
    assert_eq!(held, StoredSource { version: NOW, ..bucket(Some(&first)) });
    assert!(registry.cells().await.unwrap().contains(&first));

    let mut change = at(NOW + 5).await;
    change.put_source(&bucket(Some(&first))).await.unwrap();
    let resealed = Cell { sealed: "v1.resealed".to_owned(), version: first.version + 1, ..first.clone() };
    change.reseal_source(&resealed).await.unwrap();
    change.commit().await.unwrap();
    let held = registry.sources().await.unwrap().remove(0);
    assert_eq!(held, StoredSource { version: NOW, ..bucket(Some(&resealed)) }, "the source is the same");

    let mut change = at(NOW).await;
    change.put_source(&bucket(None)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(registry.sources().await.unwrap(), [StoredSource { version: NOW + 1, ..bucket(None) }]);
    assert!(registry.cells().await.unwrap().is_empty());
    let mut change = at(NOW).await;
    let next = change.next_source_cell(&name("store")).await.unwrap();
    assert_eq!(next.version, NOW + 2, "SIG-12: above every earlier version, also of cells that are gone");
    drop(change);
    let log = registry.audit_log(&AuditFilter::default(), None, 10).await.unwrap();
    let shown: Vec<_> = log.iter().map(|entry| format!("{:?}", entry.after)).collect();
    assert!(shown.iter().any(|after| after.contains("(set)")) && shown.iter().all(|after| !after.contains("v1.")));
}

pub(crate) async fn an_apply_that_fails_leaves_nothing(home: &Home) {
    let registry = filled(home).await;
    let before = (registry.projects().await.unwrap(), registry.keys(None).await.unwrap(), versions(&registry, 1).await);
    let orphan = Key { project: slug("no-such"), ..key(3) };
    let changed = Project { epoch: 9, ..project("my-app", &["cdn"]) };
    let refused = registry
        .apply(
            vec![changed.clone(), project("another", &["cdn"])],
            vec![Key { name: "other".to_owned(), ..key(1) }, key(2), orphan],
            vec![source("cdn", "https://a.example")],
            NOW + 50,
        )
        .await;
    assert!(matches!(refused, Err(RegistryError::Missing(_))), "{refused:?}");
    let refused = registry.apply(vec![changed], vec![key(2)], vec![], NOW + 50).await;
    assert!(matches!(refused, Err(RegistryError::Missing(_))), "a grant of no source: {refused:?}");
    let after = (registry.projects().await.unwrap(), registry.keys(None).await.unwrap(), versions(&registry, 1).await);
    assert_eq!(after, before);
    assert!(registry.sources().await.unwrap().is_empty());
    registry.apply(vec![], vec![key(2)], vec![], NOW).await.unwrap();
}

pub(crate) async fn a_rotation_is_whole_or_nothing(home: &Home) {
    let registry = filled(home).await;
    registry.rotate_key(rotation(1, 2), NOW).await.unwrap();
    let keys = registry.keys(None).await.unwrap();
    let ended = Key { not_after: Some(1_900_000_000), version: NOW + 1, created_at: NOW, ..key(1) };
    assert_eq!(keys, [ended, Key { version: NOW, created_at: NOW, ..key(2) }]);

    let taken = registry.rotate_key(rotation(2, 1), NOW + 1).await;
    assert!(matches!(taken, Err(RegistryError::Exists(_))), "{taken:?}");
    let missing = registry.rotate_key(rotation(9, 3), NOW + 1).await;
    assert!(matches!(missing, Err(RegistryError::Missing(_))), "{missing:?}");
    let mut homeless = rotation(2, 4);
    homeless.new.project = slug("no-such");
    assert!(matches!(registry.rotate_key(homeless, NOW + 1).await, Err(RegistryError::Missing(_))));
    let again = registry.rotate_key(rotation(1, 5), NOW + 1).await;
    assert!(matches!(again, Err(RegistryError::Refused(_))), "it was rotated before: {again:?}");
    assert_eq!(registry.keys(None).await.unwrap(), keys, "half a rotation was left");
}

pub(crate) async fn rotations_at_once_lose_nothing(home: &Home) {
    const TASKS: u16 = 12;
    const EACH: u16 = 6;
    filled(home).await;
    let instances = [home.open().await, home.open().await];
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let registry = Opened::clone(&instances[usize::from(task % 2)]);
        tasks.spawn(async move {
            let (mut last, mut done) = (0, 0);
            for turn in 0..EACH {
                // Each ends key 1 earlier than those of lower numbers, and is refused where a higher one was first.
                let number = 100 + turn * TASKS + task;
                let mut rotation = rotation(1, number);
                rotation.old_not_after -= u64::from(number);
                match registry.rotate_key(rotation, NOW).await {
                    Ok(()) => done += 1,
                    Err(error) => assert!(matches!(error, RegistryError::Refused(_)), "{error:?}"),
                }
                let seen = registry.key_and_project(public_key(1), &slug("my-app")).await.unwrap().0.unwrap().version;
                assert!(seen >= last, "a version fell");
                last = seen;
            }
            done
        });
    }
    let done: u16 = tasks.join_all().await.into_iter().sum();
    let keys = instances[0].keys(None).await.unwrap();
    assert_eq!(keys.len(), usize::from(1 + done), "a key without its rotation, or the reverse");
    let old = keys.into_iter().find(|held| held.public_key == public_key(1)).unwrap();
    assert_eq!(old.not_after, Some(1_900_000_000 - u64::from(100 + TASKS * EACH - 1)), "the earliest end is kept");
    assert_eq!(old.version, NOW + u64::from(done), "a change was lost");
}

pub(crate) async fn applies_at_once_keep_versions_rising(home: &Home) {
    const TASKS: u64 = 8;
    const EACH: u64 = 6;
    let registry = home.open().await;
    let sources = vec![source("one", "https://one"), source("two", "https://two")];
    let grants: &[&str] = &["one", "two"];
    let projects = vec![project("my-app", grants), project("another", grants)];
    registry.apply(projects, vec![key(1), key(2)], sources, NOW).await.unwrap();
    let instances = [registry, home.open().await];
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let registry = Opened::clone(&instances[usize::from(task % 2 == 0)]);
        tasks.spawn(async move {
            let mut last = (0, 0);
            for turn in 0..EACH {
                let text = format!("{task}-{turn}");
                let ttl_secs = u32::try_from(1_000 + task * EACH + turn).unwrap();
                let changed =
                    |slug: &str| Project { caching: Caching { ttl_secs, public: false }, ..project(slug, grants) };
                let renamed = |number| Key { name: text.clone(), ..key(number) };
                let mut sources =
                    vec![source("one", &format!("https://{text}")), source("two", &format!("https://{text}"))];
                let mut projects = vec![changed("my-app"), changed("another")];
                let mut keys = vec![renamed(1), renamed(2)];
                if task % 2 == 0 {
                    // In the other order, where locks could wait for one another in a circle.
                    sources.reverse();
                    projects.reverse();
                    keys.reverse();
                }
                registry.apply(projects, keys, sources, NOW).await.unwrap();
                let fresh = u16::try_from(100 + task * EACH + turn).unwrap();
                registry.add_key(key(fresh), NOW).await.unwrap();
                registry.rotate_key(rotation(fresh, fresh + 1_000), NOW).await.unwrap();
                let seen = versions(&registry, 1).await;
                assert!(seen.0 > last.0 && seen.1 > last.1, "a version did not rise");
                last = seen;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    // Every apply changed the key once and the project three times: itself and by each of its two sources.
    let applied = TASKS * EACH;
    assert_eq!(versions(&instances[0], 1).await, (NOW + applied, NOW + 3 * applied), "a change was lost");
    assert_eq!(versions(&instances[1], 2).await, (NOW + applied, NOW + 3 * applied));
    assert_eq!(instances[0].keys(None).await.unwrap().len() as u64, 2 + 2 * applied);
}

fn link(id: &str) -> EdgeLink {
    let secret = Cell {
        table: "edge_links",
        row: id.to_owned(),
        column: "secret_cell",
        version: 2,
        sealed: format!("v1.link.{id}"),
    };
    EdgeLink { id: id.to_owned(), secret, is_current: true, created_at: NOW }
}

pub(crate) async fn the_edge_link_is_stored_once(home: &Home) {
    let registry = home.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let registry = registry.clone();
        tasks.spawn(async move { registry.add_edge_link(link(&format!("0000000{task}"))).await });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|linked| linked.is_ok()).count(), 1, "{done:?}");
    for refused in done.iter().filter_map(|done| done.as_ref().err()) {
        assert!(matches!(refused, RegistryError::Exists(_)), "{refused:?}");
    }
    let links = registry.edge_links().await.unwrap();
    assert_eq!(links, [link(&links[0].id)]);
}

pub(crate) async fn every_cell_is_listed(home: &Home) {
    let registry = filled(home).await;
    registry.add_edge_link(link("00000001")).await.unwrap();
    let mut change = registry.begin(NOW).await;
    let mut cell = change.next_setting_cell("vault.check").await.unwrap();
    cell.sealed = "v1.check".to_owned();
    change.set_setting_cell(&cell).await.unwrap();
    let next = change.next_setting_cell("vault.check").await.unwrap();
    assert_eq!((cell.version, next.version), (1, 2));
    change.commit().await.unwrap();
    assert_eq!(registry.cells().await.unwrap(), [cell, link("00000001").secret, key(1).secret]);
}

pub(crate) async fn settings_are_kept(home: &Home) {
    let registry = home.open().await;
    for value in ["true", "false"] {
        let mut change = registry.begin(NOW).await;
        change.set_setting("guest.enabled", value).await.unwrap();
        assert_eq!(registry.setting("guest.enabled").await.unwrap().as_deref(), (value == "false").then_some("true"));
        change.commit().await.unwrap();
        assert_eq!(registry.setting("guest.enabled").await.unwrap().as_deref(), Some(value));
    }
    let mut change = registry.begin(NOW).await;
    assert!(change.remove_setting("guest.enabled").await.unwrap());
    drop(change);
    assert!(registry.setting("guest.enabled").await.unwrap().is_some(), "a change that was dropped happened");
}

pub(crate) async fn the_audit_log_says_what_was_done_and_shows_tampering(home: &Home) {
    let registry = filled(home).await;
    registry.rotate_key(rotation(1, 2), NOW + 1).await.unwrap();
    registry.set_key_state(public_key(2), KeyState::Revoked, NOW + 2).await.unwrap();
    registry.set_key_state(public_key(2), KeyState::Revoked, NOW + 3).await.unwrap();
    let log = registry.audit_log(&AuditFilter::default(), None, 10).await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| (entry.seq, entry.action.as_str())).collect();
    let expected = [(4, "key.revoke"), (3, "key.rotate"), (2, "key.create"), (1, "project.create")];
    assert_eq!(actions, expected, "what changes nothing is no entry");
    let filters = [
        (AuditFilter { action: Some("key".to_owned()), ..AuditFilter::default() }, vec![4, 3, 2]),
        (AuditFilter { action: Some("key.rotate".to_owned()), ..AuditFilter::default() }, vec![3]),
        (AuditFilter { action: Some("ke".to_owned()), ..AuditFilter::default() }, vec![]),
        (AuditFilter { target: Some(format!("key {}", public_key(2))), ..AuditFilter::default() }, vec![4]),
        (AuditFilter { actor: Some("somebody".to_owned()), ..AuditFilter::default() }, vec![]),
        (AuditFilter { from: Some(NOW + 1), until: Some(NOW + 2), ..AuditFilter::default() }, vec![3]),
    ];
    for (filter, expected) in filters {
        let found = registry.audit_log(&filter, None, 10).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.seq).collect::<Vec<_>>(), expected, "{filter:?}");
    }
    assert_eq!(registry.audit_log(&AuditFilter::default(), Some(3), 1).await.unwrap()[0].seq, 2);
    let intact = ChainVerdict::Intact { first: 1, last: 4 };
    assert_eq!(registry.verify_audit_log().await.unwrap(), intact);
    for (tampering, undo, at) in [
        ("UPDATE audit_log SET actor = 'x' WHERE seq = 2", "UPDATE audit_log SET actor = '' WHERE seq = 2", 2),
        ("UPDATE audit_log SET seq = 9 WHERE seq = 3", "UPDATE audit_log SET seq = 3 WHERE seq = 9", 3),
        ("UPDATE audit_log SET seq = 9 WHERE seq = 4", "UPDATE audit_log SET seq = 4 WHERE seq = 9", 4),
    ] {
        home.tamper(tampering);
        assert_eq!(registry.verify_audit_log().await.unwrap(), ChainVerdict::Broken { at }, "{tampering}");
        home.tamper(undo);
        assert_eq!(registry.verify_audit_log().await.unwrap(), intact);
    }
    home.tamper("UPDATE audit_log SET seq = 9 WHERE seq = 4; DELETE FROM audit_log WHERE seq = 9");
    assert_eq!(registry.verify_audit_log().await.unwrap(), ChainVerdict::Broken { at: 4 }, "the newest was cut off");
}

pub(crate) async fn a_pruned_audit_log_is_verified_from_its_checkpoint(home: &Home) {
    let registry = filled(home).await;
    registry.rotate_key(rotation(1, 2), NOW + 10).await.unwrap();
    let mut change = registry.begin(NOW + 20).await;
    assert_eq!(change.prune_audit_log(NOW + 5).await.unwrap(), 2);
    change.commit().await.unwrap();
    assert_eq!(registry.verify_audit_log().await.unwrap(), ChainVerdict::Intact { first: 3, last: 4 });
    let mut change = registry.begin(NOW + 30).await;
    assert_eq!(change.prune_audit_log(NOW + 30).await.unwrap(), 2);
    change.commit().await.unwrap();
    assert_eq!(registry.verify_audit_log().await.unwrap(), ChainVerdict::Intact { first: 5, last: 5 });
}

pub(crate) async fn two_instances_see_each_others_changes_at_once(home: &Home) {
    let instances = [filled(home).await, home.open().await];
    for turn in 0..20_u16 {
        let (writer, reader) = (&instances[usize::from(turn % 2)], &instances[usize::from((turn + 1) % 2)]);
        let (old, new) = (if turn == 0 { 1 } else { 99 + turn }, 100 + turn);
        writer.rotate_key(rotation(old, new), NOW).await.unwrap();
        let (held, _) = reader.key_and_project(public_key(old), &slug("my-app")).await.unwrap();
        assert_eq!(held.map(|held| (held.not_after, held.version)), Some((Some(1_900_000_000), NOW + 1)));
        assert!(reader.keys(None).await.unwrap().iter().any(|held| held.public_key == public_key(new)));
        writer.set_key_state(public_key(old), KeyState::Revoked, NOW).await.unwrap();
        let (held, _) = reader.key_and_project(public_key(old), &slug("my-app")).await.unwrap();
        assert_eq!(held.map(|held| (held.state, held.version)), Some((KeyState::Revoked, NOW + 2)));
        writer.apply(vec![], vec![], vec![source("cdn", &format!("https://{turn}"))], NOW).await.unwrap();
        assert_eq!(reader.sources().await.unwrap()[0].name, name("cdn"));
        assert_eq!(reader.sources().await.unwrap()[0].location, format!("https://{turn}"));
    }
}

pub(crate) async fn a_newer_schema_is_refused(home: &Home) {
    drop(filled(home).await);
    home.tamper(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
         SELECT 999, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1",
    );
    assert!(matches!(home.try_open().await, Err(RegistryError::NewerSchema)));
    home.tamper("DELETE FROM refinery_schema_history WHERE version = 999");
    assert_eq!(home.open().await.keys(None).await.unwrap().len(), 1);
}
