//! The gate: may this request have this image? The same code at the edge and at the origin.
//!
//! Checks run in one order (url-format, "The gate"): what fails first is what is said. [`read`] makes rows 1
//! and 2, which need nothing but the request; the caller then looks up the two records that the target names;
//! [`admit`] makes rows 3 to 10. Row 11, the rate limits, is the caller's, since counting is I/O.

use crate::cache_key::CacheKey;
use crate::denial::{Code, Denial};
use crate::domain::Site;
use crate::operations::{Fit, Operations, OutputFormat, Pad};
use crate::quota::Limits;
use crate::record::{Caching, Environment, KeyRecord, KeyState, Policy, ProjectRecord};
use crate::source::Source;
use crate::target::Target;

/// An admitted request: everything the sides need to serve it, nothing they must look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The image asked for.
    pub source: Source,
    /// What is to be done with it: presets expanded, the width chosen. `f_auto` is still to be negotiated.
    pub operations: Operations,
    /// The URL's end, in unix seconds.
    pub expires: Option<u64>,
    /// The key's limits, for row 11.
    pub limits: Limits,
    /// The project's caching.
    pub caching: Caching,
    /// The project's epoch and the source's.
    pub epochs: (u64, u64),
    /// The cache key's fields but for the operations.
    key: CacheKey,
}

impl Admission {
    /// The name of the result in every cache. The operations are the negotiated ones.
    #[must_use]
    pub fn cache_key(&self, operations: &Operations) -> String {
        self.key.of(operations, self.became_avif(operations))
    }

    /// The same request as if it asked for these operations on another source of its project: row 10 is asked of that
    /// one, and the name in caches is its own.
    pub fn instead(&self, source: Source, operations: Operations, project: &ProjectRecord) -> Result<Self, Denial> {
        check_source(&source, project)?;
        let epochs = (project.epoch, project.source_epoch(&source.to_string()));
        let key = CacheKey::new(project, &source, &operations, epochs);
        Ok(Self { source, operations, epochs, key, ..self.clone() })
    }

    /// Whether `f_auto` became AVIF. That is not what AVIF by its name is: an animation stays one, as WebP.
    #[must_use]
    pub fn became_avif(&self, operations: &Operations) -> bool {
        self.operations.format == Some(OutputFormat::Auto) && operations.format == Some(OutputFormat::Avif)
    }
}

/// Rows 1 and 2: the method and the target. OPTIONS is answered by the sides before this.
pub fn read<'a>(method: &str, target: &'a str) -> Result<Target<'a>, Denial> {
    if !matches!(method, "GET" | "HEAD") {
        return Err(Code::MethodNotAllowed.into());
    }
    Target::parse(target).map_err(|error| Denial::new(Code::MalformedUrl, error.to_string()))
}

/// Rows 3 to 10. `key` and `project` are the records of the names in the target, `None` where there is none.
pub fn admit(
    target: &Target<'_>,
    referer: Option<&str>,
    key: Option<&KeyRecord>,
    project: Option<&ProjectRecord>,
    now: u64,
) -> Result<Admission, Denial> {
    let request = target.request();
    let key = key.filter(|key| key.key == request.key).ok_or(Code::KeyUnknown)?;
    if !target.is_signed_by(&key.signing_key) {
        return Err(Code::SignatureInvalid.into());
    }
    let project = project
        .filter(|project| project.slug == request.project && key.project == request.project)
        .ok_or(Code::ProjectMismatch)?;
    check_key(key, now)?;
    check_expiry(request.expires, &key.policy, now)?;
    let expanded = expand(&request.operations, project)?;
    check_policy(&request.operations, &expanded, &key.policy)?;
    check_referer(referer, project)?;
    check_source(&request.source, project)?;

    let operations = target.resolved_operations().over(&expanded);
    let operations = Operations { preset: None, ..operations };
    let epochs = (project.epoch, project.source_epoch(&request.source.to_string()));
    let key_fields = CacheKey::new(project, &request.source, &operations, epochs);
    Ok(Admission {
        source: request.source.clone(),
        operations,
        expires: request.expires,
        limits: key.limits,
        caching: project.caching,
        epochs,
        key: key_fields,
    })
}

fn check_key(key: &KeyRecord, now: u64) -> Result<(), Denial> {
    match key.state {
        KeyState::Revoked => Err(Code::KeyRevoked.into()),
        KeyState::Active if key.not_after.is_some_and(|end| now > end) => Err(Code::KeyExpired.into()),
        KeyState::Active => Ok(()),
    }
}

fn check_expiry(expires: Option<u64>, policy: &Policy, now: u64) -> Result<(), Denial> {
    match (expires, policy.max_lifetime_secs) {
        (Some(expires), _) if now > expires => Err(Code::UrlExpired.into()),
        (None, Some(_)) => Err(Code::ExpiryRequired.into()),
        (None, None) if policy.require_expiry => Err(Code::ExpiryRequired.into()),
        (Some(expires), Some(most)) if expires - now > most => {
            Err(Denial::new(Code::ExpiryTooFar, format!("exp may lie at most {most} seconds ahead")))
        }
        _ => Ok(()),
    }
}

/// Lays the preset under the explicit items; what it names must exist.
fn expand(operations: &Operations, project: &ProjectRecord) -> Result<Operations, Denial> {
    let expanded = match &operations.preset {
        None => operations.clone(),
        Some(name) => {
            let preset = project
                .preset(name)
                .ok_or_else(|| Denial::new(Code::OperationNotAllowed, format!("the project has no preset {name}")))?;
            Operations { preset: None, ..operations.over(preset.operations()) }
        }
    };
    if let Some(watermark) = &expanded.watermark
        && project.watermark(&watermark.name).is_none()
    {
        let detail = format!("the project has no watermark {}", watermark.name);
        return Err(Denial::new(Code::OperationNotAllowed, detail));
    }
    Ok(expanded)
}

/// The key's policy: names on what the URL writes, sizes on the largest result the URL may ask for.
fn check_policy(written: &Operations, expanded: &Operations, policy: &Policy) -> Result<(), Denial> {
    let deny = |detail: String| Err(Denial::new(Code::OperationNotAllowed, detail));
    if policy.presets_only {
        let mut items = written.items();
        if items.next().is_none_or(|(name, _)| name != "p") || items.next().is_some() {
            return deny("this key signs a preset and nothing beside it".to_owned());
        }
    }
    if let Some(allowed) = &policy.operations
        && let Some((name, _)) = written.items().find(|(name, _)| !allowed.iter().any(|allowed| allowed == name))
    {
        return deny(format!("this key does not sign {name}"));
    }
    let dpr = expanded.dpr.map_or(1000, |dpr| dpr.thousandths());
    let border = expanded.pad.unwrap_or(Pad { top: 0, right: 0, bottom: 0, left: 0 });
    let width = expanded.width.as_ref().map(|width| width.largest());
    let height = expanded.height.map(|height| height.get());
    for (name, most, side, border) in [
        ("w", policy.max_width, width, border.left + border.right),
        ("h", policy.max_height, height, border.top + border.bottom),
    ] {
        let Some(most) = most else { continue };
        if expanded.fit == Some(Fit::Outside) {
            return deny("this key caps the result, which fit_outside may exceed".to_owned());
        }
        let Some(side) = side else {
            return deny(format!("this key caps the result: say {name}, at most {most}"));
        };
        if u64::from(side + border) * u64::from(dpr) > u64::from(most) * 1000 {
            return deny(format!("{name} with its dpr and pad is more than the {most} that this key signs"));
        }
    }
    Ok(())
}

fn check_referer(referer: Option<&str>, project: &ProjectRecord) -> Result<(), Denial> {
    let admitted = match referer.filter(|referer| !referer.is_empty()) {
        _ if project.referers.is_empty() => true,
        None => !project.require_referer,
        Some(referer) => {
            Site::of_referer(referer).is_some_and(|site| project.referers.iter().any(|rule| rule.admits_site(&site)))
        }
    };
    if admitted { Ok(()) } else { Err(Code::RefererDenied.into()) }
}

/// Row 10: whether the project may have pictures of this source. Where redirects are followed, their targets are asked so, too.
pub fn check_source(source: &Source, project: &ProjectRecord) -> Result<(), Denial> {
    let allowed = match source {
        Source::Named { name, .. } => project.grant(name).is_some(),
        Source::Remote(_) if project.sources.is_empty() => project.environment == Environment::Development,
        Source::Remote(remote) => project.sources.iter().any(|rule| rule.admits_source(remote)),
    };
    if allowed { Ok(()) } else { Err(Code::SourceDenied.into()) }
}

/// What `f_auto` may become, as a proof states it.
#[must_use]
pub fn negotiated(text: Option<&str>) -> Option<OutputFormat> {
    match text {
        Some("avif") => Some(OutputFormat::Avif),
        Some("webp") => Some(OutputFormat::Webp),
        _ => None,
    }
}
