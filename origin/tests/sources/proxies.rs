//! SSRF-6: proxies of the environment are not used. The environment is a process's own, so the fetch runs in another
//! process: this test program again, with one test selected.

use std::process::Command;
use std::time::Duration;

use sealpix_origin::sources::http::{HttpSettings, HttpSource};
use sealpix_origin::sources::{FetchLimits, Source};
use tokio::net::TcpListener;

use crate::network::{names, settings};
use crate::server::{Authority, Server, Step};

const VARIABLES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// Set for the other process: what it fetches.
const TEXT: &str = "SEALPIX_TEST_TEXT";

#[tokio::test(flavor = "multi_thread")]
async fn ssrf_6_proxies_of_the_environment_are_not_used() {
    if let Ok(text) = std::env::var(TEXT) {
        return fetch_in_the_environment_given(&text).await;
    }
    let authority = Authority::new();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec();
    let server = Server::start(&authority, vec![Step::Send(answer)]).await;
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());

    let mut fetching = Command::new(std::env::current_exe().unwrap());
    fetching.args(["--exact", "proxies::ssrf_6_proxies_of_the_environment_are_not_used"]);
    fetching.env(TEXT, server.text()).env("SEALPIX_TEST_CA", authority.pem());
    fetching.envs(VARIABLES.map(|name| (name, &proxy))).env_remove("NO_PROXY").env_remove("no_proxy");
    let ended = tokio::task::spawn_blocking(move || fetching.output().unwrap()).await.unwrap();

    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(server.requests().len(), 1);
    assert!(tokio::time::timeout(Duration::ZERO, trap.accept()).await.is_err(), "the proxy was dialled");
}

async fn fetch_in_the_environment_given(text: &str) {
    let pem = std::env::var("SEALPIX_TEST_CA").unwrap();
    let settings = HttpSettings { extra_ca_pem: Some(pem.into_bytes()), ..settings(&Authority::new(), 0) };
    let source = HttpSource::new(settings, names()).unwrap();
    assert_eq!(source.fetch(text, &FetchLimits::default()).await.unwrap().bytes, "abc");
}
