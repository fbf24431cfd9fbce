//! The cache of finished pictures: Cloudflare's Cache API under names of our own.
//!
//! The gate runs before every look-up. A name is a hash of what makes the picture's bytes, never a client's URL,
//! under a path that is refused from outside, so nothing but this Worker fills or reads it (CACHE-7, CACHE-8).

mod gathered;

use js_sys::futures::JsFuture;
use js_sys::{Promise, Reflect};
use sealpix::cache_key::ENGINE_VERSION;
use sealpix::denial::Code;
use sealpix::record::Caching;
use sealpix::usage::Event;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Request, RequestInit, WorkerGlobalScope};
use worker::{Context, Headers, Response, ResponseBody, ResponseBuilder};

use crate::asked::Asked;
use crate::events;
use crate::response::{Refusal, put};
use crate::trace::trouble;
use gathered::{Room, gather, whole};

/// Largest picture that is stored: above any sensible one.
const MAX_STORED_BYTES: u32 = 10 * 1024 * 1024;

/// When a picture was stored, in unix seconds: a header of stored copies only.
const STORED_HEADER: &str = "Sealpix-Stored";

/// A finished picture: the allow-listed headers of the origin's or the cache's answer, and its body, still to be
/// streamed.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) content_type: Option<String>,
    pub(crate) length: Option<u32>,
    pub(crate) etag: Option<String>,
    pub(crate) disposition: Option<String>,
    /// For how many seconds it stands in for a picture whose source is missing; `None` for the picture itself.
    pub(crate) fallback_secs: Option<u32>,
    /// Whole, of this engine, of a known length, and not forbidden to be kept.
    storable: bool,
    /// For how many seconds more the cache's copy is fresh; `None` for the origin's answer.
    pub(crate) fresh_secs: Option<u64>,
    /// First and last of the bytes that the body has, where it has not all of them.
    pub(crate) part: Option<(u32, u32)>,
    pub(crate) body: ResponseBody,
}

impl Picture {
    /// The picture in the origin's answer of 200, or the fallback in one of 404.
    pub(crate) fn of_origin(response: web_sys::Response) -> Self {
        let header = |name| response.headers().get(name).ok().flatten();
        let of_this_engine = header("Sealpix-Engine").is_some_and(|engine| engine == ENGINE_VERSION.to_string());
        let forbidden =
            header("Cache-Control").is_some_and(|control| control.to_ascii_lowercase().contains("no-store"));
        let storable = of_this_engine && !forbidden && header("Content-Encoding").is_none();
        let picture = Self::of(response);
        let length_fits = picture.length.is_some_and(|length| (1..=MAX_STORED_BYTES).contains(&length));
        Self { storable: storable && length_fits, ..picture }
    }

    /// What describes the picture. Each header that is read is a call of the platform's, so no more are read of a hit.
    fn of(response: web_sys::Response) -> Self {
        let header = |name| response.headers().get(name).ok().flatten();
        let length = header("Content-Length").and_then(|text| text.parse().ok());
        let (content_type, etag, disposition) = (header("Content-Type"), header("ETag"), header("Content-Disposition"));
        let (_, body) = Response::from(response).into_parts();
        let (fallback_secs, fresh_secs, part) = (None, None, None);
        Self { content_type, length, etag, disposition, fallback_secs, storable: false, fresh_secs, part, body }
    }

    /// `Content-Range` of a part (RFC 9110 section 14.4).
    fn content_range(&self) -> Option<String> {
        let ((first, last), length) = (self.part?, self.length?);
        Some(format!("bytes {first}-{last}/{length}"))
    }

    /// The length of the body.
    pub(crate) fn sent_bytes(&self) -> Option<u32> {
        self.part.map(|(first, last)| last - first + 1).or(self.length)
    }

    /// The headers that say what the picture is, for the client and for the cache alike.
    pub(crate) fn describe(&self, headers: &Headers) {
        let length = self.sent_bytes().map(|length| length.to_string());
        for (name, value) in [
            ("Content-Range", self.content_range().as_ref()),
            ("Content-Type", self.content_type.as_ref()),
            ("Content-Length", length.as_ref()),
            ("ETag", self.etag.as_ref()),
            ("Content-Disposition", self.disposition.as_ref()),
        ] {
            if let Some(value) = value {
                put(headers, name, value);
            }
        }
    }
}

/// The cache of this data centre.
pub(crate) struct Cache {
    /// The platform's, if it has one.
    inner: Option<web_sys::Cache>,
    base: String,
}

impl Cache {
    /// The cache, with names under `host`.
    pub(crate) fn under(host: &str) -> Self {
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let inner = global.caches().and_then(|caches| Reflect::get(&caches, &"default".into()));
        let inner = inner.ok().filter(JsValue::is_object).map(JsCast::unchecked_into);
        Self { inner, base: format!("https://{host}/_sealpix/c/") }
    }

    /// The picture of this name. A cache that fails has nothing, and what is older than the project's time by now is
    /// nothing either, whatever the time was when it was stored.
    pub(crate) async fn find(&self, name: &str, caching: Caching, now: u64) -> Option<Picture> {
        let url = format!("{}{name}", self.base);
        let found = answer(self.inner.as_ref()?.match_with_str(&url)).await.filter(|found| found.status() == 200)?;
        let stored: u64 = found.headers().get(STORED_HEADER).ok().flatten()?.parse().ok()?;
        let fresh_secs = stored.saturating_add(caching.ttl_secs.into()).saturating_sub(now);
        (fresh_secs > 0).then(|| Picture { fresh_secs: Some(fresh_secs), ..Picture::of(found) })
    }

    /// The same picture with no more than these of its bytes. The platform's cache cuts them out; one that does
    /// something else leaves the picture whole.
    pub(crate) async fn cut(&self, name: &str, mut picture: Picture, part: (u32, u32)) -> Picture {
        picture.part = Some(part);
        match self.part(&format!("{}{name}", self.base), &picture).await {
            Some(body) => Picture { body, ..picture },
            None => Picture { part: None, ..picture },
        }
    }

    /// The bytes of a picture's part, if the cache answers with just those.
    async fn part(&self, url: &str, picture: &Picture) -> Option<ResponseBody> {
        let ((first, last), init) = (picture.part?, RequestInit::new());
        let headers = Headers::new();
        put(&headers, "Range", &format!("bytes={first}-{last}"));
        init.set_headers(headers.as_ref());
        let request = Request::new_with_str_and_init(url, &init).ok()?;
        let found = answer(self.inner.as_ref()?.match_with_request(&request)).await?;
        let header = |name| found.headers().get(name).ok().flatten();
        let as_asked = found.status() == 206
            && header("Content-Range") == picture.content_range()
            && header("ETag") == picture.etag;
        as_asked.then(|| Response::from(found).into_parts().1)
    }

    /// Stores a picture, if it may be stored, and gives it back; whether it is stored. It is gathered first, as fast as
    /// the origin sends it: a stream for both would go at its client's pace, and end with the origin's deadline. Putting
    /// it into the cache goes on behind the answer's back. `body_wanted` says whether the client gets the bytes.
    pub(crate) async fn store(
        &self,
        name: &str,
        picture: Picture,
        body_wanted: bool,
        caching: Caching,
        (context, asked): (&Context, &Asked),
    ) -> Result<(Picture, bool), Refusal> {
        let length = picture.length.filter(|_| picture.storable && caching.ttl_secs > 0);
        let Some((length, cache)) = length.zip(self.inner.clone()) else { return Ok((picture, false)) };
        let Some(room) = Room::take(length) else { return Ok((picture, false)) };
        let headers = Headers::new();
        picture.describe(&headers);
        put(&headers, "Cache-Control", &format!("public, max-age={}", caching.ttl_secs));
        put(&headers, "Sealpix-Engine", &ENGINE_VERSION.to_string());
        put(&headers, STORED_HEADER, &asked.now().to_string());
        let request_id = asked.id.clone();
        let broke_off = |reason: &str| {
            trouble(&asked.id, &format!("a picture is not passed on: {reason}"));
            Refusal::from(Code::OriginUnreachable)
        };
        let bytes = gather(&ResponseBuilder::new().body(picture.body).into(), length).await.map_err(broke_off)?;
        let body = if body_wanted {
            Response::from(whole(&bytes, &Headers::new()).map_err(broke_off)?).into_parts().1
        } else {
            ResponseBody::Empty
        };
        let url = format!("{}{name}", self.base);
        context.wait_until(async move {
            let _room = room;
            let stored = async {
                let put = JsFuture::from(cache.put_with_str(&url, &whole(&bytes, &headers)?)).await;
                put.map(|_| ()).map_err(|_| "the cache does not take it")
            };
            if let Err(reason) = stored.await {
                events::note(Event::CacheFailure);
                trouble(&request_id, &format!("a picture is not stored: {reason}"));
            }
        });
        Ok((Picture { body, ..picture }, true))
    }
}

/// What the cache has.
async fn answer(asked: Promise) -> Option<web_sys::Response> {
    JsFuture::from(asked).await.ok()?.dyn_into().ok()
}
