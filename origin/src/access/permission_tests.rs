//! The table of permissions, written a second time by hand: every permission, every kind of caller.

use super::*;
use crate::access::id::{TokenId, UserId};

/// Permission; guest (mode on), viewer, editor, admin; whether a token may hold it.
const TABLE: &str = "
    projects:read   - v e a token
    projects:write  - - e a token
    keys:read       - v e a token
    keys:write      - - e a token
    presets:read    - v e a token
    presets:write   - - e a token
    sources:read    - v e a token
    sources:write   - - - a token
    gallery:read    g v e a token
    sign            - - e a token
    purge           - - e a token
    usage:read      - v e a token
    settings:read   - - - a token
    settings:write  - - - a token
    users:read      - - - a token
    users:write     - - - a person
    audit:read      - - - a token
    license:read    - - - a token
    license:write   - - - a token
    instances:read  - - - a token
    account         - v e a person
";

struct Row {
    permission: Permission,
    guest: bool,
    roles: Vec<Role>,
    token: bool,
}

fn table() -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [name, guest, viewer, editor, admin, by] = cells.try_into().unwrap();
        let permission = Permission::ALL.iter().copied().find(|permission| permission.as_str() == name).unwrap();
        let roles = [(viewer, Role::Viewer), (editor, Role::Editor), (admin, Role::Admin)];
        let roles = roles.into_iter().filter(|(cell, _)| *cell != "-").map(|(_, role)| role).collect();
        Row { permission, guest: guest != "-", roles, token: by == "token" }
    };
    TABLE.lines().filter(|line| !line.trim().is_empty()).map(row).collect()
}

fn token(scopes: Scopes, owner_role: Role) -> Caller {
    Caller::Token { id: TokenId::from_bytes([1; 16]), scopes, owner_role }
}

#[test]
fn every_permission_is_in_the_table_once() {
    let listed: Vec<Permission> = table().into_iter().map(|row| row.permission).collect();
    assert_eq!(listed, Permission::ALL);
}

#[test]
fn users_guests_and_strangers_have_what_the_table_says() {
    for row in table() {
        let name = row.permission.as_str();
        for guests in [GuestMode::On, GuestMode::Off] {
            for role in Role::ALL {
                let user = Caller::User { id: UserId::from_bytes([0; 16]), role };
                assert_eq!(allows(&user, guests, row.permission), row.roles.contains(&role), "{role} {name}");
            }
            assert!(!allows(&Caller::Nobody, guests, row.permission), "nobody {name}");
        }
        assert_eq!(allows(&Caller::Guest, GuestMode::On, row.permission), row.guest, "guest {name}");
        assert!(!allows(&Caller::Guest, GuestMode::Off, row.permission), "guest with guest mode off {name}");
    }
}

#[test]
fn a_token_has_its_scopes_as_far_as_its_owner_has_them() {
    for row in table() {
        let name = row.permission.as_str();
        assert_eq!(Scope::of(row.permission).is_some(), row.token, "{name}");
        for role in Role::ALL {
            let all: Scopes = Scope::all().collect();
            let expected = row.token && row.roles.contains(&role);
            assert_eq!(allows(&token(all, role), GuestMode::On, row.permission), expected, "{role} {name}");
            let others = Scope::all().filter(|scope| scope.permission() != row.permission).collect();
            assert!(!allows(&token(others, role), GuestMode::On, row.permission), "{role} without {name}");
            assert!(!allows(&token(Scopes::default(), role), GuestMode::On, row.permission));
        }
    }
}

#[test]
fn scopes_are_read_back_as_printed_and_unknown_ones_are_refused() {
    let scopes = Scopes::parse("usage:read keys:read").unwrap();
    assert_eq!(scopes.to_string(), "keys:read usage:read");
    assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["keys:read","usage:read"]"#);
    assert_eq!(serde_json::from_str::<Scopes>(r#"["usage:read","keys:read"]"#).unwrap(), scopes);
    assert_eq!(Scopes::parse("").unwrap(), Scopes::default());
    assert_eq!(Scopes::parse(&Scopes::default().to_string()).unwrap(), Scopes::default());
    for wrong in ["keys", "keys:read,usage:read", "keys:read ", "*", "account", "Keys:read", "keys:read  sign"] {
        assert!(Scopes::parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(serde_json::from_str::<Scopes>(r#"["account"]"#).is_err());
}

#[test]
fn every_scope_has_a_name_of_its_own_and_a_line_of_doc() {
    let names: BTreeSet<&str> = Scope::all().map(Scope::as_str).collect();
    assert_eq!(names.len(), Scope::all().count());
    for scope in Scope::all() {
        assert!(scope.permission().doc().ends_with('.'), "{}", scope.as_str());
        assert_eq!(Scope::parse(scope.as_str()), Ok(scope));
    }
}
