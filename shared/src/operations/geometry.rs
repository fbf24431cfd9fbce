//! Values that shape the picture: box, fit, gravity, crop, border, turn.

use std::fmt;

use super::value::{Int, Value, thousandths, whole, write_thousandths};

/// A fraction of the picture, 0 to 1, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fraction(u32);

impl Fraction {
    pub(super) fn read(text: &str) -> Option<Self> {
        thousandths(text).filter(|value| *value <= 1000).map(Self)
    }

    /// The fraction in thousandths, 0 to 1000.
    #[must_use]
    pub fn thousandths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_thousandths(out, self.0)
    }
}

/// The width of the result, or the widths a responsive URL may ask for with `&w=`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Width {
    /// One width.
    One(Int<1, 8192>),
    /// 2 to 16 widths, ascending; the target's `&w=` names one of them.
    List(Vec<Int<1, 8192>>),
}

impl Width {
    /// Most widths of a list.
    pub const MAX_LIST: usize = 16;

    /// The largest width that may be asked for.
    #[must_use]
    pub fn largest(&self) -> u32 {
        match self {
            Self::One(width) => width.get(),
            Self::List(widths) => widths.iter().map(|width| width.get()).max().unwrap_or(0),
        }
    }

    /// Whether `width` is one of a list.
    #[must_use]
    pub fn lists(&self, width: u32) -> bool {
        matches!(self, Self::List(widths) if widths.iter().any(|listed| listed.get() == width))
    }
}

impl Value for Width {
    fn read(text: &str) -> Option<Self> {
        if !text.contains('|') {
            return Int::read(text).map(Self::One);
        }
        let mut widths: Vec<Int<1, 8192>> = Vec::new();
        for width in text.split('|') {
            let width = Int::read(width)?;
            // Each where it belongs: a person may list them in any order, but none twice.
            let after = widths.iter().filter(|listed| **listed < width).count();
            if widths.get(after) == Some(&width) || widths.len() == Self::MAX_LIST {
                return None;
            }
            widths.insert(after, width);
        }
        (widths.len() >= 2).then_some(Self::List(widths))
    }
}

impl fmt::Display for Width {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(width) => write!(out, "{width}"),
            Self::List(widths) => {
                let mut separator = "";
                for width in widths {
                    write!(out, "{separator}{width}")?;
                    separator = "|";
                }
                Ok(())
            }
        }
    }
}

/// Values that are one word each: the word is the canonical spelling.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $( $(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $other:literal)*, )* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $( $(#[$variant_doc])* $variant, )* }

        impl $crate::operations::Value for $type {
            fn read(text: &str) -> Option<Self> {
                match text {
                    $( $word $(| $other)* => Some(Self::$variant), )*
                    _ => None,
                }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, out: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                out.write_str(match self { $( Self::$variant => $word, )* })
            }
        }
    };
}
pub(super) use words;

words! {
    /// How the picture meets the box of `w` and `h`.
    Fit {
        /// Inside the box, aspect kept.
        Contain = "contain",
        /// Fills the box, cut by the gravity.
        Cover = "cover",
        /// Stretched to the box.
        Fill = "fill",
        /// Covers the box, not cut.
        Outside = "outside",
        /// Inside the box, then filled up to it with the background.
        Pad = "pad",
    }
}

words! {
    /// A clockwise turn.
    Rotation {
        /// A quarter.
        Quarter = "90",
        /// A half.
        Half = "180",
        /// Three quarters.
        ThreeQuarters = "270",
    }
}

words! {
    /// A mirror.
    Flip {
        /// Left and right change places.
        Horizontal = "h",
        /// Top and bottom change places.
        Vertical = "v",
        /// Both.
        Both = "hv" | "vh",
    }
}

/// What a cut keeps, or where a smaller picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gravity {
    /// A side, a corner or the centre: 0, 500 or 1000 thousandths on each axis.
    Compass {
        /// The canonical word.
        word: &'static str,
        /// Across, in thousandths.
        x: u32,
        /// Down, in thousandths.
        y: u32,
    },
    /// The busiest part of the picture.
    Smart,
    /// A point of the picture.
    Point(Fraction, Fraction),
}

const COMPASS: [(&str, u32, u32); 9] = [
    ("center", 500, 500),
    ("n", 500, 0),
    ("ne", 1000, 0),
    ("e", 1000, 500),
    ("se", 1000, 1000),
    ("s", 500, 1000),
    ("sw", 0, 1000),
    ("w", 0, 500),
    ("nw", 0, 0),
];

impl Value for Gravity {
    fn read(text: &str) -> Option<Self> {
        if let Some(point) = text.strip_prefix("fp:") {
            let (x, y) = point.split_once(':')?;
            return Some(Self::Point(Fraction::read(x)?, Fraction::read(y)?));
        }
        if text == "smart" {
            return Some(Self::Smart);
        }
        let text = if text == "centre" { "center" } else { text };
        COMPASS.iter().find(|(word, ..)| *word == text).map(|&(word, x, y)| Self::Compass { word, x, y })
    }
}

impl fmt::Display for Gravity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compass { word, .. } => out.write_str(word),
            Self::Smart => out.write_str("smart"),
            Self::Point(x, y) => write!(out, "fp:{x}:{y}"),
        }
    }
}

/// A cut of the oriented picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Crop {
    /// In pixels: left, top, width, height.
    Pixels(u32, u32, u32, u32),
    /// In fractions of the picture: left, top, width, height.
    Fractions(Fraction, Fraction, Fraction, Fraction),
}

impl Crop {
    /// The furthest pixel a crop may name: past every picture the engine opens.
    const MAX_PIXELS: u32 = 65_535;
}

impl Value for Crop {
    fn read(text: &str) -> Option<Self> {
        if let Some(fractions) = text.strip_prefix("f:") {
            let [x, y, w, h] = four(fractions, Fraction::read)?;
            // The part must meet the picture: it begins inside, and has a size.
            let meets = w.0 > 0 && h.0 > 0 && x.0 < 1000 && y.0 < 1000;
            return meets.then_some(Self::Fractions(x, y, w, h));
        }
        let [x, y, w, h] = four(text, |part| whole(part).filter(|value| *value <= Self::MAX_PIXELS))?;
        (w > 0 && h > 0).then_some(Self::Pixels(x, y, w, h))
    }
}

impl fmt::Display for Crop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels(x, y, w, h) => write!(out, "{x}:{y}:{w}:{h}"),
            Self::Fractions(x, y, w, h) => write!(out, "f:{x}:{y}:{w}:{h}"),
        }
    }
}

/// A border in pixels: top, right, bottom, left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Top.
    pub top: u32,
    /// Right.
    pub right: u32,
    /// Bottom.
    pub bottom: u32,
    /// Left.
    pub left: u32,
}

impl Pad {
    /// The widest border.
    pub const MAX_PIXELS: u32 = 2_000;
}

impl Value for Pad {
    fn read(text: &str) -> Option<Self> {
        let side = |part: &str| whole(part).filter(|value| *value <= Self::MAX_PIXELS);
        if !text.contains(':') {
            let all = side(text)?;
            return Some(Self { top: all, right: all, bottom: all, left: all });
        }
        let [top, right, bottom, left] = four(text, side)?;
        Some(Self { top, right, bottom, left })
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { top, right, bottom, left } = self;
        if top == right && right == bottom && bottom == left {
            write!(out, "{top}")
        } else {
            write!(out, "{top}:{right}:{bottom}:{left}")
        }
    }
}

/// Exactly four parts between colons.
fn four<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<[T; 4]> {
    text.split(':').map(read).collect::<Option<Vec<_>>>()?.try_into().ok()
}
