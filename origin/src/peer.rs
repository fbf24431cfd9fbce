//! Who is at the other end: the address to limit and to log, and whether the client came by TLS.
//!
//! Both are the socket's, unless the socket belongs to a proxy that the operator trusts; only then are
//! `X-Forwarded-For` and `X-Forwarded-Proto` read, and of these only what trusted proxies have written (EDGE-1): each
//! proxy appends the address that it sees, so the list is read from its right end as long as trusted proxies stand
//! there, and the first address that is none of them is the client's. What lies left of it the client may have made up.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Longest way through proxies that is followed, in hops.
const MAX_HOPS: usize = 16;

/// The connection that a request came by, before any header is believed. The server puts it into each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// The other end's address.
    pub address: IpAddr,
    /// Whether this process ended the TLS.
    pub is_tls: bool,
}

/// The client, as far as it is known. An extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address; an IPv4 address is never in IPv6 spelling. Behind an untrusted proxy it is the proxy's.
    pub address: IpAddr,
    /// Whether it came by TLS, to us or to a trusted proxy.
    pub is_tls: bool,
}

/// Proxies whose `X-Forwarded-` headers are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Reads networks in CIDR notation, separated by commas: the value of `SEALPIX_TRUSTED_PROXIES`.
    ///
    /// # Errors
    /// The first item that is no network, has bits set beyond its prefix, or is everybody (`/0`).
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|item| network(item.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(item: &str) -> Result<IpNet, String> {
    let network = item.parse::<IpNet>().ok().filter(|network| network.network() == network.addr());
    let network = network.ok_or_else(|| format!("`{item}` is not a network in CIDR notation, such as 10.0.0.0/8"))?;
    if network.prefix_len() == 0 { Err(format!("`{item}` would believe everybody")) } else { Ok(network) }
}

impl Peer {
    /// The client behind a socket.
    #[must_use]
    pub fn of(socket: Socket, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let nearest = socket.address.to_canonical();
        if !trusted.contains(nearest) {
            return Self { address: nearest, is_tls: socket.is_tls };
        }
        let mut address = nearest;
        for hop in items_from_the_right(headers, &FORWARDED_FOR).take(MAX_HOPS) {
            // What is no address was written by no proxy of ours, or says nothing: the nearest known one stays.
            let Some(before) = hop.and_then(|hop| hop.parse().ok()) else { break };
            address = IpAddr::to_canonical(&before);
            if !trusted.contains(address) {
                break;
            }
        }
        // The nearest proxy's own word. If it says nothing, the client's way is not known to have been TLS.
        let proto = items_from_the_right(headers, &FORWARDED_PROTO).next().flatten();
        Self { address, is_tls: proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")) }
    }
}

/// The items of a list header, the last first, over all its lines (RFC 9110 section 5.3). `None` is one of no text.
fn items_from_the_right<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'a str>> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    lines.into_iter().rev().flat_map(|line| {
        let text = line.to_str().ok();
        let none = text.is_none().then_some(None);
        text.into_iter().flat_map(|text| text.rsplit(',').map(|item| Some(item.trim()))).chain(none)
    })
}

/// Finds out who asks, for all that comes after: [`Peer`] among the request's extensions.
pub async fn identify(State(trusted): State<Arc<TrustedProxies>>, mut request: Request, next: Next) -> Response {
    // Without a socket, as in a test of the routes alone, nobody is known.
    let nobody = Socket { address: Ipv4Addr::UNSPECIFIED.into(), is_tls: false };
    let socket = request.extensions().get::<Socket>().copied().unwrap_or(nobody);
    let peer = Peer::of(socket, request.headers(), &trusted);
    request.extensions_mut().insert(peer);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// Two proxies of ours, 10.0.0.0/8 and one IPv6 network.
    fn trusted() -> TrustedProxies {
        TrustedProxies::parse("10.0.0.0/8, fd00::/8").unwrap()
    }

    fn peer(socket: &str, headers: &[(HeaderName, &[u8])]) -> Peer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        Peer::of(Socket { address: socket.parse().unwrap(), is_tls: false }, &map, &trusted())
    }

    fn address(socket: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| (FORWARDED_FOR, line.as_bytes())).collect();
        peer(socket, &lines).address.to_string()
    }

    #[test]
    fn edge1_a_stranger_is_who_its_socket_says_whatever_it_claims() {
        let forged: [(HeaderName, &[u8]); 3] =
            [(FORWARDED_FOR, b"127.0.0.1"), (FORWARDED_FOR, b"10.0.0.1"), (FORWARDED_PROTO, b"https")];
        let found = peer("203.0.113.9", &forged);
        assert_eq!(found, Peer { address: "203.0.113.9".parse().unwrap(), is_tls: false });
    }

    #[test]
    fn edge1_behind_a_trusted_proxy_the_rightmost_stranger_counts() {
        for (lines, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            // Made up by the client, then appended to by the proxy.
            (&["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            (&["10.9.9.9, 198.51.100.7"], "198.51.100.7"),
            (&["10.9.9.9", "198.51.100.7"], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7", "10.0.0.2, fd00::5"], "198.51.100.7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["2001:db8::9,10.0.0.3"], "2001:db8::9"),
            // All are ours: the first of them asked.
            (&["10.0.0.8, 10.0.0.9"], "10.0.0.8"),
            // No addresses: nothing left of them is believed.
            (&["198.51.100.7, unknown"], "10.0.0.1"),
            (&["198.51.100.7, 127.1"], "10.0.0.1"),
            (&["198.51.100.7, 0x7f.0.0.1, 10.0.0.4"], "10.0.0.4"),
            (&["198.51.100.7,"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(address("10.0.0.1", lines), expected, "{lines:?}");
        }
        assert_eq!(address("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7", "a proxy in IPv6 spelling is known");
        let bytes: [(HeaderName, &[u8]); 2] = [(FORWARDED_FOR, b"198.51.100.7"), (FORWARDED_FOR, b"\xff")];
        assert_eq!(peer("10.0.0.1", &bytes).address.to_string(), "10.0.0.1");
    }

    #[test]
    fn edge1_an_endless_list_is_not_followed_to_its_end() {
        let line = format!("198.51.100.7{}", ", 10.0.0.2".repeat(1_000));
        assert_eq!(address("10.0.0.1", &[&line]), "10.0.0.2");
    }

    #[test]
    fn tls_is_what_the_nearest_trusted_proxy_says() {
        for (lines, expected) in [
            (&["https"][..], true),
            (&["HTTPS"], true),
            (&["http, https"], true),
            // The client's claim stands left of the proxy's word.
            (&["https, http"], false),
            (&["https", "http"], false),
            (&["https "], true),
            (&["https;x"], false),
            (&[""], false),
            (&[], false),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (FORWARDED_PROTO, line.as_bytes())).collect();
            assert_eq!(peer("10.0.0.1", &lines).is_tls, expected, "{lines:?}");
        }
        let socket = Socket { address: "203.0.113.9".parse().unwrap(), is_tls: true };
        assert!(Peer::of(socket, &HeaderMap::new(), &trusted()).is_tls, "TLS that ends here needs nobody's word");
    }

    #[test]
    fn cfg2_only_networks_are_trusted_and_never_everybody() {
        for wrong in ["10.0.0.1", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/8,,", "everybody", "10.0.0.0/33"] {
            assert!(TrustedProxies::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(TrustedProxies::parse(" ").unwrap(), TrustedProxies::default());
        assert!(TrustedProxies::parse("127.0.0.1/32").is_ok());
    }
}
