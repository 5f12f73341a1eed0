//! Name patterns: regular expressions as in kustomize, and globs.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// A regular expression that must match the whole text.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
    /// `None` for a text without special characters, which is compared literally.
    regex: Option<regex::Regex>,
}

#[cfg(test)]
schema!(Pattern, {"type": "string"});

impl Pattern {
    /// The text of the pattern that matches only this name. An author can write any name: those of other objects must not match.
    pub fn of_only(name: &str) -> String {
        let mut pattern = String::with_capacity(name.len());
        for c in name.chars() {
            if SPECIAL.contains(c) {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        match &self.regex {
            None => self.text == text,
            Some(regex) => regex.is_match(text),
        }
    }
}

impl Pattern {
    /// How every text begins that matches: with one of these, which is the whole text where that is certain. `None` if nothing
    /// is known about some of them.
    pub fn starts(&self) -> Option<Vec<(&str, bool)>> {
        if self.regex.is_none() {
            return Some(vec![(&self.text, true)]);
        }
        let is_nested = self.text.contains(['(', '[', '\\', '{']);
        if is_nested && self.text.contains('|') {
            return None;
        }
        let options = self.text.split('|');
        options.map(starts_of_option).collect()
    }
}

/// What means more than itself in a pattern.
const SPECIAL: &str = "\\.+*?()|[]{}^$";

/// How a text begins that matches an alternative, and whether that is the whole text.
fn starts_of_option(option: &str) -> Option<(&str, bool)> {
    let option = option.strip_prefix('^').unwrap_or(option);
    let end = option
        .find(|c: char| SPECIAL.contains(c))
        .unwrap_or(option.len());
    let (mut start, rest) = option.split_at(end);
    if rest.starts_with(['*', '?', '{']) {
        // The last character may be absent.
        start = start
            .char_indices()
            .next_back()
            .map_or("", |(at, _)| &start[..at]);
    }
    let is_whole = matches!(rest, "" | "$");
    (is_whole || !start.is_empty()).then_some((start, is_whole))
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Pattern, String> {
        let is_plain = text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | ' '));
        let regex = match is_plain {
            true => None,
            false => Some(anchored(&text).map_err(|error| {
                format!("`{text}` is not a regular expression: {}", one_line(&error))
            })?),
        };
        Ok(Pattern { text, regex })
    }
}

fn anchored(pattern: &str) -> Result<regex::Regex, regex::Error> {
    // `a)(b` would only be valid inside the group.
    regex::Regex::new(pattern)?;
    regex::Regex::new(&format!("^(?:{pattern})$"))
}

/// A regular expression in a manifest, for ASCII texts. A large one takes long with long texts. Go refuses more than 1,000
/// nested repetitions (`repeatIsValid` in `regexp/syntax`), and with it the API server and SOPS.
///
/// # Errors
/// It is invalid or too large.
pub fn bounded(pattern: &str) -> Result<Regex, regex::Error> {
    /// In bytes: some thousand repetitions of a character.
    const LARGEST: usize = 1 << 17;
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).size_limit(LARGEST).build()
}

/// The last line of the regex crate's message, which has the error; the lines above show its place.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.trim_start_matches("error: ").to_owned()
}

/// A name pattern with `*` for any text and `?` for any character.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(from = "String")]
pub struct Glob(String);

impl Glob {
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        // The first and the last byte decide most comparisons.
        let may_be = |wanted: Option<&u8>, found: Option<&u8>| {
            matches!(wanted, Some(b'*' | b'?')) || wanted == found
        };
        let (wanted, found) = (self.0.as_bytes(), text.as_bytes());
        if !may_be(wanted.first(), found.first()) || !may_be(wanted.last(), found.last()) {
            return false;
        }
        let (mut pattern, mut rest) = (self.0.as_str(), text);
        // After the last star, for backtracking: the rest of the pattern, and the text that the star has not consumed.
        let mut last_star: Option<(&str, &str)> = None;
        loop {
            let mut wanted = pattern.chars();
            let mut found = rest.chars();
            match (wanted.next(), found.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    pattern = wanted.as_str();
                    last_star = Some((pattern, rest));
                    continue;
                }
                (Some(a), Some(b)) if a == '?' || a == b => {
                    (pattern, rest) = (wanted.as_str(), found.as_str());
                    continue;
                }
                _ => {}
            }
            let Some((after_star, untaken)) = last_star else {
                return false;
            };
            let mut untaken = untaken.chars();
            if untaken.next().is_none() {
                return false;
            }
            (pattern, rest) = (after_star, untaken.as_str());
            last_star = Some((pattern, rest));
        }
    }
}

impl From<String> for Glob {
    fn from(text: String) -> Glob {
        Glob(text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_must_match_the_whole_text() {
        let pattern = Pattern::try_from("Deployment|StatefulSet".to_owned()).unwrap();
        assert!(pattern.matches("StatefulSet"));
        assert!(!pattern.matches("StatefulSets"));
        assert!(
            !Pattern::try_from("web".to_owned())
                .unwrap()
                .matches("web-2")
        );
    }

    #[test]
    fn a_pattern_cannot_escape_its_anchors() {
        assert!(Pattern::try_from("a)|(b".to_owned()).is_err());
    }

    #[test]
    fn patterns_of_manifests_are_not_large() {
        let name = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
        let domain = format!("^{name}(\\.{name}){{0,4}}$");
        assert!(bounded(&domain).is_ok_and(|it| it.is_match(b"a.example.com")));
        assert!(bounded("^.{1,1000}$").is_ok());
        assert!(bounded("^(a{1,100}){1,100}b$").is_err());
    }

    #[test]
    fn a_glob_takes_dots_as_they_are() {
        let glob = Glob::from("data.*-?".to_owned());
        assert!(glob.matches("data.x-1"));
        assert!(!glob.matches("dataxx-1"));
    }

    #[test]
    fn a_glob_takes_the_whole_text() {
        for (glob, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a", true),
            ("*a*b", "xaybab", true),
            ("*a*b", "xayba", false),
            ("**b", "ab", true),
            ("?", "é", true),
            ("?", "", false),
            ("a?c*", "abc", true),
            ("*/envoy:*", "registry/x/envoy:1", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(
                Glob::from(glob.to_owned()).matches(text),
                expected,
                "{glob} {text}"
            );
        }
    }

    #[test]
    fn a_pattern_of_one_name_matches_no_other() {
        let names = [
            "web", "a.b", "a-b_c", "[^A-Z]+", ".*", "a|b", "(a)", "a{2}", "^a$", "a\\", "\\w",
            "#&~", "a\nb", "é ",
        ];
        for name in names {
            let pattern = Pattern::try_from(Pattern::of_only(name)).unwrap();
            for other in names.iter().chain(&["a", "b", "aa", "axb", "x"]) {
                assert_eq!(pattern.matches(other), *other == name, "{name} {other}");
            }
        }
    }
}
