//! A progressive JPEG for who wants an eighth of each side: that needs one coefficient of each block, the mean, and most of
//! the file tells the other sixty-three (ITU-T T.81 §G.1.1). Their scans are left out unread.
//!
//! In their place stands a scan for each component that says all of them are nothing: without it the library would smooth the
//! means over, as it does for a picture that is still being received.

use super::super::probe::{JpegSegment, JpegSegments};

/// Defines one code of a Huffman table for AC: a zero bit, for a run of 16384 blocks without any more coefficients and
/// fourteen bits that add to it (T.81 §B.2.4.2, §G.1.2.2). No restarts.
const NOTHING: &[u8] = b"\xff\xc4\x00\x14\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xe0\xff\xdd\x00\x04\0\0";
const RUN_BLOCKS: u32 = 1 << 14;
const RUN_BITS: u32 = 15;

/// The file with the means alone; `None` where it is no progressive Huffman-coded JPEG, not whole, or of more scans than are
/// admitted.
pub(super) fn means_of(source: &[u8], most_scans: u32) -> Option<Vec<u8>> {
    let mut file = b"\xff\xd8".to_vec();
    let mut scans = 0;
    let (mut nothing, mut is_kept) = (None, true);
    for segment in JpegSegments::of(source) {
        match segment.ok()? {
            // Which coefficients a scan has stands in its header, the last three bytes: from, to, bits.
            JpegSegment::Marker(0xda, body) => {
                let [.., from, _, _] = body else { return None };
                scans += 1;
                if scans > most_scans {
                    return None;
                }
                is_kept = *from == 0;
                if is_kept {
                    push(&mut file, 0xda, body)?;
                }
            }
            JpegSegment::Scan(data) if is_kept => file.extend_from_slice(data),
            JpegSegment::Scan(_) => {}
            // Profile and metadata have been read.
            JpegSegment::Marker(0xe0..=0xed | 0xef | 0xfe, _) => {}
            JpegSegment::Marker(0x01 | 0xd0..=0xd8, _) => return None,
            JpegSegment::Marker(code, body) => {
                if code == 0xc2 && nothing.replace(no_more(body)?).is_some() {
                    return None;
                }
                push(&mut file, code, body)?;
            }
            JpegSegment::End => break,
        }
    }
    file.extend_from_slice(NOTHING);
    file.extend(nothing?);
    file.extend_from_slice(b"\xff\xd9");
    Some(file)
}

fn push(file: &mut Vec<u8>, code: u8, body: &[u8]) -> Option<()> {
    file.extend([0xff, code]);
    file.extend(u16::try_from(body.len() + 2).ok()?.to_be_bytes());
    file.extend_from_slice(body);
    Some(())
}

/// For each component of a frame header (T.81 §B.2.2) a scan in which no block has more than its mean.
fn no_more(frame: &[u8]) -> Option<Vec<u8>> {
    let [_, h1, h0, w1, w0, _, components @ ..] = frame else { return None };
    let (width, height) = (u32::from(u16::from_be_bytes([*w1, *w0])), u32::from(u16::from_be_bytes([*h1, *h0])));
    let (components, _) = components.as_chunks::<3>();
    let factors = |[_, factors, _]: &[u8; 3]| (u32::from(factors >> 4), u32::from(factors & 15));
    if components.iter().any(|component| factors(component).0 == 0 || factors(component).1 == 0) {
        return None;
    }
    let most_across = components.iter().map(|of| factors(of).0).max()?;
    let most_down = components.iter().map(|of| factors(of).1).max()?;
    let mut scans = Vec::new();
    for component in components {
        let (across, down) = factors(component);
        let blocks = (width * across).div_ceil(8 * most_across) * (height * down).div_ceil(8 * most_down);
        push(&mut scans, 0xda, &[1, component[0], 0, 1, 63, 0])?;
        // All its bits are zero; there must be no byte more than they fill.
        let bytes = (blocks.div_ceil(RUN_BLOCKS) * RUN_BITS).div_ceil(8);
        scans.extend(std::iter::repeat_n(0, usize::try_from(bytes).ok()?));
    }
    Some(scans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_or_not_progressive_is_left_alone() {
        assert_eq!(means_of(b"", 9), None);
        assert_eq!(means_of(b"\xff\xd8\xff\xd9", 9), None);
        // A frame of one component, a scan of means, a scan of the rest.
        let frame = b"\xff\xd8\xff\xc2\x00\x0b\x08\x00\x10\x00\x10\x01\x07\x11\x00";
        let scans = b"\xff\xda\x00\x08\x01\x07\x00\x00\x00\x00mean\xff\xda\x00\x08\x01\x07\x00\x01\x3f\x00rest";
        let whole = [&frame[..], scans, b"\xff\xd9"].concat();
        let skimmed = means_of(&whole, 2).unwrap();
        assert!(skimmed.starts_with(&[&frame[..], &scans[..14]].concat()));
        assert!(!skimmed.windows(4).any(|window| window == b"rest"));
        assert!(skimmed.ends_with(b"\xff\xda\x00\x08\x01\x07\x00\x01\x3f\x00\x00\x00\xff\xd9"));
        assert_eq!(means_of(&whole[..whole.len() - 2], 9), None);
        assert_eq!(means_of(&whole, 1), None, "a scan too many");
        let again = [&whole[..whole.len() - 2], &frame[2..13], &[0], &frame[14..], b"\xff\xd9"].concat();
        assert_eq!(means_of(&again, 9), None, "a second frame header, of impossible factors");
        assert_eq!(
            means_of(&whole.iter().map(|byte| if *byte == 0xc2 { 0xca } else { *byte }).collect::<Vec<_>>(), 9),
            None
        );
    }
}
