//! Which fields hold the name of an object, and what every cluster has.

use std::sync::LazyLock;

use crate::hashing::HashMap;
use crate::objects::DEFAULT_ACCOUNT;

/// A field that holds the name of an object.
pub(super) struct Row {
    /// The type of the mapping.
    pub(super) holder: &'static str,
    /// The key of the name.
    pub(super) name: &'static str,
    /// The kind; empty if the key `kind` says it.
    pub(super) kind: &'static str,
    /// What else of the object is named.
    pub(super) part: Part,
}

/// What a reference names of an object besides its name.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    None,
    /// A key of its data, in the field `key`.
    Key,
    /// Keys of its data, in `items`.
    Items,
    /// A port, 443 by default.
    Port,
}

/// References in custom resources.
pub(super) struct CustomRow {
    /// The group and the kinds that have it.
    pub(super) group: &'static str,
    pub(super) kinds: &'static [&'static str],
    /// The path of the mapping, from the object; `*` is each item of a list.
    pub(super) path: &'static [&'static str],
    pub(super) row: Row,
    /// The group of what is named, if the key `group` does not say it.
    pub(super) of: &'static str,
}

const GATEWAY: &str = "gateway.networking.k8s.io";
const CERT_MANAGER: &str = "cert-manager.io";
const EXTERNAL_SECRETS: &str = "external-secrets.io";
const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"];

/// The kind is the one that the key `kind` says, or else that of the row. FIT-ING001 is about the backends of
/// routes. Sources: the types of `sigs.k8s.io/gateway-api` v1,
/// `cert-manager/pkg/apis/certmanager/v1` and `external-secrets/apis/externalsecrets/v1`.
pub(super) static CUSTOM_ROWS: [CustomRow; 7] = [
    CustomRow {
        group: GATEWAY,
        kinds: ROUTES,
        path: &["spec", "parentRefs", "*"],
        row: row("", "name", "Gateway", Part::None),
        of: GATEWAY,
    },
    CustomRow {
        group: GATEWAY,
        kinds: &["Gateway"],
        path: &["spec"],
        row: row("", "gatewayClassName", "GatewayClass", Part::None),
        of: GATEWAY,
    },
    CustomRow {
        group: GATEWAY,
        kinds: &["Gateway"],
        path: &["spec", "listeners", "*", "tls", "certificateRefs", "*"],
        row: row("", "name", "Secret", Part::None),
        of: "",
    },
    CustomRow {
        group: CERT_MANAGER,
        kinds: &["Certificate", "CertificateRequest"],
        path: &["spec", "issuerRef"],
        row: row("", "name", "Issuer", Part::None),
        of: CERT_MANAGER,
    },
    CustomRow {
        group: EXTERNAL_SECRETS,
        kinds: &["ExternalSecret"],
        path: &["spec", "secretStoreRef"],
        row: row("", "name", "SecretStore", Part::None),
        of: EXTERNAL_SECRETS,
    },
    CustomRow {
        group: EXTERNAL_SECRETS,
        kinds: &["ClusterExternalSecret"],
        path: &["spec", "externalSecretSpec", "secretStoreRef"],
        row: row("", "name", "SecretStore", Part::None),
        of: EXTERNAL_SECRETS,
    },
    CustomRow {
        group: EXTERNAL_SECRETS,
        kinds: &["PushSecret"],
        path: &["spec", "secretStoreRefs", "*"],
        row: row("", "name", "SecretStore", Part::None),
        of: EXTERNAL_SECRETS,
    },
];

const fn row(holder: &'static str, name: &'static str, kind: &'static str, part: Part) -> Row {
    Row {
        holder,
        name,
        kind,
        part,
    }
}

/// Every reference in the types of Kubernetes. In pods and accounts, a `LocalObjectReference` names a Secret.
static ROWS: [Row; 33] = [
    row(
        "core.v1.ConfigMapEnvSource",
        "name",
        "ConfigMap",
        Part::None,
    ),
    row(
        "core.v1.ConfigMapKeySelector",
        "name",
        "ConfigMap",
        Part::Key,
    ),
    row(
        "core.v1.ConfigMapProjection",
        "name",
        "ConfigMap",
        Part::Items,
    ),
    row(
        "core.v1.ConfigMapVolumeSource",
        "name",
        "ConfigMap",
        Part::Items,
    ),
    row("core.v1.LocalObjectReference", "name", "Secret", Part::None),
    row("core.v1.SecretEnvSource", "name", "Secret", Part::None),
    row("core.v1.SecretKeySelector", "name", "Secret", Part::Key),
    row("core.v1.SecretProjection", "name", "Secret", Part::Items),
    row("core.v1.SecretReference", "name", "Secret", Part::None),
    row(
        "core.v1.SecretVolumeSource",
        "secretName",
        "Secret",
        Part::Items,
    ),
    row(
        "core.v1.AzureFileVolumeSource",
        "secretName",
        "Secret",
        Part::None,
    ),
    row(
        "core.v1.AzureFilePersistentVolumeSource",
        "secretName",
        "Secret",
        Part::None,
    ),
    row(
        "networking.v1.IngressTLS",
        "secretName",
        "Secret",
        Part::None,
    ),
    row(
        "core.v1.PodSpec",
        "serviceAccountName",
        "ServiceAccount",
        Part::None,
    ),
    row(
        "core.v1.PodSpec",
        "serviceAccount",
        "ServiceAccount",
        Part::None,
    ),
    row(
        "core.v1.PodSpec",
        "priorityClassName",
        "PriorityClass",
        Part::None,
    ),
    row(
        "core.v1.PodSpec",
        "runtimeClassName",
        "RuntimeClass",
        Part::None,
    ),
    row(
        "core.v1.PersistentVolumeClaimVolumeSource",
        "claimName",
        "PersistentVolumeClaim",
        Part::None,
    ),
    row(
        "core.v1.PersistentVolumeClaimSpec",
        "storageClassName",
        "StorageClass",
        Part::None,
    ),
    row(
        "core.v1.PersistentVolumeClaimSpec",
        "volumeName",
        "PersistentVolume",
        Part::None,
    ),
    row(
        "core.v1.PersistentVolumeClaimSpec",
        "volumeAttributesClassName",
        "VolumeAttributesClass",
        Part::None,
    ),
    row(
        "networking.v1.IngressSpec",
        "ingressClassName",
        "IngressClass",
        Part::None,
    ),
    row("rbac.v1.RoleRef", "name", "", Part::None),
    row("rbac.v1.Subject", "name", "", Part::None),
    row(
        "apps.v1.StatefulSetSpec",
        "serviceName",
        "Service",
        Part::None,
    ),
    row(
        "admissionregistration.v1.ServiceReference",
        "name",
        "Service",
        Part::Port,
    ),
    row(
        "apiextensions.v1.ServiceReference",
        "name",
        "Service",
        Part::Port,
    ),
    row(
        "apiregistration.v1.ServiceReference",
        "name",
        "Service",
        Part::Port,
    ),
    row(
        "core.v1.PodResourceClaim",
        "resourceClaimName",
        "ResourceClaim",
        Part::None,
    ),
    row(
        "core.v1.PodResourceClaim",
        "resourceClaimTemplateName",
        "ResourceClaimTemplate",
        Part::None,
    ),
    row(
        "resource.v1.DeviceRequest",
        "deviceClassName",
        "DeviceClass",
        Part::None,
    ),
    row(
        "resource.v1.ExactDeviceRequest",
        "deviceClassName",
        "DeviceClass",
        Part::None,
    ),
    row(
        "resource.v1.DeviceSubRequest",
        "deviceClassName",
        "DeviceClass",
        Part::None,
    ),
];

/// The rows of a type.
pub(super) fn rows_of(holder: &str) -> impl Iterator<Item = &'static Row> {
    static ROWS_OF: LazyLock<HashMap<&str, Vec<&Row>>> = LazyLock::new(|| {
        let mut rows: HashMap<_, Vec<_>> = HashMap::default();
        for row in &ROWS {
            rows.entry(row.holder).or_default().push(row);
        }
        rows
    });
    ROWS_OF.get(holder).into_iter().flatten().copied()
}

/// Types of many mappings that hold no reference, and nothing in them does.
pub(super) const ENDS: [&str; 13] = [
    "core.v1.Affinity",
    "core.v1.ContainerPort",
    "core.v1.EmptyDirVolumeSource",
    "core.v1.Lifecycle",
    "core.v1.PodSecurityContext",
    "core.v1.Probe",
    "core.v1.SecurityContext",
    "core.v1.ServicePort",
    "core.v1.Toleration",
    "core.v1.TopologySpreadConstraint",
    "core.v1.VolumeMount",
    "meta.v1.LabelSelector",
    "meta.v1.ObjectMeta",
];

/// What every cluster has: the kind, the namespace or none for any, and the name or its beginning with `*`.
const BUILT_IN: [(&str, Option<&str>, &str); 12] = [
    ("ServiceAccount", None, DEFAULT_ACCOUNT),
    ("ConfigMap", None, "kube-root-ca.crt"),
    (
        "ConfigMap",
        Some("kube-system"),
        "extension-apiserver-authentication",
    ),
    ("ClusterRole", None, "admin"),
    ("ClusterRole", None, "cluster-admin"),
    ("ClusterRole", None, "edit"),
    ("ClusterRole", None, "view"),
    ("ClusterRole", None, "system:*"),
    ("Role", None, "system:*"),
    (
        "Role",
        Some("kube-system"),
        "extension-apiserver-authentication-reader",
    ),
    ("PriorityClass", None, "system-*"),
    ("Service", Some("default"), "kubernetes"),
];

pub(super) fn is_built_in(kind: &str, namespace: Option<&str>, name: &str) -> bool {
    BUILT_IN.iter().any(|(of, within, known)| {
        let is_here = within.is_none() || *within == namespace;
        let is_name = match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *known,
        };
        *of == kind && is_here && is_name
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::schema::object;

    #[test]
    fn no_reference_is_below_an_end() {
        for end in ENDS {
            let mut open = vec![object(end)];
            let mut seen: Vec<&str> = Vec::new();
            assert_eq!(open[0].name(), end);
            while let Some(object) = open.pop() {
                assert!(rows_of(object.name()).next().is_none(), "{end}");
                if !seen.contains(&object.name()) {
                    seen.push(object.name());
                    open.extend(object.nested());
                }
            }
        }
    }
}
