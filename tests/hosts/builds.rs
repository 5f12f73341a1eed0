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
        // An executable that kustomize leaves out is no error to it: the build is then as if there were no function.
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
fn apply_k_is_content_with_kubectl() {
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
