//! How a host runs a function: the value of the annotation `config.kubernetes.io/function`.

use serde::{Deserialize, Serialize};

/// How a host runs a function (`runtimeutil.FunctionSpec`, `fn/runtime/runtimeutil/functiontypes.go`).
///
/// Unknown members are errors, as in the hosts. If both are given, kustomize prefers the
/// container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FunctionSpec {
    /// Run it as a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerSpec>,

    /// Run it as an executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecSpec>,

    /// Run the next functions before the failure of this one is reported. kustomize build ignores
    /// it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub defer_failure: bool,
}

/// A function in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerSpec {
    /// The image to run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,

    /// Whether the container needs the network, which the user must also allow.
    #[serde(default, skip_serializing_if = "is_false")]
    pub network: bool,

    /// Storage to mount into the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<StorageMount>,

    /// Environment: `NAME=value`, or `NAME` to take the host's value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub envs: Vec<String>,
}

/// A function that is an executable on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecSpec {
    /// The executable: absolute, relative to the kustomization that lists the function, or a bare
    /// name to be found on `PATH`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,

    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,

    /// Environment as `NAME=value`. kyaml drops a value that contains `=` itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub envs: Vec<String>,
}

/// A directory, file or volume mounted into a function's container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StorageMount {
    /// `bind`, `volume` or `tmpfs`, as for `docker run --mount`.
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub mount_type: String,

    /// The path on the host, which kustomize requires below the kustomization, or a volume's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub src: String,

    /// The path in the container.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dst: String,

    /// Whether the function may write; by default it may not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rw: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn round_trip(wire: &str) -> FunctionSpec {
        let spec: FunctionSpec = serde_json::from_str(wire).unwrap();
        assert_eq!(serde_json::to_string(&spec).unwrap(), wire);
        spec
    }

    #[test]
    fn container() {
        let spec = round_trip(concat!(
            r#"{"container":{"image":"example.com/fn:v1","network":true,"#,
            r#""mounts":[{"type":"bind","src":"./schemas","dst":"/schemas","rw":true}],"envs":["A=1","HOME"]},"#,
            r#""deferFailure":true}"#,
        ));
        assert_eq!(spec.container.unwrap().mounts[0].dst, "/schemas");
    }

    #[test]
    fn exec() {
        let spec = round_trip(r#"{"exec":{"path":"./fn","args":["--strict"],"envs":["A=1"]}}"#);
        assert_eq!(spec.exec.unwrap().path, "./fn");
        assert!(!spec.defer_failure);
    }

    #[test]
    fn unknown_members_are_refused_as_by_the_hosts() {
        for wire in [
            r#"{"execs":{}}"#, r#"{"exec":{"paths":"x"}}"#, r#"{"container":{"args":[]}}"#,
            r#"{"starlark":{}}"#,
        ] {
            assert!(
                serde_json::from_str::<FunctionSpec>(wire).is_err(),
                "{wire}"
            );
        }
    }
}
