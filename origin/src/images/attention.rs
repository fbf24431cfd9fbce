//! `g_smart`: which part of a picture draws the eye.
//!
//! A small copy of the picture is scored pixel by pixel: detail (the Laplacian of its brightness), colour (how far it is from
//! that of the edge, and how much more saturated), and skin. These are the measures of `attention` in libvips and sharp, put
//! against the picture's own edge instead of against grey. A cut to another aspect moves along one axis only, so what
//! is searched is a line of sums. One thread, no randomness: the same picture gives the same part everywhere (IMG-7).

use super::dominant::{brightness, edge_colour};
use super::error::ImageError;
use super::geometry::{Anchor, Plan, Size};
use super::orientation::Orientation;
use super::picture::{Picture, blend};
use super::resize;

/// The longer side of the copy, in pixels.
pub(super) const COPY_PIXELS: u32 = 128;

/// How much better than the centre another place must be, as a factor: noise does not move a cut.
const BETTER: f64 = 1.02;

/// From this mean difference of its channels on, a colour is another than the edge's.
const OTHER_COLOUR: u32 = 24;

/// The plan, its part moved to where it holds the most. `decoded` is the picture as coded, of a source of size `coded` that
/// was shrunk on load.
pub(super) fn aimed(
    plan: Plan,
    decoded: &Picture,
    coded: Size,
    shrink: u32,
    orientation: Orientation,
) -> Result<Plan, ImageError> {
    let window = orientation.to_coded(plan.window.area(), coded).shrunk(shrink);
    let size = plan.window.size().at_most(COPY_PIXELS);
    let touched = window.touched(decoded.size);
    let copy = resize::picture(decoded, touched, window, orientation.turn(size))?.turned(orientation);
    let scores = scores(&copy);
    let (columns, rows) = sums(&scores, size);
    let whole = plan.window.area();
    let across = share(&columns, plan.part.width / whole.width);
    let down = share(&rows, plan.part.height / whole.height);
    Ok(plan.aimed(Anchor::Share(across, down)))
}

/// What each pixel is worth.
fn scores(copy: &Picture) -> Vec<u32> {
    let ground = edge_colour(copy);
    let [red, green, blue, _] = ground;
    let ground_chroma = chroma([red, green, blue]);
    let colours: Vec<[u8; 3]> = copy.colours().map(|pixel| blend(pixel, ground)).map(opaque).collect();
    let bright: Vec<u32> = colours.iter().map(|colour| brightness(*colour)).collect();
    let (width, height) = (copy.size.width as usize, copy.size.height as usize);
    let mut scores = Vec::with_capacity(colours.len());
    for (at, colour) in colours.into_iter().enumerate() {
        let (x, y) = (at % width, at / width);
        // Beyond the edge the picture goes on with its last pixel.
        let around = [
            if x > 0 { at - 1 } else { at },
            if x + 1 < width { at + 1 } else { at },
            if y > 0 { at - width } else { at },
            if y + 1 < height { at + width } else { at },
        ];
        let detail = (bright[at] * 4).abs_diff(around.map(|at| bright[at]).iter().sum());
        let other =
            colour.iter().zip([red, green, blue]).map(|(one, other)| u32::from(one.abs_diff(other))).sum::<u32>() / 3;
        let vivid = chroma(colour).saturating_sub(ground_chroma);
        let skin = if other < OTHER_COLOUR { 0 } else { skin(colour) };
        scores.push(detail.min(255) * 4 + other + vivid + skin * 2);
    }
    scores
}

fn opaque([red, green, blue, _]: [u8; 4]) -> [u8; 3] {
    [red, green, blue]
}

fn chroma([red, green, blue]: [u8; 3]) -> u32 {
    u32::from(red.max(green).max(blue) - red.min(green).min(blue))
}

/// How near a colour is to the hue of human skin, 0 to 255, however light or dark: by the angle between the two as vectors. The
/// hue is that of libvips and smartcrop.js.
fn skin(colour: [u8; 3]) -> u32 {
    const HUE: [u64; 3] = [78, 57, 44];
    const DARKEST: u32 = 40;
    let sum = |terms: [u64; 3]| terms.iter().sum::<u64>();
    let [red, green, blue] = colour.map(u64::from);
    let dot = sum([red * HUE[0], green * HUE[1], blue * HUE[2]]);
    let squares = sum([red * red, green * green, blue * blue]) * sum(HUE.map(|part| part * part));
    if brightness(colour) < DARKEST || squares == 0 {
        return 0;
    }
    // The cosine squared, in thousandths; 985 is about 7 degrees away.
    let near = (dot * dot * 1000 / squares).saturating_sub(985);
    u32::try_from(near * 17).unwrap_or(0).min(255)
}

/// The scores of each column and of each row.
fn sums(scores: &[u32], size: Size) -> (Vec<f64>, Vec<f64>) {
    let (mut columns, mut rows) = (vec![0.0; size.width as usize], Vec::with_capacity(size.height as usize));
    for row in scores.chunks_exact(size.width as usize) {
        for (column, score) in columns.iter_mut().zip(row) {
            *column += f64::from(*score);
        }
        rows.push(row.iter().map(|score| f64::from(*score)).sum());
    }
    (columns, rows)
}

/// Where a part of this length, as a share of the whole, holds the most: the share of what is left over that goes before it,
/// in thousandths. What lies in the middle of the part counts fully, and less and less towards its ends, so that a thing comes to
/// stand in the middle. 500 where nothing is better than the centre.
fn share(sums: &[f64], length: f64) -> u32 {
    if length >= 1.0 {
        return 500;
    }
    let places: Vec<(f64, f64)> = sums.iter().zip(0u32..).map(|(sum, index)| (f64::from(index) + 0.5, *sum)).collect();
    let whole: f64 = places.iter().map(|_| 1.0).sum();
    let length = length * whole;
    // A part that is thinner than a pixel of the copy still sees one.
    let reach = (length / 2.0).max(1.0);
    let held = |share: u32| {
        let centre = length / 2.0 + (whole - length) * f64::from(share) / 1000.0;
        places.iter().map(|(place, sum)| sum * (1.0 - ((place - centre) / reach).powi(2)).max(0.0)).sum::<f64>()
    };
    // From the centre outwards: of places that are level, the one nearest to it.
    let outwards = (1..=500).flat_map(|step| [500 - step, 500 + step]);
    let best = outwards.fold((500, held(500) * BETTER), |best, share| {
        let held = held(share);
        if held > best.1 { (share, held) } else { best }
    });
    best.0
}
