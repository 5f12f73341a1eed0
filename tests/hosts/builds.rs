//! Everything that builds an overlay prints the same bytes.

use super::bench::{Bench, ENVIRONMENTS, Need, overlay};
use super::objects::{assert_same_bytes, assert_same_objects, objects};

const SYSTEM: &str = "caracal";

#[test]
fn kustomize_runs_the_executable() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let fitted = bench.reference(SYSTEM, environment);
        // Without the flag kustomize skips the executable, and builds as if there were no function.
        assert_ne!(
            fitted,
            bench.unfitted(SYSTEM, environment),
            "{environment}: the function did not run"
        );
    }
}

#[test]
fn kustomize_runs_the_container() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Image]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let build = [
            "build",
            "--enable-alpha-plugins",
            &overlay(SYSTEM, environment),
        ];
        let built = bench.run("kustomize", build).succeeded();
        assert_same_bytes(environment, &bench.reference(SYSTEM, environment), &built);
    }
}

#[test]
fn kubectl_runs_the_container() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kubectl, Need::Image]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let build = [
            "kustomize",
            "--enable-alpha-plugins",
            &overlay(SYSTEM, environment),
        ];
        let built = bench.run("kubectl", build).succeeded();
        assert_same_bytes(environment, &bench.reference(SYSTEM, environment), &built);
    }
}

#[test]
fn apply_k_needs_kustomize_and_no_docker() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let built = bench
            .run("fitout", ["apply", "-k", &overlay(SYSTEM, environment)])
            .succeeded();
        assert_same_bytes(environment, &bench.reference(SYSTEM, environment), &built);
    }
}

#[test]
fn apply_k_works_with_kubectl_alone() {
    let Some(measure) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let Some(bench) = Bench::with(&[Need::Kubectl]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let built = bench
            .run("fitout", ["apply", "-k", &overlay(SYSTEM, environment)])
            .succeeded();
        assert_same_bytes(environment, &measure.reference(SYSTEM, environment), &built);
    }
}

#[test]
fn docker_run_takes_a_resource_list() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Image]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let list = bench.resource_list(SYSTEM, environment);
        let run = [
            "run",
            "-i",
            "--rm",
            "--network",
            "none",
            "--read-only",
            super::bench::image(),
        ];
        let from_container = bench.feed("docker", run, &list).succeeded();
        let from_binary = bench.feed("fitout", [], &list).succeeded();
        assert_same_bytes(environment, &from_binary, &from_container);
        let reference = bench.reference(SYSTEM, environment);
        assert_same_objects(
            environment,
            &objects([&*reference]),
            &objects([&*from_container]),
        );
    }
}

#[test]
fn plan_k_names_the_line_of_the_config() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let config = "fn-config/production/fitout.yaml";
    let plan = ["plan", "-k", &overlay(SYSTEM, "production"), "-o", "json"];
    let report: serde_json::Value =
        serde_json::from_str(&bench.run("fitout", plan).succeeded()).unwrap();
    let text = bench.read(config);
    let lines: Vec<&str> = text.lines().collect();
    let mut named = 0;
    for result in report["results"].as_array().unwrap() {
        let place = &result["config"];
        let field = place["field"].as_str().unwrap_or_default();
        if let Some((_, leaf)) = field.split_once(".resources.containers.limits.") {
            assert_eq!(place["path"], config);
            let line = lines[place["line"].as_u64().unwrap() as usize - 1];
            assert!(line.contains(&format!("{leaf}: ")), "{field}: {line}");
            named += 1;
        }
    }
    assert!(named > 0, "no change sets a limit");
    // A config that the overlay patches is not the one in the file, so no file is named.
    let patched = "    - op: add\n      path: /spec/report\n      value: {changes: None}\n";
    let kustomization = format!("{}/kustomization.yaml", overlay(SYSTEM, "production"));
    bench.replace(&kustomization, "fn-config/production", "fn-config/patched");
    let folder = bench.tree().join("fn-config/patched");
    std::fs::create_dir(&folder).unwrap();
    let text = format!(
        "resources: [../production]\npatches:\n- target: {{kind: Fitout}}\n  patch: |-\n{patched}"
    );
    std::fs::write(folder.join("kustomization.yaml"), text).unwrap();
    let report: serde_json::Value =
        serde_json::from_str(&bench.run("fitout", plan).succeeded()).unwrap();
    let results = report["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .all(|result| result["config"]["path"].is_null())
    );
}
