//! Guessing passwords (ADM-5): how many guesses are looked at, and what goes on meanwhile. An account's bound is in
//! `access::throttle`: five guesses, then waits; the first lasts 30 s, longer than these tests guess.

use serde_json::json;

use super::client::{ADMIN, PASSWORD, Person, at_once, count, login, on_every_database, set_up};
use crate::harness::{Answer, Data, Served};

/// A login through the proxy that the tests trust, from the address behind it.
fn login_from(served: &Served, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    served.call("POST", "/sessions", &[("X-Forwarded-For", address)], Some(&body))
}

fn behind_a_proxy() -> Data {
    Data::new(&[("SEALPIX_TRUSTED_PROXIES", "127.0.0.0/8")])
}

#[test]
fn adm5_of_200_guesses_at_once_at_an_account_five_are_looked_at() {
    let data = behind_a_proxy();
    let (served, admin) = set_up(&data);
    // Each from an address of its own: the account alone throttles.
    let guesses = at_once(200, |turn| login_from(&served, &format!("198.51.100.{turn}"), ADMIN, "a wrong password"));
    let (looked_at, throttled) = (count(&guesses, 401), count(&guesses, 429));
    println!("login: of 200 guesses at one account, at once from 200 addresses, {looked_at} were looked at");
    assert_eq!((looked_at, throttled), (5, 195));
    let right = login_from(&served, "203.0.113.1", ADMIN, PASSWORD);
    assert_eq!((right.status, right.code().as_deref()), (429, Some("throttled")), "the right password, too");
    let secs: u64 = right.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&secs), "{secs}");
    assert_eq!(admin.get(&served, "/session").status, 200, "who is signed in goes on");
    assert_eq!(served.log().matches("\"session.failure\"").count(), 5, "one entry for each address and minute");
}

#[test]
fn adm5_of_200_guesses_at_once_from_an_address_twenty_are_looked_at() {
    on_every_database(|data| {
        let (served, admin) = set_up(data);
        let guesses = at_once(200, |turn| login(&served, &format!("user{turn}@example.com"), "a wrong password"));
        let (looked_at, throttled) = (count(&guesses, 401), count(&guesses, 429));
        println!("login: of 200 guesses at 200 accounts, at once from one address, {looked_at} were looked at");
        assert_eq!((looked_at, throttled), (20, 180));
        assert_eq!(login(&served, ADMIN, PASSWORD).status, 429);
        assert_eq!(admin.get(&served, "/session").status, 200);
    });
}

#[test]
fn adm5_a_success_clears_the_account_and_gives_the_address_no_further_guesses() {
    let data = behind_a_proxy();
    let (served, admin) = set_up(&data);
    admin.invite(&served, "eve@example.com", "viewer");
    let from = |email: &str, password: &str| login_from(&served, "198.51.100.7", email, password).status;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(from(ADMIN, "a wrong password"), 401);
        }
        assert_eq!(from(ADMIN, PASSWORD), 201, "four failures are free, again and again");
    }
    // Twelve of the address's twenty are gone, whatever its successes.
    let mut looked_at = 0;
    while from(&format!("user{looked_at}@example.com"), "a wrong password") == 401 {
        assert_eq!(from("eve@example.com", PASSWORD), if looked_at == 7 { 429 } else { 201 }, "{looked_at}");
        looked_at += 1;
        if looked_at == 8 {
            break;
        }
    }
    assert_eq!(looked_at, 8);
}

#[test]
fn adm5_an_account_that_is_not_there_is_throttled_and_answered_like_one_that_is() {
    let data = behind_a_proxy();
    let (served, _) = set_up(&data);
    let long = "x".repeat(100_000);
    for (turn, email) in [ADMIN, "nobody@example.com", "no address", "", "a\0\nb", &long].iter().enumerate() {
        let from =
            |guess: usize| login_from(&served, &format!("203.0.113.{}", turn * 10 + guess), email, "wrong password");
        for guess in 0..5 {
            let answer = from(guess);
            assert_eq!((answer.status, answer.code().as_deref()), (401, Some("credentials_wrong")), "{email:.20?}");
        }
        assert_eq!(from(5).status, 429, "{email:.20?}");
    }
    assert!(!served.log().contains(&"x".repeat(300)), "what a stranger writes into the log is short");
}

#[test]
fn adm5_the_current_password_cannot_be_guessed_by_who_has_a_session() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let eve = admin.invite(&served, "eve@example.com", "viewer");
    let change = |current: &str| {
        let body = json!({"current": current, "new": "another long password"});
        eve.call(&served, "PUT", "/session/password", Some(&body))
    };
    let guesses = at_once(40, |_| change("a wrong password"));
    let (looked_at, throttled) = (count(&guesses, 403), count(&guesses, 429));
    println!("password: of 40 guesses at the current one, at once by its session, {looked_at} were looked at");
    assert_eq!((looked_at, throttled), (5, 35));
    assert_eq!(change(PASSWORD).status, 429);
    assert_eq!(login(&served, "eve@example.com", PASSWORD).status, 429, "logins are charged to the same account");
}

#[test]
fn adm5_guests_cannot_fill_the_registry_with_sessions() {
    let data = Data::new(&[("ALLOW_GUEST_MODE", "true")]);
    let (served, _) = set_up(&data);
    let answers = at_once(60, |_| served.call("POST", "/sessions/guest", &[], None));
    assert_eq!((count(&answers, 201), count(&answers, 429)), (20, 40));
    assert_eq!(login(&served, ADMIN, PASSWORD).status, 201, "which bars nobody from signing in");
}

#[test]
fn sig13_no_password_and_no_token_stands_in_the_log_or_the_audit_log() {
    let data = Data::new(&[("SEALPIX_LOG", "trace")]);
    let (served, admin) = set_up(&data);
    let guessed = "a guess that is nearly right";
    assert_eq!(login(&served, ADMIN, guessed).status, 401);
    let token = json!({"name": "ci", "scopes": ["keys:read"]});
    let made = admin.call(&served, "POST", "/tokens", Some(&token)).json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let new = "another password, also long";
    let change = json!({"current": PASSWORD, "new": new});
    assert_eq!(admin.call(&served, "PUT", "/session/password", Some(&change)).status, 204);
    let again = Person::of(&login(&served, ADMIN, new));
    let log = served.log();
    let database = ["registry.db", "registry.db-wal"].map(|file| std::fs::read(data.path().join(file)).unwrap());
    assert!(log.contains("user.password") && log.contains("session.failure"), "the log was read");
    for secret in [PASSWORD, guessed, new, &secret, &admin.token, &admin.csrf, &again.token] {
        assert!(!log.contains(secret), "the log holds a secret");
        for bytes in &database {
            assert!(!crate::secrets::holds(bytes, secret), "the database holds a secret");
        }
    }
}
