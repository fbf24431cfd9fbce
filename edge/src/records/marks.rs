//! Marks on names that are being pulled or pushed, so that one request does it and the others follow.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::clock;

/// How long a mark holds, in milliseconds: the platform lets go of a request whose client is gone in the middle, without
/// dropping what it holds. Longer than the origin waits for a push.
const MARK_MILLIS: u64 = 15_000;

/// Names, and until when (unix milliseconds) each is marked.
pub(super) type Marked = RefCell<Vec<(String, u64)>>;

/// Whether `name` is marked.
pub(super) fn is_marked(marked: &'static LocalKey<Marked>, name: &str) -> bool {
    let now = clock::now_millis();
    marked.with_borrow(|marked| marked.iter().any(|(other, until)| other == name && now < *until))
}

/// The mark that names are being pulled or pushed; gone with the pull or push, however it ends.
pub(super) struct Mark(&'static LocalKey<Marked>, Vec<String>);

impl Mark {
    /// Marks names.
    pub(super) fn set(marked: &'static LocalKey<Marked>, names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let now = clock::now_millis();
        marked.with_borrow_mut(|marked| {
            marked.retain(|(_, until)| now < *until);
            marked.extend(names.iter().map(|name| (name.clone(), now.saturating_add(MARK_MILLIS))));
        });
        Self(marked, names)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.with_borrow_mut(|marked| marked.retain(|(other, _)| !self.1.contains(other)));
    }
}
