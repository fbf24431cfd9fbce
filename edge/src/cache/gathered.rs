//! Pictures that are gathered whole before they are stored, within a bound for the isolate's memory.

use std::cell::RefCell;

use js_sys::ArrayBuffer;
use js_sys::futures::JsFuture;
use wasm_bindgen::JsCast as _;
use web_sys::ResponseInit;
use worker::Headers;

use crate::clock;

/// Bytes of all pictures that an isolate gathers at once; more are passed on without being stored. Each may be there
/// three times: gathered, on the way to its client, on the way to the cache.
const MAX_GATHERED_BYTES: u32 = 24 * 1024 * 1024;

/// How long a picture may take from its first byte into the cache, in milliseconds: the longest wait for the origin that
/// can be configured, and what the platform gives to work behind an answer.
const GATHERING_MILLIS: u64 = 130_000;

/// The whole picture in memory. A cache that is given a stream keeps what came before it broke off, under a length of
/// its own making (CACHE-14).
pub(super) async fn gather(picture: &web_sys::Response, length: u32) -> Result<ArrayBuffer, &'static str> {
    let bytes = async { JsFuture::from(picture.array_buffer()?).await }.await.map_err(|_| "it broke off")?;
    let bytes: ArrayBuffer = bytes.unchecked_into();
    if bytes.byte_length() == length { Ok(bytes) } else { Err("it is not as long as its Content-Length") }
}

/// An answer of these bytes.
pub(super) fn whole(bytes: &ArrayBuffer, headers: &Headers) -> Result<web_sys::Response, &'static str> {
    let init = ResponseInit::new();
    init.set_headers(headers.as_ref());
    web_sys::Response::new_with_opt_buffer_source_and_init(Some(bytes), &init)
        .map_err(|_| "no answer can be made of it")
}

thread_local! {
    /// The pictures that are being gathered: until when at most, in unix milliseconds, and how many bytes.
    static GATHERED: RefCell<Vec<(u64, u32)>> = const { RefCell::new(Vec::new()) };
}

/// A picture's room among those that an isolate gathers. Given back with the picture; or after a time, since the platform
/// lets go of a request whose client is gone without dropping what it holds.
pub(super) struct Room((u64, u32));

impl Room {
    /// Room for so many bytes, if there is.
    pub(super) fn take(bytes: u32) -> Option<Self> {
        let now = clock::now_millis();
        GATHERED.with_borrow_mut(|gathered| {
            gathered.retain(|(until, _)| now < *until);
            let taken = gathered.iter().fold(bytes, |sum, (_, bytes)| sum.saturating_add(*bytes));
            let room = (now.saturating_add(GATHERING_MILLIS), bytes);
            (taken <= MAX_GATHERED_BYTES).then(|| gathered.push(room)).map(|()| Self(room))
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        GATHERED.with_borrow_mut(|gathered| {
            if let Some(at) = gathered.iter().position(|room| *room == self.0) {
                gathered.swap_remove(at);
            }
        });
    }
}
