//! Writes `shared/vectors/v1.json`: `cargo run -p sealpix-shared --example vectors`.
//!
//! The expectations are written by hand in `cases/`; this program only signs and formats. A test fails while the
//! committed file differs from what it would write.
#![expect(clippy::unwrap_used, reason = "a table that cannot be printed is mended at once")]

mod cases;
mod format;
mod state;

fn main() -> std::io::Result<()> {
    let text = format::print(&state::state(), &cases::all());
    let format::Vectors { version, about, state, cases } = format::read(&text);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/v{version}.json"));
    eprintln!(
        "{}: {} cases, {} projects, {} lines about it",
        path.display(),
        cases.len(),
        state.projects.len(),
        about.len()
    );
    std::fs::write(path, text)
}
