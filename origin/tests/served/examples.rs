//! The signing examples of the documentation, and `sealpix sign`, against the vectors: every admitted target comes out
//! of each of them byte for byte.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use sealpix::operations::Operations;
use sealpix::source::Source;
use sealpix::target::Target;
use serde_json::Value;

use crate::harness::Data;

const FILE: &str = include_str!("../../../shared/vectors/v1.json");
const BASE: &str = "https://img.example.com";

/// What a person writes for this source: valid escapes in a remote path would be decoded, so a literal `%` is escaped.
fn written(source: &Source) -> String {
    let text = source.to_string();
    match source {
        Source::Named { .. } => text,
        Source::Remote(_) => {
            let (path, query) = text.split_once('?').map_or((text.as_str(), None), |(path, query)| (path, Some(query)));
            let path = path.replace('%', "%25").replace('#', "%23");
            query.map_or(path.clone(), |query| format!("{path}?{query}"))
        }
    }
}

/// Project, key, operations and source, and the expiry if there is one: the command that signs it.
type Signer<'a> = Box<dyn Fn(&[&str; 4], Option<&str>) -> Command + 'a>;

fn signers(data: &Data) -> Vec<(&'static str, Signer<'_>)> {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let script = |program: &'static str, file: &str| {
        let file = examples.join(file);
        move |[project, key, operations, source]: &[&str; 4], exp: Option<&str>| {
            let mut command = Command::new(program);
            command.arg(&file).args([BASE, project, key, operations, source]).args(exp);
            command
        }
    };
    vec![
        ("python", Box::new(script("python3", "sign.py"))),
        ("node", Box::new(script("node", "sign.mjs"))),
        (
            "sealpix sign",
            Box::new(|[project, key, operations, source]: &[&str; 4], exp: Option<&str>| {
                let mut command = data.command(&["sign", "--base", BASE, "--project", project, "--key", key]);
                command.args(exp.map(|exp| ["--exp", exp]).iter().flatten()).args(["--", operations, source]);
                command
            }),
        ),
    ]
}

#[test]
fn every_signer_prints_the_vectors_targets() {
    let file: Value = serde_json::from_str(FILE).unwrap();
    let keys =
        file["state"]["projects"].as_array().unwrap().iter().flat_map(|project| project["keys"].as_array().unwrap());
    let secrets: BTreeMap<&str, &str> =
        keys.map(|key| (key["public_key"].as_str().unwrap(), key["secret_key"].as_str().unwrap())).collect();
    let data = Data::new(&[]);
    let mut signed = 0;
    for case in file["cases"].as_array().unwrap() {
        let (Some(target), "admitted") = (case["target"].as_str(), case["raw"].as_str().unwrap()) else { continue };
        let parsed = Target::parse(target).unwrap();
        let request = parsed.request();
        let (key, operations) = (request.key.to_string(), request.operations.to_string());
        // A fragment's sign in a query, or a slash behind one, cannot be written by a person; only by a program.
        let source = written(&request.source);
        if Source::read(&source).is_err() {
            continue;
        }
        assert_eq!(Operations::read(&operations).unwrap(), request.operations);
        let exp = request.expires.map(|exp| exp.to_string());
        let wanted = format!("{BASE}{}\n", target.split("&w=").next().unwrap());
        for (name, command) in signers(&data) {
            let output: Output = command(&[request.project.as_str(), &key, &operations, &source], exp.as_deref())
                .env("SEALPIX_SECRET_KEY", secrets[key.as_str()])
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&output.stdout);
            assert_eq!(printed, wanted, "{name}, {}: {}", case["id"], String::from_utf8_lossy(&output.stderr));
        }
        signed += 1;
    }
    println!("signers: sealpix, python and node agree on {signed} targets");
    assert!(signed >= 60, "{signed}");
}
