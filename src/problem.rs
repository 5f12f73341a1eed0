//! What stops fitout: a problem in the input or the config, with its place.
//!
//! A [`Problem`] is one thing that a person has to mend; reading and deciding collect all that they
//! can see before they give up, so [`Problems`] is the error type of the library. Changes and
//! findings are results, not errors: see [`crate::edit`].

use std::fmt;
use std::ops::Range;

use jsonptr::Pointer;

use crate::yaml::{Node, Position, Stream, SyntaxError};

/// Where in which text a problem lies, with enough of the text to show it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file as the person named it; `None` for standard input.
    pub file: Option<String>,
    /// Line and column, both from 1; the column counts characters.
    pub position: Position,
    /// The line of the problem with the two above it, for a picture of the place; empty where a Secret
    /// stands in the same text.
    pub excerpt: String,
    /// The number of the excerpt's first line.
    pub excerpt_line: usize,
    /// Which bytes of the excerpt the problem is about.
    pub span: Range<usize>,
}

/// Lines shown above the one that a problem is about.
const CONTEXT_LINES: usize = 2;

impl Place {
    /// The place of a node in the text that it was read from.
    pub fn of(node: Node<'_>, file: Option<&str>) -> Place {
        Place::at(node.stream(), node.span(), file)
    }

    /// The place of a span of bytes in a text.
    pub fn at(stream: &Stream, span: Range<usize>, file: Option<&str>) -> Place {
        Place::in_text(
            stream.text(),
            span.clone(),
            stream.position(span.start),
            file,
        )
    }

    /// The place where a text stopped being YAML.
    pub fn of_syntax_error(error: &SyntaxError, text: &str, file: Option<&str>) -> Place {
        Place::in_text(text, error.offset..error.offset, error.position, file)
    }

    fn in_text(text: &str, span: Range<usize>, position: Position, file: Option<&str>) -> Place {
        if holds_secret(text) {
            let excerpt = String::new();
            return Place {
                file: file.map(str::to_owned),
                position,
                excerpt,
                excerpt_line: position.line,
                span: 0..0,
            };
        }
        let at = floor_char(text, span.start);
        let mut start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let mut excerpt_line = position.line;
        for _ in 0..CONTEXT_LINES {
            if start == 0 {
                break;
            }
            start = text[..start - 1]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            excerpt_line -= 1;
        }
        let end = text[at..]
            .find('\n')
            .map_or(text.len(), |newline| at + newline);
        let span_end = floor_char(text, span.end.clamp(at, end));
        Place {
            file: file.map(str::to_owned),
            position,
            excerpt: text[start..end].trim_end_matches('\r').to_owned(),
            excerpt_line,
            span: (at - start).min(end - start)..(span_end - start).min(end - start),
        }
    }
}

/// Whether lines of a text may hold what must not be shown. A text that is not YAML, or is oddly
/// written, cannot be trusted to say where its Secret begins and ends, so the mere word is enough.
fn holds_secret(text: &str) -> bool {
    text.contains("Secret")
}

/// The nearest character boundary at or before `at`.
fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}:{}", self.position),
            None => write!(f, "stdin:{}", self.position),
        }
    }
}

/// One thing that is wrong, said so that it can be mended: what, where, and how.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The rule id, such as `FIT-CFG001`; `fitout explain` knows them.
    pub id: &'static str,
    /// What is wrong: what was found and what was expected.
    pub message: String,
    /// The place in the text, when there is one that a person can open.
    pub place: Option<Box<Place>>,
    /// The object or the config that is wrong: `Deployment shop/web`.
    pub subject: Option<String>,
    /// The field in it: `spec.template.spec.containers`.
    pub field: Option<String>,
    /// How to mend it, in one sentence.
    pub help: Option<String>,
}

impl Problem {
    /// A problem that has, so far, only a message.
    pub fn new(id: &'static str, message: impl Into<String>) -> Problem {
        Problem {
            id,
            message: message.into(),
            place: None,
            subject: None,
            field: None,
            help: None,
        }
    }

    /// Adds the place in the text.
    #[must_use]
    pub fn at(mut self, place: Place) -> Problem {
        self.place = Some(Box::new(place));
        self
    }

    /// Adds the object that the problem is in.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Problem {
        self.subject = Some(subject.into());
        self
    }

    /// Adds the field that the problem is in.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    /// The plain form, for hosts that show text as it comes: message, place and field, help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.id, self.message)?;
        let mut whereabouts: Vec<String> = Vec::new();
        whereabouts.extend(self.place.as_ref().map(ToString::to_string));
        whereabouts.extend(self.subject.clone());
        whereabouts.extend(self.field.clone());
        if !whereabouts.is_empty() {
            write!(f, "\n  --> {}", whereabouts.join("  "))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// Every problem that was found before giving up; never empty.
#[derive(Clone, Debug)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The question whether the nearest candidate was meant, if one is near enough.
pub fn suggestion<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let nearest = did_you_mean(written, candidates)?;
    Some(format!("did you mean `{nearest}`?"))
}

/// The candidate that is nearest to what was written, if one is near enough to have been meant.
pub fn did_you_mean<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = written.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(written.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `a or b`, `a, b or c`, each quoted.
pub fn one_of(options: &[&str]) -> String {
    let quoted: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// A path as people write it: `spec.containers[0].image`, `metadata.annotations["prometheus.io/port"]`.
pub fn field_path(pointer: &Pointer) -> String {
    let mut path = String::with_capacity(pointer.as_str().len() + 8);
    for token in pointer.tokens() {
        let token = token.decoded();
        let (mut is_number, mut is_name) = (!token.is_empty(), !token.is_empty());
        for byte in token.bytes() {
            is_number &= byte.is_ascii_digit();
            is_name &= byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        }
        let (before, after) = match (is_number, is_name) {
            (true, _) => ("[", "]"),
            (_, true) if path.is_empty() => ("", ""),
            (_, true) => (".", ""),
            _ => ("[\"", "\"]"),
        };
        path.push_str(before);
        path.push_str(&token);
        path.push_str(after);
    }
    path
}

#[cfg(test)]
mod tests {
    use jsonptr::Pointer;

    use super::*;

    #[test]
    fn paths_read_as_people_write_them() {
        let path = |text: &'static str| field_path(Pointer::from_static(text));
        assert_eq!(
            path("/spec/containers/0/resources/limits/cpu"),
            "spec.containers[0].resources.limits.cpu"
        );
        assert_eq!(
            path("/metadata/annotations/prometheus.io~1port"),
            "metadata.annotations[\"prometheus.io/port\"]"
        );
    }
}
