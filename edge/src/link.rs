//! The edge's end of the link: records that the origin pushes, `POST` to [`PUSH_PATH`].
//!
//! The body's size is looked at first, then the proof over all of it, then the nonce: a push that comes twice is
//! refused. The record is in the memo before KV is written, and acknowledged only after (records.rs).

use std::cell::RefCell;

use js_sys::futures::JsFuture;
use sealpix::denial::{Code, Denial};
use sealpix::envelope::MAX_SEALED_BYTES;
use sealpix::link::{DOCTOR, LinkKeys, PROBE};
use sealpix::proof::{self, Direction, MAX_SKEW_SECS, ProofError, Proven};
use worker::Env;

use crate::asked::Asked;
use crate::bounded::Bounded;
use crate::config::Config;
use crate::doctor;
use crate::origin::Origin;
use crate::records::Records;
use crate::response::{Refusal, unconfigured};

pub(crate) use sealpix::link::PUSH_PATH;

/// A record's name, a line break, and a sealed record.
const MAX_BODY_BYTES: usize = MAX_SEALED_BYTES + 100;

/// How long a nonce is remembered: as long as its proof may be used, from the one end of the skew to the other.
const NONCE_SECS: u64 = 2 * MAX_SKEW_SECS;

/// Nonces in a generation: two minutes of sixty pushes a second. Only the origin's are remembered.
const NONCES: usize = 8_000;

/// Longest nonce; the origin's have 22 characters.
const MAX_NONCE_BYTES: usize = 64;

thread_local! {
    static NONCES_SEEN: RefCell<Bounded<String, u64>> = const { RefCell::new(Bounded::new(NONCES)) };
}

/// What the edge has to say to a push: the version that it holds. What the Worker lacks is bound after the proof, so
/// that the doctor can be told of it.
pub(crate) async fn take(request: &web_sys::Request, asked: &Asked, env: &Env) -> Result<String, Refusal> {
    let config = Config::of(env).map_err(|error| unconfigured(&asked.id, &error.to_string()))?;
    let header = |name| request.headers().get(name).ok().flatten();
    let length = header("Content-Length").and_then(|length| length.parse::<usize>().ok());
    if length.is_none_or(|length| length > MAX_BODY_BYTES) {
        return Err(malformed("the body's length is not given, or too much"));
    }
    let proof = header(proof::HEADER).ok_or(Code::ProofRequired)?;
    // Strangers are sent away before their body is read.
    if proof::link_of(&proof).is_none_or(|link| LinkKeys::choose(&config.links, link).is_none()) {
        return Err(Denial::new(Code::ProofRequired, ProofError::UnknownLink.to_string()).into());
    }
    let body = request.text().ok().map(JsFuture::from);
    let body = match body {
        Some(body) => body.await.ok().and_then(|body| body.as_string()).unwrap_or_default(),
        None => String::new(),
    };
    if body.len() > MAX_BODY_BYTES {
        return Err(malformed("the body is too long"));
    }
    let proven =
        Proven { direction: Direction::OriginToEdge, method: "POST", target: &asked.target, body: body.as_bytes() };
    let facts = proof::verify(&config.links, proven, &proof, asked.now())
        .map_err(|error| Denial::new(Code::ProofRequired, error.to_string()))?;
    if facts.nonce.len() > MAX_NONCE_BYTES || !is_new(facts.nonce, asked.now()) {
        return Err(Denial::new(Code::ProofRequired, "the proof was used before").into());
    }
    if body == PROBE {
        return Ok("ready".to_owned());
    }
    let records = Records::bind(env, config.clone(), Origin::new(config.clone()));
    let (name, sealed) = body.split_once('\n').unwrap_or((&body, ""));
    if name == DOCTOR {
        return Ok(doctor::report(env, config, records, asked, sealed).await);
    }
    let records = records.ok_or_else(|| unconfigured(&asked.id, "the KV namespace RECORDS is not bound"))?;
    records.take(name, sealed, &asked.id).await
}

/// Whether the nonce was not seen before; it is from now on.
fn is_new(nonce: String, now: u64) -> bool {
    NONCES_SEEN.with_borrow_mut(|seen| {
        if seen.get_mut(nonce.as_str()).is_some_and(|at| now.saturating_sub(*at) <= NONCE_SECS) {
            return false;
        }
        seen.insert(nonce, now);
        true
    })
}

fn malformed(what: &str) -> Refusal {
    Denial::new(Code::MalformedUrl, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_while_its_proof_may_hold() {
        assert!(is_new("a".to_owned(), 1_000));
        assert!(is_new("b".to_owned(), 1_000));
        assert!(!is_new("a".to_owned(), 1_000 + NONCE_SECS));
        assert!(is_new("a".to_owned(), 1_001 + NONCE_SECS));
    }
}
