//! Memory that a program is set to use, by an argument or a variable, and that its limit does not have.
//!
//! The kernel kills a program at its limit. One that may use as much, such as Java with `-Xmx`, frees nothing before.

use kustomize_krm_types::Severity;

use super::Amounts;
use crate::facts::Half;
use crate::finding::{Finding, Mode};
use crate::kubernetes::Quantity;
use crate::objects::Container;
use crate::rules::{Rule, rule};

pub(super) const HEAP: Rule = rule(
    "FIT-RES021",
    Severity::Warning,
    "memory that a program is set to use, and that its limit does not have",
);

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
    let leaf = Half::Limits.leaf("memory");
    let limit = amounts.resources.at(["limits", "memory"])?.quantity()?;
    if amounts.section.mode(&leaf) == Mode::Off {
        return None;
    }
    let (setting, size) = largest(amounts.container).filter(|(_, size)| *size >= limit)?;
    let finding = amounts.finding_at(&HEAP, HEAP.severity, Half::Limits, "memory", |part| {
        format!("{part}: {setting} lets it use {size} of memory, and its limit is {limit}, at which it is killed")
    });
    Some(finding.help(
        "raise `limits.memory` in a profile for these containers to more than that, because a program also needs memory \
         for other things, or lower the setting",
    ))
}

/// The setting of the most memory.
fn largest(container: &Container<'_>) -> Option<(String, Quantity)> {
    let mut most: Option<(String, Quantity)> = None;
    let mut add = |size: Option<Quantity>, setting: &dyn Fn() -> String| {
        if let Some(size) = size.filter(|size| most.as_ref().is_none_or(|most| *size > most.1)) {
            most = Some((setting(), size));
        }
    };
    let of_text = |text: &str, add: &mut dyn FnMut(Option<Quantity>, &dyn Fn() -> String)| {
        // Most texts have no option.
        let words = text
            .contains("-")
            .then(|| text.split([' ', '\n', '"', '\'']));
        for word in words.into_iter().flatten().filter(|it| it.starts_with('-')) {
            let mut options = OPTIONS.iter();
            let size = options.find_map(|(option, unit)| size(word.strip_prefix(option)?, unit));
            add(size, &|| word.to_owned());
        }
    };
    for word in container.words() {
        of_text(&word, &mut add);
    }
    for variable in container.items("env") {
        let Some(value) = variable.text_at(["value"]) else {
            continue;
        };
        of_text(&value, &mut add);
        let name = variable.text_at(["name"]).unwrap_or_default();
        if VARIABLES.contains(&&*name) {
            add(size(&value, ""), &|| format!("{name}={value}"));
        }
    }
    most
}

/// A size as Java, Go and MySQL write it: `512m`, `2G`, `1GiB`, `1073741824`.
fn size(text: &str, unit: &str) -> Option<Quantity> {
    let end = text
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, written) = text.split_at(end);
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
