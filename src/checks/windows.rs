//! FIT-SEC011: pods that go to Windows nodes and do not say so.
//!
//! Since Kubernetes 1.25 the Pod Security Standards know Windows pods by `os.name` alone. A node selector keeps them on
//! Windows nodes, but API server and standards take them for Linux pods, and ask for fields that Windows has not.
//!
//! Source: `PodSpec.OS` in k8s.io/api `core/v1/types.go`.

use kustomize_krm_types::Severity;

use super::{Check, Find};
use crate::finding::{Finding, Mode};
use crate::kubernetes::Level;
use crate::rules::{Rule, rule};

/// The version from which on `os.name` counts.
const SINCE_MINOR: u32 = 25;

const UNNAMED: Rule = rule(
    "FIT-SEC011",
    Severity::Warning,
    "pods for Windows that only their node selector tells",
);

pub(super) const CHECK: Check = Check {
    name: "windows",
    rules: &[UNNAMED],
    find: Find::Pods(|pod| {
        if !pod.template.is_windows || pod.after().spec.at(["os", "name"]).is_some() {
            return Vec::new();
        }
        let scope = pod.security_context();
        let Some(section) = scope.and_then(|scope| scope.section()) else {
            return Vec::new();
        };
        let standard = section.standard();
        let asks = standard.level == Level::Restricted && standard.version.minor() >= SINCE_MINOR;
        if !asks || section.mode("profile") == Mode::Off {
            return Vec::new();
        }
        let subject = &pod.template.pod;
        let message = format!(
            "{}: only its nodeSelector says that it is for Windows, so that a namespace of the level restricted asks it for \
             what Windows has not and refuses it",
            subject.part
        );
        let finding = Finding::new(&UNNAMED, message)
            .about(subject, &["os", "name"])
            .proposed("windows")
            .decided_by(section.decision("profile"))
            .help("write `os: {name: windows}` in the manifest");
        vec![finding]
    }),
};
