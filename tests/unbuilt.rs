//! What only a build of a kustomization has is counted where files are checked: `0 errors` says nothing about it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;

use crate::focus::git;
use crate::program::Folder;

const CONFIG: &str = "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: a}\nspec: {environment: test, checks: {only: \
     [FIT-TGT004]}}\n";

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

/// A kustomization in `p/k` with an object, and what else there is.
fn folder(kustomization: &str, more: &[(&str, &str)]) -> Folder {
    let files = [
        ("c.yaml", CONFIG),
        ("p/k/a.yaml", CONFIG_MAP),
        ("p/k/kustomization.yaml", kustomization),
    ];
    Folder::with(&[&files, more].concat())
}

/// The end of the line of totals behind the waived ones.
fn ending(folder: &Folder, arguments: &[&str]) -> String {
    let run = folder.run(&[&["check", "-c", "c.yaml"], arguments].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let line = run.stdout.lines().find(|it| it.starts_with("Check  "));
    let line = line.unwrap_or_else(|| panic!("{}", run.stdout));
    line.split_once(" waived").unwrap().1.to_owned()
}

const ADDS: &str = "; 1 object not examined (Kustomization)";
const CHANGES: &str = "; 1 object examined in part (Kustomization)";

/// An entry of `patches`, as text.
fn patch(target: &str, patch: &str) -> String {
    let lines = patch.replace('\n', "\n    ");
    format!("patches:\n- target: {target}\n  patch: |-\n    {lines}\n")
}

/// A strategic merge patch.
fn merge(kind: &str, rest: &str) -> String {
    let patch = format!("kind: {kind}\n    metadata: {{name: a}}\n    {rest}");
    format!("patches:\n- patch: |\n    {patch}\n")
}

/// A plugin that is written out.
fn plugin(list: &str, version: &str, kind: &str, rest: &str) -> String {
    let object =
        format!("apiVersion: {version}\n  kind: {kind}\n  metadata: {{name: a}}\n  {rest}");
    format!("{list}:\n- |\n  {object}\n")
}

fn replacement(field: &str) -> String {
    let source = "source: {kind: ConfigMap, fieldPath: data.a}";
    let target = format!("select: {{kind: ConfigMap}}\n    fieldPaths: [{field}]");
    format!("replacements:\n- {source}\n  targets:\n  - {target}\n")
}

const HOST_PID: &str = "[{op: add, path: /spec/hostPID, value: true}]";
const TO_POD: &str = "[{op: replace, path: /kind, value: Pod}]";

/// Asserts what is counted for each kustomization.
fn counted<'k>(expected: &str, kustomizations: impl IntoIterator<Item = &'k str>) {
    let config = "resources: [f.yaml]\n".to_owned()
        + &patch(
            "{kind: Fitout}",
            "[{op: add, path: /spec/environment, value: b}]",
        );
    let generator =
        |kind: &str| format!("apiVersion: builtin\nkind: {kind}\nmetadata: {{name: a}}\n");
    let more = [
        ("p/k/chart.yaml", &*generator("HelmChartInflationGenerator")),
        ("p/k/map.yaml", &generator("ConfigMapGenerator")),
        ("p/k/fitout.yaml", CONFIG),
        (
            "p/k/names.yaml",
            "nameReference: [{kind: ConfigMap, fieldSpecs: [{path: spec/template/spec/a}]}]\n\
             images: [{path: 'spec/a/containers[]/image'}]\n",
        ),
        (
            "p/k/fields.yaml",
            "replicas: [{path: spec/securityContext/runAsUser}]\n",
        ),
        ("p/f/kustomization.yaml", &config),
        ("p/f/f.yaml", CONFIG),
    ];
    for kustomization in kustomizations {
        let folder = folder(kustomization, &more);
        let found = ending(&folder, &["-f", "p"]);
        assert_eq!(found, expected, "{kustomization}");
    }
}

#[test]
fn objects_of_charts_generators_and_other_places_are_counted() {
    let entries = [
        "https://github.com/a/b//x?ref=v1",
        "HTTPS://e.com/a.yaml",
        "git@github.com:a/b.git",
        "me@e.com:a/b",
        "git::https://e.com/a/b",
        "github.com/a/b?ref=v1",
        "ssh://e.com/a/b",
        "me@github.com/a/b",
    ];
    let remote = entries.map(|it| format!("resources: [a.yaml, \"{it}\"]\n"));
    counted(ADDS, remote.iter().map(String::as_str));
    counted(
        ADDS,
        [
            "helmCharts: [{name: a, repo: 'https://e.com'}]\n",
            "HELMCHARTS: [{name: a}]\n",
            "helmChartInflationGenerator: [{chartName: a}]\n",
            "bases: [github.com/a/b]\n",
            "Components: ['https://e.com/a//b']\n",
            "generators: [chart.yaml]\n",
            "generators: ['https://e.com/a.yaml']\n",
            &plugin(
                "generators", "builtin", "HelmChartInflationGenerator", "name: b",
            ),
            &plugin("generators", "a.b/v1", "Any", ""),
        ],
    );
    counted(
        "",
        [
            "helmCharts: []\n",
            "helmGlobals: {chartHome: charts}\n",
            "resources: [a.yaml, ../a@b/c.yaml, ./github.yaml, https.yaml]\n",
            "configMapGenerator: [{name: b, literals: [a=b]}]\n",
            "generators: [map.yaml]\n",
            &plugin("generators", "builtin", "ConfigMapGenerator", ""),
        ],
    );
}

#[test]
fn changes_of_pods_and_kinds_are_counted() {
    let of_transformer = format!("target: {{kind: Pod}}\n  patch: '{HOST_PID}'");
    let of_json = format!("target: {{kind: Pod, name: a}}\n  jsonOp: '{HOST_PID}'");
    counted(
        CHANGES,
        [
            &*patch("{kind: Pod}", HOST_PID),
            &patch("{kind: Pod}", HOST_PID).replace("patches", "patchesJson6902"),
            &patch("{kind: Deployment|StatefulSet}", HOST_PID),
            &patch("{kind: '.*'}", "[{op: add, path: /spec/a, value: b}]"),
            &patch(
                "{labelSelector: a=b}",
                "[{op: add, path: /spec/a, value: b}]",
            ),
            // Only kustomize could read it.
            &patch("{kind: ConfigMap}", "[{op: add, op: add, path: /data/a}]"),
            // Knative has Services with pods.
            &patch(
                "{kind: Service}",
                "[{op: remove, path: /spec/template/spec/a}]",
            ),
            &merge("Pod", "spec: {hostPID: true}"),
            &merge("Any", "spec: 1"),
            "patchesStrategicMerge:\n- |\n  {kind: Pod, metadata: {name: a}, spec: {hostPID: true}}\n",
            "transformers: ['https://e.com/a.yaml']\n",
            "replacements: [{path: a.yaml}]\n",
            &replacement("spec.template.spec.hostPID"),
            &replacement("spec.hostPID").replace("select: {kind: ConfigMap}", "select: {name: a}"),
            &plugin(
                "transformers",
                "builtin",
                "ReplacementTransformer",
                "replacements: [{targets: [{select: {kind: Pod}, fieldPaths: [spec.hostPID]}]}]",
            ),
            &plugin(
                "transformers",
                "builtin",
                "PatchStrategicMergeTransformer",
                "paths: ['{kind: Pod, metadata: {name: a}, spec: {hostPID: true}}']",
            ),
            // Fields of pods that labels and the like are written to.
            "labels: [{pairs: {type: Unconfined}, fields: [{path: spec/securityContext/seccompProfile}]}]\n",
            "replicas: [{name: a, count: 0}]\nconfigurations: [names.yaml, fields.yaml]\n",
            "configurations: [none.yaml]\n",
            &plugin(
                "transformers",
                "builtin",
                "AnnotationsTransformer",
                "fieldSpecs: [{path: spec/volumes/hostPath}]",
            ),
            // Annotations and labels that matter.
            "commonAnnotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}\n",
            "commonLabels: {pod-security.kubernetes.io/enforce: privileged}\n",
            &merge("Pod", "metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: a}}"),
            &patch(
                "{kind: Namespace}",
                "[{op: add, path: /metadata/labels/pod-security.kubernetes.io~1enforce, value: privileged}]",
            ),
            &patch(
                "{kind: Deployment}",
                "[{op: move, from: /spec/template/spec/securityContext, path: /metadata/annotations}]",
            ),
            // Another program, or another kind, than fitout.
            &plugin("transformers", "fitout.dev/v1alpha1", "Any", ""),
            &plugin("transformers", "fitout.dev/v1alpha1", "Fitout", "").replace(
                "{name: a}",
                "{name: a, annotations: {config.kubernetes.io/function: 'container: {image: a/b}'}}",
            ),
            &plugin(
                "transformers", "builtin", "PatchTransformer", &of_transformer,
            ),
            &plugin(
                "transformers", "builtin", "PatchJson6902Transformer", &of_json,
            ),
            &plugin("transformers", "a.b/v1", "Any", ""),
        ],
    );
    counted(
        "",
        [
            &*patch("{kind: ConfigMap}", HOST_PID),
            &patch("{kind: ConfigMap|Secret}", "[{op: remove, path: /data/a}]"),
            &patch(
                "{kind: ConfigMap}",
                "[{op: test, path: /kind, value: ConfigMap}]",
            ),
            &patch(
                "{name: a}",
                "[{op: add, path: /metadata/labels/a, value: b}]",
            ),
            &patch(
                "{name: a}",
                "[{op: replace, path: /spec/replicas, value: 2}]",
            ),
            &patch(
                "{kind: Service}",
                "[{op: add, path: /spec/type, value: NodePort}]",
            ),
            &merge("Pod", "spec: {replicas: 1}"),
            &merge("Pod", "$patch: delete"),
            &(merge("ConfigMap", "data: {a: b}") + "  target: null\n"),
            &merge("ServiceMonitor", "spec: {endpoints: []}"),
            "patches: [{path: b.yaml}]\n",
            "patchesStrategicMerge: [b.yaml]\n",
            "configurations: [names.yaml]\n",
            &replacement("spec.rules"),
            &replacement("metadata.name").replace("select: {kind: ConfigMap}", "select: {}"),
            &replacement("'spec.template.spec.containers.[name=a].image'"),
            "commonLabels: {a: b}\nlabels: [{pairs: {a: b}, fields: [{path: spec/a/metadata/labels}]}]\n",
            &patch("{kind: RuntimeClass|ValidatingWebhookConfiguration}", HOST_PID),
            "namePrefix: a-\nimages: [{name: a, newTag: b}]\nreplicas: [{name: a, count: 2}]\n",
            "transformers: [fitout.yaml, ../f]\n",
            "validators: ['https://e.com/a.yaml']\n",
            &plugin(
                "transformers", "builtin", "LabelTransformer", "labels: {a: b}",
            ),
            &plugin("transformers", "fitout.dev/v1alpha1", "Fitout", ""),
            &plugin("transformers", "fitout.dev/v1alpha1", "Fitout", "").replace(
                "{name: a}",
                "{name: a, annotations: {config.kubernetes.io/function: 'exec: {path: /opt/fitout}'}}",
            ),
        ],
    );
    let options = "  options: {allowKindChange: true}\n";
    counted(
        ADDS,
        [
            &*(patch("{kind: ConfigMap}", "[{op: remove, path: /data/a}]") + options),
            // A JSON patch changes the kind without that option too.
            &patch("{kind: ConfigMap}", TO_POD),
            &patch("{name: a}", "[{op: replace, path: '', value: {}}]"),
            &replacement("kind"),
            &format!("patches:\n- path: b.yaml\n{options}"),
            // Once for each kustomization, and the most severe.
            &(patch("{kind: Pod}", HOST_PID) + "helmCharts: [{name: a}, {name: b}]\n"),
        ],
    );
}

#[test]
fn only_kustomizations_that_are_checked_count() {
    let folder = folder("helmCharts: [{name: a}]\n", &[("p/b/b.yaml", CONFIG_MAP)]);
    for (arguments, expected) in [
        (&["-f", "p"][..], ADDS),
        (&["-f", "p/k", "-f", "./p/k/kustomization.yaml"], ADDS),
        (&["-f", "p/k/a.yaml"], ""),
        (&["-f", "p/b"], ""),
        (&["-f", "p", "--exclude", "kustomization.yaml"], ""),
    ] {
        assert_eq!(ending(&folder, arguments), expected, "{arguments:?}");
    }
    std::fs::rename(
        folder.path().join("p/k/kustomization.yaml"),
        folder.path().join("p/k/Kustomization"),
    )
    .unwrap();
    assert_eq!(ending(&folder, &["-f", "p"]), ADDS);
}

#[test]
fn what_only_a_build_has_is_reported_with_its_place() {
    let folder = folder(
        "resources:\n- a.yaml\n- https://e.com/a.yaml\nhelmCharts: [{name: a}]\npatches:\n- target: {kind: Pod}\n  patch: '[{op: add, path: \
         /spec, value: {}}]'\n",
        &[],
    );
    let run = folder.run(&[
        "check", "-f", "p", "-c", "c.yaml", "-o", "json", "-o", "sarif=sarif",
    ]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["summary"]["unexamined"], 1);
    let results = report["results"].as_array().unwrap();
    let found = results.iter().map(|it| {
        let file = &it["file"];
        let place = format!("{}:{}", file["path"].as_str().unwrap(), file["line"]);
        (place, it["message"].as_str().unwrap().to_owned())
    });
    let place = |line| format!("p/k/kustomization.yaml:{line}");
    let expected = [
        (place(6), "examined in part: a build changes what is checked, because of `patches[0]`".to_owned()),
        (
            place(3),
            "not examined: a build has other objects than the files, because of `resources[1]`, `helmCharts`".to_owned(),
        ),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let log: Value = serde_json::from_str(&folder.read("sarif")).unwrap();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "p/k/kustomization.yaml");
    assert_eq!(place["region"]["startLine"], 6);
    // It is counted where it is not shown.
    folder.write(
        "c.yaml",
        &CONFIG.replace("only: [FIT-TGT004]", "disable: [FIT-TGT004]"),
    );
    assert_eq!(ending(&folder, &["-f", "p"]), ADDS);
}

#[test]
fn shards_and_commits_report_it_once() {
    let folder = folder("helmCharts: [{name: a}]\n", &[("p/b.yaml", CONFIG_MAP)]);
    let commit = || {
        git(&folder, &["add", "-A"]);
        git(&folder, &["commit", "-qm", "next"]);
    };
    git(&folder, &["init", "-q"]);
    commit();
    let shards = ["0/2", "1/2"].map(|it| ending(&folder, &["-f", "p", "--shard", it]));
    assert_eq!(shards, [ADDS, ""]);
    let since = ["-f", "p", "--since", "HEAD"];
    folder.write("p/b.yaml", &CONFIG_MAP.replace("name: a", "name: b"));
    assert_eq!(ending(&folder, &since), "");
    folder.write(
        "p/k/kustomization.yaml",
        "# moved\n\nhelmCharts: [{name: a}]\n",
    );
    assert_eq!(ending(&folder, &since), "");
    folder.write("p/k/kustomization.yaml", "helmCharts: [{name: b}]\n");
    assert_eq!(ending(&folder, &since), ADDS);
    folder.write(
        "p/k/kustomization.yaml",
        "helmCharts: [{name: a}]\nresources: ['https://e.com/a.yaml']\n",
    );
    assert_eq!(ending(&folder, &since), ADDS);
    commit();
    assert_eq!(ending(&folder, &since), "");
    // What a kept result is for has it too.
    let cache = Folder::with(&[]);
    let cached = ["-f", "p", "--cache-dir", cache.path().to_str().unwrap()];
    assert_eq!(ending(&folder, &cached), ADDS);
    assert_eq!(ending(&folder, &cached), ADDS);
    folder.write("p/k/kustomization.yaml", "resources: [a.yaml]\n");
    assert_eq!(ending(&folder, &cached), "");
}
