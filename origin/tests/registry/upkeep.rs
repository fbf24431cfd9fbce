//! Instances, retention and the cells of settings: sentences of the contract.

use sealpix_origin::registry::{ALIVE_MILLIS, AuditFilter, Instance, RegistryError};
use tokio::task::JoinSet;

use crate::home::{Home, Opened};

const NOW: u64 = 1_800_000_000_000;

async fn register(registry: &Opened, id: &str, limit: u32, now: u64) -> Result<(), RegistryError> {
    let instance =
        Instance { id: id.to_owned(), host: "host".to_owned(), version: "1".to_owned(), started_at: NOW, seen_at: 0 };
    let mut change = registry.begin(now).await;
    change.register_instance(&instance, limit).await?;
    change.commit().await
}

async fn alive(registry: &Opened, now: u64) -> Vec<String> {
    registry.instances(now).await.unwrap().into_iter().map(|instance| instance.id).collect()
}

pub(crate) async fn instances_are_counted_while_they_are_renewed(home: &Home) {
    let registry = home.open().await;
    for id in ["a", "b", "c"] {
        register(&registry, id, 3, NOW).await.unwrap();
    }
    let refused = register(&registry, "d", 3, NOW).await.unwrap_err();
    assert_eq!(refused.to_string(), "the 4th instance needs a licence: 3 are running");
    register(&registry, "a", 3, NOW).await.unwrap();
    register(&registry, "d", 4, NOW).await.unwrap();
    let refused = register(&registry, "e", 4, NOW).await.unwrap_err();
    assert_eq!(refused.to_string(), "the 5th instance needs a larger licence: 4 are running");

    let later = NOW + ALIVE_MILLIS;
    let mut change = registry.begin(later - 1).await;
    assert!(change.renew_instance("b").await.unwrap());
    assert!(!change.renew_instance("x").await.unwrap(), "a row came from nowhere");
    assert!(change.remove_instance("c", false).await.unwrap());
    change.commit().await.unwrap();
    assert_eq!(alive(&registry, later - 1).await, ["a", "b", "d"]);
    assert_eq!(alive(&registry, later).await, ["b"], "they were last seen half a minute ago");
    register(&registry, "f", 3, later).await.unwrap();
    assert_eq!(home.count("instances"), 2, "the rows of the dead stayed");
    let mut change = registry.begin(later).await;
    assert!(!change.renew_instance("a").await.unwrap(), "a dead row was renewed");
    drop(change);
    let filter = AuditFilter { action: Some("instance".to_owned()), ..AuditFilter::default() };
    let log = registry.audit_log(&filter, None, 10).await.unwrap();
    assert!(log.iter().any(|entry| entry.action == "instance.stop" && entry.target == "instance c"));
}

pub(crate) async fn registrations_at_once_fill_the_limit_and_no_more(home: &Home) {
    let processes = [home.open().await, home.open().await];
    for (limit, now) in [(3, NOW), (5, NOW + 2 * ALIVE_MILLIS)] {
        let mut tasks = JoinSet::new();
        for task in 0..6_usize {
            let registry = processes[task % 2].clone();
            tasks.spawn(async move { register(&registry, &format!("{limit}-{task}"), limit, now).await });
        }
        let done = tasks.join_all().await;
        let registered = done.iter().filter(|done| done.is_ok()).count();
        assert_eq!(registered, usize::try_from(limit).unwrap(), "{done:?}");
        assert_eq!(alive(&processes[0], now).await.len(), registered);
        for refused in done.iter().filter_map(|done| done.as_ref().err()) {
            assert!(matches!(refused, RegistryError::Refused(_)), "{refused:?}");
        }
    }
}

pub(crate) async fn a_settings_cell_never_has_an_earlier_version(home: &Home) {
    let registry = home.open().await;
    let mut change = registry.begin(NOW).await;
    assert!(!change.has_cells().await.unwrap());
    for version in 1..=3 {
        let mut cell = change.next_setting_cell("license.key").await.unwrap();
        assert_eq!(cell.version, version, "a version was given twice");
        cell.sealed = format!("v1.cell.{version}");
        change.set_setting_cell(&cell).await.unwrap();
        assert!(change.has_cells().await.unwrap());
        assert_eq!(change.stored_setting("license.key").await.unwrap(), (None, Some(cell.clone())));
        assert_eq!(change.setting_cells().await.unwrap(), [cell]);
        assert!(change.remove_setting("license.key").await.unwrap());
        assert!(!change.remove_setting("license.key").await.unwrap());
        assert_eq!(change.stored_setting("license.key").await.unwrap(), (None, None));
        assert!(!change.has_cells().await.unwrap());
    }
    change.commit().await.unwrap();
    assert!(registry.setting_cells().await.unwrap().is_empty());
}

pub(crate) async fn what_had_its_time_is_pruned(home: &Home) {
    let registry = home.open().await;
    home.tamper(
        "INSERT INTO usage (public_key, minute, outcome, format, count, bytes)
           VALUES ('k', 9, 'ok', 'jpg', 1, 5), ('k', 10, 'ok', 'none', 1, 0);
         INSERT INTO usage_reports (id, received_at) VALUES ('a', 9), ('b', 10);
         INSERT INTO request_log (id, at, public_key, project, outcome, status, source, operations, millis, bytes, count)
           VALUES ('a', 9, '', '', '', 200, '', '', 1, 1, 1), ('b', 10, '', '', '', 200, '', '', 1, 1, 1);",
    );
    for removed in [1, 0] {
        let mut change = registry.begin(NOW).await;
        assert_eq!(change.prune_usage(10).await.unwrap(), removed);
        assert_eq!(change.prune_usage_reports(10).await.unwrap(), removed);
        assert_eq!(change.prune_request_log(10).await.unwrap(), removed);
        change.commit().await.unwrap();
    }
    for table in ["usage", "usage_reports", "request_log"] {
        assert_eq!(home.count(table), 1, "{table}");
    }
}
