//! The plain values of the operations' grammar: whole numbers, decimals, percentages, names, flags.

use std::fmt;

/// A value of one item. `read` takes any spelling a person would write; `Display` prints the one canonical
/// spelling, and the strict parser compares the two.
pub trait Value: Sized + fmt::Display {
    /// The value that `text` means, or `None` where it means none within the bounds.
    fn read(text: &str) -> Option<Self>;
}

/// ASCII digits only, with an optional `+`; no `_`, no spaces, no other scripts' digits (NUM-1).
pub(super) fn whole(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// A decimal as thousandths: `1.5` is 1500. More digits than three are refused, not rounded.
pub(super) fn thousandths(text: &str) -> Option<u32> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, ""));
    if units.is_empty() && fraction.is_empty() {
        return None;
    }
    let units = if units.is_empty() { 0 } else { whole(units)? };
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u32 = format!("{fraction:0<3}").parse().ok()?;
    units.checked_mul(1000)?.checked_add(part)
}

/// Prints thousandths in the canonical spelling: no trailing zero, no point without digits.
pub(super) fn write_thousandths(out: &mut fmt::Formatter<'_>, value: u32) -> fmt::Result {
    let (units, part) = (value / 1000, value % 1000);
    match part {
        0 => write!(out, "{units}"),
        _ if part % 100 == 0 => write!(out, "{units}.{}", part / 100),
        _ if part % 10 == 0 => write!(out, "{units}.{:02}", part / 10),
        _ => write!(out, "{units}.{part:03}"),
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Int<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Int<MIN, MAX> {
    /// The number, if it is within the bounds.
    #[must_use]
    pub fn new(value: u32) -> Option<Self> {
        (MIN..=MAX).contains(&value).then_some(Self(value))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> Value for Int<MIN, MAX> {
    fn read(text: &str) -> Option<Self> {
        Self::new(whole(text)?)
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Int<MIN, MAX> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// A decimal from `MIN` to `MAX` thousandths, exact to a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decimal<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Decimal<MIN, MAX> {
    /// The decimal of so many thousandths, if it is within the bounds.
    #[must_use]
    pub fn new(thousandths: u32) -> Option<Self> {
        (MIN..=MAX).contains(&thousandths).then_some(Self(thousandths))
    }

    /// The value in thousandths.
    #[must_use]
    pub fn thousandths(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> Value for Decimal<MIN, MAX> {
    fn read(text: &str) -> Option<Self> {
        Self::new(thousandths(text)?)
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Display for Decimal<MIN, MAX> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_thousandths(out, self.0)
    }
}

/// A signed percentage from -100 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Percent(i8);

impl Percent {
    /// The percentage.
    #[must_use]
    pub fn get(self) -> i8 {
        self.0
    }
}

impl Value for Percent {
    fn read(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        if negative && digits.starts_with('+') {
            return None;
        }
        let size = i8::try_from(whole(digits)?).ok().filter(|size| *size <= 100)?;
        Some(Self(if negative { -size } else { size }))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// A switch, written `1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flag;

impl Value for Flag {
    fn read(text: &str) -> Option<Self> {
        matches!(text, "1" | "true").then_some(Self)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("1")
    }
}

/// The name of a preset, a watermark or a source: 1 to 32 of `a-z 0-9 -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Most characters of a name.
    pub const MAX_LENGTH: usize = 32;

    /// The name, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (fits && plain).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Name {
    fn read(text: &str) -> Option<Self> {
        Self::new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("a name is 1 to 32 of a-z 0-9 -"))
    }
}
