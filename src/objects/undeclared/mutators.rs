//! Objects that change pods when they are created: policies and webhooks of admission.

use crate::objects::places::has_pods_in;
use crate::read::Resource;
use crate::yaml::Node;

/// Whether pods that are created later can differ from their manifests because of an object.
///
/// Which rules match which requests is that of `rules.Matcher` in k8s.io/apiserver `pkg/admission/plugin/webhook/predicates/rules`.
pub(super) fn changes_pods(resource: &Resource<'_>) -> bool {
    let node = resource.node;
    match (resource.group(), &*resource.kind) {
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => {
            let mut rules = node.items_at(["spec", "matchConstraints", "resourceRules"]);
            rules.any(matches_pods)
        }
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
            let webhooks = node.items_at(["webhooks"]);
            webhooks
                .flat_map(|webhook| webhook.items_at(["rules"]))
                .any(matches_pods)
        }
        ("mutations.gatekeeper.sh", _)
        | ("policies.kyverno.io", "MutatingPolicy" | "NamespacedMutatingPolicy") => true,
        _ => false,
    }
}

/// Whether a rule matches requests that create or update pods, or objects that have pods.
fn matches_pods(rule: Node<'_>) -> bool {
    let texts = |key: &'static str| rule.items_at([key]).filter_map(Node::text);
    let writes = |operation: &str| matches!(operation, "CREATE" | "UPDATE" | "*");
    let has_pods = |name: &str| {
        let (name, part) = name.split_once('/').unwrap_or((name, ""));
        let is_spec = matches!(part, "" | "*" | "ephemeralcontainers" | "resize");
        is_spec && texts("apiGroups").any(|group| has_pods_in(&group, name))
    };
    texts("operations").any(|it| writes(&it)) && texts("resources").any(|it| has_pods(&it))
}
