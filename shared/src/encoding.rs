//! Strict percent-encoding: one text, one encoding (RFC 3986 section 2, narrowed).
//!
//! The plain bytes stand for themselves and may not be escaped; every other byte must be `%XX` with
//! upper-case hex. So an encoded text decodes to one text and a text has one encoding (SIG-5, PATH-1).
//! Beside it, the lower-case hex of ids and hashes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Why a text is not strictly encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// A byte that must be escaped stands raw.
    #[error("a byte that must be written %XX stands raw")]
    Raw,
    /// `%` without two hex digits.
    #[error("% is not followed by two hex digits")]
    Incomplete,
    /// `%2f` for `%2F`.
    #[error("escapes are written with upper-case hex")]
    LowerCase,
    /// An escape of a byte that stands for itself.
    #[error("a byte that stands for itself is escaped")]
    Needless,
    /// The decoded bytes are not UTF-8.
    #[error("the decoded bytes are not UTF-8")]
    NotUtf8,
    /// The decoded text holds a control character.
    #[error("control characters are refused")]
    Control,
}

/// Bytes that stand for themselves in a target's path.
#[must_use]
pub const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b',' | b':' | b'@' | b'=')
}

/// Encodes a text: each byte that is not plain as `%XX`.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        push_escaped(&mut out, byte, is_plain(byte));
    }
    Cow::Owned(out)
}

/// Lower-case hexadecimal, two digits a byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Appends `byte` as it is, or as `%XX`.
pub(crate) fn push_escaped(out: &mut String, byte: u8, plain: bool) {
    if plain {
        out.push(char::from(byte));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "%{byte:02X}");
    }
}

/// Decodes a strictly encoded text, once. Nothing is repaired.
pub fn unescape(encoded: &str) -> Result<Cow<'_, str>, EncodingError> {
    if encoded.bytes().all(is_plain) {
        return Ok(Cow::Borrowed(encoded));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let high = rest.next().ok_or(EncodingError::Incomplete)?;
                let low = rest.next().ok_or(EncodingError::Incomplete)?;
                let decoded = upper_hex(high)? << 4 | upper_hex(low)?;
                if is_plain(decoded) {
                    return Err(EncodingError::Needless);
                }
                decoded
            }
            plain if is_plain(plain) => plain,
            _ => return Err(EncodingError::Raw),
        };
        bytes.push(decoded);
    }
    let text = String::from_utf8(bytes).map_err(|_| EncodingError::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(EncodingError::Control);
    }
    Ok(Cow::Owned(text))
}

fn upper_hex(digit: u8) -> Result<u8, EncodingError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        b'a'..=b'f' => Err(EncodingError::LowerCase),
        _ => Err(EncodingError::Incomplete),
    }
}

/// Decodes every valid `%XX` of a text that a person or a browser wrote, once; the rest is literal.
#[must_use]
pub(crate) fn unescape_loosely(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match escape.and_then(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(hex, 16))) {
            Some(Ok(decoded)) => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_lower_case_and_whole() {
        assert_eq!(hex(&[0x00, 0x09, 0x0a, 0xa0, 0xff]), "00090aa0ff");
    }

    #[test]
    fn path1_path3_sig5_each_wrong_spelling_has_its_error() {
        for (encoded, error) in [
            ("a b", EncodingError::Raw),
            ("a\\b", EncodingError::Raw),
            ("a+b", EncodingError::Raw),
            ("ü", EncodingError::Raw),
            ("a%", EncodingError::Incomplete),
            ("a%2", EncodingError::Incomplete),
            ("a%zz", EncodingError::Incomplete),
            ("a%2b", EncodingError::LowerCase),
            ("%7E", EncodingError::Needless),
            ("%2F", EncodingError::Needless),
            ("%2E%2E", EncodingError::Needless),
            ("%FF", EncodingError::NotUtf8),
            ("%C0%AF", EncodingError::NotUtf8),
            ("%00", EncodingError::Control),
            ("%0D%0A", EncodingError::Control),
            ("%C2%85", EncodingError::Control),
        ] {
            assert_eq!(unescape(encoded), Err(error), "{encoded}");
        }
    }

    #[test]
    fn loose_decoding_is_a_browsers() {
        assert_eq!(unescape_loosely("a%20b%zz%4"), b"a b%zz%4");
        assert_eq!(unescape_loosely("%c3%BC"), "ü".as_bytes());
    }
}
