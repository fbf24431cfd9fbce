//! What a request says, read once. Nothing else of it is looked at, and no header is believed but those that
//! the platform writes.

use js_sys::Reflect;
use worker::Request;

use crate::clock;

/// Longest Referer that is repeated to the origin: as long as a target may be. The proof has room for it.
const MAX_REFERER_BYTES: usize = 8_192;

/// What stands for a longer one. It is no site, so lists of sites deny it, on both sides alike.
const OVERLONG_REFERER: &str = "overlong";

/// The facts of a request.
#[derive(Debug)]
pub(crate) struct Asked {
    /// As on the wire.
    pub(crate) method: String,
    /// Path and query as they were received.
    pub(crate) target: String,
    /// Which site shows the picture.
    pub(crate) referer: Option<String>,
    /// What the client can show.
    pub(crate) accept: Option<String>,
    /// The copies that the client has.
    pub(crate) if_none_match: Option<String>,
    /// Which bytes it wants.
    pub(crate) range: Option<String>,
    /// The copy whose bytes it wants more of.
    pub(crate) if_range: Option<String>,
    /// The client's address, which the platform writes (EDGE-1).
    pub(crate) address: Option<String>,
    /// The platform's id of this request, or a random one.
    pub(crate) id: String,
    /// When it arrived, in unix milliseconds.
    pub(crate) at_millis: u64,
}

impl Asked {
    /// Reads a request.
    pub(crate) fn read(request: &Request) -> Self {
        let header = |name| request.headers().get(name).ok().flatten();
        Self {
            method: request.inner().method(),
            target: target_of(&request.inner().url()).to_owned(),
            referer: header("Referer")
                .map(|referer| if referer.len() > MAX_REFERER_BYTES { OVERLONG_REFERER.to_owned() } else { referer }),
            accept: header("Accept"),
            if_none_match: header("If-None-Match"),
            range: header("Range"),
            if_range: header("If-Range"),
            address: header("CF-Connecting-IP"),
            id: header("CF-Ray").filter(|ray| is_ray(ray)).unwrap_or_else(clock::random_hex),
            at_millis: clock::now_millis(),
        }
    }

    /// When it arrived, in unix seconds.
    pub(crate) fn now(&self) -> u64 {
        self.at_millis / 1000
    }

    /// Whether the answer goes without its body.
    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// The data centre's name, `FRA`; `local` where the platform does not say. By reflection: the library's way panics on
/// a `cf` that lacks it.
pub(crate) fn data_centre(request: &Request) -> String {
    let place = Reflect::get(request.inner(), &"cf".into()).and_then(|cf| Reflect::get(&cf, &"colo".into()));
    let place = place.ok().and_then(|place| place.as_string());
    place.filter(|place| is_place(place)).unwrap_or_else(|| "local".to_owned())
}

/// Path and query of an absolute URL, byte for byte: all from the first `/` after the authority. A fragment, which
/// no client sends, stays in and is refused by the parser.
fn target_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

/// 16 hex digits and, behind a dash, the place: `8f1c…-FRA`.
fn is_ray(text: &str) -> bool {
    let (digits, place) = text.split_once('-').unwrap_or((text, ""));
    digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()) && (place.is_empty() || is_place(place))
}

fn is_place(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_all_behind_the_authority() {
        for (url, target) in [
            ("https://img.example.com/my-app/_/a.b/c?key=k&sig=s", "/my-app/_/a.b/c?key=k&sig=s"),
            ("http://127.0.0.1:8787/a//b?x=https://y/z#f", "/a//b?x=https://y/z#f"),
            ("https://user@host/a", "/a"),
            ("https://host", "/"),
        ] {
            assert_eq!(target_of(url), target);
        }
    }

    #[test]
    fn only_a_ray_is_taken_for_a_ray() {
        for ray in ["8f1c2d3e4f5a6b7c", "8f1c2d3e4f5a6b7c-FRA"] {
            assert!(is_ray(ray));
        }
        for other in ["", "8f1c", "8f1c2d3e4f5a6b7c-<b>", "zf1c2d3e4f5a6b7c-FRA", "8f1c2d3e4f5a6b7c-FRA\n"] {
            assert!(!is_ray(other));
        }
    }
}
