//! The way of a storage's requests: [`HttpSource`]'s client, so https, checked addresses, no proxy and no redirect.
//!
//! The S3 library asks for nothing but pictures and listings of the one bucket; whatever else it could ask, metadata
//! services and token exchanges above all, is refused here before it is dialled. A status that is no success becomes an
//! error of ours without its body being read, so that nothing the storage says can reach a message.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, IF_NONE_MATCH, RANGE};
use url::Url;

use crate::sources::answer::cause;
use crate::sources::http::HttpSource;
use crate::sources::{RedirectRefusal, SourceError};

/// A listing of a thousand keys of the longest length is about two megabytes.
const MAX_LISTING_BYTES: usize = 4 * 1024 * 1024;

/// Requests to one host through the guard.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) http: Arc<HttpSource>,
    /// `host[:port]` of the bucket.
    pub(super) authority: String,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Guarded({})", self.authority)
    }
}

impl HttpConnector for Guarded {
    /// The options are the library's defaults: what counts is how our client was made.
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, _no_body) = request.into_parts();
        let spelled = parts.uri.to_string();
        let url = Url::parse(&spelled).map_err(|_| failed(SourceError::Malformed))?;
        let authority = &url[url::Position::BeforeHost..url::Position::BeforePath];
        let is_ours = parts.method == Method::GET && url.scheme() == "https" && authority == self.authority;
        // What was signed is what is asked; the library ends a host without a path in its own way.
        if !is_ours || (url.as_str() != spelled && url.path() != "/") {
            return Err(failed(SourceError::Malformed));
        }
        let mut headers = parts.headers;
        if let Some(signature) = headers.get_mut(AUTHORIZATION) {
            signature.set_sensitive(true);
        }
        let is_conditional = headers.contains_key(IF_NONE_MATCH);
        let asks_part = headers.contains_key(RANGE);
        let lists = url.query().is_some();
        let response = self.http.request(&url, headers).await.map_err(failed)?;
        match response.status().as_u16() {
            200 if !asks_part => {}
            206 if asks_part => {}
            304 if is_conditional => {}
            304 => return Err(failed(SourceError::UpstreamStatus(304))),
            200 | 206 => return Err(failed(SourceError::Incomplete)),
            401 | 403 => return Err(failed(SourceError::AccessDenied)),
            404 | 410 => return Err(failed(SourceError::NotFound)),
            300..=399 => return Err(failed(SourceError::RedirectNotAllowed(RedirectRefusal::TooMany))),
            status => return Err(failed(SourceError::UpstreamStatus(status))),
        }
        let (parts, body) = reqwest_parts(response);
        let body = body.map_err(|error| failed(cause(error, SourceError::Incomplete)));
        let body = if lists {
            let too_long = |_| failed(SourceError::TooLarge { limit_bytes: MAX_LISTING_BYTES });
            HttpResponseBody::new(Limited::new(body, MAX_LISTING_BYTES).map_err(too_long))
        } else {
            HttpResponseBody::new(body)
        };
        Ok(HttpResponse::from_parts(parts, body))
    }
}

fn reqwest_parts(response: reqwest::Response) -> (http::response::Parts, reqwest::Body) {
    http::Response::<reqwest::Body>::from(response).into_parts()
}

/// An error of ours as the library takes it, which tries some again: what may be better in a moment.
fn failed(error: SourceError) -> HttpError {
    let kind = match error {
        SourceError::Unreachable | SourceError::Incomplete | SourceError::Timeout => HttpErrorKind::Interrupted,
        SourceError::UpstreamStatus(408 | 429 | 500..) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use object_store::client::HttpRequestBody;

    use super::*;
    use crate::sources::http::HttpSettings;
    use crate::sources::resolver::tests::Fixed;

    #[tokio::test]
    async fn ssrf_10_nothing_but_pictures_and_listings_of_the_one_host_is_asked_for() {
        let source = HttpSource::new(HttpSettings::default(), Arc::new(Fixed(None))).unwrap();
        let guarded = Guarded { http: Arc::new(source), authority: "photos.s3.example:9000".to_owned() };
        for (method, url, error) in [
            ("GET", "https://photos.s3.example:9000/a%20b?list-type=2", SourceError::Unreachable),
            ("GET", "https://photos.s3.example:9000?list-type=2", SourceError::Unreachable),
            ("GET", "https://photos.s3.example/a", SourceError::Malformed),
            ("GET", "https://other.example:9000/a", SourceError::Malformed),
            ("GET", "http://photos.s3.example:9000/a", SourceError::Malformed),
            ("GET", "https://photos.s3.example:9000/b/../a", SourceError::Malformed),
            ("PUT", "https://photos.s3.example:9000/a", SourceError::Malformed),
            ("PUT", "http://169.254.169.254/latest/api/token", SourceError::Malformed),
            ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials", SourceError::Malformed),
            ("GET", "http://169.254.170.2/v2/credentials", SourceError::Malformed),
            ("POST", "https://sts.eu-west-1.amazonaws.com/", SourceError::Malformed),
        ] {
            let request = http::Request::builder().method(method).uri(url).body(HttpRequestBody::empty()).unwrap();
            let refused = guarded.call(request).await.unwrap_err();
            let ours = refused.source().and_then(|error| error.downcast_ref::<SourceError>());
            assert_eq!(ours, Some(&error), "{method} {url}");
        }
    }
}
