//! Records and facts as bytes: CBOR (RFC 8949), maps with the numbers that stand at each field.
//!
//! A number is never used for anything else. A field that came later is left out by older writers and skipped by
//! older readers; one whose absence would widen access needs a new `sealpix/record/` version in the envelope instead.
//! CBOR, not JSON, because its reader is a quarter of the code, and the Worker is held to a size.

use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::domain::HostRule;
use crate::key::{PublicKey, SigningKey};
use crate::operations::{Name, Operations};
use crate::record::Preset;
use crate::target::Slug;

/// Bytes that are no such record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no record of a form known here")]
pub struct WireError;

/// The bytes of a record.
#[must_use]
pub fn to_bytes(value: &impl Encode<()>) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = Encoder::new(&mut out).encode(value);
    out
}

/// The record that the bytes are, all of them.
pub fn from_bytes<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, WireError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| WireError)?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err(WireError) }
}

/// Types that have one spelling as text: written as it, read back through their own parser.
macro_rules! as_text {
    ($($type:ty = $read:expr;)*) => { $(
        impl<C> Encode<C> for $type {
            fn encode<W: encode::Write>(&self, out: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                out.str(&self.to_string())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(bytes: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                let read: fn(&str) -> Option<Self> = $read;
                read(bytes.str()?).ok_or(DecodeError::message("not in its spelling"))
            }
        }
    )* };
}

as_text! {
    PublicKey = |text| Self::parse(text).ok();
    Slug = Self::new;
    Name = Self::new;
    HostRule = |text| Self::parse(text).ok();
    Preset = |text| Self::new(Operations::parse(text).ok()?);
}

impl<C> Encode<C> for SigningKey {
    fn encode<W: encode::Write>(&self, out: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        out.bytes(self.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SigningKey {
    fn decode(bytes: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let key = bytes.bytes()?.try_into().ok().and_then(Self::from_bytes);
        key.ok_or(DecodeError::message("not a signing key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Limits;

    #[test]
    fn only_whole_records_are_read() {
        let bytes = to_bytes(&Limits { minute: 7, day: 8 });
        assert_eq!(from_bytes::<Limits>(&bytes), Ok(Limits { minute: 7, day: 8 }));
        assert_eq!(from_bytes::<Limits>(&bytes[..bytes.len() - 1]), Err(WireError));
        assert_eq!(from_bytes::<Limits>(&[bytes.as_slice(), &[0]].concat()), Err(WireError));
        assert_eq!(from_bytes::<Slug>(&to_bytes(&Slug::new("my-app").unwrap())), Ok(Slug::new("my-app").unwrap()));
        // The text `api`, which is reserved.
        assert_eq!(from_bytes::<Slug>(b"\x63api"), Err(WireError));
        assert_eq!(
            from_bytes::<SigningKey>(&[0x58, 32].into_iter().chain([0; 32]).collect::<Vec<u8>>()),
            Err(WireError)
        );
    }
}
