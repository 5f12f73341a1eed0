//! FIT-EXA001: images without a fixed version. An example to copy, compiled for tests only.
//!
//! An image without a tag or with the tag `latest` can change at any time, and a rollback does not restore the old one. A
//! digest is always fixed.

use super::{Check, Find, Pod};
use crate::finding::Finding;
use crate::rules::rules;

pub(super) const CHECK: Check = Check {
    name: "example",
    rules: RULES,
    find: &[Find::Pods(unversioned)],
};

rules! {
    RULES;
    UNVERSIONED: "FIT-EXA001" Warning OnCheck "an image without a fixed version";
}

/// The containers whose image has no fixed version. No edit sets an image; what edits can set is read from `pod.after()`.
fn unversioned(pod: &Pod<'_, '_>) -> Vec<Finding> {
    let containers = pod.template.containers.iter();
    let findings = containers.filter_map(|container| {
        let image = container.node.text_at(["image"])?;
        let name = image.rsplit('/').next()?;
        // What replaces a variable such as `${TAG}` is not known.
        let is_fixed =
            name.contains(['@', '$']) || name.split_once(':').is_some_and(|it| it.1 != "latest");
        let part = &container.subject.part;
        let message = format!("{part}: the image {image} has no fixed version");
        let finding = Finding::new(&UNVERSIONED, message)
            .about(&container.subject, &["image"])
            .current(Some(image.as_ref().into()))
            .help("add a tag or a digest");
        (!is_fixed).then_some(finding)
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::CHECK;

    #[test]
    fn a_tag_or_a_digest_is_a_version() {
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: \
                   registry:5000/a}, {name: b, image: b:latest}, {name: c, image: c:1.0}, {name: d, image: d@sha256:0}]}}";
        assert_eq!(
            found(&CHECK, pod),
            [
                "container \"a\": the image registry:5000/a has no fixed version",
                "container \"b\": the image b:latest has no fixed version"
            ]
        );
    }
}
