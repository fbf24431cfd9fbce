//! A map that forgets: what an isolate remembers is bounded, whatever is asked of it.
//!
//! Two generations. Entries enter the young one; when it is full it becomes the old one and the old one is
//! dropped; an entry that is used moves to the young one. So at most twice the bound is held, what is in use
//! stays, and nothing is ever scanned. Ordered maps, because the names come from strangers.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// A map of at most twice `generation` entries.
#[derive(Debug)]
pub struct Bounded<K, V> {
    // Boxed, so that maps of different values are the same code, which the linker folds: the Worker is held to a size.
    young: BTreeMap<K, Box<V>>,
    old: BTreeMap<K, Box<V>>,
    generation: usize,
}

impl<K: Ord, V> Bounded<K, V> {
    /// An empty map whose generations hold `generation` entries each.
    #[must_use]
    pub const fn new(generation: usize) -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new(), generation }
    }

    /// The entry, which is thereby in use.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, name: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if let Some((name, value)) = self.old.remove_entry(name) {
            self.keep(name, value);
        }
        self.young.get_mut(name).map(Box::as_mut)
    }

    /// Puts an entry.
    pub fn insert(&mut self, name: K, value: V) {
        self.keep(name, Box::new(value));
    }

    fn keep(&mut self, name: K, value: Box<V>) {
        if self.young.len() >= self.generation && !self.young.contains_key(&name) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&name);
        self.young.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let mut map = Bounded::new(10);
        map.insert(0, "used");
        for name in 1..1000 {
            map.insert(name, "once");
            assert_eq!(map.get_mut(&0), Some(&mut "used"), "after {name}");
            assert!(map.young.len() + map.old.len() <= 20);
        }
        assert_eq!(map.get_mut(&1), None);
    }
}
