//! Errors of the API: problem details (RFC 9457) with a stable code.

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sealpix::denial::{CODE_HEADER, Code};
use serde::Serialize;

use crate::access::password::HashError;
use crate::clock::NoEntropy;
use crate::images::ImageError;
use crate::keys::MintError;
use crate::origin::OpenError;
use crate::registry::{HostRuleError, ProjectError, RegistryError, SourcePrefixError, WatermarkError};
use crate::settings::SettingError;
use crate::signing::SignError;
use crate::vault::VaultError;

/// When to come back where passwords wait: as long as the last of them does.
const BUSY_SECS: u64 = 2;

/// A refusal or a failure.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_secs: Option<u64>,
}

/// What a problem is on the wire.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: the code says it.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The status.
    #[schema(example = 404)]
    pub status: u16,
    /// Stable: programs may tell problems apart by it.
    #[schema(example = "not_found")]
    pub code: &'static str,
    /// What is wrong, for a person.
    pub detail: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_secs: None }
    }

    /// 400: a parameter or a field that does not read.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    /// 401: nobody that is known.
    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in, or send a valid token")
    }

    /// 401: the account or the password is wrong; which one is not said.
    pub(super) fn credentials_wrong() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "credentials_wrong", "the email address or the password is wrong")
    }

    /// 401: a setup token that is not the one that the last start printed.
    pub(super) fn setup_token_wrong() -> Self {
        let detail = "the setup token is wrong; the origin prints a new one at each start";
        Self::new(StatusCode::UNAUTHORIZED, "setup_token_wrong", detail)
    }

    /// 403: the caller is known, and their password is another.
    pub(super) fn password_wrong() -> Self {
        Self::new(StatusCode::FORBIDDEN, "password_wrong", "the current password is wrong")
    }

    /// 403: known, and not allowed.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 403: a change by cookie without the header that shows it was meant.
    pub(super) fn csrf() -> Self {
        Self::new(StatusCode::FORBIDDEN, "csrf_invalid", "changes by cookie need the session's X-CSRF-Token")
    }

    /// 404.
    pub(super) fn missing(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what}"))
    }

    /// 405.
    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
    }

    /// 409: it exists already.
    pub(super) fn exists(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "exists", detail)
    }

    /// 409: a change that may not be, as things stand.
    pub(super) fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "refused", detail)
    }

    /// 409: there is a user already.
    pub(super) fn set_up_already() -> Self {
        Self::new(StatusCode::CONFLICT, "set_up_already", "the origin is set up already: sign in")
    }

    /// 409: an idempotency key that cannot answer any more, or was used for something else.
    pub(super) fn idempotency(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: it reads, and cannot be.
    pub(super) fn unfit(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 413: more than `most`, in words.
    pub(super) fn too_large(most: &str) -> Self {
        let detail = format!("the body is larger than {most}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// 415.
    pub(super) fn media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "the body must be application/json")
    }

    /// 429: try again after so many seconds.
    pub(super) fn throttled(secs: u64) -> Self {
        let detail = format!("too many attempts; try again in {secs} seconds");
        Self { retry_after_secs: Some(secs), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail) }
    }

    /// 500: ours. What went wrong is in the log.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "the admin API failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the origin failed; its log says why")
    }

    /// 400, 404, 409: a setting that is none, takes no such value, or may not change as things stand.
    fn of_setting(error: &SettingError) -> Self {
        let status = match error {
            SettingError::Unknown(_) => return Self::missing("such setting"),
            SettingError::Invalid { .. } => StatusCode::BAD_REQUEST,
            SettingError::Fixed { .. } | SettingError::NotEntitled { .. } => StatusCode::CONFLICT,
        };
        Self::new(status, error.code(), error.to_string())
    }

    /// 503: the database does not answer.
    fn unavailable(error: &RegistryError) -> Self {
        tracing::error!(%error, "the registry does not answer");
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the registry does not answer");
        Self { retry_after_secs: Some(1), ..problem }
    }

    /// 503: more passwords wait to be verified than can be in a few seconds.
    fn busy(error: &HashError) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error.to_string());
        Self { retry_after_secs: Some(BUSY_SECS), ..problem }
    }

    /// 503: this process holds keys that were replaced.
    fn restart(error: &OpenError) -> Self {
        tracing::error!(%error, "this instance must be started again");
        let detail = "the registry's keys were rotated: this instance must be started again";
        Self { retry_after_secs: Some(30), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "rotated", detail) }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
        };
        let mut answer = (self.status, axum::Json(body)).into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CODE_HEADER, HeaderValue::from_static(self.code));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert("WWW-Authenticate", HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED && !headers.contains_key(ALLOW) {
            headers.insert(ALLOW, HeaderValue::from_static(""));
        }
        answer
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Missing(what) => Self::missing(what),
            RegistryError::Exists(_) => Self::exists(error.to_string()),
            RegistryError::Refused(detail) => Self::refused(detail),
            RegistryError::Database(_) => Self::unavailable(&error),
            RegistryError::Unreadable(_) | RegistryError::NewerSchema => Self::internal(&error),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        Self::internal(&error)
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Registry(error) => error.into(),
            OpenError::Setting(error) => Self::of_setting(&error),
            OpenError::License(error) => Self::new(StatusCode::BAD_REQUEST, error.code(), error.to_string()),
            OpenError::NoLicenseKey => Self::new(StatusCode::CONFLICT, "no_public_key", error.to_string()),
            // The load balancer sees it too: this instance must start again.
            OpenError::Rotated => Self::restart(&error),
            error => Self::internal(&error),
        }
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::busy(&error),
            HashError::BrokenOff | HashError::Entropy(_) | HashError::Argon2(_) => Self::internal(&error),
        }
    }
}

impl From<ProjectError> for Problem {
    fn from(error: ProjectError) -> Self {
        let code = match error {
            ProjectError::Rule(_) => "rule_invalid",
            ProjectError::Preset { .. } => "preset_invalid",
            ProjectError::Grant(_) => "grant_unknown",
            ProjectError::Fallback(_) => "fallback_invalid",
            ProjectError::PublicCaching => "caching_conflict",
            ProjectError::Policy(_) | ProjectError::Repeated(_) => "policy_invalid",
            ProjectError::TooLarge => "record_too_large",
        };
        Self::unfit(code, error.to_string())
    }
}

impl From<HostRuleError> for Problem {
    fn from(error: HostRuleError) -> Self {
        ProjectError::Rule(error).into()
    }
}

impl From<SourcePrefixError> for Problem {
    fn from(error: SourcePrefixError) -> Self {
        Self::unfit("source_invalid", error.to_string())
    }
}

impl From<WatermarkError> for Problem {
    fn from(error: WatermarkError) -> Self {
        let code = match error {
            WatermarkError::TooManyBytes | WatermarkError::TooManyPixels => "picture_too_large",
            WatermarkError::Image(ImageError::Broken(_)) => "picture_broken",
            WatermarkError::Image(_) => "picture_unsupported",
        };
        Self::unfit(code, error.to_string())
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Open(error) => error.into(),
            SignError::Target(error) => Self::unfit(Code::MalformedUrl.as_str(), error.to_string()),
            SignError::Denied(denial) => Self::unfit(denial.code.as_str(), denial.detail),
        }
    }
}

impl From<MintError> for Problem {
    fn from(error: MintError) -> Self {
        Self::internal(&error)
    }
}

impl From<NoEntropy> for Problem {
    fn from(error: NoEntropy) -> Self {
        Self::internal(&error)
    }
}
