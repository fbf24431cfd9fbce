//! The bindings of codecs whose interface is C's: the only folder of the crate with unsafe code. Each file keeps
//! one library behind safe functions over slices, and says at every call why it is sound.

pub(super) mod av1;
pub(super) mod container;
pub(super) mod webp;
#[cfg(test)]
pub(super) mod webp_reference;
