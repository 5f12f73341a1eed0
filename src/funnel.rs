//! The funnel: applies severities, disabled rules, exemptions and deduplication to every finding, in one place.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use kustomize_krm_types::Severity;

use crate::config::Config;
use crate::finding::{Exempted, Finding, Grant, Subject};
use crate::hashing::{HashMap, HashSet};
use crate::parallel::append;
use crate::rules::{CMP001, Rule, When, rules};
use crate::select::{AppliedExemption, EXEMPT, SKIP, Selected, Selection, Source};

rules! {
    pub RULES;
    /// An exemption that covers nothing is probably misspelt or no longer needed, and would cover what comes later.
    UNUSED: "FIT-EXM003" Warning Always "an exemption that covers nothing";
}

/// Collects findings.
#[derive(Debug)]
pub struct Funnel<'c> {
    config: &'c Config<'c>,
    /// The lowest severity that counts; `None` for all.
    lowest: Option<Severity>,
    findings: Vec<Finding>,
}

/// What a finding is about: its rule, object and field. There are many, so they are not copied.
struct About<'f>(&'f Finding);

impl<'f> About<'f> {
    fn field(&self) -> (Option<usize>, Option<&'f str>) {
        let pointer = self.0.pointer.as_ref();
        (self.0.resource, pointer.map(|it| it.as_str()))
    }
}

impl PartialEq for About<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.field() == other.field() && self.0.rule.id == other.0.rule.id
    }
}

impl Eq for About<'_> {}

impl Hash for About<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.field().hash(state);
        self.0.rule.id.hash(state);
    }
}

/// The outcome of a run.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The findings to report.
    pub findings: Vec<Finding>,
    /// The findings that an exemption covers.
    pub exempted: Vec<Exempted>,
    /// The exemptions in effect, object by object.
    pub grants: Vec<Grant>,
}

impl<'c> Funnel<'c> {
    /// An empty funnel.
    pub fn new(config: &'c Config<'c>) -> Funnel<'c> {
        let checks = &config.checks;
        // Whether an exemption covers anything is known only if every rule runs.
        let unused = checks.severity_of(UNUSED.id, UNUSED.severity);
        let lowest = checks.read_from;
        Funnel {
            config,
            lowest: lowest.filter(|lowest| unused.is_none_or(|it| it < *lowest)),
            findings: Vec::new(),
        }
    }

    /// Whether a rule applies in this run and is not disabled.
    pub fn runs(&self, rule: &Rule) -> bool {
        let is_due = rule.when == When::Always || self.config.validate_only;
        is_due && self.config.checks.runs(rule)
    }

    /// The same, if it can have a finding that counts.
    pub fn asks(&self, rule: &Rule) -> bool {
        let counts = |lowest| {
            let highest = self.severity_of(rule, rule.severity);
            highest.is_some_and(|it| it >= lowest)
        };
        self.runs(rule) && self.lowest.is_none_or(counts)
    }

    /// The configured severity of a finding; `None` if its rule is disabled.
    pub fn severity_of(&self, rule: &Rule, own: Severity) -> Option<Severity> {
        self.config.checks.severity_of(rule.id, own)
    }

    /// Adds findings in parts, each of which is freed before the next one is copied.
    pub fn extend_all(&mut self, parts: Vec<Vec<Finding>>) {
        self.findings
            .reserve_exact(parts.iter().map(Vec::len).sum());
        parts
            .into_iter()
            .for_each(|part| self.findings.extend(part));
    }

    /// The findings, with room for those of so many objects: a list that grows is copied, and takes twice the memory. The
    /// room that is not used is never touched, and takes none.
    pub fn with_room_for(&mut self, objects: usize) -> &mut Vec<Finding> {
        /// Most objects have fewer.
        const MANY: usize = 4;
        self.findings.reserve(MANY * objects);
        &mut self.findings
    }

    /// Adds findings.
    pub fn extend(&mut self, findings: Vec<Finding>) {
        append(&mut self.findings, findings);
    }

    /// Whether each finding repeats an earlier one: the same rule about the same field of the same object. Findings
    /// without a field are not duplicates of one another.
    fn duplicates(&self) -> Vec<bool> {
        let mut seen = HashSet::with_capacity_and_hasher(self.findings.len(), <_>::default());
        let findings = self.findings.iter();
        let repeats =
            findings.map(|finding| finding.pointer.is_some() && !seen.insert(About(finding)));
        repeats.collect()
    }

    /// The fields that other findings follow from, with the highest severity of the findings about each.
    fn severities(&self) -> HashMap<(Option<usize>, String), Severity> {
        let mut severities = HashMap::default();
        let causes = self.findings.iter().filter_map(|it| {
            let cause = it.cause.as_ref()?;
            Some((it.resource, cause.as_str()))
        });
        let causes: HashSet<(Option<usize>, &str)> = causes.collect();
        if causes.is_empty() {
            return severities;
        }
        for finding in self.findings.iter().filter(|it| it.cause.is_none()) {
            let severity = self.severity_of(finding.rule, finding.severity);
            let severity = severity.filter(|_| self.asks(finding.rule));
            if let (Some(pointer), Some(severity)) = (&finding.pointer, severity) {
                // One about an item of a list is also about the list.
                let pointer = pointer.as_str();
                let list = pointer.rsplit_once('/');
                let list = list.filter(|(_, item)| item.parse::<usize>().is_ok());
                let fields = [Some(pointer), list.map(|(list, _)| list)];
                let fields = fields.into_iter().flatten();
                for field in fields.filter(|it| causes.contains(&(finding.resource, *it))) {
                    let known = severities
                        .entry((finding.resource, field.to_owned()))
                        .or_insert(severity);
                    *known = severity.max(*known);
                }
            }
        }
        severities
    }

    /// The outcome for all findings.
    pub fn finish(mut self, selection: &Selection<'_, '_>) -> Verdict {
        let mut verdict = Verdict::default();
        let duplicates = self.duplicates();
        let severities = self.severities();
        let mut selected = selection.selected.iter();
        let has_exemptions = selected.any(|it| !it.exemptions.is_empty());
        // The first finding about each image, by its place in the verdict.
        let mut images: HashMap<(&'static str, Arc<str>), (usize, usize)> = HashMap::default();
        // Those to report move to the front: there are many, and a second list of them is large.
        let mut findings = std::mem::take(&mut self.findings);
        let mut kept = 0;
        for (at, is_duplicate) in duplicates.into_iter().enumerate() {
            let finding = &mut findings[at];
            let exemption = match has_exemptions {
                true => exemption_of(finding, selection),
                false => None,
            };
            // An exempt field is not written, whether or not its rule runs.
            let keeps_field = finding
                .decision
                .as_ref()
                .is_some_and(|it| it.exemption.is_some());
            if let Some(exemption) = exemption.filter(|_| keeps_field) {
                exemption.is_used.store(true, Relaxed);
            }
            let severity = self.severity_of(finding.rule, finding.severity);
            let Some(severity) = severity.filter(|_| !is_duplicate && self.asks(finding.rule))
            else {
                continue;
            };
            // One cause is one finding.
            let cause = finding.cause.take();
            let cause = cause.map(|it| (finding.resource, it.as_str().to_owned()));
            if cause.is_some_and(|it| severities.get(&it).is_some_and(|it| *it >= severity)) {
                if let Some(exemption) = exemption {
                    exemption.is_used.store(true, Relaxed);
                }
                continue;
            }
            match exemption {
                None => {
                    finding.severity = severity;
                    let image = finding.image.clone().map(|image| (finding.rule.id, image));
                    let first = image.map(|image| images.entry(image).or_insert((kept, 0)));
                    match first {
                        Some((first, more)) if *first < kept => {
                            *more += 1;
                            if findings[*first].severity < severity {
                                findings.swap(*first, at);
                            }
                        }
                        _ => {
                            if kept != at {
                                findings.swap(kept, at);
                            }
                            kept += 1;
                        }
                    }
                }
                Some(exemption) => {
                    exemption.is_used.store(true, Relaxed);
                    exemption.waived.fetch_add(1, Relaxed);
                    let nothing = Finding::new(&UNUSED, "");
                    verdict.exempted.push(Exempted {
                        finding: std::mem::replace(finding, nothing),
                        reason: exemption.reason.clone(),
                        until: exemption.until.clone(),
                    });
                }
            }
        }
        findings.truncate(kept);
        verdict.findings = findings;
        for (first, more) in images.into_values().filter(|(_, more)| *more > 0) {
            let message = &mut verdict.findings[first].message;
            *message += &format!(" ({} containers)", more + 1);
        }
        let selected = selection.selected.iter();
        verdict.grants = selected.flat_map(|it| grants(self.config, it)).collect();
        let graded = |mut finding: Finding| {
            finding.severity = self.severity_of(finding.rule, finding.severity)?;
            Some(finding)
        };
        let unused = unused(self.config, selection).into_iter();
        verdict.findings.extend(unused.filter_map(graded));
        verdict
    }
}

/// The exemption that covers a finding: the one that kept its leaf from being written, or one that names the rule or the
/// leaf that fixes it.
fn exemption_of<'s>(
    finding: &Finding,
    selection: &'s Selection<'_, '_>,
) -> Option<&'s AppliedExemption<'s>> {
    let exemptions = &selection.selected_at(finding.resource?)?.exemptions;
    match finding.decision.as_ref().and_then(|it| it.exemption) {
        Some(index) => exemptions.get(index),
        None => exemptions.covering(finding),
    }
}

/// What an object is exempt from.
fn grants(config: &Config<'_>, selected: &Selected<'_, '_>) -> Vec<Grant> {
    let mut grants = Vec::new();
    let author = selected.author.as_ref();
    if let Some(author) = author.filter(|it| !it.skipped.is_empty()) {
        grants.push(Grant {
            resource: selected.index,
            from: author.skipped.iter().map(|it| (*it).to_owned()).collect(),
            reason: author.skip_reason.clone(),
            until: author.skip_until.clone(),
            by: SKIP.to_owned(),
            place: None,
            waived: 0,
        });
    }
    for exemption in selected
        .exemptions
        .iter()
        .filter(|it| it.is_used.load(Relaxed))
    {
        let (by, place) = match exemption.source {
            Source::Annotation => (EXEMPT.to_owned(), None),
            Source::Config(index) => {
                let exemption = &config.exemptions[index];
                (exemption.path.clone(), exemption.place.clone())
            }
        };
        let container = exemption.container_name();
        let container = container.map_or(String::new(), |name| format!("{name}:"));
        grants.push(Grant {
            resource: selected.index,
            from: exemption
                .words()
                .map(|word| format!("{container}{word}"))
                .collect(),
            reason: exemption.reason.clone(),
            until: exemption.until.clone(),
            by,
            place,
            waived: exemption.waived.load(Relaxed),
        });
    }
    grants
}

/// Exemptions that cover nothing.
fn unused(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = selection
        .selected
        .iter()
        .flat_map(|it| it.exemptions.iter());
    let used = all
        .filter(|it| it.is_used.load(Relaxed))
        .filter_map(|it| match it.source {
            Source::Config(index) => Some(index),
            Source::Annotation => None,
        });
    let used: HashSet<usize> = used.collect();
    for (index, exemption) in config.exemptions.iter().enumerate() {
        // FIT-EXM002 reports it.
        if exemption.has_ended(config.today.as_ref()) {
            continue;
        }
        // A run of one environment does not compare.
        let is_for_comparisons = exemption.rules.iter().any(|it| it == CMP001.id);
        if !used.contains(&index) && !is_for_comparisons {
            let message = format!("{} covers nothing: {}", exemption.path, exemption.reason);
            findings.push(
                Finding::graded(&UNUSED, Severity::Info, message)
                    .help("remove it if no system that shares this config needs it"),
            );
        }
    }
    for selected in &selection.selected {
        let by_author = selected.exemptions.iter();
        let by_author =
            by_author.filter(|it| it.source == Source::Annotation && !it.is_used.load(Relaxed));
        for word in by_author.flat_map(AppliedExemption::words) {
            let message = format!("`{word}` in the annotation {EXEMPT} covers nothing");
            findings.push(
                Finding::new(&UNUSED, message)
                    .of(selected.index)
                    .about(&Subject::metadata(), &["annotations", EXEMPT])
                    .help("remove it: it has no effect"),
            );
        }
    }
    findings
}
