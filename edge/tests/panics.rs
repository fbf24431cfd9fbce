//! `docs/panics.md` lists what the Worker calls of its dependencies, and why none of it panics. A call of something that is
//! not on the list has to be looked at first: this test finds it, and what is on the list and no longer called.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Ours, or not a crate at all.
const OURS: [&str; 7] = ["std", "core", "crate", "super", "self", "sealpix", "tests"];

/// What panics without a path before it.
const METHODS: [&str; 8] = [
    "borrow",
    "borrow_mut",
    "with_borrow",
    "with_borrow_mut",
    "unchecked_into",
    "copy_from_slice",
    "split_at",
    "chunks",
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.to_string_lossy().ends_with("_tests.rs") {
            into.push(path);
        }
    }
}

/// The leaves of a use tree: `a::{b, c::{d, e as f}}` is `a::b`, `a::c::d` and `a::c::e`.
fn leaves(prefix: &str, tree: &str, into: &mut BTreeSet<String>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let (mut depth, mut from) = (0, 0);
        let group = group.strip_suffix('}').unwrap_or(group);
        for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    leaves(&format!("{prefix}{head}"), group.get(from..at).unwrap(), into);
                    from = at + 1;
                }
                _ => {}
            }
        }
    } else if let Some(name) = tree.split(" as ").next().filter(|name| !name.is_empty()) {
        into.insert(format!("{prefix}{name}").trim_end_matches("::self").to_owned());
    }
}

/// What a file of the product's code calls of others.
fn called(text: &str) -> BTreeSet<String> {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code: String = product
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n");
    let mut found = BTreeSet::new();
    let mut crates: BTreeSet<&str> =
        ["worker", "js_sys", "web_sys", "getrandom", "serde_json", "hmac", "minicbor"].into();
    for item in code.split("\nuse ").skip(1) {
        let tree = item.split(';').next().unwrap();
        let root = tree.split([':', ' ', ';']).next().unwrap();
        if !OURS.contains(&root) && !code.contains(&format!("mod {root};")) {
            leaves("", &tree.replace('\n', " "), &mut found);
            crates.insert(root);
        }
    }
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for (at, _) in code.match_indices("::") {
        let before = code.get(..at).unwrap();
        let name = before.rsplit(|letter| !word(letter)).next().unwrap();
        let path = before.ends_with(&format!("::{name}"));
        if crates.contains(name) && !path {
            let rest = code.get(at..).unwrap().split(|letter| !word(letter) && letter != ':').next().unwrap();
            let rest = rest.trim_end_matches(':');
            // With nothing behind it, it is the head of a `use`.
            if !rest.is_empty() {
                found.insert(format!("{name}{rest}"));
            }
        }
    }
    for method in METHODS.iter().filter(|method| code.contains(&format!(".{method}("))) {
        found.insert((*method).to_owned());
    }
    found
}

#[test]
fn each_call_into_a_dependency_is_on_the_list_and_the_list_is_of_calls() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = std::fs::read_to_string(top.join("docs/panics.md")).unwrap();
    let rows: BTreeSet<&str> = list
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .collect();
    assert!(rows.len() > 30, "the table is read");
    let covers =
        |row: &str, path: &str| path == row || path.strip_prefix(row).is_some_and(|rest| rest.starts_with("::"));

    let mut files = Vec::new();
    sources(&top.join("edge/src"), &mut files);
    sources(&top.join("shared/src"), &mut files);
    let mut missing: BTreeMap<String, String> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for file in files {
        for path in called(&std::fs::read_to_string(&file).unwrap()) {
            let row = rows.iter().filter(|row| covers(row, &path)).max_by_key(|row| row.len());
            match row {
                Some(row) => drop(used.insert(*row)),
                None => drop(missing.insert(path, file.strip_prefix(top).unwrap().display().to_string())),
            }
        }
    }
    assert!(missing.is_empty(), "docs/panics.md does not say why these do not panic: {missing:#?}");
    let gone: Vec<_> = rows.difference(&used).collect();
    assert!(gone.is_empty(), "docs/panics.md lists what nobody calls any more: {gone:?}");
}
