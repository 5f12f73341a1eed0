//! Work shared between threads, and between runs with `--shard`: nothing tells how many there were.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::program::{Folder, Run};

pub(crate) const CONFIG: &str = r#"
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: test}
spec:
  environment: test
  resources:
    containers:
      requests: {cpu: 100m, memory: 128Mi}
      limits: {cpu: 500m, memory: 512Mi}
  securityContext: {profile: restricted}
  storage: {storageClassName: fast}
  profiles:
  - name: unused
    select: {name: nothing-has-this-name}
    resources: {containers: {requests: {cpu: 200m}}}
  exemptions:
  - select: {name: web-3}
    rules: [FIT-NET004]
    reason: the pods come with another repository
  - select: {name: no-such-object}
    rules: [FIT-NET004]
    reason: covers nothing, which is a finding about the config
"#;

/// Objects of several files that say something about each other, each with a mistake in some of the files.
pub(crate) fn object(at: usize) -> String {
    let namespace = ["shop", "pay", "data"][at % 3];
    let (mut name, image) = (
        format!("web-{at}"),
        // Two images that are not known, in a group of several places.
        [
            "nginx:1.27", "postgres:16", "example.com/own:1", "example.com/other:1",
        ][at % 4],
    );
    let metadata = |name: &str| {
        format!("metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}")
    };
    let labels = format!("{{app: {name}}}");
    let spec = format!(
        "containers: [{{name: main, image: {image}, ports: [{{containerPort: 8080}}], envFrom: [{{configMapRef: {{name: settings-{}}}}}]}}]",
        at / 7
    );
    let template = format!("template: {{metadata: {{labels: {labels}}}, spec: {{{spec}}}}}");
    let selector = format!("selector: {{matchLabels: {labels}}}");
    match at % 9 {
        0 | 1 => format!(
            "# kept\napiVersion: apps/v1\nkind: Deployment\n{}\nspec:\n  replicas: {}\n  {selector}\n  {template}\n---\napiVersion: v1\nkind: Service\n{}\nspec: {{selector: {{app: web-{}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n",
            metadata(&name),
            at % 4,
            metadata(&name),
            at - at % 2,
        ),
        2 => format!(
            "apiVersion: apps/v1\nkind: StatefulSet\n{}\nspec:\n  serviceName: web-{at}\n  {selector}\n  {template}\n  volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}}}]\n",
            metadata(&name)
        ),
        3 => format!(
            "apiVersion: apps/v1\nkind: DaemonSet\n{}\nspec:\n  updateStrategy: {{type: OnDelete}}\n  {selector}\n  {template}\n",
            metadata(&name)
        ),
        4 => format!(
            "apiVersion: batch/v1\nkind: CronJob\n{}\nspec:\n  schedule: \"0 1 * * *\"\n  jobTemplate: {{spec: {{template: {{spec: {{restartPolicy: Never, {spec}}}}}}}}}\n",
            metadata(&name)
        ),
        5 => format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n{}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web-{}}}\n  maxReplicas: 3\n  metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 80}}}}}}]\n",
            metadata(&name),
            at - 5
        ),
        6 => format!(
            "apiVersion: v1\nkind: ConfigMap\n{}\ndata: {{a: \"{at}\"}}\n",
            metadata(&format!("settings-{}", at / 9))
        ),
        7 => format!(
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ResourceQuota\n  {}\n  spec: {{hard: {{requests.cpu: {at}00m, pods: 3}}}}\n- apiVersion: v1\n  kind: ServiceAccount\n  {}\n",
            metadata(&name),
            metadata(&name)
        ),
        _ => {
            name.push_str("-claim");
            format!(
                "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  annotations: {{fitout.dev/exempt: FIT-VOL001, fitout.dev/exempt-reason: it is scratch space}}\nspec: {{accessModes: [ReadWriteMany], resources: {{requests: {{storage: 1Gi}}}}}}\n"
            )
        }
    }
}

/// A tree. From 200 files on it has more objects than a thread is worth.
fn tree(count: usize) -> Folder {
    let folder = Folder::with(&[
        ("config.yaml", CONFIG),
        (
            "t/kustomization.yaml",
            "resources: [0/f000.yaml]\npatches: [{path: patch.yaml}]\n",
        ),
        (
            "t/patch.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-0}\nspec: {replicas: 2}\n",
        ),
        // Findings about files, and not about objects. What they say is in another order than the files.
        (
            "t/1/kustomization.yaml",
            "resources: [f001.yaml, https://example.com/b]\n",
        ),
        (
            "t/3/kustomization.yaml",
            "resources: [https://example.com/b]\n",
        ),
        ("t/.hidden/f.yaml", "apiVersion: v1\nkind: Pod\n"),
        ("t/values.yaml", "a: b\n"),
    ]);
    for at in 0..count {
        folder.write(&format!("t/{}/f{at:03}.yaml", at % 5), &object(at));
    }
    folder
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.to_string_lossy().into_owned();
            let below = self::files(&path).into_iter();
            files.extend(below.map(|(below, text)| (format!("{name}{below}"), text)));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            files.insert(path.to_string_lossy().into_owned(), text);
        }
    }
    let base = folder.to_string_lossy().into_owned();
    let below = |(name, text): (String, String)| {
        (
            name.strip_prefix(&base).map_or(name.clone(), str::to_owned),
            text,
        )
    };
    files.into_iter().map(below).collect()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    const REPORTS: [&str; 7] = [
        "json", "yaml", "sarif", "junit", "github", "markdown", "html",
    ];
    let broken = |folder: &Folder| {
        for at in [7, 40, 41, 60, 88] {
            folder.write(
                &format!("t/{}/f{at:03}.yaml", at % 5),
                &format!("apiVersion: v1\nkind: Pod\nmetadata: [{at}\n"),
            );
        }
        folder.write(
            "t/0/f010.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ .x }}}\n",
        );
    };
    let mistyped = |folder: &Folder| {
        for at in [9, 27, 63] {
            let text = object(at).replace("replicas: ", "replicas: [1, 2] #");
            folder.write(
                &format!("t/{}/f{at:03}.yaml", at % 5),
                &text
                    .replace("containers: [", "containers: {a: [")
                    .replace("}]}}", "}]}}}"),
            );
        }
    };
    let damage: [&dyn Fn(&Folder); 3] = [&|_| {}, &broken, &mistyped];
    for (what, damage) in damage.into_iter().enumerate() {
        for command in ["apply", "plan", "check"] {
            let run = |threads: &str| {
                let folder = tree(200);
                damage(&folder);
                let mut arguments = vec![command, "-v", "-f", "t", "-c", "config.yaml"];
                let reports = REPORTS.map(|it| format!("{it}={it}"));
                arguments.extend(reports.iter().flat_map(|it| ["-o", it]));
                arguments.extend((command == "apply").then_some("-i"));
                let mut command = folder.command(&arguments);
                command.env("RAYON_NUM_THREADS", threads);
                let Run {
                    code,
                    stdout,
                    stderr,
                } = Run::of(command, b"");
                (code, stdout, stderr, files(folder.path()))
            };
            let one = run("1");
            assert!(
                one.0 == Some(0) || what > 0 || command != "apply",
                "{}",
                one.2
            );
            assert_eq!(one, run("2"), "{command} of tree {what}");
            assert_eq!(one, run("8"), "{command} of tree {what}");
        }
    }
}

#[test]
fn small_stacks_many_threads_and_none_change_nothing() {
    let folder = tree(90);
    let command = "fitout check -f t -c config.yaml";
    let usual = folder.shell(command);
    assert_eq!(usual.code, Some(1), "{}", usual.stderr);
    // The superuser starts threads in spite of the limit, if it cannot become another user.
    let as_nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let drop = format!(
        "chmod -R a+rX .; ulimit -u 0; if {as_nobody} fitout --version >/dev/null 2>&1; then {as_nobody} {command}; else {command}; fi"
    );
    for other in [
        format!("ulimit -s 128; {command}"),
        format!("RAYON_NUM_THREADS=100000 timeout 60 {command}"),
        drop,
    ] {
        let run = folder.shell(&other);
        assert_eq!(
            (run.code, run.stdout),
            (usual.code, usual.stdout.clone()),
            "{other}: {}",
            run.stderr
        );
    }
}

const SHARDS: usize = 8;

/// The command for one shard, with its report in `reports`.
fn shard(folder: &Folder, command: &[&str], at: usize) -> Command {
    let mut command = folder.command(command);
    command.args(["-q", "-f", "t", "-c", "config.yaml"]);
    command.arg(format!("--shard={at}/{SHARDS}"));
    command.arg(format!("-ojson=reports/{at}.json"));
    command
}

fn merged(folder: &Folder) -> Run {
    let reports: Vec<String> = (0..SHARDS)
        .rev()
        .map(|at| format!("reports/{at}.json"))
        .collect();
    let mut arguments = vec!["merge-reports"];
    arguments.extend(reports.iter().map(String::as_str));
    folder.run(&arguments)
}

/// What one run makes of the tree: its report, and the exit code.
fn single(folder: &Folder, command: &[&str]) -> (Option<i32>, String) {
    let mut arguments = command.to_vec();
    arguments.extend([
        "-q", "-f", "t", "-c", "config.yaml", "-o", "json=report.json",
    ]);
    let run = folder.run(&arguments);
    (run.code, folder.read("report.json"))
}

#[test]
fn eight_shards_report_what_one_run_does() {
    for command in [&["check"][..], &["apply"], &["plan", "-n", "shop"]] {
        let folder = tree(90);
        let (code, report) = single(&folder, command);
        fs::create_dir(folder.path().join("reports")).unwrap();
        let runs: Vec<_> = (0..SHARDS)
            .map(|at| {
                let mut command = shard(&folder, command, at);
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for run in runs {
            let output = run.wait_with_output().unwrap();
            assert!(
                output.status.code() <= Some(1),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let merged = merged(&folder);
        assert_eq!(merged.stderr, "");
        assert!(
            merged.stdout == report,
            "{command:?}: {}",
            difference(&report, &merged.stdout)
        );
        assert_eq!(merged.code, code, "{command:?}");
        // Each finding is in one report, and the work is shared.
        let results: Value = serde_json::from_str(&report).unwrap();
        let results = results["results"].as_array().unwrap().len();
        assert!(results > 50, "{results}");
        let of_shards = (0..SHARDS).map(|at| {
            let report: Value =
                serde_json::from_str(&folder.read(&format!("reports/{at}.json"))).unwrap();
            report["results"].as_array().unwrap().len()
        });
        let of_shards: Vec<usize> = of_shards.collect();
        assert_eq!(of_shards.iter().sum::<usize>(), results);
        assert!(
            of_shards.iter().all(|it| *it < results / 2),
            "{of_shards:?}"
        );
    }
}

fn difference(a: &str, b: &str) -> String {
    let at = a.lines().zip(b.lines()).position(|(a, b)| a != b);
    let around = |text: &str| {
        let lines = text
            .lines()
            .skip(at.unwrap_or_default().saturating_sub(5))
            .take(12);
        lines.collect::<Vec<_>>().join("\n")
    };
    format!("line {at:?}\n{}\n--- merged\n{}", around(a), around(b))
}

/// One folder for all of them, as a volume of a Job is. One is killed while it has new texts next to their files.
#[test]
fn a_killed_shard_is_run_again_alone() {
    let (whole, folder) = (tree(90), tree(90));
    let (code, report) = single(&whole, &["apply", "-i"]);
    assert_eq!(code, Some(0));
    fs::create_dir(folder.path().join("reports")).unwrap();
    let killed = 3;
    folder.fifo(&format!("reports/{killed}.json"));
    let spawn = |at: usize| {
        let mut command = shard(&folder, &["apply", "-i"], at);
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut runs: Vec<_> = (0..SHARDS).map(spawn).collect();
    // It waits for a reader of its report, with its files staged.
    let mut waiting = runs.remove(killed);
    let staged = |folder: &Folder| {
        let files = files(&folder.path().join("t"));
        files
            .keys()
            .filter(|it| it.contains(&format!("-{killed}of{SHARDS}.tmp")))
            .count()
    };
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    for _ in 0..3000 {
        if staged(&folder) > 3 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert!(staged(&folder) > 3);
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    assert_ne!(
        files(&folder.path().join("t")),
        files(&whole.path().join("t"))
    );
    fs::remove_file(folder.path().join(format!("reports/{killed}.json"))).unwrap();
    merged(&folder).refused("a missing report", 3, &["reports/3.json"]);

    let again = spawn(killed).wait_with_output().unwrap();
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(
        files(&folder.path().join("t")),
        files(&whole.path().join("t"))
    );
    let merged = merged(&folder);
    assert!(
        merged.stdout == report,
        "{}",
        difference(&report, &merged.stdout)
    );
    assert_eq!(merged.code, Some(0));
}

#[test]
fn a_file_that_is_added_moves_no_other() {
    let folder = tree(90);
    let shard_of = || -> BTreeMap<String, usize> {
        let shards = (0..SHARDS).flat_map(|at| {
            let run = folder.run(&[
                "plan",
                "-f",
                "t",
                "-c",
                "config.yaml",
                "-o",
                "json",
                &format!("--shard={at}/{SHARDS}"),
            ]);
            let report: Value = serde_json::from_str(&run.stdout).unwrap();
            let results = report["results"].as_array().unwrap().clone();
            let files = results
                .into_iter()
                .filter_map(move |it| Some((it["file"]["path"].as_str()?.to_owned(), at)));
            files.collect::<Vec<_>>()
        });
        shards.collect()
    };
    let before = shard_of();
    let used: std::collections::BTreeSet<_> = before.values().collect();
    assert_eq!(used.len(), SHARDS, "{before:?}");
    folder.write("t/0/a.yaml", &object(18));
    let mut after = shard_of();
    assert!(after.remove("t/0/a.yaml").is_some());
    assert_eq!(after, before);
    // The folder may be named in another way.
    let own = folder.run(&["apply", "-f", "./t", "-c", "config.yaml", "--shard", "1/8"]);
    let other = folder.run(&[
        "apply",
        "-f",
        &folder.path().join("t").to_string_lossy(),
        "-c",
        "config.yaml",
        "--shard",
        "1/8",
    ]);
    assert!(own.stdout == other.stdout && !own.stdout.is_empty());
}

#[test]
fn an_error_in_any_shard_keeps_all_from_writing() {
    let folder = tree(90);
    // An exemption that covers nothing is about the config, so shard 0 reports it.
    let severity = "  checks: {severity: {FIT-EXM003: Error}}\n";
    folder.write("config.yaml", &[CONFIG, severity].concat());
    let before = files(&folder.path().join("t"));
    let (code, _) = single(&folder, &["apply", "-i"]);
    assert_eq!(code, Some(1));
    let mut elsewhere = 0;
    for at in 0..SHARDS {
        let run = folder.run(&[
            "apply",
            "-i",
            "-f",
            "t",
            "-c",
            "config.yaml",
            "--shard",
            &format!("{at}/{SHARDS}"),
        ]);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        elsewhere += usize::from(
            run.stderr
                .contains("because of errors in files of other shards"),
        );
    }
    assert_eq!(elsewhere, SHARDS - 1);
    assert_eq!(files(&folder.path().join("t")), before);
}

#[test]
fn wrong_shards_and_reports_are_refused() {
    let folder = tree(90);
    let run = |shard: &str| {
        folder.run(&[
            "check",
            "-f",
            "t",
            "-c",
            "config.yaml",
            &format!("--shard={shard}"),
        ])
    };
    run("8/8").refused("too high", 2, &["count from 0", "0/8 to 7/8"]);
    for wrong in ["0/0", "1", "a/2", "-1/2", "1/2/3", ""] {
        run(wrong).refused(wrong, 2, &["--shard"]);
    }
    let stream = folder.feed(
        &["check", "-f", "-", "-c", "config.yaml", "--shard=0/2"],
        object(0).as_bytes(),
    );
    stream.refused("a stream", 2, &["a stream cannot be divided"]);
    let report = |name: &str, shard: &str| {
        let to = format!("json={name}");
        let mut arguments = vec!["plan", "-q", "-f", "t", "-c", "config.yaml", "-o", &to];
        arguments.extend(
            (!shard.is_empty())
                .then_some(["--shard", shard])
                .into_iter()
                .flatten(),
        );
        assert_eq!(folder.run(&arguments).code, Some(0));
    };
    for (name, shard) in [
        ("a", "0/3"),
        ("b", "1/3"),
        ("c", "2/3"),
        ("d", "0/2"),
        ("whole", ""),
    ] {
        report(name, shard);
    }
    let merge = |of: &[&str]| folder.run(&[&["merge-reports"], of].concat());
    merge(&["a", "c"]).refused("a missing shard", 2, &["no report of shard 1/3"]);
    merge(&["a", "b", "a"]).refused("twice", 2, &["two reports of shard 0/3"]);
    merge(&["d", "b", "c"]).refused("another number", 2, &["different numbers of shards"]);
    merge(&["whole"]).refused("no shard", 2, &["without --shard"]);
    // The same files, whose paths below the arguments differ.
    let folders = ["t/0", "t/1", "t/2", "t/3", "t/4"];
    let arguments = [
        "plan", "-q", "-c", "config.yaml", "-ojson=f", "--shard=1/3", "-f",
    ];
    folder.run(&[&arguments[..], &folders].concat());
    merge(&["a", "f", "c"]).refused("other arguments", 2, &["different manifests"]);
    merge(&["config.yaml"]).refused("no JSON", 3, &["cannot read config.yaml"]);
    folder.write("other", "{}");
    merge(&["other"]).refused("another document", 3, &["other is not a report of fitout"]);
    let whole: serde_json::Value = serde_json::from_str(&folder.read("a")).unwrap();
    let damaged = |key: &str, value: serde_json::Value| {
        let mut report = whole.clone();
        *report.pointer_mut(key).unwrap() = value;
        folder.write("damaged", &report.to_string());
        merge(&["damaged", "b", "c"]).refused(key, 3, &["damaged is not a report of fitout"]);
    };
    for key in whole
        .as_object()
        .unwrap()
        .keys()
        .filter(|it| *it != "environment" && *it != "groups")
    {
        damaged(&format!("/{key}"), 7.into());
    }
    for key in ["/ledger/objects", "/shard/findings", "/shard/onApply"] {
        damaged(key, serde_json::Value::Null);
    }
    folder.write(
        "damaged",
        r#"{"apiVersion": "report.fitout.dev/v1", "kind": "ReportList"}"#,
    );
    merge(&["damaged"]).refused("a list of none", 3, &["damaged is not a report of fitout"]);
    folder.write("t/4/new.yaml", &object(1));
    report("b", "1/3");
    merge(&["a", "b", "c"]).refused("another tree", 2, &["different manifests"]);
}

/// Shards that have read or done something else than the others, each of which merges with those of its own run.
#[test]
fn shards_of_different_runs_are_refused() {
    let folder = tree(20);
    let run = |arguments: &str, at: usize, name: &str| {
        let mut command = folder.command(&arguments.split(' ').collect::<Vec<_>>());
        command.args(["-q", "-f", "t", "-c", "config.yaml"]);
        command.arg(format!("--shard={at}/2"));
        command.arg(format!("-ojson={name}"));
        if name == "later" {
            command.env("FITOUT_TODAY", "2027-01-31");
        }
        let run = Run::of(command, b"");
        assert!(run.code <= Some(1), "{arguments}: {}", run.stderr);
    };
    let is_refused = |what: &str, other: &str| {
        let merged = folder.run(&["merge-reports", "first", other]);
        merged.refused(what, 2, &["different manifests", "run all of them again"]);
    };
    run("check", 0, "first");
    for arguments in [
        "plan", "apply", "check --exact", "check -n shop", "check -l app=web-1",
        "check --fail-on warning", "check --fail-on never", "check --respect-gitignore",
        "check --exclude nothing", "check --include *",
    ] {
        run(arguments, 1, "other");
        is_refused(arguments, "other");
        run(arguments, 0, "own");
        let own = folder.run(&["merge-reports", "own", "other"]);
        assert!(own.code <= Some(1), "{arguments}: {}", own.stderr);
    }
    run("check", 1, "later");
    is_refused("another date", "later");
    // What changes nothing but the output is no other run.
    run("check --color always -o sarif=sarif", 1, "other");
    let merged = folder.run(&["merge-reports", "other", "first"]);
    assert!(merged.code <= Some(1), "{}", merged.stderr);
    for name in [
        "t/0/f000.yaml", "t/patch.yaml", "t/kustomization.yaml", "config.yaml",
    ] {
        let text = folder.read(name);
        folder.write(name, &format!("{text}# another comment\n"));
        run("check", 1, "other");
        is_refused(name, "other");
        folder.write(name, &text);
    }
    let text = folder.read("t/kustomization.yaml");
    run("apply -i", 0, "first");
    // What the other shard has edited is no difference, and what another program has edited is one.
    folder.write(
        "t/0/f000.yaml",
        &format!("{}# x\n", folder.read("t/0/f000.yaml")),
    );
    run("apply -i", 1, "other");
    is_refused("another program", "other");
    assert_eq!(folder.read("t/kustomization.yaml"), text);
    run("apply -i", 0, "first");
    let merged = folder.run(&["merge-reports", "other", "first"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
}

/// The name of a commit can lead to another one when the next shard starts.
#[test]
fn shards_compare_with_one_commit() {
    use crate::focus::git;
    let folder = tree(20);
    git(&folder, &["init", "-q"]);
    for at in 0..2 {
        folder.write("t/0/f000.yaml", &object(at));
        git(&folder, &["add", "-A"]);
        git(&folder, &["commit", "-qm", "next"]);
    }
    let run = |at: usize| {
        let shard = format!("--shard={at}/2");
        let report = format!("-ojson={at}");
        folder.run(&[
            "check", "-q", "-f", "t", "-c", "config.yaml", "--since", "main", &shard, &report,
        ]);
        folder.run(&["merge-reports", "0", "1"])
    };
    git(&folder, &["branch", "-f", "-M", "main"]);
    git(&folder, &["checkout", "-q", "-b", "own"]);
    run(0);
    assert!(run(1).code <= Some(1));
    git(&folder, &["branch", "-f", "main", "HEAD~1"]);
    run(1).refused("another commit", 2, &["different manifests"]);
    assert!(run(0).code <= Some(1));
}

#[test]
fn a_comparison_has_no_shards() {
    let folder = tree(9);
    let config = CONFIG.replacen(
        "  environment: test\n",
        "  environments: {test: {}, prod: {}}\n",
        1,
    );
    folder.write("config.yaml", &config);
    let compare = ["compare", "-q", "-f", "t", "-c", "config.yaml", "-ojson=c"];
    assert_eq!(folder.run(&compare).code, Some(0));
    folder.run(&["merge-reports", "c"]).refused(
        "a comparison",
        3,
        &["c is a comparison, which has no shards"],
    );
    let refused = folder.run(&[&compare[..], &["--shard=0/2"]].concat());
    refused.refused("--shard", 2, &["`compare` does not support --shard"]);
    assert!(
        !folder
            .run(&["compare", "--help"])
            .stdout
            .contains("--shard <")
    );
}

/// The manifests of the guide break none of the checks, and name what is there.
#[test]
fn the_job_of_the_guide_passes_every_check() {
    let folder = Folder::with_copy(&["examples/scale"]);
    let config = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: jobs}\nspec:\n  environment: jobs\n  resources: {containers: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}}\n  securityContext: {profile: restricted, noTmp: true}\n  storage: {storageClassName: shared}\n";
    folder.write("config.yaml", config);
    let files = ["examples/scale/job.yaml", "examples/scale/merge.yaml"];
    let arguments = [
        "check", "-v", "--fail-on", "warning", "-c", "config.yaml", "-f",
    ];
    let run = folder.run(&[&arguments[..], &files].concat());
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .contains("no drift from the config; 0 errors, 0 warnings"),
        "{}",
        run.stdout
    );
    // Every shard has its index, and every report is merged.
    let job: Value = documents(&folder.read(files[0])).remove(0);
    let merge: Value = documents(&folder.read(files[1])).remove(0);
    let count = job["spec"]["completions"].as_u64().unwrap();
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    let arguments = |job: &Value| {
        job["spec"]["template"]["spec"]["containers"][0]["args"]
            .as_array()
            .unwrap()
            .clone()
    };
    let shard = format!("$(JOB_COMPLETION_INDEX)/{count}");
    assert!(arguments(&job).iter().any(|it| *it == shard.as_str()));
    let reports = arguments(&merge);
    for at in 0..count {
        assert!(
            reports
                .iter()
                .any(|it| *it == format!("{at}.json").as_str()),
            "{at}"
        );
    }
    assert_eq!(reports.len() as u64, 3 + count);
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents
        .map(|it| serde::Deserialize::deserialize(it).unwrap())
        .collect()
}

/// The commands of the CI examples run, with the variables that the CI sets.
#[test]
fn the_matrices_of_the_guide_share_one_check() {
    let folder = tree(90);
    let (code, report) = single(&folder, &["check"]);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scale");
    let read = |name: &str| -> Value {
        documents(&fs::read_to_string(root.join(name)).unwrap()).remove(0)
    };
    let github = read("github.yaml");
    let shards = github["jobs"]["check"]["strategy"]["matrix"]["shard"]
        .as_array()
        .unwrap()
        .clone();
    let total = shards.len().to_string();
    let step = |job: &str, at: usize| {
        github["jobs"][job]["steps"][at]["run"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let run = |script: &str, variables: &[(&str, &str)]| {
        let script = script
            .replace("\"$RUNNER_TEMP/fitout\"", "fitout")
            .replace("-f . -e production", "-q -f t -c config.yaml")
            .lines()
            .filter(|line| !line.contains("docker"))
            .collect::<Vec<_>>()
            .join("\n");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(folder.path());
        let bin = Path::new(env!("CARGO_BIN_EXE_fitout")).parent().unwrap();
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        for (name, value) in variables {
            command.env(name, value);
        }
        Run::of(command, b"")
    };
    for (at, shard) in shards.iter().enumerate() {
        assert_eq!(*shard, at);
        let script = step("check", 2).replace("${{ matrix.shard }}", &shard.to_string());
        let ran = run(&script.replace("${{ strategy.job-total }}", &total), &[]);
        assert!(ran.code <= Some(1), "{}", ran.stderr);
    }
    let merged = run(&step("report", 1), &[]);
    assert_eq!(merged.code, code, "{}", merged.stderr);
    assert!(folder.read("report.json") == report);
    fs::remove_file(folder.path().join("report.json")).unwrap();

    let gitlab = read("gitlab.yaml");
    let script = |job: &str| {
        let lines = gitlab[job]["script"].as_array().unwrap().iter();
        lines
            .map(|it| it.as_str().unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let total = gitlab["check"]["parallel"].to_string();
    for index in 1..=gitlab["check"]["parallel"].as_u64().unwrap() {
        let index = index.to_string();
        let ran = run(
            &script("check"),
            &[("CI_NODE_INDEX", &index), ("CI_NODE_TOTAL", &total)],
        );
        assert!(ran.code <= Some(1), "{}", ran.stderr);
    }
    assert_eq!(run(&script("report"), &[]).code, code);
    assert!(folder.read("report.json") == report);
}
