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

/// Rows: the type, the key of the name, the kind, and what else is named.
macro_rules! rows {
    ($($holder:literal $name:literal $kind:literal $part:ident;)*) => {
        &[$(Row { holder: $holder, name: $name, kind: $kind, part: Part::$part }),*]
    };
}

/// Rows: the group, the kinds, the path, the key of the name, the kind, and its group.
macro_rules! custom_rows {
    ($($group:ident $kinds:tt $path:tt $name:literal $kind:literal $of:expr;)*) => {
        &[$(CustomRow {
            group: $group,
            kinds: &$kinds,
            path: &$path,
            row: Row { holder: "", name: $name, kind: $kind, part: Part::None },
            of: $of,
        }),*]
    };
}

const GATEWAY: &str = "gateway.networking.k8s.io";
const CERT_MANAGER: &str = "cert-manager.io";
const EXTERNAL_SECRETS: &str = "external-secrets.io";
const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"];

/// The kind is the one that the key `kind` says, or else that of the row. FIT-ING001 is about the backends of
/// routes. Sources: the types of `sigs.k8s.io/gateway-api` v1,
/// `cert-manager/pkg/apis/certmanager/v1` and `external-secrets/apis/externalsecrets/v1`.
pub(super) static CUSTOM_ROWS: &[CustomRow] = custom_rows! {
    GATEWAY ROUTES ["spec", "parentRefs", "*"] "name" "Gateway" GATEWAY;
    GATEWAY ["Gateway"] ["spec"] "gatewayClassName" "GatewayClass" GATEWAY;
    GATEWAY ["Gateway"] ["spec", "listeners", "*", "tls", "certificateRefs", "*"] "name" "Secret" "";
    CERT_MANAGER ["Certificate", "CertificateRequest"] ["spec", "issuerRef"] "name" "Issuer" CERT_MANAGER;
    EXTERNAL_SECRETS ["ExternalSecret"] ["spec", "secretStoreRef"] "name" "SecretStore" EXTERNAL_SECRETS;
    EXTERNAL_SECRETS ["ClusterExternalSecret"] ["spec", "externalSecretSpec", "secretStoreRef"] "name" "SecretStore" EXTERNAL_SECRETS;
    EXTERNAL_SECRETS ["PushSecret"] ["spec", "secretStoreRefs", "*"] "name" "SecretStore" EXTERNAL_SECRETS;
};

/// Every reference in the types of Kubernetes. In pods and accounts, a `LocalObjectReference` names a Secret.
static ROWS: &[Row] = rows! {
    "core.v1.ConfigMapEnvSource" "name" "ConfigMap" None;
    "core.v1.ConfigMapKeySelector" "name" "ConfigMap" Key;
    "core.v1.ConfigMapProjection" "name" "ConfigMap" Items;
    "core.v1.ConfigMapVolumeSource" "name" "ConfigMap" Items;
    "core.v1.LocalObjectReference" "name" "Secret" None;
    "core.v1.SecretEnvSource" "name" "Secret" None;
    "core.v1.SecretKeySelector" "name" "Secret" Key;
    "core.v1.SecretProjection" "name" "Secret" Items;
    "core.v1.SecretReference" "name" "Secret" None;
    "core.v1.SecretVolumeSource" "secretName" "Secret" Items;
    "core.v1.AzureFileVolumeSource" "secretName" "Secret" None;
    "core.v1.AzureFilePersistentVolumeSource" "secretName" "Secret" None;
    "networking.v1.IngressTLS" "secretName" "Secret" None;
    "core.v1.PodSpec" "serviceAccountName" "ServiceAccount" None;
    "core.v1.PodSpec" "serviceAccount" "ServiceAccount" None;
    "core.v1.PodSpec" "priorityClassName" "PriorityClass" None;
    "core.v1.PodSpec" "runtimeClassName" "RuntimeClass" None;
    "core.v1.PersistentVolumeClaimVolumeSource" "claimName" "PersistentVolumeClaim" None;
    "core.v1.PersistentVolumeClaimSpec" "storageClassName" "StorageClass" None;
    "core.v1.PersistentVolumeClaimSpec" "volumeName" "PersistentVolume" None;
    "core.v1.PersistentVolumeClaimSpec" "volumeAttributesClassName" "VolumeAttributesClass" None;
    "networking.v1.IngressSpec" "ingressClassName" "IngressClass" None;
    "rbac.v1.RoleRef" "name" "" None;
    "rbac.v1.Subject" "name" "" None;
    "apps.v1.StatefulSetSpec" "serviceName" "Service" None;
    "admissionregistration.v1.ServiceReference" "name" "Service" Port;
    "apiextensions.v1.ServiceReference" "name" "Service" Port;
    "apiregistration.v1.ServiceReference" "name" "Service" Port;
    "core.v1.PodResourceClaim" "resourceClaimName" "ResourceClaim" None;
    "core.v1.PodResourceClaim" "resourceClaimTemplateName" "ResourceClaimTemplate" None;
    "resource.v1.DeviceRequest" "deviceClassName" "DeviceClass" None;
    "resource.v1.ExactDeviceRequest" "deviceClassName" "DeviceClass" None;
    "resource.v1.DeviceSubRequest" "deviceClassName" "DeviceClass" None;
};

/// The rows of a type.
pub(super) fn rows_of(holder: &str) -> impl Iterator<Item = &'static Row> {
    static ROWS_OF: LazyLock<HashMap<&str, Vec<&Row>>> = LazyLock::new(|| {
        let mut rows: HashMap<_, Vec<_>> = HashMap::default();
        for row in ROWS {
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
