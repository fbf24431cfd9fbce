//! Users: their roles count on the next request, and there is always an admin.

use serde_json::{Value, json};

use super::client::{ADMIN, PASSWORD, Person, at_once, login, on_every_database, set_up};
use crate::harness::{Answer, Data, Served};

fn patch(person: &Person, served: &Served, id: &str, body: &Value) -> Answer {
    person.call(served, "PATCH", &format!("/users/{id}"), Some(body))
}

#[test]
fn adm2_a_role_and_a_deactivation_count_on_the_next_request() {
    on_every_database(|data| {
        let (served, admin) = set_up(data);
        let eve = admin.invite(&served, "Eve@Example.com", "viewer");
        assert_eq!(eve.get(&served, "/users").status, 403);
        let promoted = patch(&admin, &served, &eve.id, &json!({"role": "admin", "name": "Eve"}));
        assert_eq!((promoted.status, promoted.json()["email"].as_str()), (200, Some("eve@example.com")));
        assert_eq!(eve.get(&served, "/users").json()["items"].as_array().unwrap().len(), 2);
        assert_eq!(patch(&admin, &served, &eve.id, &json!({"role": "viewer"})).status, 200);
        assert_eq!(eve.get(&served, "/users").status, 403, "with the same token");

        assert_eq!(patch(&admin, &served, &eve.id, &json!({"is_active": false})).status, 200);
        assert_eq!(eve.get(&served, "/session").status, 401);
        assert_eq!(login(&served, "eve@example.com", PASSWORD).code().as_deref(), Some("credentials_wrong"));
        assert_eq!(patch(&admin, &served, &eve.id, &json!({"is_active": true})).status, 200);
        assert_eq!(eve.get(&served, "/session").status, 401, "an ended session stays ended");
        assert_eq!(login(&served, "eve@example.com", PASSWORD).status, 201);

        assert_eq!(patch(&admin, &served, &eve.id, &json!({"email": "Eva@example.com"})).status, 200);
        assert_eq!(login(&served, "eve@example.com", PASSWORD).status, 401);
        assert_eq!(login(&served, "eva@example.com", PASSWORD).status, 201);
        let shown = admin.get(&served, &format!("/users/{}", eve.id)).json();
        assert!(shown["last_login_at"].as_u64() >= shown["created_at"].as_u64());
        assert!(!shown.to_string().contains("argon2"), "no hash is shown");
        assert_eq!(admin.call(&served, "DELETE", &format!("/users/{}", eve.id), None).status, 204);
        assert_eq!(admin.get(&served, &format!("/users/{}", eve.id)).status, 404);
        assert_eq!(login(&served, "eva@example.com", PASSWORD).status, 401);
    });
}

#[test]
fn adm1_the_last_active_admin_stays() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let eve = admin.invite(&served, "eve@example.com", "admin");
    assert_eq!(patch(&admin, &served, &eve.id, &json!({"is_active": false})).status, 200);
    for body in [json!({"role": "editor"}), json!({"is_active": false}), json!({"role": "viewer", "is_active": false})]
    {
        let refused = patch(&admin, &served, &admin.id, &body);
        assert_eq!((refused.status, refused.code().as_deref()), (409, Some("refused")), "{body}");
    }
    let removed = admin.call(&served, "DELETE", &format!("/users/{}", admin.id), None);
    assert_eq!(removed.status, 409);
    assert_eq!(patch(&admin, &served, &admin.id, &json!({"name": "Ada L."})).status, 200);
    assert_eq!(admin.call(&served, "DELETE", &format!("/users/{}", eve.id), None).status, 204);
}

#[test]
fn adm1_admins_who_demote_each_other_at_once_leave_one() {
    on_every_database(|data| {
        let (served, admin) = set_up(data);
        for turn in 0..5 {
            let eve = admin.invite(&served, &format!("eve{turn}@example.com"), "admin");
            let bodies = [json!({"role": "viewer"}), json!({"is_active": false}), json!({"role": "editor"})];
            let answers = at_once(8, |number| {
                let (by, of) = if number % 2 == 0 { (&admin, &eve) } else { (&eve, &admin) };
                if number < 6 {
                    patch(by, &served, &of.id, &bodies[number / 2])
                } else {
                    by.call(&served, "DELETE", &format!("/users/{}", of.id), None)
                }
            });
            assert!(
                answers.iter().all(|answer| matches!(answer.status, 200 | 204 | 401 | 403 | 404 | 409)),
                "{answers:?}"
            );
            let users: Value = serde_json::from_str(&data.stdout(&["users", "list", "--json"])).unwrap();
            let admins = users.as_array().unwrap().iter();
            let admins = admins.filter(|user| user["role"] == "admin" && user["is_active"] == true).count();
            assert_eq!(admins, 1, "round {turn}: {users}");
            // For the next round, whoever won: by command.
            if data.run(&["users", "activate", ADMIN]).status.success() {
                data.stdout(&["users", "set-role", ADMIN, "admin"]);
            } else {
                return;
            }
            let back = login(&served, ADMIN, PASSWORD);
            assert_eq!(back.status, 201);
            let users = users.as_array().unwrap().iter().filter(|user| user["email"] != ADMIN);
            for user in users {
                data.stdout(&["users", "remove", user["id"].as_str().unwrap()]);
            }
            if admin.get(&served, "/session").status != 200 {
                return;
            }
        }
    });
}

#[test]
fn bad_accounts_are_named_and_none_is_made() {
    let data = Data::new(&[]);
    let (served, admin) = set_up(&data);
    let good = json!({"email": "eve@example.com", "name": "Eve", "role": "viewer", "password": PASSWORD});
    for (field, value) in [
        ("email", json!("no address")),
        ("email", json!("a@b\0")),
        ("email", json!(format!("{}@example.com", "a".repeat(254)))),
        ("email", json!(null)),
        ("name", json!("")),
        ("name", json!("two\nlines")),
        ("name", json!("x".repeat(101))),
        ("role", json!("root")),
        ("role", json!("guest")),
        ("password", json!("1234567")),
        ("password", json!("x".repeat(129))),
        ("password", json!("12345678\0")),
        ("is_active", json!(false)),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let refused = admin.call(&served, "POST", "/users", Some(&body));
        assert_eq!((refused.status, refused.code().as_deref()), (400, Some("invalid")), "{field}: {value}");
        let said = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(field), "{field}: {said}");
        assert!(!said.contains("1234567") && !said.contains("no address"), "the detail repeats nothing: {said}");
    }
    let refused = admin.call(
        &served,
        "POST",
        "/users",
        Some(&json!({"email": ADMIN.to_uppercase(), "name": "Ada",
        "role": "viewer", "password": PASSWORD})),
    );
    assert_eq!((refused.status, refused.code().as_deref()), (409, Some("exists")));
    assert_eq!(admin.get(&served, "/users").json()["items"].as_array().unwrap().len(), 1);
    let pages = admin.get(&served, "/users?limit=0");
    assert_eq!(pages.status, 400);
}
