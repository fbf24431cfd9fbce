//! Values as both databases hold them, and rows of them.

use serde::de::DeserializeOwned;

use crate::registry::RegistryError;

/// A value of a column, or for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// None.
    Null,
    /// A number; a boolean as 0 or 1.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The values for a statement's placeholders, in their order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::registry::database::Value::from($value)),*] };
}
pub(crate) use values;

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for Value {
    /// The databases' integers are signed; ours fit.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column's value is read as.
pub trait FromValue: Sized {
    /// The value, if it is of this type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Integer(number) = value { Some(*number) } else { None }
    }
}

impl FromValue for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| Self::try_from(number).unwrap_or(0))
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).and_then(|number| Self::try_from(number).ok())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { Some(bytes.clone()) } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// A row: its columns' values in the order of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The column at `place`.
    pub fn get<T: FromValue>(&self, place: usize) -> Result<T, RegistryError> {
        let value = self.0.get(place).and_then(T::from_value);
        value.ok_or_else(|| RegistryError::Unreadable(format!("column {} of a row", place + 1)))
    }

    /// The text at `place` as its type; `what` names it in the error.
    pub fn parsed<T>(
        &self,
        place: usize,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, RegistryError> {
        let text: String = self.get(place)?;
        parse(&text).ok_or_else(|| RegistryError::Unreadable(what.to_owned()))
    }

    /// The JSON at `place`; `what` names it in the error.
    pub fn json<T: DeserializeOwned>(&self, place: usize, what: &str) -> Result<T, RegistryError> {
        self.parsed(place, what, |text| serde_json::from_str(text).ok())
    }

    /// The columns from `place` on, as a row.
    #[must_use]
    pub fn after(&self, place: usize) -> Self {
        Self(self.0.iter().skip(place).cloned().collect())
    }
}
