//! The four systems in the three environments, judged by the rows that CI has beside the repository.
//!
//! Every other host prints these same objects, so that one host stands for all.

use super::bench::{Bench, Need, root};

fn accepted(environment: &str) {
    let Some(bench) = Bench::with(&[Need::Acceptance, Need::Kustomize]) else {
        return;
    };
    let mut refused = Vec::new();
    for system in ["254carbon", "caracal", "circle-core", "mcp-gateway"] {
        if !root().join("base").join(system).exists() {
            continue;
        }
        let ran = bench.accept(system, environment, &bench.reference(system, environment));
        if ran.code != Some(0) {
            refused.push(format!("{}\n{}{}", ran.command, ran.stdout, ran.stderr));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn development_is_accepted() {
    accepted("development");
}

#[test]
fn staging_is_accepted() {
    accepted("staging");
}

#[test]
fn production_is_accepted() {
    accepted("production");
}
