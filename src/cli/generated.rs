//! `completions/` and `man/` are made from the commands, and are current.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;

use clap::{CommandFactory, ValueEnum};

use super::Cli;
use super::completions::Shell;

#[test]
fn the_completions_are_current() {
    let mut files = BTreeMap::new();
    for shell in Shell::value_variants() {
        let generator = match shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
            Shell::Powershell => clap_complete::Shell::PowerShell,
        };
        let mut text = Vec::new();
        let mut command = visible(Cli::command());
        clap_complete::generate(generator, &mut command, "fitout", &mut text);
        files.insert(shell.file().to_owned(), String::from_utf8(text).unwrap());
    }
    compare("completions", &files);
}

#[test]
fn the_man_pages_are_current() {
    let folder = tempfile::tempdir().unwrap();
    let command = visible(Cli::command()).disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder.path()).unwrap();
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        files.insert(format!("man/{name}"), text);
    }
    compare("man", &files);
}

/// The command without hidden commands, which only programs call.
fn visible(command: clap::Command) -> clap::Command {
    let hidden: Vec<_> = command
        .get_subcommands()
        .filter(|it| it.is_hide_set())
        .map(|it| it.get_name().to_owned())
        .collect();
    let mut shown = clap::Command::new("fitout");
    for other in command
        .get_subcommands()
        .filter(|it| !hidden.contains(&it.get_name().to_owned()))
    {
        shown = shown.subcommand(other.clone());
    }
    for argument in command.get_arguments() {
        shown = shown.arg(argument.clone());
    }
    shown = shown
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true);
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(about) = command.get_long_about() {
        shown = shown.long_about(about.clone());
    }
    if let Some(help) = command.get_after_help() {
        shown = shown.after_help(help.clone());
    }
    shown
}

/// Compares the files of a folder with what the code says, or rewrites them.
fn compare(folder: &str, files: &BTreeMap<String, String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    if update {
        let _ = std::fs::remove_dir_all(root.join(folder));
        std::fs::create_dir_all(root.join(folder)).unwrap();
        for (name, text) in files {
            std::fs::write(root.join(name), text).unwrap();
        }
    }
    let kept = std::fs::read_dir(root.join(folder)).unwrap();
    let kept: BTreeMap<String, String> = kept
        .map(|it| {
            let path = it.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (
                format!("{folder}/{name}"),
                std::fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    assert!(
        kept == *files,
        "{folder}/ is not what the commands say; run `make golden` and read the diff"
    );
}
