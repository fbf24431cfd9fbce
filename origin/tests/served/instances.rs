//! How many instances run: three without a licence, as many as it says with one, and the dead make room.

use crate::harness::{Data, Served};
use crate::secrets::holds;
use crate::vault::{activate, vendor};

#[test]
fn the_fourth_is_refused_on_sqlite() {
    fill(&Data::new(&[]));
}

#[test]
fn the_fourth_is_refused_on_postgres() {
    fill(&Data::on_postgres(&[]));
}

fn fill(data: &Data) {
    data.setup(&[]);
    let (public, issue) = vendor(data);
    let command = || {
        let mut command = data.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("SEALPIX_LICENSE_PUBLIC_KEY", &public);
        command
    };
    let refused = |message: &str| {
        let output = command().output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&said));
        assert!(holds(&said, message), "{}", String::from_utf8_lossy(&said));
    };
    let mut running: Vec<_> = (0..3).map(|_| Served::start(command())).collect();
    refused("the 4th instance needs a licence: 3 are running");
    // Killed, as `Served` does when it is dropped: the next one of this folder sees that it is dead.
    drop(running.pop());
    running.push(Served::start(command()));
    refused("the 4th instance needs a licence: 3 are running");
    assert_eq!(running.remove(0).terminate(), Some(0));
    running.push(Served::start(command()));
    activate(data, &public, &issue(&[]));
    running.extend((0..2).map(|_| Served::start(command())));
    refused("the 6th instance needs a larger licence: 5 are running");
    let shown =
        data.command(&["license", "show", "--json"]).env("SEALPIX_LICENSE_PUBLIC_KEY", &public).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!((&shown["state"], &shown["instance_limit"]), (&"valid".into(), &5.into()));
    assert_eq!(shown["instances"].as_array().unwrap().len(), 5);
    for served in &running {
        assert_eq!(served.get("/healthz").status, 200, "what runs is not cut off");
    }
    data.stdout(&["license", "remove"]);
    refused("needs a licence: 5 are running");
}
