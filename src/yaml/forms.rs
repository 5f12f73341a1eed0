//! Forms of YAML 1.2 that Kubernetes' readers refuse or read differently.
//!
//! kubectl cuts a text at every line that begins with `---` and reads each part with `go.yaml.in/yaml/v2`, of which it takes the
//! first document; kustomize reads with `go.yaml.in/yaml/v3`, whose scanner is the same. That scanner implements YAML 1.1, so
//! it stops at tabs where a token may follow, ends plain text in brackets at `?`, and knows fewer names of anchors. What it
//! refuses is refused here, with the place and what to write instead; what it reads as another value is refused too.
//!
//! The fast parser leaves all of these forms to the general one, so that only its documents are looked at.

use super::Stream;
use super::decode;
use super::error::{Fault, Syntax};
use super::node::Node;
use super::scalar::Scalar;
use super::split::is_marker;
use super::tree::{Data, DocumentData, Kind, NONE};
use crate::sorting;
use std::ops::Range;

type Checked = Result<(), Syntax>;

fn refuse(at: usize, message: &str) -> Checked {
    Err(Syntax::new(at, message).of(Fault::Disputed))
}

const TAB: &str = "kubectl and kustomize refuse this tab: indent with spaces";

fn is_space_or_break(c: Option<&u8>) -> bool {
    c.is_none_or(|c| matches!(c, b' ' | b'\t' | b'\n' | b'\r'))
}

impl Stream {
    /// Refuses the first form that Kubernetes' readers refuse or read differently.
    pub(super) fn check_forms(&self) -> Checked {
        let documents = &self.tree.documents;
        let mut at = 0;
        for (number, chunk) in self.chunks.iter().enumerate() {
            let from = at;
            let is_here = |document: &&DocumentData| document.chunk == number as u32;
            at += documents[from..].iter().take_while(is_here).count();
            let here = &documents[from..at];
            if here.is_empty() || !here.iter().all(|document| document.fast) {
                let first = here
                    .first()
                    .map_or(self.tree.nodes.len(), |it| it.root as usize);
                let end = documents
                    .get(at)
                    .map_or(self.tree.nodes.len(), |it| it.root as usize);
                // kubectl reads a text that is JSON as JSON.
                let root = here.first().map(|it| self.tree.at(it.root));
                let json = root.filter(|it| self.is_json(it));
                self.check_markers(chunk, from..at)?;
                self.check_nodes(first..end, json.map_or(0, |it| it.end() as u32))?;
                if json.is_none() {
                    self.check_breaks(chunk)?;
                    self.check_tabs(chunk, first..end)?;
                }
            }
        }
        Ok(())
    }

    /// `---` and `...`, where kubectl cuts the text or stops reading, and directives, which it cannot follow.
    fn check_markers(&self, chunk: &Range<usize>, here: Range<usize>) -> Checked {
        let bytes = self.text.as_bytes();
        let mut line = chunk.start;
        // Behind a line with `...`; in a document.
        let (mut has_ended, mut is_inside) = (false, false);
        for text in self.text[chunk.clone()].split_inclusive('\n') {
            let start = line;
            line += text.len();
            let rest = |marker| text.strip_prefix(marker).map(str::trim_end);
            if let Some(rest) = rest("---") {
                let content = rest.trim_start_matches([' ', '\t']);
                if !is_marker(bytes, start) || !content.is_empty() && !content.starts_with('#') {
                    let at = start + 3 + rest.len() - content.len();
                    return refuse(
                        at,
                        "kubectl refuses content behind `---`: write it on the next line",
                    );
                }
                (has_ended, is_inside) = (false, true);
                continue;
            }
            if let Some(rest) = rest("...")
                && (rest.is_empty() || rest.starts_with([' ', '\t']))
            {
                let documents = &self.tree.documents[here.clone()];
                let number = documents.partition_point(|it| (it.start as usize) <= start);
                let document = number.checked_sub(1).map(|number| &documents[number]);
                let is_empty = document.is_none_or(|it| self.tree.at(it.root).kind == Kind::Empty);
                // kubectl keeps only the first `---` of a text.
                let has_marker =
                    here.start + number <= 1 && is_marker(bytes, super::split::bom_len(&self.text));
                if is_empty && !has_marker && !has_ended {
                    return refuse(
                        start,
                        "kubectl refuses `...` without a document before it: remove the line",
                    );
                }
                (has_ended, is_inside) = (true, false);
                continue;
            }
            let content = text.trim_start_matches([' ', '\t']).trim_end();
            if !is_inside && let Some(directive) = text.strip_prefix('%') {
                let mut words = directive.split_whitespace();
                let is_known = words.next() == Some("YAML") && words.next() == Some("1.1");
                if !is_known || words.next().is_some_and(|word| !word.starts_with('#')) {
                    return refuse(
                        start,
                        "kubectl cannot follow this directive, and kustomize reads only `%YAML 1.1`: remove the line",
                    );
                }
                continue;
            }
            if has_ended && !content.is_empty() && !content.starts_with('#') {
                let at = start + text.len() - text.trim_start().len();
                return refuse(
                    at,
                    "kubectl does not read on behind `...`: write `---` before this",
                );
            }
            is_inside |= !content.is_empty() && !content.starts_with('#');
        }
        Ok(())
    }

    /// Characters that end a line in YAML 1.1: behind one, a comment goes on as content.
    fn check_breaks(&self, chunk: &Range<usize>) -> Checked {
        let mut breaks = self.text[chunk.clone()].match_indices(['\u{85}', '\u{2028}', '\u{2029}']);
        match breaks.next() {
            Some((at, found)) => {
                let code = found.chars().next().unwrap_or_default() as u32;
                let message = format!(
                    "kubectl and kustomize take U+{code:04X} for the end of a line: write it as an escape in double quotes"
                );
                refuse(chunk.start + at, &message)
            }
            None => Ok(()),
        }
    }

    /// What single nodes are made of, behind the end of what is JSON.
    fn check_nodes(&self, nodes: Range<usize>, json: u32) -> Checked {
        let bytes = self.text.as_bytes();
        for id in nodes {
            let data = self.tree.at(id as u32);
            if data.start < json {
                continue;
            }
            if let Some(props) = self.tree.props(id as u32) {
                self.check_name(&(props.anchor.start as usize..props.anchor.end as usize))?;
                self.check_tag(id as u32)?;
            }
            let in_flow = data.parent != NONE && self.tree.at(data.parent).kind.is_flow();
            match data.kind {
                Kind::Alias => self.check_name(&data.range())?,
                Kind::Double => self.check_escapes(data)?,
                Kind::Plain if matches!(Node::new(self, id as u32).scalar(), Some(Scalar::Float(it)) if !it.is_finite()) =>
                {
                    return refuse(
                        data.start as usize,
                        "kubectl refuses a number that JSON does not have: put the text in quotes",
                    );
                }
                Kind::Plain if in_flow => {
                    let raw = &bytes[data.range()];
                    let odd = raw
                        .iter()
                        .position(|c| *c == b'?')
                        .or((raw[0] == b':').then_some(0));
                    if let Some(at) = odd {
                        return refuse(
                            data.start as usize + at,
                            "in brackets, kubectl and kustomize read `?` and a leading `:` as the marks of a key and a value: \
                             put the text in quotes",
                        );
                    }
                }
                Kind::Literal | Kind::Folded => self.check_block_scalar(data)?,
                Kind::FlowMap => self.check_flow_keys(id as u32)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether this is an object that kubectl reads as JSON: the first of the text, up to its end or a `---`.
    fn is_json(&self, data: &Data) -> bool {
        if data.kind != Kind::FlowMap {
            return false;
        }
        let before = &self.text[..data.start as usize];
        let behind = self.text[data.end()..].trim_start();
        before.trim_ascii_start().is_empty()
            && (behind.is_empty() || behind.starts_with("---"))
            && serde_json::from_str::<serde::de::IgnoredAny>(&self.text[data.range()]).is_ok()
    }

    /// The name of an anchor or alias, with its mark.
    fn check_name(&self, name: &Range<usize>) -> Checked {
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let text = self.text[name.clone()].chars().skip(1);
        let is_name = text.into_iter().all(is_known);
        let next = self.text.as_bytes().get(name.end);
        if !is_name
            || !name.is_empty()
                && !is_space_or_break(next)
                && !matches!(next, Some(b',' | b']' | b'}'))
        {
            return refuse(
                name.start,
                "kubectl and kustomize know only letters, digits, `_` and `-` in the name of an anchor",
            );
        }
        Ok(())
    }

    fn check_tag(&self, id: u32) -> Checked {
        let node = Node::new(self, id);
        let Some(tag) = node.tag() else { return Ok(()) };
        let start = tag.as_ptr() as usize - self.text.as_ptr() as usize;
        let is_known =
            |c: char| c.is_ascii_alphanumeric() || "_-;/?:@&=+$,.!~*'()[]%<>".contains(c);
        if !tag.chars().all(is_known)
            || !is_space_or_break(self.text.as_bytes().get(start + tag.len()))
        {
            return refuse(
                start,
                "kubectl and kustomize expect a blank behind the name of a tag",
            );
        }
        Ok(())
    }

    /// Escapes that only JSON and YAML 1.2 have.
    fn check_escapes(&self, data: &Data) -> Checked {
        let raw = &self.text[data.range()];
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'\\', &raw.as_bytes()[at..]) {
            at += found;
            let escape = &raw[at..];
            let is_surrogate = escape.strip_prefix("\\u").is_some_and(|digits| {
                matches!(
                    digits.as_bytes(),
                    [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]
                )
            });
            if escape.starts_with("\\/") || is_surrogate {
                return refuse(
                    data.start as usize + at,
                    "kubectl and kustomize do not know this escape: write the character itself",
                );
            }
            at += 2;
        }
        Ok(())
    }

    /// The column of the block collection around a node: what Go calls the indent.
    fn indent(&self, data: &Data) -> isize {
        let mut parent = data.parent;
        while parent != NONE {
            let around = self.tree.at(parent);
            if around.kind.is_block_collection() {
                return self.column(around.start as usize) as isize;
            }
            parent = around.parent;
        }
        -1
    }

    /// Tabs among the blanks in front of the lines, and lines that are not indented.
    fn check_block_scalar(&self, data: &Data) -> Checked {
        let raw = &self.text[data.range()];
        let around = self.indent(data);
        let declared = decode::header(raw).indent;
        let mut indent = declared.map(|indent| around.max(0) as usize + indent);
        let mut longest = 0;
        let mut line = data.start as usize;
        for (number, text) in raw.split_inclusive('\n').enumerate() {
            let start = line;
            line += text.len();
            if number == 0 {
                continue;
            }
            let spaces = text.bytes().take_while(|c| *c == b' ').count();
            let spaces = spaces.min(indent.unwrap_or(usize::MAX));
            longest = longest.max(spaces);
            let rest = text.as_bytes().get(spaces);
            if rest == Some(&b'\t') && indent.is_none_or(|indent| spaces < indent) {
                return refuse(start + spaces, TAB);
            }
            let is_blank = matches!(rest, None | Some(b'\n' | b'\r'));
            if indent.is_none() && !is_blank {
                let least = longest.max(1).max((around + 1) as usize);
                if spaces < least {
                    return refuse(
                        start,
                        "kubectl and kustomize expect this text to be indented",
                    );
                }
                indent = Some(least);
            }
        }
        Ok(())
    }

    /// Keys in brackets, which must be on one line with their colon, and the colon not part of a plain key.
    fn check_flow_keys(&self, map: u32) -> Checked {
        let bytes = self.text.as_bytes();
        for (key, _) in self.tree.entries(map) {
            let start = self.tree.full_start(key);
            let data = self.tree.at(key);
            let end = self.tree.end(key);
            let is_explicit = bytes[..start].trim_ascii_end().last() == Some(&b'?');
            let colon = super::split::skip_blank(bytes, end);
            if bytes.get(colon) != Some(&b':') {
                continue;
            }
            if !is_explicit && bytes[start..colon].contains(&b'\n') {
                return refuse(
                    start,
                    "kubectl and kustomize refuse a key in brackets that is not on one line with its `:`",
                );
            }
            if data.kind == Kind::Plain && !is_space_or_break(bytes.get(colon + 1)) {
                return refuse(
                    colon,
                    "without a blank behind it, kubectl and kustomize read this `:` as a part of the key",
                );
            }
        }
        Ok(())
    }

    /// Tabs where a token may begin.
    fn check_tabs(&self, chunk: &Range<usize>, nodes: Range<usize>) -> Checked {
        let bytes = self.text.as_bytes();
        if memchr::memchr(b'\t', &bytes[chunk.clone()]).is_none() {
            return Ok(());
        }
        // Scalars, aliases, anchors and tags, in the order of the text. Between them are blanks, marks and comments.
        let mut tokens: Vec<(Range<usize>, Option<&Data>)> = Vec::new();
        for id in nodes {
            let data = self.tree.at(id as u32);
            if let Some(props) = self.tree.props(id as u32) {
                for range in [&props.anchor, &props.tag] {
                    let range = range.start as usize..range.end as usize;
                    tokens.extend((!range.is_empty()).then_some((range, None)));
                }
            }
            if !data.kind.is_collection() && data.kind != Kind::Empty {
                tokens.push((data.range(), Some(data)));
            }
        }
        sorting::sort_by_key(&mut tokens, |(range, _)| range.start);
        let mut tokens = tokens.into_iter().peekable();
        let (mut at, mut depth) = (chunk.start, 0_usize);
        // Whether a key may begin here; whether there was a token in this line.
        let (mut may_begin, mut is_behind) = (true, false);
        let mut line = at;
        // Behind plain text and blanks only: how far its lines are indented at least.
        let mut plain: Option<isize> = None;
        while at < chunk.end {
            if let Some((range, data)) = tokens.next_if(|(range, _)| range.start <= at) {
                plain = None;
                let kind = data.map(|data| data.kind);
                if let Some(data) = data.filter(|data| data.kind == Kind::Plain) {
                    let least = self.indent(data) + 1;
                    self.check_plain(data, least)?;
                    plain = Some(least);
                }
                at = range.end;
                (may_begin, is_behind) = (false, true);
                line = self.line_start(at);
                if kind.is_some_and(Kind::is_block_scalar) {
                    (may_begin, is_behind) = (true, false);
                }
                continue;
            }
            let c = bytes[at];
            match c {
                b'\n' => {
                    (may_begin, is_behind) = (may_begin || depth == 0, false);
                    line = at + 1;
                }
                b'\t' => {
                    let is_refused = match plain {
                        Some(least) => !is_behind && ((at - line) as isize) < least,
                        None => depth == 0 && may_begin,
                    };
                    if is_refused {
                        return refuse(at, TAB);
                    }
                }
                b' ' | b'\r' => {}
                // A comment, or a directive.
                b'#' | b'%' => {
                    plain = None;
                    at = memchr::memchr(b'\n', &bytes[at..]).map_or(chunk.end, |n| at + n);
                    continue;
                }
                _ => {
                    plain = None;
                    match c {
                        b'[' | b'{' => depth += 1,
                        b']' | b'}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    let is_end = matches!(c, b']' | b'}');
                    let is_marker = at == line && bytes[at..].starts_with(b"---");
                    may_begin = !is_end && !is_marker && !(c == b':' && (is_behind || depth > 0));
                    is_behind |= is_end;
                    at += if is_marker { 2 } else { 0 };
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// Tabs in front of further lines of plain text.
    fn check_plain(&self, data: &Data, least: isize) -> Checked {
        let bytes = self.text.as_bytes();
        for feed in memchr::memchr_iter(b'\n', &bytes[data.range()]) {
            let line = data.start as usize + feed + 1;
            let blanks = bytes[line..]
                .iter()
                .take_while(|c| matches!(c, b' ' | b'\t'))
                .count();
            let tab = memchr::memchr(b'\t', &bytes[line..line + blanks]);
            if let Some(tab) = tab.filter(|tab| (*tab as isize) < least) {
                return refuse(line + tab, TAB);
            }
        }
        Ok(())
    }
}
