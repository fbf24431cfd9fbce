//! The room's encodings, each in one place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::hmac::{Hmac, KeyInit as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Strict base64url without padding, of exactly `N` bytes: each value has one spelling. Wiped on drop.
pub(super) fn decode<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(decode_all(text)?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

/// As [`decode`], of any length; not wiped.
pub(super) fn decode_all(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// base64url without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// HMAC-SHA256 under a 32-byte key, zero-filled to the hash's block as RFC 2104 says: a form that cannot fail.
pub(super) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::<Sha256>::new((&*block).into())
}

#[cfg(test)]
mod tests {
    use hkdf::hmac::Mac as _;
    use sealpix::encoding::hex;

    use super::*;

    #[test]
    fn a_value_has_one_spelling() {
        assert_eq!(decode::<1>("AA").as_deref(), Some(&[0]));
        for other in ["AB", "AA=", "AA==", " AA", "AA\n", "A", "", "AAA", "+A", "/A"] {
            assert!(decode::<1>(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn hmac_is_that_of_rfc_4231_with_a_key_of_32_bytes() {
        // RFC 4231, case 1, its 20-byte key zero-filled: HMAC fills with zeros anyway.
        let mut key = [0; 32];
        key.get_mut(..20).unwrap().fill(0x0b);
        let mut mac = keyed(&key);
        mac.update(b"Hi There");
        assert_eq!(
            hex(&mac.finalize().into_bytes()),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }
}
