//! Finds the comments of a YAML text independently of the engine, to check it.
//!
//! Knows just enough about YAML to distinguish a comment from a `#` in a string: quotes that open where a
//! value may begin, block scalars by their indentation, and plain text that continues on the next line.

/// The state that a line leaves for the next one.
#[derive(Default)]
struct Scanner<'a> {
    comments: Vec<&'a str>,
    quote: Option<u8>,
    flow: usize,
    block: Option<Block>,
    /// Lines indented deeper than this column continue a plain text.
    plain: Option<isize>,
}

/// A block scalar: the lines indented deeper than `parent`, and not less than its first line.
#[derive(Clone, Copy)]
struct Block {
    parent: isize,
    indent: Option<usize>,
}

/// Every comment of the text, in order, without the white space after it.
pub(crate) fn comments(text: &str) -> Vec<&str> {
    let mut scanner = Scanner::default();
    for line in text.split('\n') {
        scanner.line(line.strip_suffix('\r').unwrap_or(line));
    }
    scanner.comments
}

impl<'a> Scanner<'a> {
    fn line(&mut self, line: &'a str) {
        let line = line.trim_start_matches('\u{feff}');
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_marker = is_word(line, "---") || is_word(line, "...");
        if self.quote.is_none() {
            if is_marker {
                (self.block, self.plain, self.flow) = (None, None, 0);
            }
            if line.trim().is_empty() || self.is_in_block(indent) {
                return;
            }
        }
        let skipped = if is_marker && self.quote.is_none() {
            3
        } else {
            0
        };
        let continues = self
            .plain
            .take()
            .is_some_and(|parent| indent as isize > parent);
        self.tokens(line, skipped, continues);
    }

    fn is_in_block(&mut self, indent: usize) -> bool {
        let Some(block) = self.block else {
            return false;
        };
        let least = block.indent.unwrap_or(indent);
        let is_in = indent >= least && indent as isize > block.parent;
        self.block = is_in.then_some(Block {
            indent: Some(least),
            ..block
        });
        is_in
    }

    fn tokens(&mut self, line: &'a str, from: usize, mut is_plain: bool) {
        let bytes = line.as_bytes();
        // The column of the entry that the line is in: of its key, or of the dash in front of a value.
        let mut entry: isize = -1;
        let mut may_be_key = true;
        let mut at = from;
        while at < bytes.len() {
            if let Some(quote) = self.quote {
                at = self.quoted(bytes, at, quote);
                continue;
            }
            let byte = bytes[at];
            let is_after_space = at == 0 || bytes[at - 1] == b' ' || bytes[at - 1] == b'\t';
            let is_before_space = bytes.get(at + 1).is_none_or(|next| b" \t".contains(next));
            let is_flow_sign = self.flow > 0 && b",[]{}".contains(&byte);
            if byte == b'#' && is_after_space {
                self.comments.push(line[at..].trim_end());
                return;
            }
            if is_plain && !is_flow_sign {
                let ends_key = byte == b':'
                    && (is_before_space || self.flow > 0 && b",[]{}".contains(&bytes[at + 1]));
                is_plain = !ends_key;
                at += 1;
                continue;
            }
            is_plain = false;
            let is_indicator = b"-?:".contains(&byte) && is_before_space;
            if may_be_key && self.flow == 0 && !b" \t".contains(&byte) {
                let opens_block = byte == b'|' || byte == b'>';
                if !opens_block {
                    entry = at as isize;
                }
                may_be_key = is_indicator && byte == b'-';
            }
            match byte {
                b'"' | b'\'' => self.quote = Some(byte),
                b'[' | b'{' => self.flow += 1,
                b']' | b'}' => self.flow = self.flow.saturating_sub(1),
                b'!' | b'&' | b'*' => at = end_of_word(bytes, at, self.flow > 0),
                b'|' | b'>' if self.flow == 0 => {
                    let sign = |byte: &&u8| b"+-0123456789".contains(*byte);
                    let signs = bytes[at + 1..].iter().take_while(sign).count();
                    let mut digits = bytes[at + 1..=at + signs]
                        .iter()
                        .filter(|sign| sign.is_ascii_digit());
                    let indent = digits
                        .next()
                        .map(|digit| (entry.max(0) as usize) + usize::from(digit - b'0'));
                    self.block = Some(Block {
                        parent: entry,
                        indent,
                    });
                    at += signs;
                }
                b' ' | b'\t' | b',' | b':' => {}
                _ if is_indicator => {}
                _ => is_plain = true,
            }
            at += 1;
        }
        if is_plain && self.flow == 0 {
            self.plain = Some(entry);
        }
    }

    /// The position after a quoted text, or the end of the line if the quote stays open.
    fn quoted(&mut self, bytes: &[u8], mut at: usize, quote: u8) -> usize {
        while at < bytes.len() {
            let is_doubled = quote == b'\'' && bytes.get(at + 1) == Some(&b'\'');
            match bytes[at] {
                b'\\' if quote == b'"' => at += 2,
                byte if byte == quote && is_doubled => at += 2,
                byte if byte == quote => {
                    self.quote = None;
                    return at + 1;
                }
                _ => at += 1,
            }
        }
        bytes.len()
    }
}

fn is_word(line: &str, word: &str) -> bool {
    line.strip_prefix(word)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The last byte of a tag, anchor or alias.
fn end_of_word(bytes: &[u8], from: usize, in_flow: bool) -> usize {
    let goes_on = |byte: &&u8| !(b" \t".contains(*byte) || in_flow && b",[]{}".contains(*byte));
    from + bytes[from + 1..].iter().take_while(goes_on).count()
}
