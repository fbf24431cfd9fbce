//! Every fit against every aspect, by hand and by properties.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use proptest::prelude::*;

use super::*;

/// IMG-9. Every line: source, operations, picture; then the canvas and the place on it, or the part of the source
/// that is kept, where they are not the whole.
const GOLDEN: &[(&str, &str, &str)] = &[
    // Nothing asked.
    ("400x300", "_", "400x300"),
    ("400x300", "fit_cover", "400x300"),
    ("400x300", "dpr_2", "400x300"),
    // One side: the other follows.
    ("400x300", "w_200", "200x150"),
    ("400x300", "h_100", "133x100"),
    ("400x300", "w_800", "400x300"),
    ("400x300", "w_800,up_1", "800x600"),
    ("400x300", "w_1", "1x1"),
    ("400x300", "h_1", "1x1"),
    ("400x300", "w_2", "2x2"),
    ("400x300", "w_200,fit_cover", "200x150"),
    ("400x300", "w_200,fit_fill", "200x150"),
    ("400x300", "w_200,fit_outside", "200x150"),
    ("400x300", "w_200,fit_pad", "200x150"),
    ("400x300", "w_800,fit_cover", "400x300"),
    ("400x300", "w_800,fit_pad", "400x300 on 800x600 at 200,150"),
    ("1000x3", "w_400", "400x1"),
    ("1000x3", "w_500", "500x2"),
    ("300x400", "w_150", "150x200"),
    ("300x400", "h_150", "113x150"),
    // Ratio.
    ("400x300", "w_100,dpr_2", "200x150"),
    ("400x300", "w_101,dpr_1.5", "152x114"),
    ("400x300", "w_100,h_100,dpr_3,fit_cover", "300x300 of 50,0,300,300"),
    // Contain.
    ("400x300", "w_200,h_200", "200x150"),
    ("400x300", "w_200,h_50", "67x50"),
    ("400x300", "w_50,h_200", "50x38"),
    ("400x300", "w_500,h_100", "133x100"),
    ("400x300", "w_800,h_250", "333x250"),
    ("400x300", "w_800,h_800", "400x300"),
    ("400x300", "w_800,h_800,up_1", "800x600"),
    ("300x400", "w_200,h_200", "150x200"),
    ("300x400", "w_200,h_50", "38x50"),
    ("300x400", "w_50,h_200", "50x67"),
    ("300x400", "w_800,h_800,up_1", "600x800"),
    ("300x300", "w_200,h_50", "50x50"),
    ("300x300", "w_50,h_200", "50x50"),
    // Cover.
    ("400x300", "w_200,h_200,fit_cover", "200x200 of 50,0,300,300"),
    ("400x300", "w_200,h_50,fit_cover", "200x50 of 0,100,400,100"),
    ("400x300", "w_50,h_200,fit_cover", "50x200 of 162.5,0,75,300"),
    ("400x300", "w_800,h_800,fit_cover", "300x300 of 50,0,300,300"),
    ("400x300", "w_800,h_800,fit_cover,up_1", "800x800 of 50,0,300,300"),
    ("400x300", "w_500,h_100,fit_cover", "400x80 of 0,110,400,80"),
    ("400x300", "w_100,h_500,fit_cover", "60x300 of 170,0,60,300"),
    ("400x300", "w_400,h_300,fit_cover", "400x300"),
    ("400x300", "w_399,h_300,fit_cover", "399x300 of 1,0,399,300"),
    ("300x400", "w_200,h_200,fit_cover", "200x200 of 0,50,300,300"),
    ("300x400", "w_200,h_50,fit_cover", "200x50 of 0,162.5,300,75"),
    ("300x400", "w_50,h_200,fit_cover", "50x200 of 100,0,100,400"),
    ("300x300", "w_200,h_50,fit_cover", "200x50 of 0,112.5,300,75"),
    ("300x300", "w_600,h_200,fit_cover", "300x100 of 0,100,300,100"),
    ("1x3000", "w_10,h_10,fit_cover", "1x1 of 0,1500,1,1"),
    // Cover's gravity.
    ("400x300", "w_200,h_200,fit_cover,g_w", "200x200 of 0,0,300,300"),
    ("400x300", "w_200,h_200,fit_cover,g_ne", "200x200 of 100,0,300,300"),
    ("400x300", "w_200,h_50,fit_cover,g_s", "200x50 of 0,200,400,100"),
    ("400x300", "w_200,h_50,fit_cover,g_nw", "200x50 of 0,0,400,100"),
    ("400x300", "w_200,h_50,fit_cover,g_fp:0.5:0.4", "200x50 of 0,70,400,100"),
    ("400x300", "w_200,h_50,fit_cover,g_fp:0:0", "200x50 of 0,0,400,100"),
    ("400x300", "w_200,h_50,fit_cover,g_fp:1:1", "200x50 of 0,200,400,100"),
    // Fill.
    ("400x300", "w_200,h_200,fit_fill", "200x200"),
    ("400x300", "w_50,h_200,fit_fill", "50x200"),
    ("400x300", "w_500,h_100,fit_fill", "400x80"),
    ("400x300", "w_800,h_800,fit_fill", "300x300"),
    ("400x300", "w_800,h_800,fit_fill,up_1", "800x800"),
    ("300x400", "w_500,h_100,fit_fill", "300x60"),
    ("300x400", "w_100,h_500,fit_fill", "80x400"),
    ("300x300", "w_200,h_50,fit_fill", "200x50"),
    // Outside.
    ("400x300", "w_200,h_200,fit_outside", "267x200"),
    ("400x300", "w_200,h_50,fit_outside", "200x150"),
    ("400x300", "w_50,h_200,fit_outside", "267x200"),
    ("400x300", "w_500,h_100,fit_outside", "400x300"),
    ("400x300", "w_500,h_100,fit_outside,up_1", "500x375"),
    ("400x300", "w_800,h_800,fit_outside,up_1", "1067x800"),
    ("300x400", "w_200,h_200,fit_outside", "200x267"),
    ("300x400", "w_50,h_200,fit_outside", "150x200"),
    ("300x300", "w_200,h_50,fit_outside", "200x200"),
    // Pad.
    ("400x300", "w_200,h_200,fit_pad", "200x150 on 200x200 at 0,25"),
    ("400x300", "w_200,h_50,fit_pad", "67x50 on 200x50 at 67,0"),
    ("400x300", "w_50,h_200,fit_pad", "50x38 on 50x200 at 0,81"),
    ("400x300", "w_800,h_800,fit_pad", "400x300 on 800x800 at 200,250"),
    ("400x300", "w_800,h_800,fit_pad,up_1", "800x600 on 800x800 at 0,100"),
    ("400x300", "w_200,h_200,fit_pad,g_n", "200x150 on 200x200 at 0,0"),
    ("400x300", "w_200,h_200,fit_pad,g_se", "200x150 on 200x200 at 0,50"),
    ("300x400", "w_200,h_200,fit_pad", "150x200 on 200x200 at 25,0"),
    ("300x300", "w_200,h_50,fit_pad", "50x50 on 200x50 at 75,0"),
    // Lines (DOS-7).
    ("1x3000", "w_10", "1x3000"),
    ("1x3000", "w_10,up_1", "10x30000"),
    ("1x3000", "h_1", "1x1"),
    ("1x3000", "w_8192,up_1", "8192x24576000"),
    ("3x2", "w_1", "1x1"),
];

fn size(text: &str) -> Size {
    let (width, height) = text.split_once('x').unwrap();
    Size { width: width.parse().unwrap(), height: height.parse().unwrap() }
}

fn described(plan: &Plan, source: Size) -> String {
    let Plan { part, picture, canvas, at, .. } = plan;
    let mut text = format!("{}x{}", picture.width, picture.height);
    if *part != Rect::whole(source).area() {
        text += &format!(" of {},{},{},{}", part.x, part.y, part.width, part.height);
    }
    if plan.has_margin() {
        text += &format!(" on {}x{} at {},{}", canvas.width, canvas.height, at.0, at.1);
    }
    text
}

#[test]
fn img9_every_fit_by_every_aspect() {
    for (source, operations, expected) in GOLDEN {
        let request = Request::of(&Operations::read(operations).unwrap());
        let source = size(source);
        assert_eq!(described(&Plan::new(source, &request), source), *expected, "{source:?} {operations}");
    }
}

fn requests() -> impl Strategy<Value = Request> {
    let side = || proptest::option::of(1u32..9000);
    let fit = prop_oneof![Just(Fit::Contain), Just(Fit::Cover), Just(Fit::Fill), Just(Fit::Outside), Just(Fit::Pad)];
    let anchor = prop_oneof![
        (0u32..=1000, 0u32..=1000).prop_map(|(x, y)| Anchor::Share(x, y)),
        (0u32..=1000, 0u32..=1000).prop_map(|(x, y)| Anchor::Point(x, y)),
    ];
    (side(), side(), fit, any::<bool>(), anchor).prop_map(|(width, height, fit, enlarge, anchor)| Request {
        width,
        height,
        fit,
        enlarge,
        anchor,
    })
}

fn sources() -> impl Strategy<Value = Size> {
    (1u32..9000, 1u32..9000).prop_map(|(width, height)| Size { width, height })
}

proptest! {
    #[test]
    fn a_plan_keeps_its_promises(source in sources(), request in requests()) {
        let plan = Plan::new(source, &request);
        let Plan { part, picture, canvas, at, .. } = plan;
        prop_assert!(picture.width >= 1 && picture.height >= 1);
        prop_assert!(at.0 + picture.width <= canvas.width && at.1 + picture.height <= canvas.height);
        let (sw, sh) = (f64::from(source.width), f64::from(source.height));
        prop_assert!(part.x >= 0.0 && part.y >= 0.0 && part.width > 0.0 && part.height > 0.0);
        prop_assert!(part.x + part.width <= sw + 1e-6 && part.y + part.height <= sh + 1e-6);
        if !request.enlarge {
            prop_assert!(picture.width <= source.width && picture.height <= source.height);
        }
        let (Some(width), Some(height)) = (request.width, request.height) else { return Ok(()) };
        match request.fit {
            Fit::Contain => prop_assert!(picture.width <= width && picture.height <= height),
            Fit::Pad => prop_assert_eq!(canvas, Size { width, height }),
            Fit::Cover | Fit::Fill if request.enlarge => prop_assert_eq!(canvas, Size { width, height }),
            Fit::Cover | Fit::Fill => prop_assert!(picture.width <= width && picture.height <= height),
            Fit::Outside if request.enlarge => prop_assert!(picture.width >= width && picture.height >= height),
            Fit::Outside => {}
        }
    }

    /// The rounding of one side is all that a picture may lose of its aspect.
    #[test]
    fn aspect_is_kept_where_it_is_promised(source in sources(), request in requests()) {
        prop_assume!(!matches!(request.fit, Fit::Fill));
        let plan = Plan::new(source, &request);
        let (pw, ph) = (f64::from(plan.picture.width), f64::from(plan.picture.height));
        let across = (pw - ph * plan.part.width / plan.part.height).abs();
        let down = (ph - pw * plan.part.height / plan.part.width).abs();
        prop_assert!(across <= 0.5001 || down <= 0.5001 || pw == 1.0 || ph == 1.0);
    }
}
