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
    let config = "fn-config/all/fitout.yaml";
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
    // A value that a patch sets is reported with the line of the patch, and all others with the line of the config.
    let patched = "    - op: replace\n      path: /spec/environments/production/storage/storageClassName\n      value: gold\n";
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
    let (mut of_patch, mut of_file) = (0, 0);
    for place in results.iter().map(|result| &result["config"]) {
        match place["field"].as_str() {
            None => {}
            Some("spec.environments.production.storage.storageClassName") => {
                assert_eq!(place["path"], "fn-config/patched/kustomization.yaml");
                assert_eq!(place["line"], 5);
                of_patch += 1;
            }
            Some(_) => {
                assert_eq!(place["path"], config);
                assert!(place["line"].is_u64());
                of_file += 1;
            }
        }
    }
    assert!(of_patch > 0 && of_file > 0, "{of_patch} {of_file}");
    // An error also names its line, in the file and in the patch.
    bench.replace(
        "fn-config/patched/kustomization.yaml",
        "value: gold",
        "value: 7",
    );
    let apply = ["apply", "-k", &overlay(SYSTEM, "production")];
    let place = "--> fn-config/patched/kustomization.yaml:5:";
    bench.run("fitout", apply).failed_with(&[2], place);
    bench.replace(
        "fn-config/patched/kustomization.yaml",
        "value: 7",
        "value: gold",
    );
    bench.replace(
        config,
        "        storageClassName: standard\n",
        "        storageClasName: standard\n",
    );
    let text = bench.read(config);
    let line = text
        .lines()
        .position(|line| line.contains("storageClasName"));
    let place = format!("--> {config}:{}:", line.unwrap() + 1);
    bench.run("fitout", apply).failed_with(&[2], &place);
}

#[test]
fn a_value_of_one_environment_changes_that_environment_only() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let build =
        |bench: &Bench| ENVIRONMENTS.map(|environment| bench.reference(SYSTEM, environment));
    let [development, staging, production] = build(&bench);
    bench.replace(
        "fn-config/all/fitout.yaml",
        "    staging: {}\n",
        "    staging:\n      storage:\n        storageClassName: local\n",
    );
    let [same_development, other_staging, same_production] = build(&bench);
    assert_same_bytes("development", &development, &same_development);
    assert_same_bytes("production", &production, &same_production);
    let changed = staging.replace("storageClassName: fast\n", "storageClassName: local\n");
    assert_ne!(changed, staging);
    assert_same_bytes("staging", &changed, &other_staging);
}

#[test]
fn a_misspelt_environment_fails_with_the_line_of_the_patch() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let kustomization = "fn-config/production/kustomization.yaml";
    bench.replace(kustomization, "\"production\"", "\"prodution\"");
    let apply = || bench.run("fitout", ["apply", "-k", &overlay(SYSTEM, "production")]);
    apply().failed_with(&[2], "unknown environment `prodution`");
    apply().failed_with(&[2], "did you mean `production`?");
    apply().failed_with(&[2], &format!("--> {kustomization}:7:"));
}

#[test]
fn the_printed_config_of_an_environment_is_that_environment() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    for environment in ENVIRONMENTS {
        let printed = bench.run("fitout", ["config", "print", "-e", environment]);
        std::fs::write(bench.tree().join("printed.yaml"), printed.succeeded()).unwrap();
        let check = [
            "config", "print", "-e", environment, "--check", "printed.yaml",
        ];
        bench.run("fitout", check).succeeded();
        let unfitted = bench.unfitted(SYSTEM, environment);
        let apply = |config: [&str; 2]| {
            let apply = ["apply", "-f", "-", config[0], config[1]];
            bench.feed("fitout", apply, unfitted.as_bytes()).succeeded()
        };
        let chosen = apply(["-e", environment]);
        assert_same_bytes(environment, &chosen, &apply(["-c", "printed.yaml"]));
    }
    let check = [
        "config", "print", "-e", "staging", "--check", "printed.yaml",
    ];
    let stale = bench.run("fitout", check);
    assert_eq!(stale.code, Some(1), "{}", stale.stderr);
    assert!(stale.stderr.contains("is out of date"), "{}", stale.stderr);
}
