//! FIT-SEC011: Windows pods without `os.name`.
//!
//! Since Kubernetes 1.25, the Pod Security Standards identify Windows pods only by `os.name`. With only a node selector or
//! a required node affinity, pods run on Windows nodes, but the API server and the standards treat them as Linux pods and
//! require fields that Windows does not have.
//!
//! Source: `PodSpec.OS` in k8s.io/api `core/v1/types.go`.

use super::{Check, Find};
use crate::finding::{Finding, Mode};
use crate::kubernetes::Level;
use crate::rules::rules;

/// The first minor version in which `os.name` counts.
const SINCE_MINOR: u32 = 25;

rules! {
    RULES;
    UNNAMED: "FIT-SEC011" Warning Always "Windows pods without `os.name`";
}

pub(super) const CHECK: Check = Check {
    name: "windows",
    rules: RULES,
    find: &[Find::Pods(|pod| {
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
            "{}: only its nodeSelector or node affinity marks it as a Windows pod, so a namespace that enforces restricted requires fields that \
             Windows does not have and rejects it",
            subject.part
        );
        let finding = Finding::new(&UNNAMED, message)
            .about(subject, &["os", "name"])
            .proposed("windows")
            .decided_by(section.decision("profile"))
            .help("set `os: {name: windows}` in the manifest");
        vec![finding]
    })],
};
