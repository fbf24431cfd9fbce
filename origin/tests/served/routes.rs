//! Who may do what: every route of the admin API, asked as every kind of caller, against docs/routes.md.
//!
//! The request to a route is always the same: path parameters name what exists nowhere, a body is `{}`, there is no
//! query. Rights are judged before any of that is read, so who may not sees 401 or 403 and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sealpix_origin::access::permission::Scope;
use serde_json::{Value, json};

use crate::accounts::client::{ADMIN, PASSWORD, Person, by_bearer, login, on_every_database, set_up};
use crate::harness::{Answer, Data, Served};

/// The columns.
const CALLERS: [&str; 6] = ["nobody", "guest", "viewer", "editor", "admin", "token without"];

const VIEWER: &str = "vic@example.com";
const EDITOR: &str = "eve@example.com";

/// What everybody may ask. By hand, as all lists here: the routes' own descriptions are what is tested.
const OPEN: [&str; 5] = ["GET /settings/public", "GET /setup", "POST /sessions", "POST /sessions/guest", "POST /setup"];

/// What guests may ask beside it, while they are let in.
const GUESTS: [&str; 3] = ["DELETE /session", "GET /projects/{slug}/gallery", "GET /session"];

/// What a viewer may ask although it is no `GET`: what is their own, and a question that needs a body.
const VIEWERS: [&str; 8] = [
    "DELETE /session",
    "DELETE /sessions",
    "DELETE /sessions/{id}",
    "DELETE /tokens/{id}",
    "POST /inspect",
    "POST /session/refresh",
    "POST /tokens",
    "PUT /session/password",
];

/// What admins alone may ask, reading too.
const ADMINS: [&str; 5] = ["/audit", "/instances", "/license", "/settings", "/users"];

/// What admins alone may change, and editors read: what the origin may reach.
const ADMINS_TO_CHANGE: [&str; 2] = ["/fetch-test", "/sources"];

/// A route of the OpenAPI document.
struct Route {
    method: String,
    /// Below `/api/v1`.
    path: String,
    /// The permission's name; `known` if any caller will do, `-` if nobody in particular.
    permission: String,
    takes_body: bool,
}

/// What the callers saw, by path and method: the permission, then the statuses in the order of [`CALLERS`].
type Table = BTreeMap<(String, String), Vec<String>>;

fn routes() -> Vec<Route> {
    let document: Value = serde_json::from_str(&sealpix_origin::admin::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let permission = match operation["security"][0].get("bearer").map(|scopes| scopes.as_array().unwrap()) {
                None => "-",
                Some(scopes) => scopes.first().map_or("known", |scope| scope.as_str().unwrap()),
            };
            routes.push(Route {
                method: method.to_uppercase(),
                path: path.strip_prefix("/api/v1").unwrap().to_owned(),
                permission: permission.to_owned(),
                takes_body: operation.get("requestBody").is_some(),
            });
        }
    }
    routes.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
    routes
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_below(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.path == *path || self.path.starts_with(&format!("{path}/")))
    }

    /// The path, of things that exist nowhere.
    fn target(&self) -> String {
        let id = match self.path.split('/').nth(1).unwrap() {
            "users" => "us_AAAAAAAAAAAAAAAAAAAAAA",
            "sessions" => "se_AAAAAAAAAAAAAAAAAAAAAA",
            "tokens" => "tk_AAAAAAAAAAAAAAAAAAAAAA",
            _ => "{id}",
        };
        let target = self.path.replace("{id}", id).replace("{public_key}", "pk_ZGVmZ2hpamtsbW5vcHFycw");
        let target = target.replace("{slug}", "no-such-app").replace("{name}", "no-such-name");
        assert!(!target.contains('{'), "{}: no dummy for a parameter", self.path);
        target
    }

    fn ask(&self, served: &Served, bearer: Option<&str>) -> Answer {
        let (body, target) = (self.takes_body.then(|| json!({})), self.target());
        match bearer {
            Some(bearer) => by_bearer(served, bearer, &self.method, &target, body.as_ref()),
            None => served.call(&self.method, &target, &[], body.as_ref()),
        }
    }
}

/// Everybody who asks.
struct Callers {
    /// By the column's name.
    sessions: BTreeMap<&'static str, String>,
    /// By the permission that they lack.
    tokens: BTreeMap<String, String>,
    /// Of one scope, for the routes that need none.
    of_one_scope: String,
}

impl Callers {
    fn of(served: &Served, admin: &Person, permissions: &BTreeSet<&str>) -> Self {
        for (email, role) in [(VIEWER, "viewer"), (EDITOR, "editor")] {
            admin.invite(served, email, role);
        }
        let on = admin.call(served, "PUT", "/settings/guest.enabled", Some(&json!({"value": "true"})));
        assert_eq!(on.status, 200);
        let token = |scopes: Vec<&str>| {
            let made = admin.call(served, "POST", "/tokens", Some(&json!({"name": "machine", "scopes": scopes})));
            assert_eq!(made.status, 201, "{}", made.json());
            made.json()["secret"].as_str().unwrap().to_owned()
        };
        let without = |lacked: &str| token(Scope::all().map(Scope::as_str).filter(|scope| *scope != lacked).collect());
        let tokens = permissions.iter().map(|lacked| ((*lacked).to_owned(), without(lacked))).collect();
        let of_one_scope = token(vec!["projects:read"]);
        let mut callers = Self { sessions: BTreeMap::new(), tokens, of_one_scope };
        for caller in ["guest", "viewer", "editor", "admin"] {
            callers.sign_in(served, caller);
        }
        callers
    }

    fn sign_in(&mut self, served: &Served, caller: &'static str) {
        let begun = match caller {
            "guest" => served.call("POST", "/sessions/guest", &[], None),
            "viewer" => login(served, VIEWER, PASSWORD),
            "editor" => login(served, EDITOR, PASSWORD),
            _ => login(served, ADMIN, PASSWORD),
        };
        assert_eq!(begun.status, 201, "{caller}: {}", begun.json());
        self.sessions.insert(caller, begun.json()["token"].as_str().unwrap().to_owned());
    }

    fn bearer(&self, caller: &str, route: &Route) -> Option<&str> {
        match caller {
            "nobody" => None,
            "token without" => Some(self.tokens.get(&route.permission).unwrap_or(&self.of_one_scope)),
            _ => Some(&self.sessions[caller]),
        }
    }
}

/// Asks every route as every caller.
fn asked(data: &Data) -> Table {
    let (served, admin) = set_up(data);
    let routes = routes();
    let permissions = routes.iter().map(|route| route.permission.as_str());
    let permissions = permissions.filter(|permission| !["-", "known"].contains(permission)).collect();
    let mut callers = Callers::of(&served, &admin, &permissions);
    let mut table = Table::new();
    for route in &routes {
        let mut statuses = [0; CALLERS.len()];
        for (caller, status) in CALLERS.into_iter().zip(&mut statuses) {
            let answer = route.ask(&served, callers.bearer(caller, route));
            *status = answer.status;
            let refusal = match answer.status {
                401 => Some("unauthenticated".to_owned()),
                403 => Some("forbidden".to_owned()),
                _ => answer.code(),
            };
            assert_eq!(answer.code(), refusal, "{} as {caller}", route.name());
            // Whose session this was signs in again.
            if ["DELETE /session", "DELETE /sessions"].contains(&&*route.name()) && *status == 204 {
                callers.sign_in(&served, caller);
            }
        }
        hold_to_the_rules(route, statuses);
        let cells = [route.permission.clone()].into_iter().chain(statuses.iter().map(ToString::to_string));
        table.insert((route.path.clone(), route.method.clone()), cells.collect());
    }
    table
}

/// What holds whatever the table says.
fn hold_to_the_rules(route: &Route, statuses: [u16; CALLERS.len()]) {
    let [nobody, guest, viewer, editor, admin, token] = statuses;
    let name = route.name();
    assert!(statuses.iter().all(|status| *status < 500 && ![405, 415, 429].contains(status)), "{name}: {statuses:?}");
    if OPEN.contains(&&*name) {
        assert!(statuses.iter().all(|status| *status == nobody), "{name} looks at who asks: {statuses:?}");
        return;
    }
    assert_eq!(nobody, 401, "ADM-4: {name} as nobody");
    assert!(![401, 403].contains(&admin), "{name} as an admin: {admin}");
    if !GUESTS.contains(&&*name) {
        assert_eq!(guest, 403, "{name} as a guest");
    }
    let permission = route.permission.as_str();
    let is_change = permission.ends_with(":write") || route.method != "GET" && !VIEWERS.contains(&&*name);
    let is_admins = route.is_below(&ADMINS) || ADMINS.iter().any(|path| permission.starts_with(&path[1..]));
    if is_change || is_admins {
        assert_eq!(viewer, 403, "{name} as a viewer");
    }
    if is_admins || is_change && route.is_below(&ADMINS_TO_CHANGE) {
        assert_eq!(editor, 403, "{name} as an editor");
    }
    // What needs no permission is for people, but for the question who one is.
    if name != "GET /session" {
        assert_eq!(token, 403, "{name} as a token without {permission}");
    }
}

fn markdown(table: &Table) -> String {
    let mut text = format!(
        "| method | path | permission | {} |\n|---{}|\n",
        CALLERS.join(" | "),
        "|---".repeat(2 + CALLERS.len())
    );
    for ((path, method), cells) in table {
        text.push_str(&format!("| {method} | `{path}` | {} |\n", cells.join(" | ")));
    }
    text
}

fn parsed(text: &str) -> Table {
    let mut table = Table::new();
    for row in text.lines().skip(2) {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        let [method, path, rest @ ..] = cells.as_slice() else { panic!("no row: {row}") };
        assert_eq!(rest.len(), 1 + CALLERS.len(), "{row}");
        let twice = table.insert((path.trim_matches('`').to_owned(), method.clone()), rest.to_vec());
        assert!(twice.is_none(), "twice: {row}");
    }
    table
}

/// Each route that one of the tables lacks, each cell that differs.
fn differences(written: &Table, asked: &Table) -> Vec<String> {
    let mut found = Vec::new();
    let routes: BTreeSet<_> = written.keys().chain(asked.keys()).collect();
    for route @ (path, method) in routes {
        match (written.get(route), asked.get(route)) {
            (Some(written), Some(asked)) => {
                let columns = ["permission"].into_iter().chain(CALLERS);
                for (column, (written, asked)) in columns.zip(written.iter().zip(asked)) {
                    if written != asked {
                        found.push(format!("{method} {path}, {column}: {written} is written, {asked} is so"));
                    }
                }
            }
            (Some(_), None) => found.push(format!("{method} {path} is no route")),
            _ => found.push(format!("{method} {path} is not in the table")),
        }
    }
    found
}

// Its name has "documentation" in it: `make docs` runs what has.
#[test]
fn the_documentation_says_who_may_do_what() {
    on_every_database(|data| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/routes.md");
        let text = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- generated: make docs -->\n", "<!-- end -->");
        let (before, rest) = text.split_once(begin).unwrap();
        let (written, after) = rest.split_once(end).unwrap();
        let asked = asked(data);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, [before, begin, &markdown(&asked), end, after].concat()).unwrap();
        } else {
            let found = differences(&parsed(written), &asked);
            assert!(found.is_empty(), "docs/routes.md is out of date, see make docs:\n{}", found.join("\n"));
            assert_eq!(written, markdown(&asked));
        }
    });
}
