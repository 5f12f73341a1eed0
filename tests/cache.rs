//! `--cache-dir`: with it, a run prints the same as without, byte for byte, whatever changes between two runs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

use sha2::{Digest, Sha256};

use crate::program::{Folder, Run};
use crate::shards::{CONFIG, files, object};

/// All that a run depends on.
#[derive(Clone, PartialEq, Eq)]
struct World {
    files: BTreeMap<String, String>,
    arguments: Vec<&'static str>,
    variables: BTreeMap<&'static str, &'static str>,
}

/// Numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((it ^ (it >> 31)) % count as u64).unwrap()
    }

    fn of<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}

const FLAGS: &[&[&str]] = &[
    &["check", "-f", "t"],
    &["check", "-f", "t", "-q"],
    &["check", "-f", "t", "-v", "--exact"],
    &[
        "check", "-f", "t", "-ojson=r.json", "-osarif", "-ojunit=r.xml",
    ],
    &[
        "check", "-f", "t/0", "t/1", "-ogithub", "--fail-on", "warning",
    ],
    &["check", "-f", "t", "--color", "always"],
    &[
        "check", "-f", "t", "--exclude", "2/", "-omarkdown", "-ohtml=r.html",
    ],
    &["check", "-f", "t", "--respect-gitignore", "-n", "shop"],
    &["check", "-f", "t", "--shard", "1/3", "-ojson"],
    &["plan", "-f", "t"],
    &["plan", "-f", "t", "-v", "-ojson=r.json", "--exit-code"],
    &["plan", "-f", "t", "-opatch"],
    &["apply", "-f", "t"],
    &["apply", "-f", "t", "-v", "-ojson=r.json"],
    &["apply", "-f", "t", "-n", "pay"],
    &["apply", "-i", "-f", "t"],
];

const VARIABLES: &[(&str, &[&str])] = &[
    ("FITOUT_TODAY", &["2026-01-01", "2027-01-01", "2029-01-01"]),
    ("COLUMNS", &["60", "100"]),
    ("CLICOLOR_FORCE", &["1"]),
    ("NO_COLOR", &["1"]),
    ("GITHUB_STEP_SUMMARY", &["summary.md"]),
    ("RAYON_NUM_THREADS", &["1", "2"]),
];

/// Files that have an effect from where they are, and their contents.
const OTHERS: &[(&str, &[&str])] = &[
    ("t/.gitignore", &["1/\n", "*.yaml\n"]),
    (".git/HEAD", &["ref: refs/heads/main\n"]),
    ("t/Chart.yaml", &["apiVersion: v2\nname: web\n"]),
    (
        "t/0/kustomization.yaml",
        &[
            "resources: [f00.yaml]\npatches: [{path: f03.yaml}]\n",
            "secretGenerator: [{name: settings-0, literals: [a=b]}]\n",
            "configMapGenerator: [{name: settings-1, files: [f06.yaml]}]\n",
        ],
    ),
    (
        "overlays/test/kustomization.yaml",
        &["resources: [../../t]\ntransformers: [fitout.yaml]\n"],
    ),
    (
        "overlays/test/fitout.yaml",
        &[
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata:\n  name: test\n  annotations:\n    config.kubernetes.io/function: \"exec: {path: ./fitout}\"\n",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata:\n  name: test\n",
        ],
    ),
    (
        "crds/a.yaml",
        &[
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\nspec: {group: example.com, scope: Namespaced, names: {kind: A, plural: as}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, required: [size], properties: {size: {type: integer}}}}}}}]}\n",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: as.example.com}\nspec: {group: example.com, scope: Namespaced, names: {kind: A, plural: as}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: string}}}}}}}]}\n",
        ],
    ),
    (
        "t/2/a.yaml",
        &["apiVersion: example.com/v1\nkind: A\nmetadata: {name: a}\nspec: {size: x}\n"],
    ),
    ("t/notes.txt", &["nothing\n"]),
    (
        "t/1/secret.yaml",
        &[
            "apiVersion: v1\nkind: Secret\nmetadata: {name: settings-2, namespace: shop}\nstringData: {password: hunter2}\n",
        ],
    ),
    (
        "t/1/broken.yaml",
        &["apiVersion: v1\nkind: Pod\nmetadata: [1\n"],
    ),
];

/// A replacement of text somewhere in a file.
const EDITS: &[(&str, &str)] = &[
    ("nginx:1.27", "nginx:1.28"),
    ("name: main", "name: app"),
    ("replicas: 1", "replicas: 5"),
    ("app: web-0", "app: other"),
    ("targetPort: 8080", "targetPort: 9090"),
    ("namespace: shop", "namespace: pay"),
    ("kind: ServiceAccount", "kind: ConfigMap"),
    ("pods: 3", "pods: 1"),
    ("profile: restricted", "profile: baseline"),
    ("cpu: 100m", "cpu: 150m"),
    ("rules: [FIT-NET004]", "rules: [FIT-NET004, FIT-PRB001]"),
    ("reason: the", "expires: 2028-01-01\n    reason: the"),
    (
        "environment: test",
        "environment: test\n  checks: {severity: {FIT-PRB001: Error}, definitions: [crds]}",
    ),
    ("# kept", "# changed"),
];

impl World {
    fn new() -> World {
        let objects = (0..14).map(|at| (format!("t/{}/f{at:02}.yaml", at % 3), object(at)));
        let config = [("config.yaml".to_owned(), CONFIG.to_owned())];
        World {
            files: objects.chain(config).collect(),
            arguments: FLAGS[0].to_vec(),
            variables: BTreeMap::new(),
        }
    }

    fn change(&mut self, random: &mut Random) {
        match random.below(10) {
            0..=3 => {
                let (from, to) = random.of(EDITS);
                let (from, to) = if random.below(3) == 0 {
                    (to, from)
                } else {
                    (from, to)
                };
                let has = self.files.iter().filter(|(_, text)| text.contains(from));
                let names: Vec<String> = has.map(|it| it.0.clone()).collect();
                if !names.is_empty() {
                    let text = self.files.get_mut(random.of(&names)).unwrap();
                    *text = text.replacen(from, to, 1);
                }
            }
            4 => {
                let names: Vec<String> = self.files.keys().cloned().collect();
                let name = random.of(&names);
                if name != "config.yaml" {
                    let text = self.files.remove(name).unwrap();
                    if random.below(2) == 0 {
                        self.files.insert(name.replace("/f", "/moved-"), text);
                    }
                }
            }
            5 => {
                let at = random.below(40);
                self.files
                    .insert(format!("t/{}/f{at:02}.yaml", at % 3), object(at));
            }
            6 => {
                let (name, texts) = random.of(OTHERS);
                let text = random.of(texts);
                if self.files.remove(*name).is_none_or(|it| it != *text) {
                    self.files.insert((*name).to_owned(), (*text).to_owned());
                }
            }
            7 => {
                let (name, values) = random.of(VARIABLES);
                let value = random.of(values);
                if self.variables.remove(name) != Some(value) {
                    self.variables.insert(name, value);
                }
            }
            _ => self.arguments = random.of(FLAGS).to_vec(),
        }
    }

    fn command(&self, folder: &Folder) -> Command {
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        }
        for (name, text) in &self.files {
            folder.write(name, text);
        }
        let mut command = folder.command(&self.arguments);
        command.args(["-c", "config.yaml"]);
        command
            .env("FITOUT_TODAY", "2026-06-01")
            .envs(&self.variables);
        command
    }

    fn run(&self, folder: &Folder, cache: Option<&Path>) -> (Run, BTreeMap<String, String>) {
        let mut command = self.command(folder);
        if let Some(cache) = cache {
            command.env("FITOUT_CACHE_DIR", cache);
        }
        (Run::of(command, b""), files(folder.path()))
    }
}

fn entries(cache: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(cache).unwrap();
    entries.map(|it| it.unwrap().path()).collect()
}

#[test]
fn whatever_changes_a_run_prints_what_it_prints_without() {
    let steps = env::var("FITOUT_STEPS").map_or(60, |it| it.parse().unwrap());
    let threads = 2;
    let walk = |seed: u64| {
        let (folder, cache) = (Folder::with(&[]), Folder::with(&[]));
        let mut random = Random(seed);
        let mut worlds = vec![World::new()];
        let mut repeated = 0;
        for step in 0..steps / threads {
            let mut world = match random.below(3) {
                0 => random.of(&worlds).clone(),
                _ => worlds.last().unwrap().clone(),
            };
            if random.below(5) > 0 {
                world.change(&mut random);
            }
            let known = entries(cache.path());
            let without = world.run(&folder, None);
            let with = world.run(&folder, Some(cache.path()));
            let what = format!(
                "seed {seed} step {step}: {:?} {:?}",
                world.arguments, world.variables
            );
            assert_eq!(without.0.code, with.0.code, "{what}");
            assert_eq!(without.0.stderr, with.0.stderr, "{what}");
            assert_eq!(without.0.stdout, with.0.stdout, "{what}");
            assert_eq!(without.1, with.1, "{what}");
            let is_kept = matches!(with.0.code, Some(0 | 1));
            repeated += usize::from(is_kept && known == entries(cache.path()));
            worlds.push(world);
        }
        for entry in entries(cache.path()) {
            assert!(!fs::read_to_string(entry).unwrap().contains("hunter2"));
        }
        (entries(cache.path()).len(), repeated)
    };
    let walks: Vec<(usize, usize)> = thread::scope(|scope| {
        let walks: Vec<_> = (0..threads as u64)
            .map(|seed| scope.spawn(move || walk(seed)))
            .collect();
        walks.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for (kept, repeated) in walks {
        assert!(
            kept > 10 && repeated > 4,
            "{kept} runs kept, {repeated} repeated"
        );
    }
}

/// A folder, a cache, and the only entry in it.
fn kept(arguments: &[&'static str]) -> (World, Folder, Folder, PathBuf, Run) {
    let (folder, cache) = (Folder::with(&[]), Folder::with(&[]));
    let world = World {
        arguments: arguments.to_vec(),
        ..World::new()
    };
    let (run, _) = world.run(&folder, Some(cache.path()));
    let entry = entries(cache.path()).into_iter().next().unwrap();
    (world, folder, cache, entry, run)
}

/// An entry with another content, as a bug or the owner of the folder could have written it.
fn forge(entry: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(entry).unwrap();
    let content = text.split_once('\n').unwrap().1.replace(from, to);
    let digest = Sha256::digest(content.as_bytes());
    let digest: String = digest.iter().map(|it| format!("{it:02x}")).collect();
    fs::write(entry, format!("{digest}\n{content}")).unwrap();
}

#[test]
fn a_repeated_run_prints_the_entry() {
    for arguments in [
        &["check", "-f", "t"][..],
        &["plan", "-f", "t"],
        &["apply", "-f", "t", "-v"],
    ] {
        let (world, folder, cache, entry, _) = kept(arguments);
        forge(&entry, "web-0", "REPEATED");
        forge(&entry, "cpu: 100m", "cpu: 100m #REPEATED");
        let (run, _) = world.run(&folder, Some(cache.path()));
        assert!(
            run.stdout.contains("REPEATED"),
            "{arguments:?}:\n{}",
            run.stdout
        );
    }
}

#[test]
fn a_damaged_entry_is_replaced() {
    for damage in [
        |_: &str| String::new(),
        |text: &str| text[..text.len() / 2].to_owned(),
        |text: &str| text.replace("web-0", "web-9"),
        |text: &str| format!("{text} "),
    ] {
        let (world, folder, cache, entry, first) = kept(&["check", "-f", "t"]);
        let whole = fs::read_to_string(&entry).unwrap();
        fs::write(&entry, damage(&whole)).unwrap();
        let (run, _) = world.run(&folder, Some(cache.path()));
        assert_eq!(
            (run.code, &run.stdout, &run.stderr),
            (first.code, &first.stdout, &first.stderr)
        );
        assert_eq!(fs::read_to_string(&entry).unwrap(), whole);
        // What has the right digest and is no entry.
        forge(&entry, "[", "{");
        let (run, _) = world.run(&folder, Some(cache.path()));
        assert_eq!(run.stdout, first.stdout);
        assert_eq!(fs::read_to_string(&entry).unwrap(), whole);
    }
}

#[test]
fn only_the_user_reads_and_writes_it() {
    let (world, folder, cache, entry, _) = kept(&["check", "-f", "t"]);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&entry), 0o600);
    let new = cache.path().join("a/b");
    let (run, _) = world.run(&folder, Some(&new));
    assert_eq!((mode(&new), run.stderr.as_str()), (0o700, ""));
    assert_eq!(entries(&new).len(), 1);
    fs::set_permissions(&new, fs::Permissions::from_mode(0o777)).unwrap();
    let (run, _) = world.run(&folder, Some(&new));
    run.refused(
        "writable by others",
        2,
        &["others can write to it", "chmod 700"],
    );
    for inside in ["t/new", "new", "t", "."] {
        let (run, files) = world.run(&folder, Some(Path::new(inside)));
        run.refused(
            inside,
            2,
            &["the authors of manifests", "outside the repository"],
        );
        assert_eq!(files.keys().filter(|it| it.contains("new")).count(), 0);
        assert!(!folder.path().join("new").exists());
    }
    folder.write("file", "");
    let mut command = folder.command(&["check", "-f", "t", "-c", "config.yaml", "--cache-dir"]);
    command.arg(entry);
    Run::of(command, b"").refused("a file", 2, &["cannot use", "as a cache"]);
}

#[test]
fn streams_builds_and_git_are_not_kept() {
    let (world, folder, cache, _, _) = kept(&["check", "-f", "t"]);
    let mut command = world.command(&folder);
    command
        .env("FITOUT_CACHE_DIR", cache.path())
        .args(["-f", "-"]);
    let run = Run::of(command, object(0).as_bytes());
    assert!(run.code.is_some_and(|it| it < 2), "{}", run.stderr);
    assert_eq!(entries(cache.path()).len(), 1);
    for other in [&["-k", "t"][..], &["-f", "t", "--since", "HEAD"]] {
        let mut arguments = vec!["check", "--cache-dir", "/tmp/none"];
        arguments.extend(other);
        let run = folder.run(&arguments);
        run.refused("with --cache-dir", 2, &["cannot be used with"]);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_said_and_does_not_fail_the_run() {
    let (world, folder, cache, entry, first) = kept(&["check", "-f", "t"]);
    fs::remove_file(&entry).unwrap();
    // A folder in the place of the entry: also the superuser cannot write it.
    fs::create_dir(&entry).unwrap();
    let (run, _) = world.run(&folder, Some(cache.path()));
    assert_eq!((run.code, run.stdout), (first.code, first.stdout));
    assert!(
        run.stderr.contains("warning: cannot write to the cache"),
        "{}",
        run.stderr
    );
    assert_eq!(entries(cache.path()).len(), 1);
}

#[test]
fn what_was_not_used_for_the_longest_time_goes() {
    let (world, folder, cache, entry, _) = kept(&["check", "-f", "t"]);
    let (mut small, kept) = (0, entries(cache.path()));
    for at in 0..250_u64 {
        let file = cache.path().join(format!("fitout-{at:064}"));
        fs::write(&file, "").unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
        fs::File::options()
            .append(true)
            .open(&file)
            .unwrap()
            .set_modified(time)
            .unwrap();
        small += 1;
    }
    fs::write(cache.path().join("mine"), "").unwrap();
    let mut other = world.clone();
    other.arguments.push("-q");
    other.run(&folder, Some(cache.path()));
    let left = entries(cache.path());
    assert_eq!(left.len(), 201, "of {small}");
    assert!(left.contains(&cache.path().join("mine")) && left.is_superset(&kept));
    assert!(left.contains(&cache.path().join(format!("fitout-{:064}", 249))));
    assert!(!left.contains(&cache.path().join(format!("fitout-{:064}", 0))));
    assert!(entry.exists());
}

#[test]
fn runs_at_the_same_time_do_not_disturb_each_other() {
    let (cache, first) = (Folder::with(&[]), kept(&["check", "-f", "t"]).4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let folder = Folder::with(&[]);
                for _ in 0..3 {
                    let (run, _) = World::new().run(&folder, Some(cache.path()));
                    assert_eq!(
                        (run.stdout, run.stderr),
                        (first.stdout.clone(), first.stderr.clone())
                    );
                }
            });
        }
    });
    assert_eq!(entries(cache.path()).len(), 4);
}

/// What is asked of the environment is in the key, has no effect on what is printed, or is asked by other commands only.
#[test]
fn every_variable_is_accounted_for() {
    const KNOWN: &[&str] = &[
        // In the key: the configs, the date, the width and the colors.
        "FITOUT_CONFIG", "FITOUT_ENV", "FITOUT_TODAY", "COLUMNS", "NO_COLOR", "CLICOLOR_FORCE",
        "TERM",                // Ends the recording.
        "GITHUB_STEP_SUMMARY", // No effect on what is printed.
        "RAYON_NUM_THREADS", "CI", "FITOUT_CACHE_DIR", "PATH",
        // Of Helm's post-renderer, which reads a stream, and of the function.
        "HELM_PLUGINS", "HELM_PLUGIN_NAME", "FITOUT_OUTPUT", // Of tests.
        "UPDATE_GOLDEN", "CONFORMANCE_SEED", "FITOUT_SEEDS",
    ];
    let pattern = regex::Regex::new(r#"(?:variable|var|var_os|set)\("([A-Z_]+)"\)"#).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (file, text) in files(&root) {
        // Commands without a cache, and tests.
        if ["/cli/doctor/", "/cli/init/", "/cli/preflight/"]
            .iter()
            .any(|it| file.contains(it))
        {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap();
        for found in pattern.captures_iter(text) {
            assert!(
                KNOWN.contains(&&found[1]),
                "{file} asks for {}: add it to `Key::of` in src/cli/cache.rs, and here",
                &found[1]
            );
        }
    }
}
