//! The Worker's clock and its randomness. In production the clock moves only after I/O, so a request reads it once
//! and passes it on.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::Delay;

/// What comes of it within so many milliseconds.
pub(crate) async fn within<T>(millis: u64, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), Delay::from(Duration::from_millis(millis))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// Unix milliseconds.
pub(crate) fn now_millis() -> u64 {
    worker::Date::now().as_millis()
}

/// 32 random hex digits, for names. Without randomness they are all zeros.
pub(crate) fn random_hex() -> String {
    let bytes: [u8; 16] = random().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// Random bytes of the platform; `None` if it has none, which no platform of ours lacks.
#[expect(clippy::disallowed_methods, reason = "this is the one place of the edge that draws them")]
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}
