//! Tables in docs/ that the code is the source of. `make docs` writes them; a difference fails here.

use std::path::PathBuf;

use sealpix::denial::Code;
use sealpix::operations::ITEMS;
use sealpix_origin::config::VARIABLES;
use sealpix_origin::settings;

/// The generated blocks of a file, in their order.
fn check(file: &str, tables: &[&str]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- generated: make docs -->\n", "<!-- end -->");
    let mut blocks = text.split(begin);
    let mut made = blocks.next().unwrap().to_owned();
    let blocks: Vec<_> = blocks.collect();
    assert_eq!(blocks.len(), tables.len(), "docs/{file} has another number of generated blocks");
    for (block, table) in blocks.iter().zip(tables) {
        let (_, after) = block.split_once(end).unwrap();
        made.extend([begin, table, end, after]);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        assert_eq!(text, made, "docs/{file} is out of date: run make docs");
    }
}

#[test]
fn the_table_of_operations_is_the_grammars() {
    let mut table = "| item | takes | absent means |\n|---|---|---|\n".to_owned();
    for item in ITEMS {
        let (takes, absent) = (item.takes.replace('|', "\\|"), item.default.unwrap_or("-"));
        table.push_str(&format!("| `{}` | {takes} | {absent} |\n", item.name));
    }
    check("operations.md", &[&table]);
}

#[test]
fn the_table_of_denials_is_the_codes() {
    let mut table = "| code | status | meaning |\n|---|---|---|\n".to_owned();
    for code in Code::ALL {
        table.push_str(&format!("| `{}` | {} | {} |\n", code.as_str(), code.status(), code.title()));
    }
    check("denials.md", &[&table]);
}

#[test]
fn the_table_of_variables_is_the_configurations() {
    let mut table = "| variable | meaning |\n|---|---|\n".to_owned();
    for (name, meaning) in VARIABLES {
        table.push_str(&format!("| `{name}` | {meaning} |\n"));
    }
    check("configuration.md", &[&table, &settings::markdown()]);
}

#[test]
fn the_apis_document_is_the_routes() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sealpix")).arg("openapi").output().unwrap();
    let document = String::from_utf8(output.stdout).unwrap();
    assert_eq!(document, sealpix_origin::admin::openapi());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, document).unwrap();
    } else {
        assert!(std::fs::read_to_string(&path).unwrap() == document, "docs/openapi.json is out of date: run make docs");
    }
}

#[test]
fn the_threat_models_tests_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let mut checked = 0;
    for row in text.lines().filter(|row| row.starts_with("| ")) {
        for reference in row.split('`').skip(1).step_by(2).filter(|reference| reference.contains("::")) {
            let (file, test) = reference.split_once("::").unwrap();
            let source = std::fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{file} is no file"));
            assert!(source.contains(test), "{file} has no {test}");
            checked += 1;
        }
    }
    assert!(checked >= 20, "{checked}");
}

/// The indented blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(code) => blocks.last_mut().unwrap().extend([code, "\n"]),
            None if blocks.last().unwrap().is_empty() => {}
            None => blocks.push(String::new()),
        }
    }
    blocks
}

/// Runs a block as a person would paste it, beside the examples and with `sealpix` on the path.
fn run(program: &str, flag: &str, code: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_BIN_EXE_sealpix")).parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let mut command = std::process::Command::new(program);
    let output = command.args([flag, code]).env("PATH", path).current_dir(examples).output().unwrap();
    assert!(output.status.success(), "{code}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn block_with<'a>(blocks: &'a [String], text: &str) -> &'a str {
    blocks.iter().find(|block| block.contains(text)).unwrap_or_else(|| panic!("no block has {text:?}"))
}

#[test]
fn the_signing_page_prints_what_it_says() {
    let blocks = blocks("docs/signing.md");
    let printed = block_with(&blocks, "https://img.example.com/my-app/w_800");
    assert_eq!(run("bash", "-c", block_with(&blocks, "sealpix sign")), printed);
}

#[test]
fn the_readmes_signers_sign() {
    const SECRET: &str = "sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const PUBLIC: &str = "pk_ZGVmZ2hpamtsbW5vcHFycw";
    let blocks = blocks("README.md");
    let by_command = run("bash", "-c", block_with(&blocks, "sealpix sign"));
    let begins =
        "https://img.example.com/my-app/w_800,f_auto/cdn.example.com/photo.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=";
    assert!(by_command.starts_with(begins), "{by_command}");
    let python = block_with(&blocks, "from sign import");
    let python = format!("secret_key, public_key = {SECRET:?}, {PUBLIC:?}\n{python}print(url)\n");
    let by_python = run("python3", "-c", &python);
    let node = block_with(&blocks, "from './sign.mjs'").replace("'./sign.mjs'", "process.cwd() + '/sign.mjs'");
    let node = node.replace("import { sign } from ", "const { sign } = await import(").replacen(";\n", ");\n", 1);
    let node = format!(
        "const [secretKey, publicKey] = [{SECRET:?}, {PUBLIC:?}];\n(async () => {{ {node} console.log(url); }})();"
    );
    assert_eq!(run("node", "-e", &node), by_python);
    assert!(by_python.starts_with(begins), "{by_python}");
}
