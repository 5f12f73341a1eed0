//! Problems in the input or the config that stop a run.
//!
//! The error type of the library is [`Problems`], because a run reports as many problems as possible before it stops.
//! Changes and findings are results, not errors: see [`crate::edit`].

use std::fmt;
use std::ops::Range;

use jsonptr::Pointer;

use crate::secrets::{self, Secrets};
use crate::text::{Text, source};
use crate::yaml::{Node, Position, Stream, SyntaxError, unescaped};

/// The place of a problem in a text, with an excerpt.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file, as given by the user; `None` for standard input.
    pub file: Option<String>,
    /// Line and column, both from 1; the column counts characters.
    pub position: Position,
    /// The line of the problem and the two above it, escaped and without Secrets; empty in a Secret or if the
    /// line is very long.
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
        let mut place = Place::without_excerpt(position, file);
        let secrets = Secrets::of(stream);
        if !secrets.include(span.start) {
            place.add_excerpt(stream.text(), span, secrets);
        }
        place
    }

    /// The place of a syntax error.
    pub fn of_syntax_error(error: &SyntaxError, text: &str, file: Option<&str>) -> Place {
        let mut place = Place::without_excerpt(error.position, file);
        // Invalid YAML does not show reliably where a Secret begins and ends.
        if !secrets::may_have(text) {
            place.add_excerpt(text, error.offset..error.offset, Secrets::NONE);
        }
        place
    }

    fn without_excerpt(position: Position, file: Option<&str>) -> Place {
        Place {
            file: file.map(str::to_owned),
            position,
            excerpt: String::new(),
            excerpt_line: position.line,
            span: 0..0,
        }
    }

    fn add_excerpt(&mut self, text: &str, span: Range<usize>, secrets: Secrets<'_>) {
        let at = floor_char(text, span.start);
        let (Some(mut start), Some(end)) = (line_start(text, at), line_end(text, at)) else {
            return;
        };
        for _ in 0..CONTEXT_LINES {
            let Some(above) = start.checked_sub(1).and_then(|end| line_start(text, end)) else {
                break;
            };
            start = above;
            self.excerpt_line -= 1;
        }
        let span_end = floor_char(text, span.end.clamp(at, end));
        let end = at.max(start + text[start..end].trim_end_matches('\r').len());
        let span_end = span_end.min(end);
        let mut add = |part: Range<usize>| {
            let shown = secrets.shown(text, part);
            let mut lines = shown.split('\n');
            self.excerpt.extend(lines.next().map(source));
            for line in lines {
                self.excerpt.push('\n');
                self.excerpt.push_str(&source(line));
            }
            self.excerpt.len()
        };
        let from = add(start..at);
        let to = add(at..span_end);
        add(span_end..end);
        self.span = from..to;
    }
}

/// Lines with more bytes before or after the place are not shown.
const LONGEST_LINE: usize = 2000;

/// The start of a line, unless it is very long.
fn line_start(text: &str, at: usize) -> Option<usize> {
    let first = floor_char(text, at.saturating_sub(LONGEST_LINE));
    match text[first..at].rfind('\n') {
        Some(newline) => Some(first + newline + 1),
        None => (first == 0).then_some(0),
    }
}

/// The end of a line, unless it is very long.
fn line_end(text: &str, at: usize) -> Option<usize> {
    let last = floor_char(text, at + LONGEST_LINE);
    match text[at..last].find('\n') {
        Some(newline) => Some(at + newline),
        None => (last == text.len()).then_some(last),
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

impl Problem {
    /// Message, place and field, help.
    pub fn text(&self) -> Text {
        let mut text = Text::of(format_args!("error[{}]: {}", self.id, self.message));
        let mut whereabouts: Vec<String> = Vec::new();
        whereabouts.extend(self.place.as_ref().map(ToString::to_string));
        whereabouts.extend(self.subject.clone());
        whereabouts.extend(self.field.clone());
        if !whereabouts.is_empty() {
            text.line(format_args!("  --> {}", whereabouts.join("  ")));
        }
        if let Some(help) = &self.help {
            text.line(format_args!("  = help: {help}"));
        }
        text
    }
}

impl fmt::Display for Problem {
    /// As [`Problem::text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str().trim_end())
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
        .filter_map(|candidate| {
            let most = 1 + candidate.len().min(written.len()) / 4;
            let may_be = |distance: usize| distance <= most && distance < written.len();
            if !may_be(least_distance(&lower, candidate)) {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            may_be(distance).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A bound of the distance of two texts that is much cheaper than the distance: no edit adds or takes more than one letter.
fn least_distance(lower: &str, candidate: &str) -> usize {
    if !lower.is_ascii() || !candidate.is_ascii() {
        return 0;
    }
    let mut counts = [0_i32; 128];
    for byte in lower.bytes() {
        counts[usize::from(byte)] += 1;
    }
    for byte in candidate.bytes() {
        counts[usize::from(byte.to_ascii_lowercase())] -= 1;
    }
    let (mut more, mut less) = (0, 0);
    for count in counts {
        more += count.max(0);
        less -= count.min(0);
    }
    more.max(less) as usize
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
    const NUMBER: u8 = 1;
    const NAME: u8 = 2;
    // Each finding has such a path, so its bytes are looked up.
    const CLASSES: [u8; 256] = {
        let mut classes = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            classes[byte] = match byte as u8 {
                b'0'..=b'9' => NUMBER | NAME,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' => NAME,
                _ => 0,
            };
            byte += 1;
        }
        classes
    };
    let pointer = pointer.as_str();
    let mut path = String::with_capacity(pointer.len() + 8);
    let (bytes, mut at) = (pointer.as_bytes(), 0);
    while at < bytes.len() {
        let (start, mut class) = (at + 1, NUMBER | NAME);
        at = start;
        while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'/') {
            class &= CLASSES[usize::from(*byte)];
            at += 1;
        }
        let token = &pointer[start..at];
        match class {
            _ if token.is_empty() => path.push_str("[\"\"]"),
            0 => {
                path.push_str("[\"");
                path.push_str(&unescaped(token));
                path.push_str("\"]");
            }
            NAME => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(token);
            }
            _ => {
                path.push('[');
                path.push_str(token);
                path.push(']');
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use jsonptr::Pointer;

    use super::*;

    #[test]
    fn the_bound_of_a_distance_is_below_it() {
        let texts = [
            "", "a", "abc", "acb", "ABC", "bca", "web-api", "wbe-api", "web-app", "é", "weeb",
        ];
        for a in texts {
            for b in texts {
                let (a, lower) = (a.to_lowercase(), b.to_lowercase());
                let distance = strsim::damerau_levenshtein(&a, &lower);
                assert!(least_distance(&a, b) <= distance, "{a} {b}");
            }
        }
    }

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
