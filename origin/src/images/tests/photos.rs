//! Photographs as they come from cameras.

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
