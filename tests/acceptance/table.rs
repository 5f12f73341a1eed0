//! The requirements of a system: a Markdown table of questions about a rendering, with the expected answer for each
//! environment.

use std::fmt;

use fitout::kubernetes::Quantity;

use super::questions::{Answer, QUESTIONS, Question};
use super::render::Render;

/// In the order of the tables' columns.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// A cell of an environment in which the question is not asked.
const NOT_ASKED: &str = "–";

/// A cell that repeats the cell to its left.
const SAME: &str = "=";

/// All rows of a system.
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

/// One row. A requirement that needs several has its id on each.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) question: String,
    answer: &'static Question,
    arguments: Vec<Vec<String>>,
    expected: [String; 3],
}

/// A row that a rendering does not satisfy.
pub(crate) struct Failure {
    pub(crate) id: String,
    question: String,
    expected: String,
    answered: String,
    /// Whether the question had an answer, a wrong one.
    pub(crate) is_answer: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            id,
            question,
            expected,
            answered,
            ..
        } = self;
        write!(f, "{id}: {question}: {answered}, and not {expected}")
    }
}

impl Table {
    /// Reads the table in a page, and ignores all other text.
    pub(crate) fn parse(page: &str) -> Result<Table, String> {
        let mut rows = Vec::new();
        let lines = page.lines().map(str::trim).filter(|l| l.starts_with('|'));
        for line in lines.skip(2) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            rows.push(Row::parse(&cells).map_err(|e| format!("{e} in {line}"))?);
        }
        if rows.is_empty() {
            return Err("the page has no rows".to_owned());
        }
        Ok(Table { rows })
    }

    /// The rows that apply to an environment.
    pub(crate) fn asked(&self, environment: usize) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| row.expected[environment] != NOT_ASKED)
    }
}

impl Row {
    fn parse(cells: &[&str]) -> Result<Row, String> {
        let [id, question, expected @ ..] = cells else {
            return Err("too few cells".to_owned());
        };
        let expected: &[&str; 3] = expected.try_into().map_err(|_| "not five cells")?;
        let (sentence, arguments) = understood(question.trim())?;
        let answer = QUESTIONS
            .iter()
            .find(|(known, _)| *known == sentence)
            .ok_or_else(|| format!("there is no question {sentence:?}"))?;
        let mut cells = expected.map(|cell| cell.trim().trim_matches('`').to_owned());
        for i in 0..cells.len() {
            if cells[i] == SAME {
                let before = i.checked_sub(1).ok_or("the first cell is =")?;
                cells[i] = cells[before].clone();
            }
            if cells[i].is_empty() {
                return Err("an empty cell".to_owned());
            }
        }
        if cells.iter().all(|cell| cell == NOT_ASKED) {
            return Err("it is asked of no environment".to_owned());
        }
        Ok(Row {
            id: id.trim().to_owned(),
            question: question.trim().to_owned(),
            answer,
            arguments,
            expected: cells,
        })
    }

    /// The question without its arguments.
    pub(crate) fn sentence(&self) -> &'static str {
        self.answer.0
    }

    /// Whether a rendering gives the answer that this row expects in an environment.
    pub(crate) fn check(&self, render: &Render, environment: usize) -> Result<(), Failure> {
        let arguments: Vec<Vec<&str>> = self
            .arguments
            .iter()
            .map(|group| group.iter().map(String::as_str).collect())
            .collect();
        let expected = &self.expected[environment];
        let answer = (self.answer.1)(render, &arguments);
        let is_answer = answer.is_ok();
        let answered = match answer {
            Ok(answer) => {
                if expected.split(" or ").any(|one| is(&answer, one)) {
                    return Ok(());
                }
                match answer {
                    Answer::Texts(texts) => joined(&texts),
                    Answer::Quantity(text) => text,
                }
            }
            Err(why) => why,
        };
        Err(Failure {
            id: self.id.clone(),
            question: self.question.clone(),
            expected: expected.clone(),
            answered,
            is_answer,
        })
    }
}

/// The sentence with `{}` for every group of arguments, and the groups.
fn understood(question: &str) -> Result<(String, Vec<Vec<String>>), String> {
    let (mut sentence, mut groups) = (String::new(), Vec::<Vec<String>>::new());
    for (i, part) in question.split('`').enumerate() {
        let argument = i % 2 == 1;
        if !argument {
            sentence.push_str(part);
        } else if let (Some(group), Some(start)) =
            (groups.last_mut(), sentence.strip_suffix("{}, "))
        {
            group.push(part.to_owned());
            sentence = format!("{start}{{}}");
        } else {
            groups.push(vec![part.to_owned()]);
            sentence.push_str("{}");
        }
    }
    if question.matches('`').count() % 2 == 1 {
        return Err("a backtick without its partner".to_owned());
    }
    Ok((sentence, groups))
}

fn joined(texts: &[String]) -> String {
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

/// Whether an answer equals one alternative of a cell: `≥ <number>`, a text in which `*` stands for anything, or,
/// of a quantity, the same amount in any spelling.
fn is(answer: &Answer, expected: &str) -> bool {
    let text = match answer {
        Answer::Quantity(text) => {
            let amount = |text: &str| Quantity::from_yaml_scalar(text, true).ok();
            let (is, wanted) = (amount(text), amount(expected));
            return is.is_some() && is == wanted;
        }
        Answer::Texts(texts) => joined(texts),
    };
    if let Some(least) = expected.strip_prefix("≥ ") {
        let number = |text: &str| text.parse::<i64>().ok();
        return number(&text).is_some_and(|n| number(least).is_some_and(|least| n >= least));
    }
    if text == expected {
        return true;
    }
    // A star stands for any text within one answer, never for further answers.
    let Answer::Texts(texts) = answer else {
        return false;
    };
    let patterns: Vec<&str> = expected.split(", ").collect();
    let mut pairs = texts.iter().zip(&patterns);
    texts.len() == patterns.len() && pairs.all(|(text, pattern)| is_like(text, pattern))
}

/// Whether a text matches a pattern in which `*` stands for any text.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    let mut parts = pattern.split('*').peekable();
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else {
        return false;
    };
    rest = after;
    let mut is_open = false;
    while let Some(part) = parts.next() {
        is_open = true;
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    is_open || rest.is_empty()
}
