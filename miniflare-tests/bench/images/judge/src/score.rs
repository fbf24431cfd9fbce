//! SSIMULACRA2 of a picture against its source, resized as it should have been.

use std::error::Error;
use std::fs;

use serde::{Deserialize, Serialize};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use crate::reference::{On, Pixels, resized};

/// A file of pixels, row after row.
#[derive(Deserialize, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    path: String,
    width: u32,
    height: u32,
    channels: usize,
}

#[derive(Deserialize)]
pub(crate) struct Pair {
    source: Raw,
    result: Raw,
    cover: bool,
}

/// Against the resize on values, and against that on light.
#[derive(Serialize)]
pub(crate) struct Scores {
    values: f64,
    light: f64,
}

/// Keeps the last source: most pairs share it with the one before.
#[derive(Default)]
pub(crate) struct Judge {
    last: Option<(Raw, Pixels)>,
}

impl Judge {
    pub(crate) fn score(&mut self, pair: &Pair) -> Result<Scores, Box<dyn Error>> {
        let (raw, source) = match self.last.take().filter(|(raw, _)| *raw == pair.source) {
            Some(kept) => kept,
            None => (pair.source.clone(), read(&pair.source)?),
        };
        let result = read(&pair.result)?;
        let against = |on| -> Result<f64, Box<dyn Error>> {
            let expected = resized(&source, (result.width, result.height), pair.cover, on)?;
            Ok(compute_frame_ssimulacra2(picture(expected, &result)?, picture(result.on_white(), &result)?)?)
        };
        let scores = Scores { values: against(On::Values)?, light: against(On::Light)? };
        self.last = Some((raw, source));
        Ok(scores)
    }
}

fn read(raw: &Raw) -> Result<Pixels, Box<dyn Error>> {
    let bytes = fs::read(&raw.path)?;
    let pixels = usize::try_from(u64::from(raw.width) * u64::from(raw.height))?;
    if ![3, 4].contains(&raw.channels) || bytes.len() != pixels * raw.channels {
        return Err(format!("{} has {} bytes", raw.path, bytes.len()).into());
    }
    Ok(Pixels { width: raw.width, height: raw.height, channels: raw.channels, bytes })
}

fn picture(values: Vec<[f32; 3]>, like: &Pixels) -> Result<Rgb, Box<dyn Error>> {
    let (width, height) = (usize::try_from(like.width)?, usize::try_from(like.height)?);
    Ok(Rgb::new(values, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)?)
}
