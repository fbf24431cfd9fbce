//! The cache of finished pictures: Cloudflare's Cache API under names of our own.
//!
//! The gate runs before every look-up. A name is a hash of what makes the picture's bytes, never a client's URL,
//! under a path that is refused from outside, so nothing but this Worker fills or reads it (CACHE-7, CACHE-8).

use js_sys::ArrayBuffer;
use js_sys::futures::JsFuture;
use sealpix::cache_key::ENGINE_VERSION;
use sealpix::record::Caching;
use sealpix::usage::Event;
use wasm_bindgen::JsCast as _;
use web_sys::ResponseInit;
use worker::{Context, Headers, Response, ResponseBody, ResponseBuilder};

use crate::events;
use crate::response::put;
use crate::trace::trouble;

/// Largest picture that is stored: above any sensible one, and some of them at once still fit the isolate's 128 MB, in
/// which each is gathered before it is stored.
const MAX_STORED_BYTES: u32 = 10 * 1024 * 1024;

/// A finished picture: the allow-listed headers of the origin's or the cache's answer, and its body, still to be
/// streamed.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) content_type: Option<String>,
    pub(crate) length: Option<u32>,
    pub(crate) etag: Option<String>,
    pub(crate) disposition: Option<String>,
    /// Whole, of this engine, of a known length, and not forbidden to be kept.
    storable: bool,
    pub(crate) body: ResponseBody,
}

impl From<Response> for Picture {
    fn from(response: Response) -> Self {
        let header = |name| response.headers().get(name).ok().flatten();
        let length = header("Content-Length").and_then(|text| text.parse().ok());
        let of_this_engine = header("Sealpix-Engine").is_some_and(|engine| engine == ENGINE_VERSION.to_string());
        let forbidden =
            header("Cache-Control").is_some_and(|control| control.to_ascii_lowercase().contains("no-store"));
        let storable = response.status_code() == 200
            && of_this_engine
            && !forbidden
            && header("Content-Encoding").is_none()
            && length.is_some_and(|length| (1..=MAX_STORED_BYTES).contains(&length));
        let (content_type, etag, disposition) = (header("Content-Type"), header("ETag"), header("Content-Disposition"));
        let (_, body) = response.into_parts();
        Self { content_type, length, etag, disposition, storable, body }
    }
}

impl Picture {
    /// The headers that say what the picture is, for the client and for the cache alike.
    pub(crate) fn describe(&self, headers: &Headers) {
        let length = self.length.map(|length| length.to_string());
        for (name, value) in [
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
    inner: worker::Cache,
    base: String,
}

impl Cache {
    /// The cache, with names under `host`.
    pub(crate) fn under(host: &str) -> Self {
        Self { inner: worker::Cache::default(), base: format!("https://{host}/_sealpix/c/") }
    }

    /// The picture of this name. A cache that fails has nothing.
    pub(crate) async fn find(&self, name: &str) -> Option<Picture> {
        let found = self.inner.get(format!("{}{name}", self.base), false).await.ok().flatten()?;
        (found.status_code() == 200).then(|| found.into())
    }

    /// Stores a picture behind the answer's back, if it may be stored. The client's stream does not wait for it:
    /// `body_wanted` says whether there is one at all.
    pub(crate) fn store(
        &self,
        name: &str,
        picture: Picture,
        body_wanted: bool,
        caching: Caching,
        (context, request_id): (&Context, &str),
    ) -> (Picture, bool) {
        let Some(length) = picture.length.filter(|_| picture.storable && caching.ttl_secs > 0) else {
            return (picture, false);
        };
        let headers = Headers::new();
        picture.describe(&headers);
        put(&headers, "Cache-Control", &format!("public, max-age={}", caching.ttl_secs));
        put(&headers, "Sealpix-Engine", &ENGINE_VERSION.to_string());
        let mut copy = ResponseBuilder::new().body(picture.body);
        let body = if body_wanted {
            let Ok(kept) = copy.cloned() else { return (Picture { body: copy.into_parts().1, ..picture }, false) };
            std::mem::replace(&mut copy, kept).into_parts().1
        } else {
            ResponseBody::Empty
        };
        let cache = worker::Cache::default();
        let url = format!("{}{name}", self.base);
        let request_id = request_id.to_owned();
        context.wait_until(async move {
            let stored = async {
                let whole = gather(&copy.into(), length, &headers).await?;
                cache.put(url, whole).await.map_err(|error| error.to_string())
            };
            if let Err(reason) = stored.await {
                events::note(Event::CacheFailure);
                trouble(&request_id, &format!("a picture is not stored: {reason}"));
            }
        });
        (Picture { body, ..picture }, true)
    }
}

/// The whole picture in memory. A cache that is given a stream keeps what came before it broke off, under a length of
/// its own making (CACHE-14).
async fn gather(copy: &web_sys::Response, length: u32, headers: &Headers) -> Result<Response, String> {
    let bytes = async { JsFuture::from(copy.array_buffer()?).await }.await.map_err(|_| "it broke off")?;
    let bytes: ArrayBuffer = bytes.unchecked_into();
    if bytes.byte_length() != length {
        return Err("it is not as long as its Content-Length".to_owned());
    }
    let init = ResponseInit::new();
    init.set_headers(headers.as_ref());
    let whole = web_sys::Response::new_with_opt_buffer_source_and_init(Some(&bytes), &init);
    whole.map(Response::from).map_err(|_| "no answer can be made of it".to_owned())
}
