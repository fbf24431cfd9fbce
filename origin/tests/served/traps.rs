//! docs/traps.md: each of its traps has a test that names it, and no test names one that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every file of code below a folder, but for what was built or installed.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !matches!(&*name, "target" | "node_modules" | "build" | "corpus") {
            files(&path, found);
        } else if name.ends_with(".rs") || name.ends_with(".test.ts") {
            found.push(path);
        }
    }
}

/// The ids at the beginning of a function's name: `fetch4_dos1_…`, `ssrf_2_and_3_…`.
fn of_name(name: &str, families: &BTreeSet<&str>) -> Vec<String> {
    let mut ids = Vec::new();
    let mut family = None;
    for word in name.split('_') {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = &word[letters.len()..];
        match (families.get(letters.to_uppercase().as_str()), family) {
            (Some(named), _) => {
                family = Some(*named);
                ids.extend((!number.is_empty()).then(|| format!("{named}-{number}")));
            }
            (None, Some(family)) if letters.is_empty() && !number.is_empty() => ids.push(format!("{family}-{number}")),
            (None, Some(_)) if word == "and" => {}
            _ => break,
        }
    }
    ids
}

/// The ids in a test's text, as `CACHE-4`.
fn of_text(text: &str, families: &BTreeSet<&str>) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let ids = words.filter_map(|word| word.split_once('-'));
    let ids = ids.filter(|(family, number)| {
        families.contains(family) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    ids.map(|(family, number)| format!("{family}-{number}")).collect()
}

#[test]
fn every_trap_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let page = std::fs::read_to_string(root.join("docs/traps.md")).unwrap();
    let listed: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).collect();
    let listed: BTreeSet<&str> = listed.into_iter().filter(|id| id.contains('-')).collect();
    let families: BTreeSet<&str> = listed.iter().map(|id| id.split_once('-').unwrap().0).collect();
    let mut tests = BTreeMap::<String, BTreeSet<String>>::new();
    let mut found = Vec::new();
    for folder in ["origin", "shared", "edge", "miniflare-tests"] {
        files(&root.join(folder), &mut found);
    }
    for path in found {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
        for name in text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()) {
            for id in of_name(name, &families) {
                tests.entry(id).or_default().insert(format!("{file}::{name}"));
            }
        }
        // Elsewhere an id in the text says what the code is for, not what is tested.
        let tests_text = file != "origin/tests/served/traps.rs" && file.contains("/tests/");
        if tests_text || file.ends_with("tests.rs") || file.ends_with(".test.ts") {
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            for id in of_text(&code, &families) {
                tests.entry(id).or_default().insert(file.to_owned());
            }
        }
    }
    for (id, places) in &tests {
        println!("{id:<9} {}", places.iter().map(String::as_str).collect::<Vec<_>>().join(" "));
    }
    let tested: BTreeSet<&str> = tests.keys().map(String::as_str).collect();
    assert!(listed.len() > 80, "{}", listed.len());
    assert_eq!(listed.difference(&tested).collect::<Vec<_>>(), Vec::<&&str>::new(), "without a test");
    assert_eq!(tested.difference(&listed).collect::<Vec<_>>(), Vec::<&&str>::new(), "in no list");
}

/// DOS-6 is ruled out: no crate of ours depends on an engine for regular expressions.
#[test]
fn dos6_no_crate_of_ours_has_regular_expressions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for manifest in ["Cargo.toml", "shared/Cargo.toml", "edge/Cargo.toml", "origin/Cargo.toml"] {
        let text = std::fs::read_to_string(root.join(manifest)).unwrap();
        let names = text.lines().filter_map(|line| line.split(['=', '.', ' ']).next());
        let engines: Vec<_> =
            names.filter(|name| name.contains("regex") || *name == "onig" || *name == "pcre2").collect();
        assert_eq!(engines, Vec::<&str>::new(), "{manifest}");
    }
}
