//! Every format of `-o`: schemas, patches and fixes that make what `apply` makes, limits of the hosts, and hostile text.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::fixes::{alone, fixes_of, made};
use crate::golden::cases;
use crate::output::shows_everything;
use crate::program::{Folder, Run};
use crate::schema::Schema;

/// Runs `git` or `patch` in a folder.
fn succeeds(folder: &Folder, program: &str, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder.path());
    // The folder is in no repository, so `git apply` takes paths from here.
    command.env("GIT_CEILING_DIRECTORIES", folder.path().parent().unwrap());
    let output = command.output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => {
            Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
        }
    }
}

/// The formats with their files.
pub(crate) const ALL: [&str; 18] = [
    "-o", "text=text", "-o", "diff=diff", "-o", "json=json", "-o", "yaml=yaml", "-o",
    "sarif=sarif", "-o", "junit=junit", "-o", "github=github", "-o", "markdown=markdown", "-o",
    "html=html",
];

/// Checks what `plan` and `check` report on one manifest, and that patch and fixes make what `apply` writes. Whether it writes
/// something.
fn check_manifest(
    what: &str,
    name: &str,
    manifest: &[u8],
    config: &str,
    programs: &[(&str, &[&str])],
) -> bool {
    let folder = Folder::with(&[(name, ""), ("config", config)]);
    let restore = || std::fs::write(folder.path().join(name), manifest).unwrap();
    let run = |arguments: &[&str]| {
        folder.run(
            &[
                arguments,
                &["-f", name, "-c", "config", "--fail-on", "never"],
            ]
            .concat(),
        )
    };
    restore();
    let applied = run(&["apply", "-i", "-q"]);
    let expected = std::fs::read(folder.path().join(name)).unwrap();
    restore();
    let is_refused = applied.stderr.contains("nothing was written");
    let mut patch = None;
    for command in ["plan", "check"] {
        remove_reports(&folder);
        let run = run(&[&[command], &ALL[..]].concat());
        let what = format!("{what}: {command}");
        assert!(run.code != Some(70), "{what}: {}", run.stderr);
        // A config that names files, which are not here, is refused before there is a report.
        if config.contains("definitions: [../") && command == "check" {
            assert_ne!(run.code, Some(0), "{what}");
            continue;
        }
        let json: Value = serde_json::from_str(&folder.read("json")).unwrap();
        let yaml: Value = serde_yaml::from_str(&folder.read("yaml")).unwrap();
        assert_eq!(yaml, json, "{what}");
        let log: Value = serde_json::from_str(&folder.read("sarif")).unwrap();
        SCHEMAS.with(|[of_sarif, of_report]| {
            of_sarif.accepts(&log, &what);
            of_report.accepts(&json, &what);
        });
        check_regions(&log, &what, std::str::from_utf8(manifest).ok());
        check_junit(&folder.read("junit"), &json, &what);
        check_github(&folder.read("github"), &what);
        check_markdown(&folder.read("markdown"), &what);
        if log["runs"][0]["invocations"][0]["executionSuccessful"] == false {
            assert_ne!(run.code, Some(0), "{what}");
            continue;
        }
        assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
        let diff = folder.read("diff");
        let text = std::str::from_utf8(manifest).unwrap();
        if applied.code == Some(3) {
            // Not even a fix is offered for what cannot be edited.
            assert_eq!((fixes_of(&log, name).len(), &*diff), (0, ""), "{what}");
            continue;
        }
        assert_eq!(applied.code, Some(0), "{what}: {}", applied.stderr);
        let hides_secrets = diff.lines().any(|line| line.starts_with("# "));
        if is_refused || hides_secrets {
            continue;
        }
        let fixes = fixes_of(&log, name);
        let together = made(fixes.iter().flat_map(|it| &it.edits), text);
        assert_eq!(together.as_bytes(), expected, "{what}");
        for (fix, text) in alone(&fixes, text) {
            let read = fitout::yaml::Stream::parse(text.as_str());
            assert!(read.is_ok(), "{what}: {read:?}: {fix:?}\n{text}");
        }
        if patch.as_ref() == Some(&diff) || expected == manifest {
            continue;
        }
        for (program, arguments) in programs {
            if let Err(error) = succeeds(&folder, program, arguments) {
                panic!("{what}: {program}: {error}\n{diff}");
            }
            assert_eq!(
                std::fs::read(folder.path().join(name)).unwrap(),
                expected,
                "{what}: {program}"
            );
            restore();
        }
        patch = Some(diff);
    }
    patch.is_some()
}

/// Every region is in its file, and not empty unless it is an insertion.
fn check_regions(log: &Value, what: &str, text: Option<&str>) {
    let mut seen = std::collections::HashSet::new();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let hash = result["partialFingerprints"]["primaryLocationLineHash"]
            .as_str()
            .unwrap();
        assert!(seen.insert(hash), "{what}: {hash} twice");
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/'), "{what}: {uri}");
        let region = &place["region"];
        let Some(end) = region["endLine"].as_u64() else {
            continue;
        };
        let (start, lines) = (
            region["startLine"].as_u64().unwrap(),
            text.unwrap().split('\n').count(),
        );
        assert!(
            1 <= start && start <= end && end <= lines as u64,
            "{what}: {region}"
        );
    }
}

/// The numbers of cases and failures are those of the report, and what is not text is escaped.
fn check_junit(junit: &str, json: &Value, what: &str) {
    let report = quick_junit::Report::deserialize_from_str(junit).unwrap();
    let cases: usize = report
        .test_suites
        .iter()
        .map(|it| it.test_cases.len())
        .sum();
    let objects = json["ledger"]["objects"].as_array().map_or(0, Vec::len);
    assert!(
        cases == objects || cases == objects + 1,
        "{what}: {cases} of {objects}"
    );
    is_visible(junit, what);
}

#[track_caller]
fn is_visible(text: &str, what: &str) {
    shows_everything(what, text);
    for command in ["##[", "##vso[", "##teamcity["] {
        assert!(!text.contains(command), "{what}: {command} in\n{text}");
    }
}

/// The properties of a command, taken apart as GitHub's runner does it.
fn check_github(text: &str, what: &str) {
    is_visible(text, what);
    let mut counts = std::collections::HashMap::new();
    for line in text.lines() {
        let Some(command) = line.trim_start().strip_prefix("::") else {
            assert!(line.starts_with("fitout  "), "{what}: {line}");
            continue;
        };
        let (head, _) = command.split_once("::").unwrap();
        let (name, properties) = head.split_once(' ').unwrap();
        assert!(
            ["error", "warning", "notice"].contains(&name),
            "{what}: {line}"
        );
        *counts.entry(name).or_insert(0) += 1;
        let properties = properties.split(',').map(|it| it.split_once('=').unwrap());
        let names: Vec<&str> = properties.map(|(name, _)| name).collect();
        let known = ["file", "line", "endLine", "col", "endColumn", "title"];
        assert!(names.iter().all(|it| known.contains(it)), "{what}: {line}");
        assert_eq!(
            names.iter().filter(|it| **it == "title").count(),
            1,
            "{what}: {line}"
        );
    }
    assert!(
        counts.values().all(|count| *count <= 10),
        "{what}: {counts:?}"
    );
}

/// Outside of code there is only what fitout writes.
fn check_markdown(text: &str, what: &str) {
    is_visible(text, what);
    assert!(text.len() < 65_536, "{what}");
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line
            .trim_start_matches(' ')
            .chars()
            .take_while(|c| *c == '`')
            .collect();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(open) = &fence {
            let rest = &line.trim_start_matches(' ')[ticks.len()..];
            if indent < 4 && ticks.len() >= open.len() && rest.trim().is_empty() {
                assert_eq!(line, open, "{what}: a line ends a fence");
                fence = None;
            }
            continue;
        }
        if ticks.len() >= 3 && ["diff", "text"].contains(&&line[ticks.len()..]) {
            fence = Some(ticks);
            continue;
        }
        let rest = without_code(line);
        let html = [
            "<!-- fitout plan -->", "<!-- fitout check -->", "</details>",
        ];
        let is_ours = html.contains(&line)
            || rest.starts_with("<details><summary>")
                && rest.ends_with("</summary>")
                && rest.matches('<').count() == 3
            || rest.starts_with("<details open><summary>")
                && rest.ends_with("</summary>")
                && rest.matches('<').count() == 3
            || !rest.contains(['<', '[', '@', '!', '*', '_', '\\', '&', '>']);
        assert!(is_ours, "{what}: {line}");
    }
    assert_eq!(fence, None, "{what}");
}

/// A line without code spans, and without the code in HTML.
fn without_code(line: &str) -> String {
    let mut rest = String::new();
    let mut left = line;
    while let Some(at) = left.find(['`', '<']) {
        rest += &left[..at];
        left = &left[at..];
        if let Some(code) = left.strip_prefix("<code>") {
            let (code, behind) = code.split_once("</code>").unwrap();
            assert!(!code.contains(['<', '>']));
            left = behind;
        } else if let Some(behind) = ["<b>", "</b>"].iter().find_map(|it| left.strip_prefix(it)) {
            left = behind;
        } else if left.starts_with('<') {
            rest.push('<');
            left = &left[1..];
        } else {
            let ticks: String = left.chars().take_while(|c| *c == '`').collect();
            let inside = &left[ticks.len()..];
            let mut from = 0;
            loop {
                let at = from + inside[from..].find(&ticks).expect("the span is closed");
                let run = inside[at..].chars().take_while(|c| *c == '`').count();
                if run == ticks.len() {
                    left = &inside[at + run..];
                    break;
                }
                from = at + run;
            }
        }
    }
    rest + left
}

/// What applies patches.
const PROGRAMS: [(&str, &[&str]); 2] = [
    ("git", &["apply", "diff"]),
    ("patch", &["-s", "-p1", "-i", "diff"]),
];

thread_local! {
    static SCHEMAS: [Schema; 2] =
        ["tests/schemas/sarif-2.1.0.json", "schema/report.schema.json"].map(Schema::of);
}

/// Removes the reports of an earlier run.
fn remove_reports(folder: &Folder) {
    for file in ALL.iter().filter_map(|it| it.split_once('=')) {
        let _ = std::fs::remove_file(folder.path().join(file.1));
    }
}

/// Checks that the reports in a folder, of hostile text, are well-formed and have no commands, links or tags of others.
/// In how many of them the text is.
pub(crate) fn check_hostile(folder: &Folder, command: &str, file: &str) -> usize {
    remove_reports(folder);
    let run = folder.run(&[&[command, "-v", "-f", file, "-c", "config"], &ALL[..]].concat());
    assert!(run.code.is_some_and(|it| it <= 3), "{command}: {run:?}");
    if !folder.path().join("sarif").exists() {
        return 0;
    }
    let [json, yaml, sarif] = ["json", "yaml", "sarif"].map(|format| {
        let text = folder.read(format);
        is_visible(&text, &format!("{command} -o {format}"));
        serde_yaml::from_str::<Value>(&text).unwrap()
    });
    SCHEMAS.with(|[of_sarif, of_report]| {
        of_sarif.accepts(&sarif, command);
        of_report.accepts(&json, command);
    });
    assert_eq!(json, yaml, "{command}");
    for result in sarif["runs"][0]["results"].as_array().unwrap() {
        let message = result["message"]["text"].as_str().unwrap();
        assert!(!message.contains("]("), "a link: {message}");
        assert!(
            message.lines().all(|it| !it.starts_with("FORGED")),
            "{message}"
        );
    }
    check_junit(&folder.read("junit"), &json, command);
    check_github(&folder.read("github"), command);
    check_markdown(&folder.read("markdown"), command);
    let shown = [
        "text", "json", "yaml", "sarif", "junit", "github", "markdown",
    ]
    .iter();
    let shown = shown.filter(|it| {
        std::fs::read_to_string(folder.path().join(it)).is_ok_and(|it| it.contains("FORGED"))
    });
    shown.count()
}

#[test]
fn reports_of_cases_are_valid_and_make_what_apply_makes() {
    // A third of them, which takes seconds; `FITOUT_SEEDS`, which other tests also read, asks for all.
    let step = if std::env::var_os("FITOUT_SEEDS").is_some() {
        1
    } else {
        3
    };
    let cases: Vec<PathBuf> = cases().into_iter().step_by(step).collect();
    let parts = cases.chunks(cases.len().div_ceil(4));
    let fixed: usize = std::thread::scope(|scope| {
        let parts: Vec<_> = parts
            .map(|cases| {
                scope.spawn(|| {
                    let of_case = |case: &Path| {
                        let input = std::fs::read(case.join("input.yaml")).unwrap();
                        let config = std::fs::read_to_string(case.join("fn-config.yaml")).unwrap();
                        let name = case.display().to_string();
                        check_manifest(&name, "input.yaml", &input, &config, &PROGRAMS[..1])
                    };
                    cases.iter().filter(|it| of_case(it)).count()
                })
            })
            .collect();
        parts.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(fixed * step > 150, "only {fixed} cases change");
}

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: a}\nspec:\n  environment: test\n  \
    resources: {containers: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 1Gi}}}\n";

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector: {matchLabels: {app: web}}\n  \
    template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - name: web # größe ✓\n        image: x:1\n";

#[test]
fn patches_and_fixes_fit_files_of_every_form() {
    let no_end = DEPLOYMENT.trim_end();
    let lines = DEPLOYMENT.replace('\n', "\r\n");
    let json = serde_json::to_string(&serde_yaml::from_str::<Value>(DEPLOYMENT).unwrap()).unwrap();
    let several = [
        DEPLOYMENT,
        "---\n# between\n",
        &DEPLOYMENT.replace("web", "api"),
        "---\n",
        no_end,
    ]
    .concat();
    let middle = DEPLOYMENT.replace(
        "      containers",
        "      restartPolicy: Always\n      containers",
    );
    let with_value = DEPLOYMENT.to_owned()
        + "        resources: {limits: {memory: 2Gi}}\n      hostNetwork: false\n";
    let over = CONFIG.to_owned() + "  securityContext: {profile: restricted}\n";
    for (form, text) in [
        ("as it is", DEPLOYMENT),
        ("without an end of line", no_end),
        ("with CRLF", &lines),
        ("JSON on one line", &json),
        ("several objects", &several),
        ("a field before", &middle),
        ("a flow mapping", &with_value),
        ("a BOM", &format!("\u{feff}{DEPLOYMENT}")),
        ("comments at the end", &format!("{DEPLOYMENT}# end\n\n\n")),
        (
            "a document marker at the end",
            &format!("{DEPLOYMENT}---\n"),
        ),
        ("an end marker", &format!("{DEPLOYMENT}...\n")),
    ] {
        for config in [CONFIG, &over] {
            assert!(
                check_manifest(form, "web.yaml", text.as_bytes(), config, &PROGRAMS),
                "{form}"
            );
        }
    }
}

#[test]
fn patches_have_names_that_git_and_patch_read() {
    for name in [
        "a b.yaml", "größe.yaml", "a\"b.yaml", "a\\b.yaml", "a\tb.yaml", "a\nb.yaml",
        "a\u{202e}b.yaml", "d e/f.yaml",
    ] {
        let folder = Folder::with(&[(name, DEPLOYMENT), ("config", CONFIG)]);
        let run = folder.run(&["plan", "-f", name, "-c", "config", "-o", "diff=diff"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let applied = folder.run(&["apply", "-f", name, "-c", "config"]).stdout;
        for (program, arguments) in PROGRAMS {
            // patch refuses names with an end of line.
            if program == "patch" && name.contains('\n') {
                continue;
            }
            folder.write(name, DEPLOYMENT);
            if let Err(error) = succeeds(&folder, program, arguments) {
                panic!("{name:?}: {program}: {error}\n{}", folder.read("diff"));
            }
            assert_eq!(folder.read(name), applied, "{name:?}: {program}");
        }
    }
}

/// A folder with the example of the page on reports, and substitutes for the programs of a CI server. They record their
/// arguments, and answer that there is a comment if the file `comment` exists.
fn ci() -> Folder {
    let folder = Folder::with_copy(&["docs/reports.in", "examples/ci"]);
    let fitout = env!("CARGO_BIN_EXE_fitout");
    for (program, script) in [
        ("docker", format!("case $1 in create) echo id ;; cp) cp {fitout} \"$BIN/fitout\" ;; esac")),
        ("apk", "true".to_owned()),
        ("gh", "echo gh \"$@\" >> \"$BIN/../calls\"\ncase $* in *--jq*) if [ -f \"$BIN/../comment\" ]; then echo 5; fi ;; esac".to_owned()),
        (
            "curl",
            "echo curl \"$@\" >> \"$BIN/../calls\"\ncase $* in *per_page*) if [ -f \"$BIN/../comment\" ]; then \
             echo '[{\"id\": 4, \"body\": \"other\"}, {\"id\": 5, \"body\": \"<!-- fitout plan -->\"}]'; else echo '[]'; fi ;; esac"
                .to_owned(),
        ),
    ] {
        folder.program(&format!("bin/{program}"), &format!("#!/bin/sh\n{script}\n"));
    }
    folder
}

/// Runs a script of a job in the example, as the runner does it; the exit code.
fn runs(folder: &Folder, shell: &[&str], script: &str, variables: &[(&str, &str)]) -> i32 {
    let bin = folder.path().join("bin");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .envs(variables.iter().copied())
        .env("PATH", path)
        .env("BIN", &bin)
        .env_remove("FITOUT_ENV")
        .current_dir(folder.path().join("docs/reports.in"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !stderr.contains("not found") && !stderr.contains("error: "),
        "{script}: {stderr}"
    );
    output.status.code().unwrap()
}

fn words(value: &Value) -> Vec<(&str, &str)> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect()
}

#[test]
fn the_job_for_github_comments_and_uploads() {
    let folder = ci();
    let job: Value = serde_yaml::from_str(&folder.read("examples/ci/github.yaml")).unwrap();
    let summary = folder.path().join("summary").display().to_string();
    let (temporary, path) = (
        folder.path().display().to_string(),
        folder.path().join("path").display().to_string(),
    );
    for (has_comment, expected) in [
        (false, "gh api repos/o/r/issues/7/comments -F body=@plan.md"),
        (true, "-X PATCH repos/o/r/issues/comments/5"),
    ] {
        if has_comment {
            folder.write("comment", "");
        }
        let mut codes = Vec::new();
        for step in job["jobs"]["manifests"]["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else {
                continue;
            };
            let mut variables = words(&job["env"]);
            variables.extend(words(&step["env"]));
            variables.retain(|(_, value)| !value.starts_with("${{"));
            variables.extend([
                ("PULL_REQUEST", "7"),
                ("GITHUB_REPOSITORY", "o/r"),
                ("GITHUB_STEP_SUMMARY", &summary),
            ]);
            variables.extend([("RUNNER_TEMP", &*temporary), ("GITHUB_PATH", &path)]);
            codes.push(runs(
                &folder,
                &["bash", "-e", "-o", "pipefail", "-c"],
                script,
                &variables,
            ));
        }
        // The last one is the check, which finds that fitout did not run.
        assert_eq!(codes, [0, 0, 0, 1]);
        let calls = folder.read("calls");
        assert!(calls.lines().last().unwrap().contains(expected), "{calls}");
    }
    let comment = folder.read("docs/reports.in/plan.md");
    check_markdown(&comment, "the comment");
    assert!(
        comment.contains("<code>development</code>") && comment.contains("<code>production</code>")
    );
    // Two runs of plan and of check.
    assert_eq!(folder.read("summary").matches("### fitout ").count(), 4);
    let log: Value = serde_json::from_str(&folder.read("docs/reports.in/fitout.sarif")).unwrap();
    SCHEMAS.with(|[sarif, _]| sarif.accepts(&log, "the upload"));
    let upload = job["jobs"]["manifests"]["steps"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(upload["with"]["sarif_file"], "fitout.sarif");
}

#[test]
fn the_job_for_gitlab_comments_and_has_test_cases() {
    if Command::new("jq").arg("--version").output().is_err() {
        println!("skip: jq is not installed");
        return;
    }
    let folder = ci();
    let job: Value = serde_yaml::from_str(&folder.read("examples/ci/gitlab.yaml")).unwrap();
    for (has_comment, expected) in [(false, "-X POST"), (true, "-X PUT")] {
        if has_comment {
            folder.write("comment", "");
        }
        let parts = ["before_script", "script"].map(|part| job["fitout"][part].as_array().unwrap());
        let lines: Vec<&str> = parts
            .into_iter()
            .flatten()
            .map(|it| it.as_str().unwrap())
            .collect();
        let mut variables = words(&job["variables"]);
        variables.extend([
            ("CI_API_V4_URL", "https://gitlab.test"),
            ("CI_PROJECT_ID", "1"),
        ]);
        variables.extend([("CI_MERGE_REQUEST_IID", "7"), ("FITOUT_TOKEN", "t")]);
        let code = runs(&folder, &["sh", "-e", "-c"], &lines.join("\n"), &variables);
        assert_eq!(code, 1);
        let calls = folder.read("calls");
        let last = calls.lines().last().unwrap();
        assert!(
            last.contains(expected)
                && last.contains(
                    "-d @note.json https://gitlab.test/projects/1/merge_requests/7/notes"
                ),
            "{calls}"
        );
        assert!(!has_comment || last.ends_with("/notes/5"), "{last}");
    }
    let note: Value = serde_json::from_str(&folder.read("docs/reports.in/note.json")).unwrap();
    check_markdown(note["body"].as_str().unwrap(), "the note");
    let junit = job["fitout"]["artifacts"]["reports"]["junit"]
        .as_str()
        .unwrap();
    let junit = folder.read(&format!("docs/reports.in/{junit}"));
    assert_eq!(
        quick_junit::Report::deserialize_from_str(&junit)
            .unwrap()
            .test_suites
            .len(),
        1
    );
}

#[test]
fn reports_of_several_environments_and_of_builds() {
    let folder = Folder::with_copy(&["docs/reports.in"]);
    folder.write("docs/reports.in/bad", "{");
    let run = |arguments: &str| {
        let mut command = folder.command(&arguments.split(' ').collect::<Vec<_>>());
        command.current_dir(folder.path().join("docs/reports.in"));
        let run = Run::of(command, b"");
        (run.code.unwrap(), run.stdout, run.stderr)
    };
    let both = "plan -f web.yaml -e development -e production";
    let (code, json, _) = run(&format!("{both} -o json"));
    let json: Value = serde_json::from_str(&json).unwrap();
    SCHEMAS.with(|[_, report]| report.accepts(&json, "a list"));
    let environments: Vec<&Value> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["environment"])
        .collect();
    assert_eq!((code, &json["kind"]), (0, &Value::from("ReportList")));
    assert_eq!(environments, ["development", "production"]);
    let (_, sarif, _) = run(&format!("{both} -o sarif"));
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    SCHEMAS.with(|[schema, _]| schema.accepts(&sarif, "two runs"));
    let ids: Vec<&Value> = sarif["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["automationDetails"]["id"])
        .collect();
    assert_eq!(ids, ["fitout/plan/development/", "fitout/plan/production/"]);
    let (_, text, _) = run(both);
    assert!(
        text.contains("Environment  development\n") && text.contains("Environment  production\n"),
        "{text}"
    );
    for (arguments, message) in [
        (
            "plan -f web.yaml -e development -e production -o diff",
            "-o diff has the changes for one environment",
        ),
        (
            "plan -k . -o diff",
            "-o diff changes files, and a build has none",
        ),
        (
            "apply -f web.yaml -e development -e production",
            "`apply` writes the manifests for one environment",
        ),
        (
            "plan -f web.yaml -e production -o json -o sarif",
            "json cannot share standard output",
        ),
        (
            "plan -f web.yaml -e production -o text -o yaml",
            "yaml cannot share standard output",
        ),
        (
            "plan -f web.yaml -e production -o json=a -o yaml=a",
            "two reports would be written to a",
        ),
        (
            "plan -f web.yaml -e production -o json=",
            "`json=` has no name of a file",
        ),
        (
            "plan -f web.yaml -e production -o sari",
            "did you mean `sarif`?",
        ),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, &*stdout), (2, ""), "{arguments}: {stderr}");
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    // What cannot be read is a result at its place, and the log says that the run did not succeed.
    let (code, sarif, _) = run("check -f bad -e production -o sarif");
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    let run_of = &sarif["runs"][0];
    assert_eq!(
        (code, &run_of["invocations"][0]["executionSuccessful"]),
        (3, &Value::from(false))
    );
    assert_eq!(
        run_of["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "bad"
    );
}

/// Checks that a report matches the schema of reports.
pub(crate) fn report_schema(report: &Value) {
    SCHEMAS.with(|[_, of_report]| of_report.accepts(report, "a report"));
}
