//! A progressive JPEG at an eighth: what is left out of it changes nothing.

use turbojpeg::Subsamp;

use super::super::decode::jpeg::decode_planes;
use super::super::geometry::Size;
use super::super::probe::Probe;
use super::sources::{gradient, jpeg_with, photo};
use super::{ImageError, Limits, run};

/// The samples of each plane at an eighth, without those beside the picture.
fn means(source: &[u8]) -> Vec<Vec<u8>> {
    let planes = decode_planes(source, &Probe::read(source).unwrap(), 8, &Limits::default()).unwrap().unwrap();
    let (across, down) = planes.chroma.unwrap_or((1, 1));
    let shown = |(number, (size, samples)): (usize, (Size, Vec<u8>))| {
        let (across, down) = if number == 0 { (1, 1) } else { (across, down) };
        let (width, height) = (planes.size.width.div_ceil(across), planes.size.height.div_ceil(down));
        let rows = samples.chunks(size.width as usize).take(height as usize);
        rows.flat_map(|row| &row[..width as usize]).copied().collect()
    };
    planes.planes.into_iter().enumerate().map(shown).collect()
}

#[test]
fn a_progressive_jpeg_has_the_means_of_its_baseline_twin() {
    let photo = super::open(&run(&photo("freespace-1mp.jpg"), "w_1201,f_png").unwrap());
    for picture in [photo, gradient(997, 333), gradient(64, 64), gradient(9, 7)] {
        for subsamp in
            [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub2x2, Subsamp::Sub4x1, Subsamp::Gray]
        {
            let twin = |progressive| {
                jpeg_with(&picture, |compressor| {
                    compressor.set_subsamp(subsamp).unwrap();
                    compressor.set_progressive(progressive).unwrap();
                })
            };
            assert_eq!(means(&twin(true)), means(&twin(false)), "{:?} {subsamp:?}", picture.size);
        }
    }
}

#[test]
fn img7_a_thumbnail_of_a_progressive_jpeg_is_that_of_its_baseline_twin() {
    let twin = |progressive| {
        jpeg_with(&gradient(1024, 768), |compressor| {
            compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
            compressor.set_progressive(progressive).unwrap();
        })
    };
    for operations in ["w_96,f_jpg", "w_64,h_64,fit_cover,f_webp", "rot_90,w_40,f_jpg,q_60"] {
        assert_eq!(run(&twin(true), operations), run(&twin(false), operations), "{operations}");
    }
}

#[test]
fn a_progressive_jpeg_that_is_cut_short_is_broken_at_every_size() {
    let source = jpeg_with(&gradient(1024, 768), |compressor| compressor.set_progressive(true).unwrap());
    for left in [source.len() / 3, source.len() - 2] {
        for operations in ["w_64", "w_700"] {
            let cut = run(&source[..left], operations);
            assert!(matches!(cut, Err(ImageError::Broken(_))), "{left} bytes, {operations}");
        }
    }
}
