//! What is no session: forged tokens, tokens of others, requests that other sites cause.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::client::{ADMIN, PASSWORD, Person, by_bearer, login, set_up};
use crate::harness::{Answer, Data, Served};

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The claims of a token.
fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn adm2_forged_tokens_are_nobody() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let [header, payload, signature] = admin.token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let none = encoded(&json!({"alg": "none", "typ": "JWT"}));
    let later = encoded(&{
        let mut claims = claims(&admin.token);
        claims["exp"] = 9_999_999_999_u64.into();
        claims
    });
    let forged = [
        format!("{none}.{payload}."),
        format!("{none}.{payload}"),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{later}.{signature}"),
        format!("{header}.{payload}.{}", "A".repeat(43)),
        format!("{header}.{payload}.{signature}A"),
        format!("{header}.{payload}.{signature}="),
        format!(" {}", admin.token),
        format!("{}.", admin.token),
        admin.csrf.clone(),
        format!("spt_{}", admin.csrf),
        admin.id.clone(),
        String::new(),
    ];
    for token in &forged {
        let answer = by_bearer(&served, token, "GET", "/session", None);
        assert_eq!((answer.status, answer.code().as_deref()), (401, Some("unauthenticated")), "{token}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        let by_cookie = served.call("GET", "/session", &[("Cookie", &format!("sealpix={token}"))], None);
        assert!(by_cookie.status == 401 || *token == format!(" {}", admin.token), "{token}: {}", by_cookie.status);
    }
    for scheme in ["Basic", "bearer2", "Token"] {
        let header = format!("{scheme} {}", admin.token);
        assert_eq!(served.call("GET", "/session", &[("Authorization", &header)], None).status, 401, "{scheme}");
    }
    let wrong_beside_right = [("Authorization", "Bearer wrong"), ("Cookie", &*format!("sealpix={}", admin.token))];
    assert_eq!(served.call("GET", "/session", &wrong_beside_right, None).status, 401, "a bearer is not replaced");
}

#[test]
fn adm2_another_origins_token_is_nobodys() {
    let (data, other) = (Data::new(&[]), Data::new(&[]));
    let (served, admin) = set_up(&data);
    let (_other, theirs) = set_up(&other);
    assert_eq!(theirs.get(&served, "/session").status, 401);
    assert_eq!(admin.get(&served, "/session").status, 200);
}

#[test]
fn adm2_the_token_of_a_session_that_ended_or_a_user_who_is_gone_is_nobodys() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let eve = admin.invite(&served, "eve@example.com", "admin");
    assert_eq!(admin.call(&served, "DELETE", &format!("/users/{}", eve.id), None).status, 204);
    assert_eq!(eve.get(&served, "/session").status, 401);
    assert_eq!(admin.call(&served, "DELETE", "/session", None).status, 204);
    assert_eq!(admin.call(&served, "POST", "/session/refresh", None).status, 401, "an ended session is not renewed");
}

#[test]
fn adm2_a_guests_token_and_a_users_are_not_interchangeable() {
    let data = Data::new(&[("ALLOW_GUEST_MODE", "true")]);
    let (served, admin) = set_up(&data);
    let begun = served.call("POST", "/sessions/guest", &[], None);
    assert_eq!(begun.status, 201);
    assert_eq!(begun.json()["user"], Value::Null);
    let guest = begun.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&guest)["aud"], "guest");
    let who = by_bearer(&served, &guest, "GET", "/session", None).json();
    assert_eq!((&who["kind"], &who["permissions"]), (&json!("guest"), &json!(["gallery:read"])));
    // The signature covers the audience: changed, it is another's.
    let [header, _, signature] = guest.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut widened = claims(&guest);
    widened["aud"] = "session".into();
    widened["sub"] = admin.id.clone().into();
    let crossed = format!("{header}.{}.{signature}", encoded(&widened));
    assert_eq!(by_bearer(&served, &crossed, "GET", "/session", None).status, 401);
    for (method, route) in [
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("POST", "/session/refresh"),
        ("GET", "/users"),
        ("GET", "/tokens"),
        ("GET", "/tokens?all=true"),
        ("GET", "/projects"),
    ] {
        assert_eq!(by_bearer(&served, &guest, method, route, None).status, 403, "{method} {route}");
    }
    assert_eq!(by_bearer(&served, &guest, "DELETE", "/session", None).status, 204, "a guest may leave");
    assert_eq!(by_bearer(&served, &guest, "GET", "/session", None).status, 401);
}

#[test]
fn adm3_guests_are_out_while_guest_mode_is_off() {
    let data = Data::new(&[]);
    let (served, _) = set_up(&data);
    let refused = served.call("POST", "/sessions/guest", &[], None);
    assert_eq!((refused.status, refused.code().as_deref()), (403, Some("forbidden")));
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

fn by_cookie(served: &Served, cookie: &str, csrf: Option<&str>, method: &str, route: &str) -> Answer {
    let mut headers = vec![("Cookie", cookie)];
    headers.extend(csrf.map(|csrf| ("X-CSRF-Token", csrf)));
    served.call(method, route, &headers, None)
}

#[test]
fn csrf_a_cookie_alone_changes_nothing() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let signed_in = login(&served, ADMIN, PASSWORD);
    let (cookie, person) = (cookie_of(&signed_in), Person::of(&signed_in));
    let attributes = signed_in.header("set-cookie").unwrap();
    assert!(attributes.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict"), "{attributes}");
    let who = by_cookie(&served, &cookie, None, "GET", "/session");
    assert_eq!((who.status, who.json()["csrf_token"].as_str()), (200, Some(person.csrf.as_str())));
    for csrf in [None, Some(""), Some("wrong"), Some(admin.csrf.as_str()), Some(person.token.as_str())] {
        let refused = by_cookie(&served, &cookie, csrf, "DELETE", "/sessions");
        assert_eq!((refused.status, refused.code().as_deref()), (403, Some("csrf_invalid")), "{csrf:?}");
    }
    assert_eq!(by_cookie(&served, &cookie, Some(&person.csrf), "POST", "/session/refresh").status, 200);
    let out = by_cookie(&served, &cookie, Some(&person.csrf), "DELETE", "/session");
    assert_eq!(out.status, 204);
    assert_eq!(out.header("set-cookie"), Some("sealpix=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"));
    assert_eq!(by_cookie(&served, &cookie, None, "GET", "/session").status, 401);
    let stale = [("Cookie", cookie.as_str())];
    let body = json!({"email": ADMIN, "password": PASSWORD});
    assert_eq!(served.call("POST", "/sessions", &stale, Some(&body)).status, 201, "an old cookie bars no login");
    let doubled = format!("{cookie}; {}", cookie_of(&login(&served, ADMIN, PASSWORD)));
    assert_eq!(by_cookie(&served, &doubled, None, "GET", "/session").status, 401, "one of two was planted");
}

#[test]
fn csrf_a_form_of_another_site_is_no_request() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let bearer = format!("Bearer {}", admin.token);
    let body = json!({"email": ADMIN, "password": PASSWORD}).to_string();
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""] {
        for route in ["/sessions", "/setup", "/users", "/tokens"] {
            let headers = [("Content-Type", kind), ("Authorization", bearer.as_str())];
            let headers = if kind.is_empty() { &headers[1..] } else { &headers[..] };
            let refused = served.send("POST", &format!("/api/v1{route}"), headers, body.as_bytes());
            assert_eq!((refused.status, refused.code().as_deref()), (415, Some("media_type")), "{kind} {route}");
        }
    }
}

#[test]
fn under_tls_the_cookie_is_this_hosts_alone() {
    let data = Data::new(&[("SEALPIX_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let (served, _) = set_up(&data);
    let https = ("X-Forwarded-Proto", "https");
    let body = json!({"email": ADMIN, "password": PASSWORD});
    let signed_in = served.call("POST", "/sessions", &[https], Some(&body));
    let attributes = signed_in.header("set-cookie").unwrap();
    assert!(attributes.starts_with("__Host-sealpix=ey") && attributes.ends_with("; Secure"), "{attributes}");
    let cookie = cookie_of(&signed_in);
    assert_eq!(served.call("GET", "/session", &[https, ("Cookie", &cookie)], None).status, 200);
    assert_eq!(served.call("GET", "/session", &[("Cookie", &cookie)], None).status, 401, "sent without TLS");
    assert_eq!(signed_in.header("cache-control"), Some("no-store"));
}
