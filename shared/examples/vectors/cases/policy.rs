//! Presets, and the keys' policies on operations. Row 8.

use super::*;
use crate::state::{CAPPED, LISTED, PRESETS};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (id, why, key, operations) in [
        ("preset", "A preset of the project.", MAIN, "p_card"),
        ("preset-overridden", "Explicit items lie over the preset's.", MAIN, "p_card,w_200"),
        ("policy-listed", "Operations that the key may sign.", LISTED, "w_800,f_webp"),
        ("policy-listed-none", "No operations are none that the key may not sign.", LISTED, "_"),
        ("policy-preset", "A preset under a key of presets.", PRESETS, "p_card"),
        ("policy-size", "The largest result of the key.", CAPPED, "w_1000,h_800"),
        ("policy-size-dpr", "The largest result by its dpr.", CAPPED, "w_500,h_400,dpr_2"),
        ("policy-size-pad", "The largest result with its border.", CAPPED, "w_980,h_780,pad_10"),
        ("policy-size-preset", "A preset within the key's size.", CAPPED, "p_card"),
        ("policy-size-preset-overridden", "A preset cut down to the key's size.", CAPPED, "p_huge,w_1000,h_800"),
    ] {
        cases.push(case(id, why, signed_by(key, "my-app", operations, SUNSET)));
    }
    for (id, why, key, operations) in [
        ("preset-unknown", "A preset that the project does not have.", MAIN, "p_nowhere"),
        ("watermark-unknown", "A watermark that the project does not have.", MAIN, "wm_logo:se:50:20"),
        (
            "watermark-tile-unknown",
            "The bounds of a watermark parse; the project has none.",
            MAIN,
            "wm_logo:tile:1:100",
        ),
        (
            "watermark-point-unknown",
            "A watermark at a point parses; the project has none.",
            MAIN,
            "wm_logo:fp:0:0.999:100:1",
        ),
        ("policy-not-listed", "An operation that the key may not sign.", LISTED, "w_800,h_600"),
        ("policy-preset-not-listed", "A preset is an operation that the key may not sign.", LISTED, "p_card"),
        ("policy-preset-missing", "Operations without a preset under a key of presets.", PRESETS, "w_100"),
        ("policy-preset-none", "No operations under a key of presets.", PRESETS, "_"),
        ("policy-preset-and-more", "An item beside the preset under a key of presets.", PRESETS, "p_card,w_100"),
        (
            "policy-preset-unknown",
            "A preset that the project does not have, under a key of presets.",
            PRESETS,
            "p_nowhere",
        ),
        ("policy-width", "A pixel wider than the key signs.", CAPPED, "w_1001,h_800"),
        ("policy-height", "A pixel higher than the key signs.", CAPPED, "w_1000,h_801"),
        ("policy-size-none", "No operations keep the source's size, whatever it is.", CAPPED, "_"),
        ("policy-width-only", "Without a height the result may be of any.", CAPPED, "w_100"),
        ("policy-height-only", "Without a width the result may be of any.", CAPPED, "h_100"),
        ("policy-width-dpr", "A thousandth of dpr beyond the key's width.", CAPPED, "w_500,h_400,dpr_2.001"),
        ("policy-width-pad", "A border beyond the key's size.", CAPPED, "w_980,h_780,pad_11"),
        ("policy-height-pad", "A border below, beyond the key's height.", CAPPED, "w_980,h_780,pad_10:10:11:10"),
        ("policy-fit-outside", "A fit that exceeds its box.", CAPPED, "w_100,h_100,fit_outside"),
        ("policy-preset-huge", "A preset beyond the key's size.", CAPPED, "p_huge"),
    ] {
        cases.push(case(id, why, signed_by(key, "my-app", operations, SUNSET)).denied("operation_not_allowed"));
    }
    let list = |widths: &str, asked: &str| {
        format!("{}&w={asked}", signed_by(CAPPED, "my-app", &format!("w_{widths},h_800"), SUNSET))
    };
    cases.push(case("policy-list", "A list whose largest is the key's width.", list("320%7C1000", "320")));
    cases.push(
        case(
            "policy-list-largest",
            "A list is judged by its largest, whatever is asked for.",
            list("320%7C1001", "320"),
        )
        .denied("operation_not_allowed")
        .trap("SIG-6"),
    );
    cases
}
