//! Watermarks: put by the API or a state file, laid by delivery, gone when they are removed.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::accounts::client::{Person, set_up};
use crate::harness::{Answer, Data, Made, Served, connected};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");
const LOGO: &str = "/projects/my-app/watermarks/logo";
const GREY: [u8; 3] = [100, 100, 100];
const RED: [u8; 3] = [220, 30, 30];
const GREEN: [u8; 3] = [30, 180, 40];

/// A PNG of one colour.
pub(crate) fn flat(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&colour.repeat((width * height) as usize)).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A PNG's pixel.
fn pixel(bytes: &[u8], x: usize, y: usize) -> [u8; 3] {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(frame.color_type, png::ColorType::Rgb, "IMG-8");
    let at = (y * frame.width as usize + x) * 3;
    [pixels[at], pixels[at + 1], pixels[at + 2]]
}

/// An origin with a grey picture in its gallery, and its admin.
fn served(data: &Data) -> (Made, Served, Person) {
    std::fs::write(data.gallery().join("grey.png"), flat(100, 60, GREY)).unwrap();
    let made = data.setup(&[]);
    let (served, admin) = set_up(data);
    (made, served, admin)
}

fn put(served: &Served, who: &Person, route: &str, picture: &[u8]) -> Answer {
    let head = format!(
        "PUT /api/v1{route} HTTP/1.1\r\nHost: origin.test\r\nConnection: close\r\nContent-Type: text/html\r\n\
         Authorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        who.token,
        picture.len()
    );
    let mut stream = connected(served.address());
    // Of what is too large the origin does not read the rest: its answer is there all the same.
    let _hung_up = stream.write_all(&[head.as_bytes(), picture].concat());
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    Answer::parse(&bytes)
}

fn is(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn refuses(answer: &Answer, status: u16, code: &str) {
    let told = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status, answer.code().as_deref()), (status, Some(code)), "{told}");
    assert!(!told.contains('<'), "HDR-3: {told}");
}

fn is_laid_changed_and_removed(data: &Data) {
    let (made, served, admin) = served(data);
    let target = made.sign("wm_logo:se:100:50,f_png", "@gallery/grey.png");
    assert_eq!(served.get(&target).code().as_deref(), Some("operation_not_allowed"), "no such watermark yet");

    let first = is(&put(&served, &admin, LOGO, &flat(20, 10, RED)), 200);
    let shown =
        |told: &Value| (told["name"].clone(), told["width"].clone(), told["height"].clone(), told["edge"].clone());
    assert_eq!(shown(&first), (json!("logo"), json!(20), json!(10), json!("none")));
    let red = served.get(&target);
    assert_eq!((red.status, red.header("content-type")), (200, Some("image/png")));
    // 50 by 25 pixels in the corner.
    let corners =
        |answer: &Answer| [pixel(&answer.body, 49, 59), pixel(&answer.body, 50, 35), pixel(&answer.body, 99, 34)];
    assert_eq!((corners(&red), pixel(&red.body, 99, 59)), ([GREY, RED, GREY], RED));
    let etag = red.header("etag").unwrap().to_owned();
    let again = |etag: &str| served.ask("GET", &target, &[("If-None-Match", etag)]);
    assert_eq!(again(&etag).status, 304);
    assert_eq!(is(&put(&served, &admin, LOGO, &flat(20, 10, RED)), 200)["version"], first["version"], "no change");
    assert_eq!(again(&etag).status, 304);

    let second = is(&put(&served, &admin, LOGO, &flat(20, 10, GREEN)), 200);
    assert!(second["version"].as_u64() > first["version"].as_u64());
    let green = again(&etag);
    assert_eq!((green.status, pixel(&green.body, 99, 59)), (200, GREEN), "CACHE-12: the next request sees the change");
    assert_ne!(green.header("etag"), Some(etag.as_str()), "CACHE-13");

    // As a preset too, and tiled.
    let tiled = json!({ "operations": "wm_logo:tile:50:10,f_png" });
    is(&admin.call(&served, "PUT", "/projects/my-app/presets/marked", Some(&tiled)), 200);
    let by_preset = served.get(&made.sign("p_marked", "@gallery/grey.png"));
    assert_eq!(pixel(&by_preset.body, 50, 30), [65, 140, 70]);

    let mut expected = second.clone();
    expected.as_object_mut().unwrap().remove("edge");
    assert_eq!(is(&admin.get(&served, LOGO), 200), expected);
    let listed = is(&admin.get(&served, "/projects/my-app/watermarks"), 200);
    assert_eq!(listed["items"], json!([expected]));
    let picture = admin.get(&served, &format!("{LOGO}/picture"));
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    assert_eq!((picture.body.len() as u64, pixel(&picture.body, 3, 3)), (expected["bytes"].as_u64().unwrap(), GREEN));
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"), "HDR-1");

    assert_eq!(admin.call(&served, "DELETE", LOGO, None).status, 204);
    for target in [&target, &made.sign("p_marked", "@gallery/grey.png")] {
        assert_eq!(served.get(target).code().as_deref(), Some("operation_not_allowed"));
    }
    for (method, route) in [("GET", LOGO.to_owned()), ("GET", format!("{LOGO}/picture")), ("DELETE", LOGO.to_owned())] {
        refuses(&admin.call(&served, method, &route, None), 404, "not_found");
    }
    refuses(&put(&served, &admin, "/projects/no-such/watermarks/logo", &flat(2, 2, RED)), 404, "not_found");
    refuses(&put(&served, &admin, "/projects/my-app/watermarks/Logo", &flat(2, 2, RED)), 404, "not_found");
    let said = is(&admin.get(&served, "/audit?action=watermark.change"), 200);
    assert_eq!(
        (said["items"].as_array().unwrap().len(), &said["items"][0]["target"]),
        (1, &json!("watermark my-app/logo"))
    );
}

#[test]
fn a_watermark_is_laid_changed_and_removed() {
    is_laid_changed_and_removed(&Data::new(&[("SEALPIX_DELIVERY", "direct")]));
}

#[test]
fn a_watermark_is_laid_changed_and_removed_on_postgres() {
    is_laid_changed_and_removed(&Data::on_postgres(&[("SEALPIX_DELIVERY", "direct")]));
}

#[test]
fn fetch4_dos1_an_upload_that_is_no_watermark_has_its_code_and_changes_nothing() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    let (_made, served, admin) = served(&data);
    let mut bomb = flat(1, 1, RED);
    bomb[16..24].copy_from_slice(&[0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40]);
    let mut noise = 7_u32;
    let mut noisy = |count: usize| -> Vec<u8> {
        let mut next = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        };
        (0..count).map(|_| next()).collect()
    };
    // Within a mebibyte as a JPEG and above it as a PNG.
    let mut grown = turbojpeg::Compressor::new().unwrap();
    grown.set_quality(30).unwrap();
    let format = turbojpeg::PixelFormat::RGB;
    let pixels = noisy(800 * 800 * 3);
    let image = turbojpeg::Image { pixels: &pixels[..], width: 800, pitch: 2_400, height: 800, format };
    let grown = grown.compress_to_vec(image).unwrap();
    assert!(grown.len() < 1 << 20 && grown.len() > 1 << 17, "{}", grown.len());
    for (what, bytes, status, code) in [
        ("nothing", Vec::new(), 422, "picture_unsupported"),
        ("a page", b"<!doctype html><script>alert(1)</script>".to_vec(), 422, "picture_unsupported"),
        (
            "a drawing",
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".to_vec(),
            422,
            "picture_unsupported",
        ),
        ("json", b"{}".to_vec(), 422, "picture_unsupported"),
        ("noise", noisy(5_000), 422, "picture_unsupported"),
        ("a header of 40,000 x 40,000", bomb, 422, "picture_too_large"),
        ("more than 4 million pixels", flat(2001, 2000, RED), 422, "picture_too_large"),
        ("a large PNG of a small JPEG", grown, 422, "picture_too_large"),
        ("half a photograph", PHOTO[..PHOTO.len() / 2].to_vec(), 422, "picture_broken"),
        ("a mebibyte and a byte", vec![0; (1 << 20) + 1], 413, "body_too_large"),
        ("two mebibytes", vec![0; 2 << 20], 413, "body_too_large"),
    ] {
        println!("{what}");
        refuses(&put(&served, &admin, LOGO, &bytes), status, code);
    }
    assert_eq!(is(&admin.get(&served, "/projects/my-app/watermarks"), 200)["items"], json!([]));
    assert!(served.is_alive());
    is(&put(&served, &admin, LOGO, &flat(2000, 2000, RED)), 200);
}

#[test]
fn a_state_file_brings_its_watermarks_once_and_whole_or_not_at_all() {
    let data = Data::new(&[("SEALPIX_DELIVERY", "direct")]);
    let (made, served, admin) = served(&data);
    let write = |bytes: &[u8]| std::fs::write(data.path().join("logo.png"), bytes).unwrap();
    let state = |environment: &str| {
        let project = json!({
            "slug": "my-app", "environment": environment, "grants": ["gallery"], "watermarks": { "logo": "data/logo.png" },
        });
        data.apply(&json!({ "projects": [project] }))
    };
    for (bytes, reason) in [(None, "No such file"), (Some(&b"<svg/>"[..]), "cannot be a watermark")] {
        bytes.inspect(|bytes| write(bytes));
        let refused = state("staging");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && told.contains("watermark my-app/logo") && told.contains(reason), "{told}");
        assert_eq!(is(&admin.get(&served, "/projects/my-app"), 200)["environment"], "production", "nothing is applied");
    }
    write(&flat(10, 10, RED));
    let mut versions = Vec::new();
    for _ in 0..2 {
        let applied = state("production");
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        versions.push(is(&admin.get(&served, LOGO), 200)["version"].as_u64().unwrap());
    }
    assert_eq!(versions[0], versions[1], "an equal one is no change");
    let marked = served.get(&made.sign("wm_logo:nw:100:10,f_png", "@gallery/grey.png"));
    assert_eq!((pixel(&marked.body, 9, 9), pixel(&marked.body, 10, 9)), (RED, GREY));
    assert!(data.stdout(&["projects", "show", "my-app"]).contains("watermarks       logo"));
}
