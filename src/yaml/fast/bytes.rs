//! The bytes of a text, several at a time.

use super::{Fast, GiveUp, Parser, memchr};

/// A table of all bytes, in which some are different.
pub(super) const fn table(bytes: &[u8], are: bool) -> [bool; 256] {
    let mut table = [!are; 256];
    let mut i = 0;
    while i < bytes.len() {
        table[bytes[i] as usize] = are;
        i += 1;
    }
    table
}

/// Whether a byte is neither printable ASCII nor a line feed.
fn has_special(bytes: &[u8]) -> bool {
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    // The low seven bits of each byte plus a number have the highest bit from a value on, without a carry to the next byte.
    let from = |word: u64, least: u8| (word & !HIGH) + u64::from_le_bytes([0x80 - least; 8]);
    let specials = |word: u64| {
        let breaks = !from(word ^ u64::from_le_bytes([b'\n'; 8]), 1);
        (!from(word, b' ') & !breaks) | from(word, 0x7f) | word
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let (blocks, others) = words.as_chunks::<8>();
    let special = |words: &[[u8; 8]]| {
        let words = words.iter().map(|word| specials(u64::from_le_bytes(*word)));
        words.fold(0, |all, it| all | it) & HIGH != 0
    };
    blocks.iter().any(|block| special(block))
        || special(others)
        || rest.iter().any(|c| !matches!(c, b'\n' | b' '..=b'~'))
}

/// Control and other special characters and a lone CR are left to `full`.
pub(super) fn refuse_odd_bytes(part: &str) -> Fast<()> {
    let bytes = part.as_bytes();
    // A pass over eight bytes at a time; the exact tests below run for few documents.
    if !has_special(bytes) {
        return Ok(());
    }
    let mut odd = false;
    let mut carriage_return = false;
    for &c in bytes {
        odd |= (c < 0x20 && c != b'\n' && c != b'\t' && c != b'\r') | (c == 0x7f);
        odd |= (c == 0xc2) | (c == 0xe2) | (c == 0xef);
        carriage_return |= c == b'\r';
    }
    if odd && part.chars().any(is_odd) {
        return Err(GiveUp);
    }
    if carriage_return
        && memchr::memchr_iter(b'\r', bytes).any(|i| bytes.get(i + 1) != Some(&b'\n'))
    {
        return Err(GiveUp);
    }
    Ok(())
}

pub(super) fn is_odd(c: char) -> bool {
    (c < ' ' && !matches!(c, '\n' | '\t' | '\r'))
        || ('\u{7f}'..='\u{9f}').contains(&c)
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Length of a `---` line without content; 0 where there is none.
pub(super) fn marker_line(part: &[u8]) -> Fast<usize> {
    if !part.starts_with(b"---") {
        return Ok(0);
    }
    let blanks = part[3..].iter().take_while(|c| **c == b' ').count();
    let mut at = 3 + blanks;
    if blanks > 0 && part.get(at) == Some(&b'#') {
        at = memchr(b'\n', &part[at..]).map_or(part.len(), |n| at + n);
    }
    match part.get(at..) {
        None | Some([]) => Ok(part.len()),
        Some([b'\n', ..]) => Ok(at + 1),
        Some([b'\r', b'\n', ..]) => Ok(at + 2),
        _ => Err(GiveUp),
    }
}

impl Parser<'_> {
    /// The byte at `i`; the end of the chunk reads as a line break.
    #[inline]
    pub(super) fn byte(&self, i: usize) -> u8 {
        if i < self.end { self.bytes[i] } else { b'\n' }
    }

    /// Is there a blank or the end of the line at `i`? (Tabs count as neither.)
    #[inline]
    pub(super) fn is_gap(&self, i: usize) -> bool {
        matches!(self.byte(i), b' ' | b'\n' | b'\r')
    }

    /// Start of the line behind the one `i` is in.
    #[inline]
    pub(super) fn next_line(&self, i: usize) -> usize {
        match self.bytes.get(i..self.end) {
            Some([b'\n', ..]) => i + 1,
            Some([b'\r', b'\n', ..]) => i + 2,
            Some(rest) => memchr(b'\n', rest).map_or(self.end, |n| i + n + 1),
            None => self.end,
        }
    }

    #[inline(always)]
    pub(super) fn eight(&self, i: usize) -> Option<u64> {
        let eight = self.bytes.get(i..)?.first_chunk()?;
        Some(u64::from_le_bytes(*eight))
    }

    #[inline(always)]
    pub(super) fn skip_spaces(&self, mut i: usize) -> usize {
        while let Some(eight) = self.eight(i) {
            let others = eight ^ u64::from_le_bytes([b' '; 8]);
            if others != 0 {
                return i + others.trailing_zeros() as usize / 8;
            }
            i += 8;
        }
        while i < self.end && self.bytes[i] == b' ' {
            i += 1;
        }
        i
    }

    /// The next of three bytes, or the end.
    #[inline(always)]
    pub(super) fn find(&self, i: usize, a: u8, b: u8, c: u8) -> usize {
        let rest = self.bytes.get(i..).unwrap_or_default();
        // Most are near: `memchr3` is a call through a pointer.
        #[cfg(target_arch = "x86_64")]
        if let Some(three) = memchr::arch::x86_64::sse2::memchr::Three::new(a, b, c) {
            return three.find(rest).map_or(self.end, |at| i + at);
        }
        memchr::memchr3(a, b, c, rest).map_or(self.end, |at| i + at)
    }

    /// The same, where it is not in the way of most lines.
    #[inline(never)]
    pub(super) fn far_stop(&self, i: usize) -> usize {
        self.stop(i)
    }

    /// The next `:`, `#` or `\n`, or the end.
    #[inline(always)]
    pub(super) fn stop(&self, i: usize) -> usize {
        self.find(i, b':', b'#', b'\n')
    }

    /// Does the line that starts at `line` begin like a marker? None that `split` saw is here; one
    /// with a byte that `split` does not take for a blank might.
    #[inline]
    pub(super) fn is_marker(&self, line: usize) -> bool {
        matches!(self.bytes.get(line..), Some([a @ (b'-' | b'.'), b, c, ..]) if a == b && a == c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_wherever_they_are() {
        for length in 0..140 {
            let plain = vec![b'a'; length];
            assert!(!has_special(&plain));
            for at in 0..length {
                for c in 0..=255 {
                    let mut bytes = plain.clone();
                    bytes[at] = c;
                    let is_special = !matches!(c, b'\n' | b' '..=b'~');
                    assert_eq!(
                        has_special(&bytes),
                        is_special,
                        "{c:#x} at {at} of {length}"
                    );
                }
            }
        }
    }
}
