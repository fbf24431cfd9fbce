//! Values that colour, mark and encode the picture.

use std::fmt;

use super::geometry::{Gravity, words};
use super::value::{Int, Name, Value, whole};

/// A colour with alpha; 255 is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Red, 0 to 255.
    pub red: u8,
    /// Green, 0 to 255.
    pub green: u8,
    /// Blue, 0 to 255.
    pub blue: u8,
    /// Alpha, 0 to 255.
    pub alpha: u8,
}

impl Colour {
    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        let [first, red, green, blue] = value.to_be_bytes();
        match digits.len() {
            6 => Some(Self { red, green, blue, alpha: 255 }),
            8 => Some(Self { red: first, green: red, blue: green, alpha: blue }),
            3 => {
                let [_, _, high, low] = value.to_be_bytes();
                Some(Self { red: (high & 15) * 17, green: (low >> 4) * 17, blue: (low & 15) * 17, alpha: 255 })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { red, green, blue, alpha } = self;
        write!(out, "{red:02x}{green:02x}{blue:02x}")?;
        if *alpha == 255 { Ok(()) } else { write!(out, "{alpha:02x}") }
    }
}

/// What fills the parts of the result that the picture does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Background {
    /// A colour.
    Colour(Colour),
    /// The picture itself, enlarged and blurred.
    Blur,
    /// A colour chosen from the picture.
    Auto,
}

impl Value for Background {
    fn read(text: &str) -> Option<Self> {
        match text {
            "blur" => Some(Self::Blur),
            "auto" => Some(Self::Auto),
            _ => Colour::read(text).map(Self::Colour),
        }
    }
}

impl fmt::Display for Background {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Colour(colour) => write!(out, "{colour}"),
            Self::Blur => out.write_str("blur"),
            Self::Auto => out.write_str("auto"),
        }
    }
}

words! {
    /// The format asked for.
    OutputFormat {
        /// By the request's Accept header.
        Auto = "auto",
        /// JPEG.
        Jpeg = "jpg" | "jpeg" | "JPEG" | "JPG",
        /// PNG.
        Png = "png" | "PNG",
        /// WebP.
        Webp = "webp" | "WEBP" | "WebP",
        /// AVIF.
        Avif = "avif" | "AVIF",
        /// GIF.
        Gif = "gif" | "GIF",
        /// No picture: its description.
        Json = "json" | "JSON",
    }
}

words! {
    /// What of the source's metadata the result keeps.
    Metadata {
        /// Nothing.
        Strip = "strip",
        /// Copyright and author lines.
        Copyright = "copyright",
        /// All of it.
        Keep = "keep",
    }
}

/// Encoder quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// The encoder's own number, 1 to 100.
    Exact(Int<1, 100>),
    /// Chosen from the picture.
    Auto,
}

impl Value for Quality {
    fn read(text: &str) -> Option<Self> {
        if text == "auto" { Some(Self::Auto) } else { Int::read(text).map(Self::Exact) }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(quality) => write!(out, "{quality}"),
            Self::Auto => out.write_str("auto"),
        }
    }
}

/// Where a watermark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatermarkPlace {
    /// Once.
    At(Gravity),
    /// Over the whole picture.
    Tile,
}

impl fmt::Display for WatermarkPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(gravity) => write!(out, "{gravity}"),
            Self::Tile => out.write_str("tile"),
        }
    }
}

/// A registered watermark, laid over the result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watermark {
    /// Its name in the registry.
    pub name: Name,
    /// Where it stands.
    pub place: WatermarkPlace,
    /// Opacity in percent, 1 to 100.
    pub opacity: u32,
    /// Size in percent of the result, 1 to 100.
    pub scale: u32,
}

impl Value for Watermark {
    fn read(text: &str) -> Option<Self> {
        let percent = |part: &str| whole(part).filter(|value| (1..=100).contains(value));
        let (name, rest) = text.split_once(':')?;
        let (rest, scale) = rest.rsplit_once(':')?;
        let (place, opacity) = rest.rsplit_once(':')?;
        let place = match place {
            "tile" => WatermarkPlace::Tile,
            gravity => WatermarkPlace::At(Gravity::read(gravity)?),
        };
        Some(Self { name: Name::new(name)?, place, opacity: percent(opacity)?, scale: percent(scale)? })
    }
}

impl fmt::Display for Watermark {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, opacity, scale } = self;
        write!(out, "{name}:{place}:{opacity}:{scale}")
    }
}

/// The file name of a download: a stem, a dot and an extension, nothing that a header could be split by (HDR-2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Download(String);

impl Download {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 100;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Download {
    fn read(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let (stem, extension) = text.rsplit_once('.')?;
        let whole = !stem.is_empty() && !stem.starts_with('.') && !extension.is_empty();
        (plain && whole && text.len() <= Self::MAX_BYTES).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Download {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
