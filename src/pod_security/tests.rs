//! Levels, versions, order and edits; each check has its own tests.

use jsonptr::Pointer;

use super::checks::CHECKS;
use super::*;
use crate::facts::{Overlay, View};
use crate::yaml::{Node, Stream, Value};

fn spec(stream: &Stream) -> Node<'_> {
    stream.documents().next().expect("a document").root()
}

fn ids(facts: &PodFacts<'_>, level: Level, minor: u32) -> Vec<&'static str> {
    let violations = evaluate(facts, level, Version::of_minor(minor));
    violations.into_iter().map(|it| it.check).collect()
}

#[test]
fn checks_are_sorted_by_level_and_id() {
    let order = CHECKS.iter().map(|check| (check.level, check.id));
    assert!(order.is_sorted());
}

#[test]
fn the_versions_of_a_check_are_sorted_and_overrides_name_baseline_checks() {
    for check in CHECKS {
        let minors = check.versions.iter().map(|(minor, _)| *minor);
        assert!(minors.is_sorted_by(|a, b| a < b), "{}", check.id);
        let Some(other) = check.overrides else {
            continue;
        };
        let other = CHECKS.iter().find(|it| it.id == other);
        assert_eq!(other.map(|it| it.level), Some(Level::Baseline));
        assert_eq!(check.level, Level::Restricted);
    }
}

#[test]
fn a_level_adds_checks_and_replaces_some_of_the_level_below() {
    let text = "{volumes: [{name: v, hostPath: {path: /}}], containers: [{name: a, securityContext: {privileged: true, \
                procMount: Unmasked, capabilities: {add: [BPF]}, seccompProfile: {type: Unconfined}}}]}";
    let stream = Stream::parse(text).expect("YAML");
    let facts = PodFacts::new(spec(&stream), None, false);
    assert!(ids(&facts, Level::Privileged, 37).is_empty());
    let baseline = [
        "capabilities_baseline", "hostPathVolumes", "privileged", "procMount",
        "seccompProfile_baseline",
    ];
    assert_eq!(ids(&facts, Level::Baseline, 37), baseline);
    let restricted = [
        "privileged", "allowPrivilegeEscalation", "capabilities_restricted",
        "procMount_restricted", "restrictedVolumes", "runAsNonRoot", "seccompProfile_restricted",
    ];
    assert_eq!(ids(&facts, Level::Restricted, 37), restricted);
    assert_eq!(ids(&facts, Level::Restricted, u32::MAX), restricted);
    let early = [
        "capabilities_baseline", "privileged", "procMount", "restrictedVolumes", "runAsNonRoot",
    ];
    assert_eq!(ids(&facts, Level::Restricted, 0), early);
}

#[test]
fn versions_are_parsed_as_in_namespace_labels() {
    assert_eq!("latest".parse(), Ok(Version::LATEST));
    assert_eq!("v1.34".parse(), Ok(Version::of_minor(34)));
    assert_eq!("v1.0".parse(), Ok(Version::of_minor(0)));
    for bad in ["1.34", "v1.034", "v1.", "v2.0", "v1.x", "Latest", ""] {
        assert_eq!(bad.parse::<Version>(), Err(()), "{bad}");
    }
    assert_eq!("restricted".parse(), Ok(Level::Restricted));
    assert_eq!("Restricted".parse::<Level>(), Err(()));
}

#[test]
fn every_port_of_a_pod_with_host_network_is_a_host_port() {
    let text = "{hostNetwork: true, containers: [{name: a, ports: [{containerPort: 80}]}], \
                ephemeralContainers: [{name: e, ports: [{containerPort: 81}]}]}";
    let stream = Stream::parse(text).expect("YAML");
    let of = |is_pod| {
        let facts = PodFacts::new(spec(&stream), None, is_pod);
        let violations = evaluate(&facts, Level::Baseline, Version::LATEST);
        let details = violations.into_iter().map(|it| it.detail);
        details.collect::<Vec<String>>()
    };
    assert_eq!(of(false), ["hostNetwork=true"]);
    assert_eq!(
        of(true),
        ["hostNetwork=true", "container \"a\" uses hostPort 80"]
    );
}

#[test]
fn edits_count_as_written() {
    let text = "{securityContext: {seccompProfile: {type: Unconfined}, runAsUser: 0}, containers: [{name: a, \
                securityContext: {capabilities: {add: [BPF], drop: []}}}, {name: b}]}";
    let stream = Stream::parse(text).expect("YAML");
    let all = Value::Sequence(vec!["ALL".into()]);
    let profile = Value::Mapping(vec![("type".to_owned(), "RuntimeDefault".into())]);
    let (yes, no) = (Value::from(true), Value::from(false));
    let edits = [
        ("/securityContext/seccompProfile", Some(&profile)),
        ("/securityContext/runAsNonRoot", Some(&yes)),
        ("/securityContext/runAsUser", None),
        ("/containers/0/securityContext/capabilities/add", None),
        (
            "/containers/0/securityContext/capabilities/drop",
            Some(&all),
        ),
        (
            "/containers/1/securityContext/capabilities/drop",
            Some(&all),
        ),
        (
            "/containers/0/securityContext/allowPrivilegeEscalation",
            Some(&no),
        ),
    ];
    let refused = |edits: &[(&'static str, Option<&Value>)]| {
        let edits = edits.iter();
        let edits = edits.map(|(path, value)| (Pointer::from_static(path), *value));
        let overlay = Overlay::of_values(edits);
        let spec = overlay.view(spec(&stream), Pointer::root());
        let facts = PodFacts::of_lists(spec, None, false);
        ids(&facts, Level::Restricted, 37)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(refused(&edits), ["allowPrivilegeEscalation"]);
    let last = "/containers/1/securityContext/allowPrivilegeEscalation";
    assert!(refused(&[&edits[..], &[(last, Some(&no))]].concat()).is_empty());
}

#[test]
fn annotations_can_be_merged_and_edited() {
    let text = "base: &base {container.apparmor.security.beta.kubernetes.io/b: unconfined}\n\
                metadata: {annotations: {<<: *base, container.apparmor.security.beta.kubernetes.io/a: unconfined}}\n\
                spec: {containers: [{name: a}, {name: b}]}";
    let stream = Stream::parse(text).expect("YAML");
    let root = spec(&stream);
    let spec = root.get("spec").expect("a spec");
    let detail = |edits: &[(&'static str, Option<&Value>)]| {
        let edits = edits.iter();
        let edits = edits.map(|(path, value)| (Pointer::from_static(path), *value));
        let overlay = Overlay::of_values(edits);
        let metadata = overlay.view(root, Pointer::root()).get("metadata");
        let facts = PodFacts::of_lists(View::of(spec), metadata, false);
        let violations = evaluate(&facts, Level::Baseline, Version::LATEST);
        let details = violations.into_iter().map(|it| it.detail);
        details.collect::<String>()
    };
    assert_eq!(detail(&[]).matches("=\"unconfined\"").count(), 2);
    let value = Value::from("runtime/default");
    let a = "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1a";
    let b = "/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1b";
    let edits = [(a, Some(&value)), (b, None)];
    assert_eq!(detail(&edits[..1]).matches("=\"unconfined\"").count(), 1);
    assert_eq!(detail(&edits), "");
}
