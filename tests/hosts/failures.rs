//! A config with a mistake stops every host: a message, a non-zero exit, nothing on stdout, nothing changed on disk.
//!
//! Empty output with exit 0 would empty the build in kustomize and delete the package in kpt.

use super::bench::{Bench, CONFIG, Need, PACKAGE, image, kpt_eval_container, overlay};

const MISTAKE: &str = "resorces";

/// A bench in which every production config has an unknown field.
fn broken(needs: &[Need]) -> Option<Bench> {
    let bench = Bench::with(needs)?;
    for config in ["fn-config/all/fitout.yaml", CONFIG] {
        bench.replace(
            config,
            "\nspec:\n",
            &format!("\nspec:\n  {MISTAKE}: {{}}\n"),
        );
    }
    Some(bench)
}

fn production() -> String {
    overlay("caracal", "production")
}

#[test]
fn kustomize_with_the_container_fails() {
    let Some(bench) = broken(&[Need::Kustomize, Need::Image]) else {
        return;
    };
    let build = ["build", "--enable-alpha-plugins", &production()];
    bench.run("kustomize", build).failed_with(&[1], MISTAKE);
}

#[test]
fn kustomize_with_the_executable_fails() {
    let Some(bench) = broken(&[Need::Kustomize]) else {
        return;
    };
    let kustomization = format!("{}/kustomization.yaml", production());
    bench.replace(
        &kustomization, "fn-config/production", "fn-config/exec/production",
    );
    let build = [
        "build",
        "--enable-alpha-plugins",
        "--enable-exec",
        &production(),
    ];
    bench.run("kustomize", build).failed_with(&[1], MISTAKE);
}

#[test]
fn kubectl_fails() {
    let Some(bench) = broken(&[Need::Kubectl, Need::Image]) else {
        return;
    };
    let build = ["kustomize", "--enable-alpha-plugins", &production()];
    bench.run("kubectl", build).failed_with(&[1], MISTAKE);
}

#[test]
fn apply_k_fails() {
    let Some(bench) = broken(&[Need::Kustomize]) else {
        return;
    };
    // The command line has its own exit code for an invalid config.
    bench
        .run("fitout", ["apply", "-k", &production()])
        .failed_with(&[1, 2], MISTAKE);
}

#[test]
fn docker_run_fails() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Image]) else {
        return;
    };
    let list = String::from_utf8(bench.resource_list("caracal", "production")).unwrap();
    let (items, config) = list.rsplit_once("\n  spec:\n").unwrap();
    let list = format!("{items}\n  spec:\n    {MISTAKE}: {{}}\n{config}");
    let run = ["run", "-i", "--rm", "--network", "none", image()];
    bench
        .feed("docker", run, list.as_bytes())
        .failed_with(&[1], MISTAKE);
}

#[test]
fn kpt_eval_with_the_container_fails_and_leaves_the_package() {
    let Some(bench) = broken(&[Need::Kpt, Need::Image]) else {
        return;
    };
    let eval = kpt_eval_container();
    fails_and_leaves_the_package(&bench, &eval);
}

#[test]
fn kpt_eval_with_the_executable_fails_and_leaves_the_package() {
    let Some(bench) = broken(&[Need::Kpt]) else {
        return;
    };
    fails_and_leaves_the_package(
        &bench,
        &[
            "fn", "eval", PACKAGE, "--exec", "fitout", "--fn-config", CONFIG,
        ],
    );
}

#[test]
fn kpt_render_fails_and_leaves_the_package() {
    let Some(bench) = broken(&[Need::Kpt, Need::Image]) else {
        return;
    };
    fails_and_leaves_the_package(
        &bench,
        &["fn", "render", PACKAGE, "--image-pull-policy", "never"],
    );
}

fn fails_and_leaves_the_package(bench: &Bench, command: &[&str]) {
    // Newer kpt keeps a record of every render in the Kptfile, also of a failed one.
    let files = || {
        let mut files = bench.files(PACKAGE);
        files.retain(|path, _| !path.ends_with("Kptfile"));
        files
    };
    let before = files();
    bench
        .run("kpt", command.iter().copied())
        .failed_with(&[1], MISTAKE);
    assert_eq!(before, files(), "kpt changed the package");
}
