//! Objects that are encrypted or signed as a whole: a change makes them invalid.

use jsonptr::{Pointer, PointerBuf};
use regex::Regex;

use super::Resource;
use crate::problem::Problem;
use crate::yaml::Node;

/// Annotations with a signature over the whole object, by their beginning: k8s-manifest-sigstore and its predecessor, and
/// Tekton's trusted resources.
const SIGNATURES: [&str; 5] = [
    "cosign.sigstore.dev/message",
    "cosign.sigstore.dev/signature",
    "integrityshield.io/message",
    "integrityshield.io/signature",
    "tekton.dev/signature",
];

/// Where a change is refused: node and field; why; and what to do first.
type Refused<'a> = (Node<'a>, &'static str, String, &'static str);

impl<'a> Resource<'a> {
    /// The problem with changes of these leaves: the object, or the document it is in, is encrypted or signed as a whole.
    pub fn refuses(&self, leaves: impl IntoIterator<Item = PointerBuf>) -> Option<Problem> {
        let (node, field, message, help) = self
            .refused_by_sops(leaves)
            .or_else(|| self.refused_by_signature())?;
        let help =
            format!("{help}, or add the object to `exclude` in the config; no output was written");
        Some(self.problem("FIT-INP009", message, node, field).help(help))
    }

    fn refused_by_sops(&self, leaves: impl IntoIterator<Item = PointerBuf>) -> Option<Refused<'a>> {
        // A List is encrypted with all of its items.
        let sops = [self.node, self.node.root()];
        let sops = sops.iter().find_map(|node| node.get("sops"))?;
        let mac = sops.get("mac").filter(|mac| !mac.is_null())?;
        let covers = match sops.get("mac_only_encrypted").and_then(Node::bool) {
            Some(true) => {
                let mut leaves = leaves.into_iter();
                if !leaves.any(|leaf| is_encrypted(sops, &leaf)) {
                    return None;
                }
                "the encrypted values"
            }
            _ => "all values",
        };
        let message = format!(
            "the object is encrypted with SOPS, whose `sops.mac` covers {covers}: after a change it cannot be decrypted"
        );
        Some((mac, "sops.mac", message, "decrypt it first"))
    }

    fn refused_by_signature(&self) -> Option<Refused<'a>> {
        let mut annotations = self.annotations()?.entries();
        let (key, _) = annotations.find(|(key, _)| {
            let name = key.text().unwrap_or_default();
            SIGNATURES
                .iter()
                .any(|signature| name.starts_with(signature))
        })?;
        let message = format!(
            "the object is signed as a whole by its annotation `{}`: after a change the signature does not match",
            key.text().unwrap_or_default()
        );
        Some((
            key,
            "metadata.annotations",
            message,
            "change the object before it is signed",
        ))
    }
}

/// Whether SOPS encrypts the value of a leaf: every value, except where the settings of the file say which.
fn is_encrypted(sops: Node<'_>, leaf: &Pointer) -> bool {
    let setting = |name: &str| sops.text_at([name]).filter(|text| !text.is_empty());
    let keys: Vec<_> = leaf
        .tokens()
        .map(|token| token.decoded().into_owned())
        .collect();
    let has_suffix = |suffix: &str| keys.iter().any(|key| key.ends_with(suffix));
    // A pattern that cannot be read could match.
    let matches = |pattern: &str, unread: bool| {
        Regex::new(pattern).map_or(unread, |it| keys.iter().any(|key| it.is_match(key)))
    };
    if let Some(suffix) = setting("encrypted_suffix") {
        has_suffix(&suffix)
    } else if let Some(pattern) = setting("encrypted_regex") {
        matches(&pattern, true)
    } else if let Some(pattern) = setting("unencrypted_regex") {
        !matches(&pattern, false)
    } else {
        let suffix = setting("unencrypted_suffix");
        !has_suffix(suffix.as_deref().unwrap_or("_unencrypted"))
    }
}
