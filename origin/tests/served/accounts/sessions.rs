//! Sessions: each end is immediate, on every instance.

use serde_json::json;

use super::client::{ADMIN, PASSWORD, Person, by_bearer, login, on_every_database, set_up};
use crate::harness::{Data, Served};

fn items(person: &Person, served: &Served, route: &str) -> Vec<serde_json::Value> {
    let listed = person.get(served, route);
    assert_eq!(listed.status, 200, "{route}");
    listed.json()["items"].as_array().unwrap().clone()
}

#[test]
fn logout_one_and_all_take_effect_on_the_next_request() {
    on_every_database(|data| {
        let (served, first) = set_up(data);
        let [second, third, fourth] = [(); 3].map(|()| Person::of(&login(&served, ADMIN, PASSWORD)));
        let listed = items(&third, &served, "/sessions");
        assert_eq!(listed.len(), 4);
        let current: Vec<_> = listed.iter().filter(|session| session["is_current"] == true).collect();
        assert_eq!((current.len(), current[0]["address"].as_str()), (1, Some("127.0.0.1")));

        assert_eq!(second.call(&served, "DELETE", "/session", None).status, 204);
        assert_eq!(second.get(&served, "/session").status, 401);
        assert_eq!(second.call(&served, "DELETE", "/session", None).status, 401);
        assert_eq!(items(&first, &served, "/sessions").len(), 3);

        let id = current[0]["id"].as_str().unwrap();
        assert_eq!(first.call(&served, "DELETE", &format!("/sessions/{id}"), None).status, 204);
        assert_eq!(third.get(&served, "/session").status, 401);
        assert_eq!(first.call(&served, "DELETE", &format!("/sessions/{id}"), None).status, 404);
        assert_eq!(first.call(&served, "DELETE", "/sessions/se_x", None).status, 404);

        let eve = first.invite(&served, "eve@example.com", "admin");
        let theirs = items(&eve, &served, "/sessions")[0]["id"].as_str().unwrap().to_owned();
        assert_eq!(first.call(&served, "DELETE", &format!("/sessions/{theirs}"), None).status, 404, "another's");
        assert_eq!(first.call(&served, "DELETE", "/sessions", None).status, 204);
        for ended in [&first, &fourth] {
            assert_eq!(ended.get(&served, "/session").status, 401);
        }
        assert_eq!(eve.get(&served, "/session").status, 200, "others' go on");

        let again = Person::of(&login(&served, ADMIN, PASSWORD));
        assert_eq!(eve.call(&served, "DELETE", &format!("/users/{}/sessions", again.id), None).status, 204);
        assert_eq!(again.get(&served, "/session").status, 401);
        assert_eq!(eve.call(&served, "DELETE", "/users/us_AAAAAAAAAAAAAAAAAAAAAA/sessions", None).status, 404);
    });
}

#[test]
fn adm2_a_refresh_renews_the_session_and_widens_nothing() {
    let data = Data::new(&[("JWT_EXPIRATION", "1h")]);
    let (served, admin) = set_up(&data);
    let viewer = admin.invite(&served, "eve@example.com", "viewer");
    let refreshed = viewer.call(&served, "POST", "/session/refresh", None);
    assert_eq!(refreshed.status, 200);
    let renewed = refreshed.json()["token"].as_str().unwrap().to_owned();
    let who = by_bearer(&served, &renewed, "GET", "/session", None).json();
    assert_eq!((&who["role"], &who["user"]["email"]), (&json!("viewer"), &json!("eve@example.com")));
    assert_eq!(who["expires_at"], refreshed.json()["expires_at"]);
    let life =
        who["expires_at"].as_u64().unwrap() - admin.get(&served, "/session").json()["expires_at"].as_u64().unwrap();
    assert!(life < 60_000, "an hour from now, not from the end before: {life} ms");
    assert_eq!(viewer.get(&served, "/sessions").json()["items"].as_array().unwrap().len(), 1, "the same session");
    assert_eq!(by_bearer(&served, &renewed, "GET", "/users", None).status, 403);
    assert_eq!(by_bearer(&served, &renewed, "DELETE", "/session", None).status, 204);
    assert_eq!(viewer.get(&served, "/session").status, 401, "and it ends as one");
}

#[test]
fn a_changed_password_ends_the_other_sessions() {
    on_every_database(|data| {
        let (served, admin) = set_up(data);
        let other = Person::of(&login(&served, ADMIN, PASSWORD));
        let new = "another long password";
        let change = |person: &Person, current: &str, new: &str| {
            let body = json!({"current": current, "new": new});
            person.call(&served, "PUT", "/session/password", Some(&body))
        };
        assert_eq!(change(&admin, "a wrong password", new).code().as_deref(), Some("password_wrong"));
        assert_eq!(change(&admin, PASSWORD, "short").status, 400);
        assert_eq!(change(&admin, PASSWORD, new).status, 204);
        assert_eq!((admin.get(&served, "/session").status, other.get(&served, "/session").status), (200, 401));
        assert_eq!((login(&served, ADMIN, PASSWORD).status, login(&served, ADMIN, new).status), (401, 201));

        let eve = admin.invite(&served, "eve@example.com", "viewer");
        let route = format!("/users/{}/password", eve.id);
        assert_eq!(admin.call(&served, "PUT", &route, Some(&json!({"password": new}))).status, 204);
        assert_eq!(eve.get(&served, "/session").status, 401);
        assert_eq!(login(&served, "eve@example.com", new).status, 201);
        let gone = "/users/us_AAAAAAAAAAAAAAAAAAAAAA/password";
        assert_eq!(admin.call(&served, "PUT", gone, Some(&json!({"password": new}))).status, 404);
    });
}

#[test]
fn a_session_is_one_on_every_instance() {
    let data = Data::on_postgres(&[]);
    let (one, admin) = set_up(&data);
    let two = data.serve();
    let by_two = Person::of(&login(&two, "Ada@Example.COM", PASSWORD));
    for (served, person) in [(&one, &by_two), (&two, &admin)] {
        assert_eq!(person.get(served, "/session").json()["user"]["email"], ADMIN);
        let header = format!("sealpix={}", person.token);
        let headers = [("Cookie", header.as_str()), ("X-CSRF-Token", person.csrf.as_str())];
        assert_eq!(served.call("POST", "/session/refresh", &headers, None).status, 200, "and so is its page");
    }
    assert_eq!(admin.call(&one, "DELETE", "/sessions", None).status, 204);
    for person in [&admin, &by_two] {
        assert_eq!(person.get(&two, "/session").status, 401, "an end at one is an end at the other");
    }
    let again = Person::of(&login(&two, ADMIN, PASSWORD));
    assert_eq!(two.terminate(), Some(0));
    let restarted = data.serve();
    assert_eq!(again.get(&restarted, "/session").status, 200, "a start ends no session");
}
