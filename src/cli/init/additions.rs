//! The lines that files lack that exist.

use fitout::yaml::Stream;

use super::config::Suggestion;
use super::found::Found;

/// Lines that a config lacks: profiles, environments, and unknown images.
pub(super) fn missing(existing: &str, found: &Found, suggestion: &Suggestion) -> Option<String> {
    let stream = Stream::parse(existing.to_owned()).ok()?;
    let root = stream.documents().next()?.root();
    let named = |path: [&str; 2], key: &str| -> Vec<String> {
        root.items_at(path)
            .filter_map(|it| Some(it.text_at([key])?.into_owned()))
            .collect()
    };
    let (profiles, images) = (
        named(["spec", "profiles"], "name"),
        named(["spec", "catalogue"], "image"),
    );
    let environments: Vec<String> = root
        .at(["spec", "environments"])
        .into_iter()
        .flat_map(|it| {
            it.entries()
                .filter_map(|(key, _)| Some(key.text()?.into_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut lines = String::new();
    let profiles: Vec<&str> = suggestion
        .profiles
        .iter()
        .filter(|(name, _)| !profiles.contains(name))
        .map(|(_, text)| text.as_str())
        .collect();
    if !profiles.is_empty() {
        lines += "  profiles:\n";
        profiles.iter().for_each(|it| lines += it);
    }
    let unknown: Vec<&String> = suggestion
        .unknown
        .iter()
        .filter(|(image, _)| {
            !images.contains(image) && !existing.contains(&format!("image: {image} "))
        })
        .map(|(_, text)| text)
        .collect();
    if !unknown.is_empty() {
        lines += "  # catalogue:\n";
        unknown.into_iter().for_each(|it| lines += it);
    }
    let environments: Vec<&String> = found
        .environments
        .iter()
        .filter(|it| !environments.contains(it))
        .collect();
    if !environments.is_empty() {
        lines += "  environments:\n";
        environments
            .iter()
            .for_each(|it| lines += &format!("    {it}: {{}}\n"));
    }
    (!lines.is_empty()).then(|| format!("spec:\n{lines}"))
}

/// Whether a text has all these lines, whatever is between them.
pub(super) fn has_lines(text: &str, lines: &str) -> bool {
    let bare = |line: &str| {
        line.split(" #")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let known: Vec<String> = text.lines().map(bare).collect();
    lines.lines().map(bare).all(|it| known.contains(&it))
}
