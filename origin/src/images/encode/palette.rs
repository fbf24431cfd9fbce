//! 256 colours for the pictures of a GIF: their own where these are enough, else those that a small neural network learns
//! (NeuQuant, Dekker 1994, by `color_quant`). Nothing is dithered, so that what stands still does not flicker.

use std::collections::HashMap;

use color_quant::NeuQuant;

/// Colours, and the place of each.
#[derive(Default)]
pub(super) struct Palette {
    pub(super) colours: Vec<[u8; 3]>,
    places: HashMap<[u8; 3], u8>,
}

impl Palette {
    fn of(colours: Vec<[u8; 3]>) -> Self {
        let places = (0..=u8::MAX).zip(&colours).map(|(place, colour)| (*colour, place)).collect();
        Self { colours, places }
    }

    /// The place of each pixel's colour, new ones added; `None` where that would make more than `most` colours, and the
    /// palette is as before.
    pub(super) fn admit(&mut self, pixels: &[[u8; 3]], most: usize) -> Option<Vec<u8>> {
        let before = self.colours.len();
        let mut last = None;
        let mut places = Vec::with_capacity(pixels.len());
        for pixel in pixels {
            let place = match last {
                Some((colour, place)) if colour == *pixel => Some(place),
                _ => self.place(*pixel, most),
            };
            let Some(place) = place else {
                for colour in self.colours.drain(before..) {
                    self.places.remove(&colour);
                }
                return None;
            };
            last = Some((*pixel, place));
            places.push(place);
        }
        Some(places)
    }

    fn place(&mut self, colour: [u8; 3], most: usize) -> Option<u8> {
        if let Some(place) = self.places.get(&colour) {
            return Some(*place);
        }
        let place = u8::try_from(self.colours.len()).ok().filter(|place| usize::from(*place) < most)?;
        self.places.insert(colour, place);
        self.colours.push(colour);
        Some(place)
    }
}

/// Colours that the network learns: one place is left for what is seen through.
const LEARNT: usize = 255;

/// Pixels that it learns from at most, about: from 20 000 on the mean error of photographs hardly falls.
const SAMPLES: usize = 20_000;

/// Pixels that it learns from at least: those of a small picture over and over.
const LEAST_SAMPLES: usize = 8_000;

/// Places in the memory of answers.
const REMEMBERED: usize = 1 << 14;

/// A network that has learnt the colours of some pixels, and knows others by them.
pub(super) struct Quantiser {
    network: NeuQuant,
    colours: Vec<[u8; 3]>,
    /// Its mean error over what it has learnt from, in steps of a channel.
    error: f64,
    remembered: Vec<Option<([u8; 3], u8)>>,
}

impl Quantiser {
    /// Learns, and answers the place of each pixel's nearest colour.
    pub(super) fn learn(pixels: &[[u8; 3]]) -> (Self, Vec<u8>) {
        let sampled = pixels.iter().cycle().take(pixels.len().max(LEAST_SAMPLES));
        let sampled: Vec<u8> = sampled.flat_map(|[red, green, blue]| [*red, *green, *blue, 255]).collect();
        let rate = i32::try_from((pixels.len() / SAMPLES).clamp(1, 30)).unwrap_or(30);
        let network = NeuQuant::new(rate, LEARNT, &sampled);
        let colours = network.color_map_rgb().as_chunks::<3>().0.to_vec();
        let mut quantiser = Self { network, colours, error: 0.0, remembered: vec![None; REMEMBERED] };
        let (places, error) = quantiser.places(pixels);
        quantiser.error = error;
        (quantiser, places)
    }

    /// The place of each pixel's nearest colour, if they are about as near as those it has learnt from.
    pub(super) fn knows(&mut self, pixels: &[[u8; 3]]) -> Option<Vec<u8>> {
        let (places, error) = self.places(pixels);
        (error <= self.error * 1.25 + 0.5).then_some(places)
    }

    pub(super) fn colours(&self) -> &[[u8; 3]] {
        &self.colours
    }

    /// What it has learnt.
    pub(super) fn palette(&self) -> Palette {
        Palette::of(self.colours.clone())
    }

    /// The place of each pixel's nearest colour, and the mean error.
    fn places(&mut self, pixels: &[[u8; 3]]) -> (Vec<u8>, f64) {
        let mut sum: u64 = 0;
        let places = pixels.iter().map(|pixel| {
            let place = self.place(*pixel);
            let colour = self.colours.get(usize::from(place)).copied().unwrap_or_default();
            sum += pixel.iter().zip(colour).map(|(one, other)| u64::from(one.abs_diff(other))).sum::<u64>();
            place
        });
        let places: Vec<u8> = places.collect();
        #[expect(clippy::cast_precision_loss, reason = "a mean of bytes")]
        let error = sum as f64 / (3 * pixels.len().max(1)) as f64;
        (places, error)
    }

    fn place(&mut self, pixel: [u8; 3]) -> u8 {
        let [red, green, blue] = pixel.map(u32::from);
        let hash = (red << 16 | green << 8 | blue).wrapping_mul(0x9e37_79b1) >> 18;
        let remembered = &mut self.remembered[hash as usize];
        match remembered {
            Some((colour, place)) if *colour == pixel => *place,
            _ => {
                let [red, green, blue] = pixel;
                let place = u8::try_from(self.network.index_of(&[red, green, blue, 255])).unwrap_or(0);
                *remembered = Some((pixel, place));
                place
            }
        }
    }
}
