//! A Gaussian along lines of samples, at a cost a sample that does not grow with sigma.
//!
//! - Up to [`MOST_SIGMA_OF_TAPS`]: the sampled Gaussian itself, cut at three sigma.
//! - Above: three running means of a box whose two outermost samples count in part, so that the variance is exactly
//!   sigma squared (Gwosdek, Grewenig, Bruhn, Weickert: "Theoretical Foundations of Gaussian Convolution by Extended
//!   Box Filtering", 2011: the extended box filter).
//!
//! Samples are 16 bits: whole steps of a byte are 257 apart, so what is rounded between passes is never seen. Weights
//! sum to exactly one, or nearer to it than the last bit, and both ways are symmetric: flat stays flat.

/// Lines that are worked on side by side: 32 samples of 16 bits are a cache line.
pub(super) const LANES: usize = 32;

/// One position of all lines.
pub(super) type Lanes = [u16; LANES];

/// Where 13 taps cost what three running means do, and a box is still too coarse to be one.
const MOST_SIGMA_OF_TAPS: f64 = 2.0;

/// Three boxes in a row differ from a Gaussian by at most 7 % of its peak, just above the taps; by 5 % at large sigmas.
const PASSES: usize = 3;

/// What a weight of one is in [`Gaussian::Taps`]. A product with a sample fits 32 bits.
const ONE: u32 = 1 << 16;

/// A Gaussian of one sigma.
pub(super) enum Gaussian {
    /// Weights of the sample itself and of those at each distance, on both sides.
    Taps {
        /// Of the sample itself.
        centre: u32,
        /// From the nearest.
        sides: Vec<u32>,
    },
    /// A running mean, to be taken [`PASSES`] times.
    Boxes {
        /// Samples on each side that count in full.
        radius: usize,
        /// The weight of each.
        inner: f32,
        /// The weight of the one beyond them on each side.
        outer: f32,
    },
}

impl Gaussian {
    /// The Gaussian of a sigma in samples, 0.1 to 100.
    pub(super) fn new(sigma: f64) -> Self {
        if sigma <= MOST_SIGMA_OF_TAPS { Self::taps(sigma) } else { Self::boxes(sigma) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "weights are from 0 to ONE")]
    fn taps(sigma: f64) -> Self {
        let heights = (1..=6u32)
            .map(f64::from)
            .take_while(|distance| *distance < 3.0 * sigma + 1.0)
            .map(|distance| (-distance * distance / (2.0 * sigma * sigma)).exp());
        let whole: f64 = 1.0 + 2.0 * heights.clone().sum::<f64>();
        let sides: Vec<u32> = heights.map(|height| (height / whole * f64::from(ONE)).round() as u32).collect();
        Self::Taps { centre: ONE - 2 * sides.iter().sum::<u32>(), sides }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the radius is at most sigma; weights need no more")]
    fn boxes(sigma: f64) -> Self {
        let variance = sigma * sigma / f64::from(PASSES as u32);
        let radius = (((12.0 * variance + 1.0).sqrt() - 1.0) / 2.0).floor();
        let length = 2.0 * radius + 1.0;
        let share =
            length * (radius * (radius + 1.0) - 3.0 * variance) / (6.0 * (variance - (radius + 1.0) * (radius + 1.0)));
        let whole = length + 2.0 * share;
        Self::Boxes { radius: radius as usize, inner: (1.0 / whole) as f32, outer: (share / whole) as f32 }
    }

    /// How many samples before and after a line the result draws from.
    pub(super) fn reach(&self) -> usize {
        match self {
            Self::Taps { sides, .. } => sides.len(),
            Self::Boxes { radius, .. } => PASSES * (radius + 1),
        }
    }

    /// Smooths lines that go on for [`Self::reach`] at both ends, and shortens them by it.
    pub(super) fn smooth(&self, lines: &mut Vec<Lanes>) {
        match self {
            Self::Taps { centre, sides } => weighed(lines, *centre, sides),
            Self::Boxes { radius, inner, outer } => {
                for _ in 0..PASSES {
                    running_mean(lines, *radius, *inner, *outer);
                }
            }
        }
    }
}

/// In place: what has been written is not read again.
fn weighed(lines: &mut Vec<Lanes>, centre: u32, sides: &[u32]) {
    let reach = sides.len();
    let kept = lines.len().saturating_sub(2 * reach);
    for at in 0..kept {
        let middle = at + reach;
        // Half of the last place, to round.
        let mut sum = lines[middle].map(|sample| u32::from(sample) * centre + ONE / 2);
        for (distance, weight) in (1..).zip(sides) {
            let (before, after) = (&lines[middle - distance], &lines[middle + distance]);
            for ((sum, before), after) in sum.iter_mut().zip(before).zip(after) {
                *sum += (u32::from(*before) + u32::from(*after)) * weight;
            }
        }
        let mean = sum.map(|sum| (sum / ONE) as u16);
        lines[at] = mean;
    }
    lines.truncate(kept);
}

/// In place: the sample that leaves the sum stands behind the one that is written.
fn running_mean(lines: &mut Vec<Lanes>, radius: usize, inner: f32, outer: f32) {
    let span = 2 * radius + 2;
    let kept = lines.len().saturating_sub(span);
    // At most 203 samples: less than 2^24, which f32 holds exactly.
    let mut sum = [0u32; LANES];
    for position in lines.iter().take(span).skip(1) {
        sum.iter_mut().zip(position).for_each(|(sum, sample)| *sum += u32::from(*sample));
    }
    for at in 0..kept {
        let (next, last) = (lines[at + 1], lines[at + span]);
        for ((sample, sum), (next, last)) in lines[at].iter_mut().zip(&mut sum).zip(next.iter().zip(last)) {
            let ends = u32::from(*sample) + u32::from(last);
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "see above; `as` saturates"
            )]
            let mean = (*sum as f32 * inner + ends as f32 * outer + 0.5) as u16;
            *sample = mean;
            *sum = *sum + u32::from(last) - u32::from(*next);
        }
    }
    lines.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one full sample in the middle of a line becomes, in shares.
    fn response(sigma: f64) -> Vec<f64> {
        let gaussian = Gaussian::new(sigma);
        let reach = gaussian.reach();
        let mut lines = vec![[0; LANES]; 4 * reach + 1];
        lines[2 * reach] = [u16::MAX; LANES];
        gaussian.smooth(&mut lines);
        assert_eq!(lines.len(), 2 * reach + 1);
        lines.iter().map(|lanes| f64::from(lanes[LANES - 1]) / f64::from(u16::MAX)).collect()
    }

    #[test]
    fn a_point_becomes_a_gaussian_of_that_sigma() {
        for sigma in [0.3, 0.5, 0.8, 1.0, 1.7, 2.0, 2.001, 2.5, 3.3, 5.0, 8.0, 20.0, 50.0, 100.0] {
            let response = response(sigma);
            let middle = (response.len() / 2) as f64;
            let peak = 1.0 / (sigma * std::f64::consts::TAU.sqrt());
            let (mut sum, mut variance) = (0.0, 0.0);
            for (at, share) in response.iter().enumerate() {
                let distance = at as f64 - middle;
                sum += share;
                variance += share * distance * distance;
                assert_eq!(*share, response[response.len() - 1 - at], "sigma {sigma} is symmetric");
                let ideal = peak * (-distance * distance / (2.0 * sigma * sigma)).exp();
                // A sampled Gaussian as narrow as a sample is no longer the ideal one.
                assert!(sigma < 0.8 || (share - ideal).abs() < 0.07 * peak + 1e-4, "{sigma} at {distance}: {share}");
            }
            assert!((sum - 1.0).abs() < 0.01, "sigma {sigma} keeps {sum}");
            assert!(sigma < 0.8 || (variance.sqrt() / sigma - 1.0).abs() < 0.03, "{sigma}: {}", variance.sqrt());
        }
    }

    #[test]
    fn flat_lines_stay_as_they_are() {
        for sigma in [0.3, 1.0, 2.0, 2.1, 3.7, 9.9, 33.3, 100.0] {
            let gaussian = Gaussian::new(sigma);
            for sample in [0, 1, 255, 257, 30_000, u16::MAX - 1, u16::MAX] {
                let mut lines = vec![[sample; LANES]; 2 * gaussian.reach() + 3];
                gaussian.smooth(&mut lines);
                assert_eq!(lines, [[sample; LANES]; 3], "sigma {sigma}");
            }
        }
    }
}
