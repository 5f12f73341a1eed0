//! Runs one check on one object.

use super::{Check, Find, Scene, find_in_objects};
use crate::config::FunctionConfig;
use crate::objects::Objects;
use crate::read::{Origin, Resource};
use crate::select::Selection;
use crate::transformers::Transformers;
use crate::yaml::Stream;

/// The messages that a check reports for an object, with a config that changes nothing.
pub(super) fn found(check: &Check, object: &str) -> Vec<String> {
    let config = "{apiVersion: fitout.dev/v1alpha1, kind: Fitout, spec: {environment: test}}";
    let config = Stream::parse(config).expect("YAML");
    let config = FunctionConfig::of_file(&config, "fn-config.yaml").expect("a Fitout");
    let config = config.decode(crate::VOCABULARY).expect("a valid config");
    let stream = Stream::parse(object).expect("YAML");
    let root = stream.documents().next().expect("a document").root();
    let mut resources = Vec::new();
    Resource::read(root, 0, Origin::default(), &mut resources).expect("an object");
    let objects = Objects::of(&resources, &[], &[], None);
    let selection = Selection::of(&config, &objects).expect("an object that matches its schema");
    let targets = || selection.selected.iter().map(|it| it.target);
    assert!(
        targets().any(|it| !it.templates.is_empty() || !it.claims.is_empty()),
        "nothing to look at: a pod needs a container, a claim a kind that has claims"
    );
    let transformers = Transformers::new(&config);
    let scene = Scene {
        config: &config,
        selection: &selection,
        transformers: &transformers,
        changes: &[],
    };
    let mut findings = Vec::new();
    for find in check.find {
        match find {
            Find::Scene(find) => findings.extend(find(&scene)),
            Find::Object(find) => findings.extend(find_in_objects(*find, &scene)),
            Find::Pods(find) => scene.each_pod(|pod| findings.extend(find(pod))),
        }
    }
    findings.into_iter().map(|it| it.message).collect()
}
