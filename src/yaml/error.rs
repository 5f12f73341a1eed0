//! What can be wrong with a text, in words for the person who wrote it.

use super::Position;
use granit_parser::{ErrorKind, ScanError};
use std::fmt;

/// The text is not YAML, or not YAML that Kubernetes tools read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyntaxError {
    /// What was found and what was expected.
    pub message: String,
    /// Where: line and column, both from 1.
    pub position: Position,
    /// Where: byte offset in the text.
    pub offset: usize,
    /// The kind of the error.
    pub fault: Fault,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It is not YAML.
    #[default]
    Syntax,
    /// A map has a key twice.
    DuplicateKey,
    /// Its aliases stand for too many nodes.
    Expansion,
    /// It is YAML, but Kubernetes' readers refuse it or read it differently.
    Disputed,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// An error before offsets are turned into positions.
#[derive(Debug)]
pub(super) struct Syntax {
    pub(super) offset: usize,
    pub(super) message: String,
    /// Where the thing that never ended began; its line is added to the message.
    pub(super) began: Option<usize>,
    pub(super) fault: Fault,
}

impl Syntax {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Syntax {
            offset,
            message: message.into(),
            began: None,
            fault: Fault::Syntax,
        }
    }

    pub(super) fn of(self, fault: Fault) -> Self {
        Syntax { fault, ..self }
    }

    pub(super) fn locate(self, text: &str) -> SyntaxError {
        let mut message = self.message;
        if let Some(began) = self.began {
            message.push_str(&format!(
                ", which began on line {}",
                Position::of(text, began).line
            ));
        }
        SyntaxError {
            message,
            position: Position::of(text, self.offset),
            offset: self.offset,
            fault: self.fault,
        }
    }
}

/// Turns an error of granit into our words. granit's own messages are compiled out.
/// `cursor` is behind the last token that was understood.
pub(super) fn explain(part: &str, error: &ScanError, cursor: usize) -> Syntax {
    let offset = error
        .marker()
        .byte_offset()
        .unwrap_or(part.len())
        .min(part.len());
    let mut offset = part.floor_char_boundary(offset);
    let mut syntax = Syntax::new(offset, words(error.kind()));
    if is_quote_error(error.kind())
        && let Some(began) = part.get(cursor..).and_then(|rest| rest.find(['"', '\'']))
    {
        // Most often a quote was forgotten, and the error shows only where the next one stands.
        let began = cursor + began;
        let quote = &part[began..=began];
        syntax.message = format!("the text in {quote} is not closed by another {quote}");
        syntax.began = Some(began);
    }
    if matches!(error.kind(), ErrorKind::TabInPlainScalar)
        && let Some(line) = part[offset..].find('\n')
    {
        offset += line + 1; // granit points at the text before the line with the tab
    }
    if matches!(error.kind(), ErrorKind::ExpectedDocumentStart) && part[offset..].starts_with('{') {
        syntax.message.push_str(
            "; kubectl reads JSON objects without it, but kustomize reads only the first",
        );
    }
    let line = part[..offset].rfind('\n').map_or(0, |n| n + 1);
    let indentation = part[line..].find(|c| c != ' ' && c != '\t').unwrap_or(0);
    if let Some(tab) = part[line..line + indentation].find('\t') {
        offset = line + tab;
        syntax = Syntax::new(
            offset,
            "a tab in the indentation: YAML allows only spaces there",
        );
    }
    syntax
}

/// Can a missing closing quote be the reason?
fn is_quote_error(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedQuotedScalar
            | ErrorKind::DocumentIndicatorInQuotedScalar
            | ErrorKind::InvalidQuotedScalarIndent
    )
}

fn words(kind: &ErrorKind) -> String {
    use ErrorKind as E;
    let words = match kind {
        E::UnexpectedEofFlowSequence => "the text ends inside `[`: expected `]`",
        E::UnexpectedEofFlowMapping | E::UnexpectedEofImplicitFlowMapping => {
            "the text ends inside `{`: expected `}`"
        }
        E::UnclosedFlowCollection { open } => return format!("`{open}` is never closed"),
        E::MismatchedFlowCollectionEnd { open, close } => {
            return format!("`{open}` is closed by `{close}`");
        }
        E::MisplacedFlowCollectionEnd => "a closing bracket without its opening one",
        E::UnexpectedEof | E::UnexpectedEofBlockMapping | E::UnexpectedEofBlockSequence => {
            "the text ends too early"
        }
        E::DuplicateVersionDirective => "a second %YAML line for one document",
        E::UnsupportedYamlMajorVersion => "a %YAML version that is not 1.x",
        E::ExpectedDocumentStart => {
            "found more content after the end of the document: expected `---` or the end of the file"
        }
        E::MissingDocumentEndBeforeDirective => {
            "a `%` directive inside a document: expected `...` before it"
        }
        E::UnknownAnchor => "this alias refers to an anchor that is not defined before it",
        E::ExpectedNodeContent => "expected a value here",
        E::ExpectedBlockMappingKey => {
            "this key is not in the column of the keys above it: check the indentation"
        }
        E::ExpectedBlockSequenceEntry => {
            "expected `- ` in the column of the other items: check the indentation"
        }
        E::ExpectedFlowMappingSeparator => "expected `,` or `}` between the entries of `{`",
        E::ExpectedFlowSequenceSeparator => "expected `,` or `]` between the items of `[`",
        E::UndeclaredTagHandle => "a tag with a handle that is not declared",
        E::SimpleKeyExpected | E::InvalidSimpleKey => {
            "found text without `:` where a key was expected"
        }
        E::InvalidDocumentEnd => "found content behind `...`",
        E::InvalidIndentation => "the indentation fits no line above",
        E::BomInsideDocument => "a byte order mark inside the text",
        E::UnexpectedCharacter { character } => {
            return format!("a value cannot start with `{character}`: put it in quotes");
        }
        E::TabNotAllowed
        | E::TabInPlainScalar
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart => "a tab in the indentation: YAML allows only spaces there",
        E::CommentInterceptedScalar => "a comment in the middle of a text of several lines",
        E::ExpectedWhitespace | E::CommentNotSeparated => "expected a blank here",
        E::MissingAnchorOrAliasName => "`&` or `*` without a name",
        E::RecursionLimitExceeded => {
            return format!("nested deeper than {} levels", super::full::MAX_DEPTH);
        }
        E::BlockEntryInFlowCollection => "`- ` inside `[` or `{`",
        E::BlockSequenceEntryNotAllowed => {
            "`- ` is not allowed here: a list item needs a line of its own"
        }
        E::ZeroBlockScalarIndent | E::InvalidBlockScalarHeader => {
            "expected the end of the line, a comment or an indicator like `-` behind `|` or `>`"
        }
        E::InvalidBlockScalarIndent => {
            "a line of this block text is indented less than its first one"
        }
        E::DocumentIndicatorInQuotedScalar | E::UnclosedQuotedScalar => {
            "a text in quotes has no closing quote"
        }
        E::InvalidQuotedScalarIndent | E::InvalidFlowScalarIndent => {
            "this line must be indented more than the key it belongs to"
        }
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            "found more text behind the closing quote"
        }
        E::UnknownQuotedScalarEscape => "an escape after `\\` that YAML does not have",
        E::InvalidQuotedScalarHexEscape | E::InvalidUnicodeEscape => {
            "an escape with a wrong number of hexadecimal digits"
        }
        E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate => "half of a surrogate pair, which is not a character",
        E::MappingKeyNotAllowed => "a key is not allowed here",
        E::MappingValueNotAllowed | E::InvalidColonPlacement => {
            "a second `: ` in one line: put the text in quotes"
        }
        E::ExpectedTagBang
        | E::InvalidTagTerminator
        | E::MissingTagUri
        | E::InvalidTagEscape
        | E::InvalidGlobalTagCharacter
        | E::UnclosedVerbatimTag => {
            "`!` begins a tag, and this is none: put a text that begins with `!` in quotes"
        }
        E::ExpectedTagDirectiveBang
        | E::InvalidTagDirectiveTerminator
        | E::InvalidDirectiveTerminator
        | E::MissingDirectiveName
        | E::MissingYamlVersion
        | E::MissingYamlVersionSeparator => {
            "a line that begins with `%` is a directive, and this is none"
        }
        E::PlainScalarStartsWithDashFlowIndicator => {
            "a `-` in front of a bracket inside `[` or `{`: put it in quotes"
        }
        E::InvalidBlockEntryWhitespace => "expected a value behind `-`, or spaces instead of a tab",
        E::FlowMappingValueAdjacentCollection => "expected a blank behind `:`",
        _ => "this is not valid YAML",
    };
    words.to_string()
}
