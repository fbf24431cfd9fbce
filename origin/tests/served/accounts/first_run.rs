//! The first admin.

use serde_json::json;

use super::client::{ADMIN, PASSWORD, Person, at_once, count, first_admin, login, on_every_database};
use crate::harness::Data;

#[test]
fn adm1_a_hundred_setups_at_once_make_one_admin() {
    on_every_database(|data| {
        let served = data.serve();
        let token = served.setup_token.clone().unwrap();
        let answers = at_once(100, |turn| {
            let mut asked = first_admin(&token);
            asked["email"] = format!("admin{turn}@example.com").into();
            served.call("POST", "/setup", &[], Some(&asked))
        });
        let (made, refused) = (count(&answers, 201), count(&answers, 409) + count(&answers, 401));
        println!("setup: of 100 at once {made} made an admin, {refused} were refused");
        assert_eq!((made, refused), (1, 99));
        let admin = Person::of(answers.iter().find(|answer| answer.status == 201).unwrap());
        assert_eq!(admin.get(&served, "/users").json()["items"].as_array().unwrap().len(), 1);
        assert_eq!(served.call("GET", "/setup", &[], None).json(), json!({"needed": false}));
    });
}

#[test]
fn adm1_two_instances_make_one_admin() {
    let data = Data::on_postgres(&[]);
    let servers = [data.serve(), data.serve()];
    let tokens = servers.each_ref().map(|served| served.setup_token.clone().unwrap());
    let answers = at_once(40, |turn| {
        let asked = first_admin(&tokens[1]);
        servers[turn % 2].call("POST", "/setup", &[], Some(&asked))
    });
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 39));
    let late = servers[0].call("POST", "/setup", &[], Some(&first_admin(&tokens[0])));
    assert_eq!(late.code().as_deref(), Some("set_up_already"));
}

#[test]
fn adm1_only_the_last_starts_token_sets_up_and_no_log_has_one() {
    let data = Data::new(&[("SEALPIX_LOG", "trace")]);
    let before = data.serve();
    let void = before.setup_token.clone().unwrap();
    assert_eq!(before.call("GET", "/setup", &[], None).json(), json!({"needed": true}));
    assert_eq!(before.terminate(), Some(0));
    let served = data.serve();
    let token = served.setup_token.clone().unwrap();
    assert_ne!(void, token);
    assert_eq!(served.call("GET", "/setup", &[], None).json(), json!({"needed": true}));
    for wrong in [void.as_str(), "", "setup_", &token[..48], &format!("{token}A"), &"x".repeat(1000), "\0"] {
        let refused = served.call("POST", "/setup", &[], Some(&first_admin(wrong)));
        assert_eq!((refused.status, refused.code().as_deref()), (401, Some("setup_token_wrong")), "{wrong:?}");
    }
    let mut weak = first_admin(&token);
    weak["password"] = "short".into();
    assert_eq!(served.call("POST", "/setup", &[], Some(&weak)).status, 400);
    let made = served.call("POST", "/setup", &[], Some(&first_admin(&token)));
    let admin = Person::of(&made);
    assert!(made.header("set-cookie").unwrap().starts_with("sealpix=ey"));
    assert_eq!(admin.get(&served, "/session").json()["user"]["email"], ADMIN);
    assert_eq!(
        served.call("POST", "/setup", &[], Some(&first_admin(&token))).code().as_deref(),
        Some("set_up_already")
    );
    assert_eq!(login(&served, ADMIN, PASSWORD).status, 201);
    let log = served.log();
    assert!(log.contains("user.create") && log.contains("setup.offer"), "the log was read");
    for secret in [&token, &void, PASSWORD, &admin.token, &admin.csrf] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
    assert_eq!(served.terminate(), Some(0));
    assert_eq!(data.serve().setup_token, None, "who is set up is offered nothing");
}

#[test]
fn adm5_setup_tokens_cannot_be_guessed_at_length() {
    let data = Data::new(&[]);
    let served = data.serve();
    let token = served.setup_token.clone().unwrap();
    let answers = at_once(60, |turn| served.call("POST", "/setup", &[], Some(&first_admin(&turn.to_string()))));
    let admitted = count(&answers, 401);
    println!("setup: of 60 wrong tokens at once {admitted} were looked at");
    assert_eq!((admitted, count(&answers, 429)), (20, 40));
    let blocked = served.call("POST", "/setup", &[], Some(&first_admin(&token)));
    assert_eq!(blocked.status, 429, "the right one, too, while it lasts");
    assert!(blocked.header("retry-after").unwrap().parse::<u64>().unwrap() <= 30);
}

#[test]
fn a_first_admin_by_command_ends_the_first_run() {
    let data = Data::new(&[]);
    let served = data.serve();
    let token = served.setup_token.clone().unwrap();
    let password = data.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let file = password.to_str().unwrap();
    let create = |role: &str| {
        let account = ["--email", ADMIN, "--name", "Ada", "--role", role, "--password-file", file];
        data.run(&[&["users", "create"], &account[..]].concat())
    };
    let refused = create("editor");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the first user must be an active admin"));
    assert!(create("admin").status.success());
    assert_eq!(served.call("POST", "/setup", &[], Some(&first_admin(&token))).status, 409);
    assert_eq!(login(&served, ADMIN, PASSWORD).status, 201);
}
