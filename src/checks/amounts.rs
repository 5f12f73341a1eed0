//! FIT-RES002, 004, 005, 006, 010, 011 and 021: requests and limits of containers that the API server rejects, that the config
//! does not allow, or that are probably typos.
//!
//! The containers are those that `resources` selects, with the edits of the config. Amounts with the mode `Off` are skipped.

mod bounds;
mod heaps;
mod refused;
mod suspicious;

use std::borrow::Cow;
use std::cell::OnceCell;

use kustomize_krm_types::Severity;

use super::{Check, Find, Pod};
use crate::config::Section;
use crate::facts::{Declared, HALVES, Half, View};
use crate::finding::{Finding, Mode, Part};
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::rules::Rule;
use crate::transformers::resources::Resources;
use crate::yaml::{Node, Value};

pub(super) const CHECK: Check = Check {
    name: "amounts",
    rules: &[
        refused::PAIR,
        bounds::RATIO,
        refused::DEVICE,
        suspicious::UNLIKELY,
        bounds::OUTSIDE,
        suspicious::NULL,
        heaps::HEAP,
    ],
    find: &[Find::Pods(find)],
};

fn find(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(scope) = pod.resources() else {
        return findings;
    };
    for (container, section) in scope.containers(pod.template) {
        let Some(resources) = pod.resources_of(container) else {
            continue;
        };
        let halves = resources.pick(&HALVES);
        let amounts = Amounts {
            container,
            section: &section,
            halves,
            declared: OnceCell::new(),
            written: written(container, &section, halves),
        };
        findings.extend(suspicious::find(&amounts));
        findings.extend(refused::pairs(&amounts));
        findings.extend(bounds::find(&amounts));
        findings.extend(refused::devices(&amounts));
        findings.extend(heaps::find(&amounts));
    }
    findings
}

/// The amounts of a container.
struct Amounts<'p, 'a> {
    container: &'p Container<'a>,
    section: &'p Section<'p, Resources>,
    /// The requests and the limits.
    halves: [Option<View<'p>>; 2],
    declared: OnceCell<Declared<'p>>,
    /// The amounts in the manifest that the edits leave, requests first.
    written: Vec<Written<'p>>,
}

/// An amount in the manifest.
struct Written<'a> {
    half: Half,
    name: Cow<'a, str>,
    node: Node<'a>,
    /// Its text.
    text: Cow<'a, str>,
}

impl Written<'_> {
    fn quantity(&self) -> Option<Quantity> {
        let node = Some(self.node).filter(|node| !node.is_null())?;
        Quantity::of_node(node).ok()
    }
}

fn written<'p>(
    container: &Container<'p>,
    section: &Section<'_, Resources>,
    halves: [Option<View<'p>>; 2],
) -> Vec<Written<'p>> {
    let mut written = Vec::new();
    let Some(before) = container.node.get(container.resources_key) else {
        return written;
    };
    for (half, after) in Half::BOTH.into_iter().zip(halves) {
        let (Some(amounts), Some(before)) = (after, before.at([half.key()])) else {
            continue;
        };
        for (name, _) in before.entries() {
            let name = name.text().unwrap_or_default();
            let node = amounts.entry(&name).and_then(View::node);
            if let Some(node) = node.filter(|_| section.mode(&half.leaf(&name)) != Mode::Off) {
                let text = match node.text().unwrap_or_default() {
                    Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                    Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
                };
                written.push(Written {
                    half,
                    name,
                    node,
                    text,
                });
            }
        }
    }
    written
}

impl<'p> Amounts<'p, '_> {
    /// All amounts.
    fn declared(&self) -> &Declared<'p> {
        self.declared
            .get_or_init(|| Declared::of_halves(self.halves))
    }

    /// A finding about an amount in the manifest.
    fn finding(
        &self,
        rule: &'static Rule,
        severity: Severity,
        written: &Written<'_>,
        what: &str,
    ) -> Finding {
        let (half, name) = (written.half, &written.name);
        let value = written.node.value().ok();
        self.finding_at(rule, severity, half, name, |part| {
            format!("{part}: resources.{half}.{name} {what}")
        })
        .current(value.filter(|value| *value != Value::Null))
    }

    fn finding_at(
        &self,
        rule: &'static Rule,
        severity: Severity,
        half: Half,
        name: &str,
        message: impl FnOnce(&Part) -> String,
    ) -> Finding {
        let subject = &self.container.subject;
        Finding::graded(rule, severity, message(&subject.part))
            .about(subject, &[self.container.resources_key, half.key(), name])
            .leaf(format!("resources.{}", half.leaf(name)))
    }
}
