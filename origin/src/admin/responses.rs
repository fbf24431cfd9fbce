//! The refusals that routes share, for their descriptions: each a problem under its status.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr};

macro_rules! refusals {
    ($($(#[doc = $doc:literal])+ $name:ident = [$($status:literal $meaning:literal),+];)+) => {$(
        $(#[doc = $doc])+
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status, $meaning)),+].into_iter().map(|(status, meaning)| described(status, meaning)).collect()
            }
        }
    )+};
}

fn described(status: &str, meaning: &str) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
    let response = ResponseBuilder::new().description(meaning).content("application/problem+json", content);
    let response = if matches!(status, "429" | "503") {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("when to try again, in seconds"));
        response.header("Retry-After", header.build())
    } else {
        response
    };
    (status.to_owned(), RefOr::T(response.build()))
}

refusals! {
    /// Of every route; those that ask who calls have more.
    Always = ["500" "the origin failed", "503" "the registry does not answer, or too much is asked at once"];
    /// Of every route that asks who calls.
    Guarded = [
        "401" "nobody is signed in, or the token is none",
        "403" "the caller may not",
        "500" "the origin failed",
        "503" "the registry does not answer"
    ];
    /// Of a route with parameters in its query or headers.
    Asking = ["400" "a parameter does not read"];
    /// Of a route with a body.
    Bodied = [
        "400" "the body or a parameter does not read",
        "413" "the body is larger than 256 KiB",
        "415" "the body is no application/json"
    ];
    /// Of a route whose body is a picture.
    Uploaded = ["400" "the body does not arrive", "413" "the body is larger than 1 MiB"];
    /// Of a route that names a thing.
    Named = ["404" "there is no such thing"];
    /// Of a route whose change may not be, as things stand.
    Conflicting = ["409" "it exists already, or the change may not be as things stand"];
    /// Of a route whose content is looked into.
    Judged = ["422" "the body reads, and what it asks for cannot be"];
    /// Of a route that asks for a secret.
    Guessed = ["401" "the secret is wrong"];
    /// Of a route that can be asked too often.
    Throttled = ["429" "too many attempts"];
    /// Of the guests' door.
    GuestsOut = ["403" "guests are not let in"];
}
