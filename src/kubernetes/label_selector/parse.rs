//! Parses the text of a label selector.

use super::super::names::is_subdomain;
use super::{Condition, LabelSelectorError, Requirement};

/// The longest name in a key and the longest value, in bytes (`labelKeyMaxLength`,
/// `LabelValueMaxLength`).
const NAME_MAX: usize = 63;

/// The longest prefix of a key, in bytes (`DNS1123SubdomainMaxLength`).
const PREFIX_MAX: usize = 253;

/// Parses the requirements of a selector.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, LabelSelectorError> {
    let rest = tokens(text)?.into_iter().peekable();
    Parser { text, rest }.selector()
}

/// A word or operator and the offset at which it begins. The end of the text is an empty token.
#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    offset: usize,
}

impl Token<'_> {
    fn is_end(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether this can be a key or a value. `in` and `notin` can, unless an operator is expected.
    fn is_word(&self) -> bool {
        !self.is_end() && !self.text.starts_with(is_symbol)
    }

    fn found(&self) -> String {
        if self.is_end() {
            "the end".to_owned()
        } else {
            format!("{:?}", self.text)
        }
    }
}

fn is_symbol(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Splits a selector into words and operators; the last token is the end.
fn tokens(text: &str) -> Result<Vec<Token<'_>>, LabelSelectorError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    loop {
        let offset = text.len() - rest.len();
        // Upstream treats a NUL as the end of the text.
        if rest.starts_with('\0') {
            return Err(error(
                text,
                offset,
                "a NUL character is not allowed".to_owned(),
            ));
        }
        let length = match rest.chars().next() {
            Some(_) if rest.starts_with("==") || rest.starts_with("!=") => 2,
            Some(first) if is_symbol(first) => 1,
            _ => rest
                .find(|c| is_symbol(c) || is_blank(c) || c == '\0')
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(Token {
            text: token,
            offset,
        });
        if token.is_empty() {
            return Ok(tokens);
        }
        rest = after.trim_start_matches(is_blank);
    }
}

fn error(selector: &str, offset: usize, problem: String) -> LabelSelectorError {
    LabelSelectorError {
        selector: selector.to_owned(),
        offset,
        problem,
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: std::iter::Peekable<std::vec::IntoIter<Token<'a>>>,
}

impl<'a> Parser<'a> {
    fn selector(&mut self) -> Result<Vec<Requirement>, LabelSelectorError> {
        let mut requirements = Vec::new();
        if self.peek().is_end() {
            return Ok(requirements);
        }
        loop {
            requirements.push(self.requirement()?);
            let separator = self.take();
            if separator.is_end() {
                return Ok(requirements);
            }
            if separator.text != "," {
                return Err(self.expected(separator, "\",\" or the end"));
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, LabelSelectorError> {
        let negated = self.peek().text == "!";
        if negated {
            self.take();
        }
        let token = self.take();
        if !token.is_word() {
            return Err(self.expected(
                token,
                if negated {
                    "a label key"
                } else {
                    "a label key or \"!\""
                },
            ));
        }
        check_key(token.text).map_err(|problem| self.invalid(token, "key", &problem))?;
        let condition = if negated {
            Condition::Absent
        } else {
            self.condition()?
        };
        Ok(Requirement {
            key: token.text.to_owned(),
            condition,
        })
    }

    fn condition(&mut self) -> Result<Condition, LabelSelectorError> {
        if self.at_end_of_requirement() {
            return Ok(Condition::Exists);
        }
        let operator = self.take();
        Ok(match operator.text {
            "=" | "==" => Condition::In(vec![self.value()?].into()),
            "!=" => Condition::NotIn(vec![self.value()?].into()),
            "in" => Condition::In(self.values()?.into()),
            "notin" => Condition::NotIn(self.values()?.into()),
            ">" => Condition::Above(self.bound()?),
            "<" => Condition::Below(self.bound()?),
            _ => {
                return Err(
                    self.expected(operator, "one of = == != in notin > <, \",\" or the end")
                );
            }
        })
    }

    /// A value after an operator, which may be missing and then is the empty string.
    fn value(&mut self) -> Result<String, LabelSelectorError> {
        if self.at_end_of_requirement() {
            return Ok(String::new());
        }
        let token = self.take();
        if !token.is_word() {
            return Err(self.expected(token, "a value"));
        }
        self.checked_value(token)
    }

    fn bound(&mut self) -> Result<i64, LabelSelectorError> {
        let token = self.peek();
        let value = self.value()?;
        value
            .parse()
            .map_err(|_| self.expected(token, "an integer of at most 64 bits"))
    }

    /// Values in parentheses. An empty place between commas is the empty string.
    fn values(&mut self) -> Result<Vec<String>, LabelSelectorError> {
        let open = self.take();
        if open.text != "(" {
            return Err(self.expected(open, "\"(\""));
        }
        let mut values = Vec::new();
        loop {
            let value = if self.peek().is_word() {
                let token = self.take();
                self.checked_value(token)?
            } else {
                String::new()
            };
            values.push(value);
            let separator = self.take();
            match separator.text {
                "," => {}
                ")" => return Ok(values),
                _ => return Err(self.expected(separator, "\",\" or \")\"")),
            }
        }
    }

    fn checked_value(&self, token: Token<'_>) -> Result<String, LabelSelectorError> {
        check_value(token.text).map_err(|problem| self.invalid(token, "value", &problem))?;
        Ok(token.text.to_owned())
    }

    fn at_end_of_requirement(&mut self) -> bool {
        let next = self.peek();
        next.is_end() || next.text == ","
    }

    fn peek(&mut self) -> Token<'a> {
        let end = Token {
            text: "",
            offset: self.text.len(),
        };
        self.rest.peek().copied().unwrap_or(end)
    }

    fn take(&mut self) -> Token<'a> {
        let next = self.peek();
        self.rest.next();
        next
    }

    fn expected(&self, token: Token<'_>, expected: &str) -> LabelSelectorError {
        error(
            self.text,
            token.offset,
            format!("found {}, expected {expected}", token.found()),
        )
    }

    fn invalid(&self, token: Token<'_>, role: &str, problem: &str) -> LabelSelectorError {
        error(
            self.text,
            token.offset,
            format!("{:?} is not a label {role}: {problem}", token.text),
        )
    }
}

/// Whether a key is a name with an optional DNS prefix, `example.com/name` (`IsLabelKey`).
fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Err("it has more than one \"/\"".to_owned());
    }
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Err(format!(
            "the prefix before the \"/\" must be a DNS name of lower-case letters, digits, \"-\" and \".\", at most {PREFIX_MAX} characters long"
        ));
    }
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    check_name(name)
}

/// Whether a value is empty or a name (`IsLabelValue`).
fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() {
        Ok(())
    } else {
        check_name(value)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.len() > NAME_MAX {
        return Err(format!(
            "it has {} characters, the maximum is {NAME_MAX}",
            name.len()
        ));
    }
    if let Some(wrong) = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        return Err(format!(
            "{wrong:?} is not allowed, only letters, digits, \"-\", \"_\" and \".\""
        ));
    }
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !(is_edge(name.chars().next()) && is_edge(name.chars().next_back())) {
        return Err("it must begin and end with a letter or digit".to_owned());
    }
    Ok(())
}
