//! Every subcommand explains itself, and completions and man pages come from the same words.

#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, run};

const SUBCOMMANDS: [&str; 14] = [
    "get",
    "head",
    "post",
    "put",
    "patch",
    "delete",
    "request",
    "dns",
    "interfaces",
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
    let whole = std::fs::read_to_string(scratch.path("man/wayfare.1")).unwrap();
    assert_eq!(whole, page.text(), "the page is the same wherever it is written to");
    assert!(whole.contains("wayfare man \\-\\-dir"), "{whole}");
}

#[test]
fn the_pages_keep_the_lines_of_the_tables() {
    let scratch = Scratch::new();
    assert_eq!(run(&["man", "--dir", &scratch.text("")]).code, 0);
    for (page, words) in [
        ("wayfare.1", "  3  not a URL  "),
        ("wayfare-get.1", "  3  not a URL  "),
        ("wayfare-serve.1", "/bytes/{N}"),
        ("wayfare-drive.1", "content_disposition  value"),
    ] {
        let text = std::fs::read_to_string(scratch.path(page)).unwrap();
        let (_, notes) = text.split_once("\n.nf\n").unwrap_or_else(|| panic!("{page}: {text}"));
        let (kept, _) = notes.split_once("\n.fi\n").unwrap();
        assert!(kept.lines().any(|line| line.starts_with(words)), "{page}: {kept}");
        for line in kept.lines() {
            let width = line.replace("\\-", "-").chars().count();
            assert!(width <= 80, "{page}: {line}");
        }
    }
}

/// clap takes `{n}` for a line break.
#[test]
fn no_help_breaks_a_line_where_a_placeholder_stands() {
    for line in [["serve", "--help"], ["help", "serve"], ["serve", "-h"]] {
        let help = run(&line).text();
        let endpoints: Vec<_> = help.lines().filter(|line| line.starts_with('/')).collect();
        assert!(endpoints.len() > 20, "{help}");
        for endpoint in endpoints.iter().filter(|endpoint| **endpoint != "/") {
            assert!(!endpoint.ends_with('/'), "{line:?}: {endpoint} has lost its placeholder");
        }
        let placed = |name: &str| endpoints.iter().any(|line| line.starts_with(name));
        assert!(placed("/bytes/{N}") && placed("/status/{code}"), "{help}");
    }
    for name in SUBCOMMANDS {
        let text = run(&[name, "--help"]).text();
        let is_broken = |line: &str| line.starts_with('}') || line.starts_with('[');
        assert!(!text.lines().any(is_broken), "{name}: {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_is_full_is_told_by_every_command_that_writes_there() {
    for line in
        [&["man"][..], &["completions", "bash"], &["interfaces"], &["proxy", "http://a.test/"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command::command(line).stdout(full).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(23), "{line:?}");
        assert!(told.contains("cannot write to standard output: No space left"), "{line:?} {told}");
    }
}
