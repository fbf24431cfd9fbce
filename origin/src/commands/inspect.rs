//! `sealpix inspect URL`: the URL's parts, its string to sign, and which check fails and why.

use clap::Args;
use sealpix::denial::{Code, Denial};
use sealpix::gate;
use sealpix::record::KeyRecord;
use sealpix::target::Target;
use sealpix_origin::config::{Config, Environment};
use sealpix_origin::origin::Origin;
use serde_json::{Value, json};

use super::{CommandError, print_json, secret_key};

/// Explain a signed URL. With SEALPIX_SECRET_KEY its signature is checked; with a registry, the whole gate.
#[derive(Args)]
pub(crate) struct Inspect {
    /// The URL, or its path and query
    url: String,
    /// A Referer to check
    #[arg(long)]
    referer: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let target_text = target_of(&self.url);
        let target = match gate::read("GET", target_text) {
            Ok(target) => target,
            Err(denial) => return self.answer(json!({}), Err(denial)),
        };
        let parts = parts(&target);
        let verdict = self.verdict(&target).await?;
        self.answer(parts, verdict)
    }

    /// What can be said with what is at hand: `None` where nothing is.
    async fn verdict(&self, target: &Target<'_>) -> Result<Result<&'static str, Denial>, CommandError> {
        let config = Config::read(&Environment::of_process())?;
        if config.database.exists() {
            let origin = Origin::open(config).await?;
            let asked = target.request();
            let (key, project) = origin.registry.key_and_project(asked.key, &asked.project).await?;
            let key: Option<KeyRecord> = key.map(|key| origin.key_record(&key)).transpose()?;
            let project = project.map(|project| project.value.record());
            let now = origin.clock.secs();
            let admitted = gate::admit(target, self.referer.as_deref(), key.as_ref(), project.as_ref(), now);
            return Ok(admitted.map(|_| "admitted (rate limits are not counted here)"));
        }
        Ok(match secret_key(false)? {
            Some(secret) if target.is_signed_by(&secret.signing_key()) => Ok("the signature is right"),
            Some(_) => Err(Code::SignatureInvalid.into()),
            None => Ok("well formed; set SEALPIX_SECRET_KEY, or run this beside the registry, to check more"),
        })
    }

    fn answer(&self, parts: Value, verdict: Result<&'static str, Denial>) -> Result<(), CommandError> {
        let (outcome, detail, failed) = match &verdict {
            Ok(text) => ("ok", (*text).to_owned(), false),
            Err(denial) => (denial.code.as_str(), denial.detail.clone(), true),
        };
        if self.json {
            print_json(&json!({ "parts": parts, "verdict": outcome, "detail": detail }));
        } else {
            for (name, value) in parts.as_object().into_iter().flatten() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                println!("{name:<16}{}", text.replace('\n', "\\n"));
            }
            println!("{:<16}{outcome}: {detail}", "verdict");
        }
        if failed { Err(CommandError::Answered) } else { Ok(()) }
    }
}

/// Path and query of a URL, as bytes; nothing is parsed or repaired.
fn target_of(url: &str) -> &str {
    let rest = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")).map(|(_, rest)| rest);
    match rest {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    }
}

fn parts(target: &Target<'_>) -> Value {
    let request = target.request();
    let mut parts = json!({
        "project": request.project,
        "operations": request.operations.to_string(),
        "source": request.source.to_string(),
        "key": request.key,
        "expires": request.expires,
        "signature": target.signature().to_string(),
        "string to sign": target.string_to_sign(),
    });
    if let (Some(width), Value::Object(parts)) = (target.width(), &mut parts) {
        parts.insert("width".to_owned(), json!(width));
    }
    if let (sealpix::source::Source::Remote(remote), Value::Object(parts)) = (&request.source, &mut parts) {
        parts.insert("upstream".to_owned(), json!(remote.url()));
    }
    parts
}
