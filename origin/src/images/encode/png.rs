//! PNG by `png`: a palette where 256 colours are enough, fast for photographs, thorough for graphics.

use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Filter};

use super::super::error::ImageError;
use super::super::metadata::Kept;
use super::super::picture::{Channels, Picture};
use super::Encoder;

const FAILED: ImageError = ImageError::Broken("the PNG encoder failed");

/// The `png` crate.
pub(super) struct Png;

impl Encoder for Png {
    fn nanos_per_pixel(&self) -> u64 {
        15
    }

    fn pixels(&self, picture: &Picture, _quality: u8, _kept: &Kept) -> Result<Vec<u8>, ImageError> {
        encode(picture)
    }
}

pub(in super::super) fn encode(picture: &Picture) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.size.width, picture.size.height);
    encoder.set_depth(BitDepth::Eight);
    let palette = Palette::of(picture);
    let pixels = match &palette {
        Some(palette) => {
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(
                palette.colours.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect::<Vec<_>>(),
            );
            if palette.colours.iter().any(|[.., alpha]| *alpha != 255) {
                encoder.set_trns(palette.colours.iter().map(|[.., alpha]| *alpha).collect::<Vec<_>>());
            }
            // Neighbouring indices are no neighbouring colours: filters only hurt.
            encoder.set_compression(Compression::Balanced);
            encoder.set_filter(Filter::NoFilter);
            &palette.indices
        }
        None => {
            encoder.set_color(match picture.channels {
                Channels::Rgb => ColorType::Rgb,
                Channels::Rgba => ColorType::Rgba,
            });
            encoder.set_compression(if looks_drawn(picture) { Compression::Balanced } else { Compression::Fast });
            &picture.pixels
        }
    };
    let mut writer = encoder.write_header().map_err(|_| FAILED)?;
    writer.write_image_data(pixels).map_err(|_| FAILED)?;
    writer.finish().map_err(|_| FAILED)?;
    Ok(bytes)
}

/// The colours of a picture that has no more than 256, and its pixels as indices.
struct Palette {
    colours: Vec<[u8; 4]>,
    indices: Vec<u8>,
}

impl Palette {
    fn of(picture: &Picture) -> Option<Self> {
        let mut places: HashMap<[u8; 4], u8> = HashMap::new();
        let mut palette = Self { colours: Vec::new(), indices: Vec::with_capacity(picture.pixels.len() / 3) };
        for pixel in picture.pixels.chunks_exact(picture.channels.count()) {
            let colour = [pixel[0], pixel[1], pixel[2], pixel.get(3).copied().unwrap_or(255)];
            let place = match places.get(&colour) {
                Some(place) => *place,
                None => {
                    let place = u8::try_from(palette.colours.len()).ok()?;
                    places.insert(colour, place);
                    palette.colours.push(colour);
                    place
                }
            };
            palette.indices.push(place);
        }
        Some(palette)
    }
}

/// Whether at least a third of the pixels equal their left neighbour: true of drawings, screens and text, not of what
/// came through a lens.
fn looks_drawn(picture: &Picture) -> bool {
    fn equals<const CHANNELS: usize>(pixels: &[u8]) -> usize {
        let (pixels, _) = pixels.as_chunks::<CHANNELS>();
        pixels.iter().zip(pixels.iter().skip(1)).filter(|(one, next)| one == next).count()
    }
    let equal = match picture.channels {
        Channels::Rgb => equals::<3>(&picture.pixels),
        Channels::Rgba => equals::<4>(&picture.pixels),
    };
    equal * 3 >= picture.pixels.len() / picture.channels.count() - 1
}
