//! Why a source could not be turned into a derivative. One place elsewhere turns these into HTTP; no variant
//! carries bytes of the source, so a message can be shown to anyone.

/// Why a source could not be turned into a derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// An operation that the grammar knows and the engine cannot do yet; holds its name.
    #[error("operation {0} is not supported yet")]
    Unsupported(&'static str),
    /// The source has no bytes.
    #[error("the source is empty")]
    Empty,
    /// The source's first bytes are those of no image; holds what was found, in our words.
    #[error("the source is not an image: {0}")]
    NotAnImage(&'static str),
    /// An image of a format, or of a kind within a format, that the engine does not read or never passes on.
    #[error("the source's format is not supported: {0}")]
    FormatUnsupported(&'static str),
    /// An image of a known format that is damaged, cut short or contradicts itself; holds the reason.
    #[error("the source is broken: {0}")]
    Broken(&'static str),
    /// More pixels, frames or memory than [`super::Limits`] allow for a source.
    #[error("the source is too large")]
    SourceTooLarge,
    /// A result larger than [`super::Limits`], or than its format, allow.
    #[error("the result would be too large")]
    ResultTooLarge,
    /// A page that the source does not have, or a part that lies beside the picture; holds which.
    #[error("the source has no such {0}")]
    OutsideSource(&'static str),
    /// The deadline passed, or would pass in the next stage.
    #[error("the deadline has passed")]
    DeadlineExceeded,
}
