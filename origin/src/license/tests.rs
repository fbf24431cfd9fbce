use super::*;

const NOW: u64 = 1_800_000_000;

fn vendor() -> SigningKey {
    SigningKey::parse(&format!("SPXK.{}", URL_SAFE_NO_PAD.encode([7; 32]))).unwrap()
}

fn license() -> License {
    License {
        id: "lic_1".to_owned(),
        holder: "Example GmbH".to_owned(),
        issued_at: NOW - 10,
        expires_at: NOW + 10,
        features: vec!["white_label".to_owned()],
        max_instances: 5,
    }
}

fn verify(text: &str) -> Result<License, LicenseError> {
    License::verify(text, &vendor().public(), NOW)
}

/// A payload that `issue` would not write, signed by the vendor.
fn signed(payload: &str) -> String {
    let signed = format!("SPX1.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = vendor().sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn what_the_vendor_issues_verifies() {
    let text = issue(&vendor(), &license());
    assert_eq!(verify(&text).unwrap(), license());
    assert!(verify(&text).unwrap().entitles(Feature::WhiteLabel));
}

#[test]
fn no_changed_byte_verifies() {
    let text = issue(&vendor(), &license());
    for at in 0..text.len() {
        for bit in 0..7 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verify(&changed).is_err(), "{changed:?}");
        }
        assert!(verify(&text[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn another_vendors_licence_is_refused() {
    let text = issue(&SigningKey::generate().unwrap(), &license());
    assert_eq!(verify(&text), Err(LicenseError::Signature));
    let mine = issue(&vendor(), &license());
    let (_, signature) = mine.rsplit_once('.').unwrap();
    let larger = issue(&vendor(), &License { max_instances: 500, ..license() });
    let (payload, _) = larger.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{payload}.{signature}")), Err(LicenseError::Signature));
}

#[test]
fn times_count_to_the_second() {
    let at = |issued_at, expires_at| verify(&issue(&vendor(), &License { issued_at, expires_at, ..license() }));
    assert!(at(0, NOW + 1).is_ok());
    assert_eq!(at(0, NOW), Err(LicenseError::Expired));
    assert!(at(NOW + MAX_ISSUED_AHEAD_SECS, u64::MAX).is_ok());
    assert_eq!(at(NOW + MAX_ISSUED_AHEAD_SECS + 1, u64::MAX), Err(LicenseError::NotYetValid));
    assert_eq!(license().check_times(NOW + 9), Ok(()));
    assert_eq!(license().check_times(NOW + 10), Err(LicenseError::Expired));
    assert_eq!(license().check_times(u64::MAX), Err(LicenseError::Expired));
}

#[test]
fn no_licence_lowers_the_free_limit() {
    assert_eq!(instance_limit(None), 3);
    for (held, limit) in [(0, 3), (1, 3), (3, 3), (4, 4), (u32::MAX, u32::MAX)] {
        assert_eq!(instance_limit(Some(&License { max_instances: held, ..license() })), limit);
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_features_open_nothing() {
    let text = signed(
        r#"{"id":"l","holder":"h","issued_at":1,"expires_at":9000000000,"features":["White_Label","teleport"],
            "max_instances":4,"region":{"name":"eu"}}"#,
    );
    let license = verify(&text).unwrap();
    assert_eq!(license.features, ["White_Label", "teleport"]);
    assert!(!license.entitles(Feature::WhiteLabel));
}

#[test]
fn signed_payloads_that_are_no_licence_are_malformed() {
    for payload in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"id":"l","holder":"h","issued_at":-1,"expires_at":9000000000,"features":[],"max_instances":4}"#,
        r#"{"id":"l","holder":"h","issued_at":1,"expires_at":"never","features":[],"max_instances":4}"#,
        r#"{"id":"l","holder":"h","issued_at":1,"expires_at":9000000000,"features":[],"max_instances":4294967296}"#,
        r#"{"id":"l","holder":"h","issued_at":1,"expires_at":9,"expires_at":9000000000,"features":[],"max_instances":4}"#,
        r#"{"id":"l","holder":"h","issued_at":1,"expires_at":9000000000,"features":[],"max_instances":4}{}"#,
    ] {
        assert_eq!(verify(&signed(payload)), Err(LicenseError::Malformed), "{payload}");
    }
}

#[test]
fn other_forms_are_malformed() {
    let text = issue(&vendor(), &license());
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let payload = signed.strip_prefix("SPX1.").unwrap();
    for wrong in [
        String::new(),
        ".".to_owned(),
        "SPX1..".to_owned(),
        "SPX1.".to_owned(),
        payload.to_owned(),
        format!("SPX2.{payload}.{signature}"),
        format!("spx1.{payload}.{signature}"),
        format!("SPX1..{payload}.{signature}"),
        format!("SPX1.{payload}..{signature}"),
        format!("SPX1.{payload}.{signature}."),
        format!(".{text}"),
        format!("SPX1.{payload}.{payload}.{signature}"),
        format!("SPX1.{payload}.{signature}.{signature}"),
        format!("SPX1.{payload}=.{signature}"),
        format!("{text}\n"),
        format!(" {text}"),
        format!("SPX1.{payload}.{}", &signature[..85]),
        "SPX1.".repeat(4_000),
        "A".repeat(100_000_000),
        "é".repeat(100),
    ] {
        assert_eq!(verify(&wrong), Err(LicenseError::Malformed), "{}", &wrong[..wrong.len().min(80)]);
    }
}

#[test]
fn codes_are_stable_and_the_text_is_not_printed() {
    let codes = [LicenseError::Malformed, LicenseError::Signature, LicenseError::NotYetValid, LicenseError::Expired]
        .map(LicenseError::code);
    assert_eq!(codes, ["license_malformed", "license_signature", "license_not_yet_valid", "license_expired"]);
    let text = LicenseText::new(" SPX1.a.b\n");
    assert_eq!((text.expose(), format!("{text:?}").as_str()), ("SPX1.a.b", "LicenseText(redacted)"));
}
