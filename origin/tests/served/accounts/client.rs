//! An origin that is set up, and people who are signed in to it.

use serde_json::{Value, json};

use crate::harness::{Answer, Data, Served};

/// The first admin.
pub(crate) const ADMIN: &str = "ada@example.com";

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) csrf: String,
}

impl Person {
    /// Of what a login or a set-up answered.
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let begun = answer.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { id: text(&begun["user"]["id"]), token: text(&begun["token"]), csrf: text(&begun["csrf_token"]) }
    }

    /// Asks with their token.
    pub(crate) fn call(&self, served: &Served, method: &str, route: &str, body: Option<&Value>) -> Answer {
        by_bearer(served, &self.token, method, route, body)
    }

    pub(crate) fn get(&self, served: &Served, route: &str) -> Answer {
        self.call(served, "GET", route, None)
    }

    /// Makes a user, and signs them in.
    pub(crate) fn invite(&self, served: &Served, email: &str, role: &str) -> Self {
        let user = json!({"email": email, "name": "Somebody", "role": role, "password": PASSWORD});
        let made = self.call(served, "POST", "/users", Some(&user));
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
        Self::of(&login(served, email, PASSWORD))
    }
}

pub(crate) fn by_bearer(served: &Served, token: &str, method: &str, route: &str, body: Option<&Value>) -> Answer {
    served.call(method, route, &[("Authorization", &format!("Bearer {token}"))], body)
}

pub(crate) fn login(served: &Served, email: &str, password: &str) -> Answer {
    served.call("POST", "/sessions", &[], Some(&json!({"email": email, "password": password})))
}

pub(crate) fn first_admin(token: &str) -> Value {
    json!({"token": token, "email": ADMIN, "name": "Ada", "password": PASSWORD})
}

/// A new origin with its first admin.
pub(crate) fn set_up(data: &Data) -> (Served, Person) {
    let served = data.serve();
    let token = served.setup_token.clone().unwrap();
    let admin = Person::of(&served.call("POST", "/setup", &[], Some(&first_admin(&token))));
    (served, admin)
}

/// What a sentence is shown on: each database that an origin may have.
pub(crate) fn on_every_database(sentence: impl Fn(&Data)) {
    sentence(&Data::new(&[]));
    sentence(&Data::on_postgres(&[]));
}

/// The same request, many at once; the answers.
pub(crate) fn at_once(count: usize, request: impl Fn(usize) -> Answer + Sync) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let request = &request;
        let asking: Vec<_> = (0..count).map(|turn| scope.spawn(move || request(turn))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

/// How many of the answers have this status.
pub(crate) fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}
