//! What an operator has the engine do otherwise than it does by itself.

/// Other ways of the engine, all off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// SVG is drawn; otherwise it is refused. It is never passed on.
    pub svg: bool,
    /// WebP is decoded by libwebp, in C; otherwise by `image-webp`, in safe Rust.
    pub libwebp: bool,
    /// A JPEG that is shrunk on load keeps twice the result's sides at least; otherwise the sides.
    pub fine_shrink: bool,
    /// Pictures are resized in linear light; otherwise as they are coded.
    pub linear: bool,
}

impl Settings {
    /// What stands in the name of every picture that is made so, since other bytes come of it: nothing by default.
    #[must_use]
    pub fn name(self) -> String {
        let all = [(self.svg, "svg"), (self.libwebp, "libwebp"), (self.fine_shrink, "fine"), (self.linear, "linear")];
        all.iter().filter(|(is_on, _)| *is_on).map(|(_, name)| format!("+{name}")).collect()
    }
}
