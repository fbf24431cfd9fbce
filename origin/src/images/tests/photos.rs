//! Photographs as they come from cameras.

use std::time::Instant;

use super::sources::photo;
use super::{mean_difference, open, run};

#[test]
fn a_photograph_looks_the_same_on_both_roads() {
    let source = photo("sunset-12mp-progressive.jpg");
    let pixels = open(&run(&source, "w_400,f_png").unwrap());
    for operations in ["w_400,q_95", "w_400,f_webp,q_95", "w_400,f_avif,q_95"] {
        let difference = mean_difference(&pixels, &open(&run(&source, operations).unwrap()));
        assert!(difference < 3.0, "{operations}: {difference}");
    }
}

#[test]
fn img7_a_result_is_the_same_each_time() {
    let source = photo("freespace-1mp.jpg");
    for operations in ["w_300,f_avif", "w_300,f_webp", "w_300,f_jpg", "w_300,f_png"] {
        assert_eq!(run(&source, operations).unwrap(), run(&source, operations).unwrap());
    }
}

/// Not a test but a measurement: `cargo test -p sealpix-origin --lib -- --ignored --nocapture timings`.
#[test]
#[ignore = "prints times and writes files for the eye"]
fn timings() {
    let folder = std::env::temp_dir().join("sealpix-images");
    std::fs::create_dir_all(&folder).unwrap();
    let source = photo("sunset-12mp-progressive.jpg");
    for operations in [
        "w_800,f_jpg",
        "w_800,f_webp",
        "w_800,f_avif",
        "w_800,f_png",
        "w_200,h_200,fit_cover,f_webp",
        "f_jpg",
        "f_webp",
        "_",
    ] {
        let mut times: Vec<u128> = (0..5)
            .map(|_| {
                let begun = Instant::now();
                run(&source, operations).unwrap();
                begun.elapsed().as_millis()
            })
            .collect();
        times.sort_unstable();
        let result = run(&source, operations).unwrap();
        println!("{operations}: {} ms, {} bytes", times[2], result.bytes.len());
        std::fs::write(folder.join(format!("{}.{}", operations.replace(':', "-"), result.format.name())), result.bytes)
            .unwrap();
    }
}
