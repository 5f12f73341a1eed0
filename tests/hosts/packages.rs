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
                "fn", "eval", PACKAGE, "--exec", "fitout", "--fn-config", CONFIG,
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

/// Comments above, below and in documents: kpt does not pass those above and below on, and puts them back by the ids.
#[test]
fn kpt_render_keeps_every_comment() {
    let Some(bench) = Bench::with(&[Need::Kpt]) else {
        return;
    };
    let manifest = "\
# Licence, 1

apiVersion: v1
kind: Pod
metadata:
  name: a
spec:
  containers:
  - name: a # line, 2
    image: example.com/a:1.0
    resources:
      # limits: 3
  # - name: b # 4
  nodeName: x
  # footer, 5
  tolerations:
    # - key: dedicated # 6

# end, 7
";
    let package = bench.tree().join("comments");
    std::fs::create_dir_all(&package).unwrap();
    let write = |name: &str, text: &str| std::fs::write(package.join(name), text).unwrap();
    write("pod.yaml", manifest);
    write(
        "Kptfile",
        "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata: {name: comments}\npipeline:\n  mutators:\n  - exec: fitout\n    configPath: fitout.yaml\n",
    );
    write(
        "fitout.yaml",
        "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata:\n  name: c\n  annotations: {config.kubernetes.io/local-config: \"true\"}\n\
         spec:\n  environment: c\n  resources:\n    containers:\n      requests: {cpu: 100m, memory: 128Mi}\n",
    );
    let render = ["fn", "render", "comments", "--allow-exec"];
    for _ in 0..2 {
        bench.run("kpt", render).succeeded();
        let rendered = bench.read("comments/pod.yaml");
        assert!(rendered.contains("memory: 128Mi"), "{rendered}");
        for number in 1..=7 {
            let is_it = |line: &&str| line.contains('#') && line.ends_with(&format!(" {number}"));
            let count = rendered.lines().filter(is_it).count();
            // kpt writes a comment below a key without a value twice when the key gets one.
            let most = if number == 3 { 2 } else { 1 };
            assert!(
                (1..=most).contains(&count),
                "comment {number} in\n{rendered}"
            );
        }
    }
}
