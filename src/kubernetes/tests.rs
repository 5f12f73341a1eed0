//! Runs Kubernetes' own code, for the tests that compare with it.

use std::io::BufRead;
use std::process::Command;

/// The lines that a program of `tests/conformance` prints for 100,000 random rows. Needs Go and its module proxy;
/// `CONFORMANCE_SEED=7` draws others.
pub(super) fn upstream(program: &str) -> impl Iterator<Item = String> {
    let seed = std::env::var("CONFORMANCE_SEED").unwrap_or_else(|_| "1".to_owned());
    let go = Command::new("go")
        .args(["run", program, "100000", &seed])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&go.stderr);
    assert!(go.status.success(), "{errors}");
    std::io::Cursor::new(go.stdout).lines().map(Result::unwrap)
}
