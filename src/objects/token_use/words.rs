//! The search for the words that are signs of programs that use the Kubernetes API.

use super::{COMMANDS, MENTIONS, SIGNS, VAULT};

/// Whether any of the words in a text, in any case, is as wanted. Every text of every pod is searched, so closer only where it
/// has one of [`PAIRS`].
pub(super) fn any_word(bytes: &[u8], is: &dyn Fn(&Word, usize) -> bool) -> bool {
    let mut from = 0;
    while let Some((at, pair)) = next_pair(&bytes[from..]) {
        if words_around(bytes, from + at, pair).any(|(word, at)| is(word, at)) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// The place of the first of [`PAIRS`], and which one it is.
#[inline(never)]
fn next_pair(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut begun, mut pair) = (0, 0);
    let end = bytes.iter().position(|byte| {
        let (first, second) = OF_PAIRS[usize::from(*byte)];
        pair = begun & second;
        begun = first;
        pair != 0
    });
    Some((end? - 1, usize::from(pair)))
}

/// The words in a text that have a pair at a place, and where they begin.
fn words_around(
    bytes: &[u8],
    at: usize,
    pair: usize,
) -> impl Iterator<Item = (&'static Word, usize)> {
    let words = WORDS[FROM[pair.trailing_zeros() as usize]..].iter();
    let words = words.take_while(move |word| usize::from(word.pair) == pair);
    words.filter_map(move |word| {
        let at = at.checked_sub(word.before)?;
        let here = bytes.get(at..at + word.text.len())?;
        let is_here = here.eq_ignore_ascii_case(word.text.as_bytes());
        is_here.then_some((word, at))
    })
}

/// A word in texts that are looked at closer.
pub(super) struct Word {
    pub(super) text: &'static str,
    pub(super) kind: Kind,
    /// The bit of the pair by which it is found, and how many bytes are before that.
    pair: u16,
    before: usize,
}

/// What a [`Word`] is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of [`SIGNS`].
    Sign,
    /// One of [`COMMANDS`].
    Command,
    /// One of [`MENTIONS`] or [`OTHERS`].
    Other,
}

/// What a value of Bank-Vaults begins with, and the keys by which variables are read from a ConfigMap.
const OTHERS: [&str; 2] = [VAULT, "configmap"];

/// Pairs of letters, one of which is in each word, and rare in other texts.
const PAIRS: [[u8; 2]; 10] = [
    *b"k8", *b"ku", *b"cl", *b"ea", *b"h_", *b"lm", *b"ux", *b"oc", *b"au", *b"gm",
];

/// The pairs that a byte begins, and those that it ends, one bit for each.
static OF_PAIRS: [(u16, u16); 256] = {
    let mut pairs = [(0, 0); 256];
    let mut i = 0;
    while i < PAIRS.len() {
        let [first, second] = PAIRS[i];
        pairs[first as usize].0 |= 1 << i;
        pairs[first.to_ascii_uppercase() as usize].0 |= 1 << i;
        pairs[second as usize].1 |= 1 << i;
        pairs[second.to_ascii_uppercase() as usize].1 |= 1 << i;
        i += 1;
    }
    pairs
};

/// All words, pair by pair, and where those of each pair begin.
static WORDS: [Word; COUNT] = BY_PAIR.0;
static FROM: [usize; PAIRS.len()] = BY_PAIR.1;

const COUNT: usize = SIGNS.len() + COMMANDS.len() + MENTIONS.len() + OTHERS.len();

const BY_PAIR: ([Word; COUNT], [usize; PAIRS.len()]) = {
    let mut words = [const { word(VAULT, Kind::Other) }; COUNT];
    let mut from = [0; PAIRS.len()];
    let mut next = 0;
    let lists: [(&[&str], Kind); 4] = [
        (&SIGNS, Kind::Sign),
        (&COMMANDS, Kind::Command),
        (&MENTIONS, Kind::Other),
        (&OTHERS, Kind::Other),
    ];
    let mut pair = 0;
    while pair < PAIRS.len() {
        from[pair] = next;
        let mut list = 0;
        while list < lists.len() {
            let (texts, kind) = lists[list];
            let mut at = 0;
            while at < texts.len() {
                let word = word(texts[at], kind);
                if word.pair == 1 << pair {
                    words[next] = word;
                    next += 1;
                }
                at += 1;
            }
            list += 1;
        }
        pair += 1;
    }
    (words, from)
};

/// A word; it does not compile for a word without a pair.
const fn word(text: &'static str, kind: Kind) -> Word {
    let bytes = text.as_bytes();
    let (mut pair, mut before) = (0, 0);
    while bytes[before] != PAIRS[pair][0] || bytes[before + 1] != PAIRS[pair][1] {
        before += 1;
        if before + 1 == bytes.len() {
            (pair, before) = (pair + 1, 0);
        }
    }
    Word {
        text,
        kind,
        pair: 1 << pair,
        before,
    }
}
