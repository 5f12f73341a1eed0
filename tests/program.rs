//! The real binary, run as a user or a host runs it, in its own folder.
#![allow(
    clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, missing_docs
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder to run in, which is deleted after the test.
pub(crate) struct Folder(TempDir);

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    /// A folder with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(TempDir::new().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    /// A folder with a copy of some of the repository's.
    pub(crate) fn with_copy(of: &[&str]) -> Folder {
        let folder = Folder::with(&[]);
        for name in of {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            copy(&from, &folder.path().join(name));
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Adds a program, such as a shell script.
    #[cfg(unix)]
    pub(crate) fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(self.path().join(name), mode).unwrap();
    }

    /// Makes a FIFO.
    pub(crate) fn fifo(&self, name: &str) {
        let mut mkfifo = Command::new("mkfifo");
        let made = mkfifo.arg(self.path().join(name)).status().unwrap();
        assert!(made.success());
    }

    /// Runs a line of a shell that finds fitout.
    pub(crate) fn shell(&self, line: &str) -> Run {
        let program = Path::new(env!("CARGO_BIN_EXE_fitout")).parent().unwrap();
        let folders = [program, Path::new("/usr/bin"), Path::new("/bin")];
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", line]).current_dir(self.path());
        shell.env("PATH", std::env::join_paths(folders).unwrap());
        shell.env_remove("FITOUT_ENV").env_remove("FITOUT_CONFIG");
        Run::of(shell, b"")
    }

    /// The command, without the environment variables of the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fitout"));
        command.args(arguments).current_dir(self.path());
        for name in [
            "FITOUT_OUTPUT", "FITOUT_ENV", "FITOUT_CONFIG", "CLICOLOR_FORCE",
        ] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.feed(arguments, b"")
    }

    pub(crate) fn feed(&self, arguments: &[&str], stdin: &[u8]) -> Run {
        Run::of(self.command(arguments), stdin)
    }
}

impl Run {
    /// Runs a command with this on standard input.
    pub(crate) fn of(mut command: Command, stdin: &[u8]) -> Run {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A run that fails early does not read its input; the test does not fail for that.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts that the run failed: with this exit code, nothing on standard output, and a message with all these texts.
    pub(crate) fn refused(&self, what: &str, code: i32, expected: &[&str]) {
        assert_eq!(self.code, Some(code), "{what}: exit code\n{}", self.stderr);
        assert_eq!(self.stdout, "", "{what}: standard output");
        for expected in expected {
            assert!(
                self.stderr.contains(expected),
                "{what}: `{expected}` is not in\n{}",
                self.stderr
            );
        }
        assert!(
            !self.stderr.contains("this is a bug"),
            "{what}\n{}",
            self.stderr
        );
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
