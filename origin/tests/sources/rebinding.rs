//! SSRF-4 and SSRF-11 against a real name server, in a process of its own, that changes its answers.
//!
//! 127.0.0.2 stands for the public address (the only network these sources may dial), 127.0.0.1 for the private one; a
//! server waits at both, on the same port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sealpix_origin::sources::address::AllowedNetworks;
use sealpix_origin::sources::http::{HttpSettings, HttpSource};
use sealpix_origin::sources::resolver::Resolve;
use sealpix_origin::sources::{FetchLimits, Source, SourceError};
use tokio::net::UdpSocket;

use crate::network::settings;
use crate::process::Hostile;
use crate::server::{Authority, Server, Step};

/// A resolver that asks one name server and keeps nothing.
struct NameServer(u16);

#[async_trait]
impl Resolve for NameServer {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut addresses = self.ask(host, 1).await?;
        addresses.extend(self.ask(host, 28).await?);
        Ok(addresses)
    }
}

impl NameServer {
    async fn ask(&self, host: &str, kind: u8) -> io::Result<Vec<IpAddr>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(("127.0.0.1", self.0)).await?;
        let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in host.split('.') {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend_from_slice(label.as_bytes());
        }
        query.extend_from_slice(&[0, 0, kind, 0, 1]);
        socket.send(&query).await?;
        let mut packet = [0; 512];
        let length = socket.recv(&mut packet).await?;
        if packet[3] & 0xf != 0 {
            return Err(io::Error::other("the name server refuses"));
        }
        // Each record: a pointer for the name, type, class, time to live, length, address.
        let record = 12 + if kind == 1 { 4 } else { 16 };
        Ok(packet[query.len()..length].chunks(record).map(|record| address(&record[12..])).collect())
    }
}

fn address(packed: &[u8]) -> IpAddr {
    match *packed {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(packed).unwrap()).into(),
    }
}

/// The two servers, a name server with one scripted name, and a source that uses it.
struct World {
    public: Server,
    private: Server,
    name_server: Hostile,
    source: HttpSource,
}

impl World {
    async fn new(answers: &str) -> Self {
        let authority = Authority::new();
        let answer = || vec![Step::Send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc".to_vec()), Step::Close];
        let public = Server::start_on("127.0.0.2:0", &authority, answer()).await;
        let private = Server::start_on(&format!("127.0.0.1:{}", public.port), &authority, answer()).await;
        let name_server = Hostile::start("rebinding_dns.py", &[&format!("rebind.test={answers}")]);
        let settings = HttpSettings {
            allowed_networks: AllowedNetworks::parse("127.0.0.2/32").unwrap(),
            ..settings(&authority, 0)
        };
        let source = HttpSource::new(settings, Arc::new(NameServer(name_server.port))).unwrap();
        Self { public, private, name_server, source }
    }

    async fn fetch(&self) -> Result<usize, SourceError> {
        let limits = FetchLimits { deadline: Duration::from_secs(10), ..FetchLimits::default() };
        let text = format!("rebind.test:{}/photo.jpg", self.public.port);
        self.source.fetch(&text, &limits).await.map(|fetched| fetched.bytes.len())
    }

    fn connections(&self) -> (usize, usize) {
        (self.public.connections(), self.private.connections())
    }
}

#[tokio::test]
async fn ssrf_4_the_address_that_was_checked_is_the_one_that_is_dialled() {
    let mut world = World::new("127.0.0.2;127.0.0.1").await;
    assert_eq!(world.fetch().await, Ok(3));
    assert_eq!(world.connections(), (1, 0));
    assert_eq!(world.fetch().await, Err(SourceError::AddressBlocked), "the second answer is checked as the first was");
    assert_eq!(world.connections(), (1, 0), "nothing was dialled");
    // One look-up for each fetch: there was no second answer that could have been dialled instead of the checked one.
    assert_eq!(world.name_server.end(), ["rebind.test A", "rebind.test AAAA", "rebind.test A", "rebind.test AAAA"]);
}

#[tokio::test]
async fn ssrf_4_one_private_address_among_public_ones_refuses_all() {
    for answers in
        ["127.0.0.2,127.0.0.1", "127.0.0.1,127.0.0.2", "127.0.0.2,::1", "127.0.0.2,::ffff:127.0.0.1", "::ffff:7f00:1"]
    {
        let world = World::new(answers).await;
        assert_eq!(world.fetch().await, Err(SourceError::AddressBlocked), "{answers}");
        assert_eq!(world.connections(), (0, 0), "{answers}");
    }
}

#[tokio::test]
async fn ssrf_11_an_answer_without_an_address_admits_nothing() {
    for answers in ["nxdomain", "servfail", "empty"] {
        let world = World::new(answers).await;
        assert_eq!(world.fetch().await, Err(SourceError::Unreachable), "{answers}");
        assert_eq!(world.connections(), (0, 0), "{answers}");
    }
}
