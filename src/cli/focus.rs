//! Which objects a run is about: `-l`, `-n`, `--since` and `--shard`.
//!
//! Everything is read and decided, because what is right for one object depends on others. Then changes and findings of other
//! objects are left out.

mod since;

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;
use fitout::config::{Config, Unbuilt};
use fitout::finding::Finding;
use fitout::kubernetes::LabelSelector;
use fitout::objects::SkipReason;
use fitout::problem::Problems;
use fitout::read::{Origin, Resource, is_object};
use fitout::report::{Fitted, Report, ShardOf};
use fitout::yaml::{Node, Stream};
use kustomize_krm_types::Severity;

use super::files::Reader;
use super::inputs::{Found, Manifests};
use super::key::Key;
use super::shard::Shard;
use super::{Failure, Source, WRONG_USE};
use since::Before;

/// The objects that a run is about.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Chosen {
    /// Only objects with these labels, in the syntax of `kubectl -l`. All objects are read, since decisions depend on others
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<LabelSelector>,
    /// Only objects in this namespace; objects without one count as `default`
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Only changes and findings in files that differ from this git commit (or from the merge base with it), and those that
    /// these files cause elsewhere. Everything, if the config differs
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

/// What a run has read.
#[derive(Clone, Copy)]
pub(super) struct Input<'i> {
    pub(super) source: &'i Source,
    /// The configs, and the files and folders that they name.
    pub(super) configs: &'i [PathBuf],
    pub(super) reader: Reader,
    pub(super) found: &'i Found,
    pub(super) manifests: &'i Manifests,
    pub(super) resources: &'i [Resource<'i>],
}

/// What all shards of a divided run have in common.
#[derive(Debug)]
pub(super) struct Divided {
    /// The command, its options and the config.
    pub(super) key: Key,
    /// The digest of each file.
    pub(super) digests: Vec<String>,
    /// Whether it edits the files, so that its shards find edits of one another.
    pub(super) in_place: bool,
}

/// The chosen objects of an input.
#[derive(Debug)]
pub(super) struct Focus {
    chosen: Chosen,
    /// The input as it was, if the run is only about what has changed since.
    before: Option<Before>,
    /// For each text whether it is in the shard, what all shards have in common, and whether their edits belong to that.
    shard: Option<(Vec<bool>, Key, bool)>,
}

impl Focus {
    /// Finds what has changed, and refuses a choice that no object fits: a wrong label must not look like success.
    pub(super) fn of(
        chosen: &Chosen,
        input: &Input<'_>,
        divided: Option<Divided>,
    ) -> Result<Focus, Failure> {
        let mut focus = Focus {
            chosen: chosen.clone(),
            before: None,
            shard: None,
        };
        let texts = &input.manifests.texts;
        focus.refuse_none(input.resources)?;
        if chosen.shard.is_some() && texts.iter().any(|it| it.file.is_none()) {
            return Err(Failure::new(
                WRONG_USE,
                "error: --shard divides files, and a stream cannot be divided",
            )
            .note("  = help: write it to files, one for each object"));
        }
        if let Some(reference) = &chosen.since {
            focus.before = Before::of(reference, input)?;
        }
        if let (Some(shard), Some(divided)) = (chosen.shard, divided) {
            let own = texts.iter().map(|it| shard.has(it.key)).collect();
            let in_place = divided.in_place;
            focus.shard = Some((own, focus.key_of(divided, input), in_place));
        }
        Ok(focus)
    }

    /// Identifies the run that a shard belongs to: all that its shards have in common.
    fn key_of(&self, divided: Divided, input: &Input<'_>) -> Key {
        let Divided {
            mut key,
            mut digests,
            in_place,
        } = divided;
        let Chosen {
            selector,
            namespace,
            since,
            shard: _,
        } = &self.chosen;
        key.add(format!("{selector:?} {namespace:?} {since:?}"));
        if let Some(before) = &self.before {
            key.add(format!("{:?}", before.bases));
        }
        if in_place {
            // Other shards may have edited them or not; what all would make of them is the same.
            let texts = input.manifests.texts.iter();
            texts.for_each(|it| digests[it.at].clear());
        } else if let Some(before) = &self.before {
            let differs = before.texts.iter().map(Option::is_some);
            key.add(format!("{:?}", differs.collect::<Vec<bool>>()));
        }
        key.add_files(input.found, &digests);
        key
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

    /// Runs fitout, and leaves out what is not chosen.
    pub(super) fn fit(
        &self,
        config: &mut Config<'_>,
        resources: &[Resource<'_>],
        function_config: Option<Node<'_>>,
    ) -> Result<Fitted, Problems> {
        let mut fitted = fitout::fit(config, resources, function_config)?;
        // Only `check` knows what is generated.
        let before = self.before.as_ref().filter(|_| config.validate_only);
        let generated = before.map(|it| it.generated.clone());
        let now = generated.map(|it| std::mem::replace(&mut config.generated, it));
        // What is left of it is new.
        let unbuilt = std::mem::take(&mut config.unbuilt);
        self.narrow_to_chosen(&mut fitted, config, resources);
        config.unbuilt = unbuilt;
        if let Some(now) = now {
            config.generated = now;
        }
        self.narrow_to_shard(&mut fitted, resources);
        Ok(fitted)
    }

    /// Leaves out of what only builds have what they had before. It is about no object, so it is reported once.
    pub(super) fn narrow_unbuilt(&self, config: &mut Config<'_>) {
        if self.chosen.shard.is_some_and(|it| it.index != 0) {
            config.unbuilt.clear();
        }
        if let Some(before) = &self.before {
            // Lines may have moved.
            let key = |it: &Unbuilt| format!("{} {} {}", it.adds, it.file, it.text);
            let was: HashSet<String> = before.unbuilt.iter().map(key).collect();
            config.unbuilt.retain(|it| !was.contains(&key(it)));
        }
    }

    /// Leaves out the files of other shards; returns whether these have errors.
    pub(super) fn narrow_to_shard(&self, fitted: &mut Fitted, resources: &[Resource<'_>]) -> bool {
        let Some((own, ..)) = &self.shard else {
            return false;
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
        has_others
    }

    /// Leaves out what is not chosen.
    pub(super) fn narrow_to_chosen(
        &self,
        fitted: &mut Fitted,
        config: &Config<'_>,
        resources: &[Resource<'_>],
    ) {
        let Chosen {
            selector,
            namespace,
            since,
            ..
        } = &self.chosen;
        if selector.is_none() && namespace.is_none() && since.is_none() {
            return;
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
    }

    /// Whether a report of a shard has the edits of all shards in its mark.
    pub(super) fn marks_edits(&self) -> bool {
        matches!(self.shard, Some((_, _, true)))
    }

    /// Notes in a report that it is about one shard, with the new texts of all shards if they edit their files.
    pub(super) fn mark(&self, report: &mut Report, texts: &[String]) {
        if let (Some(Shard { index, count }), Some((_, run, _))) = (self.chosen.shard, &self.shard)
        {
            let mut run = run.clone();
            texts.iter().for_each(|it| run.add(it));
            let run = run.finish();
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
            let is_own = |(own, ..): &(Vec<bool>, Key, bool)| own[it.text];
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
