//! What a purge moves, and that nothing brings an epoch back.

use sealpix_origin::registry::{AuditFilter, Project, RecordName, RegistryError, SourcePrefix};

use crate::contract::{NOW, filled};
use crate::home::{Home, Opened, project, public_key, slug, source};

fn prefix(text: &str) -> SourcePrefix {
    SourcePrefix::read(text).unwrap()
}

async fn purged(registry: &Opened, source: Option<&str>, now: u64) -> (u64, bool) {
    let mut change = registry.begin(now).await;
    let purged = change.purge(&slug("my-app"), source.map(prefix).as_ref()).await.unwrap();
    change.commit().await.unwrap();
    (purged.epoch, purged.is_whole)
}

/// The epochs of a source, as the gate of another request reads them.
async fn epochs(registry: &Opened, source: &str) -> (u64, u64) {
    let (_, project) = registry.key_and_project(public_key(1), &slug("my-app")).await.unwrap();
    let record = project.unwrap().value.record();
    (record.epoch, record.source_epoch(source))
}

async fn with_gallery(home: &Home) -> Opened {
    let registry = filled(home).await;
    registry.apply(vec![], vec![], vec![source("gallery", "https://cdn.example")], NOW).await.unwrap();
    registry
}

pub(crate) async fn a_purge_moves_an_epoch_the_records_version_and_the_log(home: &Home) {
    let registry = with_gallery(home).await;
    let before = registry.project(&slug("my-app")).await.unwrap().unwrap();
    // Neither a clock that stands nor one that went back keeps an epoch from rising.
    assert_eq!(purged(&registry, Some("@gallery/a, b: ü'/"), NOW).await, (NOW, false));
    assert_eq!(purged(&registry, Some("https://cdn.example.com/c"), NOW - 5).await, (NOW + 1, false));
    assert_eq!(epochs(&registry, "@gallery/a, b: ü'/x.jpg").await, (2, NOW));
    assert_eq!(epochs(&registry, "cdn.example.com/cat.jpg").await, (2, NOW + 1), "a prefix is one of text");
    assert_eq!(epochs(&registry, "@gallery/b").await, (2, 0));
    let after = registry.project(&slug("my-app")).await.unwrap().unwrap();
    assert_eq!(after.version, before.version + 2);
    assert!(registry.is_waiting(&RecordName::Project(slug("my-app"))).await.unwrap());
    assert_eq!(registry.projects().await.unwrap(), [after.value], "lists have the purges too");

    assert_eq!(purged(&registry, None, NOW).await, (NOW + 2, true));
    assert_eq!(epochs(&registry, "@gallery/a, b: ü'/x.jpg").await, (NOW + 2, 0));
    assert_eq!(purged(&registry, None, NOW + 9).await, (NOW + 9, true), "once more is harmless");
    let log = registry.audit_log(&AuditFilter::default(), None, 4).await.unwrap();
    let said: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.after.clone().unwrap())).collect();
    assert!(said.iter().all(|(action, _)| *action == "project.purged"), "{said:?}");
    for (said, all) in said.iter().zip([true, true, false, false]) {
        assert_eq!(said.1.contains(r#""all":true"#), all, "{said:?}");
    }
    assert!(said[3].1.contains(r#""prefix":"@gallery/a, b: ü'/""#), "{said:?}");
}

pub(crate) async fn only_what_is_there_is_purged(home: &Home) {
    let registry = with_gallery(home).await;
    for (project, source) in [("no-such", None), ("my-app", Some("@galery"))] {
        let mut change = registry.begin(NOW).await;
        let purged = change.purge(&slug(project), source.map(prefix).as_ref()).await;
        assert!(matches!(purged, Err(RegistryError::Missing(_))), "{purged:?}");
    }
    assert_eq!(epochs(&registry, "@galery/x").await, (2, 0));
}

pub(crate) async fn nothing_but_a_purge_moves_epochs_and_nothing_lowers_them(home: &Home) {
    let registry = with_gallery(home).await;
    purged(&registry, Some("@gallery/a"), NOW + 5).await;
    purged(&registry, None, NOW + 6).await;
    purged(&registry, Some("@gallery/b"), NOW + 7).await;
    let held = (NOW + 6, NOW + 7);
    // A state file says nothing of purges.
    let other = Project { require_referer: false, ..project("my-app", &["gallery"]) };
    registry.apply(vec![other], vec![], vec![source("gallery", "https://other.example")], NOW + 8).await.unwrap();
    assert_eq!(epochs(&registry, "@gallery/b").await, held);

    registry.set_key_state(public_key(1), sealpix::record::KeyState::Revoked, NOW + 9).await.unwrap();
    let mut change = registry.begin(NOW).await;
    change.remove_project(&slug("my-app")).await.unwrap();
    change.commit().await.unwrap();
    let left = registry.project_for_edge(&slug("my-app")).await.unwrap().unwrap().value;
    assert_eq!((left.epoch, left.source_epochs.len()), (NOW + 8, 0), "above those of its sources, which it empties");
    let mut change = registry.begin(NOW).await;
    let gone = change.purge(&slug("my-app"), None).await;
    assert!(matches!(gone, Err(RegistryError::Missing(_))), "{gone:?}");
    drop(change);
    registry.apply(vec![project("my-app", &[])], vec![], vec![], NOW).await.unwrap();
    assert_eq!(epochs(&registry, "@gallery/b").await, (NOW + 8, 0));
    assert_eq!(purged(&registry, Some("@gallery/b"), NOW).await, (NOW + 9, false));
}

pub(crate) async fn the_65th_prefix_moves_the_whole_project(home: &Home) {
    let registry = with_gallery(home).await;
    for number in 0..64 {
        assert_eq!(purged(&registry, Some(&format!("@gallery/{number:02}/")), NOW).await, (NOW + number, false));
    }
    assert_eq!(home.count("source_epochs"), 64);
    assert_eq!(purged(&registry, Some("@gallery/0"), NOW).await, (NOW + 64, false), "it covers ten of them");
    assert_eq!(home.count("source_epochs"), 55);
    for number in 0..9 {
        assert!(!purged(&registry, Some(&format!("@gallery/a{number}")), NOW).await.1);
    }
    assert_eq!(purged(&registry, Some("@gallery/one-more"), NOW).await, (NOW + 74, true));
    assert_eq!(epochs(&registry, "@gallery/63/x").await, (NOW + 74, 0));
    assert_eq!(home.count("source_epochs"), 0);
}

pub(crate) async fn a_project_that_grows_drops_its_prefixes_and_moves_whole(home: &Home) {
    let registry = with_gallery(home).await;
    for number in 0..60 {
        let longest = format!("@gallery/{number:03}{}", "a".repeat(500));
        assert!(!purged(&registry, Some(&longest), NOW).await.1);
    }
    let rule =
        |number| sealpix_origin::registry::normalise_source(&format!("host-{number}.of-a-long-name.example.com"));
    let sources: Vec<_> = (0..2_000).map(|number| rule(number).unwrap()).collect();
    let grown = Project { sources, fallback: None, ..project("my-app", &[]) };
    assert_eq!(grown.check(), Ok(()));
    registry.apply(vec![grown], vec![], vec![], NOW).await.unwrap();
    assert_eq!(epochs(&registry, "@gallery/000a").await, (NOW + 60, 0));
    let held = registry.project(&slug("my-app")).await.unwrap().unwrap().value;
    assert!(held.source_epochs.is_empty() && held.sources.len() == 2_000);
    assert_eq!(held.check(), Ok(()));
}

pub(crate) async fn purges_at_once_each_have_an_epoch_of_their_own(home: &Home) {
    let instances = [with_gallery(home).await, home.open().await];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20_usize {
        let registry = instances[number % 2].clone();
        tasks.spawn(async move { purged(&registry, Some(&format!("@gallery/{}", number % 7)), NOW).await.0 });
    }
    let mut given = tasks.join_all().await;
    given.sort_unstable();
    assert_eq!(given, (NOW..NOW + 20).collect::<Vec<_>>());
    let held = instances[0].project(&slug("my-app")).await.unwrap().unwrap().value.source_epochs;
    assert_eq!(held.len(), 7);
    assert_eq!(held.iter().map(|held| held.epoch).max(), given.last().copied());
    assert_eq!(instances[1].project(&slug("my-app")).await.unwrap().unwrap().value.source_epochs, held);
}
