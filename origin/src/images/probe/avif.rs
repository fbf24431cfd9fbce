//! AVIF's boxes (ISO 14496-12, ISO 23008-12, the AVIF specification): a still picture of one coded item.

use super::super::codec::container::Container;
use super::super::error::ImageError;
use super::{Coding, Probe, take, take_array};

/// Whether the file type box names a still AVIF among its brands.
pub(super) fn is_compatible(source: &[u8]) -> bool {
    let brands = boxes(source).next().and_then(Result::ok).filter(|(name, _)| name == b"ftyp");
    brands.is_some_and(|(_, body)| body.chunks_exact(4).any(|brand| brand == b"avif"))
}

pub(super) fn probe(source: &[u8]) -> Result<Probe, ImageError> {
    let container = Container::read(source)?;
    Ok(Probe {
        size: container.size,
        orientation: container.orientation,
        alpha: container.alpha().is_some(),
        frames: 1,
        profile: container.profile(),
        coding: Coding::Avif,
        drawing: None,
    })
}

/// Whether the file holds anything beside the picture: an Exif or XMP item, a box of someone's own, bytes at the
/// end. What cannot be read holds something.
pub(in super::super) fn holds_metadata(source: &[u8]) -> bool {
    boxes(source).any(|found| match found {
        Ok((name, body)) if &name == b"meta" => body.get(4..).is_none_or(|body| boxes(body).any(item_is_metadata)),
        Ok((name, _)) => !matches!(&name, b"ftyp" | b"mdat"),
        Err(_) => true,
    })
}

/// The file up to the end of its last whole box: `mp4parse` sets aside whatever a box says it is long (DOS-2). Refused where
/// a box within `meta` is longer than what it stands in.
pub(in super::super) fn whole_boxes(source: &[u8]) -> Result<&[u8], ImageError> {
    let (mut rest, mut length) = (source, 0);
    while let Some((name, body)) = take_box(&mut rest) {
        if &name == b"meta" && !body.get(4..).is_some_and(are_whole) {
            return Err(ImageError::Broken("the AVIF file ends within a box"));
        }
        length = source.len() - rest.len();
    }
    source.get(..length).ok_or(ImageError::Broken("the AVIF file ends within a box"))
}

/// Whether no box of `meta`, or of its boxes of properties, is longer than what it stands in.
fn are_whole(body: &[u8]) -> bool {
    boxes(body).all(|found| match found {
        Ok((name, body)) => can_hold_its_count(&name, body) && (!matches!(&name, b"iprp" | b"ipco") || are_whole(body)),
        Err(_) => false,
    })
}

/// Whether a box has room for as many entries as it says that it has, for which memory is set aside before they are read
/// (ISO 14496-12 §8.11.3, §8.11.6, §8.11.14).
fn can_hold_its_count(name: &[u8; 4], body: &[u8]) -> bool {
    let version = body.first().copied().unwrap_or(0);
    let (at, is_long, least_bytes) = match name {
        b"iinf" => (4, version != 0, 8),
        b"iloc" => (6, version == 2, 6),
        b"ipma" => (4, true, 3),
        _ => return true,
    };
    let rest = body.get(at..).unwrap_or_default();
    let count = if is_long {
        rest.first_chunk().map(|count| u64::from(u32::from_be_bytes(*count)))
    } else {
        rest.first_chunk().map(|count| u64::from(u16::from_be_bytes(*count)))
    };
    count.is_some_and(|count| count * least_bytes <= rest.len() as u64)
}

/// Whether a box of `meta` lists an item that is not part of the picture (ISO 14496-12 §8.11.6).
fn item_is_metadata(found: Result<([u8; 4], &[u8]), ImageError>) -> bool {
    match found {
        Ok((name, body)) if &name == b"iinf" => {
            let count_bytes = if body.first() == Some(&0) { 2 } else { 4 };
            body.get(4 + count_bytes..).is_none_or(|entries| boxes(entries).any(|entry| !entry_is_picture(entry)))
        }
        Ok((name, _)) => {
            !matches!(&name, b"hdlr" | b"pitm" | b"iloc" | b"iprp" | b"iref" | b"idat" | b"dinf" | b"grpl")
        }
        Err(_) => true,
    }
}

fn entry_is_picture(entry: Result<([u8; 4], &[u8]), ImageError>) -> bool {
    let Ok((_, mut body)) = entry else { return false };
    let Some([version, ..]) = take_array::<4>(&mut body) else { return false };
    let id_bytes = if version == 2 { 2 } else { 4 };
    let kind = take(&mut body, id_bytes + 2).and_then(|_| take_array::<4>(&mut body));
    version >= 2 && matches!(kind.as_ref(), Some(b"av01" | b"grid"))
}

/// The boxes that stand one after the other: name and body.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = Result<([u8; 4], &[u8]), ImageError>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let found = take_box(&mut rest);
        if found.is_none() {
            rest = &[];
        }
        Some(found.ok_or(ImageError::Broken("the AVIF file ends within a box")))
    })
}

/// One box: 32-bit size with the header included, 1 for a 64-bit size after the name, 0 for the rest of the file.
fn take_box<'a>(rest: &mut &'a [u8]) -> Option<([u8; 4], &'a [u8])> {
    let size = u32::from_be_bytes(take_array(rest)?);
    let name = take_array(rest)?;
    let length = match size {
        0 => rest.len(),
        1 => usize::try_from(u64::from_be_bytes(take_array(rest)?)).ok()?.checked_sub(16)?,
        _ => usize::try_from(size).ok()?.checked_sub(8)?,
    };
    take(rest, length).map(|body| (name, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos11_a_count_that_its_box_has_no_room_for_is_found() {
        let body = |head: &[u8], count: &[u8], rest: usize| [head, count, &vec![0; rest]].concat();
        let long = |count: u32| count.to_be_bytes();
        for (name, head, count, rest, is_possible) in [
            (b"iinf", &[0, 0, 0, 0][..], &[0, 2][..], 16, true),
            (b"iinf", &[0, 0, 0, 0], &[0xff, 0xff], 16, false),
            (b"iinf", &[1, 0, 0, 0], &long(2), 16, true),
            (b"iinf", &[1, 0, 0, 0], &long(u32::MAX), 16, false),
            (b"iloc", &[0, 0, 0, 0, 0x44, 0], &[0, 1], 14, true),
            (b"iloc", &[2, 0, 0, 0, 0x44, 0], &long(0x1000_0000), 14, false),
            (b"ipma", &[0, 0, 0, 0], &long(1), 4, true),
            (b"ipma", &[0, 0, 0, 0], &long(0x1000_0000), 4, false),
            (b"iinf", &[], &[], 0, false),
            (b"hdlr", &[], &[], 0, true),
        ] {
            assert_eq!(can_hold_its_count(name, &body(head, count, rest)), is_possible, "{name:?} {head:?} {count:?}");
        }
    }
}
