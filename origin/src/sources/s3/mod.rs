//! The S3 source: a bucket, or a folder of one, at AWS or at any storage that speaks its protocol.
//!
//! The `object_store` library signs requests and reads listings; every request goes through [`guarded`], over the client
//! of the remote source. Credentials are the ones that the source was given, or none: requests are then unsigned, as a
//! public bucket wants them. Neither the environment nor a metadata service is ever asked for others. A request that
//! failed for a reason that may pass is tried again, and a body that broke off is continued if the storage says that the
//! object is the same, all of it within the one deadline.

pub mod credentials;
mod guarded;
mod list;
pub mod place;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::path::Path;
use object_store::{
    Attribute, BackoffConfig, GetOptions, GetResult, ObjectStore as _, RetryConfig, StaticCredentialProvider,
};

use super::condition::is_strong;
use super::file::check_name;
use super::http::HttpSource;
use super::listing::Listing;
use super::{FetchLimits, Fetched, Source, SourceError, Validator, version};
use credentials::S3Credentials;
use guarded::Guarded;
use place::S3Place;

/// The longest key of an object (Amazon S3 User Guide, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1_024;

/// Attempts after the first; more would only fill the deadline.
const RETRIES: usize = 2;

/// The first pause; the next one is about twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A bucket.
pub struct S3Source {
    store: AmazonS3,
    place: S3Place,
}

impl S3Source {
    /// The bucket at `place`, asked with `credentials` over the client of `http`.
    ///
    /// # Errors
    /// A place that the library does not take.
    pub fn new(
        place: S3Place,
        credentials: Option<S3Credentials>,
        http: Arc<HttpSource>,
    ) -> Result<Self, object_store::Error> {
        let guarded = Guarded { http, authority: place.authority() };
        let pause = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: 10 * FIRST_PAUSE, base: 2.0 };
        // The deadline of a fetch ends its retries; this only has to be longer.
        let retry = RetryConfig { backoff: pause, max_retries: RETRIES, retry_timeout: Duration::from_secs(60) };
        let builder = AmazonS3Builder::new()
            .with_bucket_name(place.bucket())
            .with_region(place.region())
            .with_endpoint(place.endpoint())
            .with_virtual_hosted_style_request(place.is_virtual())
            .with_skip_signature(credentials.is_none())
            // Given in any case, so that the library never looks for others.
            .with_credentials(Arc::new(StaticCredentialProvider::new(credential(credentials.as_ref()))))
            .with_retry(retry)
            .with_http_connector(guarded);
        Ok(Self { store: builder.build()?, place })
    }

    /// The object that a name below the root means.
    fn object(&self, name: &str) -> Result<Path, SourceError> {
        check_name(name)?;
        let key = self.place.key(name);
        if key.len() > MAX_KEY_BYTES {
            return Err(SourceError::Malformed);
        }
        Path::parse(&key).map_err(|_| SourceError::Malformed)
    }

    /// The object, unless it is still what `held` stands for.
    async fn read(
        &self,
        text: &str,
        held: Option<&Validator>,
        max_bytes: usize,
    ) -> Result<Option<Fetched>, SourceError> {
        let object = self.object(text)?;
        let etag =
            held.map(Validator::as_str).filter(|text| is_strong(text) && text.bytes().all(|b| b.is_ascii_graphic()));
        let options = GetOptions { if_none_match: etag.map(str::to_owned), ..GetOptions::default() };
        match self.store.get_opts(&object, options).await {
            Ok(found) => whole(found, max_bytes).await.map(Some),
            Err(object_store::Error::NotModified { .. }) if etag.is_some() => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }
}

#[async_trait]
impl Source for S3Source {
    /// Fetches the object whose key is `text` below the prefix.
    async fn fetch(&self, text: &str, limits: &FetchLimits) -> Result<Fetched, SourceError> {
        let whole = tokio::time::timeout(limits.deadline, self.read(text, None, limits.max_bytes));
        whole.await.map_err(|_| SourceError::Timeout)??.ok_or(SourceError::UpstreamStatus(304))
    }

    /// Asks by the object's ETag.
    async fn fetch_if_changed(
        &self,
        text: &str,
        held: &Validator,
        limits: &FetchLimits,
    ) -> Result<Option<Fetched>, SourceError> {
        let whole = self.read(text, Some(held), limits.max_bytes);
        tokio::time::timeout(limits.deadline, whole).await.map_err(|_| SourceError::Timeout)?
    }

    async fn list(
        &self,
        folder: &str,
        after: Option<String>,
        most: usize,
        deadline: Duration,
    ) -> Result<Listing, SourceError> {
        let listing = list::list(&self.store, &self.place, folder, after.as_deref(), most);
        tokio::time::timeout(deadline, listing).await.map_err(|_| SourceError::Timeout)?
    }
}

fn credential(given: Option<&S3Credentials>) -> AwsCredential {
    AwsCredential {
        key_id: given.map_or_else(String::new, |given| given.access_key_id().to_owned()),
        secret_key: given.map_or_else(String::new, |given| given.secret_access_key().to_owned()),
        token: given.and_then(S3Credentials::session_token).map(str::to_owned),
    }
}

/// The whole body, at most `max_bytes` long.
async fn whole(found: GetResult, max_bytes: usize) -> Result<Fetched, SourceError> {
    let too_large = SourceError::TooLarge { limit_bytes: max_bytes };
    let is_plain = |coding: &str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    if !found.attributes.get(&Attribute::ContentEncoding).is_none_or(|coding| is_plain(coding)) {
        return Err(SourceError::ContentEncoding);
    }
    let validator = found.meta.e_tag.clone().filter(|etag| is_strong(etag)).and_then(Validator::new);
    let declared = usize::try_from(found.meta.size).unwrap_or(usize::MAX);
    if declared > max_bytes {
        return Err(too_large);
    }
    let (mut bytes, mut content) = (Vec::new(), blake3::Hasher::new());
    let mut chunks = found.into_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(|error| told(&error))? {
        if chunk.len() > max_bytes - bytes.len() {
            return Err(too_large);
        }
        content.update(&chunk);
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() != declared {
        return Err(SourceError::Incomplete);
    }
    // No spare room: what it takes is what is counted.
    Ok(Fetched { bytes: Bytes::from(bytes.into_boxed_slice()), version: version(&content), validator })
}

/// The error of ours inside the library's. Its own are about answers that are no S3: a listing that does not read, an
/// object without a length.
fn told(error: &object_store::Error) -> SourceError {
    let mut inner = error.source();
    while let Some(error) = inner {
        if let Some(ours) = error.downcast_ref::<SourceError>() {
            return *ours;
        }
        inner = error.source();
    }
    SourceError::Unreachable
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::sources::address::tests::refused;
    use crate::sources::http::HttpSettings;
    use crate::sources::resolver::tests::Fixed;

    fn source(endpoint: &str, answer: Option<Vec<IpAddr>>) -> S3Source {
        let http = HttpSource::new(HttpSettings::default(), Arc::new(Fixed(answer))).unwrap();
        let place = S3Place::parse(&format!("s3://photos?endpoint=https://{endpoint}")).unwrap();
        S3Source::new(place, None, Arc::new(http)).unwrap()
    }

    #[tokio::test]
    async fn ssrf_2_3_and_10_no_refused_address_is_dialled_as_an_endpoint_or_as_its_answer() {
        let limits = FetchLimits::default();
        for address in refused() {
            let host = match address {
                IpAddr::V4(v4) => v4.to_string(),
                // As a URL spells it.
                IpAddr::V6(v6) => url::Host::<&str>::Ipv6(v6).to_string(),
            };
            let literal = source(&host, None).fetch("photo.jpg", &limits).await;
            assert_eq!(literal, Err(SourceError::AddressBlocked), "{address} as an endpoint");
        }
        let private: IpAddr = [10, 0, 0, 1].into();
        let public: IpAddr = [93, 184, 215, 14].into();
        for answer in [vec![private], vec![public, private]] {
            let answered = source("s3.example", Some(answer)).fetch("photo.jpg", &limits).await;
            assert_eq!(answered, Err(SourceError::AddressBlocked));
        }
    }
}
