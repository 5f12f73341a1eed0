//! Runs one check on one object.

use super::{Check, Find, Scene, about};
use crate::select::testing::with_selected;
use crate::transformers::Transformers;

/// The messages that a check reports for an object, with a config that changes nothing.
pub(super) fn found(check: &Check, object: &str) -> Vec<String> {
    let config = "{apiVersion: fitout.dev/v1alpha1, kind: Fitout, spec: {environment: test}}";
    with_selected(config, crate::VOCABULARY, object, |given| {
        let transformers = Transformers::new(given.config);
        let scene = Scene {
            config: given.config,
            selection: given.selection,
            transformers: &transformers,
            changes: &[],
            agreed: &[],
        };
        let mut findings = Vec::new();
        for find in check.find {
            let find = match find {
                Find::Comparing(find) => find,
                find => find,
            };
            match find {
                Find::Comparing(_) => {}
                Find::Scene(find) => findings.extend(find(&scene)),
                Find::Object(find) => {
                    let selected = given.selection.selected.iter();
                    findings.extend(selected.flat_map(|it| about(it.index, find(&scene, it))));
                }
                Find::Pods(find) | Find::PodsAmong(find) => {
                    scene.each_pod(|pod| findings.extend(find(pod)))
                }
            }
        }
        findings.into_iter().map(|it| it.message).collect()
    })
}
