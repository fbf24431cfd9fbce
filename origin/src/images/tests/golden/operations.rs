//! Every operation of the table, three times on a photograph and three times on a picture with alpha.

use std::rc::Rc;

use sealpix::operations::{ITEMS, Operations};

use super::super::super::Mark;
use super::super::sources::png;
use super::sheet::{Cell, Row, Sheet};
use super::targets::clear_target;
use super::{made_elsewhere, sheets as all_sheets, work};

const GEOMETRY: [(&str, [&str; 3]); 12] = [
    ("crop", ["crop_10:20:40:30", "crop_f:0.5:0.25:0.5:0.5", "crop_f:0.25:0.5:0.5:0.5,w_20"]),
    ("trim", ["trim_10", "trim_40", "trim_10,w_30"]),
    ("w", ["w_60", "w_33", "w_8"]),
    ("h", ["h_40", "h_21", "h_30,w_40"]),
    ("dpr", ["w_20,dpr_1.5", "w_20,dpr_2", "w_12,h_12,dpr_4,fit_cover"]),
    ("fit", ["w_30,h_48,fit_cover", "w_30,h_48,fit_fill", "w_30,h_48,fit_pad"]),
    (
        "up",
        [
            "crop_30:20:20:20,w_40,up_1",
            "crop_30:20:20:20,w_40,h_40,up_1,fit_cover",
            "crop_30:20:20:20,w_40,h_40,up_1,fit_pad",
        ],
    ),
    ("g", ["w_30,h_60,fit_cover,g_w", "w_30,h_60,fit_cover,g_fp:0.8:0.5", "w_30,h_60,fit_cover,g_smart"]),
    ("pad", ["w_40,pad_8", "w_40,pad_0:4:8:16", "w_40,pad_6,bg_ff800080"]),
    ("bg", ["w_40,h_40,fit_pad,bg_336699", "w_40,h_40,fit_pad,bg_auto", "w_40,h_40,fit_pad,bg_blur"]),
    ("rot", ["w_40,rot_90", "w_40,rot_180", "w_40,rot_270"]),
    ("flip", ["w_40,flip_h", "w_40,flip_v", "w_40,rot_90,flip_hv"]),
];

const LOOKS: [(&str, [&str; 3]); 17] = [
    ("blur", ["w_40,blur_0.5", "w_40,blur_2", "w_40,blur_10"]),
    ("sharpen", ["w_40,sharpen_0.5", "w_40,sharpen_2", "w_40,sharpen_10"]),
    ("pixelate", ["w_40,pixelate_3", "w_40,pixelate_10", "w_40,pixelate_40"]),
    ("bri", ["w_40,bri_-50", "w_40,bri_20", "w_40,bri_100"]),
    ("con", ["w_40,con_-50", "w_40,con_30", "w_40,con_100"]),
    ("sat", ["w_40,sat_-60", "w_40,sat_50", "w_40,sat_100"]),
    ("hue", ["w_40,hue_60", "w_40,hue_180", "w_40,hue_300"]),
    ("gray", ["w_40,gray_1", "w_40,con_50,gray_1", "w_40,gray_1,f_webp"]),
    ("invert", ["w_40,invert_1", "w_40,gray_1,invert_1", "w_40,hue_180,invert_1"]),
    ("wm", ["w_40,wm_mark:se:100:40", "w_40,wm_mark:tile:50:25", "w_40,wm_mark:fp:0.3:0.3:70:60"]),
    ("round", ["w_40,round_12", "w_40,round_4096,f_png", "w_40,round_10,pad_4,bg_ff8000"]),
    ("f", ["w_40,f_webp", "w_40,f_avif", "w_40,f_gif"]),
    ("q", ["w_40,q_10", "w_40,q_50,f_webp", "w_40,q_auto,f_jpg"]),
    ("max", ["w_40,f_webp,max_1000", "w_40,f_jpg,max_1500", "w_40,f_avif,max_1200"]),
    ("meta", ["w_40,meta_copyright", "w_40,meta_keep", "w_24,meta_keep"]),
    ("dl", ["w_24,dl_a.jpg", "w_40,dl_a.jpg", "w_32,dl_a.jpg"]),
    (
        "all",
        [
            "crop_5:5:80:60,w_40,rot_270,flip_h,sharpen_1,con_10,wm_mark:ne:80:50,round_8",
            "w_40,h_40,fit_cover,blur_1,sat_40,pad_4,bg_204060,wm_mark:center:60:40,f_webp",
            "trim_20,w_40,h_60,fit_pad,bg_blur,invert_1,round_30,f_avif",
        ],
    ),
];

pub(super) fn sheets() -> Vec<Sheet> {
    let pictures = pictures();
    vec![
        sheet(
            "operations-geometry",
            "What is kept, its size, its place and what lies around it.",
            &GEOMETRY,
            &pictures,
        ),
        sheet("operations-looks", "Effects, watermarks, corners, coding.", &LOOKS, &pictures),
    ]
}

/// A photograph, 96x76, and the target with alpha.
fn pictures() -> [Rc<Vec<u8>>; 2] {
    [Rc::new(made_elsewhere("photo.jpg")), Rc::new(png(&clear_target(96, 64)))]
}

fn sheet(
    name: &'static str,
    about: &'static str,
    examples: &[(&str, [&str; 3])],
    pictures: &[Rc<Vec<u8>>; 2],
) -> Sheet {
    let mark = Rc::new(Mark::open(&png(&clear_target(40, 30))).unwrap());
    let row = |(name, examples): &(&str, [&str; 3])| {
        // `trim` has something to take off the photograph, too.
        let framed = |source: &Rc<Vec<u8>>| match *name {
            "trim" => Rc::new(work(source, None, "w_64,pad_12:6:18:10,bg_ffffff,q_95").unwrap().bytes),
            _ => Rc::clone(source),
        };
        let cells = pictures.iter().flat_map(|source| {
            let source = framed(source);
            examples.map(|operations| Cell {
                mark: operations.contains("wm_").then(|| Rc::clone(&mark)),
                ..Cell::new(&source, operations)
            })
        });
        Row { name: format!("`{name}`"), cells: cells.collect() }
    };
    let columns = ["photograph", "photograph", "photograph", "alpha", "alpha", "alpha"].map(str::to_owned).to_vec();
    Sheet { name, about, cell: (72, 60), columns, rows: examples.iter().map(row).collect() }
}

#[test]
fn no_operation_of_the_table_is_without_a_picture() {
    let sheets = all_sheets();
    let cells = sheets.iter().flat_map(|sheet| &sheet.rows).flat_map(|row| &row.cells);
    let asked: Vec<Operations> = cells.map(|cell| Operations::read(&cell.operations).unwrap()).collect();
    let shown = |name: &str| asked.iter().any(|operations| operations.items().any(|(asked, _)| asked == name));
    let missing: Vec<_> = ITEMS.iter().map(|item| item.name).filter(|name| !shown(name)).collect();
    // A preset is other operations by the time that the engine sees it.
    assert_eq!(missing, ["p"]);
}

#[test]
fn what_only_names_or_describes_leaves_the_pixels() {
    for source in pictures() {
        let made = |operations: &str| work(&source, None, operations).unwrap();
        assert_eq!(made("w_64,dl_a.jpg"), made("w_64"));
        assert_eq!(super::sheet::frames(&made("dl_a.jpg")), vec![image::load_from_memory(&source).unwrap().to_rgba8()]);
    }
}
