//! Codings of the target that the other tests do not make: inks, wide colours, palettes.

use turbojpeg::{Colorspace, Subsamp};

use super::super::super::picture::Picture;
use super::super::sources::png_with;

pub(super) fn display_p3() -> Vec<u8> {
    moxcms::ColorProfile::new_display_p3().encode().unwrap()
}

/// A picture's colours as levels of Display P3.
pub(super) fn in_display_p3(mut picture: Picture) -> Picture {
    let (srgb, wide) = (moxcms::ColorProfile::new_srgb(), moxcms::ColorProfile::new_display_p3());
    let rgb = moxcms::Layout::Rgb;
    let transform = srgb.create_transform_8bit(rgb, &wide, rgb, moxcms::TransformOptions::default()).unwrap();
    transform.transform(&picture.pixels.clone(), &mut picture.pixels).unwrap();
    picture
}

/// A picture in four inks: as much black as all colours share, with Adobe's segment or without.
pub(super) fn inks(light: &Picture, colorspace: Colorspace, adobe: bool) -> Vec<u8> {
    let ink = |pixel: &[u8; 3]| {
        let black = 255 - pixel.iter().max().copied().unwrap();
        let share =
            |level: u8| if black == 255 { 0 } else { 255 - (u32::from(level) * 255 / (255 - u32::from(black))) as u8 };
        let inks = [share(pixel[0]), share(pixel[1]), share(pixel[2]), black];
        if adobe { inks.map(|ink| 255 - ink) } else { inks }
    };
    let pixels: Vec<u8> = light.pixels.as_chunks::<3>().0.iter().flat_map(ink).collect();
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor.set_subsamp(Subsamp::None).unwrap();
    compressor.set_colorspace(colorspace).unwrap();
    let (width, height) = (light.size.width as usize, light.size.height as usize);
    let format = turbojpeg::PixelFormat::CMYK;
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 4, height, format };
    let written = compressor.compress_to_vec(image).unwrap();
    let at = written.windows(2).position(|window| window == [0xff, 0xee]).unwrap();
    if adobe { written } else { [&written[..at], &written[at + 16..]].concat() }
}

/// The colours of a picture, and of each pixel which it is.
pub(super) fn palette(picture: &Picture) -> (Vec<[u8; 4]>, Vec<u8>) {
    let mut colours: Vec<_> = picture.colours().collect();
    colours.sort_unstable();
    colours.dedup();
    let indices = picture.colours().map(|pixel| colours.binary_search(&pixel).unwrap() as u8).collect();
    (colours, indices)
}

pub(super) fn indexed_png(picture: &Picture, depth: png::BitDepth) -> Vec<u8> {
    let (colours, indices) = palette(picture);
    let samples = match depth {
        png::BitDepth::Four => indices.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect(),
        _ => indices,
    };
    png_with(picture.size, &samples, |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(depth);
        encoder.set_palette(colours.iter().flat_map(|colour| colour[..3].to_vec()).collect::<Vec<u8>>());
        encoder.set_trns(colours.iter().map(|colour| colour[3]).collect::<Vec<u8>>());
    })
}

pub(super) fn gif(picture: &Picture, interlaced: bool) -> Vec<u8> {
    let (colours, indices) = palette(picture);
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    let rows: Vec<usize> = if interlaced {
        [(0, 8), (4, 8), (2, 4), (1, 2)].iter().flat_map(|(from, by)| (*from..height).step_by(*by)).collect()
    } else {
        (0..height).collect()
    };
    let buffer: Vec<u8> = rows.iter().flat_map(|row| &indices[row * width..][..width]).copied().collect();
    let table: Vec<u8> = colours.iter().flat_map(|colour| colour[..3].to_vec()).collect();
    let clear = colours.iter().position(|colour| colour[3] == 0).map(|at| at as u8);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width as u16, height as u16, &table).unwrap();
    let frame = gif::Frame::from_indexed_pixels(width as u16, height as u16, buffer, clear);
    encoder.write_frame(&gif::Frame { interlaced, ..frame }).unwrap();
    drop(encoder);
    bytes
}
