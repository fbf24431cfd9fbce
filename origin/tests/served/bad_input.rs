//! Bad sources: a clear status and code each, the process alive, its memory bounded.

use std::os::unix::fs::PermissionsExt;

use crate::harness::Data;

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/sunset-12mp-progressive.jpg");

/// What the process may hold, whatever it is sent: see docs/limits.md. A debug build's code and SQLite take about 40
/// MiB of it; the rest is image work on two cores.
const PEAK_MIB: u64 = 256;

/// A PNG of 40,000 x 40,000 pixels that ends behind its header.
fn huge_png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend([0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40, 8, 6, 0, 0, 0]);
    bytes.extend(crc(&bytes[12..29]).to_be_bytes());
    bytes
}

/// CRC-32 of a PNG chunk (PNG annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn fetch4_dos1_dos3_bad_sources_have_their_codes_and_the_process_lives() {
    let mut data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    let write = |name: &str, bytes: &[u8]| std::fs::write(data.gallery().join(name), bytes).unwrap();
    write("good.jpg", PHOTO);
    write("unreadable.jpg", PHOTO);
    write("empty.jpg", b"");
    write("page.jpg", b"<!doctype html><script>alert(1)</script>");
    write("drawing.svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>");
    write("huge.png", &huge_png());
    write("truncated.jpg", &PHOTO[..PHOTO.len() / 2]);
    write("noise.jpg", &[0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 1, 2, 3]);
    std::fs::create_dir(data.gallery().join("folder.jpg")).unwrap();
    data.give_up_root();
    let unreadable = data.gallery().join("unreadable.jpg");
    std::fs::set_permissions(unreadable, PermissionsExt::from_mode(0o000)).unwrap();
    let made = data.setup(&[]);
    let served = data.serve();
    for (name, status, code) in [
        ("unreadable.jpg", 502, "source_unreadable"),
        ("empty.jpg", 415, "source_unsupported"),
        ("page.jpg", 415, "source_unsupported"),
        ("drawing.svg", 415, "source_unsupported"),
        ("huge.png", 413, "source_too_large"),
        ("truncated.jpg", 422, "source_broken"),
        ("noise.jpg", 422, "source_broken"),
        ("missing.jpg", 404, "source_not_found"),
        ("folder.jpg", 404, "source_not_found"),
    ] {
        for operations in ["w_200,f_webp", "_"] {
            let answer = served.get(&made.sign(operations, &format!("@gallery/{name}")));
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            if operations == "_" && name == "truncated.jpg" && answer.status == 200 {
                continue; // The coded pixels are passed on untouched, so the cut is not seen.
            }
            assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{name} {operations}: {body}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "CACHE-4");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "HDR-1");
            assert!(!body.contains('<'), "HDR-3: {body}");
            println!("bad input: {name:<16} {operations:<13} {status} {code}");
        }
    }
    assert_eq!(served.get(&made.sign("w_200,f_webp", "@gallery/good.jpg")).status, 200);
    assert!(served.is_alive());
    println!("bad input: peak RSS {} MiB, bound {PEAK_MIB} MiB", served.peak_mib());
    assert!(served.peak_mib() <= PEAK_MIB);
}
