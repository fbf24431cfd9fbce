//! SVG under its setting: drawn at the size that is asked for, bounded, and never passed on.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use sealpix::operations::Operations;

use super::super::Format;
use super::{Derivative, ImageError, Limits, Settings, near, open, pixel, process, run, run_by};

const ON: Settings = Settings { svg: true, libwebp: false, fine_shrink: false, linear: false };

/// Four quarters in a box of 20 by 10: red, green, blue, sand.
const QUARTERS: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'>\
    <path fill='red' d='M0 0h10v5H0z'/><path fill='#0f0' d='M10 0h10v5H10z'/>\
    <path fill='#00f' d='M0 5h10v5H0z'/><path fill='#d2b48c' d='M10 5h10v5H10z'/></svg>";

fn draw(svg: &str, operations: &str) -> Result<Derivative, ImageError> {
    run_by(ON, svg.as_bytes(), operations)
}

/// In a box of 100 by 100.
fn svg(inner: &str) -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' width='100' height='100'>{inner}</svg>"
    )
}

fn unsupported(result: Result<Derivative, ImageError>) -> bool {
    matches!(result, Err(ImageError::FormatUnsupported(_)))
}

#[test]
fn a_drawing_is_drawn_at_the_size_that_is_asked_for_and_not_enlarged() {
    let disc = svg("<circle cx='50' cy='50' r='50' fill='red'/>")
        .replace("width='100' height='100'", "viewBox='0 0 100 100' width='10' height='10'");
    let large = draw(&disc, "w_500").unwrap();
    assert_eq!((large.format, large.width, large.height), (Format::Png, 500, 500));
    let large = open(&large);
    assert_eq!([pixel(&large, 250, 0), pixel(&large, 0, 0)], [[255, 0, 0, 255], [0; 4]]);
    // Enlarged pixels of ten a side would be a blur of a hundred.
    let row: Vec<_> = (0..250).map(|x| pixel(&large, x, 73)[3]).collect();
    assert!(row.iter().filter(|alpha| (1..255).contains(*alpha)).count() <= 4, "{row:?}");
    for (operations, size) in [
        ("_", (10, 10)),
        ("h_7", (7, 7)),
        ("w_30,h_20,fit_cover", (30, 20)),
        ("w_30,h_20,fit_pad", (30, 20)),
        ("w_9,dpr_3", (27, 27)),
    ] {
        let drawn = draw(&disc, operations).unwrap();
        assert_eq!((drawn.width, drawn.height, drawn.format), (size.0, size.1, Format::Png), "{operations}");
    }
    let broad = draw(QUARTERS, "w_40,h_40,fit_fill").unwrap();
    assert_eq!(pixel(&open(&broad), 39, 39), [0xd2, 0xb4, 0x8c, 255]);
}

#[test]
fn every_operation_is_done_to_the_drawing() {
    let corners = |operations: &str| {
        let picture = open(&draw(QUARTERS, operations).unwrap());
        let (right, bottom) = (picture.size.width - 3, picture.size.height - 3);
        [pixel(&picture, 2, 2), pixel(&picture, right, 2), pixel(&picture, 2, bottom), pixel(&picture, right, bottom)]
    };
    let [red, green, blue, sand] = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [0xd2, 0xb4, 0x8c, 255]];
    for (operations, expected) in [
        ("w_200", [red, green, blue, sand]),
        ("w_200,rot_90", [blue, red, sand, green]),
        ("w_200,flip_h", [green, red, sand, blue]),
        ("crop_10:0:10:10,w_90", [green, green, sand, sand]),
        ("crop_10:0:10:10,w_90,rot_90", [sand, green, sand, green]),
        ("w_50,h_100,fit_cover,g_w", [red, red, blue, blue]),
        ("w_200,f_webp", [red, green, blue, sand]),
        ("w_200,f_jpg,q_100", [red, green, blue, sand]),
        ("w_200,f_avif", [red, green, blue, sand]),
        ("w_200,f_gif", [red, green, blue, sand]),
    ] {
        let found = corners(operations);
        let by = if operations.contains("avif") || operations.contains("webp") { 12 } else { 3 };
        assert!(found.iter().zip(expected).all(|(one, other)| near(*one, other, by)), "{operations}: {found:?}");
    }
    let edged = svg("<rect x='30' y='40' width='20' height='10' fill='blue'/>");
    let trimmed = draw(&edged, "trim_5").unwrap();
    assert_eq!((trimmed.width, trimmed.height), (20, 10));
    let aimed = open(&draw(&edged.replace("x='30'", "x='75'"), "w_50,h_100,fit_cover,g_smart").unwrap());
    assert_eq!(pixel(&aimed, 35, 45), [0, 0, 255, 255], "drawn again where the eye is drawn");
}

#[test]
fn a_drawing_is_described_as_one() {
    let described = draw(QUARTERS, "w_200,f_json").unwrap();
    let text: serde_json::Value = serde_json::from_slice(&described.bytes).unwrap();
    assert_eq!(
        (&text["width"], &text["source"]["format"], &text["source"]["width"]),
        (&200.into(), &"svg".into(), &20.into())
    );
}

#[test]
fn svg1_without_the_setting_it_is_refused_and_with_it_never_passed_on() {
    let wild = svg(
        "<script>alert(1)</script><rect onclick='alert(2)' width='50' height='50' fill='lime'/><style>@import 'x';</style>",
    );
    for operations in ["_", "w_9", "dl_a.svg", "f_png"] {
        assert!(unsupported(run(wild.as_bytes(), operations)), "{operations}");
        let drawn = draw(&wild, operations).unwrap();
        assert_eq!(drawn.format, Format::Png, "{operations}");
        assert!(!drawn.bytes.windows(5).any(|held| held == b"alert"));
        assert_eq!(pixel(&open(&drawn), 1, 1), [0, 255, 0, 255], "{operations}");
    }
}

#[test]
fn svg1_it_is_known_by_its_content_behind_any_preface() {
    let long = format!("<!--{}-->", "x".repeat(3000));
    for preface in [
        "",
        "\u{feff}",
        "<?xml version='1.0'?>\n",
        "\n  <!-- a -->",
        &long,
        "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd'>",
    ] {
        assert_eq!(draw(&format!("{preface}{QUARTERS}"), "_").unwrap().width, 20, "{preface:.30}");
    }
    let page = draw(&format!("<!doctype html><p>{QUARTERS}<br>"), "_");
    assert!(page.is_err());
    assert!(matches!(draw(&format!("{long}<html><br></html>"), "_"), Err(ImageError::NotAnImage(_))));
    assert!(matches!(draw("<?xml version='1.0'?><svgx/>", "_"), Err(ImageError::NotAnImage(_))));
    assert!(matches!(draw("<svg xmlns='http://www.w3.org/2000/svg'><g></svg>", "_"), Err(ImageError::Broken(_))));
    let zipped = [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], QUARTERS.as_bytes()].concat();
    assert!(matches!(run_by(ON, &zipped, "_"), Err(ImageError::NotAnImage(_))), "svgz");
    let wide: Vec<u8> = QUARTERS.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(run_by(ON, &wide, "_").is_err());
}

/// What refers outwards is refused or left out; a server that it could reach, and a file, see nothing of it.
#[test]
fn svg1_nothing_outside_of_the_file_is_looked_at() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("http://{}/x.svg", server.local_addr().unwrap());
    let kept = tempfile::tempdir().unwrap();
    let file = kept.path().join("blue.svg");
    std::fs::write(&file, svg("<rect id='a' width='100' height='100' fill='blue'/>")).unwrap();
    for to in [url.as_str(), file.to_str().unwrap(), &format!("file://{}", file.display())] {
        for (inner, is_refused) in [
            (format!("<image href='{to}' width='100' height='100'/>"), true),
            (format!("<image xlink:href='{to}' width='100' height='100'/>"), true),
            (format!("<use href='{to}#a'/>"), true),
            (
                format!("<filter id='f'><feImage href='{to}'/></filter><rect width='9' height='9' filter='url(#f)'/>"),
                true,
            ),
            (format!("<linearGradient id='g' xlink:href='{to}#a'/><rect width='9' height='9' fill='url(#g)'/>"), true),
            ("<image href='data:image/svg+xml,%3Csvg/%3E' width='9' height='9'/>".to_owned(), true),
            (
                format!(
                    "<foreignObject width='9' height='9'><iframe xmlns='http://www.w3.org/1999/xhtml' src='{to}'/></foreignObject>"
                ),
                true,
            ),
            (format!("<rect width='100' height='100' fill='url({to}#a)'/>"), false),
            (format!("<rect width='100' height='100' style='fill:url({to}#a)'/>"), false),
            (format!("<g clip-path='url({to}#a)'/><g mask='url({to}#a)'/><g filter='url({to}#a)'/>"), false),
            (format!("<style>@import '{to}'; @\\69mport url({to}); rect {{ fill: u\\72l({to}#a) }}</style>"), false),
            (format!("<style>@font-face {{ font-family: x; src: url({to}) }}</style>"), false),
            (format!("<script href='{to}'/><a href='{to}'><rect width='9' height='9'/></a>"), false),
            (format!("<?xml-stylesheet href='{to}'?>"), false),
        ] {
            let drawn = draw(&svg(&inner), "f_png");
            assert_eq!(unsupported(drawn.clone()), is_refused, "{inner}: {drawn:?}");
            if let Ok(drawn) = drawn {
                assert_ne!(pixel(&open(&drawn), 50, 50), [0, 0, 255, 255], "{inner}");
            }
        }
    }
    for entity in [format!("SYSTEM '{}'", file.display()), format!("SYSTEM '{url}'"), "'x'".to_owned()] {
        let text = format!("<!DOCTYPE svg [<!ENTITY x {entity}>]>{}", svg("<desc>&x;</desc>"));
        assert!(unsupported(draw(&text, "_")), "{entity}");
    }
    let outside = format!("<!DOCTYPE svg SYSTEM '{url}'>{QUARTERS}");
    assert!(draw(&outside, "_").is_ok());
    assert!(server.accept().is_err(), "somebody came");
}

#[test]
fn svg1_what_would_be_left_out_of_the_picture_is_refused_by_name() {
    for inner in
        ["<text>a</text>", "<g><text><tspan>a</tspan></text></g>", "<image/>", "<switch><foreignObject/></switch>"]
    {
        assert!(unsupported(draw(&svg(inner), "_")), "{inner}");
    }
}

/// A reference reads a name otherwise than the census does, or finds another element: 10^10 elements would come of it.
#[test]
fn svg1_names_that_could_be_read_in_two_ways_are_refused() {
    let levels = |name: &dyn Fn(u32) -> String, reference: &dyn Fn(u32) -> String| {
        let uses = |number: u32| format!("<use href='#{}'/>", reference(number)).repeat(10);
        let groups: String = (0..10).map(|n| format!("<g id='{}'>{}</g>", name(n), uses(n + 1))).collect();
        svg(&format!("{groups}<rect id='{}' width='9' height='9'/><use href='#{}'/>", name(10), reference(0)))
    };
    for separator in [",", ";", ")", "(", "#", "&quot;", "&apos;", " ", "&#9;", "&#10;", "&#160;"] {
        let named = |number: u32| format!("a{separator}{number}");
        assert!(unsupported(draw(&levels(&named, &named), "w_9")), "{separator}");
    }
    let twice =
        "<mask id='m'/><mask id='m'><rect width='9' height='9'/></mask><rect width='9' height='9' mask='url(#m)'/>";
    assert!(unsupported(draw(&svg(twice), "w_9")));
    // What surrounds a name is no part of it, here as there.
    let plain = |number: u32| format!("a{number}");
    assert_eq!(draw(&levels(&plain, &|number| format!("a{number}")), "w_9"), Err(ImageError::SourceTooLarge));
    let masks = |number: u32| format!("<rect width='9' height='9' mask='url(\"#a{number}&#9;\")'/>").repeat(10);
    let chain: String = (0..10).map(|n| format!("<mask id='a{n}'>{}</mask>", masks(n + 1))).collect();
    assert_eq!(draw(&svg(&format!("{chain}{}", masks(0))), "w_9"), Err(ImageError::SourceTooLarge));
}

#[test]
fn svg1_a_scale_beyond_numbers_turns_no_bound_off() {
    let pattern = "<pattern id='p' patternUnits='userSpaceOnUse' width='1' height='.001' patternTransform='scale(1e20 1)'>\
        <rect width='1' height='1'/></pattern><path d='M0 0h9v9z' fill='url(#p)'/>";
    assert_eq!(draw(&svg(pattern), "w_90"), Err(ImageError::SourceTooLarge));
}

#[test]
fn svg1_sizes_without_end_or_bottom_are_answers() {
    let sized = |of: &str| {
        draw(&format!("<svg xmlns='http://www.w3.org/2000/svg' {of}><rect width='50' height='50'/></svg>"), "w_20")
    };
    for (of, expected) in [
        ("viewBox='0 0 40 20'", Some((20, 10))),
        ("viewBox='0 0 40 20' width='100%' height='100%'", Some((20, 10))),
        ("width='0.2' height='0.1'", Some((20, 20))),
        ("width='1in' height='96'", Some((20, 20))),
        ("width='0' height='10'", None),
        ("width='-5' height='10'", None),
        ("width='10' height='10' viewBox='0 0 0 0'", Some((20, 20))),
        ("viewBox='0 0 0 0'", None),
        ("viewBox='0 0 -1 10'", None),
        ("viewBox='0 0 nan inf'", None),
        ("width='1e30' height='1e30'", None),
        ("width='1e39' height='1'", None),
        ("width='inf' height='10'", None),
        ("width='99999' height='99999'", None),
    ] {
        let drawn = sized(of);
        match expected {
            Some(size) => assert_eq!(drawn.map(|drawn| (drawn.width, drawn.height)), Ok(size), "{of}"),
            None => println!("{of}: {:?}", drawn.map(|drawn| (drawn.width, drawn.height))),
        }
    }
    assert_eq!(sized("width='1e30' height='1e30'"), Err(ImageError::SourceTooLarge));
    assert_eq!(sized("width='99999' height='99999'"), Err(ImageError::SourceTooLarge));
    assert!(sized("width='0' height='10'").is_err());
    let lying = format!("<svg xmlns='http://www.w3.org/2000/svg' width='40' height='1'>{}</svg>", "<rect/>");
    assert_eq!(draw(&lying, "w_8192,h_8192,fit_fill"), Err(ImageError::ResultTooLarge), "DOS-4");
    assert!(draw(&lying, "h_1").is_ok() && draw(&lying, "w_1").is_ok());
}

/// Each within seconds, and within the memory that a piece of work may have.
#[test]
fn svg1_bombs_of_elements_patterns_and_filters_are_refused_or_soon_done() {
    let chain = |element: &str, wear: &str| {
        let rects = |number: u32| format!("<rect width='90' height='90' {wear}='url(#a{number})'/>").repeat(8);
        let levels: String =
            (0..9).map(|n| format!("<{element} id='a{n}' width='1' height='1'>{}</{element}>", rects(n + 1))).collect();
        svg(&format!("<defs>{levels}</defs>{}", rects(0)))
    };
    let uses: String =
        (0..30).map(|n| format!("<g id='u{n}'><use href='#u{0}'/><use href='#u{0}'/></g>", n + 1)).collect();
    let deep = |times: usize| {
        svg(&format!("{}<rect width='9' height='9'/>{}", "<g opacity='.9'>".repeat(times), "</g>".repeat(times)))
    };
    let filtered = |filter: &str, times: usize| {
        let rect = "<rect width='100' height='100' filter='url(#f)'/>".repeat(times);
        svg(&format!("<filter id='f' x='-900' y='-900' width='9999' height='9999'>{filter}</filter>{rect}"))
    };
    let css = svg(&format!(
        "<style>rect{{mask:url(#m)}} .a{{mask:url(#n)}}</style><mask id='n'>{0}</mask><mask id='m'>{1}</mask>{0}",
        "<rect width='9' height='9'/>".repeat(300),
        "<path class='a' d='M0 0h9v9z'/>".repeat(300)
    ));
    let markers = svg(&format!(
        "<marker id='m'>{}</marker><path d='M{}' marker-mid='url(#m)'/>",
        "<path d='M0 0h1v1z'/>".repeat(1000),
        "1 2 ".repeat(10_000)
    ));
    let dashes = svg(&"<path d='M0 0h99v99h-99z' stroke='red' stroke-dasharray='.0001'/>".repeat(3000));
    let bombs = [
        ("use", svg(&format!("<defs>{uses}<rect id='u30'/></defs><use href='#u0'/>"))),
        ("use of itself", svg("<g id='a'><use href='#a'/></g>")),
        ("patterns", chain("pattern", "fill")),
        ("masks", chain("mask", "mask")),
        ("clips", chain("clipPath", "clip-path")),
        (
            "pattern in itself",
            svg(
                "<g fill='url(#p)'><pattern id='p' width='1' height='1'><rect width='9' height='9'/></pattern><rect width='9' height='9'/></g>",
            ),
        ),
        ("masks by style", css),
        ("markers", markers),
        ("depth", deep(5_000)),
        ("depth of 100,000", deep(100_000)),
        ("dashes", dashes),
        (
            "a large pattern",
            svg(
                "<pattern id='p' width='1e7' height='1e7' patternUnits='userSpaceOnUse'><path d='M0 0h1e7v1e7z'/></pattern><rect width='100' height='100' fill='url(#p)'/>",
            ),
        ),
        (
            "nested layers",
            svg(&format!(
                "{}<rect width='9000' height='9000' x='-4000' y='-4000'/>{}",
                "<g opacity='.9'>".repeat(40),
                "</g>".repeat(40)
            )),
        ),
        ("blurs", filtered("<feGaussianBlur stdDeviation='1e6'/>", 900)),
        ("octaves", filtered("<feTurbulence baseFrequency='.1' numOctaves='2000000000'/>", 1)),
        ("morphology", filtered("<feMorphology operator='dilate' radius='99999'/>", 9)),
        ("convolution", filtered(&format!("<feConvolveMatrix order='99' kernelMatrix='{}'/>", "1 ".repeat(9801)), 9)),
        ("results", filtered(&"<feOffset dx='1'/>".repeat(2000), 1)),
        ("elements", svg(&"<g/>".repeat(60_000))),
        ("bytes", svg(&format!("<!--{}-->", "x".repeat(3 << 20)))),
        ("outlines", {
            let outline = format!("<path id='a' d='M{}'/>", "1 2 ".repeat(100_000));
            svg(&format!("{outline}{}", "<use href='#a'/>".repeat(1000)))
        }),
        ("an inherited attribute", {
            let dashes = format!("<g stroke-dasharray='{}'>", "1 ".repeat(500_000));
            svg(&format!("{dashes}{}</g>", "<path stroke='red' d='M0 0h9'/>".repeat(9_000)))
        }),
        ("attributes", {
            let attributes: String = (0..200_000).map(|n| format!(" a{n}=''")).collect();
            svg(&format!("<g{attributes}/>"))
        }),
        ("selectors", {
            let inner = format!("{}<rect/>{}", "<g>".repeat(40), "</g>".repeat(40));
            svg(&format!("<style>x {} rect{{fill:red}}</style>{inner}", "g ".repeat(20)))
        }),
        ("declarations", {
            let style = format!("<style>g{{{}}}</style>", "fill:red;".repeat(20_000));
            svg(&format!("{style}<g id='a'/>{}", "<use href='#a'/>".repeat(20_000)))
        }),
        ("rules", svg(&format!("<style>{}</style>{}", "a b c{fill:red}".repeat(20_000), "<g/>".repeat(20_000)))),
    ];
    for (name, bomb) in bombs {
        for operations in ["_", "w_2000,f_webp"] {
            let began = Instant::now();
            let (operations, limits) =
                (Operations::read(operations).unwrap(), Limits { settings: ON, ..Limits::default() });
            let drawn = process(bomb.as_bytes(), &operations, &limits, began + Duration::from_secs(15));
            let answer = drawn.map(|drawn| (drawn.width, drawn.bytes.len()));
            println!("{name}, {operations}: {answer:?} after {:?}", began.elapsed());
            assert!(began.elapsed() < Duration::from_secs(20), "{name}");
            assert!(!matches!(answer, Err(ImageError::Broken(_) | ImageError::NotAnImage(_))), "{name}: {answer:?}");
        }
    }
    assert!(draw(&deep(40), "_").is_ok());
}

/// On the stack that a thread of the runtime has, in the depth that is admitted.
#[test]
fn svg1_what_is_admitted_does_not_end_the_stack() {
    let nested = |open: &str, close: &str, times: usize| {
        svg(&format!("{}<rect width='9' height='9' fill='red'/>{}", open.repeat(times), close.repeat(times)))
    };
    let uses: String =
        (0..14).map(|n| format!("<svg id='u{n}'><g opacity='.5'><use href='#u{}'/></g></svg>", n + 1)).collect();
    let masks: String = (0..22)
        .map(|n| format!("<mask id='m{n}'><rect mask='url(#m{})' width='9' height='9'/></mask>", n + 1))
        .collect();
    let patterns: String = (0..22)
        .map(|n| {
            format!(
                "<pattern id='p{n}' width='.5' height='.5'><rect fill='url(#p{})' width='9' height='9'/></pattern>",
                n + 1
            )
        })
        .collect();
    let deep = [
        nested("<g opacity='.5' transform='rotate(1)'>", "</g>", 45),
        nested("<svg>", "</svg>", 45),
        nested("<switch>", "</switch>", 45),
        svg(&format!("<defs>{uses}<rect id='u14' width='9' height='9'/></defs><use href='#u0'/>")),
        svg(&format!("{masks}<rect mask='url(#m0)' width='9' height='9'/>")),
        svg(&format!("{patterns}<rect fill='url(#p0)' width='9' height='9'/>")),
    ];
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for drawing in &deep {
            let drawn = draw(drawing, "w_20,f_png");
            assert!(drawn.is_ok(), "{drawn:?} of {drawing:.300}");
        }
    });
    thread.unwrap().join().unwrap();
}
