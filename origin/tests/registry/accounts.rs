//! What every registry does about users, sessions, API tokens and logins.

use sealpix_origin::access::id::{SessionId, TokenId, UserId};
use sealpix_origin::access::permission::Scopes;
use sealpix_origin::access::role::Role;
use sealpix_origin::access::throttle::Attempts;
use sealpix_origin::registry::{Actor, AuditFilter, RegistryError, Session, SessionOwner, StoredToken, User};

use crate::home::{Home, Opened};

const NOW: u64 = 1_800_000_000_000;
const HOUR: u64 = 3_600_000;

fn user(number: u8, role: Role) -> User {
    User {
        id: UserId::from_bytes([number; 16]),
        email: format!("user{number}@example.com"),
        name: format!("User {number} ü'\"\\"),
        role,
        password_hash: format!("$argon2id$of-{number}"),
        is_active: true,
        created_at: NOW,
        changed_at: NOW,
        last_login_at: None,
    }
}

fn session(number: u8, of: Option<&User>) -> Session {
    Session {
        id: SessionId::from_bytes([number; 16]).to_string(),
        user: of.map(|user| user.id),
        created_at: NOW + u64::from(number),
        expires_at: NOW + HOUR,
        address: Some("192.0.2.1".to_owned()),
        user_agent: Some("a browser".to_owned()),
    }
}

fn token(number: u8, of: &User) -> StoredToken {
    StoredToken {
        id: TokenId::from_bytes([number; 16]),
        user: of.id,
        name: format!("token {number}"),
        scopes: Scopes::parse("keys:read usage:read").unwrap(),
        created_at: NOW + u64::from(number),
        expires_at: None,
        last_used_at: None,
    }
}

async fn add_user(registry: &Opened, user: &User) -> Result<(), RegistryError> {
    let mut change = registry.begin(NOW).await;
    change.add_user(user).await?;
    change.commit().await
}

async fn put_user(registry: &Opened, user: &User) -> Result<(), RegistryError> {
    let mut change = registry.begin(NOW + 1).await;
    change.put_user(user).await?;
    change.commit().await
}

async fn begin_session(registry: &Opened, session: &Session) {
    let mut change = registry.begin(NOW).await;
    change.begin_session(session).await.unwrap();
    change.commit().await.unwrap();
}

async fn add_token(registry: &Opened, token: &StoredToken, fingerprint: &str) {
    let mut change = registry.begin(NOW).await;
    change.add_token(token, fingerprint).await.unwrap();
    change.commit().await.unwrap();
}

async fn actions(registry: &Opened) -> Vec<String> {
    let mut log = registry.audit_log(&AuditFilter::default(), None, 100).await.unwrap();
    log.reverse();
    log.into_iter().map(|entry| entry.action).collect()
}

pub(crate) async fn the_first_user_is_an_admin_and_ends_the_setup(home: &Home) {
    let registry = home.open().await;
    assert!(registry.needs_setup().await.unwrap());
    for fingerprint in ["first", "second"] {
        let mut change = registry.begin(NOW).await;
        assert!(change.offer_setup(fingerprint).await.unwrap());
        change.commit().await.unwrap();
        assert_eq!(registry.setup_token().await.unwrap().as_deref(), Some(fingerprint));
    }
    for wrong in [user(1, Role::Editor), User { is_active: false, ..user(1, Role::Admin) }] {
        assert!(matches!(add_user(&registry, &wrong).await, Err(RegistryError::Refused(_))));
    }
    assert!(registry.needs_setup().await.unwrap(), "a refusal ends nothing");
    add_user(&registry, &user(1, Role::Admin)).await.unwrap();
    assert!(!registry.needs_setup().await.unwrap());
    assert_eq!(registry.setup_token().await.unwrap(), None);
    let mut change = registry.begin(NOW).await;
    assert!(!change.offer_setup("third").await.unwrap() && !change.needs_setup().await.unwrap());
    change.commit().await.unwrap();
    assert_eq!(registry.setup_token().await.unwrap(), None);
    assert_eq!(actions(&registry).await, ["setup.offer", "setup.offer", "user.create"]);
}

pub(crate) async fn users_are_kept_and_found(home: &Home) {
    let registry = home.open().await;
    let (ada, eve) = (user(1, Role::Admin), user(2, Role::Viewer));
    add_user(&registry, &ada).await.unwrap();
    add_user(&registry, &eve).await.unwrap();
    assert_eq!(registry.users().await.unwrap(), [ada.clone(), eve.clone()]);
    assert_eq!(registry.user(&eve.id).await.unwrap(), Some(eve.clone()));
    assert_eq!(registry.user_by_email(&eve.email).await.unwrap(), Some(eve.clone()));
    assert_eq!(registry.user_by_email("nobody@example.com").await.unwrap(), None);
    let taken = User { email: ada.email.clone(), ..user(3, Role::Viewer) };
    assert!(matches!(add_user(&registry, &taken).await, Err(RegistryError::Exists(_))));
    let taken = User { email: ada.email.clone(), ..eve.clone() };
    assert!(matches!(put_user(&registry, &taken).await, Err(RegistryError::Exists(_))));
    put_user(&registry, &eve).await.unwrap();
    assert_eq!(registry.user(&eve.id).await.unwrap(), Some(eve.clone()), "an equal state is no change");
    let changed =
        User { email: "eva@example.com".to_owned(), role: Role::Editor, name: "Eva".to_owned(), ..eve.clone() };
    put_user(&registry, &changed).await.unwrap();
    assert_eq!(registry.user(&eve.id).await.unwrap(), Some(User { changed_at: NOW + 1, ..changed }));
    assert!(matches!(put_user(&registry, &user(9, Role::Viewer)).await, Err(RegistryError::Missing(_))));
    let mut change = registry.begin(NOW + 2).await;
    change.remove_user(&eve.id).await.unwrap();
    assert!(matches!(change.remove_user(&eve.id).await, Err(RegistryError::Missing(_))));
    change.commit().await.unwrap();
    assert_eq!(registry.users().await.unwrap(), [ada]);
    assert_eq!(actions(&registry).await, ["user.create", "user.create", "user.change", "user.remove"]);
    let log = registry.audit_log(&AuditFilter::default(), None, 100).await.unwrap();
    assert!(!format!("{log:?}").contains("argon2"), "no hash is in the audit log");
}

pub(crate) async fn there_is_always_an_active_admin(home: &Home) {
    let registry = home.open().await;
    let (ada, eve) = (user(1, Role::Admin), user(2, Role::Admin));
    add_user(&registry, &ada).await.unwrap();
    add_user(&registry, &User { is_active: false, ..eve.clone() }).await.unwrap();
    add_user(&registry, &user(3, Role::Editor)).await.unwrap();
    for demoted in [User { role: Role::Editor, ..ada.clone() }, User { is_active: false, ..ada.clone() }] {
        assert!(matches!(put_user(&registry, &demoted).await, Err(RegistryError::Refused(_))));
    }
    let mut change = registry.begin(NOW).await;
    assert!(matches!(change.remove_user(&ada.id).await, Err(RegistryError::Refused(_))));
    drop(change);
    put_user(&registry, &eve).await.unwrap();
    let instances = [registry.clone(), home.open().await];
    let mut tasks = tokio::task::JoinSet::new();
    for (registry, admin) in instances.into_iter().zip([ada, eve]) {
        tasks.spawn(async move { put_user(&registry, &User { role: Role::Viewer, ..admin }).await });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
    let users = registry.users().await.unwrap();
    assert_eq!(users.iter().filter(|user| user.role == Role::Admin && user.is_active).count(), 1);
}

pub(crate) async fn a_session_is_who_its_user_is_now(home: &Home) {
    let registry = home.open().await;
    let (ada, eve) = (user(1, Role::Admin), user(2, Role::Viewer));
    add_user(&registry, &ada).await.unwrap();
    add_user(&registry, &eve).await.unwrap();
    let (one, two, guest) = (session(1, Some(&eve)), session(2, Some(&eve)), session(3, None));
    for session in [&one, &two, &guest] {
        begin_session(&registry, session).await;
    }
    let owner = async |session: &Session, now| registry.session_owner(&session.id, now).await.unwrap();
    let is = |role| Some(SessionOwner::User { id: eve.id, email: eve.email.clone(), role });
    assert_eq!(owner(&one, NOW).await, is(Role::Viewer));
    assert_eq!(owner(&guest, NOW).await, Some(SessionOwner::Guest));
    assert_eq!(owner(&session(9, None), NOW).await, None);
    assert_eq!((owner(&one, NOW + HOUR - 1).await, owner(&one, NOW + HOUR).await), (is(Role::Viewer), None));
    assert_eq!(registry.sessions(&eve.id, NOW).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(registry.session(&guest.id, NOW).await.unwrap(), Some(guest.clone()));
    assert_eq!(registry.session(&guest.id, NOW + HOUR).await.unwrap(), None);
    assert_eq!(registry.user(&eve.id).await.unwrap().unwrap().last_login_at, Some(two.created_at));

    put_user(&registry, &User { role: Role::Editor, ..eve.clone() }).await.unwrap();
    assert_eq!(owner(&one, NOW).await, is(Role::Editor));
    put_user(&registry, &User { is_active: false, ..eve.clone() }).await.unwrap();
    assert_eq!((owner(&one, NOW).await, registry.sessions(&eve.id, NOW).await.unwrap()), (None, vec![]));
    put_user(&registry, &eve).await.unwrap();
    assert_eq!(owner(&one, NOW).await, None, "an ended session stays ended");
}

pub(crate) async fn sessions_end_and_are_renewed(home: &Home) {
    let registry = home.open().await;
    let (ada, eve) = (user(1, Role::Admin), user(2, Role::Viewer));
    add_user(&registry, &ada).await.unwrap();
    add_user(&registry, &eve).await.unwrap();
    for (number, of) in [(1, &ada), (2, &ada), (3, &ada), (4, &eve)] {
        begin_session(&registry, &session(number, Some(of))).await;
    }
    let id = |number| session(number, None).id;
    let mut change = registry.begin(NOW + 10).await;
    assert!(!change.end_session(&id(4), Some(&ada.id)).await.unwrap(), "another's");
    assert!(change.end_session(&id(1), Some(&ada.id)).await.unwrap());
    assert!(!change.end_session(&id(1), None).await.unwrap());
    assert!(change.has_session(&id(2)).await.unwrap() && !change.has_session(&id(1)).await.unwrap());
    assert!(change.extend_session(&id(2), NOW + 2 * HOUR).await.unwrap());
    assert!(!change.extend_session(&id(1), NOW + 2 * HOUR).await.unwrap(), "an ended one is not revived");
    change.commit().await.unwrap();
    assert_eq!(registry.session(&id(2), NOW + HOUR).await.unwrap().unwrap().expires_at, NOW + 2 * HOUR);
    let mut change = registry.begin(NOW + HOUR).await;
    assert!(!change.extend_session(&id(3), NOW + 3 * HOUR).await.unwrap(), "nor is one that is over");
    assert_eq!(change.end_sessions(&ada.id, Some(&id(2))).await.unwrap(), 1);
    change.commit().await.unwrap();
    let mut change = registry.begin(NOW + HOUR).await;
    change.set_password(&ada.id, "$argon2id$new", None).await.unwrap();
    assert_eq!(change.sweep_sessions().await.unwrap(), 1, "eve's is over");
    change.commit().await.unwrap();
    assert_eq!(registry.session(&id(2), NOW).await.unwrap(), None, "a new password ends sessions");
    assert_eq!(registry.user(&ada.id).await.unwrap().unwrap().password_hash, "$argon2id$new");
    let said = actions(&registry).await;
    let expected = ["session.end", "session.refresh", "session.end_all", "session.end_all", "user.password"];
    assert_eq!(said[6..], expected);
}

pub(crate) async fn tokens_are_found_by_fingerprint_while_their_owner_may_sign_in(home: &Home) {
    let registry = home.open().await;
    let (ada, eve) = (user(1, Role::Admin), user(2, Role::Editor));
    add_user(&registry, &ada).await.unwrap();
    add_user(&registry, &eve).await.unwrap();
    let (one, two) = (token(1, &eve), StoredToken { expires_at: Some(NOW + HOUR), ..token(2, &eve) });
    let others = token(3, &ada);
    for (token, fingerprint) in [(&one, "fingerprint-1"), (&two, "fingerprint-2"), (&others, "fingerprint-3")] {
        add_token(&registry, token, fingerprint).await;
    }
    let found = async |fingerprint: &str, now| registry.token_by_fingerprint(fingerprint, now).await.unwrap();
    assert_eq!(found("fingerprint-1", NOW).await, Some((one.clone(), Role::Editor)));
    assert_eq!((found("fingerprint-4", NOW).await, found("", NOW).await), (None, None));
    assert!(
        found("fingerprint-2", NOW + HOUR - 1).await.is_some() && found("fingerprint-2", NOW + HOUR).await.is_none()
    );
    assert_eq!(registry.tokens(Some(&eve.id)).await.unwrap(), [one.clone(), two]);
    assert_eq!(registry.tokens(None).await.unwrap().len(), 3);

    for (at, kept) in [(NOW, NOW), (NOW + 59_999, NOW), (NOW + 60_000, NOW + 60_000)] {
        let (held, _) = found("fingerprint-1", NOW).await.unwrap();
        registry.token_was_used(&held, at).await.unwrap();
        assert_eq!(found("fingerprint-1", NOW).await.unwrap().0.last_used_at, Some(kept));
    }
    put_user(&registry, &User { is_active: false, ..eve.clone() }).await.unwrap();
    assert_eq!(found("fingerprint-1", NOW).await, None);
    put_user(&registry, &User { role: Role::Viewer, ..eve.clone() }).await.unwrap();
    assert_eq!(found("fingerprint-1", NOW).await.unwrap().1, Role::Viewer);

    let mut change = registry.begin(NOW).await;
    assert!(matches!(change.remove_token(&one.id, Some(&ada.id)).await, Err(RegistryError::Missing(_))));
    change.remove_token(&one.id, Some(&eve.id)).await.unwrap();
    change.remove_token(&others.id, None).await.unwrap();
    change.remove_user(&eve.id).await.unwrap();
    change.commit().await.unwrap();
    assert!(registry.tokens(None).await.unwrap().is_empty(), "a user's tokens go with them");
    let log = registry.audit_log(&AuditFilter::default(), None, 100).await.unwrap();
    assert!(!format!("{log:?}").contains("fingerprint-"), "no fingerprint is in the audit log");
}

pub(crate) async fn a_token_of_the_third_schema_loses_the_scope_that_is_gone(home: &Home) {
    let registry = home.open().await;
    let ada = user(1, Role::Admin);
    add_user(&registry, &ada).await.unwrap();
    for number in 1..=3 {
        add_token(&registry, &token(number, &ada), &format!("fingerprint-{number}")).await;
    }
    drop(registry);
    let scopes = ["gallery:write", "keys:read gallery:write sign", "gallery:read gallery:write"];
    let tokens = scopes.iter().enumerate().map(|(number, scopes)| {
        format!("UPDATE api_tokens SET scopes = '{scopes}' WHERE secret_hash = 'fingerprint-{}';", number + 1)
    });
    home.tamper(&tokens.collect::<String>());
    home.back_before(4);
    let registry = home.open().await;
    let mut held = Vec::new();
    for number in 1..=3 {
        let found = registry.token_by_fingerprint(&format!("fingerprint-{number}"), NOW).await.unwrap();
        held.push(found.unwrap().0.scopes.to_string());
    }
    assert_eq!(held, ["", "keys:read sign", "gallery:read"]);
}

pub(crate) async fn attempts_are_kept_until_they_say_nothing(home: &Home) {
    let registry = home.open().await;
    let attempts = Attempts { failures: 3, since_millis: NOW, blocked_until_millis: NOW + 5 };
    assert_eq!(registry.attempts("account:a").await.unwrap(), None);
    for kept in [attempts, Attempts { failures: 4, ..attempts }] {
        let mut change = registry.begin(NOW).await;
        change.put_attempts("account:a", &kept).await.unwrap();
        change.put_attempts("address:b", &kept).await.unwrap();
        assert_eq!(change.attempts("account:a").await.unwrap(), Some(kept));
        change.commit().await.unwrap();
        assert_eq!(registry.attempts("account:a").await.unwrap(), Some(kept));
    }
    let mut change = registry.begin(NOW).await;
    change.forget_attempts("account:a").await.unwrap();
    assert_eq!(change.sweep_attempts(NOW + 5).await.unwrap(), 0);
    assert_eq!(change.sweep_attempts(NOW + 6).await.unwrap(), 1);
    change.commit().await.unwrap();
    assert!(actions(&registry).await.is_empty(), "what only throttles is in no audit log");
}

pub(crate) async fn failures_of_a_minute_become_one_entry_and_one_sum(home: &Home) {
    const MINUTE: u64 = 60_000;
    let registry = home.open().await;
    let minute = NOW / MINUTE * MINUTE;
    for (account, address, at) in [
        ("a", "192.0.2.1", 0),
        ("a", "192.0.2.1", 1),
        ("a", "192.0.2.1", 59_999),
        ("a", "192.0.2.2", 2),
        ("b", "192.0.2.1", 3),
        ("a", "192.0.2.1", 60_000),
    ] {
        let mut change = registry.begin(minute + at).await;
        change.set_actor(Actor::Anonymous(account.to_owned()));
        change.note_login_failure(account, address).await.unwrap();
        change.commit().await.unwrap();
    }
    assert_eq!(actions(&registry).await, ["session.failure"; 4], "the first of each account, address and minute");
    let mut change = registry.begin(minute + MINUTE).await;
    assert_eq!(change.sum_up_login_failures().await.unwrap(), 1, "one had more than its first");
    change.commit().await.unwrap();
    let sum = registry.audit_log(&AuditFilter::default(), None, 1).await.unwrap().remove(0);
    assert_eq!((sum.action.as_str(), sum.target.as_str()), ("session.failures", "account a"));
    let after: serde_json::Value = serde_json::from_str(&sum.after.unwrap()).unwrap();
    assert_eq!(after, serde_json::json!({"more": 2, "address": "192.0.2.1", "minute": minute / MINUTE}));
    let mut change = registry.begin(minute + 2 * MINUTE).await;
    assert_eq!(change.sum_up_login_failures().await.unwrap(), 0);
    change.commit().await.unwrap();
}
