//! Runs Kubernetes' own code, for the tests that compare with it.

use std::io::BufRead;
use std::process::Command;

/// The lines that a program of `tests/conformance` prints for 100,000 random rows. Needs Go and its module proxy;
/// `CONFORMANCE_SEED=7` draws others.
pub(super) fn upstream(program: &str) -> impl Iterator<Item = String> {
    let seed = std::env::var("CONFORMANCE_SEED").unwrap_or_else(|_| "1".to_owned());
    let lines = std::io::Cursor::new(output(&[program, "100000", &seed])).lines();
    lines.map(Result::unwrap)
}

/// What a program of `tests/conformance` prints.
pub(super) fn output(arguments: &[&str]) -> Vec<u8> {
    let go = Command::new("go")
        .arg("run")
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&go.stderr);
    assert!(go.status.success(), "{errors}");
    go.stdout
}
