//! `sealpix edge doctor`: what stands between this origin, its Worker, and a served picture, a line each.
//!
//! It asks the Worker as anybody may, then as its origin, with a proof, what it knows of itself; and judges that against
//! the registry. It changes nothing on either side.

mod judgement;
mod records;
mod report;

use clap::{Args, Subcommand};
use sealpix::denial::Code;
use sealpix::link::{DOCTOR, LinkKeys};
use sealpix::proof::ProofError;
use sealpix_origin::clock::{Clock as _, SystemClock};
use sealpix_origin::config::edge_url;
use sealpix_origin::edge_link::client::{Answer, AskError, EdgeClient, HEALTH_PATH};
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::RecordName;

use super::findings::Findings;
use super::{CommandError, open_existing};
use report::{Report, RoundTrip};

/// Check the deployed Worker.
#[derive(Args)]
pub(crate) struct Edge {
    #[command(subcommand)]
    command: EdgeCommand,
}

#[derive(Subcommand)]
enum EdgeCommand {
    /// Check the deployed Worker: that it answers, holds the edge link, reaches this origin, has its bindings, and that
    /// its clock, version and records are ours
    Doctor(Doctor),
}

#[derive(Args)]
struct Doctor {
    /// The Worker's own URL; default SEALPIX_EDGE_URL
    #[arg(long)]
    url: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Edge {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let EdgeCommand::Doctor(doctor) = self.command;
        let url = doctor.url.map(|text| edge_url(&text)).transpose();
        let url = url.map_err(|problem| CommandError::Usage(format!("--url {problem}")))?;
        let origin = open_existing().await?;
        let Some(url) = url.or_else(|| origin.config.edge_url.clone()) else {
            return Err(CommandError::Refused(
                "set SEALPIX_EDGE_URL, or give --url, as https://img.example.com".to_owned(),
            ));
        };
        let mut findings = Findings::default();
        examine(&mut findings, &origin, &url).await?;
        findings.conclude(doctor.json)
    }
}

/// From the outside in; what hangs on something that failed is not looked at.
async fn examine(findings: &mut Findings, origin: &Origin, url: &str) -> Result<(), CommandError> {
    let client = EdgeClient::new(url)?;
    if !answers(findings, &client, url).await {
        return Ok(());
    }
    let links = origin.link_keys().await?;
    let Some(link) = links.first() else {
        findings.fail("edge link", "this registry has none: run sealpix setup");
        return Ok(());
    };
    let names = records::newest(&origin.registry).await?;
    let (report, trip) = match ask(&client, link, names.iter().map(|(name, _)| name)).await {
        Ok(answer) => answer,
        Err(error) => {
            refused(findings, link, error);
            return Ok(());
        }
    };
    judgement::link(findings, &links, &report);
    judgement::origin(findings, &report);
    judgement::environment(findings, &origin.config.edge_environment, &report);
    judgement::versions(findings, &report);
    judgement::clock(findings, &report, trip);
    judgement::bindings(findings, &report);
    judgement::cache(findings, url, &report);
    records::compare(findings, origin, url, &names, &report).await
}

/// Whether a Worker of ours is there, nothing stands before it, and how.
async fn answers(findings: &mut Findings, client: &EdgeClient, url: &str) -> bool {
    let first = match client.get(HEALTH_PATH).await {
        Ok(answer) => answer,
        Err(error) => {
            findings.fail("answers", format!("{url}: {error}"));
            return false;
        }
    };
    let id = |answer: &Answer| answer.headers.get("Sealpix-Request-Id").cloned();
    if first.status != 200 || first.body != "ok" || id(&first).is_none() {
        let status = first.status;
        let why = format!(
            "{url} answers {status}, and not as a Sealpix Worker does: look at its routes and its custom domain, and \
             whether something stands before it"
        );
        findings.fail("answers", why);
        return false;
    }
    findings.ok("answers", url);
    if url.starts_with("https://") {
        findings.ok("tls", "the certificate is trusted and names the host");
    } else {
        findings.ok("tls", "none, to this machine");
    }
    match client.get(HEALTH_PATH).await {
        Ok(second) => judgement::nothing_before(findings, id(&first) == id(&second), &second.headers),
        Err(error) => findings.fail("answers", format!("{url}, the second time: {error}")),
    }
    true
}

/// What the edge says of itself, and when it was asked.
async fn ask(
    client: &EdgeClient,
    link: &LinkKeys,
    names: impl Iterator<Item = &RecordName>,
) -> Result<(Report, RoundTrip), AskError> {
    let question = names.fold(DOCTOR.to_owned(), |text, name| format!("{text}\n{name}"));
    let sent = SystemClock.millis();
    let answer = client.examine(link, sent / 1000, question).await?;
    let trip = RoundTrip { sent, received: SystemClock.millis() };
    let report = serde_json::from_str(&answer).map_err(|_| AskError::Foreign)?;
    Ok((report, trip))
}

/// Why the edge says nothing of itself, and what to do.
fn refused(findings: &mut Findings, link: &LinkKeys, error: AskError) {
    let id = link.id();
    let AskError::Refused { code, why, .. } = error else {
        return findings.fail("edge link", format!("{error}: deploy this version's Worker"));
    };
    let todo = match (code, why) {
        (_, Some(ProofError::UnknownLink)) => format!(
            "the Worker does not have link {id}: wrangler secret put SEALPIX_EDGE_LINK with what sealpix setup printed; \
             if that is lost, sealpix secrets rotate edge-link --compromised prints a new one"
        ),
        (_, Some(ProofError::Forged)) => {
            format!("the Worker has another secret as link {id}, or something between changes requests")
        }
        (_, Some(ProofError::Skewed)) => return judgement::far_clock(findings),
        (Some(Code::Internal), _) => {
            "the Worker lacks a variable or a secret, or has a wrong one: compare its settings \
             with docs/deploying.md; wrangler tail names it with the next request"
                .to_owned()
        }
        (Some(Code::MalformedUrl | Code::NotFound | Code::MethodNotAllowed), _) => {
            "the Worker is of a version without a doctor: deploy this one".to_owned()
        }
        _ => format!("{error}: wrangler tail says more"),
    };
    findings.fail("edge link", todo);
}
