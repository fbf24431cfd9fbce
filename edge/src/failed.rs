//! Pictures that cannot be made, remembered for seconds: a broken picture on a page with many visitors asks the origin
//! once in a while, and spends its key's quota as seldom (EDGE-4). Where the project shows a fallback, that there is one is
//! remembered for the fallback's time instead; the cache has it, under a name of its own (CACHE-12).

use std::cell::RefCell;

use sealpix::denial::Code;

use crate::bounded::Bounded;
use crate::response::Refusal;

/// How long, in seconds: who mends the source sees it soon.
const REMEMBERED_SECS: u64 = 10;

/// Names in a generation.
const NAMES: usize = 1_000;

/// What is shown in place of a picture.
#[derive(Clone, Copy)]
enum Known {
    Refusal(Code),
    /// The project's fallback, for so many seconds.
    Fallback(u32),
}

thread_local! {
    static FAILED: RefCell<Bounded<String, (Known, u64)>> = const { RefCell::new(Bounded::new(NAMES)) };
}

/// Refuses a picture, by its name in the cache, that could not be made a moment ago; or says for how many seconds in all a
/// fallback is shown in its place. `now` is in unix seconds.
pub(crate) fn check(name: &str, now: u64) -> Result<Option<u32>, Refusal> {
    let failed = FAILED.with_borrow_mut(|failed| failed.get_mut(name).copied());
    match failed.filter(|(_, until)| now < *until) {
        Some((Known::Refusal(code), _)) => Err(code.into()),
        Some((Known::Fallback(secs), _)) => Ok(Some(secs)),
        None => Ok(None),
    }
}

/// Takes note of why there is no picture, if that would be so again.
pub(crate) fn note(name: &str, refusal: &Refusal, now: u64) {
    let code = refusal.code();
    if lasts(code) {
        remember(name, Known::Refusal(code), now.saturating_add(REMEMBERED_SECS));
    }
}

/// Takes note of a fallback that was stored.
pub(crate) fn note_fallback(name: &str, secs: u32, now: u64) {
    remember(name, Known::Fallback(secs), now.saturating_add(secs.into()));
}

fn remember(name: &str, known: Known, until: u64) {
    FAILED.with_borrow_mut(|failed| failed.insert(name.to_owned(), (known, until)));
}

/// Whether the source or what is asked of it is at fault, not the network or a crowd.
fn lasts(code: Code) -> bool {
    matches!(
        code,
        Code::SourceNotFound
            | Code::SourceAddressBlocked
            | Code::SourceTooLarge
            | Code::SourceUnsupported
            | Code::SourceBroken
            | Code::ResultTooLarge
            | Code::OperationUnsupported
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_4_what_cannot_be_made_is_refused_for_a_while_and_what_a_crowd_hindered_is_not() {
        note("a", &Code::SourceNotFound.into(), 100);
        note("b", &Code::Overloaded.into(), 100);
        assert_eq!(check("a", 109).unwrap_err().code(), Code::SourceNotFound);
        assert!(check("a", 110).is_ok() && check("b", 100).is_ok());
    }

    #[test]
    fn cache12_that_there_is_a_fallback_is_remembered_for_its_time_and_is_no_refusal() {
        note_fallback("c", 60, 100);
        assert_eq!(check("c", 159).ok(), Some(Some(60)));
        assert_eq!(check("c", 160).ok(), Some(None));
        note("c", &Code::SourceNotFound.into(), 160);
        assert_eq!(check("c", 161).unwrap_err().code(), Code::SourceNotFound);
    }
}
