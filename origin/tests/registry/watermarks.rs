//! Watermarks in the registry: their versions, their bound, what their changes move.

use sealpix_origin::images::{Derivative, Format};
use sealpix_origin::registry::{
    AuditFilter, MAX_WATERMARKS, Project, RecordName, RegistryError, StoredWatermark, normalise_source,
};

use crate::contract::{NOW, filled};
use crate::home::{Home, Opened, name, project, public_key, slug};

/// Not decoded here: bytes that no text could hold.
pub(crate) fn mark(last: u8) -> Derivative {
    Derivative { bytes: vec![0x89, b'P', 0, 0xff, last], format: Format::Png, width: 40, height: 20 }
}

async fn put(registry: &Opened, text: &str, last: u8, now: u64) -> Result<StoredWatermark, RegistryError> {
    let mut change = registry.begin(now).await;
    let put = change.put_watermark(&slug("my-app"), &name(text), &mark(last)).await?;
    change.commit().await?;
    Ok(put)
}

async fn remove(registry: &Opened, text: &str, now: u64) -> Result<(), RegistryError> {
    let mut change = registry.begin(now).await;
    change.remove_watermark(&slug("my-app"), &name(text)).await?;
    change.commit().await
}

/// The watermarks as the gate of another request reads them, and the version of their record.
async fn granted(registry: &Opened) -> (Vec<(String, u64)>, u64) {
    let (_, project) = registry.key_and_project(public_key(1), &slug("my-app")).await.unwrap();
    let project = project.unwrap();
    let record = project.value.record();
    (record.watermarks.iter().map(|grant| (grant.name.to_string(), grant.version)).collect(), project.version)
}

pub(crate) async fn a_watermark_is_kept_and_its_version_rises_with_each_change(home: &Home) {
    let registry = filled(home).await;
    assert_eq!(granted(&registry).await, (vec![], NOW));
    let first = put(&registry, "b-a", 1, NOW).await.unwrap();
    let expected = StoredWatermark {
        name: name("b-a"),
        version: NOW + 1,
        width: 40,
        height: 20,
        bytes: 5,
        created_at: NOW,
        changed_at: NOW,
    };
    assert_eq!(first, expected);
    assert!(registry.is_waiting(&RecordName::Project(slug("my-app"))).await.unwrap());
    assert_eq!(put(&registry, "b-a", 1, NOW + 70).await.unwrap(), expected, "an equal picture is no change");
    assert_eq!(granted(&registry).await, (vec![("b-a".to_owned(), NOW + 1)], NOW + 1));

    // Neither a clock that stands nor one that went back keeps a version from rising; names are in their bytes' order.
    let second = put(&registry, "ba", 1, NOW).await.unwrap();
    let changed = put(&registry, "b-a", 2, NOW - 5).await.unwrap();
    assert_eq!((second.version, changed.version), (NOW + 2, NOW + 3));
    assert_eq!((changed.created_at, changed.changed_at), (NOW, NOW - 5));
    assert_eq!(granted(&registry).await, (vec![("b-a".to_owned(), NOW + 3), ("ba".to_owned(), NOW + 2)], NOW + 3));
    assert_eq!(registry.watermarks(&slug("my-app")).await.unwrap(), [changed.clone(), second]);
    assert_eq!(registry.watermark(&slug("my-app"), &name("b-a")).await.unwrap(), Some(changed));
    let held = registry.watermark_picture(&slug("my-app"), &name("b-a")).await.unwrap().unwrap();
    assert_eq!((held.value, held.version), (mark(2).bytes, NOW + 3));
    assert_eq!(registry.watermark(&slug("my-app"), &name("no-such")).await.unwrap(), None);
    assert!(registry.watermark_picture(&slug("no-such"), &name("ba")).await.unwrap().is_none());

    // Another change of the project leaves them as they are.
    let other = Project { require_referer: false, ..project("my-app", &[]) };
    registry.apply(vec![other], vec![], vec![], NOW).await.unwrap();
    assert_eq!(granted(&registry).await.0.len(), 2);

    let log = registry.audit_log(&AuditFilter::default(), None, 4).await.unwrap();
    let said: Vec<_> = log.iter().rev().map(|entry| (entry.action.as_str(), entry.target.as_str())).collect();
    let expected = [
        ("watermark.create", "watermark my-app/b-a"),
        ("watermark.create", "watermark my-app/ba"),
        ("watermark.change", "watermark my-app/b-a"),
        ("project.change", "project my-app"),
    ];
    assert_eq!(said, expected);
}

pub(crate) async fn a_removed_watermark_is_gone_and_never_comes_back_as_what_it_was(home: &Home) {
    let registry = filled(home).await;
    put(&registry, "logo", 1, NOW).await.unwrap();
    remove(&registry, "logo", NOW).await.unwrap();
    assert_eq!(granted(&registry).await, (vec![], NOW + 2), "its end is a change of the record");
    assert!(matches!(remove(&registry, "logo", NOW).await, Err(RegistryError::Missing(_))));
    assert_eq!(
        registry.watermark_picture(&slug("my-app"), &name("logo")).await.unwrap().map(|held| held.version),
        None
    );
    assert_eq!(put(&registry, "logo", 1, NOW).await.unwrap().version, NOW + 3, "the same picture, and a new version");

    // With its project it goes, and the project's next life begins above it.
    registry.set_key_state(public_key(1), sealpix::record::KeyState::Revoked, NOW).await.unwrap();
    let mut change = registry.begin(NOW).await;
    change.remove_project(&slug("my-app")).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(home.count("watermarks"), 0);
    assert!(matches!(put(&registry, "logo", 1, NOW).await, Err(RegistryError::Missing(_))));
    registry.apply(vec![project("my-app", &[])], vec![], vec![], NOW).await.unwrap();
    assert_eq!(put(&registry, "logo", 1, NOW).await.unwrap().version, NOW + 6);
}

pub(crate) async fn a_project_has_so_many_watermarks_and_a_record_that_can_be_pushed(home: &Home) {
    let registry = filled(home).await;
    for number in 0..MAX_WATERMARKS {
        put(&registry, &format!("logo-{number}"), 1, NOW).await.unwrap();
    }
    let before = granted(&registry).await;
    let refused = put(&registry, "one-more", 1, NOW).await.unwrap_err();
    assert!(matches!(&refused, RegistryError::Refused(detail) if detail.contains("64")), "{refused}");
    assert_eq!(granted(&registry).await, before);
    put(&registry, "logo-3", 2, NOW).await.unwrap();
    assert_eq!(granted(&registry).await.0.len(), MAX_WATERMARKS, "one that is held needs no more room");

    // The rules leave no room: neither more of them beside the marks, nor a mark beside them.
    let host = |number| normalise_source(&format!("host-{number}.of-a-long-name.example.com")).unwrap();
    let with =
        |hosts: usize| Project { sources: (0..hosts).map(host).collect(), fallback: None, ..project("my-app", &[]) };
    let most = (1..4_000).rev().find(|hosts| with(*hosts).check().is_ok()).unwrap();
    let refused = registry.apply(vec![with(most)], vec![], vec![], NOW).await;
    assert!(matches!(refused, Err(RegistryError::Refused(_))), "{refused:?}");
    for number in 0..MAX_WATERMARKS {
        remove(&registry, &format!("logo-{number}"), NOW).await.unwrap();
    }
    registry.apply(vec![with(most)], vec![], vec![], NOW).await.unwrap();
    let refused = put(&registry, "a-name-that-is-thirty-two-bytes-", 1, NOW).await;
    assert!(matches!(refused, Err(RegistryError::Refused(_))), "{refused:?}");
}
