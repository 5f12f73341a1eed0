//! What is known about kinds without pods of their own: that nothing creates pods from them, or that something does.

use crate::read::Resource;

/// A row of a table: a group, and its kinds; without kinds the whole group. Of a group that is not Kubernetes' own, kinds are
/// named, because its next kind may be an operator's.
type Row = (&'static str, &'static [&'static str]);

/// Calico serves its kinds as custom resources and by an API of its own.
const CALICO: &[&str] = &[
    "BGPConfiguration",
    "BGPFilter",
    "BGPPeer",
    "BlockAffinity",
    "CalicoNodeStatus",
    "ClusterInformation",
    "FelixConfiguration",
    "GlobalNetworkPolicy",
    "GlobalNetworkSet",
    "HostEndpoint",
    "IPAMBlock",
    "IPAMConfig",
    "IPAMConfiguration",
    "IPAMHandle",
    "IPPool",
    "IPReservation",
    "KubeControllersConfiguration",
    "NetworkPolicy",
    "NetworkSet",
    "Node",
    "Profile",
    "StagedGlobalNetworkPolicy",
    "StagedKubernetesNetworkPolicy",
    "StagedNetworkPolicy",
    "Tier",
    "WorkloadEndpoint",
];

/// Traefik's kinds, in the group of its second version and in that of its third.
const TRAEFIK: &[&str] = &[
    "IngressRoute", "IngressRouteTCP", "IngressRouteUDP", "Middleware", "MiddlewareTCP",
    "ServersTransport", "ServersTransportTCP", "TLSOption", "TLSStore", "TraefikService",
];

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
    (
        "backstage.io",
        &[
            "API", "Component", "Domain", "Group", "Location", "Resource", "System", "Template",
            "User",
        ],
    ),
    ("bitnami.com", &["SealedSecret"]),
    ("cert-manager.io", &["Certificate", "CertificateRequest"]),
    ("certificates.k8s.io", &[]),
    (
        "cilium.io",
        &[
            "CiliumBGPAdvertisement",
            "CiliumBGPClusterConfig",
            "CiliumBGPNodeConfig",
            "CiliumBGPNodeConfigOverride",
            "CiliumBGPPeerConfig",
            "CiliumBGPPeeringPolicy",
            "CiliumCIDRGroup",
            "CiliumClusterwideEnvoyConfig",
            "CiliumClusterwideNetworkPolicy",
            "CiliumEgressGatewayPolicy",
            "CiliumEndpoint",
            "CiliumEndpointSlice",
            "CiliumEnvoyConfig",
            "CiliumExternalWorkload",
            "CiliumGatewayClassConfig",
            "CiliumIdentity",
            "CiliumL2AnnouncementPolicy",
            "CiliumLoadBalancerIPPool",
            "CiliumLocalRedirectPolicy",
            "CiliumNetworkPolicy",
            "CiliumNode",
            "CiliumNodeConfig",
            "CiliumPodIPPool",
            "TracingPolicy",
            "TracingPolicyNamespaced",
        ],
    ),
    ("cloud.google.com", &["BackendConfig"]),
    (
        "config.openshift.io",
        &[
            "APIServer", "Authentication", "Build", "ClusterOperator", "Console", "DNS",
            "FeatureGate", "Image", "ImageContentPolicy", "ImageDigestMirrorSet",
            "ImageTagMirrorSet", "Infrastructure", "Ingress", "Network", "Node", "OAuth",
            "OperatorHub", "Project", "Proxy", "Scheduler",
        ],
    ),
    (
        "configuration.konghq.com",
        &[
            "IngressClassParameters", "KongCACertificate", "KongCertificate", "KongClusterPlugin",
            "KongConsumer", "KongConsumerGroup", "KongCustomEntity", "KongIngress", "KongKey",
            "KongKeySet", "KongLicense", "KongPlugin", "KongRoute", "KongSNI", "KongService",
            "KongTarget", "KongUpstream", "KongUpstreamPolicy", "KongVault", "TCPIngress",
            "UDPIngress",
        ],
    ),
    ("constraints.gatekeeper.sh", &[]),
    ("coordination.k8s.io", &[]),
    ("crd.projectcalico.org", CALICO),
    ("discovery.k8s.io", &[]),
    (
        "elbv2.k8s.aws",
        &["IngressClassParams", "TargetGroupBinding"],
    ),
    (
        "external-secrets.io",
        &["ClusterSecretStore", "SecretStore"],
    ),
    ("externaldns.k8s.io", &["DNSEndpoint"]),
    ("fitout.dev", &[]),
    ("flowcontrol.apiserver.k8s.io", &[]),
    ("fn.kpt.dev", &[]),
    // Some controllers make pods of a Gateway.
    (
        "gateway.networking.k8s.io",
        &[
            "BackendLBPolicy", "BackendTLSPolicy", "GRPCRoute", "GatewayClass", "HTTPRoute",
            "ListenerSet", "ReferenceGrant", "TCPRoute", "TLSRoute", "UDPRoute",
        ],
    ),
    (
        "generators.external-secrets.io",
        &[
            "ACRAccessToken", "CloudsmithAccessToken", "ClusterGenerator", "ECRAuthorizationToken",
            "Fake", "GCRAccessToken", "GithubAccessToken", "Grafana", "MFA", "Password",
            "QuayAccessToken", "SSHKey", "STSSessionToken", "UUID", "VaultDynamicSecret",
            "Webhook",
        ],
    ),
    (
        "grafana.integreatly.org",
        &[
            "GrafanaAlertRuleGroup", "GrafanaContactPoint", "GrafanaDashboard",
            "GrafanaDatasource", "GrafanaFolder",
        ],
    ),
    (
        "image.openshift.io",
        &[
            "Image", "ImageSignature", "ImageStream", "ImageStreamImage", "ImageStreamImport",
            "ImageStreamMapping", "ImageStreamTag", "ImageTag",
        ],
    ),
    (
        "image.toolkit.fluxcd.io",
        &["ImagePolicy", "ImageRepository", "ImageUpdateAutomation"],
    ),
    (
        "kafka.strimzi.io",
        &[
            "KafkaConnector", "KafkaRebalance", "KafkaTopic", "KafkaUser",
        ],
    ),
    ("karpenter.k8s.aws", &["AWSNodeTemplate", "EC2NodeClass"]),
    (
        "karpenter.sh",
        &[
            "Machine", "NodeClaim", "NodeOverlay", "NodePool", "Provisioner",
        ],
    ),
    (
        "keda.sh",
        &[
            "ClusterTriggerAuthentication", "ScaledObject", "TriggerAuthentication",
        ],
    ),
    ("kind.x-k8s.io", &[]),
    ("kpt.dev", &["Kptfile", "ResourceGroup"]),
    ("kubeadm.k8s.io", &[]),
    ("kustomize.config.k8s.io", &[]),
    (
        "kyverno.io",
        &["CleanupPolicy", "ClusterCleanupPolicy", "PolicyException"],
    ),
    ("linkerd.io", &["ServiceProfile"]),
    (
        "metallb.io",
        &[
            "AddressPool", "BFDProfile", "BGPAdvertisement", "BGPPeer", "BGPSessionStatus",
            "Community", "ConfigurationState", "IPAddressPool", "L2Advertisement",
            "ServiceBGPStatus", "ServiceL2Status",
        ],
    ),
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
    (
        "networking.gke.io",
        &[
            "FQDNNetworkPolicy", "FrontendConfig", "GCPBackendPolicy", "GCPGatewayPolicy",
            "GCPSessionAffinityFilter", "GCPSessionAffinityPolicy", "GCPTrafficDistributionPolicy",
            "GKENetworkParamSet", "HealthCheckPolicy", "ManagedCertificate", "MultiClusterIngress",
            "MultiClusterService", "Network", "NetworkLogging", "ServiceAttachment",
        ],
    ),
    (
        "networking.istio.io",
        &[
            "DestinationRule", "EnvoyFilter", "Gateway", "ProxyConfig", "ServiceEntry", "Sidecar",
            "VirtualService", "WorkloadEntry", "WorkloadGroup",
        ],
    ),
    ("networking.k8s.io", &[]),
    ("node.k8s.io", &[]),
    (
        "notification.toolkit.fluxcd.io",
        &["Alert", "Provider", "Receiver"],
    ),
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
    (
        "policy.linkerd.io",
        &[
            "AuthorizationPolicy", "EgressNetwork", "HTTPLocalRateLimitPolicy", "HTTPRoute",
            "MeshTLSAuthentication", "NetworkAuthentication", "Server", "ServerAuthorization",
        ],
    ),
    ("policy.networking.k8s.io", &[]),
    ("projectcalico.org", CALICO),
    (
        "projectcontour.io",
        &["HTTPProxy", "TLSCertificateDelegation"],
    ),
    ("rbac.authorization.k8s.io", &[]),
    ("route.openshift.io", &["Route"]),
    ("scheduling.k8s.io", &[]),
    (
        "secrets-store.csi.x-k8s.io",
        &["SecretProviderClass", "SecretProviderClassPodStatus"],
    ),
    (
        "security.istio.io",
        &[
            "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication",
        ],
    ),
    (
        "security.openshift.io",
        &["RangeAllocation", "SecurityContextConstraints"],
    ),
    ("snapshot.storage.k8s.io", &[]),
    (
        "source.toolkit.fluxcd.io",
        &[
            "Bucket", "ExternalArtifact", "GitRepository", "HelmChart", "HelmRepository",
            "OCIRepository",
        ],
    ),
    ("storage.k8s.io", &[]),
    ("telemetry.istio.io", &["Telemetry"]),
    ("templates.gatekeeper.sh", &["ConstraintTemplate"]),
    ("traefik.containo.us", TRAEFIK),
    ("traefik.io", TRAEFIK),
    ("trust.cert-manager.io", &["Bundle", "ClusterBundle"]),
    ("wgpolicyk8s.io", &["ClusterPolicyReport", "PolicyReport"]),
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

/// Kinds whose controllers create pods from what their objects show, and only from that. So these are searched for it, and say
/// nothing else about pods.
const SHOWS_ALL: &[Row] = &[
    // The pods that solve HTTP-01 challenges.
    ("acme.cert-manager.io", &["Challenge"]),
    ("cert-manager.io", &["ClusterIssuer", "Issuer"]),
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

/// Whether nothing is known about pods of this kind: Kubernetes does not have it.
pub(super) fn is_unknown(resource: &Resource<'_>) -> bool {
    resource.group().contains('.') && !resource.is_typed() && !is_listed(SHOWS_ALL, resource)
}
