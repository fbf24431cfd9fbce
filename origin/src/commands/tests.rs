//! The command line as a whole: its page, and that it takes no secret.

use std::path::PathBuf;

use clap::{Command, CommandFactory as _};

use crate::Cli;

/// Every command that does something, with its words.
fn commands() -> Vec<(String, Command)> {
    fn walk(words: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        found.push((words.to_owned(), command.clone()));
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(&format!("{words} {}", sub.get_name()), sub, found);
        }
    }
    let mut found = Vec::new();
    walk("sealpix", &Cli::command().term_width(100), &mut found);
    found
}

#[test]
fn the_page_of_commands_is_their_help() {
    let mut page =
        "# Commands\n\nThe help of every command; `make docs` writes this page. Exit codes: 0 done, 1 refused or \
                    failed, 2 wrong usage. What is printed with\n`--json` is for programs. No secret is taken from the \
                    command line, which other users of the machine can read:\nsee [configuration](configuration.md).\n"
            .to_owned();
    for (words, command) in commands() {
        let help = command.bin_name(&words).term_width(100).render_long_help().to_string();
        page.push_str(&format!("\n## {words}\n\n```text\n"));
        help.trim_end().lines().for_each(|line| page.push_str(&format!("{}\n", line.trim_end())));
        page.push_str("```\n");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    } else {
        assert!(std::fs::read_to_string(&path).unwrap() == page, "docs/cli.md is out of date: run make docs");
    }
}

#[test]
fn no_command_takes_a_secret_from_its_arguments() {
    let secret = ["secret", "password", "passphrase", "token", "license-key", "licence-key", "private", "credential"];
    let mut arguments = 0;
    for (words, command) in commands() {
        for argument in command.get_arguments() {
            arguments += 1;
            let name = argument.get_long().map_or_else(|| argument.get_id().as_str().replace('_', "-"), str::to_owned);
            let takes_value = argument.get_action().takes_values();
            let is_secret = secret.iter().any(|word| name.contains(word));
            let is_path = name.ends_with("-file") || argument.get_value_names().is_some_and(|names| names[0] == "FILE");
            // What is chosen from a list holds nothing.
            let is_choice = !argument.get_possible_values().is_empty();
            assert!(!is_secret || !takes_value || is_path || is_choice, "{words} --{name} takes a secret");
        }
    }
    assert!(arguments > 40, "{arguments}");
}
