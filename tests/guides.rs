//! The guides in `docs/guides`: each session runs as it stands, in a copy of `examples/shop`, and each other command says why it
//! is not run.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::Folder;

fn guides() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides");
    let mut guides: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    guides.sort();
    assert!(guides.len() >= 6);
    guides
}

#[test]
fn sessions_in_the_guides_are_true() {
    let cases = tempfile::TempDir::new().unwrap();
    for guide in guides() {
        let stem = guide.file_stem().unwrap().to_string_lossy().into_owned();
        fs::copy(&guide, cases.path().join(format!("{stem}.md"))).unwrap();
        let project = Folder::with_copy(&["examples/shop"]);
        fs::rename(
            project.path().join("examples/shop"),
            cases.path().join(format!("{stem}.in")),
        )
        .unwrap();
    }
    let tests = trycmd::TestCases::new();
    tests.case(cases.path().join("*.md"));
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tests.run()));
    if std::env::var("TRYCMD").as_deref() == Ok("overwrite") {
        for guide in guides() {
            fs::copy(cases.path().join(guide.file_name().unwrap()), &guide).unwrap();
        }
    }
    ran.unwrap();
}

/// A block that a reader would type is a session, or says above it why no test runs it.
#[test]
fn commands_that_are_not_run_say_why() {
    for guide in guides() {
        let text = fs::read_to_string(&guide).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if *line == "```sh" {
                let above = lines[at - 1];
                assert!(
                    above.starts_with("<!-- not run: ") && above.len() > 40,
                    "{}:{}",
                    guide.display(),
                    at + 1
                );
            }
        }
        assert!(
            text.contains("```console\n$ fitout "),
            "{} has no session",
            guide.display()
        );
        assert!(
            text.contains("\n## Limits\n"),
            "{} has no limits",
            guide.display()
        );
    }
}
