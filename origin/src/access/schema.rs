//! The access room's types in the API's description: what each accepts, as a JSON schema.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::email::{EMAIL_PATTERN, Email, MAX_EMAIL_CHARS};
use super::label::{LABEL_PATTERN, Label, MAX_LABEL_CHARS};
use super::password::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Password};
use super::permission::{Permission, Scope};

/// Types that are a JSON string, each with its name and its rule.
macro_rules! strings {
    ($($type:ty, $name:literal: $rule:expr;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let rule: fn(ObjectBuilder) -> ObjectBuilder = $rule;
                rule(ObjectBuilder::new().schema_type(Type::String)).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
        }
    )+};
}

strings! {
    Email, "Email": |string| {
        string
            .description(Some("An email address; capitals become small."))
            .max_length(Some(MAX_EMAIL_CHARS))
            .pattern(Some(EMAIL_PATTERN))
            .examples([serde_json::json!("ada@example.com")])
    };
    Label, "Label": |string| {
        string
            .description(Some("What people call it: one line."))
            .min_length(Some(1))
            .max_length(Some(MAX_LABEL_CHARS))
            .pattern(Some(LABEL_PATTERN))
    };
    Password, "Password": |string| {
        string
            .description(Some("A password, as it was typed."))
            .min_length(Some(MIN_PASSWORD_CHARS))
            .max_length(Some(MAX_PASSWORD_CHARS))
            .pattern(Some("^[^\\u0000]*$"))
            .write_only(true)
    };
    Scope, "Scope": |string| {
        string
            .description(Some("What an API token may do."))
            .enum_values(Some(Scope::all().map(Scope::as_str).collect::<Vec<_>>()))
    };
    Permission, "Permission": |string| {
        string
            .description(Some("What a route needs."))
            .enum_values(Some(Permission::ALL.iter().map(|permission| permission.as_str()).collect::<Vec<_>>()))
    };
}
