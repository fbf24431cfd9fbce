//! A finished picture with what is known of its source, in memory and on disk.
//!
//! Three times matter. It is good for a while after its source was asked for last. After that the source is asked whether it
//! has changed, by the validator that came with it; unchanged, the picture is good for as long again. But what a server says
//! of itself is believed for a day only: then the original is fetched whole, and its content decides.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foyer::Code;

use super::Made;
use crate::images::Format;
use crate::sources::Validator;

/// How long after an original was fetched whole its source's word is believed.
const BELIEVED_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// The layout on disk, its first byte. Another one is not read.
const LAYOUT: u8 = 1;

/// Longer texts than these are no version and no validator.
const MAX_TEXT_BYTES: u64 = 1024;

/// All formats, in the order of their numbers on disk.
const FORMATS: [Format; 6] = [Format::Jpeg, Format::Png, Format::Webp, Format::Avif, Format::Gif, Format::Json];

/// A picture that can be answered with again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The picture.
    pub(crate) made: Made,
    /// What its source takes as a condition.
    pub(super) validator: Option<Validator>,
    /// Unix milliseconds, before the source was asked last.
    pub(super) checked: u64,
    /// Unix milliseconds, before its original was fetched whole last.
    pub(super) whole: u64,
}

impl Kept {
    /// Whether it may be answered with, without asking its source. A time that is still to come is a clock that was set
    /// back, and counts for nothing.
    pub(super) fn is_good(&self, ttl: Duration, now: u64) -> bool {
        is_within(self.checked, ttl, now)
    }

    /// What to ask the source by, while that is believed.
    pub(super) fn believed(&self, now: u64) -> Option<&Validator> {
        self.validator.as_ref().filter(|_| is_within(self.whole, Duration::from_millis(BELIEVED_MILLIS), now))
    }

    /// The bytes that it holds beside its structs.
    pub(super) fn held_bytes(&self) -> usize {
        let validator = self.validator.as_ref().map_or(0, |validator| validator.as_str().len());
        self.made.bytes.len() + self.made.source_version.len() + validator
    }
}

/// Whether `now` is less than `ttl` after `begun`, and not before it.
pub(super) fn is_within(begun: u64, ttl: Duration, now: u64) -> bool {
    now.checked_sub(begun).is_some_and(|age| u128::from(age) < ttl.as_millis())
}

/// On disk: layout, format, the two times, version and validator with their lengths before them, and the picture to the end
/// by its length. That the bytes are those which were written is the disk's checksum's to say.
impl Code for Kept {
    fn encode(&self, writer: &mut impl Write) -> foyer::Result<()> {
        self.write(writer).map_err(foyer::Error::io_error)
    }

    fn decode(reader: &mut impl Read) -> foyer::Result<Self> {
        Self::read(reader).map_err(foyer::Error::io_error)
    }

    fn estimated_size(&self) -> usize {
        2 + 5 * size_of::<u64>() + self.held_bytes()
    }
}

impl Kept {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let format = FORMATS.iter().position(|format| *format == self.made.format);
        let format = format.and_then(|number| u8::try_from(number).ok()).ok_or(io::ErrorKind::InvalidInput)?;
        out.write_all(&[LAYOUT, format])?;
        out.write_all(&self.checked.to_le_bytes())?;
        out.write_all(&self.whole.to_le_bytes())?;
        let validator = self.validator.as_ref().map_or("", Validator::as_str);
        for part in [self.made.source_version.as_bytes(), validator.as_bytes(), &self.made.bytes] {
            out.write_all(&u64::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes())?;
            out.write_all(part)?;
        }
        Ok(())
    }

    fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 2];
        from.read_exact(&mut head)?;
        let format = FORMATS.get(usize::from(head[1])).filter(|_| head[0] == LAYOUT);
        let format = *format.ok_or(io::ErrorKind::InvalidData)?;
        let [checked, whole] = [number(from)?, number(from)?];
        let source_version: Arc<str> = text(from)?.into();
        let validator = Some(text(from)?).filter(|text| !text.is_empty()).and_then(Validator::new);
        // No spare room: what it takes is what is counted.
        let bytes = Bytes::from(part(from, u64::MAX)?.into_boxed_slice());
        Ok(Self { made: Made { source_version, bytes, format }, validator, checked, whole })
    }
}

fn number(from: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn part(from: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let length = number(from)?;
    let mut bytes = Vec::new();
    let read = from.take(length.min(most)).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read == length) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}

fn text(from: &mut impl Read) -> io::Result<String> {
    String::from_utf8(part(from, MAX_TEXT_BYTES)?).map_err(io::Error::other)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn kept(bytes: usize, checked: u64) -> Kept {
        let made = Made { source_version: "v".into(), bytes: vec![7; bytes].into(), format: Format::Png };
        Kept { made, validator: Validator::new("\"a\"".into()), checked, whole: checked }
    }

    #[test]
    fn what_is_written_reads_and_no_part_of_it_does() {
        for validator in [None, Validator::new("date x".into())] {
            for format in FORMATS {
                let kept =
                    Kept { made: Made { format, ..kept(3, 7).made }, validator: validator.clone(), ..kept(3, 7) };
                let mut bytes = Vec::new();
                kept.encode(&mut bytes).unwrap();
                assert!(bytes.len() <= kept.estimated_size());
                assert_eq!(Kept::decode(&mut &bytes[..]).unwrap(), kept);
                for length in 0..bytes.len() {
                    assert!(Kept::decode(&mut &bytes[..length]).is_err(), "{length}");
                }
                bytes[0] += 1;
                assert!(Kept::decode(&mut &bytes[..]).is_err(), "another layout");
            }
        }
    }

    #[test]
    fn it_is_good_for_its_time_and_its_source_believed_for_a_day() {
        let ttl = Duration::from_secs(60);
        let kept = Kept { whole: 1_000, ..kept(3, 5_000) };
        assert!(kept.is_good(ttl, 5_000) && kept.is_good(ttl, 64_999));
        assert!(!kept.is_good(ttl, 65_000) && !kept.is_good(ttl, 4_999) && !kept.is_good(Duration::ZERO, 5_000));
        let end = 1_000 + BELIEVED_MILLIS;
        assert!(kept.believed(end - 1).is_some() && kept.believed(end).is_none() && kept.believed(999).is_none());
    }
}
