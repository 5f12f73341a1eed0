//! The pod of a manifest, and the same pod without parts of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::golden::objects;

/// The pod that the manifest's workload creates.
#[derive(Clone)]
pub(super) struct Pod {
    /// The name of the pod, which is its host name.
    pub(super) name: String,
    pub(super) spec: Value,
    /// The names of the claims that a StatefulSet makes for it.
    pub(super) own_claims: Vec<String>,
    /// All objects of the manifest.
    objects: Vec<Value>,
}

/// Every other field is an error, so that no part of a fitted pod is left out.
const POD_FIELDS: [&str; 4] = [
    "automountServiceAccountToken", "containers", "securityContext", "volumes",
];

impl Pod {
    pub(super) fn of(manifest: &str) -> Pod {
        let objects = objects(manifest);
        let workload = objects.iter().find(|it| it["spec"]["template"].is_object());
        let workload = workload.unwrap_or_else(|| panic!("no workload in\n{manifest}"));
        let spec = workload["spec"]["template"]["spec"].clone();
        for field in spec.as_object().unwrap().keys() {
            assert!(
                POD_FIELDS.contains(&&**field),
                "the test does not run pods with {field}"
            );
        }
        assert_eq!(list(&spec["containers"]).len(), 1);
        let suffix = if workload["kind"] == "StatefulSet" {
            "-0"
        } else {
            ""
        };
        let name = format!("{}{suffix}", text(&workload["metadata"]["name"]));
        let own_claims = list(&workload["spec"]["volumeClaimTemplates"]);
        let own_claims = own_claims.iter().map(|it| text(&it["metadata"]["name"]));
        Pod {
            name,
            own_claims: own_claims.collect(),
            spec,
            objects,
        }
    }

    pub(super) fn container(&self) -> &Value {
        &self.spec["containers"][0]
    }

    /// A field of the container's security context, or of the pod's.
    pub(super) fn security(&self, field: &str) -> &Value {
        match &self.container()["securityContext"][field] {
            Value::Null => &self.spec["securityContext"][field],
            value => value,
        }
    }

    pub(super) fn fs_group(&self) -> Option<i64> {
        self.spec["securityContext"]["fsGroup"].as_i64()
    }

    /// The data of a ConfigMap or Secret.
    pub(super) fn data_of(&self, kind: &str, name: &Value) -> BTreeMap<String, String> {
        let found = self
            .objects
            .iter()
            .find(|it| it["kind"] == kind && &it["metadata"]["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {kind} {name}"));
        let field = if kind == "Secret" {
            "stringData"
        } else {
            "data"
        };
        serde_json::from_value(found[field].clone()).unwrap()
    }

    /// What fitout added for the program to start, other than /tmp: mounts by their paths, environment variables by their
    /// names, and fsGroup; each with the pod that lacks it.
    pub(super) fn added(&self, original: &Pod) -> BTreeMap<String, Pod> {
        let mut parts = BTreeMap::new();
        for (field, key) in [("volumeMounts", "mountPath"), ("env", "name")] {
            let before = list(&original.container()[field]);
            for (index, item) in list(&self.container()[field]).iter().enumerate() {
                if item[key] != "/tmp" && !before.iter().any(|it| it[key] == item[key]) {
                    let mut pod = self.clone();
                    let items = pod.spec["containers"][0][field].as_array_mut();
                    items.unwrap().remove(index);
                    parts.insert(text(&item[key]), pod);
                }
            }
        }
        if self.fs_group().is_some() && original.fs_group().is_none() {
            let mut pod = self.clone();
            let fields = pod.spec["securityContext"].as_object_mut().unwrap();
            fields.remove("fsGroup");
            parts.insert("fsGroup".to_owned(), pod);
        }
        parts
    }

    /// The user, the group and the group of the volumes, for the table.
    pub(super) fn user(&self) -> String {
        let number = |field| match self.security(field) {
            Value::Null => "image's".to_owned(),
            value => value.to_string(),
        };
        let user = format!("{}:{}", number("runAsUser"), number("runAsGroup"));
        match self.fs_group() {
            Some(group) => format!("{user}, fsGroup {group}"),
            None => user,
        }
    }

    pub(super) fn is_root_read_only(&self) -> bool {
        self.security("readOnlyRootFilesystem") == true
    }

    /// The mounts of volumes that fitout added.
    pub(super) fn paths_added(&self) -> Vec<String> {
        let mounts = list(&self.container()["volumeMounts"]);
        let added = mounts
            .iter()
            .filter(|it| text(&it["name"]).starts_with("fitout-"));
        added.map(|it| text(&it["mountPath"])).collect()
    }
}

/// The items of a list, or of a field that is absent.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
