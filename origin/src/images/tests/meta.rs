//! `meta`: what a result keeps of its source's metadata, read by a reader that is not ours.

use std::io::Cursor;

use exif::{Exif, In, Reader, Tag, Value};
use turbojpeg::Subsamp;

use super::super::format::Format;
use super::super::geometry::Size;
use super::super::probe::Probe;
use super::moving::lively_webp;
use super::sources::{exif_with_place, extended_webp, gradient, jpeg, png, with_chunk, with_segment};
use super::{Derivative, open, run};

const OWNER: &str = "\u{a9} 2026 Ada Lovelace";
const HOME: &[u8] = b"GPS-MY-HOME";
const FACE: &[u8] = b"MY-CROPPED-FACE";
const XMP: &[u8] = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description tiff:Orientation=\"6\"/>HOMETOWN</x:xmpmeta>";

fn holds(derivative: &Derivative, text: &[u8]) -> bool {
    derivative.bytes.windows(text.len()).any(|window| window == text)
}

/// A block with two lines of credit, a place, and a thumbnail in a second directory.
fn full_exif(orientation: u8) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let owner = [OWNER.as_bytes(), b"\0"].concat();
    let owner_bytes = u32::try_from(owner.len()).unwrap();
    // Head and directory 8 + 2 + 5 * 12 + 4 = 74; then place 12 + GPS directory 18, copyright, second directory 30.
    let (home, gps, text) = (74u32, 86u32, 104u32);
    let second = text + owner_bytes;
    let face = second + 30;
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x05".to_vec();
    tiff.extend(entry(0x010e, 2, 12, home.to_be_bytes()));
    tiff.extend(entry(0x0112, 3, 1, [0, orientation, 0, 0]));
    tiff.extend(entry(0x013b, 2, 4, *b"Ada\0"));
    tiff.extend(entry(0x8298, 2, owner_bytes, text.to_be_bytes()));
    tiff.extend(entry(0x8825, 4, 1, gps.to_be_bytes()));
    tiff.extend(second.to_be_bytes());
    tiff.extend([HOME, b"\0"].concat());
    tiff.extend([0, 1]);
    tiff.extend(entry(0x0001, 2, 2, *b"N\0\0\0"));
    tiff.extend([0; 4]);
    tiff.extend(owner);
    tiff.extend([0, 2]);
    tiff.extend(entry(0x0201, 4, 1, face.to_be_bytes()));
    tiff.extend(entry(0x0202, 4, 1, u32::try_from(FACE.len()).unwrap().to_be_bytes()));
    tiff.extend([0; 4]);
    tiff.extend(FACE);
    tiff
}

/// One source of each format that metadata is read from, turned on its side.
fn sources() -> Vec<(Format, Vec<u8>)> {
    let (picture, size) = (gradient(64, 48), Size { width: 64, height: 48 });
    let exif = full_exif(6);
    let jpeg = with_segment(&jpeg(&picture, Subsamp::Sub2x2), 0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", XMP].concat());
    let jpeg = with_segment(&jpeg, 0xe1, &[b"Exif\0\0", &exif[..]].concat());
    let text = [b"XML:com.adobe.xmp\0\0\0\0\0", XMP].concat();
    let webp = run(&png(&picture), "f_webp").unwrap().bytes;
    let png = with_chunk(&with_chunk(&png(&picture), *b"eXIf", &exif), *b"iTXt", &text);
    let webp = extended_webp(&webp, size, 0x0c, &[(*b"EXIF", &exif), (*b"XMP ", XMP)]);
    vec![(Format::Jpeg, jpeg), (Format::Png, png), (Format::Webp, webp)]
}

fn read(derivative: &Derivative) -> Option<Exif> {
    Reader::new().read_from_container(&mut Cursor::new(&derivative.bytes)).ok()
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    match &exif.get_field(tag, In::PRIMARY)?.value {
        Value::Ascii(lines) => Some(String::from_utf8(lines.concat()).unwrap()),
        _ => None,
    }
}

#[test]
fn copyright_and_artist_are_kept_and_nothing_else() {
    for (format, source) in sources() {
        for target in ["jpg", "png", "webp", "avif"] {
            let result = run(&source, &format!("w_32,f_{target},meta_copyright")).unwrap();
            let exif = read(&result).unwrap_or_else(|| panic!("{format:?} to {target} has no EXIF"));
            assert_eq!(text(&exif, Tag::Copyright).as_deref(), Some(OWNER), "{format:?} to {target}");
            assert_eq!(text(&exif, Tag::Artist).as_deref(), Some("Ada"), "{format:?} to {target}");
            assert_eq!(exif.fields().len(), 2, "{format:?} to {target}");
            for secret in [HOME, FACE, b"HOMETOWN"] {
                assert!(!holds(&result, secret), "IMG-6: {format:?} to {target}");
            }
        }
    }
}

#[test]
fn img6_a_place_is_kept_by_keep_alone() {
    for (format, source) in sources() {
        for target in ["jpg", "png", "webp", "avif"] {
            let kept = run(&source, &format!("w_32,f_{target},meta_keep")).unwrap();
            let exif = read(&kept).unwrap();
            assert_eq!(text(&exif, Tag::GPSLatitudeRef).as_deref(), Some("N"), "{format:?} to {target}");
            assert_eq!(text(&exif, Tag::Copyright).as_deref(), Some(OWNER), "{format:?} to {target}");
            // AVIF has no place for it yet.
            assert_eq!(holds(&kept, b"HOMETOWN"), target != "avif", "{format:?} to {target}");
            for operations in ["", ",meta_copyright"] {
                let result = run(&source, &format!("w_32,f_{target}{operations}")).unwrap();
                assert!(!holds(&result, HOME) && !holds(&result, b"HOMETOWN"), "{format:?} to {target}{operations}");
            }
        }
    }
}

#[test]
fn img1_what_is_kept_says_upright() {
    for (format, source) in sources() {
        for target in ["jpg", "png", "webp", "avif"] {
            let result = run(&source, &format!("w_24,f_{target},meta_keep")).unwrap();
            assert_eq!((result.width, result.height), (24, 32), "{format:?} to {target}");
            let exif = read(&result).unwrap();
            let orientation = exif.get_field(Tag::Orientation, In::PRIMARY).unwrap().value.get_uint(0);
            assert_eq!(orientation, Some(1), "{format:?} to {target}");
            assert!(!holds(&result, b"tiff:Orientation=\"6\""), "{format:?} to {target}");
            assert!(Probe::read(&result.bytes).unwrap().orientation.is_upright(), "{format:?} to {target}");
        }
    }
}

#[test]
fn a_thumbnail_is_never_kept() {
    for (format, source) in sources() {
        let result = run(&source, "crop_0:0:8:8,meta_keep").unwrap();
        assert!(!holds(&result, FACE), "{format:?}");
        assert!(read(&result).unwrap().get_field(Tag::JPEGInterchangeFormat, In::THUMBNAIL).is_none(), "{format:?}");
    }
}

#[test]
fn a_thumbnail_of_strips_or_in_xmp_is_never_kept() {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    // Head and empty directory 14, second directory 30, two offsets 8, then two strips with a gap between.
    let mut exif = b"II\x2a\0\x08\0\0\0\0\0\x0e\0\0\0\x02\0".to_vec();
    let lengths = FACE.len() as u32 | (FACE.len() as u32) << 16;
    exif.extend([entry(0x0111, 4, 2, 44), entry(0x0117, 3, 2, lengths), vec![0; 4]].concat());
    exif.extend([52u32, 52 + FACE.len() as u32 + 4].map(u32::to_le_bytes).concat());
    exif.extend([FACE, b"MORE", FACE].concat());
    let plain = png(&gradient(64, 48));
    let kept = run(&with_chunk(&plain, *b"eXIf", &exif), "w_32,meta_keep").unwrap();
    assert!(holds(&kept, b"MORE") && !holds(&kept, FACE));

    let packet = |prefix: &str| {
        let face = String::from_utf8_lossy(FACE);
        format!(
            "<x xmlns:{prefix}=\"http://ns.adobe.com/xap/1.0/g/img/\"><{prefix}:width>9</{prefix}:width>\
             <{prefix}:image>{face}&#xA;{face}</{prefix}:image><y {prefix}:image = '{face}'/></x>"
        )
    };
    for (prefix, is_kept) in [("xmpGImg", true), ("other", false)] {
        let text = [b"XML:com.adobe.xmp\0\0\0\0\0", packet(prefix).as_bytes()].concat();
        let kept = run(&with_chunk(&plain, *b"iTXt", &text), "w_32,meta_keep").unwrap();
        assert!(!holds(&kept, FACE), "{prefix}");
        assert_eq!(holds(&kept, b":width>9</"), is_kept, "{prefix}");
    }
}

#[test]
fn an_animation_keeps_its_metadata_too() {
    let moving = lively_webp(0);
    let size = Probe::read(&moving).unwrap().size;
    // Its own extended header is 30 bytes of it, which the new one takes the place of.
    let simple = [&[0; 12], &moving[30..]].concat();
    let source = extended_webp(&simple, size, 0x1e, &[(*b"EXIF", &full_exif(1)), (*b"XMP ", XMP)]);
    let plain = run(&source, "w_24,frames_2").unwrap();
    let kept = run(&source, "w_24,frames_2,meta_copyright").unwrap();
    assert_eq!(text(&read(&kept).unwrap(), Tag::Copyright).as_deref(), Some(OWNER));
    assert!(!holds(&kept, HOME) && read(&plain).is_none());
    assert_eq!(Probe::read(&kept.bytes).unwrap().frames, 2);
    // What `max` bounds is all that is sent.
    let large = run(&source, "w_200,up_1,meta_copyright").unwrap();
    let most = large.bytes.len() - 1;
    let smaller = run(&source, &format!("w_200,up_1,meta_copyright,max_{most}")).unwrap();
    assert!(smaller.bytes.len() <= most && read(&smaller).is_some());
}

#[test]
fn metadata_changes_no_pixel() {
    for (format, source) in sources() {
        for operations in ["w_32,f_jpg", "w_32,f_png", "w_32,f_webp", "w_32,f_avif", "w_32,round_9,f_webp"] {
            let plain = open(&run(&source, operations).unwrap());
            let kept = run(&source, &operations.replace("f_", "meta_keep,f_")).unwrap();
            assert_eq!(open(&kept), plain, "{format:?} {operations}");
            if !operations.ends_with("avif") {
                let theirs = image::load_from_memory(&kept.bytes).unwrap();
                assert_eq!((theirs.width(), theirs.height()), (kept.width, kept.height), "{format:?} {operations}");
            }
        }
    }
}

#[test]
fn dos2_metadata_that_does_not_read_is_left_out() {
    let plain = jpeg(&gradient(64, 48), Subsamp::Sub2x2);
    let without = run(&plain, "w_32").unwrap();
    let long = [b"Exif\0\0MM\0\x2a\0\0\0\x08\0\0\0\0\0\0", &[b'x'; 65_507][..]].concat();
    for body in [&b"Exif\0\0"[..], b"Exif\0\0MM\0\x2a\xff\xff\xff\xff", b"Exif\0\0II\x2a\0\x08\0\0\0\xff\xff", &long] {
        for operations in ["w_32,meta_keep", "w_32,meta_copyright"] {
            assert_eq!(run(&with_segment(&plain, 0xe1, body), operations).unwrap(), without, "{operations}");
        }
    }
    let text = [full_exif(1), vec![b'x'; 70_000]].concat();
    for operations in ["w_32,meta_keep", "w_32,meta_copyright"] {
        let long = with_chunk(&png(&gradient(64, 48)), *b"eXIf", &text);
        assert!(read(&run(&long, operations).unwrap()).is_none(), "{operations}");
    }
    let small = exif_with_place(1);
    let kept = run(&with_segment(&plain, 0xe1, &[b"Exif\0\0", &small[..]].concat()), "w_32,meta_keep").unwrap();
    assert!(holds(&kept, HOME));
}
