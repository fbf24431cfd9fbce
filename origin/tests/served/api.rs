//! Callers of the admin API: users with API tokens, put into the registry beside the server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use sealpix_origin::access::id::{TokenId, UserId};
use sealpix_origin::access::permission::{Scope, Scopes};
use sealpix_origin::access::role::Role;
use sealpix_origin::access::token::ApiToken;
use sealpix_origin::config::Database;
use sealpix_origin::registry::{Author, Registry, StoredToken, User};
use serde_json::Value;

use crate::harness::{Data, Served};

/// Somebody who asks.
pub(crate) struct Api {
    address: String,
    token: Option<String>,
}

/// What the API answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) json: Value,
}

impl Told {
    /// A problem's code; nothing of another answer.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// What it must have been.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.json);
        self.json
    }

    /// The problem that it must have been.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.json);
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
    }
}

impl Api {
    /// Nobody.
    pub(crate) fn nobody(served: &Served) -> Self {
        Self { address: served.address().to_owned(), token: None }
    }

    /// Whose session or token this is.
    pub(crate) fn bearing(served: &Served, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::nobody(served) }
    }

    /// A new user of this role, by a token with every scope.
    pub(crate) fn of(served: &Served, data: &Data, role: Role) -> Self {
        Self::with(served, data, role, Scope::all().collect())
    }

    /// A new user of this role, by a token with these scopes.
    pub(crate) fn with(served: &Served, data: &Data, role: Role, scopes: Scopes) -> Self {
        let database = match &data.server {
            Some((_, url)) => Database::parse(url).unwrap(),
            None => Database::Sqlite(data.path().join("registry.db")),
        };
        let token = ApiToken::generate().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(add(&database, role, scopes, &token.fingerprint()));
        Self { address: served.address().to_owned(), token: Some(token.reveal().to_string()) }
    }

    pub(crate) fn get(&self, path: &str) -> Told {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn delete(&self, path: &str) -> Told {
        self.send("DELETE", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Told {
        self.send("POST", path, &[], Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Told {
        self.send("PATCH", path, &[], Some(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Told {
        self.send("PUT", path, &[], Some(body))
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Told {
        let body = body.map_or_else(String::new, Value::to_string);
        let mut request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        if !body.is_empty() {
            request.push_str("Content-Type: application/json\r\n");
        }
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&body);
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(head.contains("cache-control: no-store"), "{head}");
        let json = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        Told { status, head: head.to_owned(), json }
    }
}

async fn add(database: &Database, role: Role, scopes: Scopes, fingerprint: &str) {
    let registry = Registry::open(database).await.unwrap();
    let id = UserId::generate().unwrap();
    let user = User {
        id,
        email: format!("{id}@example.com").to_lowercase(),
        name: "somebody".to_owned(),
        role,
        // Nobody signs in with it.
        password_hash: "none".to_owned(),
        is_active: true,
        created_at: 0,
        changed_at: 0,
        last_login_at: None,
    };
    let token = StoredToken {
        id: TokenId::generate().unwrap(),
        user: id,
        name: "test".to_owned(),
        scopes,
        created_at: 0,
        expires_at: None,
        last_used_at: None,
    };
    let mut change = registry.change(&Author::system(1)).await.unwrap();
    change.add_user(&user).await.unwrap();
    change.add_token(&token, fingerprint).await.unwrap();
    change.commit().await.unwrap();
}
