//! JPEG's markers (ITU-T T.81 annex B): the frame header, and the segments that say how to read it.

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::orientation::Orientation;
use super::{Coding, Probe, orientation_of};

/// A marker with its segment, or entropy-coded bytes between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Segment<'a> {
    /// The second byte of the marker, and what follows its two bytes of length.
    Marker(u8, &'a [u8]),
    /// Entropy-coded data, restart markers within it.
    Scan(&'a [u8]),
    /// The end of the picture. What follows in the file is not part of it.
    End,
}

/// Walks the segments from the start of the picture; ends after [`Segment::End`] or an error.
#[derive(Debug)]
pub(in super::super) struct Segments<'a> {
    rest: &'a [u8],
    in_scan: bool,
    ended: bool,
}

impl<'a> Segments<'a> {
    /// Starts after the two bytes of the start marker.
    pub(in super::super) fn of(source: &'a [u8]) -> Self {
        Self { rest: source.get(2..).unwrap_or_default(), in_scan: false, ended: false }
    }

    fn read(&mut self) -> Option<Segment<'a>> {
        if self.in_scan {
            self.in_scan = false;
            let marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
            // Without a further marker the data runs to the end of the file, and the next read fails.
            let end = self.rest.windows(2).position(marker).unwrap_or(self.rest.len());
            let (data, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Segment::Scan(data));
        }
        // Fill bytes may stand before a marker; other bytes there are skipped, as every decoder does.
        let at = self.rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))?;
        let code = *self.rest.get(at + 1)?;
        self.rest = self.rest.get(at + 2..)?;
        match code {
            0xd9 => return Some(Segment::End),
            // Markers that stand alone.
            0x01 | 0xd0..=0xd8 => return Some(Segment::Marker(code, &[])),
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(*self.rest.first_chunk()?));
        let body = self.rest.get(2..length)?;
        self.rest = self.rest.get(length..)?;
        self.in_scan = code == 0xda;
        Some(Segment::Marker(code, body))
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Result<Segment<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let segment = self.read();
        self.ended = matches!(segment, None | Some(Segment::End));
        Some(segment.ok_or(ImageError::Broken("the JPEG file ends within its data")))
    }
}

pub(super) fn probe(source: &[u8]) -> Result<Probe, ImageError> {
    let mut orientation = Orientation::default();
    let mut profile_parts: Vec<(u8, &[u8])> = Vec::new();
    let mut adobe = false;
    let mut frame = None;
    for segment in Segments::of(source) {
        match segment? {
            Segment::Marker(0xe1, body) if body.starts_with(b"Exif\0\0") => orientation = orientation_of(body),
            Segment::Marker(0xe2, body) => {
                if let Some([number, _, part @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
                    profile_parts.push((*number, part));
                }
            }
            Segment::Marker(0xee, body) if body.starts_with(b"Adobe") => adobe = true,
            // Start of frame: all of 0xc0 to 0xcf but the tables DHT, JPG and DAC.
            Segment::Marker(code @ 0xc0..=0xcf, body) if !matches!(code, 0xc4 | 0xc8 | 0xcc) => {
                if frame.replace(read_frame(code, body)?).is_some() {
                    return Err(ImageError::Broken("the JPEG file has two frame headers"));
                }
            }
            // What the decoder must know comes before the first scan.
            Segment::Marker(0xda, _) => break,
            Segment::End => return Err(ImageError::Broken("the JPEG file has no picture data")),
            Segment::Marker(..) | Segment::Scan(_) => {}
        }
    }
    let (size, coding) = frame.ok_or(ImageError::Broken("the JPEG file has no frame header"))?;
    profile_parts.sort_by_key(|(number, _)| *number);
    let profile: Vec<u8> = profile_parts.into_iter().flat_map(|(_, part)| part).copied().collect();
    let Coding::Jpeg { progressive, components, samples_64ths, .. } = coding else {
        return Ok(still(size, orientation, coding));
    };
    let profile = (!profile.is_empty()).then_some(profile);
    Ok(Probe { profile, ..still(size, orientation, Coding::Jpeg { progressive, components, samples_64ths, adobe }) })
}

fn still(size: Size, orientation: Orientation, coding: Coding) -> Probe {
    Probe { size, orientation, alpha: false, frames: 1, profile: None, coding, drawing: None }
}

/// The frame header (T.81 §B.2.2): precision, height, width, components.
fn read_frame(code: u8, body: &[u8]) -> Result<(Size, Coding), ImageError> {
    let [precision, h1, h0, w1, w0, components, samplings @ ..] = body else {
        return Err(ImageError::Broken("the JPEG frame header is too short"));
    };
    match code {
        0xc0..=0xc2 | 0xc9 | 0xca => {}
        0xc3 | 0xcb => return Err(ImageError::FormatUnsupported("lossless jpeg")),
        _ => return Err(ImageError::FormatUnsupported("hierarchical jpeg")),
    }
    if *precision != 8 {
        return Err(ImageError::FormatUnsupported("jpeg of more than 8 bits"));
    }
    if samplings.len() < 3 * usize::from(*components) {
        return Err(ImageError::Broken("the JPEG frame header is too short"));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(ImageError::FormatUnsupported("jpeg of this number of components"));
    }
    let side = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
    let size = Size { width: side(*w1, *w0), height: side(*h1, *h0) };
    let progressive = matches!(code, 0xc2 | 0xca);
    // Each component's factors, four bits across and four down, against the largest of all (T.81 §A.1.1).
    let factors = samplings.chunks_exact(3).take(usize::from(*components));
    let factors: Vec<(u16, u16)> = factors.map(|of| (u16::from(of[1] >> 4), u16::from(of[1] & 15))).collect();
    if factors.iter().any(|(across, down)| !(1..=4).contains(across) || !(1..=4).contains(down)) {
        return Err(ImageError::Broken("the JPEG frame header has impossible sampling factors"));
    }
    let most_across = factors.iter().map(|(across, _)| *across).max().unwrap_or(1);
    let most_down = factors.iter().map(|(_, down)| *down).max().unwrap_or(1);
    let samples: u16 = factors.iter().map(|(across, down)| across * down).sum();
    let samples_64ths = (64 * samples).div_ceil(most_across * most_down);
    Ok((size, Coding::Jpeg { progressive, components: *components, samples_64ths, adobe: false }))
}
