//! The plot: for each task a bar a peer, as long as the logarithm of the ratio. Right of the middle Sealpix is faster.

use std::error::Error;
use std::io::Write;

use serde::Deserialize;

use crate::font;

type Colour = [u8; 3];
const INK: Colour = [40, 40, 40];
const GRID: Colour = [222, 222, 222];
const COLOURS: [Colour; 4] = [[45, 95, 190], [225, 150, 30], [40, 150, 90], [200, 60, 50]];

const WIDTH: usize = 1200;
const LEFT: usize = 380;
/// Points that a doubling takes, and the doublings that there is room for on each side.
const DOUBLING: usize = 120;
const SLOWER: usize = 2;
const FASTER: usize = 4;
const BAR: usize = 12;
const TOP: usize = 90;

#[derive(Deserialize)]
pub(crate) struct Plot {
    title: String,
    peers: Vec<String>,
    rows: Vec<Row>,
}

/// A task with a ratio for each peer; none where the peer did not run.
#[derive(Deserialize)]
struct Row {
    label: String,
    ratios: Vec<Option<f64>>,
}

pub(crate) fn write(plot: &Plot, to: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let row_height = plot.peers.len() * BAR + 10;
    let bottom = TOP + plot.rows.len() * row_height;
    let mut page = Page::new(bottom + 40);
    page.text(&plot.title, 30, 14, INK);
    for (peer, colour) in plot.peers.iter().zip(COLOURS) {
        page.text(peer, 60, page.legend, INK);
        page.rectangle((30, page.legend + 2), (20, 10), colour);
        page.legend += 16;
    }
    for (place, label) in ["1/4", "1/2", "1", "2", "4", "8", "16"].into_iter().enumerate() {
        let x = LEFT + place * DOUBLING;
        page.rectangle(
            (x, TOP - 6),
            (if place == SLOWER { 2 } else { 1 }, bottom - TOP + 6),
            if place == SLOWER { INK } else { GRID },
        );
        page.text(label, x - 6 * label.len(), bottom + 10, INK);
    }
    for (place, row) in plot.rows.iter().enumerate() {
        let top = TOP + place * row_height;
        page.text(&row.label, 30, top + (row_height - 24) / 2, INK);
        for (at, (ratio, colour)) in row.ratios.iter().zip(COLOURS).enumerate() {
            if let Some(ratio) = ratio {
                page.bar(*ratio, top + at * BAR, colour);
            }
        }
    }
    let mut encoder = png::Encoder::new(to, u32::try_from(WIDTH)?, u32::try_from(page.height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(&page.points)?;
    Ok(())
}

struct Page {
    height: usize,
    /// Where the legend's next line goes.
    legend: usize,
    points: Vec<u8>,
}

impl Page {
    fn new(height: usize) -> Self {
        Self { height, legend: 34, points: vec![255; WIDTH * height * 3] }
    }

    /// A bar from the middle; longer than the room for it, it ends at the edge.
    fn bar(&mut self, ratio: f64, top: usize, colour: Colour) {
        let middle = LEFT + SLOWER * DOUBLING;
        let longest = if ratio < 1.0 { SLOWER } else { FASTER } * DOUBLING;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred points")]
        let length = ((ratio.log2().abs() * DOUBLING as f64) as usize).clamp(1, longest);
        let left = if ratio < 1.0 { middle - length } else { middle };
        self.rectangle((left, top + 1), (length, BAR - 2), colour);
    }

    fn text(&mut self, text: &str, left: usize, top: usize, colour: Colour) {
        for (place, letter) in text.chars().enumerate() {
            for (column, bits) in font::columns(letter).into_iter().enumerate() {
                for row in (0..7).filter(|row| bits >> row & 1 == 1) {
                    self.rectangle((left + place * 12 + column * 2, top + row * 2), (2, 2), colour);
                }
            }
        }
    }

    fn rectangle(&mut self, (left, top): (usize, usize), (width, height): (usize, usize), colour: Colour) {
        for y in top..(top + height).min(self.height) {
            for x in left..(left + width).min(WIDTH) {
                let at = (y * WIDTH + x) * 3;
                self.points[at..at + 3].copy_from_slice(&colour);
            }
        }
    }
}
