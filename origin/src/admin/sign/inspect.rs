//! `POST /inspect`.

use axum::Json;
use axum::extract::State;
use sealpix::gate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::permission::Permission;
use crate::admin::caller::Caller;
use crate::admin::input::Body;
use crate::admin::responses::{Bodied, Guarded};
use crate::admin::{Answer, Shared};
use crate::inspection::{Parts, judge, target_of};

/// What is to be looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ToInspect)]
pub(super) struct Wanted {
    /// A signed URL, or its path and query.
    #[schema(max_length = 10_000)]
    target: String,
    /// The Referer that it would come with.
    #[serde(default)]
    #[schema(max_length = 2_000)]
    referer: Option<String>,
}

/// What a URL says, and what the gate answers to it now. Rate limits are not counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Inspected)]
pub(super) struct Inspected {
    /// `ok`, or the code of the first check that fails.
    #[schema(example = "signature_invalid")]
    verdict: String,
    /// What to fix.
    detail: String,
    /// Its parts, where it reads.
    parts: Option<Parts>,
}

/// Explains a signed URL. It always answers 200: that the URL would be refused is the answer.
#[utoipa::path(
    post, path = "/inspect", tag = "sign", request_body = Wanted, security(("bearer" = ["keys:read"]), ("cookie" = [])),
    responses((status = 200, description = "its parts and the verdict", body = Inspected), Bodied, Guarded),
)]
pub(super) async fn inspect(
    State(admin): State<Shared>,
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Answer<Json<Inspected>> {
    caller.require(Permission::KeysRead)?;
    let (parts, verdict) = match gate::read("GET", target_of(&wanted.target)) {
        Ok(target) => (Some(Parts::of(&target)), judge(&admin.origin, &target, wanted.referer.as_deref()).await?),
        Err(denial) => (None, Err(denial)),
    };
    let (verdict, detail) = match verdict {
        Ok(()) => ("ok".to_owned(), "admitted; rate limits are not counted here".to_owned()),
        Err(denial) => (denial.code.as_str().to_owned(), denial.detail),
    };
    Ok(Json(Inspected { verdict, detail, parts }))
}
