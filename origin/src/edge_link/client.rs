//! The HTTP client for the edge: a question with the origin's proof, and one without.
//!
//! The edge proves nothing in return but by its certificate, so what it says is read within bounds, and an error holds
//! nothing that it wrote but a code of ours.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::HeaderMap;
use sealpix::denial::{CODE_HEADER, Code};
use sealpix::link::{LinkKeys, PUSH_PATH};
use sealpix::proof::{self, Direction, Facts, ProofError, Proven};

use crate::clock::random;
use crate::sources::tls::{TrustError, client_config};

/// Where the edge says that it is there, to anyone.
pub const HEALTH_PATH: &str = "/_sealpix/healthz";

/// How long the edge may take over a push: it reads and writes KV meanwhile.
pub const DEADLINE_SECS: u64 = 10;

/// How long it may take over the doctor's question: it asks its origin, which it may do for 100 seconds.
const EXAMINATION_SECS: u64 = 110;

/// Longest answer that is read: twenty records of the doctor's, and room for the rest.
const MAX_ANSWER_BYTES: usize = 16_384;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum PushSetupError {
    /// Certificates.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client refused its configuration.
    #[error("the HTTP client for the edge cannot be set up")]
    Client(#[from] reqwest::Error),
}

/// Why the edge has not answered a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No connection, or none that lasts.
    #[error("the edge does not answer: {0}")]
    Unreachable(&'static str),
    /// A denial of the edge's, or of whoever is at its address.
    #[error("the edge refuses with {status}{}{}", if code.is_some() { " " } else { "" }, code.map_or("", Code::as_str))]
    Refused {
        /// The answer's status.
        status: u16,
        /// Its code, if it is one of ours.
        code: Option<Code>,
        /// What is wrong with our proof, if that is why.
        why: Option<ProofError>,
    },
    /// Nothing that a Sealpix edge says.
    #[error("the edge's answer is none of a Sealpix edge")]
    Foreign,
    /// No proof could be made.
    #[error("the operating system gives no random bytes")]
    NoEntropy,
}

impl AskError {
    /// In a word, for the metrics.
    #[must_use]
    pub fn result(self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Foreign => "foreign",
            Self::NoEntropy => "origin",
        }
    }
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; empty if that is no text, or too much.
    pub body: String,
}

/// Asks one edge.
#[derive(Debug, Clone)]
pub struct EdgeClient {
    client: reqwest::Client,
    url: String,
}

impl EdgeClient {
    /// A client of the edge at `edge_url`, which the configuration has checked.
    ///
    /// # Errors
    /// Certificates or the HTTP client that cannot be set up.
    pub fn new(edge_url: &str) -> Result<Self, PushSetupError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(client_config(None)?)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent("Sealpix");
        Ok(Self { client: client.build()?, url: edge_url.to_owned() })
    }

    /// What the edge answers to anyone at `path`.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn get(&self, path: &str) -> Result<Answer, AskError> {
        let request = self.client.get(format!("{}{path}", self.url));
        received(request.timeout(Duration::from_secs(DEADLINE_SECS))).await
    }

    /// What the edge answers to a push of `body`, proved under `keys` at `now_secs`.
    ///
    /// # Errors
    /// It does not answer, refuses, or is none of ours.
    pub async fn post(&self, keys: &LinkKeys, now_secs: u64, body: String) -> Result<String, AskError> {
        self.prove(keys, now_secs, body, DEADLINE_SECS).await
    }

    /// As [`Self::post`], with patience for what the edge looks at meanwhile.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn examine(&self, keys: &LinkKeys, now_secs: u64, body: String) -> Result<String, AskError> {
        self.prove(keys, now_secs, body, EXAMINATION_SECS).await
    }

    async fn prove(&self, keys: &LinkKeys, now: u64, body: String, deadline: u64) -> Result<String, AskError> {
        let nonce: [u8; 16] = random().map_err(|_| AskError::NoEntropy)?;
        let facts = Facts { time: now, nonce: URL_SAFE_NO_PAD.encode(nonce), ..Facts::default() };
        let proven =
            Proven { direction: Direction::OriginToEdge, method: "POST", target: PUSH_PATH, body: body.as_bytes() };
        let proof = proof::prove(keys, proven, &facts);
        let request = self.client.post(format!("{}{PUSH_PATH}", self.url)).header(proof::HEADER, proof);
        let request = request.header("Content-Type", "text/plain").timeout(Duration::from_secs(deadline));
        let Answer { status, headers, body } = received(request.body(body)).await?;
        if status == 200 {
            return if body.is_empty() { Err(AskError::Foreign) } else { Ok(body) };
        }
        let code = headers.get(CODE_HEADER).and_then(|code| code.to_str().ok());
        let code = Code::ALL.iter().find(|known| Some(known.as_str()) == code).copied();
        Err(AskError::Refused { status, code, why: why(&body) })
    }
}

/// What the edge says of our proof: the detail of its problem.
fn why(body: &str) -> Option<ProofError> {
    let problem: serde_json::Value = serde_json::from_str(body).ok()?;
    let detail = problem.get("detail")?.as_str()?;
    [ProofError::Malformed, ProofError::UnknownLink, ProofError::Forged, ProofError::Skewed]
        .into_iter()
        .find(|error| error.to_string() == detail)
}

async fn received(request: reqwest::RequestBuilder) -> Result<Answer, AskError> {
    let mut response = request.send().await.map_err(|error| unreachable(&error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            body.clear();
            break;
        }
    }
    Ok(Answer { status, headers, body: String::from_utf8(body).unwrap_or_default() })
}

/// The client's error without its URL.
fn unreachable(error: &reqwest::Error) -> AskError {
    AskError::Unreachable(if is_tls(error) {
        "TLS cannot be agreed on, or its certificate is not to be trusted"
    } else if error.is_timeout() {
        "it takes too long"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection breaks off"
    })
}

/// Whether TLS is at the bottom of an error.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(error) = source {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<rustls::Error>() || inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        source = inner.and_then(std::error::Error::source).or_else(|| error.source());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_our_proof_is_read_out_of_a_problem() {
        let skewed = ProofError::Skewed.to_string();
        assert_eq!(why(&serde_json::json!({ "detail": skewed }).to_string()), Some(ProofError::Skewed));
        for other in ["", "{}", r#"{"detail":"a secret"}"#, r#"{"detail":5}"#, "<html>"] {
            assert_eq!(why(other), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_names_a_code_of_ours_or_none() {
        let refused = |code| AskError::Refused { status: 503, code, why: None }.to_string();
        assert_eq!(refused(Some(Code::KeyLookupBusy)), "the edge refuses with 503 key_lookup_busy");
        assert_eq!(refused(None), "the edge refuses with 503");
    }
}
