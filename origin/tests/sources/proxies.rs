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

#[tokio::test(flavor = "multi_thread")]
async fn ssrf_6_proxies_of_the_environment_are_not_used() {
    let authority = Authority::new();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec();
    let server = Server::start(&authority, vec![Step::Send(answer)]).await;
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());

    let mut fetching = Command::new(std::env::current_exe().unwrap());
    fetching.args(["--exact", "proxies::a_fetch_in_the_environment_it_was_given", "--ignored"]);
    fetching.env("SEALPIX_TEST_TEXT", server.text()).env("SEALPIX_TEST_CA", authority.pem());
    fetching.envs(VARIABLES.map(|name| (name, &proxy))).env_remove("NO_PROXY").env_remove("no_proxy");
    let ended = tokio::task::spawn_blocking(move || fetching.output().unwrap()).await.unwrap();

    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!(server.requests().len(), 1);
    assert!(tokio::time::timeout(Duration::ZERO, trap.accept()).await.is_err(), "the proxy was dialled");
}

#[tokio::test]
#[ignore = "run by ssrf_6_proxies_of_the_environment_are_not_used, in a process of its own"]
async fn a_fetch_in_the_environment_it_was_given() {
    let pem = std::env::var("SEALPIX_TEST_CA").unwrap();
    let settings = HttpSettings { extra_ca_pem: Some(pem.into_bytes()), ..settings(&Authority::new(), 0) };
    let source = HttpSource::new(settings, names()).unwrap();
    let text = std::env::var("SEALPIX_TEST_TEXT").unwrap();
    assert_eq!(source.fetch(&text, &FetchLimits::default()).await.unwrap().bytes, "abc");
}
