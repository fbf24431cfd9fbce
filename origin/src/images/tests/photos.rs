//! Photographs as they come from cameras.

use std::time::{Duration, Instant};

use sealpix::operations::Operations;

use super::super::estimate_bytes;
use super::sources::photo;
use super::{Limits, mean_difference, open, process, run};

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

/// The most memory that one piece of work took, against its estimate (DOS-11). Run once for each line, because the
/// system remembers a process's peak: `SEALPIX_WORK="photo operations" cargo test … -- --ignored --nocapture peak`.
#[test]
#[ignore = "measures the whole process"]
fn peak() {
    let work = std::env::var("SEALPIX_WORK").unwrap();
    let (file, operations) = work.split_once(' ').unwrap();
    let source = if file.contains('/') { std::fs::read(file).unwrap() } else { photo(file) };
    let operations = Operations::read(operations).unwrap();
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    let before = peak();
    let estimate = estimate_bytes(&source, &operations, &Limits::default());
    let begun = Instant::now();
    let result = process(&source, &operations, &Limits::default(), begun + Duration::from_secs(60));
    let took = peak() - before;
    let estimate = estimate.unwrap_or(0);
    println!(
        "{work}: {} ms, {} MiB, estimated {} MiB ({:.2}), {:?}",
        begun.elapsed().as_millis(),
        took >> 20,
        estimate >> 20,
        estimate as f64 / took as f64,
        result.map(|result| result.bytes.len())
    );
}

/// Every quality that may become a default, of every photograph in a folder, for a measure of how they look.
#[test]
#[ignore = "writes files for another program"]
fn qualities() {
    let folder = std::env::var("SEALPIX_PHOTOS").unwrap();
    let results = std::env::temp_dir().join("sealpix-qualities");
    std::fs::create_dir_all(&results).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        let source = std::fs::read(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let qualities = [("jpg", 75..=85), ("webp", 76..=88), ("avif", 50..=80)];
        std::fs::write(results.join(format!("{name}.png")), run(&source, "w_800,h_800,f_png").unwrap().bytes).unwrap();
        for (format, range) in qualities {
            for quality in range.step_by(if format == "avif" { 5 } else { 2 }) {
                let result = run(&source, &format!("w_800,h_800,f_{format},q_{quality}")).unwrap();
                std::fs::write(results.join(format!("{name}-{quality}.{format}")), result.bytes).unwrap();
            }
        }
    }
}
