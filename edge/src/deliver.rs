//! The way of a request, top to bottom: gate, cache, limits, origin.

use std::rc::Rc;

use sealpix::record::Caching;
use sealpix::{gate, negotiation};
use worker::{Context, Env, Response};

use crate::asked::{self, Asked};
use crate::cache::Cache;
use crate::config::{Config, LimitCounts};
use crate::failed;
use crate::limits::{AddressLimit, Limiter};
use crate::link;
use crate::origin::Origin;
use crate::records::Records;
use crate::response::{self, Answer, Refusal, unconfigured};
use crate::trace::Trace;
use crate::usage;

/// The rooms that a request passes through.
struct Edge<'a> {
    config: Rc<Config>,
    records: Records,
    cache: Cache,
    origin: Origin,
    addresses: AddressLimit,
    limiter: Limiter,
    context: &'a Context,
}

/// Answers any request: every road ends in one answer and one log line.
pub(crate) async fn answer(request: &web_sys::Request, env: &Env, context: &Context) -> Response {
    let asked = Asked::read(request);
    let mut trace = Trace::new(asked.at_millis);
    let response = if asked.method == "OPTIONS" {
        match AddressLimit::bind(env).take(&asked).await {
            Ok(()) => response::preflight(&asked),
            Err(refusal) => {
                trace.refused = Some(refusal.code());
                response::refused(refusal, &asked, &trace)
            }
        }
    } else if asked.method == "POST" && asked.target == link::PUSH_PATH {
        response::told(link::take(request, &asked, env).await, &asked, &mut trace)
    } else if asked.target == "/_sealpix" || asked.target.starts_with("/_sealpix/") {
        response::own(&asked, &trace)
    } else {
        let outcome = match Edge::open(request, env, context, &asked.id) {
            Ok(edge) => deliver(&asked, &edge, &mut trace).await,
            Err(refusal) => Err(refusal),
        };
        let response = outcome.unwrap_or_else(|refusal| {
            trace.refused = Some(refusal.code());
            response::refused(refusal, &asked, &trace)
        });
        usage::count(&asked, &trace, &response, env, context);
        response
    };
    trace.log(&asked.id, response.status_code());
    response
}

async fn deliver(asked: &Asked, edge: &Edge<'_>, trace: &mut Trace) -> Result<Response, Refusal> {
    edge.addresses.take(asked).await?;
    let target = gate::read(&asked.method, &asked.target)?;
    let signed = target.request();
    trace.project = Some(signed.project.to_string());
    let (key, project) = edge.records.look_up(signed, asked, edge.context).await?;
    trace.mark("records");
    trace.key = key.as_ref().map(|_| signed.key);
    let admission = gate::admit(&target, asked.referer().as_deref(), key.as_deref(), project.as_deref(), trace.now())?;
    let (operations, negotiated) = negotiation::resolve(&admission.operations, asked.accept().as_deref());
    let name = admission.cache_key(&operations);
    let mut answer = Answer::new(&admission, negotiated, asked);

    let (scope, now) = (signed.key.to_string(), trace.now_millis());
    let take = || edge.limiter.take(&scope, admission.limits, now, (edge.context, &asked.id));
    if edge.config.limit_counts == LimitCounts::All {
        answer.count(take().await?)?;
    }
    let kept = edge.cache.find(&name, admission.caching, asked.now()).await;
    trace.mark("cache");
    if let Some(picture) = kept {
        trace.cache = "hit";
        let picture = match answer.part(&picture)? {
            Some(part) => edge.cache.cut(&name, picture, part).await,
            None => picture,
        };
        return Ok(answer.with(picture, "hit", trace));
    }
    trace.cache = "miss";
    let fallback_name = [&name, "-fallback"].concat();
    if let Some(ttl_secs) = failed::check(&name, trace.now())?
        && let caching = (Caching { ttl_secs, ..admission.caching })
        && let Some(mut picture) = edge.cache.find(&fallback_name, caching, asked.now()).await
    {
        trace.cache = "hit";
        picture.fallback_secs = Some(ttl_secs);
        return Ok(answer.with(picture, "hit", trace));
    }
    if edge.config.limit_counts == LimitCounts::Misses {
        answer.count(take().await?)?;
    }
    let facts = Origin::facts(asked, &admission, &operations, negotiated);
    let picture = edge.origin.picture(&asked.target, facts).await;
    trace.mark("origin");
    let picture = picture.inspect_err(|refusal| failed::note(&name, refusal, trace.now()))?;
    let body_wanted = answer.sends_body(&picture);
    // The fallback is never kept as what was asked for, nor as long (CACHE-12).
    let (stored_name, ttl_secs) = match picture.fallback_secs {
        Some(secs) => (&fallback_name, secs),
        None => (&name, admission.caching.ttl_secs),
    };
    let caching = Caching { ttl_secs, ..admission.caching };
    let stored = edge.cache.store(stored_name, picture, body_wanted, caching, (edge.context, asked)).await?;
    let (picture, stored) = stored;
    if let Some(secs) = picture.fallback_secs.filter(|_| stored) {
        failed::note_fallback(&name, secs, trace.now());
    }
    Ok(answer.with(picture, if stored { "fwd=miss; stored" } else { "fwd=miss" }, trace))
}

impl<'a> Edge<'a> {
    /// Reads the configuration and binds what it names. What is wrong is for the operator's log, not for clients.
    fn open(request: &web_sys::Request, env: &Env, context: &'a Context, request_id: &str) -> Result<Self, Refusal> {
        let config = Config::of(env).map_err(|error| unconfigured(request_id, &error.to_string()))?;
        let origin = Origin::new(config.clone());
        let records = Records::bind(env, config.clone(), origin.clone())
            .ok_or_else(|| unconfigured(request_id, "the KV namespace RECORDS is not bound"))?;
        let cache = Cache::under(&config.cache_host);
        let addresses = AddressLimit::bind(env);
        let limiter = Limiter::bind(env, config.on_counter_failure, || asked::data_centre(request));
        Ok(Self { config, records, cache, origin, addresses, limiter, context })
    }
}
