//! Settings, the licence and the instances over the API.

use sealpix_origin::access::role::Role;
use sealpix_origin::license::{License, SigningKey, issue};
use serde_json::{Value, json};

use crate::harness::Data;
use crate::machine::{call, get, token};

fn setting(settings: &Value, name: &str) -> Value {
    settings["items"].as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap().clone()
}

#[test]
fn settings_are_shown_changed_and_put_back_but_where_they_are_fixed() {
    let data = Data::new(&[("SEALPIX_USAGE_RETENTION_DAYS", "30")]);
    data.setup(&[]);
    let (admin, editor) = (token(&data, Role::Admin), token(&data, Role::Editor));
    let served = data.serve();
    let put = |name: &str, value: &str| {
        call(&served, &admin, "PUT", &format!("/settings/{name}"), Some(&json!({ "value": value })))
    };
    let (status, changed) = put("session.expiration", "3d");
    assert_eq!((status, &changed["value"], &changed["set_by"]), (200, &"72h".into(), &"registry".into()));
    let settings = get(&served, &admin, "/settings");
    assert_eq!(setting(&settings, "session.expiration"), changed);
    let fixed = setting(&settings, "usage.retention_days");
    assert_eq!((&fixed["value"], &fixed["set_by"]), (&"30".into(), &"environment".into()));
    assert_eq!((&fixed["is_changeable"], &fixed["default"]), (&false.into(), &"90".into()));
    assert_eq!(setting(&settings, "license.key")["value"], Value::Null);
    for (name, value, status, code) in [
        ("usage.retention_days", "40", 409, "setting_fixed"),
        ("session.expiration", "1s", 400, "setting_invalid"),
        ("brand.name", "Mine", 409, "setting_not_entitled"),
        ("no.such", "1", 404, "not_found"),
        ("license.key", "SPX1.a.b", 409, "no_public_key"),
    ] {
        let (said, problem) = put(name, value);
        assert_eq!((said, &problem["code"]), (status, &code.into()), "{name}: {problem}");
    }
    assert_eq!(call(&served, &admin, "DELETE", "/settings/usage.retention_days", None).0, 409);
    assert_eq!(call(&served, &admin, "DELETE", "/settings/no.such", None).0, 404);
    assert_eq!(call(&served, &admin, "DELETE", "/settings/session.expiration", None).0, 204);
    assert_eq!(setting(&get(&served, &admin, "/settings"), "session.expiration")["value"], "168h");

    assert_eq!(put("guest.enabled", "true").0, 200);
    let public: Value = serde_json::from_slice(&served.get("/api/v1/settings/public").body).unwrap();
    let expected = json!({"items": [
        {"name": "guest.enabled", "value": "true"}, {"name": "brand.name", "value": "Sealpix"},
    ]});
    assert_eq!(public, expected);
    let body = json!({ "value": "1h" });
    assert_eq!(call(&served, &editor, "GET", "/settings", None).0, 403);
    assert_eq!(call(&served, &editor, "PUT", "/settings/session.expiration", Some(&body)).0, 403);
    assert_eq!(call(&served, &editor, "DELETE", "/settings/session.expiration", None).0, 403);
    let noted = get(&served, &admin, "/audit?action=setting");
    let actions: Vec<_> = noted["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["setting.change", "setting.remove", "setting.change"]);
}

#[test]
fn a_licence_is_verified_before_it_is_stored_and_its_text_is_never_shown() {
    let vendor = SigningKey::generate().unwrap();
    let public = vendor.public().to_string();
    let data = Data::new(&[("SEALPIX_LICENSE_PUBLIC_KEY", &public)]);
    data.setup(&[]);
    let (admin, editor) = (token(&data, Role::Admin), token(&data, Role::Editor));
    let served = data.serve();
    let none = get(&served, &admin, "/license");
    assert_eq!((&none["state"], &none["instance_limit"]), (&"none".into(), &3.into()));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let license = |expires_at| License {
        id: "lic-1".to_owned(),
        holder: "Example".to_owned(),
        issued_at: now - 1_000,
        expires_at,
        features: vec!["white_label".to_owned()],
        max_instances: 5,
    };
    let put = |text: &str| call(&served, &admin, "PUT", "/license", Some(&json!({ "license": text })));
    let stranger = SigningKey::generate().unwrap();
    for (text, code) in [
        ("hello".to_owned(), "license_malformed"),
        (issue(&stranger, &license(now + 1_000)), "license_signature"),
        (issue(&vendor, &license(now - 1)), "license_expired"),
    ] {
        let (status, problem) = put(&text);
        assert_eq!((status, &problem["code"]), (400, &code.into()), "{problem}");
        assert!(!problem.to_string().contains(&text));
    }
    assert_eq!(get(&served, &admin, "/license"), none);
    let text = issue(&vendor, &license(now + 1_000));
    let (status, shown) = put(&text);
    assert_eq!((status, &shown["state"], &shown["holder"]), (200, &"valid".into(), &"Example".into()));
    assert_eq!((&shown["instance_limit"], &shown["features"]), (&5.into(), &json!(["white_label"])));
    let brand = json!({ "value": "Mine" });
    assert_eq!(call(&served, &admin, "PUT", "/settings/brand.name", Some(&brand)).0, 200);
    let settings = get(&served, &admin, "/settings");
    assert_eq!(setting(&settings, "license.key")["value"], "(set)");
    let said = [settings, get(&served, &admin, "/license"), get(&served, &admin, "/audit?limit=500")];
    let payload = text.split('.').nth(1).unwrap();
    assert!(said.iter().all(|said| !said.to_string().contains(payload)) && !served.log().contains(payload));
    for (method, body) in [("GET", None), ("PUT", Some(&json!({ "license": text }))), ("DELETE", None)] {
        assert_eq!(call(&served, &editor, method, "/license", body).0, 403);
    }
    assert_eq!(call(&served, &admin, "DELETE", "/license", None).0, 204);
    assert_eq!(get(&served, &admin, "/license"), none);

    let instances = get(&served, &admin, "/instances");
    let instances = instances["items"].as_array().unwrap();
    assert_eq!((instances.len(), instances[0]["version"].as_str()), (1, Some(env!("CARGO_PKG_VERSION"))));
    assert_eq!(call(&served, &editor, "GET", "/instances", None).0, 403);
}
