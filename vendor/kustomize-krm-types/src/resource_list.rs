//! The identity of the envelope on standard input and output.

/// The envelope that a host and a function exchange: `items`, `functionConfig` and `results`.
///
/// Only its identity is here. Its items are arbitrary documents, and how they are read decides
/// whether comments and formatting survive, so that is the function's own business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceList {}

impl ResourceList {
    /// The `kind` of the envelope.
    pub const KIND: &'static str = "ResourceList";

    /// The `apiVersion` that the specification names and every current host sends.
    pub const API_VERSION: &'static str = "config.kubernetes.io/v1";

    /// Versions sent by older hosts. Their members are the same.
    pub const OLD_API_VERSIONS: [&'static str; 2] = [
        "config.kubernetes.io/v1beta1",
        "config.kubernetes.io/v1alpha1",
    ];

    /// Whether a document of this `apiVersion` and `kind` is an envelope in a known version.
    ///
    /// kyaml looks at the kind alone (`kio/byteio_reader.go`: "don't check apiVersion, we haven't
    /// standardized on the domain"). A function that wants to be as lenient asks for
    /// [`KIND`](Self::KIND) instead.
    pub fn is(api_version: &str, kind: &str) -> bool {
        kind == Self::KIND
            && (api_version == Self::API_VERSION || Self::OLD_API_VERSIONS.contains(&api_version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_versions_only() {
        assert!(ResourceList::is("config.kubernetes.io/v1", "ResourceList"));
        assert!(ResourceList::is(
            "config.kubernetes.io/v1alpha1",
            "ResourceList"
        ));
        assert!(ResourceList::is(
            "config.kubernetes.io/v1beta1",
            "ResourceList"
        ));
        assert!(!ResourceList::is("config.kubernetes.io/v2", "ResourceList"));
        assert!(!ResourceList::is("v1", "List"));
    }
}
