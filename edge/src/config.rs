//! The Worker's variables and secrets, read once in an isolate. A wrong one is never read as its default: the error
//! names the variable, never its value.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Reflect;
use sealpix::link::{LinkKeys, LinkSecret};
use worker::Env;

use crate::counters::OnFailure;

/// Longest that a request may wait for the origin, unless said otherwise.
const ORIGIN_TIMEOUT_SECS: u32 = 20;

/// Most that `SEALPIX_ORIGIN_TIMEOUT_SECS` may say: clients do not wait longer either.
const MAX_ORIGIN_TIMEOUT_SECS: u32 = 100;

/// The cache's host unless said otherwise: a name that no resolver answers (RFC 2606).
const CACHE_HOST: &str = "sealpix.invalid";

/// How long an isolate counts before it reports, unless said otherwise.
const USAGE_SECS: u32 = 10;

/// Most that `SEALPIX_USAGE_SECS` may say: the platform ends what an answer leaves behind after 30 seconds.
const MAX_USAGE_SECS: u32 = 20;

/// Which requests a key's limits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitCounts {
    /// Those that make work. What the cache answers spends nothing, or anyone with one public URL could drain a
    /// key (EDGE-4).
    Misses,
    /// Every admitted request.
    All,
}

/// What the variables say.
#[derive(Debug)]
pub(crate) struct Config {
    /// Scheme, host and port of the origin, without a slash at the end.
    pub(crate) origin: String,
    /// Which edge this is, so that another one's records do not open here.
    pub(crate) environment: String,
    /// The link's keys, the current secret's first.
    pub(crate) links: Vec<LinkKeys>,
    /// The host in the cache's names.
    pub(crate) cache_host: String,
    /// How long to wait for the origin.
    pub(crate) origin_timeout_secs: u32,
    /// What the limits count.
    pub(crate) limit_counts: LimitCounts,
    /// How long to count before usage is reported.
    pub(crate) usage_secs: u32,
    /// What becomes of requests that cannot be counted.
    pub(crate) on_counter_failure: OnFailure,
}

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {problem}")]
pub(crate) struct ConfigError {
    variable: &'static str,
    problem: String,
}

/// A variable as the platform holds it.
enum Setting {
    Absent,
    Text(String),
    /// A number or an object of wrangler.toml.
    NotText,
}

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
}

impl Config {
    /// The isolate's configuration.
    pub(crate) fn of(env: &Env) -> Result<Rc<Self>, ConfigError> {
        if let Some(config) = CONFIG.with_borrow(Clone::clone) {
            return Ok(config);
        }
        let config = Rc::new(Self::read(|variable| match Reflect::get(env, &variable.into()) {
            Ok(value) if value.is_undefined() => Setting::Absent,
            Ok(value) => value.as_string().map_or(Setting::NotText, Setting::Text),
            Err(_) => Setting::Absent,
        })?);
        CONFIG.set(Some(config.clone()));
        Ok(config)
    }

    fn read(setting: impl Fn(&str) -> Setting) -> Result<Self, ConfigError> {
        let wrong = |variable, problem: &str| ConfigError { variable, problem: problem.to_owned() };
        let text = |variable| match setting(variable) {
            Setting::Absent => Ok(None),
            Setting::Text(text) => Ok(Some(text)),
            Setting::NotText => Err(wrong(variable, "is not text: write it in quotes")),
        };
        let required = |variable| text(variable)?.ok_or_else(|| wrong(variable, "is not set"));
        let link = |variable, secret: String| {
            LinkSecret::parse(&secret).map(|secret| secret.keys()).map_err(|error| wrong(variable, &error.to_string()))
        };

        let origin = required("SEALPIX_ORIGIN")?;
        if !is_origin(&origin) {
            return Err(wrong(
                "SEALPIX_ORIGIN",
                "is not https://host[:port], nor http:// of this machine, without a path",
            ));
        }
        let environment = text("SEALPIX_ENVIRONMENT")?.unwrap_or_else(|| "production".to_owned());
        if environment.is_empty() {
            return Err(wrong("SEALPIX_ENVIRONMENT", "is empty"));
        }
        let mut links = vec![link("SEALPIX_EDGE_LINK", required("SEALPIX_EDGE_LINK")?)?];
        if let Some(previous) = text("SEALPIX_EDGE_LINK_PREVIOUS")? {
            links.push(link("SEALPIX_EDGE_LINK_PREVIOUS", previous)?);
        }
        let cache_host = text("SEALPIX_CACHE_HOST")?.unwrap_or_else(|| CACHE_HOST.to_owned());
        if !is_host(&cache_host) {
            return Err(wrong("SEALPIX_CACHE_HOST", "is not a host name in lower case"));
        }
        let secs = |variable, otherwise, most, problem| match text(variable)? {
            None => Ok(otherwise),
            Some(text) => {
                let secs = text.parse().ok().filter(|secs| (1..=most).contains(secs));
                secs.ok_or_else(|| wrong(variable, problem))
            }
        };
        let origin_timeout_secs = secs(
            "SEALPIX_ORIGIN_TIMEOUT_SECS",
            ORIGIN_TIMEOUT_SECS,
            MAX_ORIGIN_TIMEOUT_SECS,
            "is not 1 to 100 seconds",
        )?;
        let usage_secs = secs("SEALPIX_USAGE_SECS", USAGE_SECS, MAX_USAGE_SECS, "is not 1 to 20 seconds")?;
        let limit_counts = match text("SEALPIX_LIMIT_COUNTS")?.as_deref() {
            None | Some("misses") => LimitCounts::Misses,
            Some("all") => LimitCounts::All,
            Some(_) => return Err(wrong("SEALPIX_LIMIT_COUNTS", "is neither misses nor all")),
        };
        let on_counter_failure = match text("SEALPIX_ON_COUNTER_FAILURE")?.as_deref() {
            None | Some("local") => OnFailure::Local,
            Some("deny") => OnFailure::Deny,
            Some(_) => return Err(wrong("SEALPIX_ON_COUNTER_FAILURE", "is neither local nor deny")),
        };
        Ok(Self {
            origin,
            environment,
            links,
            cache_host,
            origin_timeout_secs,
            limit_counts,
            on_counter_failure,
            usage_secs,
        })
    }
}

/// `https://host[:port]`, or `http` to this machine only: proofs and pictures do not cross a network in clear.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let local = host == "localhost" || host == "127.0.0.1";
    is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0) && (scheme == "https" || scheme == "http" && local)
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "el_0000000a_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|variable| {
            let found = settings.iter().rev().find(|(name, _)| *name == variable);
            found.map_or(Setting::Absent, |(_, text)| Setting::Text((*text).to_owned()))
        })
    }

    #[test]
    fn two_variables_are_enough() {
        let config = read(&[("SEALPIX_ORIGIN", "https://origin.example.com"), ("SEALPIX_EDGE_LINK", LINK)]).unwrap();
        assert_eq!((config.environment.as_str(), config.cache_host.as_str()), ("production", "sealpix.invalid"));
        assert_eq!((config.origin_timeout_secs, config.limit_counts, config.links.len()), (20, LimitCounts::Misses, 1));
        assert_eq!(config.usage_secs, 10);
    }

    #[test]
    fn cfg2_a_wrong_value_is_an_error_that_names_its_variable_and_not_its_value() {
        for (variable, value) in [
            ("SEALPIX_ORIGIN", "http://origin.example.com"),
            ("SEALPIX_ORIGIN", "https://origin.example.com/"),
            ("SEALPIX_ORIGIN", "https://user@origin.example.com"),
            ("SEALPIX_ORIGIN", "https://origin.example.com:x"),
            ("SEALPIX_ENVIRONMENT", ""),
            ("SEALPIX_EDGE_LINK", "el_secret"),
            ("SEALPIX_EDGE_LINK_PREVIOUS", "el_secret"),
            ("SEALPIX_CACHE_HOST", "A/b"),
            ("SEALPIX_ORIGIN_TIMEOUT_SECS", "101"),
            ("SEALPIX_ORIGIN_TIMEOUT_SECS", "20s"),
            ("SEALPIX_USAGE_SECS", "21"),
            ("SEALPIX_USAGE_SECS", "-1"),
            ("SEALPIX_LIMIT_COUNTS", "hits"),
            ("SEALPIX_ON_COUNTER_FAILURE", "allow"),
        ] {
            let good = [("SEALPIX_ORIGIN", "http://127.0.0.1:8080"), ("SEALPIX_EDGE_LINK", LINK)];
            let error = read(&[good[0], good[1], (variable, value)]).unwrap_err();
            assert_eq!(error.variable, variable);
            assert!(value.is_empty() || !error.to_string().contains(value), "{error}");
        }
        assert_eq!(read(&[]).unwrap_err().variable, "SEALPIX_ORIGIN");
    }
}
