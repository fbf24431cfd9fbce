//! The admin API's page, run as it stands.

use std::path::Path;
use std::process::Command;

use crate::documentation::blocks;
use crate::harness::Data;
use crate::watermarks::flat;

#[test]
fn the_admin_api_page_does_what_it_says() {
    let data = Data::new(&[]);
    let served = data.serve();
    let blocks = blocks("docs/admin-api.md");
    assert!(
        blocks[0]
            .starts_with("first run: make the first admin at http://localhost:8080/api/v1/setup with the token setup_")
    );
    let script: String = blocks[1..].concat();
    let script = script.replace("http://localhost:8080", &format!("http://{}", served.address()));
    let script = script.replace("setup_…", served.setup_token.as_deref().unwrap());
    std::fs::write(data.path().join("logo.png"), flat(8, 4, [200, 0, 0])).unwrap();
    let mut bash = Command::new("bash");
    let folder = Path::new(env!("CARGO_BIN_EXE_sealpix")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    bash.env("PATH", path).env("SEALPIX_DATA_DIR", data.path());
    let output = bash.args(["-euo", "pipefail", "-c", &script]).current_dir(data.path()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.starts_with("admin\nada@example.com\n0\nviewer\na-shop\nlogo\n"), "{printed}");
    assert_eq!(printed.matches("intact").count(), 2, "an export and the log itself are verified: {printed}");
}
