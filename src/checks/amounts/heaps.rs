//! Memory that a program is set to use, by an argument or a variable, and that its limit does not have.
//!
//! The kernel kills a program at its limit. One that may use as much, such as Java with `-Xmx`, frees nothing before.

use super::Amounts;
use crate::facts::Half;
use crate::finding::{Finding, Mode};
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::rules::rules;

rules! {
    pub(super) _;
    HEAP: "FIT-RES021" Warning Always "memory that a program is set to use, and that its limit does not have";
}

/// How options of Java, Node.js and MySQL begin, and the unit of a number alone.
const OPTIONS: [(&str, &str); 7] = [
    ("-Xmx", ""),
    ("-Xms", ""),
    ("-XX:MaxHeapSize=", ""),
    ("--max-old-space-size=", "Mi"),
    ("--max_old_space_size=", "Mi"),
    ("--innodb-buffer-pool-size=", ""),
    ("--innodb_buffer_pool_size=", ""),
];

/// Variables with a size, of Go and Cassandra.
const VARIABLES: [&str; 2] = ["GOMEMLIMIT", "MAX_HEAP_SIZE"];

pub(super) fn find(amounts: &Amounts<'_, '_>) -> Option<Finding> {
    let [_, limits] = amounts.halves;
    let limit = limits?.get("memory")?;
    let (setting, size) = largest(amounts.container)?;
    let limit = limit.quantity().filter(|limit| size >= *limit)?;
    if amounts.section.mode(&Half::Limits.leaf("memory")) == Mode::Off {
        return None;
    }
    let finding = amounts.finding_at(&HEAP, HEAP.severity, Half::Limits, "memory", |part| {
        format!("{part}: {setting} lets it use {size} of memory, and its limit is {limit}, at which it is killed")
    });
    Some(finding.help(
        "raise `limits.memory` in a profile for these containers to more than that, because a program also needs memory \
         for other things, or lower the setting",
    ))
}

/// Whether a text has what is in each of [`OPTIONS`] and [`VARIABLES`], by a letter that is rare.
fn has_hint(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_at = |at: usize, hint: &str| bytes[at..].starts_with(hint.as_bytes());
    let is_hint = |at: usize| match bytes[at] {
        b'X' => at >= 1 && is_at(at - 1, "-X"),
        b'z' => at >= 2 && is_at(at - 2, "size="),
        b'Z' => at >= 3 && is_at(at - 3, "_SIZE"),
        _ => is_at(at, "MEMLIMIT"),
    };
    memchr::memchr2_iter(b'z', b'Z', bytes).any(is_hint)
        || memchr::memchr2_iter(b'M', b'X', bytes).any(is_hint)
}

/// The setting of the most memory.
fn largest(container: &Container<'_>) -> Option<(String, Quantity)> {
    // Most containers have none.
    if container.written().is_some_and(|it| !has_hint(it)) {
        return None;
    }
    let words = container.words().filter_map(|text| of_options(&text));
    let variables = container.items("env").filter_map(|variable| {
        let value = variable.text_at(["value"])?;
        of_options(&value).or_else(|| {
            let name = variable.text_at(["name"])?;
            let is_size = VARIABLES.contains(&&*name);
            let size = is_size.then(|| size(&value, "")).flatten()?;
            Some((format!("{name}={value}"), size))
        })
    });
    words.chain(variables).reduce(larger)
}

/// The option of the most memory in a text.
fn of_options(text: &str) -> Option<(String, Quantity)> {
    // Most texts have none.
    let words = text
        .contains('-')
        .then(|| text.split([' ', '\n', '"', '\'']))?;
    let sizes = words.filter_map(|word| {
        let mut options = OPTIONS.iter().filter(|_| word.starts_with('-'));
        let size = options.find_map(|(option, unit)| size(word.strip_prefix(option)?, unit))?;
        Some((word.to_owned(), size))
    });
    sizes.reduce(larger)
}

fn larger(one: (String, Quantity), other: (String, Quantity)) -> (String, Quantity) {
    if other.1 > one.1 { other } else { one }
}

/// A size as Java, Go and MySQL write it: `512m`, `2G`, `1GiB`, `1073741824`.
fn size(text: &str, unit: &str) -> Option<Quantity> {
    let end = text
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, written) = text.split_at(end);
    if number.is_empty() {
        return None;
    }
    let unit = match written.trim_end_matches(['i', 'B', 'b']) {
        "" => unit,
        "k" | "K" => "Ki",
        "m" | "M" => "Mi",
        "g" | "G" => "Gi",
        "t" | "T" => "Ti",
        _ => return None,
    };
    [number, unit].concat().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_and_variable_has_a_hint() {
        let options = OPTIONS.map(|(option, _)| option);
        for setting in options.iter().chain(&VARIABLES) {
            assert!(
                has_hint(setting) && has_hint(&format!("a {setting}1")),
                "{setting}"
            );
        }
    }

    #[test]
    fn sizes_in_the_units_of_programs() {
        for (text, unit, is) in [
            ("512m", "", "512Mi"),
            ("2G", "", "2Gi"),
            ("1GiB", "", "1Gi"),
            ("4096", "Mi", "4Gi"),
            ("1073741824", "", "1Gi"),
        ] {
            assert_eq!(size(text, unit), is.parse().ok(), "{text}");
        }
        for text in ["", "m", "off", "50%", "$(HEAP)"] {
            assert_eq!(size(text, ""), None, "{text}");
        }
    }
}
