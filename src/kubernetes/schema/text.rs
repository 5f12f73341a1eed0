//! The blocks of the tables.

/// What is before the blocks that begin with `type: `, and the blocks.
pub(super) fn blocks(text: &'static str) -> (&'static str, Vec<&'static str>) {
    const START: &[u8] = b"\ntype: ";
    let starts: Vec<usize> = memchr::memmem::find_iter(text.as_bytes(), START).collect();
    let until = |at: usize| starts.get(at).copied().unwrap_or(text.len());
    let block = |(at, start): (usize, &usize)| &text[start + START.len()..until(at + 1)];
    let blocks = starts.iter().enumerate().map(block);
    (&text[..until(0)], blocks.collect())
}
