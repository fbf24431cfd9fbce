//! `sealpix inspect URL`: the URL's parts, its string to sign, and which check fails and why.

use clap::Args;
use sealpix::denial::{Code, Denial};
use sealpix::gate;
use sealpix::target::Target;
use sealpix_origin::config::{Config, Environment};
use sealpix_origin::inspection::{self, Parts, target_of};
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
        let target = match gate::read("GET", target_of(&self.url)) {
            Ok(target) => target,
            Err(denial) => return self.answer(json!({}), Err(denial)),
        };
        let parts = serde_json::to_value(Parts::of(&target)).unwrap_or_default();
        let verdict = self.verdict(&target).await?;
        self.answer(parts, verdict)
    }

    /// What can be said with what is at hand: `None` where nothing is.
    async fn verdict(&self, target: &Target<'_>) -> Result<Result<&'static str, Denial>, CommandError> {
        let config = Config::read(&Environment::of_process())?;
        if config.database.exists() {
            let origin = Origin::open(config).await?;
            let admitted = inspection::judge(&origin, target, self.referer.as_deref()).await?;
            return Ok(admitted.map(|()| "admitted (rate limits are not counted here)"));
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
                println!("{:<16}{}", name.replace('_', " "), text.replace('\n', "\\n"));
            }
            println!("{:<16}{outcome}: {detail}", "verdict");
        }
        if failed { Err(CommandError::Answered) } else { Ok(()) }
    }
}
