//! SSRF-5: redirects of a server in a process of its own.

use std::time::Duration;

use sealpix_origin::sources::{FetchLimits, RedirectRefusal, Source, SourceError};
use url::form_urlencoded::byte_serialize;

use crate::network::source;
use crate::process::Hostile;
use crate::server::Authority;

const LIMITS: FetchLimits = FetchLimits { max_bytes: 1024, deadline: Duration::from_secs(10) };

struct Redirector {
    authority: Authority,
    process: Hostile,
}

impl Redirector {
    fn start() -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.issue();
        let folder = tempfile::tempdir().unwrap();
        let (certificate_file, key_file) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate_file, certificate.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let files = [certificate_file.to_str().unwrap(), key_file.to_str().unwrap()];
        // It has read both when it prints its port.
        Self { process: Hostile::start("redirector.py", &files), authority }
    }

    /// The source text of a picture that redirects to `location`.
    fn text(&self, location: &str) -> String {
        let escaped: String = byte_serialize(location.as_bytes()).collect();
        format!("pictures.test:{}/to?{}", self.process.port, escaped.replace('+', "%20"))
    }

    /// Fetches through at most `redirects` redirects, to whatever host.
    async fn follow(&self, location: &str, redirects: u8) -> Result<String, SourceError> {
        let source = source(&self.authority, redirects);
        let fetched = source.fetch_admitting(&self.text(location), &LIMITS, &|_| true).await?;
        Ok(String::from_utf8(fetched.bytes.to_vec()).unwrap())
    }
}

const fn refused(refusal: RedirectRefusal) -> SourceError {
    SourceError::RedirectNotAllowed(refusal)
}

#[tokio::test]
async fn ssrf_5_redirects_are_off_by_default() {
    let mut server = Redirector::start();
    assert_eq!(server.follow("/picture", 0).await, Err(refused(RedirectRefusal::TooMany)));
    assert_eq!(server.process.end().len(), 1, "the target was not asked");
}

#[tokio::test]
async fn fetch_5_a_redirect_is_followed_without_cookies_or_a_referer() {
    let mut server = Redirector::start();
    for location in ["/picture", "picture#fragment", "https://other.test:PORT/picture", "//other.test:PORT/picture"] {
        assert_eq!(server.follow(location, 1).await.unwrap(), "a picture behind a redirect", "{location}");
    }
    let requests = server.process.end();
    assert_eq!(requests.iter().filter(|line| line.as_str() == "/picture").count(), 4);
    assert!(requests.iter().all(|line| !line.contains(' ')), "{requests:?}");
}

#[tokio::test]
async fn ssrf_5_a_redirect_to_a_private_address_is_refused() {
    let server = Redirector::start();
    let table = [
        "https://private.test/latest/meta-data",
        "https://private.test:PORT/a",
        "//private.test/a",
        r"\\private.test/a",
        "https://169.254.169.254/latest/meta-data",
        "https://0xa9fea9fe/",
        "https://2852039166/",
        "https://0251.0376.0251.0376/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00:ec2::254]/",
        "https://10.1/",
        "https://%31%30.0.0.1/",
    ];
    for location in table {
        assert_eq!(server.follow(location, 3).await, Err(SourceError::AddressBlocked), "{location}");
    }
}

#[tokio::test]
async fn ssrf_5_and_8_a_redirect_to_another_scheme_is_refused() {
    let server = Redirector::start();
    let table = [
        "http://pictures.test:PORT/picture",
        "http:picture",
        "file:///etc/passwd",
        "ftp://other.test/a",
        "data:image/png;base64,AAAA",
        "gopher://other.test/a",
        "javascript:0",
        "blob:https://other.test/a",
        "wss://other.test/a",
    ];
    for location in table {
        assert_eq!(server.follow(location, 3).await, Err(refused(RedirectRefusal::Scheme)), "{location}");
    }
}

#[tokio::test]
async fn ssrf_5_and_7_a_redirect_that_is_no_usable_url_is_refused() {
    let server = Redirector::start();
    let table = [
        "https://user@other.test:PORT/picture",
        "https://user:word@other.test:PORT/picture",
        "https://",
        "https://a b/",
    ];
    for location in table {
        assert_eq!(server.follow(location, 3).await, Err(refused(RedirectRefusal::Malformed)), "{location}");
    }
    let nowhere = format!("pictures.test:{}/to-nowhere", server.process.port);
    let fetched = source(&server.authority, 3).fetch(&nowhere, &LIMITS).await;
    assert_eq!(fetched, Err(refused(RedirectRefusal::Malformed)));
}

#[tokio::test]
async fn ssrf_5_a_redirect_to_a_host_that_is_not_allowed_is_refused() {
    let server = Redirector::start();
    let source = source(&server.authority, 3);
    let elsewhere = server.text("https://other.test:PORT/picture");
    let picture = format!("other.test:{}/picture", server.process.port);
    let refusal = Err(refused(RedirectRefusal::Target));
    assert_eq!(source.fetch_admitting(&elsewhere, &LIMITS, &|target| target != picture).await, refusal);
    assert!(source.fetch_admitting(&elsewhere, &LIMITS, &|target| target == picture).await.is_ok());
    // Without a rule of the project, only the same host and port are admitted.
    assert_eq!(source.fetch(&elsewhere, &LIMITS).await, refusal);
    assert_eq!(source.fetch(&server.text("https://pictures.test/picture"), &LIMITS).await, refusal);
    assert!(source.fetch(&server.text("https://pictures.test:PORT/picture"), &LIMITS).await.is_ok());
}

#[tokio::test]
async fn ssrf_5_circles_and_long_ways_end() {
    let server = Redirector::start();
    let circle = format!("pictures.test:{}/ping", server.process.port);
    assert_eq!(source(&server.authority, 3).fetch(&circle, &LIMITS).await, Err(refused(RedirectRefusal::Loop)));
    let own = format!("pictures.test:{}/to?", server.process.port);
    assert_eq!(source(&server.authority, 3).fetch(&own, &LIMITS).await, Err(refused(RedirectRefusal::Loop)));
    // /to?/to?/to?/picture: three redirects.
    for (allowed, expected) in [(2, Err(refused(RedirectRefusal::TooMany))), (3, Ok(()))] {
        let fetched = server.follow("/to?/to?/picture", allowed).await;
        assert_eq!(fetched.map(|_| ()), expected, "{allowed}");
    }
}
