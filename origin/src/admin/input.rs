//! What requests bring: JSON bodies, path and query parameters, each with a problem where it does not read.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Deserializer, Serialize};
use serde_json::Value as Json;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Problem;

/// How long a body may take to arrive, in seconds: one of at most 256 KiB, and a picture of at most a mebibyte.
const ARRIVAL_SECS: u64 = 10;
const PICTURE_ARRIVAL_SECS: u64 = 30;

/// The character NUL in a path or a query. No text that we keep has one, and PostgreSQL's cannot.
const NUL_IN_URL: &str = "%00";

/// A JSON body. The content type must say JSON, which a form of another site cannot.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let whole = arrived(request, state, ARRIVAL_SECS, "256 KiB").await?;
        let first = whole.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
        let request = Request::from_parts(parts, whole.into());
        match axum::Json::<T>::from_request(request, state).await {
            // serde also takes a list for a struct, by the order of its fields: no schema says so.
            Ok(_) if first != Some(b'{') => Err(Problem::invalid("the body is no JSON object")),
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::media_type()),
            // serde's messages repeat what stands in the wrong place: only where it stands is told.
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::invalid(unquoted(&error.body_text()))),
            Err(JsonRejection::JsonSyntaxError(_)) => Err(Problem::invalid("the body is no JSON")),
            Err(_) => Err(Problem::invalid("the body did not arrive")),
        }
    }
}

/// A body of bytes, up to the bound of the route, whatever its content type says.
pub(super) struct Upload(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        arrived(request, state, PICTURE_ARRIVAL_SECS, "1 MiB").await.map(Self)
    }
}

/// The whole body, if it arrives in time and is no larger than `most`, the bound of its route in words.
async fn arrived<S: Send + Sync>(request: Request, state: &S, secs: u64, most: &str) -> Result<Bytes, Problem> {
    let whole = timeout(Duration::from_secs(secs), Bytes::from_request(request, state)).await;
    let whole = whole.map_err(|_| Problem::invalid(format!("the body did not arrive within {secs} seconds")))?;
    whole.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(most),
        _ => Problem::invalid("the body did not arrive"),
    })
}

/// Reads a field that is a secret: wiped when the request is over.
pub(super) fn secret_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

/// A message without what it quotes.
fn unquoted(message: &str) -> String {
    let message = message.strip_prefix("Failed to deserialize the JSON body into the target type: ").unwrap_or(message);
    let mut out = String::new();
    for (place, part) in message.split('"').enumerate() {
        out.push_str(if place % 2 == 0 { part } else { "…" });
    }
    out
}

/// `held` with the fields that `changes` names (RFC 7396: a null takes a value away); lists are replaced whole.
pub(super) fn merged<T: Serialize + DeserializeOwned>(held: T, changes: Option<Json>) -> Result<T, Problem> {
    let Some(changes) = changes else { return Ok(held) };
    let mut whole = serde_json::to_value(held).map_err(|error| Problem::internal(&error))?;
    merge(&mut whole, changes);
    serde_json::from_value(whole).map_err(|error| Problem::invalid(unquoted(&error.to_string())))
}

fn merge(held: &mut Json, changes: Json) {
    match (held, changes) {
        (Json::Object(held), Json::Object(changes)) => {
            for (name, change) in changes {
                merge(held.entry(name).or_insert(Json::Null), change);
            }
        }
        (held, change) => *held = change,
    }
}

/// Path parameters, each parsed to its type: what does not parse is not there.
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains(NUL_IN_URL) {
            return Err(Problem::missing("such thing"));
        }
        let read: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        read.map(|Path(value)| Self(value)).map_err(|_| Problem::missing("such thing"))
    }
}

/// The query's parameters.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains(NUL_IN_URL)) {
            return Err(Problem::invalid("a parameter holds the character NUL"));
        }
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        read.map(|Query(value)| Self(value)).map_err(|error| Problem::invalid(unquoted(&error.body_text())))
    }
}
