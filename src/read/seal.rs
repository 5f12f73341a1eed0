//! Objects that are encrypted or signed as a whole: a change makes them invalid.

use std::borrow::Cow;

use jsonptr::{Pointer, PointerBuf};
use regex::bytes::Regex;

use super::Resource;
use crate::kubernetes::bounded;
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
                let encrypted = Encrypted::of(sops);
                let mut leaves = leaves.into_iter();
                if !leaves.any(|leaf| encrypted.has(&leaf)) {
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

/// Which values SOPS encrypts: every value, except where the settings of the file say which.
enum Encrypted<'a> {
    /// Those below a key with the suffix, or without it.
    Suffix(Cow<'a, str>, bool),
    /// Those below a key that matches, or without one. A pattern that cannot be read could match.
    Matching(Option<Regex>, bool),
}

impl<'a> Encrypted<'a> {
    fn of(sops: Node<'a>) -> Encrypted<'a> {
        let setting = |name: &str| sops.text_at([name]).filter(|text| !text.is_empty());
        let matching = |pattern: &str, is| Encrypted::Matching(bounded(pattern).ok(), is);
        if let Some(suffix) = setting("encrypted_suffix") {
            Encrypted::Suffix(suffix, true)
        } else if let Some(pattern) = setting("encrypted_regex") {
            matching(&pattern, true)
        } else if let Some(pattern) = setting("unencrypted_regex") {
            matching(&pattern, false)
        } else {
            let suffix = setting("unencrypted_suffix");
            Encrypted::Suffix(suffix.unwrap_or(Cow::Borrowed("_unencrypted")), false)
        }
    }

    fn has(&self, leaf: &Pointer) -> bool {
        let keys = leaf.tokens();
        let mut keys = keys.map(|token| token.decoded().into_owned());
        match self {
            Encrypted::Suffix(suffix, is) => keys.any(|key| key.ends_with(&**suffix)) == *is,
            Encrypted::Matching(Some(regex), is) => {
                let keys: Vec<String> = keys.collect();
                // Patterns are read for ASCII.
                keys.iter().any(|key| !key.is_ascii())
                    || keys.iter().any(|key| regex.is_match(key.as_bytes())) == *is
            }
            Encrypted::Matching(None, _) => true,
        }
    }
}
