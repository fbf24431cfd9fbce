//! The refusals that routes share, for their descriptions: a route lists its own answer and the groups that it can give.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema as _};

use super::ProblemBody;

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $group:ident: $($status:literal $meaning:literal),+;)+) => {$(
        $(#[doc = $doc])+
        pub(super) struct $group;

        impl IntoResponses for $group {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status, $meaning)),+].map(|(status, meaning)| (status.to_owned(), refusal(status, meaning))).into()
            }
        }
    )+};
}

refusals! {
    /// Of every route.
    Always: "500" "The origin failed", "503" "The registry does not answer, or too much is asked at once";
    /// Of a route that not everybody may use.
    Guarded: "401" "No valid session or token", "403" "Not allowed, or a cookie without its X-CSRF-Token";
    /// Of a route that takes a body.
    WithBody: "400" "The body does not read", "413" "The body is too large", "415" "The body is not application/json";
    /// Of a route with query parameters.
    WithQuery: "400" "A parameter does not read";
    /// Of a route to one thing.
    OfOne: "404" "There is no such thing";
    /// Of a route whose change may not be, as things stand.
    Contested: "409" "The change may not be, as things stand";
    /// Of a route that can be guessed at.
    Throttled: "429" "Too many attempts";
    /// Of the guests' door.
    GuestsOut: "403" "Guests are not let in";
    /// Of a route that asks for a secret.
    Guessed: "401" "The secret is wrong";
}

fn refusal(status: &str, meaning: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name(ProblemBody::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let answer = ResponseBuilder::new().description(meaning).content("application/problem+json", content);
    let answer = if matches!(status, "429" | "503") {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
        answer.header("Retry-After", HeaderBuilder::new().schema(Some(seconds)).description(Some("In seconds")).build())
    } else {
        answer
    };
    RefOr::T(answer.build())
}
