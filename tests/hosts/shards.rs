//! `--shard` in containers that share one folder, as the pods of a Job do: every process has the same id.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use super::bench::{Bench, Need, Ran, image};

const SHARDS: usize = 8;
const KILLED: usize = 3;

#[test]
fn eight_containers_share_a_run_and_one_that_is_killed_runs_again_alone() {
    let (Some(whole), Some(bench)) = (Bench::with(&[Need::Image]), Bench::with(&[Need::Image]))
    else {
        return;
    };
    let start = |bench: &Bench, shard: Option<usize>, detached: bool| -> Ran {
        let tree = bench.tree();
        let owner = fs::metadata(&tree).unwrap();
        let (user, mount) = (
            format!("{}:{}", owner.uid(), owner.gid()),
            format!("{}:/src", tree.display()),
        );
        let name = shard.map_or(String::new(), |it| it.to_string());
        let report = format!("json=reports/{name}.json");
        let of_shard = shard.map(|it| format!("--shard={it}/{SHARDS}"));
        let mut run = vec!["run", "--network", "none", "--read-only", "-w", "/src"];
        run.push(if detached { "-d" } else { "--rm" });
        run.extend(["--user", &user, "-v", &mount, image()]);
        run.extend([
            "apply", "-i", "-q", "-f", "base", "-e", "production", "-o", &report,
        ]);
        run.extend(of_shard.as_deref());
        bench.docker(run)
    };
    for it in [&whole, &bench] {
        // More files than there are shards.
        for at in 0..40 {
            let pod = format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}, namespace: caracal}}\nspec: {{containers: [{{name: a, image: nginx:1.27}}]}}\n"
            );
            fs::write(it.tree().join(format!("base/p{at}.yaml")), pod).unwrap();
        }
        fs::create_dir(it.tree().join("reports")).unwrap();
    }
    let code = start(&whole, None, false).code;
    let report = whole.read("reports/.json");

    // It waits for a reader of its report, with its new texts next to the files.
    let fifo = bench.tree().join(format!("reports/{KILLED}.json"));
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(made.success());
    let container = start(&bench, Some(KILLED), true).succeeded();
    let container = container.trim();
    let staged = || {
        let names = bench.files("base").into_keys();
        names
            .filter(|it| {
                it.to_string_lossy()
                    .ends_with(&format!("-{KILLED}of{SHARDS}.tmp"))
            })
            .count()
    };
    for _ in 0..600 {
        if staged() > 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    for shard in (0..SHARDS).filter(|it| *it != KILLED) {
        let ran = start(&bench, Some(shard), false);
        assert_eq!(ran.code, code, "{}", ran.stderr);
    }
    assert!(
        staged() > 2,
        "others removed what the waiting one has staged"
    );
    bench.docker(["kill", container]).succeeded();
    bench.docker(["rm", container]).succeeded();
    fs::remove_file(&fifo).unwrap();
    assert_ne!(texts(&bench), texts(&whole));

    let again = start(&bench, Some(KILLED), false);
    assert_eq!(again.code, code, "{}", again.stderr);
    assert_eq!(texts(&bench), texts(&whole));
    let reports: Vec<String> = (0..SHARDS).map(|it| format!("reports/{it}.json")).collect();
    let mut merge = vec!["merge-reports"];
    merge.extend(reports.iter().map(String::as_str));
    let merged = bench.run("fitout", merge);
    assert_eq!(merged.code, code, "{}", merged.stderr);
    assert!(
        merged.stdout == report,
        "the merged report is not that of one run"
    );
}

/// The files below `base`, by their path in it.
fn texts(bench: &Bench) -> Vec<(String, String)> {
    let base = bench.tree().join("base");
    let files = bench.files("base").into_iter();
    let below = |path: std::path::PathBuf| {
        path.strip_prefix(&base)
            .unwrap()
            .to_string_lossy()
            .into_owned()
    };
    files.map(|(path, text)| (below(path), text)).collect()
}
