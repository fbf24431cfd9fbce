//! Which addresses may be dialled: global unicast ones, and what the operator allows by name.
//!
//! The ranges are those of IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890 and its successors), the
//! multicast and reserved blocks, and Azure's platform address. Of IPv6, only 2000::/3 is global unicast (RFC 4291,
//! IANA's IPv6 address space), so everything outside of it is refused without being listed.
//!
//! An IPv6 address can carry an IPv4 address that a gateway or the kernel dials in the end. Six forms are known here:
//! mapped (`::ffff:0:0/96`), compatible (`::/96`), 6to4 (RFC 3056), NAT64 with the well-known and with a local prefix
//! (RFC 6052, RFC 8215), Teredo (RFC 4380) and ISATAP (RFC 5214; counted with Teredo as tunnels). The IPv4 address
//! inside must be one that could be dialled itself, also where the operator allows the IPv6 network around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that may be dialled although they are not global unicast. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNet>);

impl AllowedNetworks {
    /// Reads networks in CIDR notation, separated by commas; the value of `SEALPIX_SOURCE_ALLOW_NETWORKS`.
    ///
    /// # Errors
    /// The first item that is not a network. One with bits set beyond its prefix (`10.1.2.3/8`) is taken for a mistake.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let items = text.split(',').map(str::trim);
        let networks = if text.trim().is_empty() { Ok(Vec::new()) } else { items.map(parse_network).collect() };
        networks.map(Self)
    }

    /// Whether no network is allowed beyond the global unicast ones.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn parse_network(item: &str) -> Result<IpNet, NetworkError> {
    let mistake = || NetworkError(item.to_owned());
    // The standard library reads the address, since it refuses leading zeros, which elsewhere mean octal.
    let (address, prefix) = item.split_once('/').ok_or_else(mistake)?;
    let address: IpAddr = address.parse().map_err(|_| mistake())?;
    let prefix: u8 = prefix.parse().map_err(|_| mistake())?;
    let network = IpNet::new(address, prefix).map_err(|_| mistake())?;
    if network.network() == address { Ok(network) } else { Err(mistake()) }
}

/// An item that is not a network in CIDR notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8")]
pub struct NetworkError(String);

/// Whether `address` may be dialled.
pub fn may_dial(address: IpAddr, allowed: &AllowedNetworks) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => may_dial_v4(v4, allowed),
        IpAddr::V6(v6) => {
            let outside = is_global_v6(v6) || allowed.contains(IpAddr::V6(v6));
            outside && embedded_v4(v6).into_iter().all(|inside| may_dial_v4(inside, allowed))
        }
    }
}

fn may_dial_v4(address: Ipv4Addr, allowed: &AllowedNetworks) -> bool {
    allowed.contains(IpAddr::V4(address)) || !NOT_GLOBAL_V4.iter().any(|(network, _)| network.contains(&address))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// What an address is, as far as it matters for dialling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AddressVerdict)]
pub enum Verdict {
    /// Global unicast: it may be dialled.
    Public,
    /// Not public, and in a network of SEALPIX_SOURCE_ALLOW_NETWORKS: it may be dialled.
    Allowed,
    /// This machine.
    Loopback,
    /// This network; 0.0.0.0 reaches the own host.
    Unspecified,
    /// A private network.
    Private,
    /// Carrier-grade NAT, where some clouds have their metadata.
    Shared,
    /// Link-local, where most clouds have their metadata.
    LinkLocal,
    /// A cloud's platform services.
    Platform,
    /// For documentation.
    Documentation,
    /// For benchmarks.
    Benchmarking,
    /// Many hosts.
    Multicast,
    /// Reserved, or for protocols.
    Reserved,
}

/// What `address` is; of an IPv6 address that carries an IPv4 one which may not be dialled, what that is.
#[must_use]
pub fn verdict(address: IpAddr, allowed: &AllowedNetworks) -> Verdict {
    if may_dial(address, &AllowedNetworks::default()) {
        return Verdict::Public;
    }
    if may_dial(address, allowed) {
        return Verdict::Allowed;
    }
    match address.to_canonical() {
        IpAddr::V4(v4) => verdict_v4(v4),
        IpAddr::V6(v6) => {
            let inside = embedded_v4(v6).into_iter().find(|inside| !may_dial_v4(*inside, allowed));
            inside.filter(|_| !v6.is_unspecified()).map_or_else(|| verdict_v6(v6), verdict_v4)
        }
    }
}

fn verdict_v4(address: Ipv4Addr) -> Verdict {
    let found = NOT_GLOBAL_V4.iter().find(|(network, _)| network.contains(&address));
    found.map_or(Verdict::Reserved, |(_, verdict)| *verdict)
}

fn verdict_v6(address: Ipv6Addr) -> Verdict {
    match address.segments() {
        _ if address.is_loopback() => Verdict::Loopback,
        _ if address.is_unspecified() => Verdict::Unspecified,
        [0xfe80..=0xfebf, ..] => Verdict::LinkLocal,
        [0xfec0..=0xfeff | 0xfc00..=0xfdff, ..] => Verdict::Private,
        [0xff00..=0xffff, ..] => Verdict::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Verdict::Documentation,
        _ => Verdict::Reserved,
    }
}

const NOT_GLOBAL_V4: [(Ipv4Net, Verdict); 17] = [
    (v4(0, 0, 0, 0, 8), Verdict::Unspecified),
    (v4(10, 0, 0, 0, 8), Verdict::Private),
    (v4(100, 64, 0, 0, 10), Verdict::Shared), // Alibaba's metadata too
    (v4(127, 0, 0, 0, 8), Verdict::Loopback),
    (v4(168, 63, 129, 16, 32), Verdict::Platform), // Azure's, from inside a virtual machine
    (v4(169, 254, 0, 0, 16), Verdict::LinkLocal),
    (v4(172, 16, 0, 0, 12), Verdict::Private),
    (v4(192, 0, 0, 0, 24), Verdict::Reserved), // IETF protocol assignments; Oracle's metadata
    (v4(192, 0, 2, 0, 24), Verdict::Documentation),
    (v4(192, 88, 99, 0, 24), Verdict::Reserved), // 6to4 relays
    (v4(192, 168, 0, 0, 16), Verdict::Private),
    (v4(198, 18, 0, 0, 15), Verdict::Benchmarking),
    (v4(198, 51, 100, 0, 24), Verdict::Documentation),
    (v4(203, 0, 113, 0, 24), Verdict::Documentation),
    (v4(224, 0, 0, 0, 4), Verdict::Multicast),
    (v4(255, 255, 255, 255, 32), Verdict::Reserved), // broadcast
    (v4(240, 0, 0, 0, 4), Verdict::Reserved),
];

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const GLOBAL_UNICAST_V6: Ipv6Net = v6(0x2000, 0, 0, 3);
const NAT64_WELL_KNOWN: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
const NAT64_LOCAL: Ipv6Net = v6(0x64, 0xff9b, 1, 48);
const TEREDO: Ipv6Net = v6(0x2001, 0, 0, 32);
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);
const COMPATIBLE: Ipv6Net = v6(0, 0, 0, 96);

/// Inside 2000::/3, and yet nobody's web server.
const NOT_GLOBAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23),     // IETF protocol assignments: Teredo, benchmarking, ORCHID …
    v6(0x2001, 0xdb8, 0, 32), // documentation
    SIX_TO_FOUR,              // deprecated by RFC 7526
    v6(0x3fff, 0, 0, 20),     // documentation
];

/// The well-known NAT64 prefix counts as global, since DNS64 answers with it on IPv6-only hosts: the address inside decides.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let global =
        GLOBAL_UNICAST_V6.contains(&address) && !NOT_GLOBAL_V6.iter().any(|network| network.contains(&address));
    global || NAT64_WELL_KNOWN.contains(&address)
}

/// Every IPv4 address that `address` could stand for; mapped ones were unwrapped before.
fn embedded_v4(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let at = |positions: [usize; 4]| Ipv4Addr::from(positions.map(|position| octets[position]));
    let last = at([12, 13, 14, 15]);
    let mut inside = Vec::new();
    // ::1 is the loopback address, not 0.0.0.1.
    let compatible = COMPATIBLE.contains(&address) && !address.is_loopback();
    if compatible || NAT64_WELL_KNOWN.contains(&address) {
        inside.push(last);
    }
    if SIX_TO_FOUR.contains(&address) {
        inside.push(at([2, 3, 4, 5]));
    }
    if TEREDO.contains(&address) {
        inside.extend([at([4, 5, 6, 7]), Ipv4Addr::from_bits(!last.to_bits())]);
    }
    if NAT64_LOCAL.contains(&address) {
        // RFC 6052 puts the address at a place that depends on the prefix's length, which only the network knows. Places
        // that read as 0.0.0.0/8 are padding, unless all do.
        let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]].map(at);
        let read = places.into_iter().filter(|place| place.octets()[0] != 0);
        inside.extend(read);
        if inside.is_empty() {
            inside.push(last);
        }
    }
    if matches!(octets[8..12], [0 | 2, 0, 0x5e, 0xfe]) {
        inside.push(last);
    }
    inside
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot parse its own table should stop")]
    use super::*;

    /// The rows of `refused_addresses.txt`: every address there, and each IPv4 one in all its IPv6 spellings.
    pub(crate) fn refused() -> Vec<IpAddr> {
        let listed: Vec<IpAddr> = include_str!("refused_addresses.txt")
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim())
            .filter(|line| !line.is_empty())
            .map(|line| line.parse().unwrap())
            .collect();
        let wrapped = listed.iter().flat_map(|address| match address {
            IpAddr::V4(v4) => embeddings(*v4).to_vec(),
            IpAddr::V6(_) => Vec::new(),
        });
        listed.iter().copied().chain(wrapped).collect()
    }

    /// `inside` in each form that carries an IPv4 address.
    fn embeddings(inside: Ipv4Addr) -> [IpAddr; 9] {
        let [a, b, c, d] = inside.octets();
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, high, u16::from(c), u16::from(d) << 8, 0, 0),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2001, 0, 0x808, 0x808, 0, 0, !high, !low),
            Ipv6Addr::new(0x2606, 0x4700, 0, 1, 0, 0x5efe, high, low),
            Ipv6Addr::new(0x2606, 0x4700, 0, 1, 0x200, 0x5efe, high, low),
        ]
        .map(IpAddr::V6)
    }

    #[test]
    fn ssrf_2_and_3_every_address_of_the_table_is_refused() {
        let refused = refused();
        println!("{} refused addresses", refused.len());
        assert!(refused.len() >= 80);
        for address in refused {
            assert!(!may_dial(address, &AllowedNetworks::default()), "{address} may be dialled");
        }
    }

    #[test]
    fn a_verdict_says_what_may_be_dialled_and_what_else_it_is() {
        let allowed = AllowedNetworks::parse("10.20.0.0/16").unwrap();
        for address in refused() {
            assert!(!matches!(verdict(address, &AllowedNetworks::default()), Verdict::Public | Verdict::Allowed));
        }
        for (text, expected) in [
            ("8.8.8.8", Verdict::Public),
            ("::ffff:8.8.8.8", Verdict::Public),
            ("10.20.0.1", Verdict::Allowed),
            ("10.21.0.1", Verdict::Private),
            ("127.0.0.1", Verdict::Loopback),
            ("::1", Verdict::Loopback),
            ("::", Verdict::Unspecified),
            ("::ffff:127.0.0.1", Verdict::Loopback),
            ("64:ff9b::169.254.169.254", Verdict::LinkLocal),
            ("2002:7f00:1::1", Verdict::Loopback),
            ("fe80::1", Verdict::LinkLocal),
            ("fd00::1", Verdict::Private),
            ("fec0::1", Verdict::Private),
            ("ff02::1", Verdict::Multicast),
            ("2001:db8::1", Verdict::Documentation),
            ("3fff::1", Verdict::Documentation),
            ("168.63.129.16", Verdict::Platform),
            ("100.64.0.1", Verdict::Shared),
            ("255.255.255.255", Verdict::Reserved),
            ("4000::1", Verdict::Reserved),
        ] {
            assert_eq!(verdict(text.parse().unwrap(), &allowed), expected, "{text}");
        }
    }

    #[test]
    fn global_unicast_addresses_may_be_dialled() {
        let table = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80f::200e",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2003::1",
            "3ffe::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2606:4700::5efe:8.8.8.8",
        ];
        for text in table {
            assert!(may_dial(text.parse().unwrap(), &AllowedNetworks::default()), "{text} is refused");
        }
    }

    #[test]
    fn an_allowed_network_admits_its_own_addresses_only() {
        let allowed = AllowedNetworks::parse("10.20.0.0/16, fd00::/8").unwrap();
        let table = [
            ("10.20.0.1", true),
            ("10.21.0.1", false),
            ("127.0.0.1", false),
            ("fd00::1", true),
            ("fc00::1", false),
            ("::ffff:10.20.0.1", true),
            ("::ffff:10.21.0.1", false),
            ("fd00::5efe:10.20.0.1", true),
            ("fd00::5efe:127.0.0.1", false),
            ("64:ff9b::10.20.0.1", true),
            ("8.8.8.8", true),
        ];
        for (text, expected) in table {
            assert_eq!(may_dial(text.parse().unwrap(), &allowed), expected, "{text}");
        }
    }

    #[test]
    fn an_allowed_ipv6_network_does_not_open_the_ipv4_addresses_inside() {
        let allowed = AllowedNetworks::parse("::/0").unwrap();
        let inside = refused().into_iter().filter(IpAddr::is_ipv4).flat_map(|address| match address {
            IpAddr::V4(v4) => embeddings(v4),
            IpAddr::V6(_) => unreachable!("filtered"),
        });
        for address in inside.filter(|address| !address.is_loopback()) {
            assert!(!may_dial(address, &allowed), "{address}");
        }
    }

    #[test]
    fn an_allowed_nat64_prefix_of_any_length_admits_public_addresses_only() {
        let allowed = AllowedNetworks::parse("64:ff9b:1::/48").unwrap();
        let table = [
            ("64:ff9b:1:808:8:800::", true),        // 8.8.8.8 behind a /48
            ("64:ff9b:1:8:8:808::", true),          // behind a /56
            ("64:ff9b:1:0:8:808:800:0", true),      // behind a /64
            ("64:ff9b:1::8.8.8.8", true),           // behind a /96
            ("64:ff9b:1:a00:0:100:808:808", false), // 10.0.0.1, and a suffix that looks public
            ("64:ff9b:1:a:0:1:808:808", false),
            ("64:ff9b:1:0:a:0:108:808", false),
            ("64:ff9b:1::10.0.0.1", false),
            ("64:ff9b:1::", false),
        ];
        for (text, expected) in table {
            assert_eq!(may_dial(text.parse().unwrap(), &allowed), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_ipv4_address_is_not_easier_to_reach_inside_an_ipv6_one(bits: u32) {
            let inside = Ipv4Addr::from_bits(bits);
            let reachable = may_dial(inside.into(), &AllowedNetworks::default());
            for address in embeddings(inside) {
                let wrapped = may_dial(address, &AllowedNetworks::default());
                proptest::prop_assert!(reachable || !wrapped, "{inside} as {address}");
            }
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        assert!(AllowedNetworks::parse(" ").unwrap().is_empty());
        assert_eq!(AllowedNetworks::parse("127.0.0.0/8,::1/128").unwrap().0.len(), 2);
        for text in [
            "10.0.0.1",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "localhost",
            "10.0.0.0/8,",
            ",",
            "010.0.0.0/8",
            "10.0.0.0/8;::1/128",
        ] {
            let error = AllowedNetworks::parse(text).unwrap_err();
            assert!(error.to_string().contains("CIDR"), "{text}");
        }
    }
}
