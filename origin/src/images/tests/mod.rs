//! The engine as its caller sees it: bytes in, bytes out. Ids in names are those of the list of traps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "tests fail by panicking"
)]

mod animation;
mod attention;
mod cleaning;
mod codecs;
mod colours;
mod corpus;
mod description;
mod effects;
mod foreign;
mod frames;
mod geometry_operations;
mod golden;
mod ground;
mod hostile;
mod independent;
mod max;
mod meta;
mod moving;
mod photos;
mod settings;
mod shapes;
mod skimming;
mod sources;
mod svg;
mod trimming;
mod watermark;

use std::time::{Duration, Instant};

use sealpix::operations::Operations;

use super::picture::{Channels, Picture};
use super::probe::Probe;
use super::{Derivative, ImageError, Job, Limits, Settings, Until, decode};

/// A job without a watermark, to a deadline.
fn process(
    source: &[u8],
    operations: &Operations,
    limits: &Limits,
    deadline: Instant,
) -> Result<Derivative, ImageError> {
    Job { source, operations, mark: None, is_negotiated: false, limits }.run(&Until::at(deadline))
}

/// What the queue weighs.
fn estimate_bytes(source: &[u8], operations: &Operations, limits: &Limits) -> Result<u64, ImageError> {
    Job { source, operations, mark: None, is_negotiated: false, limits }.estimate_bytes()
}

/// Processes with the default limits and a deadline that no test comes near.
fn run(source: &[u8], operations: &str) -> Result<Derivative, ImageError> {
    let operations = Operations::read(operations).unwrap();
    process(source, &operations, &Limits::default(), Instant::now() + Duration::from_secs(120))
}

/// The same under settings.
fn run_by(settings: Settings, source: &[u8], operations: &str) -> Result<Derivative, ImageError> {
    let (operations, limits) = (Operations::read(operations).unwrap(), Limits { settings, ..Limits::default() });
    process(source, &operations, &limits, Instant::now() + Duration::from_secs(120))
}

/// A finished picture's pixels, opened by our own decoders; its size must be what the derivative says.
fn open(derivative: &Derivative) -> Picture {
    let picture = open_bytes(&derivative.bytes);
    assert_eq!((picture.size.width, picture.size.height), (derivative.width, derivative.height));
    picture
}

fn open_bytes(bytes: &[u8]) -> Picture {
    let probe = Probe::read(bytes).unwrap();
    decode::decode(bytes, &probe, 1, &Limits::default()).unwrap().picture
}

/// The pixel at a place, with alpha.
fn pixel(picture: &Picture, x: u32, y: u32) -> [u8; 4] {
    let at = (y * picture.size.width + x) as usize * picture.channels.count();
    let alpha = if picture.channels == Channels::Rgba { picture.pixels[at + 3] } else { 255 };
    [picture.pixels[at], picture.pixels[at + 1], picture.pixels[at + 2], alpha]
}

/// Whether every channel is within `by` of what it should be.
fn near(one: [u8; 4], other: [u8; 4], by: u8) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= by)
}

/// The mean difference of a channel between two pictures of a size.
fn mean_difference(one: &Picture, other: &Picture) -> f64 {
    assert_eq!((one.size, one.channels), (other.size, other.channels));
    let sum: u64 = one.pixels.iter().zip(&other.pixels).map(|(one, other)| u64::from(one.abs_diff(*other))).sum();
    sum as f64 / one.pixels.len() as f64
}
