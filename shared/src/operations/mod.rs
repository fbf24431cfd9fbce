//! The operations of a signed URL: `w_800,f_webp`, or `_` for none.
//!
//! One table below is the whole grammar: names, order, value types, defaults, bounds. Each item has one
//! spelling and one place, so two different texts are never the same operations. The gate reads with
//! [`Operations::parse`], which takes nothing but that spelling; signers read with [`Operations::read`],
//! which takes any order and what a person would write, and print the canonical text with `Display`.

mod geometry;
mod style;
mod value;

use std::fmt::{self, Write as _};

pub use geometry::{Crop, Fit, Flip, Fraction, Gravity, Pad, Rotation, Width};
pub use style::{Background, Colour, Download, Metadata, OutputFormat, Quality, Watermark, WatermarkPlace};
pub use value::{Decimal, Flag, Int, Name, Percent, Value};

/// Why a text is not a list of operations. Messages name the item, and echo only what cannot be markup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// Neither `_` nor a list of items.
    #[error("the operations are empty: write _ for none")]
    Empty,
    /// An item that has no `_` between name and value, or a name that the table does not have.
    #[error("operation {0} is not known")]
    Unknown(String),
    /// A value outside the item's grammar or bounds.
    #[error("operation {name} takes {takes}")]
    Value {
        /// The item's name.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// A value that is right but not in its one spelling.
    #[error("operation {name} is not in its canonical spelling: write {name}_{canonical}")]
    Spelling {
        /// The item's name.
        name: &'static str,
        /// The value as it must be written.
        canonical: String,
    },
    /// A value equal to the default.
    #[error("operation {0} is its default: leave it out")]
    Default(&'static str),
    /// An item before one that the table lists earlier.
    #[error("operation {0} is out of order")]
    Order(&'static str),
    /// An item that stands twice.
    #[error("operation {0} stands twice")]
    Twice(&'static str),
}

/// A line of the table: for documentation, and for policies that list operations by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The name before the `_`.
    pub name: &'static str,
    /// What the value may be.
    pub takes: &'static str,
    /// The value that is never written, because it is what absence means.
    pub default: Option<&'static str>,
}

/// How strictly a text is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Canonical,
    Free,
}

macro_rules! table {
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    ($( $(#[$doc:meta])* $name:literal $field:ident: $type:ty $(= $default:literal)?, $takes:literal; )*) => {
        /// The operations of one URL or preset. Every field is one item of the grammar; absent is `None`.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
        pub struct Operations { $( $(#[$doc])* pub $field: Option<$type>, )* }

        /// The table, in canonical order.
        pub const ITEMS: &[Item] = &[
            $( Item { name: $name, takes: $takes, default: table!(@default $($default)?) }, )*
        ];

        /// Where an item stands in the table.
        #[expect(non_camel_case_types, reason = "the variants are the fields, named by the macro")]
        #[derive(Clone, Copy)]
        enum Place { $( $field, )* }

        impl Operations {
            /// Reads one value into its field; says where the item stands in the table.
            fn set(&mut self, name: &str, text: &str, spelling: Spelling) -> Result<Place, OperationError> {
                match name {
                    $( $name => {
                        let item = Item { name: $name, takes: $takes, default: table!(@default $($default)?) };
                        let value = read_value::<$type>(item, text, spelling)?;
                        if value.is_some() {
                            self.$field = value;
                        }
                        Ok(Place::$field)
                    } )*
                    _ => Err(OperationError::Unknown(printable(name))),
                }
            }

            /// These operations where they say something, `under` where they do not. A preset is laid under
            /// the explicit items this way.
            #[must_use]
            pub fn over(&self, under: &Self) -> Self {
                Self { $( $field: self.$field.clone().or_else(|| under.$field.clone()), )* }
            }

            /// Each item that is present, in canonical order, as name and value.
            pub fn items(&self) -> impl Iterator<Item = (&'static str, &dyn fmt::Display)> {
                [$( ($name, self.$field.as_ref().map(|value| value as &dyn fmt::Display)), )*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
            }
        }

        fn name_of(place: Place) -> &'static str {
            match place { $( Place::$field => $name, )* }
        }
    };
}

table! {
    /// A preset of the project, whose items lie under the explicit ones.
    "p" preset: Name, "the name of a preset: 1 to 32 of a-z 0-9 -";
    /// Page or frame of the source, from 1.
    "page" page: Int<1, 1000> = "1", "a whole number from 1 to 1000";
    /// Most frames of an animation; 1 is a still.
    "frames" frames: Int<1, 200>, "a whole number from 1 to 200";
    /// Cut after orientation, before resizing.
    "crop" crop: Crop, "X:Y:W:H in pixels, or f:X:Y:W:H in fractions of the picture, W and H above 0";
    /// Remove a uniform border; tolerance in percent.
    "trim" trim: Int<0, 100>, "a tolerance in percent, 0 to 100";
    /// Width of the result, or the list of widths the URL is signed for.
    "w" width: Width, "a width from 1 to 8192, or 2 to 16 of them, ascending, joined by |";
    /// Height of the result.
    "h" height: Int<1, 8192>, "a whole number from 1 to 8192";
    /// Multiplies width, height, pad and round.
    "dpr" dpr: Decimal<1_000, 4_000> = "1", "a decimal from 1 to 4, at most 3 digits after the point";
    /// How the picture meets the box.
    "fit" fit: Fit = "contain", "one of contain cover fill outside pad";
    /// Allow enlarging.
    "up" enlarge: Flag, "1";
    /// What `cover` keeps, where `pad` puts the picture.
    "g" gravity: Gravity = "center", "one of center n ne e se s sw w nw smart, or fp:X:Y with fractions 0 to 1";
    /// Border in pixels, filled with the background.
    "pad" pad: Pad, "N or T:R:B:L in pixels, each 0 to 2000";
    /// Background where the picture has none.
    "bg" background: Background, "a colour of 6 hex digits, 8 with alpha below ff, or blur, or auto";
    /// Clockwise turn after orientation, before resizing.
    "rot" rotate: Rotation = "0", "one of 90 180 270";
    /// Mirror, after the turn.
    "flip" flip: Flip, "one of h v hv";
    /// Gaussian blur, sigma in pixels of the result.
    "blur" blur: Decimal<300, 100_000>, "a sigma from 0.3 to 100, at most 3 digits after the point";
    /// Unsharp mask, sigma in pixels of the result.
    "sharpen" sharpen: Decimal<100, 10_000>, "a sigma from 0.1 to 10, at most 3 digits after the point";
    /// Mosaic, block in pixels of the result.
    "pixelate" pixelate: Int<2, 256>, "a block from 2 to 256 pixels";
    /// Brightness.
    "bri" brightness: Percent = "0", "a percentage from -100 to 100, not 0";
    /// Contrast.
    "con" contrast: Percent = "0", "a percentage from -100 to 100, not 0";
    /// Saturation.
    "sat" saturation: Percent = "0", "a percentage from -100 to 100, not 0";
    /// Turn of the hue, degrees.
    "hue" hue: Int<1, 359> = "0", "degrees from 1 to 359";
    /// To grey.
    "gray" gray: Flag, "1";
    /// To the negative.
    "invert" invert: Flag, "1";
    /// A registered watermark.
    "wm" watermark: Watermark, "NAME:G:OPACITY:SCALE with G as in g, or tile, opacity and scale 1 to 100 percent";
    /// Corner radius in pixels.
    "round" round: Int<1, 4096>, "a radius from 1 to 4096 pixels";
    /// Format of the result.
    "f" format: OutputFormat, "one of auto jpg png webp avif gif json";
    /// Encoder quality.
    "q" quality: Quality, "a quality from 1 to 100, or auto";
    /// Most bytes of the result.
    "max" max_bytes: Int<1_000, 10_000_000>, "bytes from 1000 to 10000000";
    /// Metadata kept.
    "meta" metadata: Metadata = "strip", "one of copyright keep";
    /// Offer as a download under this name.
    "dl" download: Download, "a file name with an extension, 1 to 100 of A-Z a-z 0-9 . _ -";
}

const _: () = assert!(ITEMS.len() <= 64, "the places of the table are the bits of a u64");

impl Operations {
    /// Reads the canonical text: what a URL holds, percent-decoded. Anything else is an error that names the item.
    pub fn parse(text: &str) -> Result<Self, OperationError> {
        Self::read_items(text, Spelling::Canonical)
    }

    /// Reads what a person would write: any order, defaults written out, `0.50`, `#FFCC00`, `jpeg`.
    /// An item that is unknown, out of bounds or written twice is an error, never dropped.
    pub fn read(text: &str) -> Result<Self, OperationError> {
        Self::read_items(text.trim(), Spelling::Free)
    }

    fn read_items(text: &str, spelling: Spelling) -> Result<Self, OperationError> {
        let mut operations = Self::default();
        if text == "_" {
            return Ok(operations);
        }
        if text.is_empty() {
            return Err(OperationError::Empty);
        }
        // A bit for each place of the table.
        let mut seen = 0u64;
        for item in text.split(',') {
            let item = if spelling == Spelling::Free { item.trim() } else { item };
            let (name, value) = item.split_once('_').ok_or_else(|| OperationError::Unknown(printable(item)))?;
            let place = operations.set(name, value, spelling)?;
            // A default that a free spelling writes out counts too: `fit_contain,fit_cover` says two things.
            let bit = 1 << place as u32;
            if seen & bit != 0 {
                return Err(OperationError::Twice(name_of(place)));
            }
            if spelling == Spelling::Canonical && seen > bit {
                return Err(OperationError::Order(name_of(place)));
            }
            seen |= bit;
        }
        Ok(operations)
    }

    /// True when nothing is asked for: the picture's coded pixels untouched.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.items().next().is_none()
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in self.items() {
            write!(out, "{separator}{name}_{value}")?;
            separator = ",";
        }
        if separator.is_empty() { out.write_char('_') } else { Ok(()) }
    }
}

/// One value: `None` where it is the default, which only a free spelling may write out.
fn read_value<T: Value>(item: Item, text: &str, spelling: Spelling) -> Result<Option<T>, OperationError> {
    let value = T::read(text);
    let is_default = check(item, text, spelling, value.as_ref().map(|value| value as &dyn fmt::Display))?;
    Ok(value.filter(|_| !is_default))
}

/// Judges a value by how it was written, and says whether it is the default. Not generic: there are as many types as
/// items, and the Worker is held to a size.
fn check(item: Item, text: &str, spelling: Spelling, value: Option<&dyn fmt::Display>) -> Result<bool, OperationError> {
    let Item { name, takes, default } = item;
    let is_default = default.is_some_and(|default| default == text || value.is_some_and(|v| is_spelled(v, default)));
    if is_default {
        return if spelling == Spelling::Free { Ok(true) } else { Err(OperationError::Default(name)) };
    }
    let value = value.ok_or(OperationError::Value { name, takes })?;
    if spelling == Spelling::Canonical && !is_spelled(value, text) {
        return Err(OperationError::Spelling { name, canonical: value.to_string() });
    }
    Ok(false)
}

/// Whether a value prints as exactly `text`; without building the string.
fn is_spelled(value: &dyn fmt::Display, text: &str) -> bool {
    struct Rest<'a>(&'a str);
    impl fmt::Write for Rest<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

/// A name safe to show in an answer: ours look like this, others are not repeated.
fn printable(name: &str) -> String {
    let shown: String = name.chars().take(16).collect();
    let safe = !shown.is_empty() && shown.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if safe { shown } else { "in the list".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts_parse_and_print_the_same() {
        for text in [
            "_",
            "w_800,f_webp",
            "p_card,w_320|640|960,h_200,dpr_1.5,fit_cover,up_1,g_fp:0.25:0.5,bg_ffcc00,f_auto,q_80",
            "page_2,frames_10,crop_10:20:300:400,trim_0,rot_90,flip_hv,blur_0.3,sharpen_1.25,pixelate_8",
            "crop_f:0.1:0.2:0.5:0.5,fit_pad,pad_1:2:3:4,bg_11223380",
            "bri_-20,con_5,sat_-100,hue_359,gray_1,invert_1,wm_logo:se:50:20,round_12",
            "wm_logo:fp:0.5:0.25:50:20,f_json,q_auto,max_50000,meta_copyright,dl_Photo-1.jpg",
        ] {
            assert_eq!(Operations::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn sig5_num1_num2_other_spellings_are_refused_by_name() {
        for text in [
            "",
            "w",
            "w_",
            "w_0",
            "w_8193",
            "w_0800",
            "w_+800",
            "w_8e2",
            "w_1_000",
            "w_-1",
            "w_٣",
            "w_800,",
            ",w_800",
            "w_800,w_800",
            "f_webp,w_800",
            "W_800",
            "w_640|320",
            "w_320|320",
            "w_320|",
            "h_800,w_800",
            "dpr_1",
            "dpr_1.0",
            "dpr_1.50",
            "dpr_.5",
            "dpr_1.0001",
            "dpr_NaN",
            "dpr_5",
            "fit_contain",
            "g_center",
            "g_fp:0.50:0",
            "g_fp:1.1:0",
            "q_0",
            "q_101",
            "q_080",
            "f_jpeg",
            "f_svg",
            "up_0",
            "up_true",
            "page_1",
            "rot_0",
            "rot_45",
            "bri_0",
            "bri_-0",
            "bri_+5",
            "bri_101",
            "hue_0",
            "hue_360",
            "crop_0:0:0:1",
            "crop_0:0:1",
            "crop_f:0:0:0:1",
            "crop_f:1:0:1:1",
            "pad_2001",
            "pad_5:5:5:5",
            "bg_FFCC00",
            "bg_ffcc00ff",
            "bg_fff",
            "meta_strip",
            "dl_noext",
            "dl_.jpg",
            "dl_a/b.jpg",
            "wm_logo:se:0:20",
            "wm_logo:se:50:101",
            "x_1",
            "_,w_1",
            "w_800,_",
            "flip_vh",
            "max_999",
            " w_800",
        ] {
            assert!(Operations::parse(text).is_err(), "{text} was taken");
        }
    }

    #[test]
    fn sig14_free_spellings_print_canonically_and_lose_nothing() {
        for (written, canonical) in [
            ("f_webp, w_0800", "w_800,f_webp"),
            ("fit_contain,dpr_1.0,g_center", "_"),
            ("bg_#FFCC00,dpr_.5e0", ""),
            ("bg_#FFCC00FF", "bg_ffcc00"),
            ("bg_#fc0", "bg_ffcc00"),
            ("f_JPEG,dpr_1.50", "dpr_1.5,f_jpg"),
            ("pad_5:5:5:5,up_true", "up_1,pad_5"),
            ("flip_vh,bri_+5", "bri_5"),
            ("w_800,w_900", ""),
            ("fit_contain,fit_cover", ""),
            ("page_2,page_1", ""),
            ("w_800,unknown_1", ""),
            ("w_960|320|640", "w_320|640|960"),
        ] {
            match (Operations::read(written), canonical) {
                (Ok(operations), "bri_5") => assert_eq!(operations.to_string(), "flip_hv,bri_5"),
                (Ok(operations), _) => assert_eq!(operations.to_string(), canonical, "{written}"),
                (Err(_), "") => {}
                (Err(error), _) => panic!("{written}: {error}"),
            }
        }
    }

    #[test]
    fn explicit_items_lie_over_a_preset() {
        let preset = Operations::parse("w_400,fit_cover,q_70").unwrap();
        let explicit = Operations::parse("w_800").unwrap();
        assert_eq!(explicit.over(&preset).to_string(), "w_800,fit_cover,q_70");
    }

    #[test]
    fn messages_never_echo_markup() {
        let error = Operations::parse("<script>_1").unwrap_err();
        assert_eq!(error.to_string(), "operation in the list is not known");
    }
}
