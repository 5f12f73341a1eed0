//! Problems in the input or the config that stop a run.
//!
//! The error type of the library is [`Problems`], because a run reports as many problems as possible before it stops.
//! Changes and findings are results, not errors: see [`crate::edit`].

use std::fmt;
use std::ops::Range;

use jsonptr::Pointer;

use crate::yaml::{Node, Position, Stream, SyntaxError};

/// The place of a problem in a text, with an excerpt.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file, as given by the user; `None` for standard input.
    pub file: Option<String>,
    /// Line and column, both from 1; the column counts characters.
    pub position: Position,
    /// The line of the problem and the two above it; empty if the text has a Secret.
    pub excerpt: String,
    /// The line number of the excerpt's first line.
    pub excerpt_line: usize,
    /// The bytes of the excerpt that the problem is about.
    pub span: Range<usize>,
}

/// Lines shown above the line of a problem.
const CONTEXT_LINES: usize = 2;

impl Place {
    /// The place of a node in its text.
    pub fn of(node: Node<'_>, file: Option<&str>) -> Place {
        Place::at(node.stream(), node.span(), file)
    }

    /// The place of a span of bytes in a text.
    pub fn at(stream: &Stream, span: Range<usize>, file: Option<&str>) -> Place {
        let position = stream.position(span.start);
        Place::in_text(stream.text(), span, position, file)
    }

    /// The place of a syntax error.
    pub fn of_syntax_error(error: &SyntaxError, text: &str, file: Option<&str>) -> Place {
        Place::in_text(text, error.offset..error.offset, error.position, file)
    }

    fn in_text(text: &str, span: Range<usize>, position: Position, file: Option<&str>) -> Place {
        let mut place = Place {
            file: file.map(str::to_owned),
            position,
            excerpt: String::new(),
            excerpt_line: position.line,
            span: 0..0,
        };
        // Invalid YAML does not show reliably where a Secret begins and ends, so the word is enough.
        if text.contains("Secret") {
            return place;
        }
        let line_start = |before: &str| before.rfind('\n').map_or(0, |newline| newline + 1);
        let at = floor_char(text, span.start);
        let mut start = line_start(&text[..at]);
        for _ in 0..CONTEXT_LINES {
            if start == 0 {
                break;
            }
            start = line_start(&text[..start - 1]);
            place.excerpt_line -= 1;
        }
        let end = text[at..].find('\n').map_or(text.len(), |line| at + line);
        let span_end = floor_char(text, span.end.clamp(at, end));
        place.excerpt = text[start..end].trim_end_matches('\r').to_owned();
        place.span = (at - start).min(end - start)..(span_end - start).min(end - start);
        place
    }
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
        let file = self.file.as_deref().unwrap_or("stdin");
        write!(f, "{file}:{}", self.position)
    }
}

/// A problem in the input or the config: what is wrong, where, and how to fix it.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The rule id, such as `FIT-CFG001`.
    pub id: &'static str,
    /// What is wrong.
    pub message: String,
    /// The place in the text.
    pub place: Option<Box<Place>>,
    /// The object or config: `Deployment shop/web`.
    pub subject: Option<String>,
    /// The field: `spec.template.spec.containers`.
    pub field: Option<String>,
    /// How to fix it, in one sentence.
    pub help: Option<String>,
}

impl Problem {
    /// Whether another problem says the same about the same field: environments share `spec`, and so its problems.
    pub fn is_same(&self, other: &Problem) -> bool {
        self.field == other.field && self.message == other.message
    }

    /// A problem with a message only.
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

    /// Adds the object.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Problem {
        self.subject = Some(subject.into());
        self
    }

    /// Adds the field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into());
        self
    }

    /// Adds the help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    /// Plain text: message, place and field, help.
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

/// All problems that a run reports; never empty.
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

/// A question for the most similar candidate, if any is similar enough.
pub fn suggestion<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let nearest = did_you_mean(written, candidates)?;
    Some(format!("did you mean `{nearest}`?"))
}

/// The most similar candidate, if any is similar enough to be suggested.
pub fn did_you_mean<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = written.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            (distance, candidate)
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

/// A path in messages: `spec.containers[0].image`, `metadata.annotations["prometheus.io/port"]`.
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
    fn paths_in_messages() {
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
