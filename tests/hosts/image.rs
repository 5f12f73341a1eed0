//! The image holds the binary under test, the user that hosts run it as, and nothing else.

use std::fs;
use std::path::PathBuf;

use super::bench::{Bench, Need, binary, image, root};
use super::objects::{assert_same_objects, objects};

/// Files that Docker adds to every container.
const DOCKERS_OWN: [&str; 9] = [
    ".dockerenv", "dev", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf", "proc", "sys",
    "etc",
];

#[test]
fn the_image_holds_the_binary_and_nobody() {
    let Some(bench) = Bench::with(&[Need::Image]) else {
        return;
    };
    let container = bench
        .docker(["create", "--network", "none", image()])
        .succeeded();
    let container = container.trim();
    let exported = bench.docker(["export", "-o", "image.tar", container]);
    let copied = bench.docker(["cp", &format!("{container}:/fitout"), "fitout"]);
    bench.docker(["rm", container]).succeeded();
    exported.succeeded();
    copied.succeeded();

    let list = std::process::Command::new("tar")
        .arg("-tf")
        .arg(bench.tree().join("image.tar"))
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let mut files: Vec<&str> = list
        .lines()
        .map(|line| line.trim_end_matches('/'))
        .collect();
    files.retain(|file| !DOCKERS_OWN.contains(file) && !file.starts_with("dev/"));
    files.sort_unstable();
    assert_eq!(files, ["etc/group", "etc/passwd", "fitout"]);

    let (inside, outside) = (
        fs::read(bench.tree().join("fitout")).unwrap(),
        fs::read(binary()).unwrap(),
    );
    assert!(
        inside == outside,
        "the image holds another binary than FITOUT_BIN: make image"
    );
}

#[test]
fn the_image_is_small_labelled_and_runs_as_nobody() {
    let Some(bench) = Bench::with(&[Need::Image]) else {
        return;
    };
    let inspected = bench.docker(["image", "inspect", image()]).succeeded();
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    let size = inspected[0]["Size"].as_u64().unwrap();
    // Other profiles build larger binaries, which do not ship.
    let ships = binary()
        .components()
        .any(|part| part.as_os_str() == "release");
    // Every CI job downloads it. Reports for machines and browsers, and the commands for people, are 1.4 MB of it.
    assert!(!ships || size <= 7_000_000, "the image has {size} bytes");
    let config = &inspected[0]["Config"];
    assert_eq!(config["User"], "nobody");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/fitout"]));
    assert_eq!(config["Cmd"], serde_json::Value::Null);
    for label in [
        "title", "description", "source", "documentation", "licenses", "version", "revision",
    ] {
        let value = config["Labels"][format!("org.opencontainers.image.{label}")].as_str();
        assert!(
            value.is_some_and(|value| !value.is_empty()),
            "label {label} is missing"
        );
    }
}

/// Needs no host. A use that still has an old version would name the wrong image.
#[test]
fn every_use_of_the_image_name_is_the_makefiles() {
    let name = image();
    let (repository, tag) = name.rsplit_once(':').unwrap();
    assert_eq!(
        tag,
        format!("v{}", env!("CARGO_PKG_VERSION")),
        "the Makefile's IMAGE is not the crate's version"
    );
    let mut wrong = Vec::new();
    for file in sources() {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for (at, _) in line.match_indices(&format!("{repository}:")) {
                let rest = &line[at..];
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/:._-".contains(c)));
                let used = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', ':']);
                if used != name {
                    wrong.push(format!("{}:{}: {used}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these are not {name}:\n{}",
        wrong.join("\n")
    );
}

/// Every file of the repository that is not generated.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let built = ["target", "out", ".git", ".cache"]
                .iter()
                .any(|built| name == *built);
            if entry.file_type().unwrap().is_dir() {
                if !built {
                    folders.push(entry.path());
                }
            } else {
                files.push(entry.path());
            }
        }
    }
    files
}

/// The commands of the README for CI: all give the same objects.
#[test]
fn the_lines_of_the_readme_for_ci_run() {
    let Some(bench) = Bench::with(&[Need::Image, Need::Kpt, Need::Kustomize]) else {
        return;
    };
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, part) = readme.split_once("**Any CI**").unwrap();
    let (part, _) = part.split_once("**The command line**").unwrap();
    let blocks: Vec<&str> = part
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let [kpt, kustomize, mounted] = blocks[..] else {
        panic!("{blocks:#?}");
    };
    bench.shell(kpt).succeeded();
    let sunk = bench.files("out/caracal").into_values();
    let sunk: Vec<String> = sunk
        .filter(|it| !it.contains("kind: Kustomization"))
        .collect();
    let sunk = objects(sunk.iter().map(String::as_str));
    let printed = bench.shell(kustomize).succeeded();
    let mounted = bench.shell(mounted).succeeded();
    assert_same_objects("kustomize cfg cat", &sunk, &objects([&*printed]));
    assert_same_objects("the command line", &sunk, &objects([&*mounted]));
    assert!(printed.contains("limits:"), "{printed}");
}
