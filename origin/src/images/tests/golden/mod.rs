//! Golden images: what the engine makes of the whole table of operations, on sheets that a person looks over.
//!
//! A sheet is a grid of cells, kept as a PNG beside this file; README.md says what each cell is. The tests draw every
//! sheet anew, open the engine's results by decoders that are not its own where there is one, and hold each cell against
//! the kept one ([`compare`]). `make golden` writes sheets and README anew; then look at them.

mod animations;
mod codings;
mod compare;
mod families;
mod fits;
mod kinds;
mod mistaken;
mod moving_kinds;
mod operations;
mod outputs;
mod overview;
mod product;
mod sheet;
mod targets;
mod tolerance;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use image::RgbImage;
use sealpix::operations::Operations;

use super::super::geometry::Size;
use super::super::{Job, Mark, Until};
use super::sources::png_with;
use super::{Derivative, ImageError, Limits, Picture};
use compare::{difference, strayed};
use sheet::Sheet;

/// A source that another encoder wrote: `sources/make.mjs`.
fn made_elsewhere(name: &str) -> Vec<u8> {
    let path = kept("sources").join(name);
    std::fs::read(&path).unwrap_or_else(|why| panic!("{path:?}: {why}"))
}

fn sheets() -> Vec<Sheet> {
    [
        fits::sheets(),
        kinds::sheets(),
        vec![animations::sheet()],
        operations::sheets(),
        outputs::sheets(),
        overview::sheets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The one way to the engine.
fn work(source: &[u8], mark: Option<&Mark>, operations: &str) -> Result<Derivative, ImageError> {
    let operations = Operations::read(operations).unwrap();
    let job = Job { source, operations: &operations, mark, is_negotiated: false, limits: &Limits::default() };
    job.run(&Until::at(Instant::now() + Duration::from_secs(120)))
}

#[test]
fn img9_every_fit_of_every_aspect() {
    fits::sheets().iter().for_each(check);
}

#[test]
fn img1_img2_img3_img4_every_kind_of_source() {
    kinds::sheets().iter().for_each(check);
}

#[test]
fn img1_img2_img3_img4_img9_every_kind_of_source_of_every_aspect_through_every_fit() {
    overview::sheets().iter().for_each(check);
}

#[test]
fn every_frame_of_an_animation() {
    check(&animations::sheet());
}

#[test]
fn every_operation_of_the_table() {
    operations::sheets().iter().for_each(check);
}

#[test]
fn every_format_out() {
    outputs::sheets().iter().for_each(check);
}

#[test]
fn the_readme_tells_what_each_cell_is() {
    let path = kept("README.md");
    let text = sheet::readme(&sheets());
    if updating() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(std::fs::read_to_string(path).unwrap() == text, "`make golden` writes it anew");
}

/// Draws a sheet and holds every cell against the kept one.
fn check(sheet: &Sheet) {
    let drawn = sheet.draw();
    let path = kept(&format!("{}.png", sheet.name));
    if updating() {
        return std::fs::write(path, small_png(&drawn)).unwrap();
    }
    let golden = open_sheet(sheet.name);
    assert_eq!(golden.dimensions(), drawn.dimensions(), "{}: `make golden` draws it anew", sheet.name);
    let strayed: Vec<String> = sheet
        .places()
        .filter_map(|(row, column)| {
            let cut = |image| sheet.cell_of(image, row, column);
            let why = strayed(&cut(&golden), &cut(&drawn))?;
            Some(format!("{} / {}: {why}", sheet.rows[row].name, sheet.columns[column]))
        })
        .collect();
    if strayed.is_empty() {
        return;
    }
    let folder = output_folder();
    let save = |what: &str, image: &RgbImage| image.save(folder.join(format!("{}.{what}.png", sheet.name))).unwrap();
    save("actual", &drawn);
    save("difference", &difference(&golden, &drawn));
    panic!("{} of {path:?} (see {folder:?}):\n{}", strayed.len(), strayed.join("\n"));
}

/// As few bytes as a PNG of it takes: the sheets lie in the repository.
fn small_png(sheet: &RgbImage) -> Vec<u8> {
    png_with(Size { width: sheet.width(), height: sheet.height() }, sheet, |encoder| {
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
    })
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn kept(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "src/images/tests/golden", name].iter().collect()
}

fn open_sheet(name: &str) -> RgbImage {
    image::open(kept(&format!("{name}.png"))).unwrap().to_rgb8()
}

/// `golden` in the folder that Cargo builds into.
fn output_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(3).unwrap().join("golden");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
