//! Requests to the origin: pictures that the cache lacks, records, and usage. Each carries a proof (`sealpix::proof`);
//! none carries a header of the client's.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use js_sys::Uint8Array;
use js_sys::futures::JsFuture;
use sealpix::denial::{CODE_HEADER, Code};
use sealpix::envelope::MAX_SEALED_BYTES;
use sealpix::gate::Admission;
use sealpix::operations::{Operations, OutputFormat};
use sealpix::proof::{self, Direction, Facts, Proven};
use sealpix::usage::{COUNTED, USAGE_PATH};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{AbortSignal, RequestCache, RequestInit, RequestRedirect, Response, WorkerGlobalScope};

use crate::asked::Asked;
use crate::cache::Picture;
use crate::clock;
use crate::config::Config;
use crate::response::Refusal;
use crate::trace::trouble;

/// Where records are pulled from.
const RECORDS_PATH: &str = "/api/edge/v1/records";

/// Longest answer to a pull: two records and their line breaks.
const MAX_RECORDS_BYTES: usize = 2 * MAX_SEALED_BYTES + 2;

/// How long the origin may take to count a report: a request that left it behind its answer has 30 seconds in all.
pub(crate) const REPORT_TIMEOUT_SECS: u32 = 8;

/// Longest refusal that is passed on.
const MAX_PROBLEM_BYTES: usize = 16_384;

/// The origin behind this edge.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    config: Rc<Config>,
}

/// The answer to a pull: each record sealed, or that there is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pulled {
    pub(crate) key: Option<String>,
    pub(crate) project: Option<String>,
}

impl Pulled {
    /// Two lines, the key's record and the project's; `-` where there is none.
    fn read(text: &str) -> Option<Self> {
        let (key, rest) = text.split_once('\n')?;
        let project = rest.strip_suffix('\n').filter(|project| !project.contains('\n'))?;
        let record = |line: &str| (line != "-").then(|| line.to_owned());
        Some(Self { key: record(key), project: record(project) })
    }
}

impl Origin {
    /// The origin that the configuration names.
    pub(crate) fn new(config: Rc<Config>) -> Self {
        Self { config }
    }

    /// What the origin is told of a request, beside its target.
    pub(crate) fn facts(asked: &Asked, admission: &Admission, operations: &Operations, negotiated: bool) -> Facts {
        let format = match operations.format.filter(|_| negotiated) {
            Some(OutputFormat::Avif) => Some("avif".to_owned()),
            Some(OutputFormat::Webp) => Some("webp".to_owned()),
            _ => None,
        };
        let (project_epoch, source_epoch) = admission.epochs;
        Facts {
            format,
            referer: asked.referer(),
            address: asked.address(),
            request_id: Some(asked.id.clone()),
            project_epoch,
            source_epoch,
            ..Facts::default()
        }
    }

    /// The picture of an admitted target, or the fallback that is shown in its place, or why there is none.
    pub(crate) async fn picture(&self, target: &str, facts: Facts) -> Result<Picture, Refusal> {
        let response = self.get(target, &facts).await?;
        let fallback_secs = fallback_secs(&response);
        if response.status() == 200 || fallback_secs.is_some() {
            let mut picture = Picture::of_origin(response);
            picture.fallback_secs = fallback_secs;
            return Ok(picture);
        }
        Err(self.refusal(response, facts.request_id.as_deref().unwrap_or_default()).await)
    }

    /// The records of a key and a project; an error if they could not be asked for.
    pub(crate) async fn records(&self, key: &str, project: &str, request_id: &str) -> Result<Pulled, Refusal> {
        let facts = Facts { request_id: Some(request_id.to_owned()), ..Facts::default() };
        let target = format!("{RECORDS_PATH}?key={key}&project={project}");
        let response = self.get(&target, &facts).await?;
        if response.status() != 200 {
            return Err(self.refusal(response, request_id).await);
        }
        Pulled::read(&text(&response, MAX_RECORDS_BYTES).await).ok_or_else(|| {
            trouble(request_id, "the origin's records are not two lines");
            Code::OriginUnreachable.into()
        })
    }

    /// Has a usage report counted; otherwise the status, or that of why there is none.
    pub(crate) async fn report(&self, report: &[u8]) -> Result<(), u16> {
        let asked = Proven { direction: Direction::EdgeToOrigin, method: "POST", target: USAGE_PATH, body: report };
        let answer = self.ask(asked, &Facts::default(), REPORT_TIMEOUT_SECS).await;
        let answer = answer.map_err(|refusal| refusal.code().status())?;
        // Read in any case: an answer that is not read holds its connection.
        let said = text(&answer, MAX_PROBLEM_BYTES).await;
        // Any proxy says 200; only the origin says that.
        if answer.status() == 200 && said == COUNTED { Ok(()) } else { Err(answer.status()) }
    }

    async fn get(&self, target: &str, facts: &Facts) -> Result<Response, Refusal> {
        let asked = Proven { direction: Direction::EdgeToOrigin, method: "GET", target, body: b"" };
        self.ask(asked, facts, self.config.origin_timeout_secs).await
    }

    /// One request with a proof, and one more if the connection fails, both within one deadline. A POST may be repeated
    /// so, too: a report counts once, whatever became of the first.
    async fn ask(&self, asked: Proven<'_>, facts: &Facts, timeout_secs: u32) -> Result<Response, Refusal> {
        let deadline = AbortSignal::timeout_with_u32(timeout_secs * 1000);
        for _ in 0..2 {
            match self.send(asked, facts, &deadline).await {
                Ok(response) => return Ok(response),
                Err(_) if deadline.aborted() => return Err(Code::OriginTimeout.into()),
                Err(_) => {}
            }
        }
        Err(Code::OriginUnreachable.into())
    }

    async fn send(&self, asked: Proven<'_>, facts: &Facts, deadline: &AbortSignal) -> Result<Response, JsValue> {
        let nonce: [u8; 16] = clock::random().ok_or(JsValue::NULL)?;
        let facts = Facts { time: clock::now_millis() / 1000, nonce: URL_SAFE_NO_PAD.encode(nonce), ..facts.clone() };
        let link = self.config.links.first().ok_or(JsValue::NULL)?;
        let headers = web_sys::Headers::new()?;
        headers.set(proof::HEADER, &proof::prove(link, asked, &facts))?;
        headers.set("Accept-Encoding", "identity")?;
        let init = RequestInit::new();
        init.set_method(asked.method);
        if !asked.body.is_empty() {
            init.set_body(&Uint8Array::from(asked.body));
        }
        init.set_headers(headers.as_ref());
        init.set_redirect(RequestRedirect::Manual);
        // The platform's own cache stays out of it: it would answer without the origin's gate.
        init.set_cache(RequestCache::NoStore);
        init.set_signal(Some(deadline));
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let url = format!("{}{}", self.config.origin, asked.target);
        let response = JsFuture::from(global.fetch_with_str_and_init(&url, &init)).await?;
        response.dyn_into()
    }

    /// The origin's refusal, passed on if it is one of ours; anything else is no answer of an origin.
    async fn refusal(&self, response: Response, request_id: &str) -> Refusal {
        let header = |name| response.headers().get(name).ok().flatten();
        let status = response.status();
        let is_problem = header("Content-Type").is_some_and(|it| it.starts_with("application/problem+json"));
        let retry_after_secs = header("Retry-After").and_then(|secs| secs.parse().ok());
        // No answer can be made with a status from 600 on: worker's `Response` would panic.
        let code = header(CODE_HEADER).filter(|_| is_problem && (400..=599).contains(&status));
        let body = if code.is_some() { text(&response, MAX_PROBLEM_BYTES).await } else { String::new() };
        match code.and_then(|code| known_code(&code)).filter(|_| !body.is_empty()) {
            Some(Code::ProofRequired) => {
                trouble(request_id, "the origin refuses the edge's proof: compare SEALPIX_EDGE_LINK and both clocks");
                Refusal::of_proof()
            }
            Some(code) => Refusal::of_origin(code, status, body, retry_after_secs),
            None => {
                trouble(request_id, &format!("the origin answers {status} without a problem that is known"));
                Code::OriginUnreachable.into()
            }
        }
    }
}

/// For how many seconds the answer's picture stands in for one whose source is missing; `None` if it is no such answer.
fn fallback_secs(response: &Response) -> Option<u32> {
    let header = |name| response.headers().get(name).ok().flatten().filter(|_| response.status() == 404);
    header(CODE_HEADER).filter(|code| code == Code::SourceNotFound.as_str())?;
    header("Content-Type").filter(|kind| kind.starts_with("image/"))?;
    header("Cache-Control")?.split_once("max-age=")?.1.parse().ok()
}

/// The body; empty if it breaks off, or is longer than `most` bytes, or says so: what says so is not read into memory.
async fn text(response: &Response, most: usize) -> String {
    let length = response.headers().get("Content-Length").ok().flatten().and_then(|length| length.parse().ok());
    if length.is_some_and(|length: usize| length > most) {
        return String::new();
    }
    let Ok(text) = response.text() else { return String::new() };
    let text = JsFuture::from(text).await.ok().and_then(|text| text.as_string());
    text.filter(|text| text.len() <= most).unwrap_or_default()
}

fn known_code(text: &str) -> Option<Code> {
    Code::ALL.iter().find(|known| known.as_str() == text).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_denial_of_ours_is_passed_on() {
        assert_eq!(known_code("source_not_found"), Some(Code::SourceNotFound));
        assert_eq!(known_code("teapot"), None);
    }

    #[test]
    fn a_pull_is_two_lines() {
        let pulled = |key: Option<&str>, project: Option<&str>| {
            Some(Pulled { key: key.map(str::to_owned), project: project.map(str::to_owned) })
        };
        assert_eq!(Pulled::read("r1.a\nr1.b\n"), pulled(Some("r1.a"), Some("r1.b")));
        assert_eq!(Pulled::read("-\n-\n"), pulled(None, None));
        for text in ["", "r1.a", "r1.a\n", "r1.a\nr1.b", "r1.a\nr1.b\nr1.c\n"] {
            assert_eq!(Pulled::read(text), None, "{text:?}");
        }
    }
}
