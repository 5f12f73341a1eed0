//! The names and addresses that the API server accepts, as in apimachinery, `pkg/util/validation/validation.go`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a name is a label: at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends
/// (`IsDNS1123Label`).
pub fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// Whether a name is a subdomain: labels of any length joined with dots, at most 253 characters (`IsDNS1123Subdomain`).
/// Names of most objects, such as StorageClasses, are subdomains.
pub fn is_subdomain(name: &str) -> bool {
    // Whether a part begins, and whether it may end.
    let (mut is_start, mut may_end) = (true, false);
    for byte in name.bytes() {
        (is_start, may_end) = match byte {
            b'a'..=b'z' | b'0'..=b'9' => (false, true),
            b'-' if !is_start => (false, false),
            b'.' if may_end => (true, false),
            _ => return false,
        };
    }
    may_end && name.len() <= 253
}

/// Whether a text is a label apart from its length.
pub(super) fn is_part(part: &str) -> bool {
    is_label_part(part, b"")
}

pub(super) fn is_label_part(part: &str, others: &[u8]) -> bool {
    let is_inner = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || others.contains(&byte)
    };
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    part.bytes().all(is_inner) && is_edge(bytes.first()) && is_edge(bytes.last())
}

/// A key of a label, with or without a prefix (`IsLabelKey`).
pub(super) fn is_qualified_name(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(is_subdomain) && is_key_name(name)
}

/// The name of a label or an annotation without its prefix (the part that `IsQualifiedName` in k8s.io/apimachinery checks).
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && is_label_value(name)
}

pub(super) fn is_label_value(value: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    value.len() <= 63
        && value.bytes().all(is_name_byte)
        && is_edge(bytes.first())
        && is_edge(bytes.last())
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether a text is a name of a port (`IsValidPortName`).
pub(super) fn is_port_name(name: &str) -> bool {
    name.len() <= 15
        && is_part(name)
        && name.bytes().any(|c| c.is_ascii_lowercase())
        && !name.contains("--")
}

/// An address as `netutils.ParseIPSloppy` reads it: zeros before digits are accepted.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address));
    }
    let octet = |it: &str| {
        let is_number = it.bytes().all(|c| c.is_ascii_digit());
        is_number.then(|| it.parse::<u8>().ok())?
    };
    let octets: Option<Vec<u8>> = text.split('.').map(octet).collect();
    let octets: [u8; 4] = octets?.try_into().ok()?;
    Some(IpAddr::V4(Ipv4Addr::from(octets)))
}

/// A range of addresses: the first one and the length of the prefix.
pub(super) fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, len) = text.split_once('/')?;
    let address = ip(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_number = len.bytes().all(|c| c.is_ascii_digit());
    let len = len.parse().ok().filter(|it| is_number && *it <= most)?;
    Some((address, len))
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
