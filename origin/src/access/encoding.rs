//! The room's encodings and derivations, each in one place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
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

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// HKDF-SHA256 (RFC 5869) without salt, one label a purpose.
pub(super) fn derive(secret: &[u8], label: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // 32 bytes are far below HKDF's limit, its only error.
    let _ = Hkdf::<Sha256>::new(None, secret).expand(label, &mut out);
    out
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

    use super::*;

    #[test]
    fn a_value_has_one_spelling() {
        assert_eq!(decode::<1>("AA").as_deref(), Some(&[0]));
        for other in ["AB", "AA=", "AA==", " AA", "AA\n", "A", "", "AAA", "+A", "/A"] {
            assert!(decode::<1>(other).is_none(), "{other:?}");
        }
    }

    #[test]
    fn hexadecimal_is_lower_case_and_whole() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
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
