//! `--since` leaves out only what git vouches for: what it cannot compare counts as changed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::focus::{committed, git, pod, run};
use crate::program::{Folder, Run};

/// Below the folder that is checked.
fn path(folder: &Folder, name: &str) -> std::path::PathBuf {
    folder.path().join(name)
}

fn commit(folder: &Folder) {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-qm", "next"]);
}

/// Of the pods in these files only these are reported.
fn reports(what: &str, folder: &Folder, more: &[&str], names: &[&str]) {
    let check = run(folder, "check", &[&["--since", "HEAD"], more].concat());
    let known = ["one/a", "b", "c", "d", "new", "more"].into_iter();
    let found: Vec<&str> = known
        .filter(|it| check.stdout.contains(&format!("Pod {it}")))
        .collect();
    assert_eq!(found, names, "{what}\n{}\n{}", check.stdout, check.stderr);
}

/// A repository of its own below `p`, with a pod.
fn repository(folder: &Folder, name: &str) {
    folder.write(&format!("{name}/n.yaml"), &pod("new", ""));
    let within = path(folder, name);
    git(folder, &["init", "-q", within.to_str().unwrap()]);
    for command in [&["add", "-A"][..], &["commit", "-qm", "first"]] {
        let mut arguments = vec!["-C", name];
        arguments.extend(command);
        git(folder, &arguments);
    }
}

#[test]
fn what_git_cannot_compare_counts_as_changed() {
    for (what, prepare) in [
        (
            "a name that is not UTF-8",
            (|folder: &Folder| {
                let name = OsStr::from_bytes(b"p/n\xff.yaml");
                // Not every file system takes such a name.
                if fs::write(folder.path().join(name), pod("new", "")).is_err() {
                    folder.write("p/n.yaml", &pod("new", ""));
                }
            }) as fn(&Folder),
        ),
        ("an ignored folder", |folder| {
            folder.write(".gitignore", "rendered\n");
            commit(folder);
            folder.write("p/rendered/n.yaml", &pod("new", ""));
        }),
        ("a checkout of another repository", |folder| {
            repository(folder, "p/n");
        }),
        (
            "a file that git does not compare because of a flag",
            |folder| {
                folder.write("p/n.yaml", &pod("old", ""));
                commit(folder);
                git(folder, &["update-index", "--assume-unchanged", "p/n.yaml"]);
                folder.write("p/n.yaml", &pod("new", ""));
            },
        ),
        ("a new link", |folder| {
            folder.write("other/n.txt", &pod("new", ""));
            commit(folder);
            symlink("../other/n.txt", path(folder, "p/l.yaml")).unwrap();
        }),
        ("what a link leads to", |folder| {
            folder.write("other/n.txt", &pod("old", ""));
            symlink("../other/n.txt", path(folder, "p/l.yaml")).unwrap();
            commit(folder);
            folder.write("other/n.txt", &pod("new", ""));
        }),
        ("how files are written", |folder| {
            folder.write("p/n/n.yaml", &pod("new", ""));
            commit(folder);
            folder.write("p/n/.gitattributes", "*.yaml eol=lf\n");
            git(folder, &["add", "-A"]);
        }),
    ] {
        let folder = committed();
        reports(what, &folder, &[], &[]);
        prepare(&folder);
        reports(what, &folder, &[], &["new"]);
    }
}

/// Files of a submodule are compared with the commit that the submodule was at.
#[test]
fn a_submodule_is_compared_with_its_own_commit() {
    let folder = committed();
    repository(&folder, "origin");
    let add = [
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./origin", "p/s",
    ];
    git(&folder, &add);
    folder.write(".gitignore", "origin\n");
    commit(&folder);
    reports("a submodule as it was", &folder, &[], &[]);
    // A file of the branch can say that nothing is to be compared.
    let modules = folder.read(".gitmodules");
    folder.write(".gitmodules", &format!("{modules}\tignore = all\n"));
    folder.write("p/s/m.yaml", &pod("more", ""));
    git(&folder, &["-C", "p/s", "add", "-A"]);
    git(&folder, &["-C", "p/s", "commit", "-qm", "second"]);
    reports("a submodule with another commit", &folder, &[], &["more"]);
    folder.write("p/s/n.yaml", &pod("new", "  namespace: two\n"));
    let check = run(&folder, "check", &["--since", "HEAD"]);
    assert!(check.stdout.contains("Pod two/new"), "{}", check.stdout);
}

#[test]
fn every_repository_that_is_named_is_asked() {
    let folder = committed();
    let second = Folder::with(&[("old.yaml", &pod("more", "")), ("n.yaml", &pod("old", ""))]);
    let name = second.path().to_str().unwrap();
    // In none, nothing is compared.
    reports("no repository", &folder, &["-f", name], &["more"]);
    git(&second, &["init", "-q"]);
    commit(&second);
    reports("no change", &folder, &["-f", name], &[]);
    second.write("n.yaml", &pod("new", ""));
    reports("a change", &folder, &["-f", name], &["new"]);
    // It has no commit of this name.
    git(&folder, &["tag", "ours"]);
    let check = run(&folder, "check", &["--since", "ours", "-f", name]);
    assert!(check.stdout.contains("Pod more"), "{}", check.stdout);
}

#[test]
fn a_config_is_what_its_link_leads_to() {
    let folder = committed();
    folder.write("other.yaml", &folder.read("c.yaml"));
    symlink("c.yaml", path(&folder, "link.yaml")).unwrap();
    commit(&folder);
    let note = || {
        let arguments = ["check", "-f", "p", "-c", "link.yaml", "--since", "HEAD"];
        let check = folder.run(&arguments);
        check.stderr.contains("the config has changed")
    };
    assert!(!note());
    fs::remove_file(path(&folder, "link.yaml")).unwrap();
    symlink("other.yaml", path(&folder, "link.yaml")).unwrap();
    assert!(note());
}

const KUSTOMIZATION: &str = "p/kustomization.yaml";

/// Files that are as they were, and are read as something else than before.
#[test]
fn what_a_file_is_read_as_is_compared() {
    let pod = || pod("new", "");
    for (what, command, prepare, change) in [
        (
            "a kustomization names it",
            "check",
            (&|folder: &Folder| {
                folder.write("p/n.txt", &pod());
                folder.write(KUSTOMIZATION, "resources: [a.yaml]\n");
            }) as &dyn Fn(&Folder),
            (&|folder: &Folder| {
                folder.write(KUSTOMIZATION, "resources: [a.yaml, n.txt]\n");
            }) as &dyn Fn(&Folder),
        ),
        (
            "a new kustomization above names it",
            "check",
            &|folder| folder.write("p/n.txt", &pod()),
            &|folder| folder.write("kustomization.yml", "resources: [p/n.txt]\n"),
        ),
        (
            "one of another folder names it",
            "plan",
            &|folder| {
                folder.write("p/n.txt", &pod());
                folder.write("o/x/Kustomization", "resources: [../../p/a.yaml]\n");
            },
            &|folder| folder.write("o/x/Kustomization", "bases: [../../p/n.txt]\n"),
        ),
        (
            "one that git does not know names it",
            "check",
            &|folder| folder.write("p/n.txt", &pod()),
            &|folder| {
                folder.write(KUSTOMIZATION, "resources: [n.txt]\n");
                folder.write(".git/info/exclude", KUSTOMIZATION);
            },
        ),
        (
            "it is no patch any more",
            "plan",
            &|folder| {
                folder.write("p/n.yaml", &pod());
                folder.write(KUSTOMIZATION, "patches: [{path: n.yaml}]\n");
            },
            &|folder| folder.write(KUSTOMIZATION, "patches: [{path: m.yaml}]\n"),
        ),
        (
            "the kustomization that made it a patch is gone",
            "plan",
            &|folder| {
                folder.write("p/n.yaml", &pod());
                folder.write("o/kustomization.yaml", "patches: [{path: ../p/n.yaml}]\n");
            },
            &|folder| fs::remove_dir_all(path(folder, "o")).unwrap(),
        ),
        (
            "a plugin names another patch",
            "plan",
            &|folder| {
                folder.write("p/n.yaml", &pod());
                folder.write(KUSTOMIZATION, "transformers: [../t]\n");
                folder.write("t/kustomization.yaml", "resources: [t.yaml]\n");
                let plugin = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\npath: n.yaml\n";
                folder.write("t/t.yaml", plugin);
            },
            &|folder| {
                let plugin = folder.read("t/t.yaml");
                folder.write("t/t.yaml", &plugin.replace("n.yaml", "m.yaml"));
            },
        ),
        (
            "what a kustomization names has become a link",
            "check",
            &|folder| {
                folder.write("p/n.txt", &pod());
                folder.write(KUSTOMIZATION, "resources: [l.txt]\n");
            },
            &|folder| symlink("n.txt", path(folder, "p/l.txt")).unwrap(),
        ),
    ] {
        let (after, pods) = after_change(what, command, prepare, change);
        assert_eq!(pods, [true, false, false], "{what}\n{}", after.stdout);
        assert!(!after.stderr.contains("everything"), "{}", after.stderr);
    }
}

/// The run after a change of what was committed, before which nothing was reported, and which of the pods `new`, `one/a` and
/// `b` it reports.
fn after_change(
    what: &str,
    command: &str,
    prepare: &dyn Fn(&Folder),
    change: &dyn Fn(&Folder),
) -> (Run, [bool; 3]) {
    let folder = committed();
    prepare(&folder);
    commit(&folder);
    let run = || run(&folder, command, &["--since", "HEAD"]);
    let before = run();
    assert!(!before.stdout.contains("Pod "), "{what}\n{}", before.stdout);
    change(&folder);
    let after = run();
    let pods = ["new", "one/a", "b"].map(|it| after.stdout.contains(&format!("Pod {it}")));
    (after, pods)
}

/// What decides about any number of files.
#[test]
fn what_decides_about_all_files_makes_all_of_them_count_as_changed() {
    let root_of_its_own = |folder: &Folder| {
        folder.write("p/n.txt", &pod("new", ""));
        folder.write("kustomization.yaml", "resources: [p/n.txt]\n");
        folder.write("p/fn-config/notes.md", "notes\n");
    };
    for (what, command, prepare, change) in [
        (
            "it is in no chart any more",
            "plan",
            (&|folder: &Folder| {
                folder.write("p/n/n.yaml", &pod("new", ""));
                folder.write("p/n/Chart.yaml", "apiVersion: v2\nname: n\n");
            }) as &dyn Fn(&Folder),
            (&|folder: &Folder| {
                folder.write("p/n/Chart.yaml", "apiVersion: v2\n");
            }) as &dyn Fn(&Folder),
        ),
        (
            "its folder has become a chart",
            "check",
            &|folder| folder.write("p/n/n.yaml", &pod("new", "")),
            &|folder| folder.write("p/n/Chart.yaml", "apiVersion: v2\nname: n\n"),
        ),
        (
            "it is ignored no more",
            "plan",
            &|folder| {
                folder.write("p/n.yaml", &pod("new", ""));
                folder.write(".gitignore", "n.yaml\n");
                git(folder, &["add", "-f", "p/n.yaml"]);
            },
            &|folder| folder.write(".gitignore", "m.yaml\n"),
        ),
        (
            "a link is gone",
            "check",
            &|folder| {
                folder.write("p/z.yaml", &pod("new", ""));
                folder.write("p/c/Chart.yaml", "apiVersion: v2\nname: n\n");
                symlink("../z.yaml", path(folder, "p/c/z.yaml")).unwrap();
            },
            &|folder| fs::remove_file(path(folder, "p/c/z.yaml")).unwrap(),
        ),
        (
            "other kustomizations are searched for",
            "check",
            &root_of_its_own,
            &|folder| fs::remove_dir_all(path(folder, "p/fn-config")).unwrap(),
        ),
    ] {
        let (after, pods) = after_change(what, command, prepare, change);
        assert_eq!(
            pods, [true; 3],
            "{what}\n{}\n{}",
            after.stdout, after.stderr
        );
        let note = "which decides about the files that are read, has changed, so everything";
        assert!(after.stderr.contains(note), "{what}\n{}", after.stderr);
    }
    // A chart that comes with its files changes nothing for others.
    let folder = committed();
    folder.write("p/n/Chart.yaml", "apiVersion: v2\nname: n\n");
    folder.write("p/n/.gitignore", "*.tgz\n");
    folder.write("p/n/templates/n.yaml", &pod("new", ""));
    reports("a new chart", &folder, &[], &["new"]);
    let plan = run(&folder, "plan", &["--since", "HEAD"]);
    assert!(!plan.stdout.contains("Pod "), "{}", plan.stdout);
}

/// Findings about files that are as they were, which the change of another file causes.
#[test]
fn findings_elsewhere_are_reported_whatever_causes_them() {
    let user = "apiVersion: v1\nkind: Pod\nmetadata: {name: user}\nspec: {containers: [{name: a, image: a:1, envFrom: [{configMapRef: {name: settings}}]}]}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n";
    for (what, name, before, after, reported) in [
        (
            "a generator",
            KUSTOMIZATION,
            "configMapGenerator: [{name: settings}]\n",
            "configMapGenerator: [{name: others}]\n",
            "ConfigMap settings",
        ),
        (
            "a kustomization that names an object no more",
            KUSTOMIZATION,
            "resources: [map.txt]\n",
            "resources: [a.yaml]\n",
            "ConfigMap settings",
        ),
        (
            "a namespace",
            "p/namespace.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: one, labels: {pod-security.kubernetes.io/enforce: restricted}}\n",
            "level restricted",
        ),
        (
            "a quota",
            "p/quota.yaml",
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: one}\nspec: {hard: {pods: 20}}\n",
            "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: one}\nspec: {hard: {limits.cpu: 20}}\n",
            "limits.cpu",
        ),
    ] {
        let folder = committed();
        folder.write("p/user.yaml", user);
        folder.write(name, before);
        if what.starts_with("a kustomization") {
            folder.write("p/map.txt", map);
        }
        commit(&folder);
        let findings = || {
            let check = run(&folder, "check", &["-v", "--since", "HEAD"]);
            let (findings, _) = check.stdout.split_once("Ledger").unwrap();
            findings.to_owned()
        };
        let known = findings();
        assert!(!known.contains(reported), "{what}\n{known}");
        folder.write(name, after);
        let after = findings();
        assert!(after.contains(reported), "{what}\n{after}");
        let is_of_namespace = ["a namespace", "a quota"].contains(&what);
        let user = if is_of_namespace { "one/a" } else { "user" };
        assert!(after.contains(&format!("Pod {user}")), "{what}\n{after}");
    }
}

/// Of a config everything counts: the definitions that it names, and whether it is the one that was used.
#[test]
fn a_config_is_all_that_it_names() {
    let definition = |kind: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.example.com}}\nspec: {{group: example.com, names: {{kind: {kind}, plural: things}}, scope: Namespaced, versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]}}\n"
        )
    };
    let folder = committed();
    let config = folder.read("c.yaml");
    let names = "checks: {definitions: [crds], ";
    folder.write("c.yaml", &config.replace("checks: {", names));
    folder.write("crds/a.yaml", &definition("Thing"));
    folder.write(
        "crds/b.yaml",
        &definition("Thing").replace("thing", "other"),
    );
    folder.write("fn-config/test/fitout.yaml", &config);
    let shared = "environments: {test: {}}, ";
    let shared = config.replace("environment: test, ", shared);
    folder.write("fn-config/all/fitout.yaml", &shared);
    commit(&folder);
    let notes = |arguments: &[&str]| {
        let check = folder.run(&[&["check", "-f", "p", "--since", "HEAD"], arguments].concat());
        assert!(check.code <= Some(1), "{}", check.stderr);
        check.stderr.contains("the config has changed")
    };
    assert!(!notes(&["-c", "c.yaml"]) && !notes(&["-e", "test"]));
    folder.write("crds/a.yaml", &definition("Thing2"));
    assert!(notes(&["-c", "c.yaml"]) && !notes(&["-e", "test"]));
    git(&folder, &["checkout", "-q", "crds"]);
    fs::remove_file(path(&folder, "crds/b.yaml")).unwrap();
    assert!(notes(&["-c", "c.yaml"]) && !notes(&["-e", "test"]));
    git(&folder, &["checkout", "-q", "crds"]);
    fs::remove_dir_all(path(&folder, "fn-config/test")).unwrap();
    assert!(!notes(&["-c", "c.yaml"]) && notes(&["-e", "test"]));
}
