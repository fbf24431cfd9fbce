//! What is PostgreSQL's own: several starts at once, TLS, and what an error says.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use sealpix_origin::config::Database;
use sealpix_origin::registry::Registry;
use sealpix_origin::registry::database::schema_version;

use crate::server::{PASSWORD, Server, ask};

async fn open(url: &str) -> Result<Registry, String> {
    Registry::open(&Database::parse(url)?).await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn instances_that_start_at_once_on_an_empty_database_migrate_it_once() {
    let server = Server::shared();
    let url: Arc<str> = server.database().into();
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = Arc::clone(&url);
        starts.spawn(async move { open(&url).await.unwrap().projects().await.unwrap() });
    }
    assert_eq!(starts.join_all().await.concat(), []);
    assert_eq!(ask(&url, "SELECT count(*) FROM refinery_schema_history").unwrap(), [schema_version().to_string()]);
    let locks = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database \
                 WHERE locktype = 'advisory' AND datname = current_database()";
    assert_eq!(ask(&url, locks).unwrap(), ["0"], "the lock of migrations was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_what_sslmode_says() {
    let server = Server::shared();
    let url = server.database();
    let by_address = url.replace("@localhost", "@127.0.0.1");
    let trusted = format!("sslmode=verify-full&sslrootcert={}", server.authority().display());
    let is_encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = ";
    for (number, (url, query, encrypted)) in [
        (&url, "sslmode=disable", "f"),
        (&url, "sslmode=prefer", "t"),
        (&url, "sslmode=require", "t"),
        (&by_address, "sslmode=require", "t"),
        (&url, trusted.as_str(), "t"),
    ]
    .into_iter()
    .enumerate()
    {
        let registry = open(&format!("{url}?{query}&application_name=test{number}")).await.unwrap();
        registry.ping().await.unwrap();
        let connections = ask(url, &format!("{is_encrypted}'test{number}'")).unwrap();
        assert!(!connections.is_empty() && connections.iter().all(|one| one == encrypted), "{query}: {connections:?}");
    }
    for (url, query) in [(&url, "sslmode=verify-full"), (&by_address, trusted.as_str())] {
        let refused = open(&format!("{url}?{query}")).await.err().unwrap();
        assert!(refused.contains("certificate"), "{query}: {refused}");
        assert!(!refused.contains(PASSWORD));
    }
}

/// Answers the request for TLS with no, and gives back what it is sent then.
fn server_without_tls() -> (String, std::thread::JoinHandle<usize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://u:{PASSWORD}@{}/d", listener.local_addr().unwrap());
    let sent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"N").unwrap();
        let mut more = Vec::new();
        stream.read_to_end(&mut more).unwrap()
    });
    (url, sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_sent_nothing_where_tls_is_required() {
    for mode in ["require", "verify-full"] {
        let (url, sent) = server_without_tls();
        let refused = open(&format!("{url}?sslmode={mode}")).await.err().unwrap();
        assert!(refused.contains("does not support TLS"), "{refused}");
        assert_eq!(sent.join().unwrap(), 0, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_say_what_is_wrong_and_never_the_password() {
    let server = Server::shared();
    let url = server.database();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, message) in [
        (url.replace(PASSWORD, &format!("{PASSWORD}-wrong")), "password authentication failed"),
        (server.url("nowhere"), "does not exist"),
        (format!("postgres://u:{PASSWORD}@{closed}/d"), "error connecting to server"),
    ] {
        let refused = open(&url).await.err().unwrap();
        assert!(refused.contains(message) && !refused.contains(PASSWORD), "{refused}");
    }
    assert!(!server.log().contains(PASSWORD), "the server was told the password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_server_ends_is_replaced() {
    let server = Server::shared();
    let url = server.database();
    let registry = open(&url).await.unwrap();
    registry.ping().await.unwrap();
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'sealpix' \
               AND datname = current_database()";
    // The connection that looked after the schema may be on its way out by itself.
    assert!(ask(&url, end).unwrap().contains(&"t".to_owned()));
    // The end reaches us when it does; from then on the pool gives another connection.
    let mut answered = registry.ping().await;
    for _ in 0..100 {
        if answered.is_ok() {
            break;
        }
        answered = registry.ping().await;
    }
    answered.unwrap();
    assert!(registry.projects().await.unwrap().is_empty());
}
