//! The admin API's page, run as it stands.

use std::process::Command;

use crate::documentation::blocks;
use crate::harness::Data;

#[test]
fn the_admin_api_page_does_what_it_says() {
    let data = Data::new(&[]);
    let served = data.serve();
    let blocks = blocks("docs/admin-api.md");
    assert!(blocks[0].starts_with("first run: open http://localhost:8080/setup and give the token setup_"));
    let script: String = blocks[1..].concat();
    let script = script.replace("http://localhost:8080", &format!("http://{}", served.address()));
    let script = script.replace("setup_…", served.setup_token.as_deref().unwrap());
    let mut bash = Command::new("bash");
    let output = bash.args(["-euo", "pipefail", "-c", &script]).current_dir(data.path()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "admin\nada@example.com\n0\nviewer\n");
}
