//! The names that the API server accepts.

/// Whether a name is a label: at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
/// (`IsDNS1123Label` in apimachinery, `pkg/util/validation/validation.go`).
pub fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// Whether a name is a subdomain: labels of any length joined with dots, at most 253 characters (`IsDNS1123Subdomain`).
/// Names of most objects, such as StorageClasses, are subdomains.
pub fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_part)
}

/// Whether a text is a label apart from its length.
fn is_part(part: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty() && part.bytes().all(is_inner) && !part.starts_with('-') && !part.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::{is_label, is_subdomain};

    #[test]
    fn a_subdomain_has_parts_of_any_length() {
        let long = "a".repeat(64);
        assert!(is_subdomain(&long) && !is_label(&long));
        assert!(is_subdomain("fast.example.com") && !is_label("fast.example.com"));
        for name in ["", "-a", "a-", "A", "a_b", "a..b", ".a", "a b"] {
            assert!(!is_subdomain(name) && !is_label(name), "{name}");
        }
    }
}
