//! Every way in which a request is refused: one stable code each, its status and its title.
//!
//! The codes are the product's interface (problem+json `code`, metric label, documentation) on both sides.
//! Details name what to fix; they never hold secrets, source bytes or markup (HDR-3).

/// The header that says a denial's code, so that nobody need read the body for it.
pub const CODE_HEADER: &str = "Sealpix-Code";

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal; )*) => {
        /// A stable denial code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $( $(#[$doc])* $variant, )* }

        impl Code {
            /// Every code, in the gate's order, then the limits', then the origin's.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// The code as it stands in answers and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $( Self::$variant => $status, )* }
            }

            /// One short sentence for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )* }
            }
        }
    };
}

codes! {
    /// Not GET, HEAD or OPTIONS.
    MethodNotAllowed = "method_not_allowed", 405, "Only GET and HEAD are answered";
    /// The target does not parse.
    MalformedUrl = "malformed_url", 400, "The URL is not a canonical signed URL";
    /// No such key.
    KeyUnknown = "key_unknown", 401, "The key is not known";
    /// The signature is not that of these bytes under this key.
    SignatureInvalid = "signature_invalid", 403, "The signature does not match";
    /// The key belongs to another project.
    ProjectMismatch = "project_mismatch", 401, "The key does not belong to this project";
    /// The key was revoked.
    KeyRevoked = "key_revoked", 401, "The key was revoked";
    /// The key's own end has passed.
    KeyExpired = "key_expired", 401, "The key has expired";
    /// The URL's `exp` has passed.
    UrlExpired = "url_expired", 403, "The URL has expired";
    /// The key asks for `exp`.
    ExpiryRequired = "expiry_required", 403, "This key signs only URLs that expire";
    /// The key limits how far ahead `exp` may be.
    ExpiryTooFar = "expiry_too_far", 403, "The URL's expiry is further ahead than this key may sign";
    /// The key's policy, or an unknown preset or watermark.
    OperationNotAllowed = "operation_not_allowed", 403, "The operations are not allowed";
    /// The referer is not on the project's list.
    RefererDenied = "referer_denied", 403, "This site may not embed the image";
    /// The source is not one of the project's.
    SourceDenied = "source_denied", 403, "The source is not allowed";
    /// The key's minute or day is full.
    RateLimited = "rate_limited", 429, "The key's rate limit is reached";
    /// A range of bytes that begins behind the picture's end.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "The picture has no such bytes";
    /// The edge's own paths, which are not for clients.
    NotFound = "not_found", 404, "Nothing is here";
    /// The client address's limit is reached.
    AddressLimited = "address_limited", 429, "Too many requests from this address";
    /// No free look-up for an unknown key.
    KeyLookupBusy = "key_lookup_busy", 503, "The key cannot be looked up now";
    /// The edge's record is too old to rely on.
    RecordStale = "record_stale", 503, "The edge has no fresh record of the key";
    /// The key's requests cannot be counted, and the operator denies then.
    CounterUnavailable = "counter_unavailable", 503, "Requests cannot be counted now";
    /// More work than the origin takes on.
    Overloaded = "overloaded", 503, "Too much work at once";
    /// The edge cannot reach the origin.
    OriginUnreachable = "origin_unreachable", 502, "The origin does not answer";
    /// The origin did not answer in time.
    OriginTimeout = "origin_timeout", 504, "The origin took too long";
    /// The origin's epochs are lower than its edge's: a purge that it does not know.
    OriginBehind = "origin_behind", 503, "The origin has not caught up with a purge";
    /// The proof of the edge is absent or wrong.
    ProofRequired = "proof_required", 403, "This origin answers its edge only";
    /// A usage report of the edge that does not read, or counts what it may not.
    ReportInvalid = "report_invalid", 400, "The usage report cannot be counted";
    /// More bytes than a usage report has.
    ReportTooLarge = "report_too_large", 413, "The usage report is too large";
    /// An operation of the grammar that the engine cannot do yet.
    OperationUnsupported = "operation_unsupported", 501, "The engine cannot do this operation yet";
    /// The source's address is not a public one.
    SourceAddressBlocked = "source_address_blocked", 403, "The source's address is not public";
    /// The source is not there.
    SourceNotFound = "source_not_found", 404, "The source was not found";
    /// Too many bytes or pixels in the source.
    SourceTooLarge = "source_too_large", 413, "The source is too large";
    /// Not an image, or one of a format that is not read.
    SourceUnsupported = "source_unsupported", 415, "The source is not an image of a supported format";
    /// An image that cannot be decoded whole.
    SourceBroken = "source_broken", 422, "The source image is damaged";
    /// A result past the limits, or not reachable within `max`.
    ResultTooLarge = "result_too_large", 422, "The result would be too large";
    /// A page that the source does not have, or a crop that lies beside the picture.
    OutsideSource = "outside_source", 422, "The source has no such page or part";
    /// The file or object cannot be read.
    SourceUnreadable = "source_unreadable", 502, "The source cannot be read";
    /// The source's server does not answer, or answers with an error.
    SourceUnreachable = "source_unreachable", 502, "The source's server does not answer as it should";
    /// The source's server redirects.
    SourceRedirected = "source_redirected", 502, "The source redirects to a place that is not allowed";
    /// The source's server took too long.
    SourceTimeout = "source_timeout", 504, "The source took too long";
    /// The work did not end within its deadline.
    WorkTimeout = "work_timeout", 504, "The work took too long";
    /// A fault of ours.
    Internal = "internal", 500, "Something went wrong here";
}

/// A refusal: the code, and a detail that names what to fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Denial {
    /// The stable code.
    pub code: Code,
    /// What to fix, in a sentence.
    pub detail: String,
    /// Seconds after which a retry can succeed, where that is known: `Retry-After`.
    pub retry_after_secs: Option<u64>,
}

impl Denial {
    /// A denial.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after_secs: None }
    }

    /// The body of the answer: RFC 9457 problem details.
    #[must_use]
    pub fn problem(&self, request_id: &str) -> String {
        let problem = Problem {
            r#type: "about:blank",
            title: self.code.title(),
            status: self.code.status(),
            code: self.code.as_str(),
            detail: &self.detail,
            request_id,
        };
        // Strings and a number always serialise.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

#[derive(serde::Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    request_id: &'a str,
}

impl From<Code> for Denial {
    fn from(code: Code) -> Self {
        Self::new(code, code.title())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_distinct() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
