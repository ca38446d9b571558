//! Every subcommand explains itself, and completions and man pages come from the same words.

#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, run};

const SUBCOMMANDS: [&str; 12] = [
    "get",
    "head",
    "post",
    "put",
    "patch",
    "delete",
    "request",
    "serve",
    "drive",
    "demo",
    "completions",
    "man",
];

#[test]
fn every_subcommand_has_help() {
    let top = run(&["--help"]);
    assert_eq!(top.code, 0);
    assert!(top.text().contains("Exit codes:"));
    for name in SUBCOMMANDS {
        assert!(top.text().contains(&format!("\n  {name} ")), "{name}");
        let help = run(&[name, "--help"]);
        assert_eq!(help.code, 0, "{name}");
        assert!(help.text().contains("Usage: wayfare"), "{name}");
        let first = help.text().lines().next().unwrap_or_default().to_owned();
        assert!(first.len() > 20, "{name} says what it does: {first}");
    }
}

#[test]
fn no_help_line_is_wider_than_a_terminal() {
    for name in SUBCOMMANDS {
        for line in run(&[name, "--help"]).text().lines() {
            assert!(line.chars().count() <= 100 || line.contains("http"), "{name}: {line}");
        }
    }
}

#[test]
fn the_two_meanings_of_d_are_explained() {
    assert!(run(&["get", "--help"]).text().contains("here -d names a directory"));
    assert!(run(&["post", "--help"]).text().contains("-d is data here"));
}

#[test]
fn mistakes_are_told_with_code_2() {
    for line in [&["get"][..], &["get", "--no-such"], &["fetch"], &["get", "x", "-m", "soon"]] {
        let ended = run(line);
        assert_eq!(ended.code, 2, "{line:?}");
        assert!(!ended.err.is_empty());
    }
    assert_eq!(run(&["--version"]).text(), format!("wayfare {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_and_pages_are_generated() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.text().contains("connect-timeout"), "{shell}");
    }
    let page = run(&["man"]);
    assert!(page.text().contains(".TH wayfare"), "{}", page.text());
    let scratch = Scratch::new();
    assert_eq!(run(&["man", "--dir", &scratch.text("man")]).code, 0);
    let pages = std::fs::read_dir(scratch.path("man")).unwrap().count();
    assert!(pages > SUBCOMMANDS.len(), "{pages}");
}
