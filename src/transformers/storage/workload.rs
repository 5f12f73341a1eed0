//! What is to be said of a workload and the claims that its pods name: a claim that nobody brings, and one that only one
//! node at a time can use where two pods would.

use super::Storage;
use crate::config::Section;
use crate::edit::Edits;
use crate::finding::{Finding, Mode};
use crate::read::Resource;
use crate::rules;
use crate::transformers::Scope;
use crate::yaml::{Node, Value};

/// Tells of the claims that the pods of an object name.
pub(super) fn tell(
    scope: &Scope<'_, '_, Storage>,
    section: &Section<'_, Storage>,
    edits: &mut Edits<'_>,
) {
    let resource = scope.target().resource;
    for template in &scope.target().templates {
        let subject = template.pod.clone();
        for (index, volume) in template.volumes().enumerate() {
            let name = volume.text_at(["persistentVolumeClaim", "claimName"]);
            let Some(name) = name.filter(|name| section.settings.is_for(name)) else {
                continue;
            };
            let index = index.to_string();
            let field = ["volumes", &index, "persistentVolumeClaim", "claimName"];
            match scope.related().claim(resource, &name) {
                Some(claim) => {
                    if section.mode("accessModes") != Mode::Off
                        && let Some(why) = shares(resource)
                        && is_for_one_node(claim, section)
                    {
                        let message =
                            format!("claim \"{name}\" is for one node at a time, and {why}");
                        let finding = Finding::new(&rules::STO005, message)
                            .about(&subject, &field)
                            .decided_by(section.decision("accessModes"));
                        edits.find(finding.help(
                            "ask for ReadWriteMany of a class that has it, or run one replica with the strategy Recreate",
                        ));
                    }
                }
                None => {
                    if section.mode("storageClassName") != Mode::Off
                        && !scope.related().makes_claim(resource, &name)
                    {
                        let message = format!(
                            "claim \"{name}\" is not among the objects, so it has to be in the cluster already"
                        );
                        let finding = Finding::new(&rules::STO006, message)
                            .about(&subject, &field)
                            .current(Some(Value::from(name.as_ref())))
                            .decided_by(section.decision("storageClassName"));
                        edits.find(finding);
                    }
                }
            }
        }
    }
}

/// Why two pods of a workload would use a claim at the same time, if they would.
fn shares(resource: &Resource<'_>) -> Option<String> {
    let spec = resource.node.at(["spec"])?;
    let replicas: Option<u32> = spec.int_at(["replicas"]);
    if resource.kind == "DaemonSet" {
        return Some("every node has a pod of this DaemonSet".to_owned());
    }
    if let Some(replicas) = replicas.filter(|replicas| *replicas > 1) {
        return Some(format!("{replicas} replicas share it"));
    }
    let kind = spec.text_at(["strategy", "type"]);
    let surge = spec.text_at(["strategy", "rollingUpdate", "maxSurge"]);
    // Without a word of its author a Deployment rolls, with a pod more than it has replicas
    // (`SetDefaults_Deployment` in kubernetes `pkg/apis/apps/v1/defaults.go`).
    let rolls = resource.group() == "apps"
        && resource.kind == "Deployment"
        && kind.is_none_or(|kind| kind == "RollingUpdate")
        && replicas != Some(0)
        && !matches!(surge.as_deref(), Some("0" | "0%"));
    rolls.then(|| "a rolling update starts the new pod before the old one has ended".to_owned())
}

/// Whether all access modes that a claim will have are for one node.
fn is_for_one_node(claim: Node<'_>, section: &Section<'_, Storage>) -> bool {
    let modes: Vec<String> = claim
        .items_at(["spec", "accessModes"])
        .filter_map(|mode| mode.text().map(|mode| mode.into_owned()))
        .collect();
    let author = Some(modes).filter(|modes| !modes.is_empty());
    let configured = section.settings.access_modes.clone();
    let modes = section.mode("accessModes").outcome(author, configured);
    modes.is_some_and(|modes| {
        let mut modes = modes.iter();
        modes.all(|mode| matches!(mode.as_str(), "ReadWriteOnce" | "ReadWriteOncePod"))
    })
}
