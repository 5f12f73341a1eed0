//! Completions are used as a person uses them, in the shells that this machine has.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]
#![cfg(unix)]

use std::process::Command;

use crate::hosts::bench::{find, skip};
use crate::program::Folder;

/// A folder with the script of a shell, or `None` without the shell.
fn folder_for(shell: &str, file: &str) -> Option<Folder> {
    if find(shell).is_none() {
        skip(&format!("needs {shell}"));
        return None;
    }
    let folder = Folder::with(&[]);
    let script = folder.run(&["completions", shell]);
    folder.write(file, &script.stdout);
    Some(folder)
}

fn run(folder: &Folder, shell: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(shell);
    command.args(arguments).current_dir(folder.path());
    command.env("HOME", folder.path()).env("TERM", "dumb");
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn fish_completes_commands_options_and_values() {
    let Some(folder) = folder_for("fish", "fitout.fish") else {
        return;
    };
    let complete = |line: &str| {
        let script = format!("source fitout.fish; complete -C '{line}'");
        run(&folder, "fish", &["--no-config", "-c", &script])
    };
    assert!(
        complete("fitout pl").starts_with("plan\t"),
        "{}",
        complete("fitout pl")
    );
    assert!(complete("fitout plan --env").contains("--environment"));
    assert!(complete("fitout compare --q").contains("--quiet"));
    assert!(complete("fitout plan --color al").contains("always"));
    assert!(!complete("fitout ").contains("docker-shim"));
}

/// zsh completes only in a terminal: a pseudo-terminal, in which the completed command runs.
#[test]
fn zsh_completes_commands_options_and_values() {
    let Some(folder) = folder_for("zsh", "_fitout") else {
        return;
    };
    let complete = |line: &str| {
        let script = format!(
            r#"zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PROMPT=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; bindkey "^I" expand-or-complete; fitout() {{ print "RAN:$*" }}; print READY'
while zpty -r z line; do [[ $line == READY* ]] && break; done
zpty -w -n z $'{line}\t\n'
while zpty -r z line; do [[ $line == *RAN:* ]] && {{ print -r -- $line; break }}; done
zpty -d z"#
        );
        run(&folder, "timeout", &["20", "zsh", "-f", "-c", &script])
    };
    let plan = complete("fitout pl");
    assert!(plan.contains("RAN:plan"), "{plan}");
    let option = complete("fitout plan --environ");
    assert!(option.contains("RAN:plan --environment"), "{option}");
    let value = complete("fitout completions pow");
    assert!(value.contains("RAN:completions powershell"), "{value}");
}
