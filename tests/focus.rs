//! `-l`, `-n` and `--since`: everything is read, and only the chosen objects are changed and reported.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::process::Command;

use crate::program::Folder;

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: test}\nspec: {environment: test, \
                      resources: {containers: {requests: {cpu: 1}}}, checks: {profile: privileged}}\n";

pub(crate) fn pod(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name} # {name}\n  labels: {{app: {name}}}\n{namespace}spec:\n  containers:\n  - name: a\n    image: a:1\n"
    )
}

fn service(app: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {app}}}\nspec: {{selector: {{app: {app}}}, ports: [{{port: 80}}]}}\n"
    )
}

fn folder() -> Folder {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}- {}",
        pod("c", "").trim_end().replace('\n', "\n  ") + "\n",
        pod("d", "").trim_end().replace('\n', "\n  ") + "\n"
    );
    Folder::with(&[
        ("c.yaml", CONFIG),
        ("p/a.yaml", &pod("a", "  namespace: one\n")),
        (
            "p/b.yaml",
            &format!("{}---\n{}", pod("b", ""), service("b")),
        ),
        ("p/list.yaml", &list),
    ])
}

pub(crate) fn run(folder: &Folder, command: &str, more: &[&str]) -> crate::program::Run {
    folder.run(&[&[command, "-f", "p", "-c", "c.yaml"], more].concat())
}

#[test]
fn labels_and_namespaces_choose_objects() {
    let folder = folder();
    for (flags, chosen) in [
        (&["-l", "app=a"][..], &["a"][..]),
        (&["-l", "app in (a,d)"], &["a", "d"]),
        (&["-n", "one"], &["a"]),
        (&["-n", "default", "-l", "app"], &["b", "c", "d"]),
    ] {
        let plan = run(&folder, "plan", flags);
        let check = run(&folder, "check", flags);
        let apply = run(&folder, "apply", &[flags, &["-q"]].concat());
        assert_eq!(
            (plan.code, check.code, apply.code),
            (Some(0), Some(1), Some(0)),
            "{flags:?}"
        );
        for name in ["a", "b", "c", "d"] {
            let expected = chosen.contains(&name);
            let is_in =
                |text: &str, namespace: &str| text.contains(&format!("Pod {namespace}{name}"));
            let namespace = if name == "a" { "one/" } else { "" };
            assert_eq!(
                is_in(&plan.stdout, namespace),
                expected,
                "{flags:?} {name}\n{}",
                plan.stdout
            );
            assert_eq!(
                is_in(&check.stdout, namespace),
                expected,
                "{flags:?} {name}\n{}",
                check.stdout
            );
            let document = format!("  name: {name} # {name}\n");
            assert_eq!(
                apply.stdout.contains(&document),
                expected,
                "{flags:?} {name}\n{}",
                apply.stdout
            );
        }
        // What is printed is fitted, and can be read again.
        folder.write("out.yaml", &apply.stdout);
        let again = folder.run(&["plan", "-f", "out.yaml", "-c", "c.yaml", "--exit-code"]);
        assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
        let totals = format!("Plan  {} workload", chosen.len());
        assert!(
            plan.stdout.contains(&totals) && plan.stdout.contains("(not-chosen)"),
            "{}",
            plan.stdout
        );
    }
}

#[test]
fn in_place_only_chosen_objects_are_edited() {
    let folder = folder();
    let before = folder.read("p/list.yaml");
    let edited = run(&folder, "apply", &["-i", "-l", "app=d"]);
    assert_eq!(edited.code, Some(0), "{}", edited.stderr);
    let after = folder.read("p/list.yaml");
    assert_eq!(after.matches("cpu: \"1\"").count(), 1, "{after}");
    assert!(
        after.starts_with(&before[..before.find("name: d").unwrap()]),
        "{after}"
    );
    assert!(!folder.read("p/a.yaml").contains("cpu"));
}

#[test]
fn a_choice_that_fits_nothing_is_an_error() {
    let folder = folder();
    run(&folder, "check", &["-l", "app=typo"]).refused(
        "a label",
        2,
        &["none of the 5 objects matches -l"],
    );
    run(&folder, "plan", &["-n", "two"]).refused("a namespace", 2, &["matches -n", "default, one"]);
    run(&folder, "plan", &["-l", "app in (a"]).refused("syntax", 2, &["app in (a"]);
}

pub(crate) fn git(folder: &Folder, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder.path()).args([
        "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false",
    ]);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

pub(crate) fn committed() -> Folder {
    let folder = folder();
    git(&folder, &["init", "-q"]);
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-qm", "first"]);
    folder
}

#[test]
fn since_reports_what_changed_files_cause() {
    let folder = committed();
    let none = run(&folder, "check", &["--since", "HEAD"]);
    assert_eq!(none.code, Some(0), "{}", none.stdout);
    // The Service in another file loses its pod; the pods in other files are not reported.
    folder.write("p/b.yaml", &pod("b", ""));
    folder.write("p/s.yaml", &service("b"));
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-qm", "second"]);
    folder.write("p/b.yaml", &pod("renamed", ""));
    let check = run(&folder, "check", &["--since", "HEAD"]);
    assert!(
        check.stdout.contains("FIT-NET004") && check.stdout.contains("Pod renamed"),
        "{}",
        check.stdout
    );
    assert!(
        !check.stdout.contains("Pod one/a") && !check.stdout.contains("Pod c"),
        "{}",
        check.stdout
    );
    let plan = run(&folder, "plan", &["--since", "HEAD"]);
    assert!(plan.stdout.contains("Plan  1 workload"), "{}", plan.stdout);
    // An untracked file is new.
    folder.write("p/new.yaml", &pod("new", ""));
    let plan = run(&folder, "plan", &["--since", "HEAD"]);
    assert!(plan.stdout.contains("Pod new"), "{}", plan.stdout);
}

#[test]
fn since_a_file_is_gone_its_users_are_reported() {
    let folder = committed();
    folder.write("p/s.yaml", &service("a"));
    folder.write("p/a.yaml", &pod("a", ""));
    git(&folder, &["add", "-A"]);
    git(&folder, &["commit", "-qm", "second"]);
    std::fs::remove_file(folder.path().join("p/a.yaml")).unwrap();
    let check = run(&folder, "check", &["--since", "HEAD"]);
    assert!(
        check.stdout.contains("FIT-NET004") && check.stdout.contains("Service a"),
        "{}",
        check.stdout
    );
    assert!(!check.stdout.contains("Pod b"), "{}", check.stdout);
}

#[test]
fn since_the_config_changed_everything_is_reported() {
    let folder = committed();
    folder.write("c.yaml", &CONFIG.replace("cpu: 1", "cpu: 2"));
    let plan = run(&folder, "plan", &["--since", "HEAD"]);
    assert!(
        plan.stderr.contains("the config has changed"),
        "{}",
        plan.stderr
    );
    assert!(plan.stdout.contains("Plan  4 workloads"), "{}", plan.stdout);
}

#[test]
fn since_needs_a_commit() {
    let folder = committed();
    for reference in ["nope", "--output=x", "HEAD~9"] {
        let since = format!("--since={reference}");
        run(&folder, "plan", &[&since]).refused(reference, 2, &["git knows no commit"]);
    }
    assert!(!folder.path().join("x").exists());
    let folder = self::folder();
    run(&folder, "plan", &["--since", "HEAD"]).refused(
        "no repository",
        2,
        &["needs git and a repository"],
    );
}

/// Five thousand objects print about a page.
#[test]
fn large_inputs_are_shown_as_an_overview() {
    let folder = Folder::with(&[("c.yaml", CONFIG)]);
    std::fs::create_dir(folder.path().join("p")).unwrap();
    let pods: Vec<String> = (0..1000).map(|n| pod(&format!("p{n}"), "")).collect();
    folder.write("p/all.yaml", &pods.join("---\n"));
    let plan = run(&folder, "plan", &[]);
    assert!(plan.stdout.lines().count() < 60, "{}", plan.stdout);
    for expected in [
        "by section\n    1000 fields of 1000 objects  resources",
        "by kind\n    1000 objects  Pod",
        "c.yaml:4",
    ] {
        assert!(
            plan.stdout.contains(expected),
            "{expected}\n{}",
            plan.stdout
        );
    }
    let check = run(&folder, "check", &[]);
    assert!(check.stdout.lines().count() < 60, "{}", check.stdout);
    let verbose = run(&folder, "plan", &["-v"]);
    assert!(verbose.stdout.lines().count() > 5000);
    assert!(verbose.stdout.contains("Pod p999"));
}
