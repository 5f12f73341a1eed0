//! The fields of one object, as a run decided them.

use std::borrow::Cow;
use std::sync::Arc;

use jsonptr::{Pointer, PointerBuf};

use super::{Effect, ExplainedField, Other, Outcome, Step};
use crate::config::{Config, Exclusions, Leaf, Match, Profile};
use crate::edit::Change;
use crate::finding::{Decision, Finding, Mode, Part, Plain};
use crate::funnel::Verdict;
use crate::hashing::HashMap;
use crate::objects::{Container, Target, Template};
use crate::read::Resource;
use crate::select::{EXEMPT, SKIP, Selected, Source};
use crate::transformers::SettableField;
use crate::yaml::{Node, Value};

/// The run that is explained, and its object.
pub(super) struct Run<'e, 'a> {
    pub(super) config: &'e Config<'e>,
    pub(super) selected: &'e Selected<'e, 'a>,
    pub(super) resource: &'e Resource<'a>,
    /// The findings about each field, waived ones included.
    findings: HashMap<&'e Pointer, Vec<&'e Finding>>,
}

impl<'e, 'a> Run<'e, 'a> {
    pub(super) fn new(
        config: &'e Config<'e>,
        selected: &'e Selected<'e, 'a>,
        resource: &'e Resource<'a>,
        verdict: &'e Verdict,
    ) -> Run<'e, 'a> {
        let waived = verdict.exempted.iter().map(|it| &it.finding);
        let all = verdict.findings.iter().chain(waived);
        let mut findings: HashMap<&Pointer, Vec<&Finding>> = HashMap::default();
        for finding in all.filter(|it| it.resource == Some(selected.index)) {
            if let Some(pointer) = finding.pointer.as_deref() {
                findings.entry(pointer).or_default().push(finding);
            }
        }
        Run {
            config,
            selected,
            resource,
            findings,
        }
    }

    /// A field with or without a change.
    pub(super) fn field(
        &self,
        field: &SettableField,
        pointer: PointerBuf,
        change: Option<&Change>,
    ) -> ExplainedField {
        let node = self
            .node(&pointer)
            .filter(|_| change.is_none_or(|it| !it.appends));
        let authors = node.and_then(|it| it.value().ok());
        let said = field.said.as_ref();
        let decision = change
            .map(|it| &it.decision)
            .or(said.map(|it| &it.decision));
        let outcome = match change {
            Some(change) if change.proposed.is_none() => Outcome::Removed,
            Some(_) if authors.is_some() => Outcome::Changed,
            Some(_) => Outcome::Added,
            None if authors.is_some() => Outcome::Kept,
            None => Outcome::NotSet,
        };
        let findings = self.findings(&pointer);
        let steps = self.steps(field, outcome, decision);
        let reason = match change {
            Some(change) => change.note.as_deref().map(str::to_owned),
            None => Some(self.why_unchanged(field, authors.as_ref(), &steps, &findings)),
        };
        let is_decider = |it: &&Step| matches!(it.effect, Effect::Decides | Effect::Yields);
        let decider = steps.iter().find(is_decider);
        let change_at = decider.map(|it| it.leaf.clone()).or_else(|| {
            // Where a setting would be that nothing has yet.
            let decision = decision.filter(|_| change.is_some());
            Some(match decision {
                Some(decision) => leaf_of(decision),
                None => Leaf {
                    path: format!("spec.{}.{}", field.section, field.settings[0]),
                    value: String::new(),
                    layer: "spec".to_owned(),
                    file: None,
                    position: None,
                },
            })
        });
        let path = named_path(self.resource, &pointer, change);
        let above = named_path(self.resource, &field.subject.path, None);
        ExplainedField {
            short_path: path[above.len()..].trim_start_matches('.').to_owned(),
            path,
            is_inherited: false,
            part: field.subject.part.clone(),
            section: Some(field.section),
            value: match change {
                Some(change) => change.proposed.as_deref().cloned(),
                None => authors.clone(),
            },
            authors_position: node.map(Node::position),
            mode: said.map(|it| it.mode),
            others: self.others(field),
            outcome,
            authors,
            reason,
            steps,
            findings,
            change: change_at,
            pointer,
        }
    }

    /// A change that is in no row of the section's fields.
    pub(super) fn other_change(&self, change: &Change) -> ExplainedField {
        let settings = change
            .decision
            .leaf
            .split_once('.')
            .map_or("", |(_, leaf)| leaf);
        let field = SettableField {
            section: change.rule,
            subject: Arc::clone(&change.subject),
            field: Vec::new(),
            settings: vec![settings.to_owned()],
            modifiers: &[],
            layers: self.selected.layers.iter().map(|(id, _)| *id).collect(),
            said: None,
        };
        ExplainedField {
            mode: Some(change.decision.mode),
            ..self.field(&field, change.pointer(), Some(change))
        }
    }

    fn node(&self, pointer: &Pointer) -> Option<Node<'a>> {
        let node = self.resource.node.pointer(pointer)?;
        (!(node.is_null() || node.is_map() && node.is_empty_collection())).then_some(node)
    }

    fn findings(&self, pointer: &Pointer) -> Vec<Finding> {
        let found = self.findings.get(pointer).into_iter().flatten();
        found.map(|it| (*it).clone()).collect()
    }

    /// The settings that apply, lowest first.
    fn steps(
        &self,
        field: &SettableField,
        outcome: Outcome,
        decision: Option<&Arc<Decision>>,
    ) -> Vec<Step> {
        let (config, section) = (self.config, field.section);
        let is_decider = |leaf: &Leaf| {
            let is_it = |it: &&Arc<Decision>| {
                !it.is_default && it.field == leaf.path && it.position == leaf.position
            };
            decision.filter(is_it).is_some()
        };
        let mut steps: Vec<Step> = Vec::new();
        for setting in field.settings.iter().rev() {
            for leaf in config.each_setting(&field.layers, section, setting) {
                let effect = match (is_decider(&leaf), outcome) {
                    (true, Outcome::Kept) => Effect::Yields,
                    (true, _) => Effect::Decides,
                    (false, _) => Effect::Overruled,
                };
                steps.push(Step { leaf, effect });
            }
        }
        for modifier in field.modifiers {
            for leaf in config.each_setting(&field.layers, section, modifier) {
                let effect = match is_decider(&leaf) {
                    true => Effect::Decides,
                    false => Effect::Modifies,
                };
                steps.push(Step { leaf, effect });
            }
        }
        let modes = config.each_mode(&field.layers, section, &field.settings[0]);
        steps.extend(modes.into_iter().map(|leaf| {
            let effect = match is_decider(&leaf) {
                true => Effect::Decides,
                false => Effect::Mode,
            };
            Step { leaf, effect }
        }));
        // Without positions, as in a ConfigMap, a setting of two layers has the same name: the highest one decides.
        let mut deciders = steps
            .iter_mut()
            .rev()
            .filter(|it| it.effect == Effect::Decides);
        let _ = deciders.next();
        deciders.for_each(|it| it.effect = Effect::Overruled);
        // What else decided, such as the setting that has the default.
        if let Some(decision) = decision.filter(|_| {
            let is_changed = matches!(
                outcome,
                Outcome::Added | Outcome::Changed | Outcome::Removed
            );
            is_changed && steps.iter().all(|it| it.effect != Effect::Decides)
        }) {
            let leaf = leaf_of(decision);
            steps.retain(|it| it.leaf.path != leaf.path || it.leaf.position != leaf.position);
            steps.push(Step {
                leaf,
                effect: Effect::Decides,
            });
        }
        if let Some(exemption) = decision.and_then(|it| self.selected.exemptions.get(it.exemption?))
        {
            let (path, place) = match exemption.source {
                Source::Config(index) => {
                    let exemption = &self.config.exemptions[index];
                    (exemption.path.clone(), exemption.place.clone())
                }
                Source::Annotation => (EXEMPT.to_owned(), None),
            };
            let (file, position) = place.unzip();
            let leaf = Leaf {
                layer: path.clone(),
                value: exemption.reason.clone(),
                path,
                file,
                position,
            };
            steps.push(Step {
                leaf,
                effect: Effect::Exempts,
            });
        }
        steps
    }

    /// Why a field has no change.
    fn why_unchanged(
        &self,
        field: &SettableField,
        authors: Option<&Value>,
        steps: &[Step],
        findings: &[Finding],
    ) -> String {
        let setting = &field.settings[0];
        if self.selected.is_only_checked {
            return "the object is only checked".to_owned();
        }
        if self.selected.skips(field.section) {
            return format!("its author skips {} with {}", field.section, SKIP);
        }
        let Some(said) = &field.said else {
            return format!(
                "no part of the config that applies here has the section {}",
                field.section
            );
        };
        if let Some(exempt) = steps.iter().find(|it| it.effect == Effect::Exempts) {
            return format!("it is exempt: {}", exempt.leaf.value);
        }
        let decider = steps
            .iter()
            .find(|it| matches!(it.effect, Effect::Decides | Effect::Yields));
        let decider = decider.map(|it| &it.leaf);
        let is_same = |leaf: &Leaf| authors.is_some_and(|it| Plain(it).to_string() == leaf.value);
        match (said.mode, authors) {
            (Mode::Off, _) => {
                let is_null = steps.iter().any(|it| it.leaf.value == "null");
                match is_null {
                    true => "a profile sets it to null, which also removes the default".to_owned(),
                    false => "the mode Off ignores it".to_owned(),
                }
            }
            (Mode::Check, _) => "the mode Check sets nothing".to_owned(),
            _ if decider.is_some_and(is_same) => {
                "the manifest has the value of the config".to_owned()
            }
            (_, None) if !findings.is_empty() => findings[0].message.clone(),
            (Mode::Bound, Some(_)) => {
                "the value of the manifest is within `min` and `max`".to_owned()
            }
            (Mode::Bound, None) => {
                "the mode Bound sets nothing that the manifest does not set".to_owned()
            }
            (Mode::Remove, None) => {
                "the mode Remove removes it, and the manifest does not set it".to_owned()
            }
            (Mode::Ensure, Some(_)) if said.is_set => {
                "the mode Ensure keeps the value of the manifest".to_owned()
            }
            (_, Some(_)) if said.is_set => "the manifest has the value of the config".to_owned(),
            (_, Some(_)) => "nothing in the config that applies here sets it".to_owned(),
            (_, None) if said.is_set => {
                format!(
                    "{} leaves it out here; docs/transformers/{0}.md says when",
                    field.section
                )
            }
            (_, None) => format!(
                "nothing in the config that applies here sets {}.{setting}",
                field.section
            ),
        }
    }

    /// The profiles with settings for a field that do not apply to its part.
    fn others(&self, field: &SettableField) -> Vec<Other> {
        let target = self.selected.target;
        let container = target
            .containers()
            .find(|it| it.subject.path == field.subject.path);
        let mut others = Vec::new();
        for profile in &self.config.profiles {
            if field.layers.contains(&profile.layer) {
                continue;
            }
            let layer = [profile.layer];
            let settings = field
                .settings
                .iter()
                .map(String::as_str)
                .chain(field.modifiers.iter().copied());
            let own = settings.flat_map(|it| self.config.each_setting(&layer, field.section, it));
            let leaf = own.last().or_else(|| {
                self.config
                    .each_mode(&layer, field.section, &field.settings[0])
                    .pop()
            });
            let Some(leaf) = leaf else {
                continue;
            };
            others.push(Other {
                profile: profile.name.clone(),
                leaf,
                reason: why_not(profile, target, container),
            });
        }
        others
    }

    /// Names the pod's value where a container has none of its own.
    pub(super) fn name_inherited(&self, fields: &mut [ExplainedField]) {
        const CONTEXT: &str = "securityContext";
        let mut places: HashMap<PointerBuf, usize> = HashMap::default();
        for (at, field) in fields.iter().enumerate() {
            places.entry(field.pointer.clone()).or_insert(at);
        }
        for at in 0..fields.len() {
            let is_of_container = matches!(fields[at].part, Part::Container { .. });
            if !is_of_container || fields[at].value.is_some() {
                continue;
            }
            let Some((_, leaf)) = fields[at].pointer.as_str().rsplit_once(CONTEXT) else {
                continue;
            };
            let end = format!("{CONTEXT}{leaf}");
            let template = self.selected.target.templates.iter().find(|it| {
                let pointer = fields[at].pointer.as_str();
                pointer.starts_with(it.pod.path.as_str())
            });
            let Some(template) = template else {
                continue;
            };
            let of_pod = PointerBuf::parse(format!("{}/{end}", template.pod.path)).ok();
            let pods = of_pod.and_then(|it| fields.get(*places.get(&it)?));
            if let Some((path, value)) =
                pods.and_then(|it| Some((it.path.clone(), it.value.clone()?)))
            {
                let value = Plain(&value).to_string();
                fields[at].reason = Some(format!("{path} of the pod applies: {value}"));
                fields[at].is_inherited = true;
            }
        }
    }
}

/// Why a profile does not apply to an object, or to one of its containers.
fn why_not(profile: &Profile, target: &Target<'_>, container: Option<&Container<'_>>) -> String {
    let (resource, templates): (_, &[Template<'_>]) = (target.resource, &target.templates);
    if let Some(reason) = profile.select.why_not(resource, templates) {
        return reason;
    }
    if is_excluded(&profile.exclude, resource, templates, container) {
        return "its `exclude` matches".to_owned();
    }
    match container {
        Some(container) => profile.select.why_not_container(container),
        None => None,
    }
    .unwrap_or_else(|| {
        "it selects containers, and this is a field of the pod or the object".to_owned()
    })
}

fn is_excluded(
    exclude: &Exclusions,
    resource: &Resource<'_>,
    templates: &[Template<'_>],
    container: Option<&Container<'_>>,
) -> bool {
    let matching = exclude.of(resource, templates).into_iter();
    let mut matching = matching.filter(|(_, found)| *found == Match::Yes);
    matching.any(|(selector, _)| {
        selector.containers.is_none() || container.is_some_and(|it| selector.matches_container(it))
    })
}

/// A decision as a setting.
fn leaf_of(decision: &Decision) -> Leaf {
    Leaf {
        path: decision.field.clone(),
        value: match decision.is_default {
            true => "(default)".to_owned(),
            false => String::new(),
        },
        layer: decision
            .profile
            .clone()
            .unwrap_or_else(|| "spec".to_owned()),
        file: decision.file.clone(),
        position: decision.position,
    }
}

/// The name of an item of a list, such as a container or a claim template.
pub fn name_of_item<'a>(item: Node<'a>) -> Option<Cow<'a, str>> {
    let name = item.text_at(["name"]);
    name.or_else(|| item.text_at(["metadata", "name"]))
}

/// The path of a field, with names instead of indices where items have names.
pub(super) fn named_path(
    resource: &Resource<'_>,
    pointer: &Pointer,
    change: Option<&Change>,
) -> String {
    let mut path = String::new();
    let mut node = Some(resource.node);
    for token in pointer.tokens() {
        let key = token.decoded();
        let of_list = node.is_some_and(Node::is_sequence);
        node = node.and_then(|node| match node.is_sequence() {
            true => node.item(key.parse().ok()?),
            false => node.get(&key),
        });
        let is_index = of_list
            || node.is_none() && key.bytes().all(|it| it.is_ascii_digit()) && !key.is_empty();
        let name = node.filter(|_| is_index).and_then(name_of_item);
        let new = change.filter(|it| it.appends && is_index && node.is_none());
        let new = new.and_then(|change| match change.proposed.as_deref()? {
            Value::Mapping(entries) => {
                let name = entries
                    .iter()
                    .find(|(key, _)| key == "name")
                    .map(|(_, value)| value)?;
                Some(Plain(name).to_string())
            }
            _ => None,
        });
        match (is_index, name) {
            (true, Some(name)) => path.extend(["[", &name, "]"]),
            (true, None) => path.extend(["[", new.as_deref().unwrap_or(&key), "]"]),
            (false, _) if key.contains(['.', '/']) => path.extend(["[\"", &key, "\"]"]),
            (false, _) if path.is_empty() => path.push_str(&key),
            (false, _) => path.extend([".", &key]),
        }
    }
    path
}
