//! The ids of users, sessions and API tokens: a prefix and 16 random bytes in base64url. No secrets.

use std::fmt;

use super::encoding::{decode, encode};
use crate::clock::{NoEntropy, random};

/// Not an id of the kind that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind is {0} and 22 base64url characters")]
pub struct NotAnId(&'static str);

macro_rules! id {
    ($(#[doc = $doc:literal])+ $id:ident, $prefix:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $id([u8; 16]);

        impl $id {
            /// A new id.
            pub fn generate() -> Result<Self, NoEntropy> {
                random().map(Self)
            }

            /// The id of 16 bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Reads the one spelling.
            pub fn parse(text: &str) -> Result<Self, NotAnId> {
                text.strip_prefix($prefix).and_then(decode).map(|bytes| Self(*bytes)).ok_or(NotAnId($prefix))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}{}", $prefix, encode(&self.0))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{self}")
            }
        }

        impl serde::Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id! {
    /// A user: `us_` and 22 base64url characters.
    UserId, "us_"
}
id! {
    /// A session's row: `se_` and 22 base64url characters.
    SessionId, "se_"
}
id! {
    /// An API token's row, not the token: `tk_` and 22 base64url characters.
    TokenId, "tk_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_as_printed_and_kinds_do_not_mix() {
        let user = UserId::generate().unwrap();
        let text = user.to_string();
        assert_eq!(text.len(), 25);
        assert_eq!(UserId::parse(&text), Ok(user));
        assert_eq!(serde_json::from_str::<UserId>(&serde_json::to_string(&user).unwrap()).unwrap(), user);
        assert!(SessionId::parse(&text).is_err() && TokenId::parse(&text).is_err());
        assert_ne!(user, UserId::generate().unwrap());
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert!(SessionId::parse("se_AAAAAAAAAAAAAAAAAAAAAA").is_ok());
        for wrong in [
            "",
            "se_",
            "se_AAAAAAAAAAAAAAAAAAAAAB",
            "se_AAAAAAAAAAAAAAAAAAAAA",
            "se_AAAAAAAAAAAAAAAAAAAAAAA",
            "se_AAAAAAAAAAAAAAAAAAAAAA==",
            "SE_AAAAAAAAAAAAAAAAAAAAAA",
            " se_AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(SessionId::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
