//! AVIF's container by `mp4parse`, which hands over most properties as pointers for its C callers.
#![expect(unsafe_code, reason = "mp4parse answers sizes, mirrors and colour as pointers into its own memory")]

use mp4parse::{AvifContext, Feature, ImageMirror, ImageRotation, ParseStrictness};

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::orientation::{Mirror, Orientation};
use super::super::probe::avif_whole_boxes;

/// The parts of an AVIF file.
pub(in super::super) struct Container {
    context: AvifContext,
    /// The size of the primary item before it is turned.
    pub(in super::super) size: Size,
    /// How it is turned.
    pub(in super::super) orientation: Orientation,
    /// The colours as coded, where the container says so.
    pub(in super::super) colours: Option<Colours>,
}

/// Coding-independent code points of a picture (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Colours {
    /// Colour primaries, §8.1.
    pub(in super::super) primaries: u8,
    /// Transfer characteristics, §8.2.
    pub(in super::super) transfer: u8,
    /// Matrix coefficients, §8.3.
    pub(in super::super) matrix: u8,
    /// Samples use all of their range.
    pub(in super::super) full_range: bool,
}

/// As `mp4parse::ImageSpatialExtentsProperty`, whose fields are private: `repr(C)` on both sides.
#[repr(C)]
struct Extents {
    width: u32,
    height: u32,
}

/// As `mp4parse::NclxColourInformation`, whose fields are private: `repr(C)` on both sides.
#[repr(C)]
struct Nclx {
    primaries: u8,
    transfer: u8,
    matrix: u8,
    full_range: bool,
}

const _: () = assert!(size_of::<Extents>() == size_of::<mp4parse::ImageSpatialExtentsProperty>());
const _: () = assert!(size_of::<Nclx>() == size_of::<mp4parse::NclxColourInformation>());

const BROKEN: ImageError = ImageError::Broken("the AVIF container is damaged or cut short");

impl Container {
    /// Reads the boxes. Memory is bounded by the source: item data is copied, and nothing is decoded.
    pub(in super::super) fn read(source: &[u8]) -> Result<Self, ImageError> {
        let mut bytes = avif_whole_boxes(source)?;
        let context = mp4parse::read_avif(&mut bytes, ParseStrictness::Normal).map_err(|_| BROKEN)?;
        for (feature, name) in [
            (Feature::Grid, "avif of several tiles"),
            (Feature::Clap, "avif with a clean aperture"),
            (Feature::A1op, "layered avif"),
            (Feature::Lsel, "layered avif"),
        ] {
            if context.unsupported_features.contains(feature) {
                return Err(ImageError::FormatUnsupported(name));
            }
        }
        if context.premultiplied_alpha {
            return Err(ImageError::FormatUnsupported("avif with premultiplied alpha"));
        }
        if context.primary_item_coded_data().is_none_or(<[u8]>::is_empty) {
            return Err(BROKEN);
        }
        let extents = context.spatial_extents_ptr().map_err(|_| BROKEN)?;
        // SAFETY: null, or a pointer to a property that `context` owns and does not change; the layouts are the
        // same by the assertion above and `repr(C)`.
        let extents = unsafe { extents.cast::<Extents>().as_ref() }.ok_or(BROKEN)?;
        let size = Size { width: extents.width, height: extents.height };
        let mirror = context.image_mirror_ptr().map_err(|_| BROKEN)?;
        // SAFETY: null, or a pointer to a property that `context` owns and does not change.
        let mirror = unsafe { mirror.as_ref() }.map(|mirror| match mirror {
            ImageMirror::TopBottom => Mirror::TopBottom,
            ImageMirror::LeftRight => Mirror::LeftRight,
        });
        let quarters = match context.image_rotation().map_err(|_| BROKEN)? {
            ImageRotation::D0 => 0,
            ImageRotation::D90 => 1,
            ImageRotation::D180 => 2,
            ImageRotation::D270 => 3,
        };
        let nclx = context.nclx_colour_information_ptr().transpose().map_err(|_| BROKEN)?;
        // SAFETY: a pointer to a property that `context` owns and does not change; the layouts are the same by the
        // assertion above and `repr(C)`.
        let nclx = nclx.and_then(|nclx| unsafe { nclx.cast::<Nclx>().as_ref() });
        let colours = nclx.map(|nclx| Colours {
            primaries: nclx.primaries,
            transfer: nclx.transfer,
            matrix: nclx.matrix,
            full_range: nclx.full_range,
        });
        Ok(Self { size, orientation: Orientation::from_heif(quarters, mirror), colours, context })
    }

    /// The coded picture.
    pub(in super::super) fn picture(&self) -> &[u8] {
        self.context.primary_item_coded_data().unwrap_or_default()
    }

    /// The coded alpha, a picture of its own.
    pub(in super::super) fn alpha(&self) -> Option<&[u8]> {
        self.context.alpha_item_coded_data()
    }

    /// The embedded colour profile.
    pub(in super::super) fn profile(&self) -> Option<Vec<u8>> {
        self.context.icc_colour_information()?.ok().map(<[u8]>::to_vec)
    }
}
