//! The engine's settings: what each changes of answers, and that pictures made under one are no answer under another.

use crate::harness::{Data, Served};

const PHOTO: &[u8] = include_bytes!("../../../miniflare-tests/photos/freespace-1mp.jpg");

const DRAWING: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10' onload='alert(1)'>\
    <script>alert(2)</script><circle cx='10' cy='5' r='5' fill='teal'/></svg>";

/// Nothing in memory, so that what is found comes from disk.
fn data() -> Data {
    let data = Data::new(&[
        ("SEALPIX_DELIVERY", "direct"),
        ("SEALPIX_METRICS_LISTEN", "127.0.0.1:0"),
        ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
        ("SEALPIX_DERIVATIVE_TTL_SECS", "86400"),
        ("SEALPIX_MIN_FREE_DISK_MIB", "0"),
    ]);
    std::fs::write(data.gallery().join("photo.jpg"), PHOTO).unwrap();
    std::fs::write(data.gallery().join("drawing.svg"), DRAWING).unwrap();
    data
}

fn serve(data: &Data, settings: &[(&str, &str)]) -> Served {
    let mut command = data.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.envs(settings.iter().copied());
    Served::start(command)
}

fn from_disk(served: &Served) -> bool {
    let text = String::from_utf8(served.operate("/metrics").body).unwrap();
    text.lines()
        .any(|line| line.strip_prefix("sealpix_derivatives_total{result=\"disk\"} ").is_some_and(|count| count != "0"))
}

#[test]
fn cfg1_svg1_a_drawing_is_refused_by_default_and_a_picture_of_pixels_under_the_setting() {
    let data = data();
    let made = data.setup(&[]);
    let target = made.sign("w_200,f_auto", "@gallery/drawing.svg");
    let refused = serve(&data, &[]).get(&target);
    assert_eq!((refused.status, refused.code().as_deref()), (415, Some("source_unsupported")));
    let served = serve(&data, &[("SEALPIX_SVG", "rasterise")]);
    for (accept, format) in [("*/*", "image/png"), ("image/webp", "image/webp"), ("image/svg+xml", "image/png")] {
        let drawn = served.ask("GET", &target, &[("Accept", accept)]);
        assert_eq!((drawn.status, drawn.header("content-type")), (200, Some(format)), "{accept}");
        let picture = image::load_from_memory(&drawn.body).unwrap().to_rgba8();
        assert_eq!((picture.dimensions(), picture.get_pixel(0, 0)[3]), ((200, 100), 0));
        assert!(
            picture.get_pixel(100, 50).0.iter().zip([0, 128, 128, 255]).all(|(one, other)| one.abs_diff(other) < 9)
        );
    }
    let raw = served.get(&made.sign("_", "@gallery/drawing.svg"));
    assert_eq!((raw.status, raw.header("content-type")), (200, Some("image/png")), "never passed on");
}

#[test]
fn cache9_cache13_pictures_of_an_engine_that_is_set_otherwise_are_not_mixed() {
    let data = data();
    let target = data.setup(&[]).sign("w_300,f_webp", "@gallery/photo.jpg");
    let under = |settings: &[(&str, &str)]| {
        let served = serve(&data, settings);
        let answer = served.get(&target);
        assert_eq!(answer.status, 200);
        let found = (answer.header("etag").unwrap().to_owned(), from_disk(&served));
        assert_eq!(served.terminate(), Some(0), "what waits is written");
        found
    };
    let (first, _) = under(&[]);
    assert_eq!(under(&[]), (first.clone(), true), "kept over a restart");
    assert_eq!(under(&[("SEALPIX_SVG", "refuse")]), (first.clone(), true), "the default, written out");
    for other in [
        [("SEALPIX_SVG", "rasterise")],
        [("SEALPIX_WEBP_DECODER", "libwebp")],
        [("SEALPIX_JPEG_SHRINK", "fine")],
        [("SEALPIX_RESIZE_LIGHT", "linear")],
    ] {
        let (etag, was_kept) = under(&other);
        assert!(!was_kept && etag != first, "{other:?}");
        assert_eq!(under(&other), (etag, true), "{other:?}");
    }
    assert_eq!(under(&[]), (first, true), "and back");
}
