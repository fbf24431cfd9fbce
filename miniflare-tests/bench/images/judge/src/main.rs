//! What `make bench` needs of Rust: SSIMULACRA2 scores, and the plot.
//!     image-judge score    a line of JSON each for a picture and its source; a line each with its scores
//!     image-judge plot     the plot as JSON; the PNG

#[path = "../../../../../edge/simulate/font.rs"]
mod font;
mod plot;
mod reference;
mod score;

use std::error::Error;
use std::io::{self, BufRead as _, Read as _, Write as _};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("score") => {
            let mut judge = score::Judge::default();
            for line in io::stdin().lock().lines() {
                let scores = judge.score(&serde_json::from_str(&line?)?)?;
                writeln!(io::stdout(), "{}", serde_json::to_string(&scores)?)?;
            }
            Ok(())
        }
        Some("plot") => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            plot::write(&serde_json::from_str(&text)?, &mut io::stdout().lock())
        }
        _ => Err("usage: image-judge score|plot".into()),
    }
}
