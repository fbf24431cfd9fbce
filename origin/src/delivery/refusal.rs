//! Errors of fetching and of image work as denials: the one place that maps them.

use sealpix::denial::{Code, Denial};

use crate::images::ImageError;
use crate::sources::SourceError;

/// A fetch that failed.
pub(crate) fn of_source(error: SourceError) -> Denial {
    let code = match error {
        SourceError::Malformed => Code::MalformedUrl,
        SourceError::AddressBlocked => Code::SourceAddressBlocked,
        SourceError::NotFound => Code::SourceNotFound,
        SourceError::TooLarge { .. } => Code::SourceTooLarge,
        SourceError::Unreachable
        | SourceError::UpstreamStatus(_)
        | SourceError::Incomplete
        | SourceError::ContentEncoding => Code::SourceUnreachable,
        SourceError::RedirectNotAllowed(_) => Code::SourceRedirected,
        SourceError::Unreadable | SourceError::AccessDenied => Code::SourceUnreadable,
        SourceError::Timeout => Code::SourceTimeout,
    };
    Denial::new(code, error.to_string())
}

/// Image work that failed.
pub(super) fn of_image(error: ImageError) -> Denial {
    let code = match error {
        ImageError::Unsupported(_) => Code::OperationUnsupported,
        ImageError::Empty | ImageError::NotAnImage(_) | ImageError::FormatUnsupported(_) => Code::SourceUnsupported,
        ImageError::Broken(_) => Code::SourceBroken,
        ImageError::SourceTooLarge => Code::SourceTooLarge,
        ImageError::ResultTooLarge => Code::ResultTooLarge,
        ImageError::OutsideSource(_) => Code::OutsideSource,
        ImageError::DeadlineExceeded => Code::WorkTimeout,
    };
    Denial::new(code, error.to_string())
}
