//! Kinds of sources: every coding that is read, with what a decoder has to heed, through the same few operations.
//!
//! Each kind tells which picture it is, and all of its cells must look like those that a plain PNG of that picture gives
//! (IMG-1, IMG-2, IMG-3, IMG-4): the kept sheets are not only the same as yesterday but right.

use std::rc::Rc;

use image::DynamicImage;
use turbojpeg::{Colorspace, Subsamp};

use super::super::super::geometry::Size;
use super::super::super::orientation::Orientation;
use super::super::super::picture::{Channels, Picture};
use super::super::super::probe::minimal_exif;
use super::super::sources::{
    as_coded, extended_webp, jpeg, jpeg_with, png, png_with, with_chunk, with_orientation, with_segment,
};
use super::codings::{display_p3, gif, in_display_p3, indexed_png, inks};
use super::compare::strayed_by;
use super::made_elsewhere;
use super::sheet::{Cell, Row, Sheet, frames, of};
use super::targets::{clear_target, grey, luma, mapped, target};

/// As it comes and at the usual quality; cut and turned; by planes and by pixels, where there is a choice.
const OPERATIONS: [&str; 4] = ["w_40", "w_40,h_40,fit_cover,f_png", "crop_20:12:40:36,q_95", "rot_90,w_24,f_webp,q_95"];

struct Kind {
    name: String,
    source: Rc<Vec<u8>>,
    /// What it shows.
    picture: Picture,
}

fn kind(name: impl Into<String>, source: Vec<u8>, picture: &Picture) -> Kind {
    Kind { name: name.into(), source: Rc::new(source), picture: picture.clone() }
}

fn whole() -> Picture {
    target(96, 64)
}

fn clear() -> Picture {
    clear_target(96, 64)
}

pub(super) fn sheets() -> Vec<Sheet> {
    let sheet = |name, about, kinds: Vec<Kind>| {
        let row = |kind: Kind| Row {
            name: kind.name,
            cells: OPERATIONS.map(|operations| Cell::new(&kind.source, operations)).to_vec(),
        };
        let columns = OPERATIONS.map(str::to_owned).to_vec();
        Sheet { name, about, cell: (40, 40), columns, rows: kinds.into_iter().map(row).collect() }
    };
    vec![
        sheet(
            "kinds-jpeg",
            "JPEG of every coding and orientation. All rows are upright and alike; the grey one is grey.",
            jpegs(),
        ),
        sheet(
            "kinds-png-gif",
            "PNG and GIF of every coding. Rows of a name without alpha or grey are alike.",
            pngs_and_gifs(),
        ),
        sheet(
            "kinds-webp-avif",
            "WebP and AVIF of every coding and orientation. All rows are upright and alike.",
            webps_and_avifs(),
        ),
    ]
}

fn jpegs() -> Vec<Kind> {
    let plain = jpeg(&whole(), Subsamp::None);
    let mut kinds: Vec<_> = [
        ("4:4:4", Subsamp::None),
        ("4:2:2", Subsamp::Sub2x1),
        ("4:4:0", Subsamp::Sub1x2),
        ("4:2:0", Subsamp::Sub2x2),
        ("4:1:1", Subsamp::Sub4x1),
    ]
    .map(|(name, subsamp)| kind(format!("baseline {name}"), jpeg(&whole(), subsamp), &whole()))
    .into();
    kinds.push(kind(
        "progressive",
        jpeg_with(&whole(), |compressor| compressor.set_progressive(true).unwrap()),
        &whole(),
    ));
    kinds.push(kind(
        "arithmetic",
        jpeg_with(&whole(), |compressor| compressor.set_arithmetic(true).unwrap()),
        &whole(),
    ));
    kinds.push(kind("grey", jpeg(&whole(), Subsamp::Gray), &grey(whole())));
    kinds.push(kind(
        "RGB, not YCbCr",
        jpeg_with(&whole(), |compressor| {
            compressor.set_subsamp(Subsamp::None).unwrap();
            compressor.set_colorspace(Colorspace::RGB).unwrap();
        }),
        &whole(),
    ));
    kinds.push(kind("CMYK, Adobe's", inks(&whole(), Colorspace::CMYK, true), &whole()));
    kinds.push(kind("CMYK, not Adobe's", inks(&whole(), Colorspace::CMYK, false), &whole()));
    kinds.push(kind("YCCK", inks(&whole(), Colorspace::YCCK, true), &whole()));
    let profile = [b"ICC_PROFILE\0\x01\x01", &display_p3()[..]].concat();
    let wide = jpeg(&in_display_p3(whole()), Subsamp::None);
    kinds.push(kind("Display P3", with_segment(&wide, 0xe2, &profile), &whole()));
    kinds.push(kind(
        "a profile that is rubbish",
        with_segment(&plain, 0xe2, b"ICC_PROFILE\0\x01\x01rubbish"),
        &whole(),
    ));
    kinds.extend((1..=8).map(|orientation| {
        let coded = jpeg(&as_coded(whole(), orientation), Subsamp::Sub2x2);
        kind(format!("EXIF {orientation}"), with_orientation(&coded, orientation), &whole())
    }));
    kinds
}

fn pngs_and_gifs() -> Vec<Kind> {
    use png::{BitDepth, ColorType};
    let coded = |samples: &[u8], colour: ColorType, depth: BitDepth| {
        png_with(whole().size, samples, |encoder| {
            encoder.set_color(colour);
            encoder.set_depth(depth);
        })
    };
    let wide = |samples: &[u8]| samples.iter().flat_map(|sample| [*sample, *sample]).collect::<Vec<_>>();
    let greys: Vec<u8> = grey(whole()).colours().map(|pixel| pixel[0]).collect();
    let clear_greys: Vec<u8> = grey(clear()).colours().flat_map(|[level, .., alpha]| [level, alpha]).collect();
    // Nothing but black and white, as one bit has it.
    let two = mapped(whole(), |pixel| if luma(pixel) < 128 { [0, 0, 0, 255] } else { [255; 4] });
    let bits: Vec<u8> =
        two.pixels.chunks(24).map(|eight| (0..8).fold(0, |byte, at| byte << 1 | eight[at * 3] & 1)).collect();
    // What a GIF can say of alpha.
    let cut = mapped(clear(), |[red, green, blue, alpha]| [red, green, blue, if alpha < 128 { 0 } else { 255 }]);
    let mut kinds = vec![
        kind("PNG, 8 bit", png(&whole()), &whole()),
        kind("PNG, 16 bit", coded(&wide(&whole().pixels), ColorType::Rgb, BitDepth::Sixteen), &whole()),
        kind("PNG, palette, 4 bit", indexed_png(&whole(), BitDepth::Four), &whole()),
        kind("PNG, palette, 8 bit", indexed_png(&whole(), BitDepth::Eight), &whole()),
        kind("PNG, palette with alpha", indexed_png(&clear(), BitDepth::Eight), &clear()),
        kind("PNG, alpha, 8 bit", png(&clear()), &clear()),
        kind("PNG, alpha, 16 bit", coded(&wide(&clear().pixels), ColorType::Rgba, BitDepth::Sixteen), &clear()),
        kind("PNG, grey, 8 bit", coded(&greys, ColorType::Grayscale, BitDepth::Eight), &grey(whole())),
        kind("PNG, grey, 16 bit", coded(&wide(&greys), ColorType::Grayscale, BitDepth::Sixteen), &grey(whole())),
        kind("PNG, grey, 1 bit", coded(&bits, ColorType::Grayscale, BitDepth::One), &two),
        kind("PNG, grey with alpha", coded(&clear_greys, ColorType::GrayscaleAlpha, BitDepth::Eight), &grey(clear())),
        kind("PNG, interlaced", made_elsewhere!("interlaced.png"), &whole()),
        kind("PNG, interlaced palette", made_elsewhere!("interlaced-palette.png"), &whole()),
        kind("GIF", gif(&whole(), false), &whole()),
        kind("GIF, interlaced", gif(&whole(), true), &whole()),
        kind("GIF, alpha", gif(&cut, false), &cut),
    ];
    kinds.extend([3, 6].map(|orientation| {
        let exif = minimal_exif(Orientation::from_exif(orientation));
        kind(
            format!("PNG, EXIF {orientation}"),
            with_chunk(&png(&as_coded(whole(), orientation)), *b"eXIf", &exif),
            &whole(),
        )
    }));
    kinds
}

fn webps_and_avifs() -> Vec<Kind> {
    let mut kinds = vec![
        kind("WebP, lossy", made_elsewhere!("lossy.webp"), &whole()),
        kind("WebP, lossless", made_elsewhere!("lossless.webp"), &whole()),
        kind("WebP, lossy, alpha", made_elsewhere!("alpha.webp"), &clear()),
        kind("WebP, lossless, alpha", made_elsewhere!("alpha-lossless.webp"), &clear()),
    ];
    kinds.extend([3, 6].map(|orientation| {
        let coded = as_coded(whole(), orientation);
        let mut simple = Vec::new();
        let (Size { width, height }, rgb) = (coded.size, image_webp::ColorType::Rgb8);
        image_webp::WebPEncoder::new(&mut simple).encode(&coded.pixels, width, height, rgb).unwrap();
        let exif = minimal_exif(Orientation::from_exif(orientation));
        let source = extended_webp(&simple, coded.size, 0x08, &[(*b"EXIF", &exif)]);
        kind(format!("WebP, EXIF {orientation}"), source, &whole())
    }));
    kinds.extend([
        kind("AVIF, 8 bit, 4:2:0", made_elsewhere!("8-420.avif"), &whole()),
        kind("AVIF, 8 bit, 4:4:4", made_elsewhere!("8-444.avif"), &whole()),
        kind("AVIF, 10 bit, 4:2:0", made_elsewhere!("10-420.avif"), &whole()),
        kind("AVIF, 12 bit, 4:4:4", made_elsewhere!("12-444.avif"), &whole()),
        kind("AVIF, lossless", made_elsewhere!("lossless.avif"), &whole()),
        kind("AVIF, alpha", made_elsewhere!("alpha.avif"), &clear()),
        kind("AVIF, Display P3", made_elsewhere!("p3.avif"), &whole()),
        kind("AVIF, as EXIF 2 (imir)", made_elsewhere!("turned2.avif"), &whole()),
        kind("AVIF, as EXIF 3 (irot)", made_elsewhere!("turned3.avif"), &whole()),
        kind("AVIF, as EXIF 4 (imir)", made_elsewhere!("turned4.avif"), &whole()),
        kind("AVIF, as EXIF 5 (irot, imir)", made_elsewhere!("turned5.avif"), &whole()),
        kind("AVIF, as EXIF 6 (irot)", made_elsewhere!("turned6.avif"), &whole()),
        kind("AVIF, as EXIF 7 (irot, imir)", made_elsewhere!("turned7.avif"), &whole()),
        kind("AVIF, as EXIF 8 (irot)", made_elsewhere!("turned8.avif"), &whole()),
    ]);
    kinds
}

#[test]
fn img1_img2_img3_img4_every_kind_shows_the_picture_that_it_is() {
    let paper = &sheets()[0];
    for Kind { name, source, picture } in [jpegs(), pngs_and_gifs(), webps_and_avifs()].into_iter().flatten() {
        let plain = Rc::new(png(&picture));
        // At the usual quality, what the encoder does to this target's edges would hide what the decoder did.
        for operations in ["w_40,q_95"].iter().chain(&OPERATIONS[1..]) {
            let drawn = |source| paper.drawn(&frames(&Cell::new(source, *operations).made()), operations);
            let why = strayed_by(&drawn(&plain), &drawn(&source), 12.0, 32.0);
            assert_eq!(why, None, "{name}, {operations}");
        }
        if picture.channels == Channels::Rgba {
            continue;
        }
        // And the plain one is right: the whole picture, in its own colours.
        let expected = DynamicImage::from(of(picture)).resize_exact(36, 24, image::imageops::FilterType::Triangle);
        let shown = frames(&Cell::new(&plain, "w_36,f_png").made());
        let drawn = |frame| paper.drawn(&[frame], &name);
        assert_eq!(strayed_by(&drawn(expected.into_rgba8()), &drawn(shown[0].clone()), 8.0, 60.0), None, "{name}");
    }
}
