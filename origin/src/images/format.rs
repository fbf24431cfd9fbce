//! The formats that the engine reads and writes, and what it hands back.

/// A raster format that a browser shows and never runs, or the description in a picture's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// AVIF.
    Avif,
    /// GIF.
    Gif,
    /// No picture: its description in JSON. Never that of a source.
    Json,
    /// SVG. Only ever that of a source.
    Svg,
}

impl Format {
    /// The media type of the answer.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Json => "application/json",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The name that the operation `f` uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Json => "json",
            Self::Svg => "svg",
        }
    }

    /// Whether pixels of the format can be transparent.
    pub(super) fn has_alpha(self) -> bool {
        self != Self::Jpeg
    }

    /// The longest side that the format can write (IMG-5): 16 bits less the encoder's margin in JPEG, 14 bits
    /// in WebP (RFC 9649 §2.5), 16 bits in AV1 and more than any limit of ours in PNG.
    pub(super) fn longest_side(self) -> u32 {
        match self {
            Self::Jpeg => 65_500,
            Self::Png | Self::Json | Self::Svg => u32::MAX,
            Self::Webp => 16_383,
            Self::Avif | Self::Gif => 65_535,
        }
    }
}

/// The finished picture, or its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivative {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Its format.
    pub format: Format,
    /// Its width as shown, in pixels; that of the picture that is described.
    pub width: u32,
    /// Its height as shown, in pixels.
    pub height: u32,
}
