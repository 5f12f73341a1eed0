//! The environment of a host test: a copy of the tree, and a `PATH` with only the programs that the test needs.
//!
//! So a test can show that something works *without* Docker, or with only kubectl.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];
pub(crate) const PACKAGE: &str = "examples/kpt/caracal-production";

/// The config in that package.
pub(crate) const CONFIG: &str = "examples/kpt/caracal-production/fitout.yaml";

/// `kpt fn eval` of the package by the container, without the pipeline of its Kptfile.
pub(crate) fn kpt_eval_container() -> [&'static str; 9] {
    let pull = ["--image-pull-policy", "never"];
    [
        "fn",
        "eval",
        PACKAGE,
        "--image",
        image(),
        pull[0],
        pull[1],
        "--fn-config",
        CONFIG,
    ]
}

/// The folders that hosts read.
const COPIED: [&str; 4] = ["base", "fn-config", "overlays", "examples/kpt"];

/// Ten times what a host needs on a busy machine; a hanging host must not block CI for an hour.
const PATIENCE: Duration = Duration::from_secs(180);

/// A program or file that a test needs.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    Kustomize,
    Kubectl,
    Kpt,
    /// Helm 4.
    Helm,
    /// Docker with a running daemon, and the image that holds the binary under test.
    Image,
}

pub(crate) struct Bench {
    dir: TempDir,
}

impl Bench {
    /// A bench; `None` if the test is skipped, with the reason printed.
    pub(crate) fn with(needs: &[Need]) -> Option<Bench> {
        if std::env::var_os("FITOUT_HOST_TESTS").is_none_or(|v| v != "1") {
            skip("host tests run with `make test-hosts`");
            return None;
        }
        let dir = tempfile::Builder::new()
            .prefix("fitout-hosts-")
            .tempdir()
            .unwrap();
        let bench = Bench { dir };
        fs::create_dir(bench.bin()).unwrap();
        symlink(binary(), bench.bin().join("fitout")).unwrap();
        for need in needs {
            if let Err(Missing { what, fatal }) = bench.provide(*need) {
                let ci = std::env::var_os("CI").is_some_and(|v| v == "true");
                assert!(!(ci && fatal), "CI must have every host: {what}");
                skip(&what);
                return None;
            }
        }
        for part in COPIED {
            copy(&root().join(part), &bench.tree().join(part));
        }
        Some(bench)
    }

    fn provide(&self, need: Need) -> Result<(), Missing> {
        match need {
            Need::Kustomize => self.link("kustomize"),
            Need::Kubectl => self.link("kubectl"),
            Need::Kpt => {
                // kpt needs git even to run a function.
                self.link("git")?;
                self.link("kpt")
            }
            Need::Helm => self.own_helm(),
            Need::Image => {
                self.link("docker")?;
                if self.docker(["info"]).code != Some(0) {
                    return Err(Missing::fatal("no Docker daemon"));
                }
                if self.docker(["image", "inspect", image()]).code != Some(0) {
                    return Err(Missing::fatal("no image: make image"));
                }
                Ok(())
            }
        }
    }

    fn link(&self, program: &str) -> Result<(), Missing> {
        let found =
            find(program).ok_or_else(|| Missing::fatal(&format!("no {program}: make hosts")))?;
        symlink(found, self.bin().join(program)).unwrap();
        Ok(())
    }

    /// Helm with plugins of its own.
    fn own_helm(&self) -> Result<(), Missing> {
        let helm = find("helm").ok_or_else(|| Missing::fatal("no helm: make hosts"))?;
        let (home, helm) = (self.dir.path().join("home"), helm.display());
        let home = home.display();
        let place = self.bin().join("helm");
        let script = format!(
            "#!/bin/sh\nexport HOME='{home}' HELM_PLUGINS=\"${{HELM_PLUGINS:-{home}/plugins}}\"\nexec '{helm}' \"$@\"\n"
        );
        fs::write(&place, script).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        match self.run("helm", ["version"]).stdout.contains("v4.") {
            true => Ok(()),
            false => Err(Missing::fatal("not Helm 4: make hosts")),
        }
    }

    /// The folder of Helm's plugins.
    pub(crate) fn helm_plugins(&self) -> PathBuf {
        self.dir.path().join("home/plugins")
    }

    /// The copy of the tree, and the working directory of all programs.
    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    /// Replaces `fitout` with a script. In it `$fitout` is the real one, and the usual commands are found.
    pub(crate) fn wrap(&self, script: &str) {
        let place = self.bin().join("fitout");
        let _ = fs::remove_file(&place);
        let head = format!(
            "#!/bin/sh\nset -eu\nPATH=/usr/bin:/bin\nfitout='{}'\n",
            binary().display()
        );
        fs::write(&place, head + script).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.tree().join(path);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Replaces text in one file of the copy; text that is not there is a mistake in the test.
    pub(crate) fn replace(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not contain {from:?}");
        fs::write(self.tree().join(path), text.replace(from, to)).unwrap();
    }

    /// Every file below a folder of the copy, to see whether a host touched any.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.tree().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = fs::read_to_string(&path).unwrap();
                    files.insert(path, text);
                }
            }
        }
        files
    }

    pub(crate) fn run<'a>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Ran {
        self.feed(program, arguments, b"")
    }

    pub(crate) fn docker<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        self.run("docker", arguments)
    }

    /// Runs a program of this bench, with the given bytes on its stdin.
    pub(crate) fn feed<'a>(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = &'a str>,
        stdin: &[u8],
    ) -> Ran {
        let arguments: Vec<&str> = arguments.into_iter().collect();
        let mut command = Command::new(self.bin().join(program));
        command.args(&arguments).env("PATH", self.bin());
        // A person's own settings are not under test.
        for (name, _) in std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            name.starts_with("FITOUT_") || name.starts_with("HELM_")
        }) {
            command.env_remove(name);
        }
        fs::create_dir_all(self.tree()).unwrap();
        command.current_dir(self.tree());
        Ran::of(command, format!("{program} {}", arguments.join(" ")), stdin)
    }

    /// Runs lines that the documentation shows, with the usual commands and the programs of this bench.
    pub(crate) fn shell(&self, lines: &str) -> Ran {
        let path = format!("PATH='{}':/usr/bin:/bin", self.bin().display());
        let mut command = Command::new("/bin/sh");
        command
            .arg("-euc")
            .arg(format!("{path}\n{lines}"))
            .env_remove("HELM_PLUGINS")
            .current_dir(self.tree());
        Ran::of(command, lines.to_owned(), b"")
    }

    /// The measure for every other host: kustomize with the binary as executable.
    pub(crate) fn reference(&self, system: &str, environment: &str) -> String {
        let overlay = overlay(system, environment);
        let kustomization = format!("{overlay}/kustomization.yaml");
        let exec = format!("fn-config/exec/{environment}");
        let before = self.read(&kustomization);
        self.replace(&kustomization, &format!("fn-config/{environment}"), &exec);
        let ran = self.run(
            "kustomize",
            ["build", "--enable-alpha-plugins", "--enable-exec", &overlay],
        );
        fs::write(self.tree().join(kustomization), before).unwrap();
        ran.succeeded()
    }

    /// The output of the overlay without the function, as from a host that skips it silently.
    pub(crate) fn unfitted(&self, system: &str, environment: &str) -> String {
        let overlay = overlay(system, environment);
        let kustomization = self.tree().join(&overlay).join("kustomization.yaml");
        let before = fs::read_to_string(&kustomization).unwrap();
        let mut fields: serde_json::Map<String, serde_json::Value> =
            serde_yaml::from_str(&before).unwrap();
        assert!(
            fields.remove("transformers").is_some(),
            "{overlay} names no transformers"
        );
        fs::write(&kustomization, serde_json::to_string(&fields).unwrap()).unwrap();
        let ran = self.run("kustomize", ["build", &overlay]);
        fs::write(kustomization, before).unwrap();
        ran.succeeded()
    }

    /// The bytes that kustomize gives the function for this overlay.
    pub(crate) fn resource_list(&self, system: &str, environment: &str) -> Vec<u8> {
        let caught = self.tree().join("caught.yaml");
        self.wrap(&format!(
            "cat >'{0}'\nexec \"$fitout\" <'{0}'\n",
            caught.display()
        ));
        self.reference(system, environment);
        self.wrap("exec \"$fitout\" \"$@\"\n");
        fs::read(caught).unwrap()
    }
}

pub(crate) fn overlay(system: &str, environment: &str) -> String {
    format!("overlays/{environment}/{system}")
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The static binary under test.
pub(crate) fn binary() -> PathBuf {
    let path = std::env::var_os("FITOUT_BIN")
        .unwrap_or_else(|| panic!("FITOUT_BIN is not set: make test-hosts"));
    PathBuf::from(path)
}

/// The image's name, from the Makefile.
pub(crate) fn image() -> &'static str {
    let line = include_str!("../../Makefile")
        .lines()
        .find_map(|line| line.strip_prefix("IMAGE := "));
    line.unwrap_or_else(|| panic!("the Makefile has no IMAGE"))
}

struct Missing {
    what: String,
    /// Whether CI must have it.
    fatal: bool,
}

impl Missing {
    fn fatal(what: &str) -> Missing {
        Missing {
            what: what.into(),
            fatal: true,
        }
    }
}

/// Bypasses the test runner, which hides the output of passing tests. One write, because tests run in parallel.
pub(crate) fn skip(why: &str) {
    let test = std::thread::current();
    let line = format!("skip: {}: {why}\n", test.name().unwrap_or("a host test"));
    let _ = io::stderr().write_all(line.as_bytes());
}

pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries = fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
    for entry in entries {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&from, &to);
        } else if kind.is_symlink() {
            symlink(fs::read_link(from).unwrap(), to).unwrap();
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// The result of a program.
pub(crate) struct Ran {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Files instead of pipes: no program can block on a full pipe, however much it writes.
    pub(crate) fn of(mut command: Command, line: String, stdin: &[u8]) -> Ran {
        let [mut input, mut output, mut errors] = [(); 3].map(|()| tempfile::tempfile().unwrap());
        input.write_all(stdin).unwrap();
        input.rewind().unwrap();
        command.stdin(Stdio::from(input));
        command.stdout(Stdio::from(output.try_clone().unwrap()));
        command.stderr(Stdio::from(errors.try_clone().unwrap()));
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{line}: {e}"));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let (stdout, stderr) = (text(&mut output), text(&mut errors));
        Ran {
            command: line,
            code: status.code(),
            stdout,
            stderr,
        }
    }

    /// Its stdout, if it succeeded.
    pub(crate) fn succeeded(self) -> String {
        let Ran {
            command,
            code,
            stdout,
            stderr,
        } = self;
        assert_eq!(
            code,
            Some(0),
            "{command}\nstdout:\n{stdout}\nstderr:\n{stderr}"
        );
        stdout
    }

    /// Asserts that it failed as every host must: with a message, and without manifests on standard output.
    pub(crate) fn failed_with(&self, codes: &[i32], message: &str) {
        let Ran {
            command,
            code,
            stdout,
            stderr,
        } = self;
        let said = format!("{command}: {code:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        assert!(
            code.is_some_and(|code| codes.contains(&code)),
            "exit code is none of {codes:?}\n{said}"
        );
        assert_eq!(stdout, "", "stdout is not empty\n{said}");
        assert!(
            stderr.contains(message),
            "stderr does not say {message:?}\n{said}"
        );
    }
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
