//! What every way to a session ends with: a row, its token, its cookie.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::id::SessionId;
use crate::access::session::{Claims, Subject};
use crate::access::{cookie, csrf};
use crate::admin::users::UserShown;
use crate::admin::visitor::Visitor;
use crate::admin::{Admin, Problem};
use crate::registry::{Session, User};

/// A session, as it begins or is renewed. The answer also sets the session's cookie.
#[derive(Serialize, ToSchema)]
pub(in crate::admin) struct SessionBegun {
    /// For `Authorization: Bearer`; a browser has it in its cookie.
    token: String,
    /// When it ends, in unix milliseconds.
    expires_at: u64,
    /// For the header `X-CSRF-Token` of changes by cookie.
    csrf_token: String,
    /// Whose it is; none: a guest's.
    user: Option<UserShown>,
}

/// A session in its making.
pub(in crate::admin) struct Begun {
    claims: Claims,
    user: Option<UserShown>,
    lifetime_secs: u64,
    is_tls: bool,
    csrf_token: String,
    token: String,
}

impl Begun {
    /// A new session of a user, or of a guest.
    pub(in crate::admin) async fn new(admin: &Admin, visitor: &Visitor, user: Option<&User>) -> Result<Self, Problem> {
        let subject = user.map_or(Subject::Guest, |user| Subject::User(user.id));
        Self::of(admin, visitor, SessionId::generate()?, subject, user).await
    }

    /// The session `session`, with a new end.
    pub(super) async fn of(
        admin: &Admin,
        visitor: &Visitor,
        session: SessionId,
        subject: Subject,
        user: Option<&User>,
    ) -> Result<Self, Problem> {
        let lifetime_secs = admin.origin.session_secs().await?;
        let issued_at = visitor.now() / 1000;
        let claims = Claims { subject, session, issued_at, expires_at: issued_at.saturating_add(lifetime_secs) };
        Ok(Self {
            claims,
            user: user.map(UserShown::from),
            lifetime_secs,
            is_tls: visitor.is_tls,
            csrf_token: csrf::csrf_token(&admin.sessions.current, session),
            token: admin.sessions.issue(&claims),
        })
    }

    /// The session's row.
    pub(in crate::admin) fn row(&self, visitor: &Visitor) -> Session {
        Session {
            id: self.claims.session.to_string(),
            user: match self.claims.subject {
                Subject::User(id) => Some(id),
                Subject::Guest => None,
            },
            created_at: visitor.now(),
            expires_at: self.expires_at(),
            address: visitor.address.map(|address| address.to_string()),
            user_agent: visitor.user_agent.clone(),
        }
    }

    /// Its end, in unix milliseconds.
    pub(super) fn expires_at(&self) -> u64 {
        self.claims.expires_at.saturating_mul(1000)
    }

    /// 200 for one that is renewed.
    pub(super) fn renewed(self) -> Response {
        self.answer(StatusCode::OK)
    }

    fn answer(self, status: StatusCode) -> Response {
        let cookie = cookie::set_cookie(&self.token, self.is_tls, self.lifetime_secs);
        let expires_at = self.expires_at();
        let body = SessionBegun { token: self.token, expires_at, csrf_token: self.csrf_token, user: self.user };
        with_cookie((status, axum::Json(body)).into_response(), &cookie)
    }
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        self.answer(StatusCode::CREATED)
    }
}

/// An answer that sets a cookie.
pub(super) fn with_cookie(mut answer: Response, cookie: &str) -> Response {
    // Our cookies are printable ASCII.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, value);
    }
    answer
}
