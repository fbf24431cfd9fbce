//! Tests of passwords. Hashes are real, at full cost.

use std::sync::mpsc;

use super::*;

fn password(text: &str) -> Result<Password, PasswordError> {
    Password::new(Zeroizing::new(text.to_owned()))
}

#[test]
fn a_password_opens_its_own_hash_only() {
    let stored = hash(&password("correct horse").unwrap()).unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert!(verify("correct horse", Some(&stored)));
    for wrong in ["correct horsf", "correct horse ", "", "Correct horse"] {
        assert!(!verify(wrong, Some(&stored)), "{wrong:?}");
    }
    assert!(!verify("correct horse", None));
    assert_ne!(stored, hash(&password("correct horse").unwrap()).unwrap(), "salts repeat");
}

#[test]
fn a_hash_of_another_maker_is_verified() {
    // From the tests of Argon2's reference implementation (phc-winner-argon2, src/test.c).
    let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    assert!(verify("password", Some(stored)));
    assert!(needs_rehash(stored));
}

#[test]
fn characters_are_counted_not_bytes() {
    assert_eq!(password("1234567").unwrap_err(), PasswordError::TooShort);
    assert_eq!(password("äöüäöüä").unwrap_err(), PasswordError::TooShort);
    assert!(password("äöüäöüäö").is_ok());
    assert!(password(&"🔒".repeat(128)).is_ok());
    assert_eq!(password(&"🔒".repeat(129)).unwrap_err(), PasswordError::TooLong);
    assert_eq!(password("1234567\0").unwrap_err(), PasswordError::Nul);
    assert_eq!(format!("{:?}", password("12345678").unwrap()), "Password(redacted)");
}

#[test]
fn the_longest_password_is_verified_and_a_longer_candidate_costs_nothing() {
    let longest = "🔒".repeat(128);
    let stored = hash(&password(&longest).unwrap()).unwrap();
    assert!(verify(&longest, Some(&stored)));
    assert!(!verify(&"x".repeat(1_000_000), Some(&stored)));
}

#[test]
fn an_unknown_account_costs_what_a_known_one_does() {
    // The same parameters and sizes are the same work: nothing here depends on the machine's clock.
    let known = PasswordHash::new(&hash(&password("correct horse").unwrap()).unwrap()).unwrap();
    let dummy = readable(DUMMY).unwrap();
    assert!(!needs_rehash(DUMMY));
    assert_eq!(dummy.params.as_str(), known.params.as_str());
    assert_eq!(dummy.salt.unwrap().len(), known.salt.unwrap().len());
    assert_eq!(dummy.hash.unwrap().len(), known.hash.unwrap().len());
}

#[test]
fn a_damaged_hash_opens_for_nobody_and_exhausts_nothing() {
    let salt_and_hash = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    for damaged in [
        String::new(),
        "password".to_owned(),
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(),
        format!("$argon2id$v=19$m=4294967295,t=2,p=1${salt_and_hash}"),
        format!("$argon2id$v=19$m=65536,t=4294967295,p=1${salt_and_hash}"),
        format!("$argon2i$v=19$m=65536,t=2,p=1${salt_and_hash}"),
        format!("$argon2id$v=16$m=65536,t=2,p=1${salt_and_hash}"),
    ] {
        assert!(!verify("password", Some(&damaged)), "{damaged}");
        assert!(needs_rehash(&damaged), "{damaged}");
    }
}

#[test]
fn a_hash_of_today_needs_no_rehash() {
    assert!(!needs_rehash(&hash(&password("correct horse").unwrap()).unwrap()));
}

#[tokio::test]
async fn hashes_in_turn_are_the_same_hashes() {
    let stored = hash_in_turn(password("correct horse").unwrap()).await.unwrap();
    let candidate = || Zeroizing::new("correct horse".to_owned());
    assert!(verify_in_turn(candidate(), Some(stored)).await.unwrap());
    assert!(!verify_in_turn(candidate(), None).await.unwrap());
}

#[tokio::test]
async fn work_waits_for_its_turn_and_more_than_may_wait_are_turned_away() {
    static TURNS: Turns = Turns::new(1, 2);
    let (go_on, held) = mpsc::channel::<()>();
    let first = tokio::spawn(TURNS.work(move || held.recv().is_ok()));
    while TURNS.working.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let second = tokio::spawn(TURNS.work(|| 2));
    while TURNS.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(TURNS.work(|| 3).await, Err(HashError::Busy)));
    assert!(!second.is_finished());
    go_on.send(()).unwrap();
    assert!(first.await.unwrap().unwrap());
    assert_eq!(second.await.unwrap().unwrap(), 2);
    assert_eq!(TURNS.places.available_permits(), 2);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_free_the_turn_of_work_that_goes_on() {
    static TURNS: Turns = Turns::new(1, 2);
    let (go_on, held) = mpsc::channel::<()>();
    let first = tokio::spawn(TURNS.work(move || held.recv().is_ok()));
    while TURNS.working.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(TURNS.working.available_permits(), 0);
    go_on.send(()).unwrap();
    while TURNS.working.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
}
