//! What is known about kinds without pods of their own: that nothing creates pods from them, or that something does.

use crate::read::Resource;

/// A row of a table: a group, and its kinds; without kinds the whole group.
type Row = (&'static str, &'static [&'static str]);

/// Groups and kinds that no controller creates pods from, although some have mappings that look like pods: examples in
/// schemas, patterns in policies, history of controllers, and patches of prometheus-operator. Others are files that a program
/// reads.
const NO_PODS: &[Row] = &[
    (
        "",
        &[
            "ConfigMap", "Endpoints", "Event", "LimitRange", "Namespace", "Node",
            "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota", "Secret", "Service",
            "ServiceAccount",
        ],
    ),
    ("acme.cert-manager.io", &["Order"]),
    ("admissionregistration.k8s.io", &[]),
    ("apiextensions.k8s.io", &[]),
    ("apiregistration.k8s.io", &[]),
    ("apps", &["ControllerRevision"]),
    ("argoproj.io", &["AppProject"]),
    ("audit.k8s.io", &[]),
    ("autoscaling", &[]),
    ("autoscaling.k8s.io", &[]),
    ("backstage.io", &[]),
    ("bitnami.com", &[]),
    ("cert-manager.io", &[]),
    ("certificates.k8s.io", &[]),
    ("cilium.io", &[]),
    ("cloud.google.com", &["BackendConfig"]),
    ("config.openshift.io", &[]),
    ("configuration.konghq.com", &[]),
    ("constraints.gatekeeper.sh", &[]),
    ("coordination.k8s.io", &[]),
    ("crd.projectcalico.org", &[]),
    ("discovery.k8s.io", &[]),
    ("elbv2.k8s.aws", &[]),
    (
        "external-secrets.io",
        &["ClusterSecretStore", "SecretStore"],
    ),
    ("externaldns.k8s.io", &[]),
    ("fitout.dev", &[]),
    ("flowcontrol.apiserver.k8s.io", &[]),
    ("fn.kpt.dev", &[]),
    ("gateway.networking.k8s.io", &[]),
    ("generators.external-secrets.io", &[]),
    (
        "grafana.integreatly.org",
        &[
            "GrafanaAlertRuleGroup", "GrafanaContactPoint", "GrafanaDashboard",
            "GrafanaDatasource", "GrafanaFolder",
        ],
    ),
    ("image.openshift.io", &[]),
    ("image.toolkit.fluxcd.io", &[]),
    (
        "kafka.strimzi.io",
        &[
            "KafkaConnector", "KafkaRebalance", "KafkaTopic", "KafkaUser",
        ],
    ),
    ("karpenter.k8s.aws", &[]),
    ("karpenter.sh", &[]),
    (
        "keda.sh",
        &[
            "ClusterTriggerAuthentication", "ScaledObject", "TriggerAuthentication",
        ],
    ),
    ("kind.x-k8s.io", &[]),
    ("kpt.dev", &[]),
    ("kubeadm.k8s.io", &[]),
    ("kustomize.config.k8s.io", &[]),
    (
        "kyverno.io",
        &["CleanupPolicy", "ClusterCleanupPolicy", "PolicyException"],
    ),
    ("linkerd.io", &[]),
    ("metallb.io", &[]),
    ("metrics.k8s.io", &[]),
    (
        "monitoring.coreos.com",
        &[
            "AlertmanagerConfig", "PodMonitor", "Probe", "PrometheusRule", "ScrapeConfig",
            "ServiceMonitor",
        ],
    ),
    (
        "monitoring.googleapis.com",
        &[
            "ClusterPodMonitoring", "ClusterRules", "GlobalRules", "PodMonitoring", "Rules",
        ],
    ),
    ("networking.gke.io", &[]),
    ("networking.istio.io", &[]),
    ("networking.k8s.io", &[]),
    ("node.k8s.io", &[]),
    ("notification.toolkit.fluxcd.io", &[]),
    (
        "operator.victoriametrics.com",
        &[
            "VMAlertmanagerConfig", "VMNodeScrape", "VMPodScrape", "VMProbe", "VMRule",
            "VMScrapeConfig", "VMServiceScrape", "VMStaticScrape", "VMUser",
        ],
    ),
    (
        "policies.kyverno.io",
        &[
            "DeletingPolicy",
            "ImageValidatingPolicy",
            "NamespacedDeletingPolicy",
            "NamespacedImageValidatingPolicy",
            "NamespacedValidatingPolicy",
            "PolicyException",
            "ValidatingPolicy",
        ],
    ),
    ("policy", &[]),
    ("policy.linkerd.io", &[]),
    ("policy.networking.k8s.io", &[]),
    ("projectcalico.org", &[]),
    (
        "projectcontour.io",
        &["HTTPProxy", "TLSCertificateDelegation"],
    ),
    ("rbac.authorization.k8s.io", &[]),
    ("route.openshift.io", &[]),
    ("scheduling.k8s.io", &[]),
    ("secrets-store.csi.x-k8s.io", &[]),
    ("security.istio.io", &[]),
    ("security.openshift.io", &[]),
    ("snapshot.storage.k8s.io", &[]),
    ("source.toolkit.fluxcd.io", &[]),
    ("storage.k8s.io", &[]),
    ("telemetry.istio.io", &[]),
    ("templates.gatekeeper.sh", &[]),
    ("traefik.containo.us", &[]),
    ("traefik.io", &[]),
    ("trust.cert-manager.io", &[]),
    ("wgpolicyk8s.io", &[]),
];

/// Kinds whose controllers deploy manifests, charts or programs that the object only names, or has as text.
const DEPLOYERS: &[Row] = &[
    ("addons.cluster.x-k8s.io", &[]),
    (
        "apiextensions.crossplane.io",
        &["Composition", "CompositionRevision"],
    ),
    (
        "apps.open-cluster-management.io",
        &["Channel", "Subscription"],
    ),
    ("argoproj.io", &["Application", "ApplicationSet", "ArgoCD"]),
    ("catalog.cattle.io", &["App", "ClusterRepo"]),
    ("config.projectsveltos.io", &[]),
    ("configsync.gke.io", &[]),
    ("core.oam.dev", &[]),
    (
        "fleet.cattle.io",
        &["Bundle", "BundleDeployment", "Content", "GitRepo", "HelmOp"],
    ),
    ("fluxcd.controlplane.io", &[]),
    ("helm.cattle.io", &[]),
    ("helm.crossplane.io", &["Release"]),
    ("helm.fluxcd.io", &[]),
    ("helm.k0sproject.io", &[]),
    ("helm.toolkit.fluxcd.io", &[]),
    ("infra.contrib.fluxcd.io", &[]),
    ("install.istio.io", &[]),
    ("kappctrl.k14s.io", &["App"]),
    ("kustomize.toolkit.fluxcd.io", &[]),
    (
        "olm.operatorframework.io",
        &["ClusterCatalog", "ClusterExtension"],
    ),
    (
        "operators.coreos.com",
        &["CatalogSource", "InstallPlan", "Subscription"],
    ),
    ("packaging.carvel.dev", &["PackageInstall"]),
    ("pkg.crossplane.io", &[]),
    (
        "policies.kyverno.io",
        &["GeneratingPolicy", "NamespacedGeneratingPolicy"],
    ),
    ("pulumi.com", &[]),
    ("sailoperator.io", &[]),
];

fn is_listed(table: &[Row], resource: &Resource<'_>) -> bool {
    let group = resource.group();
    let mut rows = table.iter().filter(|(known, _)| *known == group);
    rows.any(|(_, kinds)| kinds.is_empty() || kinds.contains(&&*resource.kind))
}

/// Whether the controller of this kind deploys what the object only names.
pub(super) fn creates_pods(resource: &Resource<'_>) -> bool {
    is_listed(DEPLOYERS, resource)
}

/// Whether nothing creates pods from this kind.
pub(super) fn has_no_pods(resource: &Resource<'_>) -> bool {
    let group = resource.group();
    // Its controller can write any object instead of a Secret.
    let writes_others = || {
        let targets = [
            &["spec", "target", "manifest"][..],
            &["spec", "externalSecretSpec", "target", "manifest"],
        ];
        let mut targets = targets.into_iter();
        targets.any(|path| resource.node.at(path.iter().copied()).is_some())
    };
    // Programs read files of such groups from disk.
    let is_file = || group.ends_with(".config.k8s.io");
    is_listed(NO_PODS, resource) || group == "external-secrets.io" && !writes_others() || is_file()
}

/// Whether nothing is known about this kind: Kubernetes does not have it.
pub(super) fn is_unknown(resource: &Resource<'_>) -> bool {
    resource.group().contains('.') && !resource.is_typed()
}
