//! No input makes a panic, an overflow or more than linear work. Sizes are chosen so that
//! quadratic work would be noticed as a test that does not end.

use super::super::*;
use super::try_edit;
use serde_json::json;

#[test]
fn deep_nesting_is_an_error() {
    for open in ["[", "{a: ", "- ", "? ", "[a, "] {
        let error = Stream::parse(open.repeat(100_000)).unwrap_err();
        assert!(error.position.line >= 1, "{open}");
    }
}

#[test]
fn nesting_up_to_the_limit_is_read_and_edited() {
    let depth = 300;
    let text = format!("{}x{}\n", "[".repeat(depth), "]".repeat(depth));
    let pointer = "/0".repeat(depth);
    let edited = try_edit(&text, &[(pointer.as_str(), Some(json!("z")))]).unwrap();
    assert_eq!(edited, text.replace('x', "z"));
}

#[test]
fn the_deepest_text_has_a_value() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        let text = format!("{}x{}\n", open.repeat(500), close.repeat(500));
        let stream = Stream::parse(text).unwrap();
        assert!(
            stream.documents().next().unwrap().root().value().is_ok(),
            "{open}"
        );
    }
}

#[test]
fn many_keys_and_long_lines_are_linear() {
    let mut text: String = (0..100_000).map(|i| format!("k{i}: 1\n")).collect();
    text.push_str(&format!("long: {}\n", "x".repeat(1_000_000)));
    let edited = try_edit(&text, &[("/new", Some(json!(1)))]).unwrap();
    assert_eq!(edited, text + "new: 1\n");
    let line = format!("[{}]", "a, ".repeat(300_000));
    assert_eq!(Stream::parse(line).unwrap().documents().len(), 1);
}

#[test]
fn anything_is_parsed_or_refused() {
    let pieces = [
        "a", ":", " ", "\n", "-", "[", "]", "{", "}", "&x", "*x", "!t", "|", ">", "'", "\"", "#",
        "\t", "é", "?", ",", "\r", "---", "...",
    ];
    let mut seed = 42u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        let Ok(stream) = Stream::parse(text.as_str()) else {
            continue;
        };
        assert_eq!(stream.edit(&[]).unwrap(), text);
        for document in stream.documents() {
            let _ = document.root().value();
            let _ = document.root().get("x");
        }
    }
}
