//! What a request says. Nothing else of it is looked at, and no header is believed but those that
//! the platform writes.

use js_sys::Reflect;
use web_sys::{Headers, Request};

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
    /// The platform's id of this request, or a random one.
    pub(crate) id: String,
    /// When it arrived, in unix milliseconds.
    pub(crate) at_millis: u64,
    headers: Headers,
}

impl Asked {
    /// Reads a request.
    pub(crate) fn read(request: &Request) -> Self {
        let headers = request.headers();
        let ray = headers.get("CF-Ray").ok().flatten();
        Self {
            method: request.method(),
            target: target_of(&request.url()).to_owned(),
            id: ray.filter(|ray| is_ray(ray)).unwrap_or_else(clock::random_hex),
            at_millis: clock::now_millis(),
            headers,
        }
    }

    /// A header. Each look is a call of the platform's, so nobody looks before it matters: most denials need none.
    fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// Which site shows the picture.
    pub(crate) fn referer(&self) -> Option<String> {
        let referer = self.header("Referer");
        referer.map(|referer| if referer.len() > MAX_REFERER_BYTES { OVERLONG_REFERER.to_owned() } else { referer })
    }

    /// What the client can show.
    pub(crate) fn accept(&self) -> Option<String> {
        self.header("Accept")
    }

    /// The copies that the client has.
    pub(crate) fn if_none_match(&self) -> Option<String> {
        self.header("If-None-Match")
    }

    /// Which bytes it wants.
    pub(crate) fn range(&self) -> Option<String> {
        self.header("Range")
    }

    /// The copy whose bytes it wants more of.
    pub(crate) fn if_range(&self) -> Option<String> {
        self.header("If-Range")
    }

    /// The client's address, which the platform writes (EDGE-1).
    pub(crate) fn address(&self) -> Option<String> {
        self.header("CF-Connecting-IP")
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
    let place = Reflect::get(request, &"cf".into()).and_then(|cf| Reflect::get(&cf, &"colo".into()));
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
