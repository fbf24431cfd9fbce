//! The edge link: the one secret that edge and origin share, and the three keys derived from it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::key::{decode, derive};

/// Where the edge takes records, `POST` with the origin's proof. The body is a record's name, a line break and the
/// sealed record; or [`PROBE`], which only asks whether the proof holds, so whether the edge has the link; or
/// [`DOCTOR`]. The answer is `held VERSION` once the record is in the edge's memory and in its KV namespace, or
/// `stale VERSION` where a newer one is.
pub const PUSH_PATH: &str = "/_sealpix/link/records";

/// A push of nothing.
pub const PROBE: &str = "link";

/// Asks the edge how it stands; the names of up to [`DOCTOR_NAMES`] records may follow, a line each. The answer is one
/// JSON object, which `edge/src/doctor.rs` describes.
pub const DOCTOR: &str = "doctor";

/// Records that one question of the doctor's names at most: each costs the edge a read of KV, and the platform allows
/// a request 50 of these.
pub const DOCTOR_NAMES: usize = 20;

/// A text that is no edge link secret. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an edge link secret is el_, 8 hex digits, _, and 43 base64url characters that are not all zeros")]
pub struct LinkError;

/// The shared secret, `el_{id}_{32 bytes in base64url}`. The id is no secret; it chooses the slot while two
/// secrets are in use. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LinkSecret {
    #[zeroize(skip)]
    id: LinkId,
    bytes: [u8; 32],
}

/// Which secret sealed or proved something: 8 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId([u8; 4]);

impl LinkId {
    /// Reads 8 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        u32::from_str_radix(text, 16).ok().filter(|_| plain).map(|value| Self(value.to_be_bytes()))
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl LinkSecret {
    /// The secret of 4 and 32 random bytes.
    pub fn from_bytes(id: [u8; 4], bytes: [u8; 32]) -> Result<Self, LinkError> {
        if bytes == [0; 32] { Err(LinkError) } else { Ok(Self { id: LinkId(id), bytes }) }
    }

    /// Reads the text of a Worker secret or a registry cell.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        let rest = text.strip_prefix("el_").ok_or(LinkError)?;
        let (id, secret) = rest.split_once('_').ok_or(LinkError)?;
        let id = LinkId::parse(id).ok_or(LinkError)?;
        Self::from_bytes(id.0, decode(secret).ok_or(LinkError)?)
    }

    /// The secret's text, for the Worker's secret store or to be sealed.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("el_{}_{}", self.id, URL_SAFE_NO_PAD.encode(self.bytes)))
    }

    /// The keys for each purpose.
    #[must_use]
    pub fn keys(&self) -> LinkKeys {
        LinkKeys {
            id: self.id,
            record: derive(&self.bytes, b"sealpix/record-seal/v1"),
            edge_to_origin: derive(&self.bytes, b"sealpix/proof/edge-to-origin/v1"),
            origin_to_edge: derive(&self.bytes, b"sealpix/proof/origin-to-edge/v1"),
        }
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LinkSecret({}, redacted)", self.id)
    }
}

/// One key for each purpose of the link (SIG-16). Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LinkKeys {
    #[zeroize(skip)]
    pub(crate) id: LinkId,
    pub(crate) record: [u8; 32],
    pub(crate) edge_to_origin: [u8; 32],
    pub(crate) origin_to_edge: [u8; 32],
}

impl LinkKeys {
    /// The link they belong to.
    #[must_use]
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// The keys of link `id` among the slots in use; chosen by the id, never by trial.
    #[must_use]
    pub fn choose(slots: &[Self], id: LinkId) -> Option<&Self> {
        slots.iter().find(|keys| keys.id == id)
    }
}

impl fmt::Debug for LinkKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LinkKeys({}, redacted)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sig10_sig13_one_spelling_no_zeros_no_secret_in_debug() {
        let secret = LinkSecret::from_bytes([0, 0, 0, 255], [9; 32]).unwrap();
        let text = secret.reveal();
        assert_eq!(LinkSecret::parse(&text).unwrap().reveal(), text);
        assert!(!format!("{secret:?}{:?}", secret.keys()).contains("CQkJ"));
        for wrong in ["", "el_", &text[1..], &text.to_uppercase(), &format!("{}=", *text)] {
            assert!(LinkSecret::parse(wrong).is_err());
        }
        assert!(LinkSecret::from_bytes([1; 4], [0; 32]).is_err());
    }
}
