//! Families of sources: every coding that is read, with what a decoder has to heed, of the target in any size.
//!
//! Each kind tells which picture it is and how near its decoded pixels come to it, so that what the engine makes of it is
//! held against what it makes of a plain PNG of that picture (IMG-1, IMG-2, IMG-3, IMG-4).

use std::rc::Rc;

use turbojpeg::{Colorspace, Subsamp};

use super::super::super::geometry::Size;
use super::super::super::orientation::Orientation;
use super::super::super::picture::Picture;
use super::super::super::probe::minimal_exif;
use super::super::sources::{
    as_coded, extended_webp, jpeg, jpeg_with, png, png_with, with_chunk, with_orientation, with_segment,
};
use super::codings::{display_p3, gif, in_display_p3, indexed_png, inks};
use super::fits::ASPECTS;
use super::sheet::of;
use super::targets::{clear_target, grey, luma, mapped, target};
use super::{kept, made_elsewhere, updating};

pub(super) struct Kind {
    pub(super) name: String,
    pub(super) source: Rc<Vec<u8>>,
    /// What it shows.
    pub(super) picture: Picture,
    pub(super) coding: Coding,
}

/// How near decoded pixels come to the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// They are the picture's.
    Exact,
    /// They are, but stored on its side: a resize rounds in another order.
    OnItsSide,
    /// With loss, in colours of the picture's own resolution.
    Near,
    /// With loss, in colours of half the resolution, or in those of inks or of a profile, which a scaled decode mixes otherwise.
    Soft,
    /// With loss, in colours of a quarter of the resolution.
    Coarse,
}

fn exact(name: impl Into<String>, source: Vec<u8>, picture: &Picture) -> Kind {
    Kind { name: name.into(), source: Rc::new(source), picture: picture.clone(), coding: Coding::Exact }
}

fn near(name: impl Into<String>, source: Vec<u8>, picture: &Picture) -> Kind {
    Kind { coding: Coding::Near, ..exact(name, source, picture) }
}

fn soft(name: impl Into<String>, source: Vec<u8>, picture: &Picture) -> Kind {
    Kind { coding: Coding::Soft, ..exact(name, source, picture) }
}

/// Exact, and stored as this value of EXIF's tag says.
fn stored(orientation: u32, name: String, source: Vec<u8>, picture: &Picture) -> Kind {
    let coding = if orientation < 5 { Coding::Exact } else { Coding::OnItsSide };
    Kind { coding, ..exact(name, source, picture) }
}

fn whole(Size { width, height }: Size) -> Picture {
    target(width, height)
}

fn clear(Size { width, height }: Size) -> Picture {
    clear_target(width, height)
}

/// The target of a size in a coding of `sources/make.mjs`.
fn elsewhere(Size { width, height }: Size, name: &str) -> Vec<u8> {
    made_elsewhere(&format!("{width}x{height}/{name}"))
}

pub(super) fn jpegs(size: Size) -> Vec<Kind> {
    let whole = whole(size);
    let plain = jpeg(&whole, Subsamp::None);
    let mut kinds = vec![near("baseline 4:4:4", plain.clone(), &whole)];
    kinds.extend(
        [("4:2:2", Subsamp::Sub2x1), ("4:4:0", Subsamp::Sub1x2), ("4:2:0", Subsamp::Sub2x2)]
            .map(|(name, subsamp)| soft(format!("baseline {name}"), jpeg(&whole, subsamp), &whole)),
    );
    let coarse = soft("baseline 4:1:1", jpeg(&whole, Subsamp::Sub4x1), &whole);
    kinds.push(Kind { coding: Coding::Coarse, ..coarse });
    kinds.push(near("progressive", jpeg_with(&whole, |compressor| compressor.set_progressive(true).unwrap()), &whole));
    kinds.push(near("arithmetic", jpeg_with(&whole, |compressor| compressor.set_arithmetic(true).unwrap()), &whole));
    kinds.push(near("grey", jpeg(&whole, Subsamp::Gray), &grey(&whole)));
    kinds.push(near(
        "RGB, not YCbCr",
        jpeg_with(&whole, |compressor| {
            compressor.set_subsamp(Subsamp::None).unwrap();
            compressor.set_colorspace(Colorspace::RGB).unwrap();
        }),
        &whole,
    ));
    kinds.push(soft("CMYK, Adobe's", inks(&whole, Colorspace::CMYK, true), &whole));
    kinds.push(soft("CMYK, not Adobe's", inks(&whole, Colorspace::CMYK, false), &whole));
    kinds.push(soft("YCCK", inks(&whole, Colorspace::YCCK, true), &whole));
    let profile = [b"ICC_PROFILE\0\x01\x01", &display_p3()[..]].concat();
    let wide = jpeg(&in_display_p3(whole.clone()), Subsamp::None);
    kinds.push(soft("Display P3", with_segment(&wide, 0xe2, &profile), &whole));
    kinds.push(near("a profile that is rubbish", with_segment(&plain, 0xe2, b"ICC_PROFILE\0\x01\x01rubbish"), &whole));
    kinds.extend((1..=8).map(|orientation| {
        let coded = jpeg(&as_coded(whole.clone(), orientation), Subsamp::Sub2x2);
        soft(format!("EXIF {orientation}"), with_orientation(&coded, orientation), &whole)
    }));
    kinds
}

pub(super) fn pngs_and_gifs(size: Size) -> Vec<Kind> {
    use png::{BitDepth, ColorType};
    let (whole, clear) = (whole(size), clear(size));
    let coded = |samples: &[u8], colour: ColorType, depth: BitDepth| {
        png_with(size, samples, |encoder| {
            encoder.set_color(colour);
            encoder.set_depth(depth);
        })
    };
    let wide = |samples: &[u8]| samples.iter().flat_map(|sample| [*sample, *sample]).collect::<Vec<_>>();
    let greys: Vec<u8> = grey(&whole).colours().map(|pixel| pixel[0]).collect();
    let clear_greys: Vec<u8> = grey(&clear).colours().flat_map(|[level, .., alpha]| [level, alpha]).collect();
    // Nothing but black and white, as one bit has it.
    let two = mapped(&whole, |pixel| if luma(pixel) < 128 { [0, 0, 0, 255] } else { [255; 4] });
    let byte = |eight: &[u8]| (0..8).fold(0, |byte, at| byte << 1 | eight.get(at * 3).map_or(0, |level| level & 1));
    let bits: Vec<u8> = two.pixels.chunks(3 * size.width as usize).flat_map(|row| row.chunks(24).map(byte)).collect();
    // What a GIF can say of alpha.
    let cut = mapped(&clear, |[red, green, blue, alpha]| [red, green, blue, if alpha < 128 { 0 } else { 255 }]);
    let mut kinds = vec![
        exact("PNG, 8 bit", png(&whole), &whole),
        exact("PNG, 16 bit", coded(&wide(&whole.pixels), ColorType::Rgb, BitDepth::Sixteen), &whole),
        exact("PNG, palette, 4 bit", indexed_png(&whole, BitDepth::Four), &whole),
        exact("PNG, palette, 8 bit", indexed_png(&whole, BitDepth::Eight), &whole),
        exact("PNG, palette with alpha", indexed_png(&clear, BitDepth::Eight), &clear),
        exact("PNG, alpha, 8 bit", png(&clear), &clear),
        exact("PNG, alpha, 16 bit", coded(&wide(&clear.pixels), ColorType::Rgba, BitDepth::Sixteen), &clear),
        exact("PNG, grey, 8 bit", coded(&greys, ColorType::Grayscale, BitDepth::Eight), &grey(&whole)),
        exact("PNG, grey, 16 bit", coded(&wide(&greys), ColorType::Grayscale, BitDepth::Sixteen), &grey(&whole)),
        exact("PNG, grey, 1 bit", coded(&bits, ColorType::Grayscale, BitDepth::One), &two),
        exact("PNG, grey with alpha", coded(&clear_greys, ColorType::GrayscaleAlpha, BitDepth::Eight), &grey(&clear)),
        exact("PNG, interlaced", elsewhere(size, "interlaced.png"), &whole),
        exact("PNG, interlaced palette", elsewhere(size, "interlaced-palette.png"), &whole),
        exact("GIF", gif(&whole, false), &whole),
        exact("GIF, interlaced", gif(&whole, true), &whole),
        exact("GIF, alpha", gif(&cut, false), &cut),
    ];
    kinds.extend([3, 6].map(|orientation| {
        let exif = minimal_exif(Orientation::from_exif(orientation));
        stored(
            orientation,
            format!("PNG, EXIF {orientation}"),
            with_chunk(&png(&as_coded(whole.clone(), orientation)), *b"eXIf", &exif),
            &whole,
        )
    }));
    kinds
}

pub(super) fn webps_and_avifs(size: Size) -> Vec<Kind> {
    let (whole, clear) = (whole(size), clear(size));
    let mut kinds = vec![
        soft("WebP, lossy", elsewhere(size, "lossy.webp"), &whole),
        exact("WebP, lossless", elsewhere(size, "lossless.webp"), &whole),
        soft("WebP, lossy, alpha", elsewhere(size, "alpha.webp"), &clear),
        exact("WebP, lossless, alpha", elsewhere(size, "alpha-lossless.webp"), &clear),
    ];
    kinds.extend([3, 6].map(|orientation| {
        let coded = as_coded(whole.clone(), orientation);
        let mut simple = Vec::new();
        let (Size { width, height }, rgb) = (coded.size, image_webp::ColorType::Rgb8);
        image_webp::WebPEncoder::new(&mut simple).encode(&coded.pixels, width, height, rgb).unwrap();
        let exif = minimal_exif(Orientation::from_exif(orientation));
        let source = extended_webp(&simple, coded.size, 0x08, &[(*b"EXIF", &exif)]);
        stored(orientation, format!("WebP, EXIF {orientation}"), source, &whole)
    }));
    kinds.extend([
        soft("AVIF, 8 bit, 4:2:0", elsewhere(size, "8-420.avif"), &whole),
        near("AVIF, 8 bit, 4:4:4", elsewhere(size, "8-444.avif"), &whole),
        soft("AVIF, 10 bit, 4:2:0", elsewhere(size, "10-420.avif"), &whole),
        near("AVIF, 12 bit, 4:4:4", elsewhere(size, "12-444.avif"), &whole),
        exact("AVIF, lossless", elsewhere(size, "lossless.avif"), &whole),
        near("AVIF, alpha", elsewhere(size, "alpha.avif"), &clear),
        near("AVIF, Display P3", elsewhere(size, "p3.avif"), &whole),
        near("AVIF, as EXIF 2 (imir)", elsewhere(size, "turned2.avif"), &whole),
        near("AVIF, as EXIF 3 (irot)", elsewhere(size, "turned3.avif"), &whole),
        near("AVIF, as EXIF 4 (imir)", elsewhere(size, "turned4.avif"), &whole),
        near("AVIF, as EXIF 5 (irot, imir)", elsewhere(size, "turned5.avif"), &whole),
        near("AVIF, as EXIF 6 (irot)", elsewhere(size, "turned6.avif"), &whole),
        near("AVIF, as EXIF 7 (irot, imir)", elsewhere(size, "turned7.avif"), &whole),
        near("AVIF, as EXIF 8 (irot)", elsewhere(size, "turned8.avif"), &whole),
    ]);
    kinds
}

#[test]
fn what_the_sources_made_elsewhere_are_made_of_is_the_target() {
    for (_, (width, height)) in ASPECTS {
        let size = Size { width, height };
        for (name, picture) in [("target.png", whole(size)), ("clear.png", clear(size))] {
            if updating() {
                std::fs::write(kept("sources").join(format!("{width}x{height}/{name}")), png(&picture)).unwrap();
            }
            let opened = image::load_from_memory(&elsewhere(size, name)).unwrap().to_rgba8();
            assert!(opened == of(picture), "{name}, {width}x{height}");
        }
    }
}
