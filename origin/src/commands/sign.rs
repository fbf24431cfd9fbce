//! `sealpix sign`: the URL alone on standard output, or why there is none.

use clap::Args;
use sealpix::key::PublicKey;
use sealpix::operations::{Operations, Width};
use sealpix::source::Source;
use sealpix::target::{Request, Slug};
use sealpix_origin::clock::{Clock as _, SystemClock};

use super::{CommandError, secret_key};

/// Sign an image URL. The secret key comes from SEALPIX_SECRET_KEY or SEALPIX_SECRET_KEY_FILE.
#[derive(Args)]
pub(crate) struct Sign {
    /// The edge's URL, as https://img.example.com
    #[arg(long)]
    base: String,
    /// The project
    #[arg(long)]
    project: String,
    /// The public key, pk_…
    #[arg(long)]
    key: String,
    /// Last second of the URL, in unix seconds
    #[arg(long, conflicts_with = "expires_in")]
    exp: Option<u64>,
    /// Time until the URL ends, as 90s, 15m, 1h, 7d
    #[arg(long)]
    expires_in: Option<String>,
    /// Print a srcset attribute: one URL for each width of the list
    #[arg(long)]
    srcset: bool,
    /// Read the secret key from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Operations in any order, as w_800,f_webp; _ for none
    operations: String,
    /// The image: host/path, https://host/path or @name/path
    source: String,
}

impl Sign {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let refused = |text: &str| CommandError::Refused(text.to_owned());
        let secret = secret_key(self.secret_stdin)?
            .ok_or_else(|| refused("the secret key is missing: set SEALPIX_SECRET_KEY or SEALPIX_SECRET_KEY_FILE"))?;
        let base = self.base.strip_suffix('/').unwrap_or(&self.base);
        // What a URL parser would repair is no base: it would be printed as it is.
        let is_base = url::Url::parse(base).is_ok_and(|url| {
            let plain = url.username().is_empty() && url.password().is_none() && url.host().is_some();
            plain && matches!(url.scheme(), "https" | "http") && url.as_str() == format!("{base}/")
        });
        if !is_base {
            return Err(refused("--base takes https://host without a path"));
        }
        let reason = |error: &dyn std::error::Error| CommandError::Refused(error.to_string());
        let request = Request {
            project: Slug::new(&self.project)
                .ok_or_else(|| refused("--project takes 3 to 50 of a-z 0-9 -, no reserved word"))?,
            operations: Operations::read(&self.operations).map_err(|error| reason(&error))?,
            source: Source::read(&self.source).map_err(|error| reason(&error))?,
            key: PublicKey::parse(&self.key)?,
            expires: self.expires()?,
        };
        let target = request.sign(&secret.signing_key()).map_err(|error| reason(&error))?;
        match (&request.operations.width, self.srcset) {
            (Some(Width::List(widths)), true) => {
                let candidates = widths.iter().map(|width| format!("{base}{target}&w={width} {width}w"));
                println!("{}", candidates.collect::<Vec<_>>().join(", "));
            }
            (_, true) => return Err(refused("--srcset needs a list of widths, as w_320|640|960")),
            _ => println!("{base}{target}"),
        }
        Ok(())
    }

    fn expires(&self) -> Result<Option<u64>, CommandError> {
        let Some(text) = &self.expires_in else {
            return Ok(self.exp);
        };
        let refused = || CommandError::Refused("--expires-in takes a number and s, m, h or d, as 15m".to_owned());
        let unit = text.chars().last().ok_or_else(refused)?;
        let digits = text.strip_suffix(unit).ok_or_else(refused)?;
        let secs_per_unit = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(refused()),
        };
        let count: u64 = digits.parse().ok().filter(|count| *count > 0).ok_or_else(refused)?;
        let secs = count.checked_mul(secs_per_unit).ok_or_else(refused)?;
        SystemClock.secs().checked_add(secs).map(Some).ok_or_else(refused)
    }
}
