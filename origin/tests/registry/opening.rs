//! Whole origins on every database: they open at once, and hold what the registry holds.

use sealpix_origin::license::{License, SigningKey, issue};
use sealpix_origin::origin::instances::Presence;
use sealpix_origin::origin::{LicenseState, NextJwt, OpenError, Origin};
use sealpix_origin::registry::{AuditFilter, Author, ChainVerdict, RegistryError};
use sealpix_origin::settings::{SetBy, SettingError};
use sealpix_origin::vault::{Place, VaultError};
use tokio::task::JoinSet;

use crate::home::Home;

const OLD: &str = "the first JWT secret, of 32 bytes";
const NEW: &str = "the second JWT secret, of 32 bytes";
const MASTER_NEW: &str = "another master secret, also 32 characters";

/// What the audit log says was done, the oldest first.
async fn actions(origin: &Origin) -> Vec<String> {
    let log = origin.registry.audit_log(&AuditFilter::default(), None, 100).await.unwrap();
    assert!(matches!(origin.registry.verify_audit_log().await.unwrap(), ChainVerdict::Intact { .. }));
    log.into_iter().rev().map(|entry| entry.action).collect()
}

async fn open_at_once(home: &Home, folder: &std::path::Path, more: &[(&str, &str)]) -> Vec<Origin> {
    let opening = (0..6).map(|_| home.origin(folder, more));
    let mut opened = Vec::new();
    for origin in futures(opening).await {
        opened.push(origin.unwrap());
    }
    opened
}

/// All of them, polled at once.
async fn futures<T, F: Future<Output = T>>(all: impl Iterator<Item = F>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut waiting {
            if done.is_none()
                && let std::task::Poll::Ready(value) = one.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if waiting.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, done)| done).collect()
}

pub(crate) async fn origins_that_open_at_once_make_one_vault(home: &Home) {
    let folder = tempfile::tempdir().unwrap();
    let origins = open_at_once(home, folder.path(), &[]).await;
    let place = Place::setting("license.key", 1);
    let cell = origins[0].data.seal(place, b"secret").unwrap();
    for origin in &origins {
        assert_eq!(origin.jwt.expose(), origins[0].jwt.expose(), "each generated its own");
        assert_eq!(origin.data.open(place, &cell).unwrap().as_slice(), b"secret");
        assert_eq!(origin.check_cells().await.unwrap().0, 3);
    }
    assert_eq!(actions(&origins[0]).await, ["vault.create", "jwt_secret.create", "data_key.create"]);
}

pub(crate) async fn origins_that_open_at_once_rewrap_once(home: &Home) {
    let folder = tempfile::tempdir().unwrap();
    let first = home.origin(folder.path(), &[("JWT_SECRET", OLD)]).await.unwrap();
    let place = Place::setting("license.key", 1);
    let cell = first.data.seal(place, b"secret").unwrap();
    let cells = first.registry.setting_cells().await.unwrap();
    for wrong in [vec![("JWT_SECRET", NEW)], vec![], vec![("JWT_SECRET", NEW), ("JWT_SECRET_PREVIOUS", MASTER_NEW)]] {
        let refused = home.origin(folder.path(), &wrong).await.err().unwrap();
        assert!(matches!(refused, OpenError::Vault(VaultError::WrongJwtSecret)), "{refused:?}");
        assert_eq!(first.registry.setting_cells().await.unwrap(), cells, "something was written");
    }
    let both = [("JWT_SECRET", NEW), ("JWT_SECRET_PREVIOUS", OLD)];
    for origin in open_at_once(home, folder.path(), &both).await {
        assert_eq!(origin.data.open(place, &cell).unwrap().as_slice(), b"secret");
        assert_eq!(origin.jwt_previous.unwrap().expose(), OLD);
    }
    assert_eq!(actions(&first).await, ["vault.create", "data_key.create", "data_key.rewrap"]);
    home.origin(folder.path(), &[("JWT_SECRET", NEW)]).await.unwrap();
    assert!(home.origin(folder.path(), &[("JWT_SECRET", OLD)]).await.is_err());
}

pub(crate) async fn a_process_with_replaced_keys_changes_nothing(home: &Home) {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = [home.origin(folder.path(), &[]).await.unwrap(), home.origin(folder.path(), &[]).await.unwrap()];
    let author = Author::system(one.clock.millis());
    let presence = Presence::register(&other).await.unwrap();
    for refused in
        [one.rotate_master(MASTER_NEW, false, &author).await, one.rotate_jwt(NextJwt::Generated, false, &author).await]
    {
        assert!(refused.unwrap_err().to_string().contains("stop them first"));
    }
    presence.end().await;
    one.rotate_jwt(NextJwt::Generated, true, &author).await.unwrap();
    assert!(matches!(other.change(&author).await, Err(OpenError::Rotated)));
    assert!(matches!(Presence::register(&other).await, Err(OpenError::Rotated)));
    let other = home.origin(folder.path(), &[]).await.unwrap();
    assert_ne!(other.jwt.expose(), one.jwt.expose());
    assert_eq!(other.rotate_master(MASTER_NEW, true, &author).await.unwrap().cells, 4);
    assert!(matches!(other.change(&author).await, Err(OpenError::Rotated)));
    let refused = home.origin(folder.path(), &[]).await.err().unwrap();
    assert!(matches!(refused, OpenError::Vault(VaultError::WrongMaster)), "{refused:?}");
    let with_new = home.origin(folder.path(), &[("MASTER_SECRET", MASTER_NEW)]).await.unwrap();
    assert_ne!(with_new.jwt.expose(), other.jwt.expose(), "who had the old master has read it");
    assert_eq!(with_new.rotate_master(MASTER_NEW, true, &author).await.unwrap().cells, 0);
    assert!(with_new.check_cells().await.unwrap().1.is_empty());
    assert_eq!(actions(&with_new).await.last().unwrap(), "master.rotate");
}

/// A licence of a vendor whose public key is given too.
fn licence(max_instances: u32, features: &[&str], expires_at: u64) -> (String, String) {
    let vendor = SigningKey::generate().unwrap();
    let license = License {
        id: "lic_1".to_owned(),
        holder: "Example GmbH".to_owned(),
        issued_at: 1,
        expires_at,
        features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        max_instances,
    };
    (vendor.public().to_string(), issue(&vendor, &license))
}

pub(crate) async fn presences_at_once_fill_the_licence_and_no_more(home: &Home) {
    let (vendor, text) = licence(5, &[], u64::MAX);
    for (more, limit) in
        [(vec![], 3), (vec![("SEALPIX_LICENSE_PUBLIC_KEY", vendor.as_str()), ("LICENSE_KEY", text.as_str())], 5)]
    {
        // Instances on machines of their own: none sees another's lock file.
        let mut tasks = JoinSet::new();
        let mut folders = Vec::new();
        for _ in 0..6 {
            let folder = tempfile::tempdir().unwrap();
            let origin = home.origin(folder.path(), &more).await.unwrap();
            folders.push(folder);
            tasks.spawn(async move { Presence::register(&origin).await });
        }
        let (registered, refused): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!((registered.len(), refused.len()), (limit, 6 - limit));
        for refused in refused {
            assert!(matches!(refused.err().unwrap(), OpenError::Registry(RegistryError::Refused(_))));
        }
        for presence in registered {
            presence.unwrap().end().await;
        }
        assert_eq!(home.count("instances"), 0);
    }
}

pub(crate) async fn settings_are_resolved_set_and_noted(home: &Home) {
    let folder = tempfile::tempdir().unwrap();
    let (vendor, text) = licence(5, &["white_label"], u64::MAX);
    let more = [("SEALPIX_LICENSE_PUBLIC_KEY", vendor.as_str()), ("JWT_EXPIRATION", "1h")];
    let origin = home.origin(folder.path(), &more).await.unwrap();
    let author = Author::system(origin.clock.millis());
    let set = async |name: &str, text: &str| {
        let mut change = origin.change(&author).await?;
        origin.set_setting(&mut change, name, text).await?;
        Ok::<(), OpenError>(change.commit().await?)
    };
    assert_eq!((origin.session_secs().await.unwrap(), origin.is_guest_mode_on().await.unwrap()), (3_600, false));
    set("guest.enabled", "1").await.unwrap();
    assert!(origin.is_guest_mode_on().await.unwrap());
    assert!(matches!(set("session.expiration", "2h").await, Err(OpenError::Setting(SettingError::Fixed { .. }))));
    assert!(matches!(set("guest.enabled", "2").await, Err(OpenError::Setting(SettingError::Invalid { .. }))));
    let refused = set("brand.name", "Mine").await;
    assert!(matches!(refused, Err(OpenError::Setting(SettingError::NotEntitled { .. }))), "{refused:?}");
    let (_, another) = licence(5, &["white_label"], u64::MAX);
    let (_, old) = licence(5, &[], 2);
    for refused in [&another, &old, "SPX1.x"] {
        assert!(matches!(set("license.key", refused).await, Err(OpenError::License(_))));
    }
    assert_eq!(origin.license_state().await.unwrap(), LicenseState::None);
    set("license.key", &text).await.unwrap();
    assert_eq!(origin.license().await.unwrap().unwrap().max_instances, 5);
    set("brand.name", "Mine").await.unwrap();
    assert_eq!(origin.setting("brand.name").await.unwrap().unwrap().to_string(), "Mine");

    let before = actions(&origin).await.len();
    set("guest.enabled", "true").await.unwrap();
    assert_eq!(actions(&origin).await.len(), before, "what changes nothing is no entry");
    let mut change = origin.change(&author).await.unwrap();
    assert!(origin.unset_setting(&mut change, "license.key").await.unwrap());
    assert!(!origin.unset_setting(&mut change, "license.key").await.unwrap());
    change.commit().await.unwrap();
    assert_eq!(origin.setting("brand.name").await.unwrap().unwrap().to_string(), "Sealpix", "its licence is gone");
    let shown = origin.settings().await.unwrap();
    let brand = shown.iter().find(|held| held.setting.name == "brand.name").unwrap();
    assert_eq!((brand.set_by, brand.is_allowed), (SetBy::Registry, false));
    let log = origin.registry.audit_log(&AuditFilter::default(), None, 100).await.unwrap();
    let said = format!("{log:?} {shown:?}");
    assert!(said.contains("(set)") && !said.contains(&text), "{said}");
}
