//! A machine that uses the admin API: its token, and requests with a body.

use std::io::{Read as _, Write as _};

use sealpix_origin::access::id::{TokenId, UserId};
use sealpix_origin::access::permission::{Scope, Scopes};
use sealpix_origin::access::role::Role;
use sealpix_origin::access::token::ApiToken;
use sealpix_origin::config::Database;
use sealpix_origin::registry::{Author, Registry, StoredToken, User};
use serde_json::Value;

use crate::harness::{Answer, Data, Served, connected};

/// A token of a user of that role, with every scope, put where the running origin finds it.
pub(crate) fn token(data: &Data, role: Role) -> String {
    let database = match &data.server {
        Some((_, url)) => Database::parse(url).unwrap(),
        None => Database::Sqlite(data.path().join("registry.db")),
    };
    let token = ApiToken::generate().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let registry = Registry::open(&database).await.unwrap();
        let mut change = registry.change(&Author::system(1)).await.unwrap();
        if role != Role::Admin && registry.users().await.unwrap().is_empty() {
            change.add_user(&user(Role::Admin)).await.unwrap();
        }
        let owner = user(role);
        change.add_user(&owner).await.unwrap();
        let stored = StoredToken {
            id: TokenId::generate().unwrap(),
            user: owner.id,
            name: "machine".to_owned(),
            scopes: Scope::all().collect::<Scopes>(),
            created_at: 1,
            expires_at: None,
            last_used_at: None,
        };
        change.add_token(&stored, &token.fingerprint()).await.unwrap();
        change.commit().await.unwrap();
    });
    token.reveal().to_string()
}

/// Somebody who can never sign in.
fn user(role: Role) -> User {
    let id = UserId::generate().unwrap();
    User {
        id,
        email: format!("{id}@example.com").to_lowercase(),
        name: "A machine's owner".to_owned(),
        role,
        password_hash: "none".to_owned(),
        is_active: true,
        created_at: 1,
        changed_at: 1,
        last_login_at: None,
    }
}

/// One request with a body, and its answer.
pub(crate) fn send(served: &Served, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = connected(served.address());
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // An origin that refuses early may not read all of it.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    Answer::parse(&bytes)
}

/// A request to the API as `token`, and its answer's status and JSON.
pub(crate) fn call(served: &Served, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("Authorization", authorization.as_str())];
    let body = body.map(ToString::to_string).unwrap_or_default();
    if !body.is_empty() {
        headers.push(("Content-Type", "application/json"));
    }
    let answer = send(served, method, &format!("/api/v1{path}"), &headers, body.as_bytes());
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// What a `GET` answers; it must be 200.
pub(crate) fn get(served: &Served, token: &str, path: &str) -> Value {
    let (status, json) = call(served, token, "GET", path, None);
    assert_eq!(status, 200, "{path}: {json}");
    json
}
