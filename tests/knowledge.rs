//! An edit that can stop a program names what is known about it: from the input, the catalogue of images or the config.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;

use fitout::config::{FunctionConfig, self_contained};
use fitout::edit::{Change, Source};
use fitout::finding::Part;
use fitout::yaml::Stream;
use fitout::{transformers, yaml};

use crate::golden::{cases, folders};
use crate::restricted::{files, objects};
use crate::tidy::root;

/// The leaves, or the maps and lists of them, that stop a program if they are wrong. The list is not fitout's own.
const STOPPING: &[&str] = &[
    "args", "automountServiceAccountToken", "command", "enableServiceLinks", "env", "envFrom",
    "hostIPC", "hostNetwork", "hostPID", "hostUsers", "securityContext", "serviceAccountName",
    "volumeMounts",
];

/// The others of pods, containers and objects that sections edit.
const HARMLESS: &[&str] = &[
    "annotations", "computeResources", "resizePolicy", "resources", "spec", "volumes",
];

/// What the reason of an edit lacks; `None` where it names its knowledge.
fn lacks(change: &Change) -> Option<&'static str> {
    let field: Vec<String> = change
        .leaf
        .tokens()
        .map(|it| it.decoded().into_owned())
        .collect();
    if !STOPPING.contains(&field[0].as_str()) {
        // A claim's fields can have any keys, and none of them is a program's.
        let is_claim = matches!(change.subject.part, Part::Claim { .. });
        let is_harmless = is_claim || HARMLESS.contains(&field[0].as_str());
        return (!is_harmless).then_some(
            "a decision whether it can stop a program: `STOPPING` in src/edit/knowledge.rs, or `HARMLESS` here",
        );
    }
    let note = change.note.as_deref().unwrap_or_default();
    let names = |it: &str| change.to_string().contains(it);
    let decision = &change.decision;
    // What the config does is said in parentheses: the setting, or the profile.
    let is_set_by_config = !decision.is_default && (names("(spec.") || names("(profile "));
    let is_named = match change.source {
        None => return Some("what is known about it"),
        // The author's field goes because the config asks for that.
        Some(Source::Config) if change.proposed.is_none() => true,
        Some(Source::Config) => {
            let is_about = ["restricted", "`writablePaths`"];
            is_set_by_config || is_about.iter().any(|it| note.contains(it))
        }
        Some(Source::Catalogue) => note.contains("the catalogue of images"),
        Some(Source::Input) => [
            "the input",
            "the pod mounts a claim",
            "the root filesystem is read-only",
            "copied from",
        ]
        .iter()
        .any(|it| note.contains(it)),
    };
    (!is_named).then_some("a reason that names it")
}

/// The changes of a text, with the findings.
fn fit(input: &str, config: &str) -> Option<(Vec<Change>, Vec<String>)> {
    let config = Stream::parse(config).unwrap();
    let config = FunctionConfig::of_file(&config, "fn-config.yaml").ok()?;
    let config = config.decode(fitout::VOCABULARY).ok()?;
    let stream = Stream::parse(input).ok()?;
    let resources = objects(&stream)?;
    let fitted = fitout::fit(&config, &resources, None).ok()?;
    let findings = fitted.findings.iter();
    let findings = findings.map(|it| format!("{} {} {}", it.severity, it.rule.id, it.message));
    Some((fitted.changes, findings.collect()))
}

fn assert_named(changes: &[Change], place: &str) {
    for change in changes {
        let lacks = lacks(change);
        assert_eq!(lacks, None, "{place}: {} {change}", change.rule);
    }
}

#[test]
fn every_edit_of_every_case_that_can_stop_a_program_names_its_knowledge() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
        let fitted = fit(&read("input.yaml"), &read("fn-config.yaml"));
        let (changes, _) = fitted.unwrap_or_default();
        assert_named(&changes, &case.display().to_string());
        seen.extend(changes.iter().map(|it| {
            let source = it.source.map_or("none", Source::as_str);
            assert!(transformers::NAMES.contains(&it.rule));
            (it.leaf.tokens().next().unwrap().to_string(), source)
        }));
    }
    // All three sources occur, so the cases do not agree only because there is nothing to compare.
    for (leaf, source) in [
        ("automountServiceAccountToken", "input"),
        ("automountServiceAccountToken", "config"),
        ("enableServiceLinks", "config"),
        ("hostUsers", "config"),
        ("securityContext", "catalogue"),
        ("securityContext", "config"),
        ("volumeMounts", "catalogue"),
        ("resources", "none"),
    ] {
        assert!(seen.contains(&(leaf.to_owned(), source)), "{leaf} {source}");
    }
}

#[test]
fn every_edit_of_the_systems_that_can_stop_a_program_names_its_knowledge() {
    let all = fs::read_to_string(root().join("fn-config/all/fitout.yaml")).unwrap();
    let all = Stream::parse(all.as_str()).unwrap();
    let mut edits = 0;
    for environment in ["development", "staging", "production"] {
        let config = self_contained(&all, environment, fitout::VOCABULARY).unwrap();
        for system in folders(&root().join("base")) {
            let texts = files(&system).into_iter();
            let texts = texts.map(|file| fs::read_to_string(file).unwrap());
            let input = texts.collect::<Vec<_>>().join("\n---\n");
            let (changes, _) = fit(&input, &config).unwrap();
            edits += changes.iter().filter(|it| it.source.is_some()).count();
            assert_named(&changes, &system.display().to_string());
        }
    }
    assert!(edits > 300, "{edits}");
}

const CONFIG: &str = "
apiVersion: fitout.dev/v1alpha1
kind: Fitout
metadata: {name: production}
spec:
  environment: production
  securityContext: {container: {readOnlyRootFilesystem: false}}
";

/// Whether the pods of a Deployment in the namespace `ops` lose their token, and what is reported about that.
fn token(pod: &str, metadata: &str, others: &str) -> (bool, Vec<String>) {
    let input = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: a, namespace: ops}}, spec: {{template: {{metadata: \
         {{{metadata}}}, spec: {{{pod}}}}}}}}}\n{others}"
    );
    let (changes, findings) = fit(&input, CONFIG).unwrap();
    let of_pod = |it: &&Change| it.resource == 0;
    let taken = changes.iter().filter(of_pod).find(|it| {
        it.short_path() == "automountServiceAccountToken"
            && it.proposed.as_deref() == Some(&yaml::Value::from(false))
    });
    let about_tokens = findings.into_iter().filter(|it| it.contains("token"));
    (taken.is_some(), about_tokens.collect())
}

const PLAIN: &str = "containers: [{name: a, image: example.com/a:1}]";

const NAMED: &str = "serviceAccountName: robot, containers: [{name: a, image: example.com/a:1}]";

const ACCOUNT: &str =
    "---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot, namespace: ops}}\n";

fn binding(kind: &str, subject: &str) -> String {
    format!(
        "---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {{name: b, namespace: ops}}, roleRef: \
         {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}, subjects: [{{{subject}}}]}}\n"
    )
}

#[test]
fn a_token_is_taken_only_where_the_input_shows_that_nothing_needs_it() {
    let nothing = |taken: bool| (taken, Vec::<String>::new());
    assert_eq!(token(PLAIN, "", ""), nothing(true));
    assert_eq!(token(NAMED, "", ACCOUNT), nothing(true));
    // The account is elsewhere, and its bindings may be there, too.
    let (taken, findings) = token(NAMED, "", "");
    assert!(!taken);
    assert_eq!(
        findings,
        [
            "warning FIT-SA002 pod: its ServiceAccount robot is not in the input, so its rights are unknown; the pods keep their API token"
        ]
    );
    // With a sign that they use it, nothing needs to be done.
    let elects = NAMED.replace("}]", ", args: [--leader-elect]}]");
    assert_eq!(
        token(&elects, "", "").1,
        [findings[0].replace("warning", "info")]
    );
    // One finding for each account, not for each workload or container.
    let other = format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: b, namespace: ops}}, spec: {{{NAMED}}}}}\n"
    );
    let of_two = findings[0].replace("the pods", "the pods of 2 workloads");
    assert_eq!(token(NAMED, "", &other).1, [of_two]);
    assert_eq!(
        token(
            &format!("automountServiceAccountToken: true, {NAMED}"),
            "",
            ""
        )
        .1
        .len(),
        0
    );
    let in_another_namespace = ACCOUNT.replace("ops", "other");
    assert!(!token(NAMED, "", &in_another_namespace).0);
    for (kind, subject) in [
        (
            "RoleBinding",
            "kind: ServiceAccount, name: robot, namespace: ops",
        ),
        ("RoleBinding", "kind: ServiceAccount, name: robot"),
        (
            "ClusterRoleBinding",
            "kind: User, name: 'system:serviceaccount:ops:robot'",
        ),
        (
            "ClusterRoleBinding",
            "kind: Group, name: 'system:serviceaccounts:ops'",
        ),
        (
            "ClusterRoleBinding",
            "kind: Group, name: system:serviceaccounts",
        ),
        (
            "ClusterRoleBinding",
            "kind: Group, name: system:authenticated",
        ),
    ] {
        let binding = binding(kind, subject);
        let with_account = format!("{ACCOUNT}{binding}");
        assert_eq!(token(NAMED, "", &with_account), nothing(false), "{subject}");
        if subject.contains("robot") {
            let of_default = binding.replace("robot", "default");
            assert_eq!(token(PLAIN, "", &of_default), nothing(false), "{subject}");
            assert_eq!(token(PLAIN, "", &binding), nothing(true), "{subject}");
        } else {
            assert_eq!(token(PLAIN, "", &binding), nothing(false), "{subject}");
        }
        assert_eq!(token(NAMED, "", &binding), nothing(false), "{subject}");
    }
    // A binding of OpenShift's own group.
    let of_openshift = "---\n{apiVersion: authorization.openshift.io/v1, kind: RoleBinding, metadata: {name: b, namespace: \
                        ops}, userNames: ['system:serviceaccount:ops:robot']}\n";
    let with_account = format!("{ACCOUNT}{of_openshift}");
    assert_eq!(token(NAMED, "", &with_account), nothing(false));
    // Operators bind the accounts that their objects name.
    let of_operator = "---\n{apiVersion: rbacmanager.reactiveops.io/v1beta1, kind: RBACDefinition, metadata: {name: b}, \
                       rbacBindings: [{name: b, subjects: [{kind: ServiceAccount, name: robot, namespace: ops}]}]}\n";
    let with_account = format!("{ACCOUNT}{of_operator}");
    assert_eq!(token(NAMED, "", &with_account), nothing(false));
}

#[test]
fn an_injector_or_an_identity_counts_as_use() {
    let annotations = |it: &str| format!("annotations: {{{it}}}");
    let labels = |it: &str| format!("labels: {{{it}}}");
    for metadata in [
        annotations("vault.hashicorp.com/agent-inject: 'true'"),
        annotations("vault.hashicorp.com/agent-inject: 'True'"),
        annotations("linkerd.io/inject: enabled"),
        annotations("linkerd.io/inject: ingress"),
        annotations("sidecar.istio.io/inject: 'true'"),
        labels("sidecar.istio.io/inject: 'true'"),
        labels("istio.io/rev: canary"),
        annotations("dapr.io/enabled: 'true'"),
        labels("azure.workload.identity/use: 'true'"),
        labels("aadpodidbinding: app"),
        annotations("iam.amazonaws.com/role: app"),
        annotations("consul.hashicorp.com/connect-inject: 'true'"),
        annotations("conjur.org/inject: 'yes'"),
        labels("conjur.org/name: app"),
        annotations("org.infisical.com/inject: 'true'"),
        annotations("vault.security.banzaicloud.io/vault-addr: 'https://vault:8200'"),
        annotations("secrets-webhook.security.bank-vaults.io/provider: vault"),
        labels("spiffe.io/spire-managed-identity: 'true'"),
        labels("kuma.io/sidecar-injection: enabled"),
        labels("a.mesh.that.comes.later/inject-proxy: 'true'"),
    ] {
        assert!(!token(PLAIN, &metadata, "").0, "{metadata}");
        assert!(!token(NAMED, &metadata, ACCOUNT).0, "{metadata}");
    }
    for metadata in [
        annotations("vault.hashicorp.com/agent-inject: 'false'"),
        annotations(
            "vault.hashicorp.com/agent-inject: 'false', vault.hashicorp.com/agent-inject-secret-a: secret/a",
        ),
        annotations("linkerd.io/inject: disabled"),
        labels("sidecar.istio.io/inject: 'False'"),
        annotations("dapr.io/enabled: 'false', dapr.io/app-id: a"),
        annotations("example.com/team: shop"),
        labels("app.kubernetes.io/name: app"),
    ] {
        assert!(token(PLAIN, &metadata, "").0, "{metadata}");
    }
    for metadata in [
        "annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::1:role/app'}",
        "annotations: {iam.gke.io/gcp-service-account: app@shop.iam.gserviceaccount.com}",
        "annotations: {azure.workload.identity/client-id: '1234'}",
        "annotations: {pod-identity.alibabacloud.com/role-name: app}",
    ] {
        let account = ACCOUNT.replace("namespace: ops", &format!("namespace: ops, {metadata}"));
        assert!(!token(NAMED, "", &account).0, "{metadata}");
    }
    for metadata in [
        "labels: {istio-injection: enabled}",
        "annotations: {linkerd.io/inject: enabled}",
    ] {
        let namespace = |name: &str| {
            format!(
                "---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, {metadata}}}}}\n"
            )
        };
        assert!(!token(PLAIN, "", &namespace("ops")).0, "{metadata}");
        assert!(token(PLAIN, "", &namespace("other")).0, "{metadata}");
    }
}

#[test]
fn a_program_that_shows_its_use_of_the_api_keeps_its_token() {
    for container in [
        "image: example.com/a:1, args: [--leader-elect]",
        "image: example.com/a:1, args: [--leader-elect=true]",
        "image: example.com/a:1, args: ['--enable-leader-election']",
        "image: example.com/a:1, command: [sh, -c, 'kubectl get pods']",
        "image: example.com/a:1, command: [sh, -c, 'curl https://kubernetes.default.svc/api']",
        "image: example.com/a:1, args: [--jwt=/var/run/secrets/kubernetes.io/serviceaccount/token]",
        "image: example.com/a:1, env: [{name: WATCH_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]",
        "image: example.com/a:1, env: [{name: PASSWORD, value: 'vault:secret/data/a#b'}]",
        "image: registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.15.0",
        "image: kiwigrid/k8s-sidecar:1.30.0",
        "image: ghcr.io/zalando/postgres-operator:v1.14.0",
        "image: 'registry.k8s.io/ingress-nginx/controller@sha256:0123'",
        "image: quay.io/brancz/kube-rbac-proxy:v0.18.0",
    ] {
        let pod = format!("containers: [{{name: a, {container}}}]");
        assert!(!token(&pod, "", "").0, "{pod}");
        // Another container of the pods counts as well.
        let pod = format!("initContainers: [{{name: b, {container}}}], {PLAIN}");
        assert!(!token(&pod, "", "").0, "{pod}");
    }
    for container in [
        "args: [--leader-elect=false]",
        "args: [--listen=:8080]",
        "workingDir: /operator",
        "env: [{name: LOG_LEVEL, value: info}]",
    ] {
        let pod = format!("containers: [{{name: a, image: example.com/a:1, {container}}}]");
        assert!(token(&pod, "", "").0, "{pod}");
    }
}

#[test]
fn the_account_default_keeps_its_token_while_pods_use_it() {
    let default =
        "---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: ops}}\n";
    let account_loses = |pod: &str| {
        let input = format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: a, namespace: ops}}, spec: {{{pod}}}}}\n{default}"
        );
        let (changes, _) = fit(&input, CONFIG).unwrap();
        changes.iter().any(|it| it.resource == 1)
    };
    let elects = "containers: [{name: a, image: example.com/a:1, args: [--leader-elect]}]";
    assert!(account_loses(PLAIN));
    assert!(!account_loses(elects));
    // These pods decide themselves, or have another account.
    let decides = format!("automountServiceAccountToken: true, {elects}");
    assert!(account_loses(&decides));
    assert!(account_loses(&format!(
        "serviceAccountName: robot, {elects}"
    )));
}
