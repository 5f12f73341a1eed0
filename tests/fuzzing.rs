//! Generated manifests, and the corpora of the fuzz targets on stable Rust: `fuzz/src/lib.rs` has the oracle, the generator and
//! the targets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs
)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::panic::catch_unwind;

use crate::tidy::root;

/// Generated manifests are fitted without loss, and once. `FITOUT_SEEDS=10000` tries more than the usual number.
#[test]
fn generated_manifests_are_fitted_without_loss() {
    let count = std::env::var("FITOUT_SEEDS").map_or(300, |count| count.parse().unwrap());
    let mut failures = Vec::new();
    let mut fitted = 0;
    for seed in 0..count {
        let result = catch_unwind(|| {
            let text = fuzz::generate::manifests(&mut fuzz::generate::Dice::seeded(seed));
            let config = fuzz::CONFIGS[seed as usize % fuzz::CONFIGS.len()];
            if std::env::var_os("FITOUT_SHOW").is_some() {
                println!("== seed {seed}\n{text}");
            }
            (fuzz::fitted(&text, config).is_some(), text)
        });
        match result {
            Ok((true, _)) => fitted += 1,
            Ok((false, _)) => {}
            Err(_) => failures.push(seed),
        }
    }
    assert!(failures.is_empty(), "seeds {failures:?}");
    assert!(fitted * 10 >= count * 8, "only {fitted} of {count} were fitted");
}
