//! What a storage is asked with: an access key, its secret, and the token of a session. Wiped on drop, never printed.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// Keys have 20 characters at AWS, secrets 40, session tokens about a thousand.
const MAX_KEY_BYTES: usize = 256;
const MAX_TOKEN_BYTES: usize = 8_192;

/// Credentials of an S3-compatible storage.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    access_key_id: Zeroizing<String>,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

/// Credentials that are none. The message holds nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "credentials take access_key_id, secret_access_key and, of a session, session_token, each of visible ASCII \
     characters, or null for none"
)]
pub struct CredentialsError;

/// The fields as they are written and kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<T> {
    access_key_id: T,
    secret_access_key: T,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    session_token: Option<T>,
}

impl S3Credentials {
    fn checked(fields: Fields<String>) -> Result<Self, CredentialsError> {
        let credentials = Self {
            access_key_id: fields.access_key_id.into(),
            secret_access_key: fields.secret_access_key.into(),
            session_token: fields.session_token.map(Zeroizing::new),
        };
        // They go into header fields.
        let fits =
            |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let keys = [&credentials.access_key_id, &credentials.secret_access_key];
        let all_fit = keys.into_iter().all(|text| fits(text, MAX_KEY_BYTES))
            && credentials.session_token.as_ref().is_none_or(|token| fits(token, MAX_TOKEN_BYTES));
        if all_fit { Ok(credentials) } else { Err(CredentialsError) }
    }

    /// As [`Self::to_json`] writes them.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_json(json: &[u8]) -> Result<Self, CredentialsError> {
        serde_json::from_slice(json).map_err(|_| CredentialsError).and_then(Self::checked)
    }

    /// For the vault to seal.
    ///
    /// # Errors
    /// None that is known.
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
        let fields = Fields {
            access_key_id: self.access_key_id(),
            secret_access_key: self.secret_access_key(),
            session_token: self.session_token(),
        };
        serde_json::to_vec(&fields).map(Zeroizing::new).map_err(|_| CredentialsError)
    }

    pub(super) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn secret_access_key(&self) -> &str {
        &self.secret_access_key
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }
}

impl<'de> Deserialize<'de> for S3Credentials {
    /// A parser's own message would repeat what stands in the wrong place (SIG-13).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer).map_err(|_| CredentialsError);
        fields.and_then(Self::checked).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("S3Credentials(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    #[test]
    fn credentials_are_kept_whole_and_printed_never() {
        for token in ["", r#","session_token":"FwoGZXIvYXdz=="}"#] {
            let json = format!(
                r#"{{"access_key_id":"AKIDEXAMPLE","secret_access_key":"{SECRET}"{}"#,
                if token.is_empty() { "}" } else { token }
            );
            let credentials: S3Credentials = serde_json::from_str(&json).unwrap();
            assert_eq!(credentials.to_json().unwrap().as_slice(), json.as_bytes());
            assert_eq!(S3Credentials::from_json(json.as_bytes()).unwrap(), credentials);
            assert_eq!(format!("{credentials:?}"), "S3Credentials(redacted)");
        }
    }

    #[test]
    fn sig13_a_refusal_repeats_nothing() {
        for json in [
            format!(r#""{SECRET}""#),
            format!(r#"{{"access_key_id":"{SECRET}"}}"#),
            format!(r#"{{"access_key_id":["{SECRET}"],"secret_access_key":"a"}}"#),
            format!(r#"{{"access_key_id":"a","secret_access_key":"{SECRET}\n"}}"#),
            format!(r#"{{"access_key_id":"a","secret_access_key":"{SECRET}","session_token":""}}"#),
            format!(r#"{{"access_key_id":"","secret_access_key":"{SECRET}"}}"#),
            format!(r#"{{"access_key_id":"a","secret_access_key":"a","{SECRET}":"a"}}"#),
            format!(r#"{{"access_key_id":"a","secret_access_key":"{}"}}"#, SECRET.repeat(10)),
        ] {
            let error = serde_json::from_str::<S3Credentials>(&json).unwrap_err().to_string();
            assert!(error.contains("credentials take") && !error.contains(SECRET), "{error}");
            assert_eq!(S3Credentials::from_json(json.as_bytes()), Err(CredentialsError));
        }
    }
}
