//! Who knocks: the routes that nobody need be signed in for, such as the login itself, read no cookie and no token, so
//! that one that has ended is in nobody's way.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::{Admin, Problem};
use crate::observe::request_id::RequestId;
use crate::peer::Peer;
use crate::registry::{Actor, Author};

/// How much of a browser's name is kept, in characters.
const MAX_USER_AGENT_CHARS: usize = 200;

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) address: Option<IpAddr>,
    pub(super) is_tls: bool,
    pub(super) user_agent: Option<String>,
    request_id: String,
    now_millis: u64,
}

impl Visitor {
    /// The author of what somebody does who says that they are `actor`.
    pub(super) fn author(&self, actor: Actor) -> Author {
        let request_id = Some(self.request_id.clone());
        Author { actor, address: self.address, request_id, at_millis: self.now_millis }
    }

    /// When the request began, in unix milliseconds.
    pub(super) fn now(&self) -> u64 {
        self.now_millis
    }
}

impl FromRequestParts<Arc<Admin>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>();
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            address: peer.map(|peer| peer.address),
            is_tls: peer.is_some_and(|peer| peer.is_tls),
            user_agent: user_agent.map(|name| name.chars().take(MAX_USER_AGENT_CHARS).collect()),
            request_id: RequestId::of_extensions(&parts.extensions).as_str().to_owned(),
            now_millis: admin.origin.clock.millis(),
        })
    }
}
