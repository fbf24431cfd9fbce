//! What the engine writes, opened by a decoder that is not ours.

use super::sources::photo;
use super::{open, pixel, run};

#[test]
fn another_decoder_sees_the_same_picture() {
    let source = photo("freespace-1mp.jpg");
    for (operations, most) in
        [("w_301,f_png", 0.0), ("w_301,f_jpg", 2.0), ("w_301,f_webp", 2.0), ("w_301,h_301,fit_pad,f_png", 0.0)]
    {
        let derivative = run(&source, operations).unwrap();
        let ours = open(&derivative);
        let theirs = image::load_from_memory(&derivative.bytes).unwrap().to_rgba8();
        assert_eq!(theirs.dimensions(), (derivative.width, derivative.height), "{operations}");
        let difference: u64 = theirs
            .enumerate_pixels()
            .map(|(x, y, theirs)| {
                let ours = pixel(&ours, x, y);
                ours.iter().zip(theirs.0).map(|(one, other)| u64::from(one.abs_diff(other))).sum::<u64>()
            })
            .sum();
        let mean = difference as f64 / (f64::from(derivative.width) * f64::from(derivative.height) * 4.0);
        assert!(mean <= most, "{operations}: {mean}");
    }
}
