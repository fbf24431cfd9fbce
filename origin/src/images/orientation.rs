//! EXIF orientation (CIPA DC-008, tag 0x0112) as arithmetic: every value is an exchange of axes and two mirrors.
//!
//! Pixels are turned after resizing, when they are few; what comes before is planned in the picture as shown and
//! carried over to the picture as coded by [`Orientation::to_coded`].

use super::geometry::{Area, Rect, Size};

/// How the coded picture must be turned to be shown upright, 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Orientation {
    /// Rows are columns.
    pub(super) transposed: bool,
    /// The coded picture's columns run from the right.
    pub(super) mirrored_x: bool,
    /// The coded picture's rows run from the bottom.
    pub(super) mirrored_y: bool,
}

impl Orientation {
    /// The orientation of the tag's value; values that the tag does not have mean upright.
    pub(super) fn from_exif(value: u32) -> Self {
        let (transposed, mirrored_x, mirrored_y) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, false, true),
            7 => (true, true, true),
            8 => (true, true, false),
            _ => (false, false, false),
        };
        Self { transposed, mirrored_x, mirrored_y }
    }

    /// The tag's value.
    pub(super) fn exif(self) -> u8 {
        match (self.transposed, self.mirrored_x, self.mirrored_y) {
            (false, false, false) => 1,
            (false, true, false) => 2,
            (false, true, true) => 3,
            (false, false, true) => 4,
            (true, false, false) => 5,
            (true, false, true) => 6,
            (true, true, true) => 7,
            (true, true, false) => 8,
        }
    }

    /// Quarter turns anticlockwise, then a mirror: the order of `irot` and `imir` in HEIF (ISO 23008-12 §6.5.10).
    pub(super) fn from_heif(quarters: u8, mirror: Option<Mirror>) -> Self {
        let turned = match quarters % 4 {
            0 => 1,
            1 => 8,
            2 => 3,
            _ => 6,
        };
        let value = match (turned, mirror) {
            (turned, None) => turned,
            (1, Some(Mirror::LeftRight)) | (3, Some(Mirror::TopBottom)) => 2,
            (1, Some(Mirror::TopBottom)) | (3, Some(Mirror::LeftRight)) => 4,
            (8, Some(Mirror::LeftRight)) | (6, Some(Mirror::TopBottom)) => 7,
            (_, Some(_)) => 5,
        };
        Self::from_exif(value)
    }

    /// This orientation, and then another turn of what it shows.
    #[must_use]
    pub(super) fn then(self, turn: Self) -> Self {
        // Carried over to the coded picture, a mirror of columns that are rows is one of rows.
        let (x, y) =
            if self.transposed { (turn.mirrored_y, turn.mirrored_x) } else { (turn.mirrored_x, turn.mirrored_y) };
        Self {
            transposed: self.transposed ^ turn.transposed,
            mirrored_x: self.mirrored_x ^ x,
            mirrored_y: self.mirrored_y ^ y,
        }
    }

    /// The turn that undoes this one.
    pub(super) fn inverse(self) -> Self {
        let Self { transposed, mirrored_x, mirrored_y } = self;
        let (mirrored_x, mirrored_y) = if transposed { (mirrored_y, mirrored_x) } else { (mirrored_x, mirrored_y) };
        Self { transposed, mirrored_x, mirrored_y }
    }

    /// True when nothing is to be turned.
    pub(super) fn is_upright(self) -> bool {
        self == Self::default()
    }

    /// A coded size as shown, or a shown size as coded.
    pub(super) fn turn(self, size: Size) -> Size {
        if self.transposed { Size { width: size.height, height: size.width } } else { size }
    }

    /// An area of the shown picture, in the coordinates of the coded one, whose size is `coded`.
    pub(super) fn to_coded(self, area: Area, coded: Size) -> Area {
        let Area { x, y, width, height } = area;
        let (x, y, width, height) = if self.transposed { (y, x, height, width) } else { (x, y, width, height) };
        Area {
            x: if self.mirrored_x { f64::from(coded.width) - x - width } else { x },
            y: if self.mirrored_y { f64::from(coded.height) - y - height } else { y },
            width,
            height,
        }
    }

    /// [`Orientation::to_coded`] for whole pixels; the part lies within the picture.
    pub(super) fn rect_to_coded(self, part: Rect, coded: Size) -> Rect {
        let Rect { x, y, width, height } = part;
        let (x, y, width, height) = if self.transposed { (y, x, height, width) } else { (x, y, width, height) };
        Rect {
            x: if self.mirrored_x { coded.width - x - width } else { x },
            y: if self.mirrored_y { coded.height - y - height } else { y },
            width,
            height,
        }
    }

    /// Turns interleaved pixels of `CHANNELS` bytes upright.
    pub(super) fn apply<const CHANNELS: usize>(self, coded: Size, pixels: Vec<u8>) -> Vec<u8> {
        if self.is_upright() {
            return pixels;
        }
        let shown = self.turn(coded);
        let (source, _) = pixels.as_chunks::<CHANNELS>();
        let stride = coded.width as usize;
        let mut upright = Vec::with_capacity(pixels.len());
        for y in 0..shown.height {
            for x in 0..shown.width {
                let (u, v) = if self.transposed { (y, x) } else { (x, y) };
                let column = if self.mirrored_x { coded.width - 1 - u } else { u };
                let row = if self.mirrored_y { coded.height - 1 - v } else { v };
                upright.extend_from_slice(&source[row as usize * stride + column as usize]);
            }
        }
        upright
    }
}

/// The axis that `imir` exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mirror {
    /// The top becomes the bottom.
    TopBottom,
    /// The left becomes the right.
    LeftRight,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture `1 2 3 / 4 5 6`, as each orientation shows it (CIPA DC-008 figure of the tag).
    #[test]
    fn img1_every_orientation_turns_as_the_tag_says() {
        let table: [(u32, [u8; 6]); 8] = [
            (1, [1, 2, 3, 4, 5, 6]),
            (2, [3, 2, 1, 6, 5, 4]),
            (3, [6, 5, 4, 3, 2, 1]),
            (4, [4, 5, 6, 1, 2, 3]),
            (5, [1, 4, 2, 5, 3, 6]),
            (6, [4, 1, 5, 2, 6, 3]),
            (7, [6, 3, 5, 2, 4, 1]),
            (8, [3, 6, 2, 5, 1, 4]),
        ];
        for (value, shown) in table {
            let orientation = Orientation::from_exif(value);
            let turned = orientation.apply::<1>(Size { width: 3, height: 2 }, vec![1, 2, 3, 4, 5, 6]);
            assert_eq!(turned, shown, "orientation {value}");
            assert_eq!(u32::from(orientation.exif()), value);
        }
    }

    #[test]
    fn unknown_orientations_are_upright() {
        for value in [0, 9, 255, 65_535] {
            assert!(Orientation::from_exif(value).is_upright());
        }
    }

    #[test]
    fn heif_turns_then_mirrors() {
        let size = Size { width: 3, height: 2 };
        let pixels = || vec![1, 2, 3, 4, 5, 6];
        for quarters in 0..4 {
            for mirror in [None, Some(Mirror::LeftRight), Some(Mirror::TopBottom)] {
                let turn = Orientation::from_heif(quarters, None);
                let turned = turn.apply::<1>(size, pixels());
                let mirrored = match mirror {
                    None => turned,
                    Some(Mirror::LeftRight) => Orientation::from_exif(2).apply::<1>(turn.turn(size), turned),
                    Some(Mirror::TopBottom) => Orientation::from_exif(4).apply::<1>(turn.turn(size), turned),
                };
                assert_eq!(Orientation::from_heif(quarters, mirror).apply::<1>(size, pixels()), mirrored);
            }
        }
    }

    #[test]
    fn img1_turns_add_up_and_are_undone() {
        let (size, pixels) = (Size { width: 3, height: 2 }, vec![1, 2, 3, 4, 5, 6]);
        for one in (1..=8).map(Orientation::from_exif) {
            let shown = one.apply::<1>(size, pixels.clone());
            for other in (1..=8).map(Orientation::from_exif) {
                let both = one.then(other).apply::<1>(size, pixels.clone());
                assert_eq!(both, other.apply::<1>(one.turn(size), shown.clone()), "{one:?} then {other:?}");
            }
            assert!(one.then(one.inverse()).is_upright());
            let part = Rect { x: 2, y: 0, width: 1, height: 2 };
            assert_eq!(one.rect_to_coded(one.inverse().rect_to_coded(part, one.turn(size)), size), part);
        }
    }

    #[test]
    fn an_area_is_found_again_in_the_coded_picture() {
        let coded = Size { width: 40, height: 20 };
        // The shown picture's top left corner of 10 by 5.
        let area = |orientation: Orientation| {
            let area = orientation.to_coded(Area { x: 0.0, y: 0.0, width: 10.0, height: 5.0 }, coded);
            (area.x, area.y, area.width, area.height)
        };
        assert_eq!(area(Orientation::from_exif(1)), (0.0, 0.0, 10.0, 5.0));
        assert_eq!(area(Orientation::from_exif(3)), (30.0, 15.0, 10.0, 5.0));
        assert_eq!(area(Orientation::from_exif(6)), (0.0, 10.0, 5.0, 10.0));
        assert_eq!(area(Orientation::from_exif(8)), (35.0, 0.0, 5.0, 10.0));
    }
}
