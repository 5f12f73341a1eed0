//! `apply -i` as careful as a database: all files or none, no edit of others lost, nothing left behind.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::hosts::bench::skip;
use crate::program::Folder;

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n";
const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: test}\nspec: {environment: test, resources: {containers: {requests: {cpu: 1}}}}\n";

/// A folder `t` with pods, and a config.
fn pods(count: usize) -> Folder {
    let folder = Folder::with(&[("config", CONFIG), ("t/f000.yaml", POD)]);
    write_pods(&folder, count);
    folder
}

fn write_pods(folder: &Folder, count: usize) {
    for number in 0..count {
        folder.write(&format!("t/f{number:03}.yaml"), POD);
    }
}

const IN_PLACE: [&str; 6] = ["apply", "-i", "-f", "t", "-c", "config"];

/// The texts below `t`, with hidden files.
fn texts(folder: &Folder) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder.path().join("t")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| (name.clone(), folder.read(&format!("t/{name}"))))
        .collect()
}

fn fitted() -> String {
    let folder = pods(1);
    assert_eq!(folder.run(&IN_PLACE).code, Some(0));
    folder.read("t/f000.yaml")
}

/// A run that ends with its test.
struct Waiting(Option<Child>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A run on 60 files that were not edited yet.
fn started(folder: &Folder) -> Child {
    write_pods(folder, 60);
    let mut command = folder.command(&IN_PLACE);
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// A run that waits, with all new texts staged, until its report is read.
fn waiting(folder: &Folder) -> Waiting {
    if !folder.path().join("report").exists() {
        folder.fifo("report");
    }
    let mut command = folder.command(&IN_PLACE);
    command.args(["-o", "json=report"]).stderr(Stdio::piped());
    let child = Waiting(Some(command.stdout(Stdio::null()).spawn().unwrap()));
    let count = texts(folder)
        .keys()
        .filter(|name| !name.starts_with('.'))
        .count();
    // Opening the report is the next step after the last file is staged.
    for _ in 0..3000 {
        let staged = texts(folder)
            .into_iter()
            .filter(|(name, text)| name.starts_with(".fitout-") && text.contains("cpu"));
        if staged.count() == count {
            std::thread::sleep(Duration::from_millis(50));
            return child;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the run did not stage its files");
}

/// Reads the report of a run that waits, and returns its exit code and messages.
fn finished(folder: &Folder, mut run: Waiting) -> (Option<i32>, String) {
    let mut read = Command::new("timeout");
    read.args(["60", "cat", "report"]).stdout(Stdio::null());
    let read = read.current_dir(folder.path()).status().unwrap();
    assert!(read.success(), "the run ended before its report");
    let output = run.0.take().unwrap().wait_with_output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn an_edit_during_a_run_is_not_overwritten() {
    for edit in [
        (|file: &Path| fs::write(file, POD.replace("name: a", "name: mine")).unwrap()) as fn(&Path),
        |file| {
            let new = file.with_extension("new");
            fs::write(&new, "# mine\n").unwrap();
            fs::rename(new, file).unwrap();
        },
        |file| fs::remove_file(file).unwrap(),
        |file| {
            fs::rename(file, file.with_extension("moved")).unwrap();
            symlink("f002.moved", file).unwrap();
        },
    ] {
        let folder = pods(3);
        let child = waiting(&folder);
        edit(&folder.path().join("t/f002.yaml"));
        let mut expected = texts(&folder);
        expected.retain(|name, _| !name.starts_with('.'));
        let (code, stderr) = finished(&folder, child);
        assert_eq!(code, Some(5), "{stderr}");
        for text in [
            "t/f002.yaml changed after fitout read it",
            "nothing was written",
            "same command again",
        ] {
            assert!(stderr.contains(text), "{text}: {stderr}");
        }
        assert_eq!(texts(&folder), expected);
    }
}

#[test]
fn a_printed_report_is_not_followed_by_that_of_a_failure() {
    let folder = pods(3);
    folder.fifo("report");
    let mut command = folder.command(&IN_PLACE);
    command.args(["-o", "json", "-o", "sarif=file", "-o", "json=report"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = Waiting(Some(command.spawn().unwrap()));
    // The report for the pipe is the last one.
    while !folder.path().join("file").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::remove_file(folder.path().join("t/f002.yaml")).unwrap();
    let mut read = Command::new("timeout");
    read.args(["60", "cat", "report"]).stdout(Stdio::piped());
    let sent = read.current_dir(folder.path()).output().unwrap().stdout;
    let output = run.0.take().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    for once in [output.stdout, sent] {
        let report: serde_json::Value = serde_json::from_slice(&once).unwrap();
        assert_eq!(report["summary"]["added"], 3, "{report}");
    }
    let replaced = folder.read("file");
    assert!(
        replaced.contains("changed after fitout read it"),
        "{replaced}"
    );
}

#[test]
fn no_edit_is_lost_at_any_time() {
    let (folder, fitted) = (pods(60), fitted());
    for delay in 0..30 {
        let mut child = started(&folder);
        std::thread::sleep(Duration::from_millis(2 * delay));
        let mut file = OpenOptions::new()
            .append(true)
            .open(folder.path().join("t/f059.yaml"))
            .unwrap();
        file.write_all(b"# MINE\n").unwrap();
        let code = child.wait().unwrap().code();
        let texts = texts(&folder);
        assert!(
            texts["f059.yaml"].ends_with("# MINE\n"),
            "after {delay}: {code:?}"
        );
        let expected = if code == Some(0) { &fitted } else { POD };
        assert!(code == Some(0) || code == Some(5), "{code:?}");
        assert!(
            texts
                .iter()
                .all(|(name, text)| name == "f059.yaml" || text == expected),
            "{texts:?}"
        );
    }
}

/// Whether this process, and so what it starts, ignores a signal that shells ignore.
fn is_ignored(signal: &str) -> bool {
    let place = ["HUP", "INT", "QUIT"].iter().position(|it| *it == signal);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.map_or(0, |it| u64::from_str_radix(it.trim(), 16).unwrap());
    place.is_some_and(|place| mask & 1 << place != 0)
}

#[test]
fn every_signal_that_can_be_caught_leaves_nothing() {
    for signal in [
        "HUP", "INT", "QUIT", "ABRT", "USR1", "USR2", "ALRM", "TERM", "XCPU", "VTALRM", "PROF",
        "IO", "PWR", "SYS", "TRAP",
    ] {
        // A shell starts what runs in its background with some signals ignored, and so does nohup.
        if is_ignored(signal) {
            let skip = format!("skip: the test was started to ignore SIG{signal}\n");
            let _ = std::io::stderr().write_all(skip.as_bytes());
            continue;
        }
        let folder = pods(2);
        let before = texts(&folder);
        let mut run = waiting(&folder);
        let child = run.0.as_mut().unwrap();
        let id = child.id();
        assert!(
            Command::new("sh")
                .args(["-c", &format!("kill -{signal} {id}")])
                .status()
                .unwrap()
                .success()
        );
        let status = child.wait().unwrap();
        let is_ended = status.signal().is_some() || status.code() > Some(128);
        assert!(is_ended, "{signal}: {status:?}");
        assert_eq!(texts(&folder), before, "{signal}");
    }
    // As nohup starts a program.
    let folder = pods(2);
    folder.fifo("report");
    let script = "trap '' HUP; exec \"$0\" apply -i -f t -c config -o json=report";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_fitout")])
        .current_dir(folder.path());
    let piped = command.stderr(Stdio::piped()).stdout(Stdio::null());
    let run = Waiting(Some(piped.spawn().unwrap()));
    std::thread::sleep(Duration::from_millis(500));
    let hang_up = format!("kill -HUP {}", run.0.as_ref().unwrap().id());
    assert!(
        Command::new("sh")
            .args(["-c", &hang_up])
            .status()
            .unwrap()
            .success()
    );
    let (code, stderr) = finished(&folder, run);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn an_interrupted_build_leaves_no_folder() {
    let folder = Folder::with(&[("o/kustomization.yaml", ""), ("tmp/x", "")]);
    folder.write("kustomize", "#!/bin/sh\nexec sleep 30\n");
    let program = folder.path().join("kustomize");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = folder.command(&["apply", "-k", "o"]);
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    command
        .env("PATH", path)
        .env("TMPDIR", folder.path().join("tmp"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = Waiting(Some(command.spawn().unwrap()));
    let child = run.0.as_mut().unwrap();
    let entries = || fs::read_dir(folder.path().join("tmp")).unwrap().count();
    for _ in 0..500 {
        if entries() > 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(entries(), 2, "the build did not begin");
    let stop = format!("kill -TERM {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &stop])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert_eq!(entries(), 1);
}

#[test]
fn a_killed_run_leaves_whole_files_and_the_next_run_finishes() {
    let (folder, fitted) = (pods(60), fitted());
    let kill = |mut child: Child| {
        child.kill().unwrap();
        child.wait().unwrap();
        for (name, text) in texts(&folder) {
            let is_whole = text == POD || text == fitted;
            assert!(is_whole || name.starts_with(".fitout-"), "{name}: {text}");
        }
    };
    let is_finished = || {
        let run = folder.run(&IN_PLACE);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let texts = texts(&folder);
        assert_eq!(texts.len(), 60, "{:?}", texts.keys());
        assert!(texts.values().all(|text| *text == fitted));
    };
    for delay in 0..20 {
        let child = started(&folder);
        std::thread::sleep(Duration::from_millis(3 * delay));
        kill(child);
        is_finished();
    }
    // With all new texts staged, and the lock.
    write_pods(&folder, 60);
    kill(waiting(&folder).0.take().unwrap());
    let staged = texts(&folder);
    let staged = staged.keys().filter(|name| name.starts_with(".fitout-"));
    assert_eq!(staged.count(), 61);
    is_finished();
}

/// Files of others, and of a run that is still going, stay.
#[test]
fn only_what_a_run_left_that_ended_is_removed() {
    let folder = pods(1);
    let of_run = |rest: &str| format!(".fitout-0123456789abcdef-{rest}");
    let run_next_to = |name: &str, stays: bool| {
        folder.write(&format!("t/{name}"), "x");
        let run = folder.run(&IN_PLACE);
        assert_eq!(folder.path().join("t").join(name).exists(), stays, "{name}");
        assert_eq!(
            run.stderr.contains("which an interrupted run left"),
            !stays,
            "{}",
            run.stderr
        );
    };
    for (name, stays) in [
        (of_run("0.tmp"), false),
        (of_run("0-1of8.tmp"), false),
        (of_run("x.tmp"), true),
        (of_run("0.yaml"), true),
        (".fitout-1-0.tmp".to_owned(), true),
    ] {
        run_next_to(&name, stays);
    }
    let lock = folder.path().join("t").join(of_run("lock.tmp"));
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    run_next_to(&of_run("0.tmp"), true);
    drop(held);
    run_next_to(&of_run("0.tmp"), false);
    assert!(!lock.exists());
    // Nothing says that the run ended, and opening this would block.
    folder.fifo(&format!("t/{}", of_run("lock.tmp")));
    run_next_to(&of_run("0.tmp"), true);
}

/// Two containers that share a folder: in each the run is process 1, and no process of the other one can be seen.
#[test]
fn runs_that_cannot_see_each_other_leave_each_other_s_files() {
    let (folder, fitted) = (pods(3), fitted());
    let first = waiting(&folder);
    let mut second = Command::new("unshare");
    let of_second = folder.command(&["apply", "-i", "-f", "t/other.yaml", "-c", "config"]);
    second.args([
        "--user", "--map-root-user", "--pid", "--fork", "--mount-proc",
    ]);
    second
        .arg(of_second.get_program())
        .args(of_second.get_args());
    let Ok(true) = Command::new("unshare")
        .args([
            "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true",
        ])
        .status()
        .map(|it| it.success())
    else {
        return skip("a process can have a namespace of its own only if the system lets it");
    };
    folder.write("t/other.yaml", POD);
    let output = second.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (code, messages) = finished(&folder, first);
    assert_eq!(code, Some(0), "{messages}");
    let texts = texts(&folder);
    assert_eq!(texts.len(), 4, "{:?}", texts.keys());
    assert!(texts.values().all(|text| *text == fitted));
}

#[test]
fn a_new_text_that_another_program_changed_is_not_put_in_place() {
    for change in [
        (|file: &Path| fs::write(file, "# other\n").unwrap()) as fn(&Path),
        |file| fs::remove_file(file).unwrap(),
    ] {
        let folder = pods(3);
        let run = waiting(&folder);
        let names = texts(&folder).into_keys();
        let mut names = names.filter(|it| it.starts_with(".fitout-") && it.ends_with("-1.tmp"));
        change(&folder.path().join("t").join(names.next().unwrap()));
        let (code, messages) = finished(&folder, run);
        assert_eq!(code, Some(4), "{messages}");
        assert!(messages.contains("changed its new text"), "{messages}");
        assert!(messages.contains("nothing was written"), "{messages}");
        let texts = texts(&folder);
        assert_eq!(texts.len(), 3, "{:?}", texts.keys());
        assert!(texts.values().all(|text| text == POD));
    }
}

#[test]
fn nothing_is_written_if_one_file_cannot_be() {
    for (prepare, reason) in [
        (
            (|file: &Path| fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap())
                as fn(&Path),
            "it is read-only",
        ),
        (
            |file| fs::hard_link(file, file.with_file_name("../hard")).unwrap(),
            "it has 2 hard links",
        ),
        (
            |file| {
                fs::rename(file, file.with_file_name("../outside.yaml")).unwrap();
                symlink("../outside.yaml", file).unwrap();
            },
            "outside of what -f names",
        ),
    ] {
        let folder = pods(3);
        let file = folder.path().join("t/f002.yaml");
        prepare(&file);
        let before = texts(&folder);
        let run = folder.run(&IN_PLACE);
        run.refused(
            reason,
            4,
            &["cannot write t/f002.yaml", reason, "nothing was written"],
        );
        assert_eq!(texts(&folder), before);
    }
    // A link that is named is followed, and one to another file of the folder.
    let folder = pods(2);
    fs::rename(
        folder.path().join("t/f001.yaml"),
        folder.path().join("out.yaml"),
    )
    .unwrap();
    symlink("../out.yaml", folder.path().join("t/f001.yaml")).unwrap();
    symlink("f000.yaml", folder.path().join("t/also.yaml")).unwrap();
    let run = folder.run(&["apply", "-i", "-f", "t", "t/f001.yaml", "-c", "config"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(texts(&folder).values().all(|text| *text == fitted()));
    assert!(
        fs::symlink_metadata(folder.path().join("t/f001.yaml"))
            .unwrap()
            .is_symlink()
    );
    assert!(
        fs::symlink_metadata(folder.path().join("t/also.yaml"))
            .unwrap()
            .is_symlink()
    );
}

#[test]
fn mode_owner_and_attributes_are_kept() {
    let folder = pods(1);
    let file = folder.path().join("t/f000.yaml");
    let is_root = chown(&file, Some(1234), Some(4321)).is_ok();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let label = b"kept".as_slice();
    let has_attributes =
        rustix::fs::setxattr(&file, "user.label", label, rustix::fs::XattrFlags::empty()).is_ok();
    if !is_root || !has_attributes {
        skip("the owner can only be changed by root, and not every file system has attributes");
    }
    let before = fs::metadata(&file).unwrap();
    let run = folder.run(&IN_PLACE);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let after = fs::metadata(&file).unwrap();
    assert_eq!(
        (before.mode(), before.uid(), before.gid()),
        (after.mode(), after.uid(), after.gid())
    );
    assert_eq!(folder.read("t/f000.yaml"), fitted());
    if has_attributes {
        let mut value = [0; 8];
        let length = rustix::fs::getxattr(&file, "user.label", &mut value[..]).unwrap();
        assert_eq!(&value[..length], label);
    }
}

#[test]
fn a_limit_of_the_size_of_files_writes_nothing() {
    let folder = pods(3);
    // The limit is in blocks of 512 bytes, and the last file grows beyond it.
    folder.write(
        "t/f002.yaml",
        &format!("{POD}{}", "# a comment that fills the file\n".repeat(40)),
    );
    let before = texts(&folder);
    let script = "ulimit -f 2; exec \"$0\" apply -i -f t -c config";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_fitout")])
        .current_dir(folder.path());
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    for text in [
        "cannot write t/f002.yaml", "nothing was written", "same command again",
    ] {
        assert!(stderr.contains(text), "{text}: {stderr}");
    }
    assert_eq!(texts(&folder), before);
    assert_eq!(folder.run(&IN_PLACE).code, Some(0), "a second run finishes");
}

/// Unmounts when the test ends.
struct Mount<'f>(&'f Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_writes_nothing_and_a_second_run_finishes() {
    let folder = pods(1);
    let disk = folder.path().join("t");
    let mount = ["-t", "tmpfs", "-o", "size=256k", "none"];
    let mounted = Command::new("mount")
        .args(mount)
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return skip("a small disk can only be mounted by root");
    }
    let _mount = Mount(&disk);
    for number in 0..20 {
        folder.write(&format!("t/f{number:03}.yaml"), POD);
    }
    folder.write("t/filler", &"x".repeat(120 << 10));
    let before = texts(&folder);
    let run = folder.run(&IN_PLACE);
    run.refused(
        "a full disk",
        4,
        &[
            "No space left on device", "nothing was written", "same command again",
        ],
    );
    assert_eq!(texts(&folder), before);
    fs::remove_file(disk.join("filler")).unwrap();
    let run = folder.run(&IN_PLACE);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(texts(&folder).values().all(|text| *text == fitted()));
}

#[test]
fn files_are_exchanged_back_if_a_later_one_cannot_be() {
    let folder = pods(4);
    let before = texts(&folder);
    // The name of a mount point cannot be exchanged, although a file can be written next to it.
    let file = folder.path().join("t/f002.yaml");
    let other = folder.path().join("other.yaml");
    fs::copy(&file, &other).unwrap();
    let mut mount = Command::new("mount");
    let mounted = mount
        .arg("--bind")
        .args([&other, &file])
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return skip("a file can only be mounted by root");
    }
    let _mount = Mount(&file);
    let inode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().ino();
    let inodes = ["t/f000.yaml", "t/f001.yaml"].map(inode);
    let run = folder.run(&IN_PLACE);
    run.refused(
        "a mounted file",
        4,
        &["cannot write t/f002.yaml", "nothing was written"],
    );
    assert_eq!(texts(&folder), before);
    assert_eq!(["t/f000.yaml", "t/f001.yaml"].map(inode), inodes);
}

#[test]
fn a_folder_that_cannot_be_written_writes_nothing() {
    let folder = pods(2);
    folder.write("config", CONFIG);
    fs::create_dir(folder.path().join("t/sub")).unwrap();
    folder.write("t/sub/b.yaml", POD);
    for path in [
        "", "t", "t/sub", "t/f000.yaml", "t/f001.yaml", "t/sub/b.yaml",
    ] {
        let _ = chown(folder.path().join(path), Some(65534), Some(65534));
    }
    fs::set_permissions(
        folder.path().join("t/sub"),
        fs::Permissions::from_mode(0o555),
    )
    .unwrap();
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        env!("CARGO_BIN_EXE_fitout"),
    ]);
    let output = command.args(IN_PLACE).current_dir(folder.path()).output();
    fs::set_permissions(
        folder.path().join("t/sub"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let output = output.map(|it| (it.status.code(), String::from_utf8(it.stderr).unwrap()));
    match output {
        Ok((code, stderr)) if !stderr.contains("setpriv:") => {
            assert_eq!(code, Some(4), "{stderr}");
            assert!(
                stderr.contains("cannot write t/sub/b.yaml: Permission denied"),
                "{stderr}"
            );
            assert!(stderr.contains("nothing was written"), "{stderr}");
            for file in ["t/f000.yaml", "t/f001.yaml", "t/sub/b.yaml"] {
                assert_eq!(folder.read(file), POD, "{file}");
            }
        }
        _ => skip("another user can only be taken by root, with setpriv"),
    }
}
