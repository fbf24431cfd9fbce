//! The picture: allowed / limit by minute, the counters beside each other under four loads.

use std::fs::File;
use std::io::{self, BufWriter};

use crate::font;
use crate::load::Load;
use crate::scenarios::steady;
use crate::world::{Counter, Scenario};

const WIDTH: usize = 1200;
const HEIGHT: usize = 840;
const PATH: &str = "docs/benchmarks/counters.png";

/// A panel's plot, in points, and the hundredths of the limit that it is high.
const PANEL: (usize, usize) = (500, 280);
const HUNDREDTHS: usize = 320;
const MINUTES: usize = 10;

type Colour = [u8; 3];
const INK: Colour = [40, 40, 40];
const GRID: Colour = [222, 222, 222];
const LIMIT: Colour = [150, 150, 150];

const LINES: [(Counter, Colour); 4] = [
    (Counter::Naive, [200, 60, 50]),
    (Counter::Local, [225, 150, 30]),
    (Counter::Durable, [40, 150, 90]),
    (Counter::Kv, [45, 95, 190]),
];

/// Draws it.
pub(crate) fn write() -> io::Result<()> {
    let mut page = Page(vec![255; WIDTH * HEIGHT * 3]);
    page.text("allowed / limit by minute, 600 a minute, 5 locations, kv lag 10 to 60 s", 30, 14, INK);
    let panels = [
        ("steady 3x from cold", Load::Steady(3.0)),
        ("step from 0.5x to 3x after minute 5", Load::Step { from: 0.5, to: 3.0, at_minute: 5 }),
        ("attacker of 3x who moves every 10 s", Load::Moving { factor: 3.0, every_secs: 10 }),
        ("steady 0.8x", Load::Steady(0.8)),
    ];
    for (place, (title, load)) in panels.into_iter().enumerate() {
        page.panel(title, load, (80 + place % 2 * 590, 80 + place / 2 * 370));
    }
    for (place, (counter, colour)) in LINES.into_iter().enumerate() {
        let x = 80 + place * 200;
        page.rectangle((x, HEIGHT - 24), (24, 5), colour);
        page.text(counter.name(), x + 34, HEIGHT - 29, INK);
    }
    std::fs::create_dir_all("docs/benchmarks")?;
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(PATH)?), 1200, 840);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&page.0).map_err(io::Error::other)
}

struct Page(Vec<u8>);

impl Page {
    fn panel(&mut self, title: &str, load: Load, (left, top): (usize, usize)) {
        let (width, height) = PANEL;
        let y_of = |hundredths: usize| top + height - hundredths.min(HUNDREDTHS) * height / HUNDREDTHS;
        let x_of = |minute: usize| left + minute * width / (MINUTES - 1);
        self.text(title, left, top - 24, INK);
        for whole in 0..=3 {
            self.rectangle((left, y_of(whole * 100)), (width, 1), if whole == 1 { LIMIT } else { GRID });
            self.text(&whole.to_string(), left - 20, y_of(whole * 100) - 7, INK);
        }
        for minute in 0..MINUTES {
            self.text(&(minute + 1).to_string(), x_of(minute) - 5, top + height + 10, INK);
        }
        for (place, (counter, colour)) in LINES.into_iter().enumerate() {
            let outcome = Scenario { load, ..steady(counter, 5, 3.0) }.run();
            let heights: Vec<_> = outcome.minutes.iter().map(|minute| y_of(hundredths(minute.admitted))).collect();
            // Lines that coincide stay visible: each is a little thinner than the one below it.
            let thick = 8 - 2 * place;
            for (minute, pair) in heights.windows(2).enumerate() {
                self.line((x_of(minute), pair[0]), (x_of(minute + 1), pair[1]), thick, colour);
            }
        }
    }

    fn line(&mut self, from: (usize, usize), to: (usize, usize), thick: usize, colour: Colour) {
        let steps = (to.0 - from.0).max(from.1.abs_diff(to.1)).max(1);
        for step in 0..=steps {
            let between = |from: usize, to: usize| (from * (steps - step) + to * step) / steps;
            let (x, y) = (between(from.0, to.0), between(from.1, to.1));
            self.rectangle((x - thick / 2, y - thick / 2), (thick, thick), colour);
        }
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
        for y in top..(top + height).min(HEIGHT) {
            for x in left..(left + width).min(WIDTH) {
                let at = (y * WIDTH + x) * 3;
                self.0[at..at + 3].copy_from_slice(&colour);
            }
        }
    }
}

fn hundredths(admitted: u32) -> usize {
    usize::try_from(admitted / 6).unwrap_or(0)
}
