//! kpt gives the same objects as kustomize, from a package with the output of the overlay without the function.

use super::bench::{Bench, CONFIG, Need, PACKAGE, image, kpt_eval_container};
use super::objects::{Objects, assert_same_bytes, assert_same_objects, objects};

fn reference(bench: &Bench) -> Objects {
    objects([&*bench.reference("caracal", "production")])
}

fn package(bench: &Bench) -> Objects {
    let files = bench.files(PACKAGE);
    let manifests = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "yaml"));
    objects(manifests.map(|(_, text)| text.as_str()))
}

#[test]
fn the_package_is_regenerated_by_the_lines_in_its_readme() {
    let Some(bench) = Bench::with(&[Need::Kustomize]) else {
        return;
    };
    let kept = bench.files(PACKAGE);
    let readme = bench.read(&format!("{PACKAGE}/README.md"));
    let (_, lines) = readme.split_once("## Regenerate").unwrap();
    let (lines, _) = lines
        .split_once("```sh\n")
        .unwrap()
        .1
        .split_once("```")
        .unwrap();
    bench.shell(lines).succeeded();
    for (path, regenerated) in bench.files(PACKAGE) {
        let who = path
            .strip_prefix(bench.tree())
            .unwrap()
            .display()
            .to_string();
        assert_same_bytes(&who, &kept[&path], &regenerated);
    }
}

#[test]
fn kpt_eval_runs_the_container() {
    let Some(bench) = Bench::with(&[Need::Kustomize, Need::Kpt, Need::Image]) else {
        return;
    };
    let eval = kpt_eval_container();
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
fn kpt_render_runs_the_container_and_is_idempotent() {
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
fn kpt_source_and_sink_work_with_docker_run() {
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
