//! Colours to sRGB (IMG-2): by the embedded profile where there is one that can be used, by plain arithmetic for CMYK
//! without one. The profile is dropped afterwards.

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients, TransferCharacteristics,
    TransformOptions,
};

use super::codec::container::Colours;
use super::picture::{Channels, Picture};

/// Where a picture's numbers are defined, when that is not sRGB.
pub(super) struct Profile(ColorProfile);

impl Profile {
    /// The profile in an ICC block, if it parses and is of a kind that pixels can be converted from. Viewers show
    /// pictures with other profiles as if they had none; so do we.
    pub(super) fn from_icc(block: &[u8]) -> Option<Self> {
        let profile = ColorProfile::new_from_slice(block).ok()?;
        let known = matches!(profile.color_space, DataColorSpace::Rgb | DataColorSpace::Gray | DataColorSpace::Cmyk);
        (known && !is_srgb(&profile)).then_some(Self(profile))
    }

    /// The profile of code points, if they mean something else than sRGB to a viewer.
    pub(super) fn from_code_points(colours: Colours) -> Option<Self> {
        let srgb_like = matches!(colours.primaries, 0..=2 | 5..=7) && matches!(colours.transfer, 0..=2 | 6 | 13..=15);
        if srgb_like {
            return None;
        }
        let color_primaries = CicpColorPrimaries::try_from(colours.primaries).ok()?;
        let transfer_characteristics = TransferCharacteristics::try_from(colours.transfer).ok()?;
        Some(Self(ColorProfile::new_from_cicp(CicpProfile {
            color_primaries,
            transfer_characteristics,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        })))
    }

    /// Whether it describes inks.
    pub(super) fn is_cmyk(&self) -> bool {
        self.0.color_space == DataColorSpace::Cmyk
    }
}

/// Whether a profile is sRGB under any of its many names: the same primaries and the same curve at three points.
fn is_srgb(profile: &ColorProfile) -> bool {
    let srgb = ColorProfile::new_srgb();
    if profile.color_space != DataColorSpace::Rgb || profile.lut_a_to_b_perceptual.is_some() {
        return false;
    }
    let near = |one: f64, other: f64| (one - other).abs() < 0.002;
    let colorants = [
        (profile.red_colorant, srgb.red_colorant),
        (profile.green_colorant, srgb.green_colorant),
        (profile.blue_colorant, srgb.blue_colorant),
    ];
    let same_primaries = colorants.iter().all(|(a, b)| near(a.x, b.x) && near(a.y, b.y) && near(a.z, b.z));
    same_primaries && greys_stay(profile, &srgb)
}

/// Whether greys of the profile are the same greys in sRGB, within one step.
fn greys_stay(profile: &ColorProfile, srgb: &ColorProfile) -> bool {
    let greys: Vec<u8> = (0..=u8::MAX).step_by(15).flat_map(|grey| [grey; 3]).collect();
    let mut converted = vec![0; greys.len()];
    let done = profile
        .create_transform_8bit(Layout::Rgb, srgb, Layout::Rgb, TransformOptions::default())
        .and_then(|transform| transform.transform(&greys, &mut converted));
    done.is_ok() && greys.iter().zip(&converted).all(|(one, other)| one.abs_diff(*other) <= 1)
}

/// Converts pixels of an RGB or grey profile in place; a profile that cannot be used leaves them as they are.
pub(super) fn to_srgb(mut picture: Picture, profile: &Profile) -> Picture {
    let layout = match picture.channels {
        Channels::Rgb => Layout::Rgb,
        Channels::Rgba => Layout::Rgba,
    };
    let mut converted = vec![0; picture.pixels.len()];
    let srgb = ColorProfile::new_srgb();
    let done = if profile.0.color_space == DataColorSpace::Gray {
        // Grey was spread over three channels by the decoder: any of them is the sample.
        let greys: Vec<u8> = picture.pixels.chunks_exact(picture.channels.count()).map(|pixel| pixel[0]).collect();
        let mut colours = vec![0; greys.len() * 3];
        let done = profile
            .0
            .create_transform_8bit(Layout::Gray, &srgb, Layout::Rgb, TransformOptions::default())
            .and_then(|transform| transform.transform(&greys, &mut colours));
        converted.copy_from_slice(&picture.pixels);
        let pixels = converted.chunks_exact_mut(picture.channels.count());
        for (pixel, colour) in pixels.zip(colours.as_chunks::<3>().0) {
            pixel[..3].copy_from_slice(colour);
        }
        done
    } else {
        profile
            .0
            .create_transform_8bit(layout, &srgb, layout, TransformOptions::default())
            .and_then(|transform| transform.transform(&picture.pixels, &mut converted))
    };
    if done.is_ok() {
        picture.pixels = converted;
    }
    picture
}

/// Ink to light: four bytes a pixel, 255 being all of the ink, to three.
pub(super) fn cmyk_to_rgb(inks: &[u8], profile: Option<&Profile>) -> Vec<u8> {
    let (pixels, _) = inks.as_chunks::<4>();
    if let Some(profile) = profile {
        let mut converted = vec![0; pixels.len() * 3];
        // The library takes four inks in the layout of four channels.
        let done = profile
            .0
            .create_transform_8bit(Layout::Rgba, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
            .and_then(|transform| transform.transform(inks, &mut converted));
        if done.is_ok() {
            return converted;
        }
    }
    pixels
        .iter()
        .flat_map(|[cyan, magenta, yellow, black]| {
            [cyan, magenta, yellow].map(|ink| {
                let light = u32::from(255 - ink) * u32::from(255 - black);
                u8::try_from((light + 127) / 255).unwrap_or(u8::MAX)
            })
        })
        .collect()
}
