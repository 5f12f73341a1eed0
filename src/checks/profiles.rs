//! FIT-CFG004, FIT-CFG005, FIT-CFG006: whether the profiles of the config do what they seem to.
//!
//! A profile that matches nothing is normal where systems share a config, and a typo where an object
//! nearly matches; which of the two it is decides how loudly it is told.

use std::collections::BTreeSet;

use kustomize_krm_types::Severity;

use crate::config::{Config, LayerId, View};
use crate::edit::Finding;
use crate::select::{ProfileUse, Selection};
use crate::transformers;
use crate::yaml::Value;

/// Profiles that match nothing, or only by a name that kustomize has replaced since.
pub(super) fn use_of_profiles(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (profile, used) in config.profiles.iter().zip(&selection.profiles) {
        if let Some(index) = used.by_previous_name {
            let message = format!(
                "profile {} matches only by a name from before kustomize's prefix or suffix",
                profile.name
            );
            let mut finding = Finding::new("FIT-CFG006", Severity::Info, message);
            finding.resource = Some(index);
            findings.push(finding.help("select by label, which holds before and after"));
        }
        if !used.is_used {
            findings.push(unused(config, &profile.name, profile.required, used));
        }
    }
    findings
}

fn unused(config: &Config<'_>, name: &str, required: bool, used: &ProfileUse) -> Finding {
    let near = used
        .near
        .as_ref()
        .map(|near| format!(": {}", near.0))
        .unwrap_or_default();
    let severity = match (required || config.strict, used.near.is_some()) {
        (true, _) => Severity::Error,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Info,
    };
    let finding = Finding::new(
        "FIT-CFG004",
        severity,
        format!("profile {name} matches nothing{near}"),
    );
    match (severity, required) {
        (Severity::Info, _) => finding,
        (_, true) => finding.help("correct its `select`; it is marked `required`"),
        (_, false) => finding.help("correct its `select`, or remove the profile"),
    }
}

/// Leaves that two profiles set differently for the same object; the later wins.
pub(super) fn disagreements(config: &Config<'_>, selection: &Selection<'_, '_>) -> Vec<Finding> {
    let layers = |selected: &crate::select::Selected<'_, '_>| -> Vec<LayerId> {
        let general: Vec<LayerId> = config.general_layers().collect();
        selected
            .layers
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| !general.contains(id))
            .collect()
    };
    let combinations: BTreeSet<Vec<LayerId>> = selection
        .selected
        .iter()
        .map(layers)
        .filter(|ids| ids.len() > 1)
        .collect();
    let mut told: BTreeSet<(String, String, String)> = BTreeSet::new();
    for combination in combinations {
        for section in transformers::NAMES {
            let view = View::new(config.section_layers(&combination, section), section, &[]);
            view.iter()
                .for_each(|view| collect(config, view, &mut told));
        }
    }
    let severity = if config.strict {
        Severity::Error
    } else {
        Severity::Info
    };
    let finding = |(leaf, loser, winner): (String, String, String)| {
        let message = format!(
            "profiles {loser} and {winner} set {leaf} differently; {winner} wins, because it comes later"
        );
        Finding::new("FIT-CFG005", severity, message)
    };
    told.into_iter().map(finding).collect()
}

fn collect(config: &Config<'_>, view: &View<'_>, told: &mut BTreeSet<(String, String, String)>) {
    if view.top().node.is_map() {
        let below = view
            .keys()
            .into_iter()
            .filter_map(|key| view.get(&key.text()?));
        below.for_each(|view| collect(config, &view, told));
        return;
    }
    let says = |node: crate::yaml::Node<'_>| node.value().unwrap_or(Value::Null);
    let top = view.top();
    for layer in view
        .layers()
        .iter()
        .filter(|layer| says(layer.node) != says(top.node))
    {
        told.insert((
            view.path().to_owned(),
            config.name_of(layer.id),
            config.name_of(top.id),
        ));
    }
}
