//! Which objects a run is about: `-l`, `-n`, `--since` and `--shard`.
//!
//! Everything is read and decided, because what is right for one object depends on others. Then changes and findings of other
//! objects are left out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use fitout::config::Config;
use fitout::finding::Finding;
use fitout::kubernetes::LabelSelector;
use fitout::objects::SkipReason;
use fitout::problem::Problems;
use fitout::read::{Origin, OriginLines, Resource, is_object};
use fitout::report::{Fitted, Report, ShardOf};
use fitout::yaml::{Node, Stream};
use kustomize_krm_types::Severity;

use super::files::is_manifest;
use super::inputs::{Manifests, shown};
use super::output::Output;
use super::shard::{Hash, Shard};
use super::{Failure, Source, WRONG_USE};

/// The objects that a run is about.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Chosen {
    /// Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<LabelSelector>,
    /// Only objects in this namespace; those that name none are in `default`
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Only what the files cause that differ from this commit of git, or from where the branch left it: changes and findings
    /// in them, and those that are new elsewhere. Everything, if the config differs
    #[arg(long, value_name = "REF", conflicts_with = "kustomization")]
    since: Option<String>,
    /// Only the files of one of N shards, counted from 0: `--shard 0/8` to `--shard 7/8` share the work of one run. All files
    /// are read, since decisions depend on others; `merge-reports` merges their reports
    #[arg(long, value_name = "I/N", conflicts_with = "kustomization")]
    pub(super) shard: Option<Shard>,
}

impl Chosen {
    pub(super) fn is_everything(&self) -> bool {
        self.selector.is_none()
            && self.namespace.is_none()
            && self.since.is_none()
            && self.shard.is_none()
    }

    /// Whether former texts are asked of git.
    pub(super) fn asks_git(&self) -> bool {
        self.since.is_some()
    }

    /// Whether the labels and the namespace of an object match.
    fn names(&self, resource: &Resource<'_>) -> bool {
        let namespace = resource.namespace.as_deref().unwrap_or("default");
        self.namespace.as_deref().is_none_or(|it| it == namespace)
            && self
                .selector
                .as_ref()
                .is_none_or(|it| it.matches(|name| resource.label(name)))
    }
}

/// The chosen objects of an input.
#[derive(Debug)]
pub(super) struct Focus {
    chosen: Chosen,
    /// The input as it was, if the run is only about what has changed since.
    before: Option<Before>,
    /// For each text whether it is in the shard, and what all shards have in common.
    shard: Option<(Vec<bool>, String)>,
}

/// The files that differ from a commit.
#[derive(Debug)]
struct Before {
    /// For each text whether it differs, and its former documents.
    texts: Vec<Option<Option<Stream>>>,
    /// Files that are gone.
    gone: Vec<Stream>,
}

impl Focus {
    /// Finds what has changed, and refuses a choice that no object fits: a wrong label must not look like success.
    pub(super) fn of(
        chosen: &Chosen,
        source: &Source,
        configs: &[PathBuf],
        manifests: &Manifests,
        resources: &[Resource<'_>],
    ) -> Result<Focus, Failure> {
        let mut focus = Focus {
            chosen: chosen.clone(),
            before: None,
            shard: None,
        };
        focus.refuse_none(resources)?;
        if let Some(shard) = chosen.shard {
            let texts = &manifests.texts;
            if texts.iter().any(|it| it.file.is_none()) {
                return Err(Failure::new(
                    WRONG_USE,
                    "error: --shard divides files, and a stream cannot be divided",
                )
                .note("  = help: write it to files, one for each object"));
            }
            let own = texts.iter().map(|it| shard.has(it.key)).collect();
            focus.shard = Some((own, of_all_shards(configs, manifests)));
        }
        if let Some(reference) = &chosen.since {
            focus.before = Before::of(reference, source, configs, manifests)?;
        }
        Ok(focus)
    }

    /// The focus on objects of a build.
    pub(super) fn of_build(chosen: &Chosen, resources: &[Resource<'_>]) -> Result<Focus, Failure> {
        let focus = Focus {
            chosen: chosen.clone(),
            before: None,
            shard: None,
        };
        focus.refuse_none(resources)?;
        Ok(focus)
    }

    fn refuse_none(&self, resources: &[Resource<'_>]) -> Result<(), Failure> {
        let named = &self.chosen;
        if named.selector.is_none() && named.namespace.is_none()
            || resources.is_empty()
            || resources.iter().any(|it| named.names(it))
        {
            return Ok(());
        }
        let count = resources.len();
        let flags = match (&named.selector, &named.namespace) {
            (Some(_), Some(_)) => "-l and -n",
            (Some(_), None) => "-l",
            _ => "-n",
        };
        let message = format!("error: none of the {count} objects matches {flags}");
        let mut namespaces: Vec<&str> = resources
            .iter()
            .map(|it| it.namespace.as_deref().unwrap_or("default"))
            .collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces.truncate(10);
        Err(Failure::new(WRONG_USE, message).note(format_args!(
            "  = help: -l compares the labels of objects, not those of their pods; their namespaces are {}",
            namespaces.join(", ")
        )))
    }

    /// Leaves out what is not chosen; returns whether other shards have errors.
    pub(super) fn narrow(
        &self,
        fitted: &mut Fitted,
        config: &Config<'_>,
        resources: &[Resource<'_>],
    ) -> Result<bool, Problems> {
        self.narrow_to_chosen(fitted, config, resources)?;
        let Some((own, _)) = &self.shard else {
            return Ok(false);
        };
        // What is about no object is reported once.
        let is_first = self.chosen.shard.is_some_and(|it| it.index == 0);
        let is_own = |it: &Finding| it.resource.map_or(is_first, |it| own[resources[it].text]);
        let is_error = |it: &&Finding| it.severity == Severity::Error;
        let errors = fitted.findings.iter().filter(is_error);
        let has_others = errors.clone().any(|it| !is_own(it));
        let findings: Vec<bool> = fitted.findings.iter().map(is_own).collect();
        let objects: Vec<bool> = resources.iter().map(|it| own[it.text]).collect();
        fitted.choose(&objects, Some(&findings), SkipReason::OtherShard);
        Ok(has_others)
    }

    fn narrow_to_chosen(
        &self,
        fitted: &mut Fitted,
        config: &Config<'_>,
        resources: &[Resource<'_>],
    ) -> Result<(), Problems> {
        let Chosen {
            selector,
            namespace,
            since,
            ..
        } = &self.chosen;
        if selector.is_none() && namespace.is_none() && since.is_none() {
            return Ok(());
        }
        let mut chosen: Vec<bool> = resources.iter().map(|it| self.chosen.names(it)).collect();
        let mut new = None;
        if let Some(before) = &self.before {
            let old_resources = before.resources(resources);
            // A build that was broken has no findings to compare with.
            let old = fitout::fit(config, &old_resources, None).unwrap_or_default();
            let known: HashSet<String> = old
                .findings
                .iter()
                .map(|it| key(it, &old_resources))
                .collect();
            let changes = |fitted: &Fitted, resources: &[Resource<'_>]| -> Vec<String> {
                let of = |it: &fitout::edit::Change| {
                    let resource = &resources[it.resource];
                    format!(
                        "{:?} {} {:?} {:?}",
                        resource.origin.path,
                        resource.display_name(),
                        it.pointer(),
                        it.proposed
                    )
                };
                fitted.changes.iter().map(of).collect()
            };
            let known_changes: HashSet<String> =
                changes(&old, &old_resources).into_iter().collect();
            let mut is_caused: Vec<bool> = resources
                .iter()
                .map(|it| before.texts[it.text].is_some())
                .collect();
            for (change, key) in fitted.changes.iter().zip(changes(fitted, resources)) {
                is_caused[change.resource] |= !known_changes.contains(&key);
            }
            let is_new = |finding: &Finding| {
                let in_changed = finding
                    .resource
                    .is_some_and(|it| before.texts[resources[it].text].is_some());
                let named = finding
                    .resource
                    .is_none_or(|it| self.chosen.names(&resources[it]));
                named && (in_changed || !known.contains(&key(finding, resources)))
            };
            new = Some(fitted.findings.iter().map(is_new).collect::<Vec<bool>>());
            for (chosen, is_caused) in chosen.iter_mut().zip(is_caused) {
                *chosen &= is_caused;
            }
        }
        fitted.choose(&chosen, new.as_deref(), SkipReason::NotChosen);
        Ok(())
    }

    /// Notes in a report that it is about one shard.
    pub(super) fn mark(&self, report: &mut Report) {
        if let (Some(Shard { index, count }), Some((_, run))) = (self.chosen.shard, &self.shard) {
            let run = run.clone();
            report.be_of_shard(ShardOf { index, count, run });
        }
    }

    /// The documents of the chosen objects, of lists only their chosen items. `None` if everything is chosen.
    pub(super) fn documents(
        &self,
        texts: &[String],
        resources: &[Resource<'_>],
    ) -> Option<Vec<String>> {
        if self.chosen.is_everything() {
            return None;
        }
        let mut documents = Vec::new();
        let is_chosen = |it: &Resource<'_>| {
            let is_changed = self
                .before
                .as_ref()
                .is_none_or(|before| before.texts[it.text].is_some());
            let is_own = |(own, _): &(Vec<bool>, String)| own[it.text];
            is_changed && self.shard.as_ref().is_none_or(is_own) && self.chosen.names(it)
        };
        let mut rest = resources;
        for (index, text) in texts.iter().enumerate() {
            let (of_text, others) = rest.split_at(rest.partition_point(|it| it.text <= index));
            rest = others;
            let mut chosen = of_text.iter().map(is_chosen);
            if !of_text.iter().any(is_chosen) {
                continue;
            }
            let Ok(stream) = Stream::parse(text.as_str()) else {
                continue;
            };
            for document in stream.documents().filter(|it| is_object(it.root())) {
                let mut objects = Vec::new();
                // Cannot fail: it succeeded before the edits.
                let _ = Resource::read(document.root(), 0, Origin::default(), &mut objects);
                let chosen: Vec<bool> = objects
                    .iter()
                    .map(|_| chosen.next().unwrap_or(false))
                    .collect();
                if chosen.iter().all(|it| *it) {
                    documents.push(text[document.span()].to_owned());
                } else {
                    let items = objects
                        .iter()
                        .zip(chosen)
                        .filter(|(_, is_chosen)| *is_chosen);
                    documents.extend(items.map(|(it, _)| of_node(it.node, text)));
                }
            }
        }
        Some(documents)
    }
}

/// What tells the shards of a run from those of another: the version, the config and the files.
fn of_all_shards(configs: &[PathBuf], manifests: &Manifests) -> String {
    let mut hash = Hash::default();
    hash.add(env!("CARGO_PKG_VERSION"));
    for config in configs {
        hash.add(&std::fs::read_to_string(config).unwrap_or_default());
    }
    for manifest in &manifests.texts {
        hash.add(&manifest.name);
        // With other arguments, the same file may be in another shard.
        hash.add(&manifest.key.to_string());
    }
    format!("{:016x}", hash.finish())
}

/// An item of a list as a document of its own.
fn of_node(node: Node<'_>, text: &str) -> String {
    let span = node.span();
    let indent = node.position().column - 1;
    let mut document = String::new();
    for (at, line) in text[span].trim_end().split_inclusive('\n').enumerate() {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        document.push_str(if at == 0 {
            line
        } else {
            &line[blanks.min(indent)..]
        });
    }
    document + "\n"
}

/// What a finding is about, without what changes when lines move.
fn key(finding: &Finding, resources: &[Resource<'_>]) -> String {
    let resource = finding.resource.map(|it| &resources[it]);
    let path = resource.and_then(|it| it.origin.path.as_deref());
    let name = resource.map(Resource::display_name);
    let Finding {
        rule,
        message,
        pointer,
        severity,
        ..
    } = finding;
    format!(
        "{} {severity:?} {path:?} {name:?} {pointer:?} {message}",
        rule.id
    )
}

impl Before {
    /// Asks git for the files that differ. `None` if the config does.
    fn of(
        reference: &str,
        source: &Source,
        configs: &[PathBuf],
        manifests: &Manifests,
    ) -> Result<Option<Before>, Failure> {
        let folder = source
            .filenames
            .first()
            .map_or(Path::new("."), |it| it.as_path());
        let folder = if folder.is_dir() {
            folder
        } else {
            folder.parent().unwrap_or(folder)
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let git = |arguments: &[&str]| git(folder, arguments);
        let top = git(&["rev-parse", "--show-toplevel"])?;
        let top = PathBuf::from(String::from_utf8_lossy(&top).trim_end());
        let commit = git(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &format!("{reference}^{{commit}}"),
        ]);
        let commit = commit.map_err(|_| {
            Failure::new(
                WRONG_USE,
                format_args!("error: --since: git knows no commit `{reference}` here"),
            )
            .note("  = help: in CI, fetch it first: `git fetch origin BRANCH`, with enough history")
        })?;
        let commit = String::from_utf8_lossy(&commit).trim_end().to_owned();
        // Where the branch left it; what others have changed there since is not of this branch.
        let base = git(&["merge-base", &commit, "HEAD"]);
        let base = base.map_or(commit, |it| {
            String::from_utf8_lossy(&it).trim_end().to_owned()
        });
        let names = |output: Vec<u8>| -> Vec<String> {
            let names = output.split(|it| *it == 0).filter(|it| !it.is_empty());
            names
                .map(|it| String::from_utf8_lossy(it).into_owned())
                .collect()
        };
        let top_text = top.to_string_lossy().into_owned();
        let mut changed = names(self::git(
            &top,
            &["diff", "--name-only", "--no-renames", "-z", &base, "--"],
        )?);
        changed.extend(names(self::git(
            &top,
            &["ls-files", "--others", "--exclude-standard", "-z"],
        )?));
        let changed: HashSet<PathBuf> = changed.iter().map(|it| top.join(it)).collect();
        let canonical = |it: &Path| it.canonicalize().unwrap_or_else(|_| it.to_owned());
        if configs.iter().any(|it| changed.contains(&canonical(it))) {
            Output::notice("note: the config has changed, so everything is reported");
            return Ok(None);
        }
        let former = |path: &Path| -> Option<Stream> {
            let below = path.strip_prefix(&top).ok()?.to_string_lossy().into_owned();
            let text = self::git(
                Path::new(&top_text),
                &["cat-file", "blob", &format!("{base}:{below}")],
            )
            .ok()?;
            Stream::from_bytes(text).ok()
        };
        let mut known = HashSet::new();
        let texts = manifests.texts.iter().map(|it| {
            // A stream has no history.
            let Some(file) = &it.file else {
                return Some(None);
            };
            let file = canonical(file);
            known.insert(file.clone());
            changed.contains(&file).then(|| former(&file))
        });
        let texts: Vec<Option<Option<Stream>>> = texts.collect();
        let named: Vec<PathBuf> = source.filenames.iter().map(|it| canonical(it)).collect();
        let is_gone = |it: &&PathBuf| {
            !it.exists() && is_manifest(it) && named.iter().any(|named| it.starts_with(named))
        };
        let gone = changed
            .iter()
            .filter(is_gone)
            .filter_map(|it| former(it))
            .collect();
        Ok(Some(Before { texts, gone }))
    }

    /// The objects as they were.
    fn resources<'a>(&'a self, now: &'a [Resource<'a>]) -> Vec<Resource<'a>> {
        let mut resources: Vec<Resource<'a>> = now
            .iter()
            .filter(|it| self.texts[it.text].is_none())
            .cloned()
            .collect();
        let mut add = |stream: &'a Stream, text: usize, path: Option<String>| {
            for (index, document) in stream
                .documents()
                .filter(|it| is_object(it.root()))
                .enumerate()
            {
                let origin = Origin {
                    path: path.clone(),
                    index,
                    lines: OriginLines::OfFile,
                };
                // What could not be read then is not compared with.
                let _ = Resource::read(document.root(), text, origin, &mut resources);
            }
        };
        for (text, stream) in self.texts.iter().enumerate() {
            if let Some(Some(stream)) = stream {
                let first = now.get(now.partition_point(|it| it.text < text));
                let path = first.filter(|it| it.text == text);
                add(stream, text, path.and_then(|it| it.origin.path.clone()));
            }
        }
        for stream in &self.gone {
            add(stream, 0, None);
        }
        resources
    }
}

/// Runs git, which runs no program that the repository configures.
fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .args(arguments);
    let failed = |error: String| {
        Failure::new(
            WRONG_USE,
            format_args!("error: --since needs git and a repository: {error}"),
        )
    };
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => {
            let error = String::from_utf8_lossy(&output.stderr);
            Err(failed(format!(
                "in {}: {}",
                shown(folder),
                error.lines().next().unwrap_or_default()
            )))
        }
    }
}
