//! kpt gives the objects that kustomize gives, from a package that is the overlay without the function.

use super::bench::{Bench, Need, PACKAGE, image};
use super::objects::{Objects, assert_same_objects, objects};

const CONFIG: &str = "examples/kpt/caracal-production/fitout.yaml";

fn reference(bench: &Bench) -> Objects {
    objects([&*bench.reference("caracal", "production")])
}

fn package(bench: &Bench) -> Objects {
    objects(bench.files(PACKAGE).values().map(String::as_str))
}

#[test]
fn the_package_is_the_overlay_without_the_function() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let unfitted = bench.unfitted("caracal", "production");
    assert_same_objects(PACKAGE, &objects([&*unfitted]), &package(&bench));
    let value = |path| serde_yaml::from_str::<serde_json::Value>(&bench.read(path)).unwrap();
    assert_eq!(
        value(CONFIG)["spec"],
        value("fn-config/production/fitout.yaml")["spec"],
        "{CONFIG}"
    );
}

#[test]
fn kpt_eval_runs_the_container() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kpt, Need::Image]) else {
        return;
    };
    let eval = [
        "fn",
        "eval",
        PACKAGE,
        "--image",
        image(),
        "--image-pull-policy",
        "never",
        "--fn-config",
        CONFIG,
    ];
    let printed = bench
        .run("kpt", eval.into_iter().chain(["-o", "unwrap"]))
        .succeeded();
    assert_same_objects(
        "kpt fn eval -o unwrap",
        &reference(&bench),
        &objects([&*printed]),
    );
    bench.run("kpt", eval).succeeded();
    assert_same_objects("kpt fn eval", &reference(&bench), &package(&bench));
}

#[test]
fn kpt_eval_runs_the_executable() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kpt]) else {
        return;
    };
    bench
        .run(
            "kpt",
            [
                "fn",
                "eval",
                PACKAGE,
                "--exec",
                "fitout",
                "--fn-config",
                CONFIG,
            ],
        )
        .succeeded();
    assert_same_objects("kpt fn eval --exec", &reference(&bench), &package(&bench));
}

#[test]
fn kpt_render_runs_the_container_and_twice_is_once() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kpt, Need::Image]) else {
        return;
    };
    let render = ["fn", "render", PACKAGE, "--image-pull-policy", "never"];
    bench.run("kpt", render).succeeded();
    assert_same_objects("kpt fn render", &reference(&bench), &package(&bench));
    let once = bench.files(PACKAGE);
    bench.run("kpt", render).succeeded();
    assert_eq!(
        once,
        bench.files(PACKAGE),
        "a second kpt fn render changed files"
    );
}

#[test]
fn kpt_source_and_sink_take_docker_run_between_them() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kpt, Need::Image]) else {
        return;
    };
    let list = bench
        .run("kpt", ["fn", "source", PACKAGE, "--fn-config", CONFIG])
        .succeeded();
    let run = ["run", "-i", "--rm", "--network", "none", image()];
    let fitted = bench.feed("docker", run, list.as_bytes()).succeeded();
    bench
        .feed("kpt", ["fn", "sink", "sunk"], fitted.as_bytes())
        .succeeded();
    let files = bench.files("sunk");
    assert_same_objects(
        "kpt fn sink",
        &reference(&bench),
        &objects(files.values().map(String::as_str)),
    );
}
