//! Annotations that hosts and functions exchange.
//!
//! Names under [`INTERNAL_PREFIX`] belong to the host: a function keeps them on the items it
//! returns and may only change [`PATH`] and [`INDEX`] (functions-spec.md). Hosts remove them when they
//! write files. kyaml writes the legacy names together with the new ones
//! (`kio/kioutil/kioutil.go`); a reader prefers the new name.

/// The prefix of a host's own annotations.
pub const INTERNAL_PREFIX: &str = "internal.config.kubernetes.io/";

/// The file an item came from and goes back to: relative, with slashes, below the package.
/// kustomize build sets none for the first transformer and a made-up one from the second on.
pub const PATH: &str = "internal.config.kubernetes.io/path";

/// The legacy name of [`PATH`], which kyaml still writes too.
pub const LEGACY_PATH: &str = "config.kubernetes.io/path";

/// The position of an item in its file, counted from 0. In kustomize build, the position in the
/// whole list.
pub const INDEX: &str = "internal.config.kubernetes.io/index";

/// The legacy name of [`INDEX`], which kyaml still writes too.
pub const LEGACY_INDEX: &str = "config.kubernetes.io/index";

/// A number that identifies an item in the output, so that the host can restore its comments and
/// the order of its fields.
pub const ID: &str = "internal.config.kubernetes.io/id";

/// The legacy name of [`ID`], which kyaml still writes too.
pub const LEGACY_ID: &str = "config.k8s.io/id";

/// A number by which kyaml identifies an item, to keep the legacy and the new names in sync.
pub const MIGRATION_RESOURCE_ID: &str =
    "internal.config.kubernetes.io/annotations-migration-resource-id";

/// How the item's file indents lists, `wide` or `compact`; set by kpt.
pub const SEQ_INDENT: &str = "internal.config.kubernetes.io/seqindent";

/// The absolute path, on the host, of the package an item belongs to; set by kpt render.
pub const PACKAGE_PATH: &str = "internal.config.kubernetes.io/package-path";

/// A number kpt sets while selectors or excludes narrow the items a function sees.
pub const KPT_RESOURCE_ID: &str = "internal.config.k8s.io/kpt-resource-id";

/// The names an item had before kustomize changed its name, oldest first, separated by commas.
/// References between items still use them. The three `previous` lists have the same length.
pub const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";

/// The kinds that go with [`PREVIOUS_NAMES`].
pub const PREVIOUS_KINDS: &str = "internal.config.kubernetes.io/previousKinds";

/// The namespaces that go with [`PREVIOUS_NAMES`]; `default` if the item had none.
pub const PREVIOUS_NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";

/// The identity of an item as a small YAML text. Only kustomize build sets it, for exec and
/// container functions, so it identifies that host.
pub const KUSTOMIZE_ID: &str = "kustomize.config.k8s.io/id";

/// Where an item came from, as a small YAML text with `path` and for remote bases `repo` and `ref`.
/// Only with `buildMetadata: [originAnnotations]`, and it stays in the build's output.
pub const ORIGIN: &str = "config.kubernetes.io/origin";

/// `"true"` on an item that must not be applied to a cluster; kustomize build drops it from its
/// output.
pub const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// On a functionConfig: how the host runs the function, a [`FunctionSpec`](crate::FunctionSpec) as
/// YAML.
pub const FUNCTION: &str = "config.kubernetes.io/function";

/// The legacy name of [`FUNCTION`], which kyaml still reads.
pub const LEGACY_FUNCTION: &str = "config.k8s.io/function";

/// The annotations that a host adds for its own bookkeeping, without a meaning in a cluster.
pub const BOOKKEEPING: [&str; 14] = [
    PATH, LEGACY_PATH, INDEX, LEGACY_INDEX, ID, LEGACY_ID, MIGRATION_RESOURCE_ID, SEQ_INDENT,
    PACKAGE_PATH, KPT_RESOURCE_ID, PREVIOUS_NAMES, PREVIOUS_KINDS, PREVIOUS_NAMESPACES,
    KUSTOMIZE_ID,
];

/// Whether an annotation is a host's bookkeeping: one of [`BOOKKEEPING`], or any other name under
/// [`INTERNAL_PREFIX`], which a newer host may have added.
pub fn is_bookkeeping(name: &str) -> bool {
    name.starts_with(INTERNAL_PREFIX) || BOOKKEEPING.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookkeeping_includes_internal_names_yet_unknown() {
        assert!(BOOKKEEPING.iter().all(|name| is_bookkeeping(name)));
        assert!(is_bookkeeping("internal.config.kubernetes.io/prefixes"));
    }

    #[test]
    fn annotations_meant_for_people_are_not_bookkeeping() {
        for name in [ORIGIN, LOCAL_CONFIG, FUNCTION, "prometheus.io/scrape"] {
            assert!(!is_bookkeeping(name), "{name}");
        }
    }
}
