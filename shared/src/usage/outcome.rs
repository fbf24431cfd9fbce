//! What is counted: what became of requests, in which format, and what happened to the edge.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::denial::Code;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The origin answered with a picture, without an edge.
    Ok,
    /// The edge answered from its cache.
    Hit,
    /// The edge answered with what the origin made.
    Miss,
    /// The client held the picture already.
    NotModified,
    /// It was refused.
    Denied(Code),
}

impl Outcome {
    /// Those that are no denials.
    pub const ANSWERED: [Self; 4] = [Self::Ok, Self::Hit, Self::Miss, Self::NotModified];

    /// The outcome's name: `ok`, `hit`, `miss`, `not_modified`, or a denial's code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::NotModified => "not_modified",
            Self::Denied(code) => code.as_str(),
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let denied = Code::ALL.iter().copied().map(Self::Denied);
        Self::ANSWERED.into_iter().chain(denied).find(|outcome| outcome.as_str() == name)
    }
}

/// The format of a picture that was sent. In CBOR its number; a number that is not known here reads as no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Format {
    /// JPEG.
    #[n(0)]
    Jpeg,
    /// PNG.
    #[n(1)]
    Png,
    /// WebP.
    #[n(2)]
    Webp,
    /// AVIF.
    #[n(3)]
    Avif,
    /// GIF.
    #[n(4)]
    Gif,
}

impl Format {
    const ALL: [Self; 5] = [Self::Jpeg, Self::Png, Self::Webp, Self::Avif, Self::Gif];

    /// The format of that media type: `image/jpeg`, `image/png`, `image/webp`, `image/avif`, `image/gif`.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let name = content_type.strip_prefix("image/")?;
        let name = if name == "jpeg" { "jpg" } else { name };
        Self::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// The name that the operation `f` uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
        }
    }
}

/// What happened to an edge and is no key's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The store of the rate counters failed.
    CounterFailure,
    /// KV could not be read or written.
    KvFailure,
    /// The cache did not take a picture.
    CacheFailure,
    /// Requests that were not counted: there was no room for them, or the origin did not take their report.
    UsageLost,
    /// A request was refused before its key was known.
    Refused(Code),
}

impl Event {
    /// Those that are no refusals.
    pub const FAILURES: [Self; 4] = [Self::CounterFailure, Self::KvFailure, Self::CacheFailure, Self::UsageLost];

    /// The event's name: `counter_failure`, `kv_failure`, `cache_failure`, `usage_lost`, or a denial's code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CounterFailure => "counter_failure",
            Self::KvFailure => "kv_failure",
            Self::CacheFailure => "cache_failure",
            Self::UsageLost => "usage_lost",
            Self::Refused(code) => code.as_str(),
        }
    }

    /// The event of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let refused = Code::ALL.iter().copied().map(Self::Refused);
        Self::FAILURES.into_iter().chain(refused).find(|event| event.as_str() == name)
    }
}

/// Written as their names, read back through them.
macro_rules! as_name {
    ($($type:ty, $what:literal;)*) => { $(
        impl<C> Encode<C> for $type {
            fn encode<W: encode::Write>(&self, out: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
                out.str(self.as_str())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(bytes: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                Self::parse(bytes.str()?).ok_or(decode::Error::message($what))
            }
        }
    )* };
}

as_name! {
    Outcome, "not an outcome";
    Event, "not an event";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_thing() {
        let codes = || Code::ALL.iter().copied();
        for outcome in Outcome::ANSWERED.into_iter().chain(codes().map(Outcome::Denied)) {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
        for event in Event::FAILURES.into_iter().chain(codes().map(Event::Refused)) {
            assert_eq!(Event::parse(event.as_str()), Some(event));
        }
        for name in ["", "OK", "okay", "denied", "ok ", "kv"] {
            assert_eq!((Outcome::parse(name), Event::parse(name)), (None, None), "{name:?}");
        }
    }

    #[test]
    fn formats_are_known_by_their_media_types() {
        for (content_type, name) in [
            ("image/jpeg", Some("jpg")),
            ("image/png", Some("png")),
            ("image/webp", Some("webp")),
            ("image/avif", Some("avif")),
            ("image/gif", Some("gif")),
            ("image/svg+xml", None),
            ("application/problem+json", None),
            ("", None),
        ] {
            assert_eq!(Format::of_content_type(content_type).map(Format::as_str), name, "{content_type}");
        }
    }
}
