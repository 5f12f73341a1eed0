//! Shapes that hide pods from a search.

use super::{Gap, Undeclared};
use crate::objects::Target;
use crate::read::{Origin, Resource};
use crate::yaml::Stream;

/// What is found in an object of an unknown kind: the paths of containers, and what is not examined.
fn found(spec: &str) -> (Vec<String>, Option<Gap>) {
    found_in(&format!(
        "apiVersion: acme.io/v1\nkind: Widget\nmetadata: {{name: a}}\n{spec}"
    ))
}

fn found_in(object: &str) -> (Vec<String>, Option<Gap>) {
    let stream = Stream::parse(object).expect("YAML");
    let root = stream.documents().next().expect("a document").root();
    let mut resources = Vec::new();
    Resource::read(root, 0, Origin::default(), &mut resources).expect("an object");
    let target = Target::of(&resources[0], &[], &[]).expect("an object that can be read");
    let Some(undeclared) = target.undeclared else {
        return (Vec::new(), None);
    };
    let Undeclared { templates, gap, .. } = *undeclared;
    let containers = templates.iter().flat_map(|it| &it.containers);
    let paths = containers.map(|it| it.subject.path.to_string());
    (paths.collect(), gap)
}

fn paths(spec: &str) -> Vec<String> {
    found(spec).0
}

#[test]
fn a_pod_is_found_under_any_key_and_at_any_depth() {
    let pod = "{containers: [{name: a, image: a}]}";
    for (spec, path) in [
        (format!("spec: {pod}"), "/spec/containers/0"),
        (
            format!("template: {{spec: {pod}}}"),
            "/template/spec/containers/0",
        ),
        (format!("'': {{'': {pod}}}"), "///containers/0"),
        (format!("'a/b': {{'~': {pod}}}"), "/a~1b/~0/containers/0"),
        (format!("1: {{true: {pod}}}"), "/1/true/containers/0"),
        (format!("a: [[[{pod}]]]"), "/a/0/0/0/containers/0"),
        (
            format!("status: 1\nspec: {{status: {pod}}}"),
            "/spec/status/containers/0",
        ),
        (
            format!("spec: {{metadata: {pod}}}"),
            "/spec/metadata/containers/0",
        ),
        (
            format!("\"\\x73pec\": {{\"\\u0061\": {pod}}}"),
            "/spec/a/containers/0",
        ),
        (
            "spec: {\"c\\x6fntainers\": [{name: a, \"im\\x61ge\": a}]}".to_owned(),
            "/spec/containers/0",
        ),
        (
            "containers: [{name: a, image: a}]".to_owned(),
            "/containers/0",
        ),
        (
            "steps: [{name: a, image: a, args: []}]".to_owned(),
            "/steps/0",
        ),
    ] {
        assert_eq!(paths(&spec), [path], "{spec}");
    }
}

#[test]
fn one_container_without_a_name_or_an_image_does_not_hide_the_others() {
    for spec in [
        "spec: {containers: [{name: a, image: a}, {name: b}]}",
        "spec: {containers: [{name: a, image: a}, {image: b}]}",
        "spec: {initContainers: [{name: a, image: a}], containers: [{name: b}]}",
    ] {
        assert_eq!(paths(spec).len(), 2, "{spec}");
    }
    // What is not a mapping is no container, and is reported.
    let (containers, gap) = found("spec: {containers: [{name: a, image: a}, text]}");
    assert_eq!(containers, ["/spec/containers/0"]);
    assert_eq!(gap, Some(Gap::Unreadable("spec.containers".to_owned())));
}

#[test]
fn one_pod_does_not_hide_another_one() {
    let spec = "spec:\n  containers: [{name: a, image: a}]\n  volumes: [{pod: {containers: [{name: b, image: b}]}}]\n  \
                securityContext: {x: {containers: [{name: c, image: c}]}}";
    assert_eq!(paths(spec).len(), 3);
    let many: String = (0..30)
        .map(|at| format!("  p{at}: {{containers: [{{name: a, image: a}}]}}\n"))
        .collect();
    assert_eq!(paths(&format!("spec:\n{many}")).len(), 30);
}

#[test]
fn aliases_and_merges_are_followed_once() {
    let aliases = "a: &a {containers: [{name: a, image: a}]}\nb: *a\nc: [*a, *a]";
    assert_eq!(paths(aliases), ["/a/containers/0"]);
    let merged = "a: &a {hostPID: true}\nspec: {<<: *a, containers: [{name: a, image: a}]}";
    assert!(paths(merged).contains(&"/spec/containers/0".to_owned()));
    let containers = "a: &a [{name: a, image: a}]\nspec: {containers: *a}";
    assert_eq!(paths(containers), ["/spec/containers/0"]);
}

#[test]
fn some_fields_of_a_pod_are_examined_in_part() {
    for spec in [
        "spec: {hostNetwork: true}",
        "spec: {hostPID: yes}",
        "spec: {securityContext: {privileged: true}}",
        "spec: {containers: [{name: a, securityContext: {privileged: true}}]}",
        "spec: {pod: {hostIPC: true}, image: a}",
        "spec: {volumes: [{name: a, hostPath: {path: /}}]}",
    ] {
        let (containers, gap) = found(spec);
        assert_eq!(containers.len(), 1, "{spec}");
        assert_eq!(gap, Some(Gap::Operated), "{spec}");
    }
}

#[test]
fn a_known_operator_does_not_hide_pods_elsewhere_in_its_object() {
    let in_workflow = |spec: &str| {
        let object = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\n";
        found_in(&format!("{object}spec: {spec}"))
    };
    for spec in [
        "{templateDefaults: {container: {image: a, securityContext: {privileged: true}}}}",
        "{templates: [{steps: [[{inline: {container: {securityContext: {privileged: true}}}}]]}]}",
        "{workflowTemplateRef: {name: a}, hostNetwork: true}",
    ] {
        let (containers, gap) = in_workflow(spec);
        assert_eq!(containers.len(), 1, "{spec}");
        assert_eq!(gap, Some(Gap::Operated), "{spec}");
    }
    let unseen = (Vec::new(), Some(Gap::Unseen));
    assert_eq!(
        in_workflow("{templates: [{resource: {manifest: a}}]}"),
        unseen
    );
}

#[test]
fn a_policy_generates_pods_and_restricts_those_of_others() {
    let pod =
        "{hostPID: true, containers: [{name: a, image: a, securityContext: {privileged: true}}]}";
    let in_rule = |rule: &str| {
        let object = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\n";
        found_in(&format!("{object}spec: {{rules: [{{{rule}}}]}}")).0
    };
    let generated = in_rule(&format!("generate: {{kind: Pod, data: {{spec: {pod}}}}}"));
    assert_eq!(generated, ["/spec/rules/0/generate/data/spec/containers/0"]);
    for key in ["validate: {pattern", "mutate: {patchStrategicMerge"] {
        assert!(
            in_rule(&format!("{key}: {{spec: {pod}}}}}")).is_empty(),
            "{key}"
        );
    }
}

#[test]
fn hints_and_claims_are_not_examined() {
    let hint = |path: &str| Some(Gap::Hint(path.to_owned()));
    assert_eq!(found("spec: {image: a}").1, hint("spec.image"));
    assert_eq!(
        found("spec: {podSecurityContext: {runAsUser: 0}}").1,
        hint("spec.podSecurityContext")
    );
    assert_eq!(
        found("spec: {a: [{podTemplate: {}}]}").1,
        hint("spec.a[0].podTemplate")
    );
    let claims = Some(Gap::Claims("spec.disks[0]".to_owned()));
    assert_eq!(
        found("spec: {disks: [{accessModes: [ReadWriteOnce]}]}").1,
        claims
    );
    // Fields of the controllers that deploy other manifests are not guessed at.
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec: {values: \
                   {securityContext: {privileged: true}}}";
    assert_eq!(found_in(release), (Vec::new(), Some(Gap::Deployer)));
}

#[test]
fn objects_without_pods_are_not_reported() {
    for object in [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {image: a}",
        "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nspec: {acme: {solvers: [{http01: {ingress: {class: a}}}]}}",
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}\nspec: {secretName: a}",
        "apiVersion: metrics.k8s.io/v1\nkind: PodMetrics\nmetadata: {name: a}\ncontainers: [{name: a, usage: {}}]",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nimage: a",
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {target: {name: a}}",
        "apiVersion: v1\nkind: Unknown\nspec: {}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}",
    ] {
        assert_eq!(found_in(object), (Vec::new(), None), "{object}");
    }
}

#[test]
fn what_an_unknown_kind_creates_is_not_known() {
    for object in [
        "apiVersion: acme.io/v1\nkind: Widget\nmetadata: {name: a, image: a}\nstatus: {image: a}\nspec: {hostNetwork: false}",
        "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nspec: {triggers: [{template: {k8s: {source: {inline: 'kind: Pod'}}}}]}",
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {target: {manifest: {kind: Pod}}}",
        "apiVersion: metallb.io/v1beta1\nkind: MetalLB\nspec: {}",
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nspec: {gatewayClassName: istio}",
    ] {
        let unknown = (Vec::new(), Some(Gap::UnknownKind));
        assert_eq!(found_in(object), unknown, "{object}");
    }
    let policy = "apiVersion: policies.kyverno.io/v1\nkind: MutatingPolicy\nspec: {}";
    assert_eq!(found_in(policy), (Vec::new(), Some(Gap::Mutator)));
    for object in [
        "apiVersion: fleet.cattle.io/v1alpha1\nkind: Bundle\nspec: {resources: [{content: 'kind: Pod'}]}",
        "apiVersion: tekton.dev/v1\nkind: TaskRun\nspec: {taskRef: {resolver: git}}",
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec: {tasks: [{name: a, taskRef: {resolver: bundles}}]}",
        "apiVersion: tekton.dev/v1beta1\nkind: PipelineRun\nspec: {pipelineRef: {name: a, bundle: example.com/a}}",
    ] {
        let deployer = (Vec::new(), Some(Gap::Deployer));
        assert_eq!(found_in(object), deployer, "{object}");
    }
    let run = "apiVersion: tekton.dev/v1\nkind: TaskRun\nspec: {taskRef: {name: a}}";
    assert_eq!(found_in(run).1, None);
}

#[test]
fn a_known_kind_is_searched_if_it_has_only_some_fields_of_its_pods() {
    let prometheus = "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nmetadata: {name: a}\nspec: {containers: [{name: \
                      a, image: a}]}";
    assert_eq!(
        found_in(prometheus),
        (vec!["/spec/containers/0".to_owned()], Some(Gap::Operated))
    );
    let empty = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {hostPID: true}}}";
    assert_eq!(found_in(empty), (Vec::new(), None));
}

#[test]
fn a_known_kind_is_searched_for_pods_at_other_places() {
    let known = "template: {deploymentTemplate: {spec: {template: {spec: {containers: [{name: a, image: a}]}}}}}";
    let united = |spec: &str| {
        found_in(&format!(
            "apiVersion: apps.kruise.io/v1alpha1\nkind: UnitedDeployment\nmetadata: {{name: a}}\nspec: {{{known}{spec}}}"
        ))
    };
    assert_eq!(united(""), (Vec::new(), None));
    let patch = ", topology: {subsets: [{patch: {spec: {hostPID: true, containers: [{name: a, securityContext: {privileged: true}}]}}}]}";
    let path = "/spec/topology/subsets/0/patch/spec/containers/0";
    assert_eq!(united(patch), (vec![path.to_owned()], Some(Gap::Operated)));
    // Other versions of a kind have their pods elsewhere.
    for (object, path) in [
        (
            "apiVersion: kubeflow.org/v1alpha1\nkind: MPIJob\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: a, image: a}]}}}",
            "/spec/template/spec/containers/0",
        ),
        (
            "apiVersion: jobset.x-k8s.io/v1alpha1\nkind: JobSet\nmetadata: {name: a}\nspec: {jobs: [{template: {spec: {template: {spec: \
             {containers: [{name: a, image: a}]}}}}}]}",
            "/spec/jobs/0/template/spec/template/spec/containers/0",
        ),
    ] {
        assert_eq!(found_in(object), (vec![path.to_owned()], None), "{object}");
    }
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: a}\nspec: {template: {spec: {hostPID: true}}}";
    assert_eq!(found_in(rollout), (Vec::new(), None));
}

#[test]
fn a_pod_does_not_hide_the_hints_next_to_it() {
    let pod = "decoy: {tolerations: [], volumes: [{image: {reference: a}}], containers: [{name: a, image: a}]}";
    let more = |path: &str| Some(Gap::MorePods(path.to_owned()));
    for (spec, gap) in [
        (format!("spec: {{image: a, {pod}}}"), more("spec.image")),
        (
            format!("spec: {{{pod}, a: [{{podSecurityContext: {{}}}}]}}"),
            more("spec.a[0].podSecurityContext"),
        ),
        (format!("spec: {{{pod}}}"), None),
        (
            format!(
                "podTemplate: {{spec: {{containers: [{{name: a, image: a}}]}}}}\nspec: {{{pod}}}"
            ),
            None,
        ),
    ] {
        let (paths, found) = found(&spec);
        assert!(
            paths.contains(&"/spec/decoy/containers/0".to_owned()),
            "{spec}"
        );
        assert_eq!(found, gap, "{spec}");
    }
}

#[test]
fn a_variable_in_place_of_a_value_is_not_examined() {
    let at = |path: &str| Some(Gap::Substituted(path.to_owned()));
    for (spec, path) in [
        (
            "spec: {hostPID: '${P:=true}', containers: [{name: a, image: a}]}",
            "spec.hostPID",
        ),
        ("spec: {hostNetwork: \"true\"}", "spec.hostNetwork"),
        (
            "spec: {securityContext: {privileged: '{{ a }}'}}",
            "spec.securityContext.privileged",
        ),
        (
            "spec: {securityContext: '${S}', containers: [{name: a, image: a}]}",
            "spec.securityContext",
        ),
        (
            "spec: {containers: [{name: a, image: a, securityContext: {privileged: '${P}'}}]}",
            "spec.containers",
        ),
        (
            "spec: {steps: [{name: a, image: a, securityContext: {runAsUser: '$(u)'}}]}",
            "spec.steps",
        ),
        ("spec: {containers: '${{C}}'}", "spec.containers"),
        (
            "spec: {initContainers: '${{C}}', containers: [{name: a, image: a}]}",
            "spec.initContainers",
        ),
        (
            "objects: [{apiVersion: v1, kind: Pod, spec: '${{S}}'}]",
            "objects[0].spec",
        ),
        (
            "objects: [{apiVersion: apps/v1, kind: Deployment, spec: {template: '${{S}}'}}]",
            "objects[0].spec.template",
        ),
    ] {
        assert_eq!(found(spec).1, at(path), "{spec}");
    }
    for spec in [
        "spec: {hostPID: false, template: '{{ a }}', containers: 3}",
        "spec: {containers: [{name: a, image: '${I}', args: ['${A}']}]}",
        "objects: [{apiVersion: acme.io/v1, kind: Widget, spec: '${{S}}'}]",
    ] {
        assert_eq!(
            found(spec).1,
            Some(Gap::UnknownKind).filter(|_| !spec.contains("image")),
            "{spec}"
        );
    }
    let policy = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\nspec: {rules: [{generate: {kind: Pod, data: '{{ a }}'}}]}";
    assert_eq!(found_in(policy).1, at("spec.rules[0].generate.data"));
}
