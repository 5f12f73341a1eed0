//! `--since` leaves out only what git vouches for: what it cannot compare counts as changed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::focus::{committed, git, pod, run};
use crate::program::Folder;

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
        ("a link", |folder| {
            folder.write("other/n.txt", &pod("new", ""));
            folder.write("other/old.txt", &pod("old", ""));
            symlink("../other/old.txt", path(folder, "p/l.yaml")).unwrap();
            commit(folder);
            fs::remove_file(path(folder, "p/l.yaml")).unwrap();
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
