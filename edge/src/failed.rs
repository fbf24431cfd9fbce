//! Pictures that cannot be made, remembered for seconds: a broken picture on a page with many visitors asks the origin
//! once in a while, and spends its key's quota as seldom (EDGE-4).

use std::cell::RefCell;

use sealpix::denial::Code;

use crate::bounded::Bounded;
use crate::response::Refusal;

/// How long, in seconds: who mends the source sees it soon.
const REMEMBERED_SECS: u64 = 10;

/// Names in a generation.
const NAMES: usize = 1_000;

thread_local! {
    static FAILED: RefCell<Bounded<String, (Code, u64)>> = const { RefCell::new(Bounded::new(NAMES)) };
}

/// Refuses a picture, by its name in the cache, that could not be made a moment ago. `now` is in unix seconds.
pub(crate) fn check(name: &str, now: u64) -> Result<(), Refusal> {
    let failed = FAILED.with_borrow_mut(|failed| failed.get_mut(name).copied());
    match failed {
        Some((code, until)) if now < until => Err(code.into()),
        _ => Ok(()),
    }
}

/// Takes note of why there is no picture, if that would be so again.
pub(crate) fn note(name: &str, refusal: &Refusal, now: u64) {
    let code = refusal.code();
    if lasts(code) {
        FAILED.with_borrow_mut(|failed| failed.insert(name.to_owned(), (code, now.saturating_add(REMEMBERED_SECS))));
    }
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
}
