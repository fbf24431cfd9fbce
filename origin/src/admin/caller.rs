//! Who calls: found out anew for each request, from the registry as it stands then.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use super::{Admin, Problem};
use crate::access::id::{SessionId, UserId};
use crate::access::permission::{self, Permission};
use crate::access::role::{Caller as Kind, GuestMode};
use crate::access::session::Audience;
use crate::access::token::ApiToken;
use crate::access::{cookie, csrf};
use crate::observe::request_id::RequestId;
use crate::peer::Peer;
use crate::registry::{Actor, Author, SessionOwner};

/// The header with the session's CSRF token.
pub(super) const CSRF_HEADER: &str = "X-CSRF-Token";

/// A caller, with what the audit log says of them.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    kind: Kind,
    guests: GuestMode,
    actor: Actor,
    pub(super) address: Option<IpAddr>,
    pub(super) is_tls: bool,
    pub(super) session: Option<SessionId>,
    request_id: Option<String>,
    now_millis: u64,
}

impl Caller {
    /// Refuses who may not.
    pub(super) fn require(&self, needed: Permission) -> Result<(), Problem> {
        if permission::allows(&self.kind, self.guests, needed) {
            return Ok(());
        }
        match self.kind {
            Kind::Nobody => Err(Problem::unauthenticated()),
            _ => Err(Problem::forbidden(format!("this needs {}", needed.as_str()))),
        }
    }

    /// Refuses nobody in particular.
    pub(super) fn require_somebody(&self) -> Result<(), Problem> {
        if matches!(self.kind, Kind::Nobody) { Err(Problem::unauthenticated()) } else { Ok(()) }
    }

    /// The author of the changes of this request.
    pub(super) fn author(&self) -> Author {
        Author {
            actor: self.actor.clone(),
            address: self.address,
            request_id: self.request_id.clone(),
            at_millis: self.now_millis,
        }
    }

    /// When the request began, in unix milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.now_millis
    }

    /// The signed-in user's id.
    pub(super) fn user(&self) -> Result<UserId, Problem> {
        match self.kind {
            Kind::User { id, .. } => Ok(id),
            Kind::Nobody => Err(Problem::unauthenticated()),
            _ => Err(Problem::forbidden("this needs a signed-in user")),
        }
    }

    /// The session that the request came by.
    pub(super) fn session(&self) -> Result<SessionId, Problem> {
        self.session.ok_or_else(|| match self.kind {
            Kind::Nobody => Problem::unauthenticated(),
            _ => Problem::forbidden("this needs a session"),
        })
    }

    /// All that they may do now.
    pub(super) fn permissions(&self) -> Vec<Permission> {
        let all = Permission::ALL.iter().copied();
        all.filter(|permission| permission::allows(&self.kind, self.guests, *permission)).collect()
    }

    /// What they are.
    pub(super) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// By an API token; one that is unknown, expired or whose owner is gone is refused.
    async fn by_token(&mut self, admin: &Admin, token: &ApiToken) -> Result<(), Problem> {
        let held = admin.origin.registry.token_by_fingerprint(&token.fingerprint(), self.now_millis).await?;
        let (held, owner_role) = held.ok_or_else(Problem::unauthenticated)?;
        if let Err(error) = admin.origin.registry.token_was_used(&held, self.now_millis).await {
            tracing::warn!(%error, "a token's last use was not noted");
        }
        self.actor = Actor::Token { id: held.id.to_string(), name: held.name };
        self.kind = Kind::Token { id: held.id, scopes: held.scopes, owner_role };
        Ok(())
    }

    /// By a session's token; one that is forged or expired, or whose session has ended, is refused.
    async fn by_session(&mut self, admin: &Admin, token: &str) -> Result<(), Problem> {
        let now_secs = self.now_millis / 1000;
        let claims = [Audience::Session, Audience::Guest]
            .into_iter()
            .find_map(|audience| admin.sessions.verify(token, audience, now_secs).ok())
            .ok_or_else(Problem::unauthenticated)?;
        let owner = admin.origin.registry.session_owner(&claims.session.to_string(), self.now_millis).await?;
        match owner.ok_or_else(Problem::unauthenticated)? {
            SessionOwner::User { id, email, role } => {
                self.actor = Actor::User { id: id.to_string(), email };
                self.kind = Kind::User { id, role };
            }
            SessionOwner::Guest => {
                // Nobody else's rights hang on it.
                let is_on = admin.origin.is_guest_mode_on().await?;
                self.guests = if is_on { GuestMode::On } else { GuestMode::Off };
                self.actor = Actor::Guest;
                self.kind = Kind::Guest;
            }
        }
        self.session = Some(claims.session);
        Ok(())
    }
}

impl FromRequestParts<Arc<Admin>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        // Found out already, where the route's rights were asked for.
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let peer = parts.extensions.get::<Peer>();
        let mut caller = Self {
            kind: Kind::Nobody,
            guests: GuestMode::Off,
            actor: Actor::Anonymous(String::new()),
            address: peer.map(|peer| peer.address),
            is_tls: peer.is_some_and(|peer| peer.is_tls),
            session: None,
            request_id: Some(RequestId::of_extensions(&parts.extensions).as_str().to_owned()),
            now_millis: admin.origin.clock.millis(),
        };
        // A bearer that is wrong is not replaced by a cookie that is right.
        if let Some(bearer) = bearer(&parts.headers)? {
            match ApiToken::parse(bearer) {
                Ok(token) => caller.by_token(admin, &token).await?,
                Err(_) => caller.by_session(admin, bearer).await?,
            }
        } else if let Some(token) = cookie_of(&parts.headers, caller.is_tls) {
            // A cookie is sent without being asked for: who changes something must show the page's own token.
            let is_change = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
            caller.by_session(admin, &token).await?;
            let session = caller.session;
            if let (true, Some(session)) = (is_change, session) {
                let shown = parts.headers.get(CSRF_HEADER).and_then(|shown| shown.to_str().ok()).unwrap_or_default();
                if !csrf::verify(&admin.sessions, session, shown) {
                    return Err(Problem::csrf());
                }
            }
        }
        Ok(caller)
    }
}

/// The bearer of the `Authorization` header, if there is one; any other scheme is nobody's.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token)) } else { Err(Problem::unauthenticated()) }
}

fn cookie_of(headers: &HeaderMap, is_tls: bool) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.into_iter().find_map(|value| cookie::read(value, is_tls).map(str::to_owned))
}
