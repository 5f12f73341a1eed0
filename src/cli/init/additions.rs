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
        .entries_at(["spec", "environments"])
        .filter_map(|(key, _)| Some(key.text()?.into_owned()))
        .collect();
    let new = suggestion.profiles.iter();
    let new = new.filter(|(name, _)| !profiles.contains(name));
    let profiles: String = new.map(|(_, text)| text.as_str()).collect();
    let new = suggestion.unknown.iter().filter(|(image, _)| {
        !images.contains(image) && !existing.contains(&format!("image: {image} "))
    });
    let unknown: String = new.map(|(_, text)| text.as_str()).collect();
    let new = found.environments.iter();
    let new = new.filter(|it| !environments.contains(it));
    let environments: String = new.map(|it| format!("    {it}: {{}}\n")).collect();
    let mut lines = String::new();
    for (key, texts) in [
        ("  profiles:\n", profiles),
        ("  # catalogue:\n", unknown),
        ("  environments:\n", environments),
    ] {
        if !texts.is_empty() {
            lines += key;
            lines += &texts;
        }
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
