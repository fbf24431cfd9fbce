//! Attacks on session tokens, each by its name.

use sha2::Sha256;

use super::*;

const NOW: u64 = 1_700_000_000;
const SECRET: &[u8] = b"a JWT secret of more than 32 bytes";

fn key(secret: &[u8]) -> SessionKey {
    SessionKey::from_jwt_secret(secret).unwrap()
}

fn keys() -> SessionKeys {
    SessionKeys::new(key(SECRET), None)
}

fn claims(subject: Subject) -> Claims {
    let session = SessionId::from_bytes([2; 16]);
    Claims { subject, session, issued_at: NOW, expires_at: NOW + 3600 }
}

fn user() -> Claims {
    claims(Subject::User(UserId::from_bytes([1; 16])))
}

fn token() -> String {
    keys().issue(&user())
}

fn refused(token: &str) -> SessionError {
    keys().verify(token, Audience::Session, NOW).unwrap_err()
}

/// A token with this header and payload under our own key: what only a broken verifier would accept.
fn signed(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
    let mac = keyed(&key(SECRET).signing).chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", encode(&mac))
}

fn our_header() -> String {
    format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, key(SECRET).kid())
}

fn payload(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::json!({
        "iss": "sealpix", "aud": "session", "iat": NOW, "exp": NOW + 3600,
        "sub": UserId::from_bytes([1; 16]), "jti": SessionId::from_bytes([2; 16]),
    });
    change(&mut value);
    value.to_string()
}

#[test]
fn a_token_says_what_was_signed() {
    assert_eq!(keys().verify(&token(), Audience::Session, NOW), Ok(user()));
    let guest = claims(Subject::Guest);
    assert_eq!(keys().verify(&keys().issue(&guest), Audience::Guest, NOW), Ok(guest));
    assert_eq!(keys().verify(&signed(&our_header(), &payload(|_| ())), Audience::Session, NOW), Ok(user()));
    assert!(token().len() <= MAX_TOKEN_BYTES);
    let far = Claims { issued_at: u64::MAX - 1, expires_at: u64::MAX, ..user() };
    assert_eq!(keys().verify(&keys().issue(&far), Audience::Session, NOW), Ok(far), "the longest token is read");
}

#[test]
fn the_signature_is_plain_hs256_over_the_derived_key() {
    use hkdf::hmac::{Hmac, KeyInit as _};
    let token = token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut derived = [0; 32];
    hkdf::Hkdf::<Sha256>::new(None, SECRET).expand(b"sealpix/jwt/session/v1", &mut derived).unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(&derived).unwrap().chain_update(signed);
    assert_eq!(signature, encode(&mac.finalize().into_bytes()));
}

#[test]
fn no_header_but_ours_is_accepted_even_under_our_key() {
    let kid = key(SECRET).kid().to_owned();
    let other = key(b"another JWT secret of over 32 bytes");
    for header in [
        r#"{"alg":"none","typ":"JWT"}"#.to_owned(),
        format!(r#"{{"alg":"none","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"None","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RS256","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"HS384","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"hs256","typ":"JWT","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"JWT","alg":"HS256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}","alg":"none"}}"#),
        format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{kid}"}} "#),
        format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, other.kid()),
        r#"{"alg":"HS256","typ":"JWT","kid":"../../dev/null"}"#.to_owned(),
        r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(),
        String::new(),
    ] {
        assert_eq!(refused(&signed(&header, &payload(|_| ()))), SessionError::Header, "{header}");
    }
}

#[test]
fn a_stripped_or_changed_signature_is_refused() {
    let token = token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(refused(&format!("{signed}.")), SessionError::Forged);
    assert_eq!(refused(signed), SessionError::Malformed);
    assert_eq!(refused(&format!("{signed}.{}", encode(&[0; 32]))), SessionError::Forged);
    assert_eq!(refused(&format!("{signed}.{}", &signature[..42])), SessionError::Forged);
    let other = SessionKeys::new(key(b"another JWT secret of over 32 bytes"), None);
    let theirs = other.issue(&user());
    let (_, their_signature) = theirs.rsplit_once('.').unwrap();
    assert_eq!(refused(&format!("{signed}.{their_signature}")), SessionError::Forged);
    assert_eq!(refused(&theirs), SessionError::Header);
}

#[test]
fn a_changed_payload_is_refused() {
    let token = token();
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let changed = encode(payload(|value| value["exp"] = (NOW + 9999).into()).as_bytes());
    assert_eq!(refused(&format!("{header}.{changed}.{signature}")), SessionError::Forged);
}

#[test]
fn every_single_changed_character_is_refused() {
    let token = token();
    for at in 0..token.len() {
        for other in ["A", "B", ".", "=", "\0"] {
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(changed == token || keys().verify(&changed, Audience::Session, NOW).is_err(), "{changed}");
        }
    }
}

#[test]
fn a_token_ends_at_exp_to_the_second() {
    assert!(keys().verify(&token(), Audience::Session, NOW + 3599).is_ok());
    for later in [NOW + 3600, NOW + 3601, u64::MAX] {
        assert_eq!(keys().verify(&token(), Audience::Session, later), Err(SessionError::Expired));
    }
    let slow_clock = keys().verify(&token(), Audience::Session, NOW - 5);
    assert!(slow_clock.is_ok(), "another instance's clock may be behind");
}

#[test]
fn audiences_are_not_interchangeable() {
    let guest = keys().issue(&claims(Subject::Guest));
    assert_eq!(refused(&guest), SessionError::Audience);
    assert_eq!(keys().verify(&token(), Audience::Guest, NOW), Err(SessionError::Audience));
    let crossed = signed(&our_header(), &payload(|value| value["sub"] = "guest".into()));
    assert_eq!(refused(&crossed), SessionError::Malformed);
}

#[test]
fn a_payload_that_we_do_not_write_is_refused_even_under_our_key() {
    let changes: [fn(&mut serde_json::Value); 8] = [
        |value| value["iss"] = "elsewhere".into(),
        |value| value["aud"] = serde_json::json!(["session"]),
        |value| value["sub"] = "us_1".into(),
        |value| value["jti"] = "tk_AAAAAAAAAAAAAAAAAAAAAA".into(),
        |value| value["exp"] = "9999999999".into(),
        |value| value["exp"] = 1e300.into(),
        |value| value["exp"] = (-1).into(),
        |value| *value = serde_json::json!({}),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(refused(&signed(&our_header(), &payload(change))), SessionError::Malformed, "change {at}");
    }
}

#[test]
fn another_spelling_of_a_right_token_is_refused() {
    let token = token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    // 43 characters hold 258 bits: the last one's two low bits are spare.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(signature.chars().last().unwrap()).unwrap();
    for spare in 1..4 {
        let other = &alphabet[last + spare..=last + spare];
        assert_eq!(refused(&format!("{signed}.{}{other}", &signature[..42])), SessionError::Forged);
    }
    for other in [format!("{token}="), format!("{token}A"), format!("{token}\n"), format!("{token} ")] {
        assert_eq!(refused(&other), SessionError::Forged, "{other:?}");
    }
    assert_eq!(refused(&format!(" {token}")), SessionError::Header);
    assert_eq!(refused(&format!("Bearer {token}")), SessionError::Header);
}

#[test]
fn more_or_fewer_parts_are_refused() {
    let token = token();
    for wrong in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "....".to_owned(),
        token.replace('.', ""),
        format!("{token}."),
        format!("{token}.."),
        format!(".{token}"),
        format!("..{token}"),
        token.replace('.', ".."),
    ] {
        assert!(keys().verify(&wrong, Audience::Session, NOW).is_err(), "{wrong}");
    }
}

#[test]
fn a_token_of_100_kb_is_not_read() {
    let token = token();
    assert_eq!(refused(&format!("{token}{}", "A".repeat(100_000))), SessionError::Malformed);
    assert_eq!(refused(&".".repeat(100_000)), SessionError::Malformed);
    let long = signed(&our_header(), &payload(|value| value["more"] = "x".repeat(100_000).into()));
    assert_eq!(refused(&long), SessionError::Malformed);
}

#[test]
fn tokens_of_the_previous_key_live_on_and_those_before_do_not() {
    let (old, new) = (key(SECRET), key(b"another JWT secret of over 32 bytes"));
    let rotated = SessionKeys::new(new.clone(), Some(old));
    assert_eq!(rotated.verify(&token(), Audience::Session, NOW), Ok(user()));
    assert_eq!(rotated.verify(&rotated.issue(&user()), Audience::Session, NOW), Ok(user()));
    assert_eq!(refused(&rotated.issue(&user())), SessionError::Header, "the new key signs");
    let again = SessionKeys::new(new, None);
    assert_eq!(again.verify(&token(), Audience::Session, NOW), Err(SessionError::Header));
}

#[test]
fn short_secrets_are_refused_and_no_debug_output_holds_a_key() {
    assert_eq!(SessionKey::from_jwt_secret(&[1; 31]).unwrap_err(), ShortJwtSecret);
    let key = key(&[1; 32]);
    assert_eq!(key.kid().len(), 8);
    assert_eq!(format!("{key:?}"), format!("SessionKey({}, redacted)", key.kid()));
}
