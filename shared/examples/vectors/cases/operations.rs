//! The operations' table: each item at its bounds and past them, and every spelling that is not the one.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let dl_100 = format!("dl_{}.jpg", "a".repeat(96));
    let dl_101 = format!("dl_{}.jpg", "a".repeat(97));
    let sixteen: Vec<_> = (1..=16).map(|n| n.to_string()).collect();
    let sixteen = format!("w_{}", sixteen.join("%7C"));
    let name_32 = format!("p_{}", "a".repeat(32));
    let name_33 = format!("p_{}", "a".repeat(33));
    for (id, why, operations) in [
        (
            "items-lowest",
            "Every number at its lower bound, in the table's order.",
            "page_2,frames_1,crop_0:0:1:1,trim_0,w_1,h_1,dpr_1.001,up_1,pad_0,blur_0.3,sharpen_0.1,pixelate_2,bri_-100,con_-100,sat_-100,hue_1,round_1,q_1,max_1000,dl_a.b",
        ),
        (
            "items-highest",
            "Every number at its upper bound, in the table's order.",
            "page_1000,frames_200,trim_100,w_8192,h_8192,dpr_4,pad_2000,blur_100,sharpen_10,pixelate_256,bri_100,con_100,sat_100,hue_359,round_4096,q_100,max_10000000",
        ),
        (
            "items-words",
            "Words, flags and compound values.",
            "p_card,crop_f:0:0:1:1,fit_cover,up_1,g_fp:0:1,pad_0:1:2:2000,bg_00000000,rot_90,flip_h,gray_1,invert_1,f_json,q_auto,meta_copyright,dl_Photo-1_a.jpg",
        ),
        (
            "items-words-more",
            "Further words.",
            "crop_f:0.999:0.001:0.001:1,fit_fill,g_smart,bg_blur,rot_180,flip_v,f_avif,meta_keep",
        ),
        ("items-words-rest", "The rest of the words.", "fit_pad,g_nw,bg_auto,rot_270,flip_hv,f_gif"),
        ("items-outside", "fit_outside with a point and a colour.", "fit_outside,g_fp:0.333:0.5,bg_ffcc00,f_png"),
        ("items-decimals", "Decimals of one, two and three digits.", "dpr_1.5,blur_0.35,sharpen_9.999"),
        ("items-alpha", "A colour with alpha.", "bg_ffcc00fe"),
        ("items-longest-download", "A download's name of 100 characters.", dl_100.as_str()),
    ] {
        cases.push(case(id, why, signed(operations, PHOTO)));
    }
    for word in ["n", "ne", "e", "se", "s", "sw", "w"] {
        cases.push(case(&format!("items-gravity-{word}"), "A side or a corner.", signed(&format!("g_{word}"), PHOTO)));
    }
    for word in ["auto", "jpg", "webp"] {
        cases.push(case(&format!("items-format-{word}"), "A format.", signed(&format!("f_{word}"), SUNSET)));
    }
    cases.push(case("items-sixteen-widths", "A list of 16 widths.", format!("{}&w=16", signed(&sixteen, PHOTO))));
    cases.push(case(
        "items-two-widths",
        "A list of 2 widths at the bounds.",
        format!("{}&w=8192", signed("w_1%7C8192", PHOTO)),
    ));
    cases.push(
        case(
            "items-longest-name",
            "A preset's name of 32 characters parses; the project has none of it.",
            signed(&name_32, PHOTO),
        )
        .denied("operation_not_allowed"),
    );

    // Past the bounds, by item.
    for (name, wrong) in [
        ("p", vec!["", "Card", "a_b", "a.b"]),
        ("page", vec!["0", "1", "1001"]),
        ("frames", vec!["0", "201"]),
        (
            "crop",
            vec![
                "0:0:0:1",
                "0:0:1:0",
                "0:0:1",
                "0:0:1:1:1",
                "-1:0:1:1",
                "f:0:0:0:1",
                "f:1:0:1:1",
                "f:0:0:1.001:1",
                "f:0:0:0.50:1",
            ],
        ),
        ("trim", vec!["-1", "101"]),
        ("w", vec!["0", "8193", "0%7C1", "1%7C8193", "1%7C", "320%7C320", "640%7C320"]),
        ("h", vec!["0", "8193", "1%7C2"]),
        ("dpr", vec!["0.999", "1", "4.001", "1.50", "1.0001", ".5"]),
        ("fit", vec!["contain", "crop", "Cover"]),
        ("up", vec!["0", "2", "true"]),
        ("g", vec!["center", "centre", "north", "fp:0", "fp:1.001:0", "fp:-0.1:0", "fp:0:0:0"]),
        ("pad", vec!["-1", "2001", "0:0:0:2001", "1:2", "1:2:3", "5:5:5:5"]),
        ("bg", vec!["fff", "FFCC00", "ffcc00ff", "ffcc0", "%23ffcc00", "red", "gggggg"]),
        ("rot", vec!["0", "45", "360", "-90"]),
        ("flip", vec!["x", "vh", "H"]),
        ("blur", vec!["0.299", "100.001", "0"]),
        ("sharpen", vec!["0.099", "10.001"]),
        ("pixelate", vec!["1", "257"]),
        ("bri", vec!["-101", "0", "101", "-0", "%2B5"]),
        ("con", vec!["-101", "0", "101"]),
        ("sat", vec!["-101", "0", "101"]),
        ("hue", vec!["0", "360"]),
        ("gray", vec!["0"]),
        ("invert", vec!["0"]),
        (
            "wm",
            vec![
                "logo:se:0:20",
                "logo:se:101:20",
                "logo:se:50:0",
                "logo:se:50:101",
                "logo:middle:50:20",
                "logo:se:50",
                "Logo:se:50:20",
            ],
        ),
        ("round", vec!["0", "4097"]),
        ("f", vec!["jpeg", "svg", "bmp", "WEBP", ""]),
        ("q", vec!["0", "101", "080"]),
        ("max", vec!["999", "10000001"]),
        ("meta", vec!["strip", "all"]),
        ("dl", vec!["a", ".jpg", "a.", "a%20b.jpg", "a%22.jpg", "a%0D%0A.jpg"]),
    ] {
        for (at, value) in wrong.into_iter().enumerate() {
            // Widths that a list is refused for ask for nothing: the operations are read first.
            let id = format!("item-{name}-wrong-{}", at + 1);
            let why = format!("{name}_{value} is past the bounds of {name}, or not its one spelling.");
            cases.push(case(&id, &why, signed(&format!("{name}_{value}"), PHOTO)).malformed());
        }
    }
    for (id, why, trap, operations) in [
        ("item-widths-seventeen", "A list of 17 widths.", "NUM-2", format!("{sixteen}%7C17")),
        ("item-name-33", "A name of 33 characters.", "NUM-2", name_33),
        ("item-download-101", "A download's name of 101 characters.", "HDR-2", dl_101),
        ("item-download-slash", "A slash in a download's name.", "HDR-2", "dl_a/b.jpg".into()),
        ("number-leading-zero", "A leading zero.", "SIG-5", "w_0800".into()),
        ("number-plus", "A sign, escaped.", "NUM-1", "w_%2B800".into()),
        ("number-nan", "Not a number.", "NUM-1", "w_NaN".into()),
        ("number-nan-decimal", "Not a number, as a decimal.", "NUM-1", "dpr_NaN".into()),
        ("number-infinity", "Infinity.", "NUM-1", "dpr_Infinity".into()),
        ("number-minus-zero", "Minus zero.", "NUM-1", "trim_-0".into()),
        ("number-exponent", "An exponent.", "NUM-1", "w_8e2".into()),
        ("number-huge-exponent", "A huge exponent.", "NUM-1", "dpr_1e999999999".into()),
        ("number-separator", "A digit separator.", "NUM-1", "w_1_000".into()),
        ("number-hex", "Hex.", "NUM-1", "w_0x320".into()),
        ("number-decimal", "A decimal for a whole number.", "NUM-1", "w_800.0".into()),
        ("number-comma", "A decimal comma.", "NUM-1", "dpr_2,5".into()),
        ("number-arabic-digits", "Digits of another script.", "NUM-1", "w_%D9%A8%D9%A0%D9%A0".into()),
        ("number-full-width-digits", "Full-width digits.", "NUM-1", "w_%EF%BC%98%EF%BC%90%EF%BC%90".into()),
        ("number-wraps-32", "A number that wraps to 800 in 32 bits.", "NUM-1", "w_4294968096".into()),
        ("number-wraps-64", "A number that wraps to 800 in 64 bits.", "NUM-1", "w_18446744073709552416".into()),
        ("number-wraps-decimal", "A decimal whose thousandths wrap in 32 bits.", "NUM-1", "dpr_4294968.796".into()),
        ("number-wraps-percent", "A percentage that wraps to 5 in 8 bits.", "NUM-1", "bri_261".into()),
        ("number-space", "A space before the number.", "SIG-5", "w_%20800".into()),
        ("number-unit", "A unit.", "NUM-1", "w_800px".into()),
        ("number-empty", "No number.", "NUM-1", "w_".into()),
        ("list-unknown", "An unknown operation is refused, never ignored.", "NUM-2", "w_800,zoom_2".into()),
        ("list-unknown-alone", "An unknown operation alone.", "NUM-2", "zoom_2".into()),
        ("list-twice", "An operation twice.", "NUM-2", "w_800,w_800".into()),
        ("list-twice-apart", "An operation twice, others between.", "NUM-2", "w_800,h_600,w_900".into()),
        ("list-order", "Operations out of the table's order.", "SIG-5", "f_webp,w_800".into()),
        ("list-order-close", "h before w.", "SIG-5", "h_600,w_800".into()),
        ("list-default", "A default among others.", "SIG-5", "w_800,fit_contain".into()),
        ("list-comma-last", "A comma at the end.", "SIG-5", "w_800,".into()),
        ("list-comma-first", "A comma first.", "SIG-5", ",w_800".into()),
        ("list-comma-double", "Two commas.", "SIG-5", "w_800,,h_600".into()),
        ("list-space", "A space between items.", "SIG-5", "w_800,%20h_600".into()),
        ("list-none-and-item", "_ beside an item.", "SIG-5", "_,w_800".into()),
        ("list-item-and-none", "An item beside _.", "SIG-5", "w_800,_".into()),
        ("list-none-twice", "_ twice.", "SIG-5", "__".into()),
        ("list-upper-case", "An upper-case name.", "SIG-5", "W_800".into()),
        ("list-no-value", "A name without a value.", "NUM-2", "w".into()),
        ("list-no-name", "A value without a name.", "NUM-2", "_800".into()),
        ("list-equals", "w=800 is another server's grammar.", "NUM-2", "w=800".into()),
        ("list-colon", "w:800 is another server's grammar.", "NUM-2", "w:800".into()),
        ("list-markup", "Markup for a name is refused and not repeated.", "HDR-3", "%3Cscript%3E_1".into()),
    ] {
        cases.push(case(id, why, signed(&operations, PHOTO)).malformed().trap(trap));
    }
    cases
}
