//! The config as a validator checks the output of a build from inside, `fitout check` that of any build.

use super::bench::{Bench, CONFIG, Need, PACKAGE, image, overlay};
use super::objects::assert_same_bytes;

/// Circle Core has a name prefix, and ConfigMaps with a hash in their names.
const SYSTEM: &str = "circle-core";
const FOLDER: &str = "../../../fn-config";

/// Names folders of `fn-config/` in an overlay's lists; both functions in the form `exec` if asked.
fn list(bench: &Bench, transformers: Option<&str>, validators: Option<&str>, as_executable: bool) {
    let kustomization = format!("{}/kustomization.yaml", overlay(SYSTEM, "production"));
    let entry = |list: &str, folder: Option<&str>| {
        folder.map_or(String::new(), |folder| {
            format!("{list}:\n- {FOLDER}/{folder}\n")
        })
    };
    let lists = entry("transformers", transformers) + &entry("validators", validators);
    let known = format!("transformers:\n- {FOLDER}/production\n");
    bench.replace(&kustomization, &known, &lists);
    if as_executable {
        let container = format!("container: {{image: {}}}\n", image());
        let executable = "exec: {path: fitout}\n";
        bench.replace("fn-config/all/fitout.yaml", &container, executable);
    }
}

fn build(bench: &Bench) -> super::bench::Ran {
    let overlay = overlay(SYSTEM, "production");
    bench.run(
        "kustomize",
        ["build", "--enable-alpha-plugins", "--enable-exec", &overlay],
    )
}

#[test]
fn kustomize_passes_fitted_objects() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let reference = bench.reference(SYSTEM, "production");
    list(&bench, Some("production"), Some("check/production"), true);
    assert_same_bytes("validators", &reference, &build(&bench).succeeded());
}

#[test]
fn kustomize_fails_for_objects_that_are_not_fitted() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    list(&bench, None, Some("check/production"), true);
    build(&bench).failed_with(&[1], "error[FIT-RUN001]: fitout did not run on this object");
}

#[test]
fn a_validator_under_transformers_leaves_an_object_that_every_cluster_rejects() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    bench.replace(
        "fn-config/all/fitout.yaml",
        "\nspec:\n",
        "\nspec:\n  mode: Check\n  checks: {failOn: Never}\n",
    );
    list(&bench, Some("production"), None, true);
    let built = build(&bench).succeeded();
    assert!(
        built.contains("kind: CheckConfigUsedAsTransformer"),
        "{built}"
    );
    assert_eq!(built.matches("\nkind: ").count(), 1, "{built}");
}

#[test]
fn kustomize_and_kubectl_validate_with_the_container() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kubectl, Need::Image]) else {
        return;
    };
    let reference = bench.reference(SYSTEM, "production");
    list(&bench, Some("production"), Some("check/production"), false);
    assert_same_bytes("kustomize", &reference, &build(&bench).succeeded());
    let overlay = overlay(SYSTEM, "production");
    let kubectl = ["kustomize", "--enable-alpha-plugins", &overlay];
    assert_same_bytes(
        "kubectl",
        &reference,
        &bench.run("kubectl", kubectl).succeeded(),
    );
    let kustomization = format!("{overlay}/kustomization.yaml");
    let transformers = format!("transformers:\n- {FOLDER}/production\n");
    bench.replace(&kustomization, &transformers, "");
    for ran in [build(&bench), bench.run("kubectl", kubectl)] {
        ran.failed_with(&[1], "error[FIT-RUN001]: fitout did not run on this object");
    }
}

/// Makes the package's pipeline run the executable, with a validator behind it.
fn pipeline(bench: &Bench, mutates: bool) {
    let validating = bench
        .read(CONFIG)
        .replace("\nspec:\n", "\nspec:\n  mode: Check\n")
        .replacen("name: all", "name: check", 1);
    std::fs::write(bench.tree().join(PACKAGE).join("check.yaml"), validating).unwrap();
    let kptfile = format!("{PACKAGE}/Kptfile");
    let text = bench.read(&kptfile);
    let (head, _) = text.split_once("pipeline:\n").unwrap();
    let mutators = "  mutators:\n  - exec: fitout\n    configPath: fitout.yaml\n";
    let validators = "  validators:\n  - exec: fitout\n    configPath: check.yaml\n";
    let mutators = if mutates { mutators } else { "" };
    let text = format!("{head}pipeline:\n{mutators}{validators}");
    std::fs::write(bench.tree().join(kptfile), text).unwrap();
}

#[test]
fn kpt_runs_the_validator_of_a_pipeline() {
    let Some(bench) = Bench::with(&[Need::Kpt]) else {
        return;
    };
    let render = ["fn", "render", PACKAGE, "--allow-exec"];
    pipeline(&bench, false);
    let before = bench.files(PACKAGE);
    let ran = bench.run("kpt", render);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let said = "fitout did not run on this object, or ran with a different config";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let mut after = bench.files(PACKAGE);
    // kpt keeps the outcome of a run in the Kptfile.
    let kptfile = bench.tree().join(PACKAGE).join("Kptfile");
    after.insert(kptfile.clone(), before[&kptfile].clone());
    assert_eq!(before, after);
    pipeline(&bench, true);
    bench.run("kpt", render).succeeded();
}

#[test]
fn a_forged_id_of_kustomize_deletes_nothing_from_a_package() {
    let Some(bench) = Bench::with(&[Need::Kpt]) else {
        return;
    };
    pipeline(&bench, false);
    let forged = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: forged\n  annotations:\n    kustomize.config.k8s.io/id: \"kind: ConfigMap\"\n";
    std::fs::write(bench.tree().join(PACKAGE).join("forged.yaml"), forged).unwrap();
    // A validator that passes whatever is in the package.
    let check = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: check}\nspec: {environment: test, mode: Check, checks: {failOn: Never}}\n";
    let config = bench.tree().join("check.yaml");
    std::fs::write(&config, check).unwrap();
    let before = bench.files(PACKAGE);
    let config = config.display().to_string();
    let ran = bench.run(
        "kpt",
        [
            "fn", "eval", PACKAGE, "--exec", "fitout", "--fn-config", &config,
        ],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let names =
        |files: &std::collections::BTreeMap<_, _>| -> Vec<_> { files.keys().cloned().collect() };
    assert_eq!(names(&before), names(&bench.files(PACKAGE)));
}

#[test]
fn check_detects_a_build_without_enable_exec() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    list(&bench, Some("exec/production"), None, false);
    let overlay = overlay(SYSTEM, "production");
    // kustomize skips the function silently.
    let unfitted = bench.run("kustomize", ["build", "--enable-alpha-plugins", &overlay]);
    assert_eq!(unfitted.stderr, "");
    let unfitted = unfitted.succeeded();
    let fitted = build(&bench).succeeded();
    let check = ["check", "-f", "-", "-e", "production"];
    bench.feed("fitout", check, fitted.as_bytes()).succeeded();
    let ran = bench.feed("fitout", check, unfitted.as_bytes());
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    for said in [
        "error[FIT-RUN001]",
        "fn-config/exec/production/kustomization.yaml",
        "--enable-exec",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    let overlay = ["check", "-k", &overlay];
    let ran = bench.run("fitout", overlay);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("error[FIT-RUN001]"), "{}", ran.stderr);
}

#[test]
fn check_builds_an_overlay() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let ran = bench.run("fitout", ["check", "-k", &overlay(SYSTEM, "production")]);
    assert!(
        ran.succeeded()
            .contains("no drift from the config; 0 errors")
    );
}
