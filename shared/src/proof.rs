//! The proof that a request between edge and origin comes from the other holder of the link.
//!
//! ```text
//! Sealpix-Proof: p1.{link id}.{base64url(facts as CBOR)}.{base64url(HMAC-SHA256)}
//! ```
//!
//! The MAC covers, length-prefixed: direction, link id, method, raw target, the facts' bytes, and the SHA-256 of
//! the body. The facts are what one side tells the other and no header may: time, nonce, negotiated format,
//! referer, client address, epochs. They are read only after the MAC holds (SIG-2, SIG-17).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac as _;
use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::envelope::length_prefixed;
use crate::link::{LinkId, LinkKeys};
use crate::signature::keyed;
use crate::wire;

/// The header's name.
pub const HEADER: &str = "Sealpix-Proof";

/// How far the two clocks may be apart, in seconds.
pub const MAX_SKEW_SECS: u64 = 60;

/// Longest header: a referer of 8 KiB and room for the rest.
pub const MAX_PROOF_BYTES: usize = 16_384;

/// Which way a request goes. Each way has its own key, so a proof cannot be turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A miss, a record pull, usage.
    EdgeToOrigin,
    /// A record push.
    OriginToEdge,
}

/// What the sender states.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Facts {
    /// Unix seconds at the sender; the receiver's clock for URL expiry.
    #[n(0)]
    pub time: u64,
    /// 16 random bytes in base64url; remembered for requests that change something.
    #[n(1)]
    pub nonce: String,
    /// What `f_auto` became.
    #[n(2)]
    pub format: Option<String>,
    /// The client's Referer; absent if it sent none.
    #[n(3)]
    pub referer: Option<String>,
    /// The client's address.
    #[n(4)]
    pub address: Option<String>,
    /// The edge's id of this request, for both sides' logs.
    #[n(5)]
    pub request_id: Option<String>,
    /// The project's epoch that the sender knows.
    #[n(6)]
    pub project_epoch: u64,
    /// The source's epoch that the sender knows.
    #[n(7)]
    pub source_epoch: u64,
}

/// The request that a proof is for.
#[derive(Debug, Clone, Copy)]
pub struct Proven<'a> {
    /// Which way.
    pub direction: Direction,
    /// GET, POST.
    pub method: &'a str,
    /// Path and query as on the wire.
    pub target: &'a str,
    /// The body; empty if none.
    pub body: &'a [u8],
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not the form above.
    #[error("the proof is not in its form")]
    Malformed,
    /// Made under a link that is not in use.
    #[error("the proof is made under another edge link")]
    UnknownLink,
    /// Not made by the other holder of the link, or for another request.
    #[error("the proof does not hold for this request")]
    Forged,
    /// The clocks are further apart than [`MAX_SKEW_SECS`].
    #[error("the proof's time is more than 60 seconds from ours")]
    Skewed,
}

/// Makes the header's value.
#[must_use]
pub fn prove(keys: &LinkKeys, request: Proven<'_>, facts: &Facts) -> String {
    let facts = wire::to_bytes(facts);
    let mac = mac(keys, request, &facts).finalize().into_bytes();
    format!("p1.{}.{}.{}", keys.id, URL_SAFE_NO_PAD.encode(&facts), URL_SAFE_NO_PAD.encode(mac))
}

/// Checks the header's value and gives the facts.
pub fn verify(slots: &[LinkKeys], request: Proven<'_>, header: &str, now: u64) -> Result<Facts, ProofError> {
    if header.len() > MAX_PROOF_BYTES {
        return Err(ProofError::Malformed);
    }
    let mut parts = header.split('.');
    let mut next = || parts.next().ok_or(ProofError::Malformed);
    if next()? != "p1" {
        return Err(ProofError::Malformed);
    }
    let link = LinkId::parse(next()?).ok_or(ProofError::Malformed)?;
    let facts = URL_SAFE_NO_PAD.decode(next()?).map_err(|_| ProofError::Malformed)?;
    let tag = URL_SAFE_NO_PAD.decode(next()?).map_err(|_| ProofError::Malformed)?;
    if next().is_ok() {
        return Err(ProofError::Malformed);
    }
    let keys = LinkKeys::choose(slots, link).ok_or(ProofError::UnknownLink)?;
    mac(keys, request, &facts).verify_slice(&tag).map_err(|_| ProofError::Forged)?;
    let facts: Facts = wire::from_bytes(&facts).map_err(|_| ProofError::Malformed)?;
    if facts.time.abs_diff(now) > MAX_SKEW_SECS {
        return Err(ProofError::Skewed);
    }
    Ok(facts)
}

/// The link that a header names. Only a header that was verified was made under it.
#[must_use]
pub fn link_of(header: &str) -> Option<LinkId> {
    LinkId::parse(header.split('.').nth(1)?)
}

fn mac(keys: &LinkKeys, request: Proven<'_>, facts: &[u8]) -> hmac::Hmac<Sha256> {
    let (key, direction) = match request.direction {
        Direction::EdgeToOrigin => (&keys.edge_to_origin, b"edge-to-origin"),
        Direction::OriginToEdge => (&keys.origin_to_edge, b"origin-to-edge"),
    };
    let mut mac = keyed(key);
    mac.update(&length_prefixed([
        b"sealpix/proof/v1".as_slice(),
        direction,
        keys.id.to_string().as_bytes(),
        request.method.as_bytes(),
        request.target.as_bytes(),
        facts,
        &Sha256::digest(request.body),
    ]));
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkSecret;

    const NOW: u64 = 1_800_000_000;
    const REQUEST: Proven<'_> = Proven { direction: Direction::EdgeToOrigin, method: "GET", target: "/a?b", body: b"" };

    fn keys(id: u8) -> LinkKeys {
        LinkSecret::from_bytes([id; 4], [id; 32]).unwrap().keys()
    }

    #[test]
    fn sig17_a_proof_holds_for_its_own_request_only() {
        let facts = Facts { time: NOW, nonce: "n".into(), referer: Some("https://a.b/".into()), ..Facts::default() };
        let header = prove(&keys(1), REQUEST, &facts);
        assert_eq!(verify(&[keys(1)], REQUEST, &header, NOW + 60).unwrap(), facts);
        assert_eq!(link_of(&header), Some(keys(1).id()));
        for other in [
            Proven { method: "HEAD", ..REQUEST },
            Proven { target: "/a?c", ..REQUEST },
            Proven { body: b"x", ..REQUEST },
            Proven { direction: Direction::OriginToEdge, ..REQUEST },
        ] {
            assert_eq!(verify(&[keys(1)], other, &header, NOW), Err(ProofError::Forged));
        }
        assert_eq!(verify(&[keys(1)], REQUEST, &header, NOW + 61), Err(ProofError::Skewed));
        assert_eq!(verify(&[keys(2)], REQUEST, &header, NOW), Err(ProofError::UnknownLink));
        assert_eq!(verify(&[keys(1)], REQUEST, "", NOW), Err(ProofError::Malformed));
        assert!(verify(&[keys(1)], REQUEST, &format!("{header}A"), NOW).is_err());
        assert!(verify(&[keys(1)], REQUEST, &header[..header.len() - 4], NOW).is_err());
    }
}
