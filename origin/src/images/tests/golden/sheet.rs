//! A grid of results: how it is drawn, and how the README tells it.

use std::fmt::Write as _;
use std::rc::Rc;

use image::{Rgb, RgbImage, Rgba, RgbaImage};

use super::super::super::Format;
use super::super::{moving, open_bytes};
use super::{Derivative, Mark, Picture, work};

/// What lies beside a result in its cell, so that its size is seen.
pub(super) const PAPER: Rgb<u8> = Rgb([203, 190, 222]);

const GUTTER: Rgb<u8> = Rgb([255; 3]);
const GUTTER_PIXELS: u32 = 4;

/// The two greys of the squares that are seen through a result.
const SQUARES: [u8; 2] = [102, 153];
const SQUARE_PIXELS: u32 = 4;

/// Between the frames of an animation.
pub(super) const FRAME_GAP_PIXELS: u32 = 2;

/// What one cell shows.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) source: Rc<Vec<u8>>,
    pub(super) mark: Option<Rc<Mark>>,
    pub(super) operations: String,
}

impl Cell {
    pub(super) fn new(source: &Rc<Vec<u8>>, operations: impl Into<String>) -> Self {
        Self { source: Rc::clone(source), mark: None, operations: operations.into() }
    }

    pub(super) fn made(&self) -> Derivative {
        match work(&self.source, self.mark.as_deref(), &self.operations) {
            Ok(derivative) => derivative,
            Err(refused) => panic!("{}: {refused}", self.operations),
        }
    }
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
}

pub(super) struct Sheet {
    pub(super) name: &'static str,
    /// What it shows, and what to look for.
    pub(super) about: &'static str,
    /// Width and height of a cell, no smaller than any result.
    pub(super) cell: (u32, u32),
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

impl Sheet {
    /// Rows and columns.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows.len()).flat_map(|row| (0..self.columns.len()).map(move |column| (row, column)))
    }

    pub(super) fn draw(&self) -> RgbImage {
        let sides = |count: usize, side: u32| GUTTER_PIXELS + count as u32 * (side + GUTTER_PIXELS);
        let size = (sides(self.columns.len(), self.cell.0), sides(self.rows.len(), self.cell.1));
        let mut image = RgbImage::from_pixel(size.0, size.1, GUTTER);
        for (row, column) in self.places() {
            let cell = &self.rows[row].cells[column];
            let drawn = self.drawn(&frames(&cell.made()), &cell.operations);
            let (left, top) = self.corner(row, column);
            image::imageops::replace(&mut image, &drawn, left.into(), top.into());
        }
        image
    }

    /// Frames side by side on a cell's paper.
    pub(super) fn drawn(&self, frames: &[RgbaImage], what: &str) -> RgbImage {
        let mut drawn = RgbImage::from_pixel(self.cell.0, self.cell.1, PAPER);
        let mut left = 0;
        for frame in frames {
            let right = left + frame.width();
            assert!(right <= self.cell.0 && frame.height() <= self.cell.1, "{}: {what} is too large", self.name);
            image::imageops::replace(&mut drawn, &seen(frame), left.into(), 0);
            left = right + FRAME_GAP_PIXELS;
        }
        drawn
    }

    pub(super) fn cell_of(&self, image: &RgbImage, row: usize, column: usize) -> RgbImage {
        let (left, top) = self.corner(row, column);
        image::imageops::crop_imm(image, left, top, self.cell.0, self.cell.1).to_image()
    }

    fn corner(&self, row: usize, column: usize) -> (u32, u32) {
        let at = |index: usize, side: u32| GUTTER_PIXELS + index as u32 * (side + GUTTER_PIXELS);
        (at(column, self.cell.0), at(row, self.cell.1))
    }
}

/// What a viewer sees of a result, by a decoder that is not the engine's where there is one.
pub(super) fn frames(derivative: &Derivative) -> Vec<RgbaImage> {
    let animated = derivative.format == Format::Gif || derivative.bytes.windows(4).any(|name| name == b"ANMF");
    let frames = match derivative.format {
        _ if animated => moving::see(derivative).frames.into_iter().map(|(picture, _)| of(picture)).collect(),
        Format::Avif => vec![of(open_bytes(&derivative.bytes))],
        _ => vec![image::load_from_memory(&derivative.bytes).unwrap().to_rgba8()],
    };
    assert!(frames.iter().all(|frame| frame.dimensions() == (derivative.width, derivative.height)));
    frames
}

pub(super) fn of(picture: Picture) -> RgbaImage {
    RgbaImage::from_raw(picture.size.width, picture.size.height, picture.with_alpha().pixels).unwrap()
}

/// A result over squares that are seen through it.
pub(super) fn seen(frame: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(frame.width(), frame.height(), |x, y| over_squares(*frame.get_pixel(x, y), x, y))
}

fn over_squares(Rgba([colours @ .., alpha]): Rgba<u8>, x: u32, y: u32) -> Rgb<u8> {
    let square = u32::from(SQUARES[((x / SQUARE_PIXELS + y / SQUARE_PIXELS) % 2) as usize]);
    let alpha = u32::from(alpha);
    Rgb(colours.map(|colour| ((u32::from(colour) * alpha + square * (255 - alpha) + 127) / 255) as u8))
}

/// The page that says what the cells of all sheets are.
pub(super) fn readme(sheets: &[Sheet]) -> String {
    let mut text = HEAD.to_owned();
    for Sheet { name, about, columns, rows, .. } in sheets {
        write!(text, "\n## {name}\n\n{about}\n\n![{name}]({name}.png)\n\n").unwrap();
        let shared: Vec<_> = (0..columns.len()).map(|column| shared_by(rows, column)).collect();
        let head = columns.iter().enumerate().map(|(index, column)| match &shared[index] {
            Some(operations) if operations != column => format!("{column}: `{operations}`"),
            Some(operations) => format!("`{operations}`"),
            None => column.clone(),
        });
        writeln!(text, "| row | {} |\n|{}", head.collect::<Vec<_>>().join(" | "), "---|".repeat(columns.len() + 1))
            .unwrap();
        for (index, row) in rows.iter().enumerate() {
            let cells = row.cells.iter().zip(&shared).map(|(cell, shared)| match shared {
                Some(_) => String::new(),
                None if row.name == format!("`{}`", cell.operations) => String::new(),
                None => format!("`{}`", cell.operations),
            });
            writeln!(text, "| {}. {} | {} |", index + 1, row.name, cells.collect::<Vec<_>>().join(" | ")).unwrap();
        }
    }
    text
}

/// The operations of a column, if they are those of all its cells.
fn shared_by(rows: &[Row], column: usize) -> Option<String> {
    let mut all = rows.iter().map(|row| &row.cells[column].operations);
    let first = all.next()?;
    all.all(|operations| operations == first).then(|| first.clone())
}

const HEAD: &str = "\
# Golden images

Generated by `make golden`; do not edit. Each sheet is a grid of results as a viewer shows them, at their own size in the top
left of their cell. Lilac is the paper beside a result; grey squares are seen through what is transparent; the frames of
an animation stand side by side. The tables say, in the same order, what each row and column is.

The target: four quarters (red, green; blue, sand) in squares of two shades, a dark frame at all four edges, a white ring
that is a circle while the aspect is kept. With alpha: the inside of the ring is clear, the lower half lets a third through.
The photograph is `miniflare-tests/photos/freespace-1mp.jpg` by Trevor \"Freespace\", CC-BY-4.0, in smaller and changed copies.
`sources/` holds the target, a folder for each size, as sharp 0.35 (libvips, libaom, libwebp, libspng) wrote it, for codings
that no encoder here writes; `sources/make.mjs` has the settings of each file and writes them anew from the folder's
`target.png` and `clear.png`.

A test fails when a cell strays by more than a codec's next version moves it (`compare.rs` has the bounds, `tolerance.rs` proves
them), and writes what it drew and the difference into `target/golden`. After a change that is meant, `make golden`, look at
every sheet that changed, commit.
";
