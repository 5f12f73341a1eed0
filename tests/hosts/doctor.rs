//! `fitout doctor` with the real programs: what it says of each is so.

use serde_json::Value;

use super::bench::{Bench, Need, image};

/// The outcome of each way to run fitout, as `tool: outcome command (form)`.
fn outcomes(report: &Value) -> Vec<String> {
    let tools = report["tools"].as_array().unwrap().iter();
    let trials = tools.flat_map(|tool| tool["trials"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |it: &Value| {
        format!(
            "{} {} {}",
            text(&it["outcome"]),
            text(&it["form"]),
            text(&it["command"])
        )
    };
    let page = include_str!("../../docs/doctor.md");
    let is_shown = |it: &Value| {
        let form = it["form"]
            .as_str()
            .map_or(String::new(), |form| format!("  # {form}"));
        let outcome = match it["outcome"].as_str().unwrap() {
            "works" => "works",
            "skipsSilently" => "SKIPS SILENTLY",
            "fails" => "fails",
            _ => return,
        };
        let shown = format!("\n  {outcome:<15} {}{form}\n", text(&it["command"]));
        assert!(
            it["outcome"] != it["expected"] || page.contains(&shown),
            "docs/doctor.md does not show{shown}"
        );
    };
    trials.inspect(|it| is_shown(it)).map(line).collect()
}

fn doctor(bench: &Bench, code: i32) -> Value {
    let ran = bench.run("fitout", ["doctor", "-o", "json"]);
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn assert_all(outcomes: &[String], expected: &[&str]) {
    for line in expected {
        assert!(
            outcomes.iter().any(|it| it == line),
            "{line} is not in {outcomes:#?}"
        );
    }
}

#[test]
fn kustomize_works_and_skips_as_doctor_says() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let outcomes = outcomes(&doctor(&bench, 0));
    assert_all(
        &outcomes,
        &[
            "works container fitout apply -k OVERLAY",
            "works exec kustomize build --enable-alpha-plugins --enable-exec OVERLAY",
            "skipsSilently exec kustomize build --enable-alpha-plugins OVERLAY",
            "fails container kustomize build OVERLAY",
            "notTried container kustomize build --enable-alpha-plugins OVERLAY",
        ],
    );
    // An overlay here that is skipped silently.
    bench.replace(
        "overlays/production/caracal/kustomization.yaml",
        "fn-config/production",
        "fn-config/exec/production",
    );
    let report = doctor(&bench, 1);
    let setup = report["setup"].as_array().unwrap();
    assert_eq!(setup.len(), 1, "{setup:#?}");
    assert_eq!(
        setup[0]["path"],
        "overlays/production/caracal/kustomization.yaml"
    );
    assert!(
        setup[0]["message"]
            .as_str()
            .unwrap()
            .contains("skips it silently"),
        "{setup:#?}"
    );
    let build = [
        "build", "--enable-alpha-plugins", "overlays/production/caracal",
    ];
    let skipped = bench.run("kustomize", build).succeeded();
    assert!(!skipped.contains("fitout-"), "the function ran");
}

#[test]
fn kubectl_skips_executables_as_doctor_says() {
    let Some(bench) = Bench::with(&[Need::Kubectl]) else {
        return;
    };
    assert_all(
        &outcomes(&doctor(&bench, 0)),
        &[
            "works container fitout apply -k OVERLAY",
            "skipsSilently exec kubectl kustomize --enable-alpha-plugins OVERLAY",
            "fails container kubectl kustomize OVERLAY",
        ],
    );
}

#[test]
fn kpt_works_and_fails_as_doctor_says() {
    let Some(bench) = Bench::with(&[Need::Kpt]) else {
        return;
    };
    assert_all(
        &outcomes(&doctor(&bench, 0)),
        &[
            "works exec kpt fn render PACKAGE --allow-exec",
            "fails exec kpt fn render PACKAGE",
            "works  kpt fn eval PACKAGE --exec fitout --fn-config CONFIG",
        ],
    );
}

#[test]
fn helm_works_before_and_after_the_plugin_is_installed() {
    let Some(bench) = Bench::with(&[Need::Helm]) else {
        return;
    };
    let expected = [
        "works  helm template RELEASE CHART --post-renderer fitout --post-renderer-args=-cCONFIG",
        "skipsSilently  helm template RELEASE CHART",
    ];
    let before = doctor(&bench, 0);
    assert_all(&outcomes(&before), &expected);
    assert!(
        before
            .to_string()
            .contains("after `fitout helm-plugin install`"),
        "{before}"
    );
    super::helm::install(&bench);
    let after = doctor(&bench, 0);
    assert_all(&outcomes(&after), &expected);
    assert!(
        !after.to_string().contains("helm-plugin install"),
        "{after}"
    );
    // A plugin that runs a program which is gone.
    let file = bench.helm_plugins().join("fitout/plugin.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("command: fitout", "command: /gone/fitout"),
    )
    .unwrap();
    let broken = doctor(&bench, 1);
    assert_all(
        &outcomes(&broken),
        &[&expected[0].replace("works", "fails")],
    );
    assert!(
        broken
            .to_string()
            .contains("`fitout helm-plugin install` replaces it"),
        "{broken}"
    );
}

#[test]
fn containers_work_as_doctor_says() {
    let needs = [Need::Kustomize, Need::Kubectl, Need::Kpt, Need::Image];
    let Some(bench) = Bench::with(&needs) else {
        return;
    };
    assert_all(
        &outcomes(&doctor(&bench, 0)),
        &[
            "works container kustomize build --enable-alpha-plugins OVERLAY",
            "works container kubectl kustomize --enable-alpha-plugins OVERLAY",
            "works container kpt fn render PACKAGE",
            &format!("works  docker run --rm -i --network none {}", image()),
        ],
    );
}
