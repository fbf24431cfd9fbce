//! Sources made by encoding, with whatever a test needs written into them.

use super::super::geometry::Size;
use super::super::orientation::Orientation;
use super::super::picture::Picture;
use super::super::probe::minimal_exif;

pub(super) const RED: [u8; 4] = [220, 30, 30, 255];
pub(super) const GREEN: [u8; 4] = [30, 180, 40, 255];
pub(super) const BLUE: [u8; 4] = [30, 50, 200, 255];
pub(super) const SAND: [u8; 4] = [230, 210, 150, 255];

/// Four quarters: red, green, blue, sand, row by row.
pub(super) fn quarters(width: u32, height: u32) -> Picture {
    let colour = |x: u32, y: u32| match (x * 2 < width, y * 2 < height) {
        (true, true) => RED,
        (false, true) => GREEN,
        (true, false) => BLUE,
        (false, false) => SAND,
    };
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y).into_iter().take(3))).collect();
    Picture::rgb(Size { width, height }, pixels)
}

/// Smooth in both directions, so that every resize of it is smooth too.
pub(super) fn gradient(width: u32, height: u32) -> Picture {
    let pixels = (0..height).flat_map(|y| {
        (0..width).flat_map(move |x| {
            [(x * 255 / width) as u8, (y * 255 / height) as u8, ((x + y) * 127 / (width + height)) as u8]
        })
    });
    Picture::rgb(Size { width, height }, pixels.collect())
}

/// As a camera held this way would store a picture.
pub(super) fn as_coded(upright: Picture, orientation: u32) -> Picture {
    let inverse = match orientation {
        6 => 8,
        8 => 6,
        other => other,
    };
    upright.turned(Orientation::from_exif(inverse))
}

pub(super) fn jpeg(picture: &Picture, subsamp: turbojpeg::Subsamp) -> Vec<u8> {
    jpeg_with(picture, |compressor| compressor.set_subsamp(subsamp).unwrap())
}

pub(super) fn jpeg_with(picture: &Picture, set: impl FnOnce(&mut turbojpeg::Compressor)) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    set(&mut compressor);
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &picture.pixels[..], width, pitch: width * 3, height, format };
    compressor.compress_to_vec(image).unwrap()
}

/// Writes a segment after the start marker.
pub(super) fn with_segment(jpeg: &[u8], code: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, code], &length, body, &jpeg[2..]].concat()
}

pub(super) fn with_orientation(jpeg: &[u8], orientation: u32) -> Vec<u8> {
    let exif = minimal_exif(Orientation::from_exif(orientation));
    with_segment(jpeg, 0xe1, &[b"Exif\0\0", &exif[..]].concat())
}

/// EXIF as a phone writes it, with a place that nobody else should know (IMG-6): a TIFF whose GPS directory says
/// 52 degrees north, and a text that a test can search for.
pub(super) fn exif_with_place(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    tiff.extend(3u16.to_be_bytes());
    tiff.extend(entry(0x010e, 2, 12, 50u32.to_be_bytes()));
    tiff.extend(entry(0x0112, 3, 1, [0, orientation, 0, 0]));
    tiff.extend(entry(0x8825, 4, 1, 62u32.to_be_bytes()));
    tiff.extend(0u32.to_be_bytes());
    tiff.extend(b"GPS-MY-HOME\0");
    tiff.extend(2u16.to_be_bytes());
    tiff.extend(entry(0x0001, 2, 2, *b"N\0\0\0"));
    tiff.extend(entry(0x0002, 5, 3, 92u32.to_be_bytes()));
    tiff.extend(0u32.to_be_bytes());
    tiff.extend([52u32, 1, 31, 1, 12, 1].iter().flat_map(|number| number.to_be_bytes()));
    tiff
}

pub(super) fn png(picture: &Picture) -> Vec<u8> {
    png_with(picture.size, &picture.pixels, |encoder| {
        encoder.set_color(match picture.channels {
            super::Channels::Rgb => png::ColorType::Rgb,
            super::Channels::Rgba => png::ColorType::Rgba,
        });
        encoder.set_depth(png::BitDepth::Eight);
    })
}

pub(super) fn png_with(size: Size, samples: &[u8], set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.width, size.height);
    set(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Writes a chunk after the header's.
pub(super) fn with_chunk(png: &[u8], name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for byte in name.iter().chain(body) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&png[..33], &length, &name, body, &(!crc).to_be_bytes(), &png[33..]].concat()
}

/// A WebP in the extended layout, with these chunks before and after the picture's own.
pub(super) fn extended_webp(simple: &[u8], size: Size, flags: u8, chunks: &[([u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
    file.extend([flags, 0, 0, 0]);
    file.extend(&(size.width - 1).to_le_bytes()[..3]);
    file.extend(&(size.height - 1).to_le_bytes()[..3]);
    file.extend(&simple[12..]);
    for (name, body) in chunks {
        file.extend(name);
        file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        file.extend(*body);
        file.extend(std::iter::repeat_n(0, body.len() % 2));
    }
    let length = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
    file[4..8].copy_from_slice(&length);
    file
}

/// A photograph of the demo.
pub(super) fn photo(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../miniflare-tests/photos/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
