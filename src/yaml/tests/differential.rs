//! The fast parser against the general one: the same tree, or no answer.

use super::super::tree::{Kind, Tree};
use super::super::{fast, full, split};
use proptest::prelude::*;

/// A document by both parsers. Where the fast one answers, they must agree.
fn compare(text: &str) -> Result<(), TestCaseError> {
    for chunk in split::chunks(text) {
        let mut fast_tree = Tree::default();
        if split::is_bare(text.as_bytes(), &chunk)
            || fast::parse(text, &chunk, 0, &mut fast_tree).is_err()
        {
            continue;
        }
        let mut full_tree = Tree::default();
        let full = full::parse(text, &chunk, 0, &mut full_tree);
        let quoted_lines = |node: &super::super::tree::Data| {
            matches!(node.kind, Kind::Single | Kind::Double) && text[node.range()].contains('\n')
        };
        if let Err(error) = full {
            // The one known difference: unindented lines of quoted text.
            prop_assert!(
                fast_tree.nodes.iter().any(quoted_lines),
                "only full refuses: {:?}: {}",
                text,
                error.message
            );
            continue;
        }
        prop_assert_eq!(&fast_tree.nodes, &full_tree.nodes, "{:?}", text);
    }
    Ok(())
}

const SEEDS: [&str; 9] = [
    "a: 1\nb:\n  - c: 'x'\n    d: \"y\" # z\n  - - e\n    - f\n",
    "# top\n---\nkind: List\nitems:\n- a: |\n    text\n    more\n\n  b: >-\n    x\n- {a: [1, 2], \"b\": 'c'}\n",
    "a: |+\n  x\n\n\nb: |2\n   y\nc:\nd: ~\n",
    "a: plain over\n  two lines\nb: \"quoted\n  over lines\"\n",
    "a: 1\r\nb:\r\n- x\r\n- |\r\n  y\r\n",
    "a: [\n  x, # c\n  y,\n]\nb: {}\n",
    "- \n-\n- a:\n  b:\n    - 1\n",
    "a: 1\n--- # two\nb: 2\n---\n",
    "[a,\nb]\n--- #\n\"c\nd\"\n---\ne\nf\n",
];

const PIECES: [&str; 42] = [
    "\n", " ", "  ", ":", ": ", "- ", "#", " #", "\"", "'", "|", ">-", "|+\n", "|2\n", "{", "}",
    "[", "]", ",", "\t", "a", "---\n", "...\n", "&a ", "*a", "!t ", "? ", "\\", "~", "é", "\n\n",
    "%", "@", "-", "0", "\r\n", "\r", "\u{feff}", "\u{85}", "b: c\n", "\n---x", "\n...",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_parse_alike(
        seed in 0..SEEDS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..PIECES.len(), 0usize..4), 1..4),
    ) {
        let mut chars: Vec<char> = SEEDS[seed].chars().collect();
        for (at, piece, removed) in changes {
            let at = at.index(chars.len() + 1);
            let end = (at + removed).min(chars.len());
            chars.splice(at..end, PIECES[piece].chars());
        }
        compare(&chars.into_iter().collect::<String>())?;
    }

    #[test]
    fn joined_pieces_parse_alike(pieces in prop::collection::vec(0..PIECES.len(), 1..14)) {
        compare(&pieces.into_iter().map(|piece| PIECES[piece]).collect::<String>())?;
    }
}
