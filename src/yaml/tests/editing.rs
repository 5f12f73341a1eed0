//! The editing rules, one test each: smallest input, whole output.

use super::{refusal, remove, set, try_edit};
use serde_json::json;

#[test]
fn set_replaces_exactly_the_value() {
    assert_eq!(
        set("a: 1   # why\nb: 2\n", "/a", json!(3)),
        "a: 3   # why\nb: 2\n"
    );
    assert_eq!(set("- x\n- y\n", "/1", json!("z")), "- x\n- z\n");
    assert_eq!(set("{\"a\": 1}", "/a", json!(3)), "{\"a\": 3}");
}

#[test]
fn set_keeps_the_quotes_of_a_string() {
    assert_eq!(set("a: 'x'\n", "/a", json!("it's")), "a: 'it''s'\n");
    assert_eq!(set("a: \"x\"\n", "/a", json!("w")), "a: \"w\"\n");
    assert_eq!(set("a: \"x\"\n", "/a", json!(1)), "a: 1\n");
    assert_eq!(set("a: x\n", "/a", json!("yes")), "a: \"yes\"\n");
}

#[test]
fn set_over_block_text_keeps_its_header_comment() {
    assert_eq!(
        set("a: | # c\n  x\n\nb: 1\n", "/a", json!("w")),
        "a: w # c\n\nb: 1\n"
    );
}

#[test]
fn an_empty_value_is_filled_behind_its_colon() {
    assert_eq!(set("a: # c\nb: 1\n", "/a", json!(1)), "a: 1 # c\nb: 1\n");
    assert_eq!(set("-\n- x\n", "/0", json!("w")), "- w\n- x\n");
}

#[test]
fn insert_goes_behind_the_last_line_and_before_blanks_and_comments() {
    let text = "a:\n  b: 1\n\n# about c\nc: 2\n";
    assert_eq!(
        set(text, "/a/k", json!(1)),
        "a:\n  b: 1\n  k: 1\n\n# about c\nc: 2\n"
    );
    assert_eq!(
        set("a: |+\n  x\n\nb:\n", "/k", json!(1)),
        "a: |+\n  x\n\nb:\nk: 1\n"
    );
    assert_eq!(
        set("a:\n  b: |+\n    x\n\nc: 1\n", "/a/k", json!(1)),
        "a:\n  b: |+\n    x\n\n  k: 1\nc: 1\n"
    );
}

#[test]
fn insert_at_the_end_without_a_line_break() {
    assert_eq!(set("a: 1", "/k", json!(1)), "a: 1\nk: 1");
    assert_eq!(set("a: |\n  x", "/k", json!(1)), "a: |-\n  x\nk: 1");
    assert_eq!(
        set("a:\n  b: |2+\n    x", "/k", json!(1)),
        "a:\n  b: |-2\n    x\nk: 1"
    );
}

#[test]
fn insert_makes_missing_parents_in_one_block() {
    let edits = [
        ("/s/l/cpu", Some(json!("1"))),
        ("/s/r/cpu", Some(json!(2))),
        ("/s/l/mem", Some(json!("1Gi"))),
    ];
    let expected = "a: 1\ns:\n  l:\n    cpu: \"1\"\n    mem: 1Gi\n  r:\n    cpu: 2\n";
    assert_eq!(try_edit("a: 1\n", &edits).unwrap(), expected);
}

#[test]
fn insert_into_a_compact_item() {
    let text = "l:\n  - a: 1\n    b: 2 # c\n  - a: 2\n";
    assert_eq!(
        set(text, "/l/0/k", json!(1)),
        "l:\n  - a: 1\n    b: 2 # c\n    k: 1\n  - a: 2\n"
    );
}

#[test]
fn empty_and_null_values_become_blocks_and_keep_their_comment() {
    for empty in ["{}", "null", "~"] {
        let text = format!("a:\n  b: {empty} # c\n  d: 1\n");
        assert_eq!(
            set(&text, "/a/b/k", json!(1)),
            "a:\n  b: # c\n    k: 1\n  d: 1\n"
        );
    }
    assert_eq!(
        set("a: # c\nd: 1\n", "/a/k", json!(1)),
        "a: # c\n  k: 1\nd: 1\n"
    );
    assert_eq!(set("- {}\n", "/0/k", json!(1)), "- k: 1\n");
    assert_eq!(set("- {} # c\n", "/0/k", json!(1)), "- # c\n  k: 1\n");
    assert_eq!(set("a: []\n", "/a/-", json!(1)), "a:\n- 1\n");
    assert_eq!(
        set("f: {a: {}, b: ~}\n", "/f/a/k", json!(1)),
        "f: {a: {k: 1}, b: ~}\n"
    );
}

#[test]
fn flow_collections_stay_flow() {
    assert_eq!(
        set("a: {x: 1}\n", "/a/k", json!("v,w")),
        "a: {x: 1, k: \"v,w\"}\n"
    );
    assert_eq!(set("a: [x, ]\n", "/a/-", json!("w")), "a: [x, w, ]\n");
    let lines = "a: {\n  x: 1,\n  z: 2\n}\n";
    assert_eq!(
        set(lines, "/a/k", json!(1)),
        "a: {\n  x: 1,\n  z: 2,\n  k: 1\n}\n"
    );
}

/// Kubernetes' readers take a `-` for a text only if a comma or a bracket follows at once.
#[test]
fn a_lone_dash_in_brackets_stays_readable() {
    assert_eq!(set("[cat, -]\n", "/-", json!("-")), "[cat, -, \"-\"]\n");
    assert_eq!(set("{a: -}\n", "/b", json!(1)), "{a: -, b: 1}\n");
    assert_eq!(set("[ -]\n", "/-", json!("w")), "[ -, w]\n");
    assert_eq!(remove("[a, -, b]\n", "/1"), "[a, b]\n");
    assert_eq!(remove("[-, b]\n", "/1"), "[-]\n");
    // What is left would end in a blank.
    for (text, pointer) in [("[-, b ]\n", "/1"), ("{a: -, b: c }\n", "/b")] {
        assert!(try_edit(text, &[(pointer, None)]).is_err(), "{text}");
    }
}

#[test]
fn json_stays_json() {
    let text = "{\"a\": {\"b\": \"c\"}}\n";
    assert_eq!(
        set(text, "/a/k", json!({"x": "y"})),
        "{\"a\": {\"b\": \"c\", \"k\": {\"x\": \"y\"}}}\n"
    );
}

#[test]
fn style_follows_siblings_then_the_document() {
    let text = "a:\n    b:\n        c: 1\nl:\n  - x\n";
    assert_eq!(
        set(text, "/a/k/m", json!(1)),
        "a:\n    b:\n        c: 1\n    k:\n        m: 1\nl:\n  - x\n"
    );
    assert_eq!(
        set("l:\n  - x\na: 1\n", "/k/-", json!(1)),
        "l:\n  - x\na: 1\nk:\n  - 1\n"
    );
    assert_eq!(
        set("l:\n- x\na: 1\n", "/k/-", json!(1)),
        "l:\n- x\na: 1\nk:\n- 1\n"
    );
}

#[test]
fn line_ends_follow_the_file() {
    assert_eq!(
        set("a:\r\n  b: 1\r\n", "/a/k/m", json!(1)),
        "a:\r\n  b: 1\r\n  k:\r\n    m: 1\r\n"
    );
}

#[test]
fn remove_takes_the_comments_right_above() {
    let text = "x: 0\n\n# far\n\n# near\na: # c\n  b: 1\n# next\nd: 1\n";
    assert_eq!(remove(text, "/a"), "x: 0\n\n# far\n\n# next\nd: 1\n");
    assert_eq!(remove("# licence\na: 1\nb: 2\n", "/a"), "# licence\nb: 2\n");
}

#[test]
fn remove_moves_the_next_key_up_to_the_dash() {
    assert_eq!(remove("- a: 1\n  b: 2\n", "/0/a"), "- b: 2\n");
    // Not over a comment, which would then speak of the dash.
    assert_eq!(
        remove("- a: 1 # a\n  # about b\n  b: 2\n", "/0/a"),
        "-\n  # about b\n  b: 2\n"
    );
}

#[test]
fn remove_of_the_last_entry_leaves_braces() {
    assert_eq!(remove("a:\n  b: 1\nc: 2\n", "/a/b"), "a: {}\nc: 2\n");
    assert_eq!(
        remove("a: # why\n  - b\nc: 2\n", "/a/0"),
        "a: [] # why\nc: 2\n"
    );
    assert_eq!(remove("- a: 1\n", "/0/a"), "- {}\n");
}

#[test]
fn remove_in_flow_takes_one_comma() {
    for (index, left) in [("/0", "[b, c]"), ("/1", "[a, c]"), ("/2", "[a, b]")] {
        assert_eq!(remove("[a, b, c]\n", index), format!("{left}\n"));
    }
    let all = [("/0", None), ("/0", None)];
    assert_eq!(try_edit("[a, b, c]\n", &all).unwrap(), "[c]\n");
}

#[test]
fn remove_of_nothing_changes_nothing() {
    for pointer in ["/x", "/a/b/c", "/l/7", "/l/-"] {
        assert_eq!(
            remove("a: {b: 1}\nl: [1]\n", pointer),
            "a: {b: 1}\nl: [1]\n",
            "{pointer}"
        );
    }
}

#[test]
fn later_edits_see_what_earlier_ones_made() {
    let edits = [
        ("/l/-", Some(json!({"k": "x"}))),
        ("/l/-", Some(json!({"k": "w"}))),
        ("/l/1/v", Some(json!(1))),
        ("/l/0", None),
        ("/l/1/v", Some(json!(2))),
    ];
    let text = "l:\n- k: a\n- k: b\n";
    // After the removal, item 1 is what was item 2.
    assert_eq!(
        try_edit(text, &edits).unwrap(),
        "l:\n- k: b\n  v: 1\n- k: x\n  v: 2\n- k: w\n"
    );
    let twice = [("/a", Some(json!(1))), ("/a", Some(json!(2)))];
    assert_eq!(try_edit("a: 0\n", &twice).unwrap(), "a: 2\n");
}

#[test]
fn collections_replace_collections() {
    assert_eq!(
        set("a: # c\n  b: 1\nd: 1\n", "/a", json!({"x": [1]})),
        "a: # c\n  x:\n  - 1\nd: 1\n"
    );
    assert_eq!(set("a:\n  b: 1\nd: 1\n", "/a", json!("x")), "a: x\nd: 1\n");
    assert_eq!(
        set("- a: 1\n  b: 2\n- c\n", "/0", json!([1, 2])),
        "- - 1\n  - 2\n- c\n"
    );
}

#[test]
fn an_alias_on_the_way_is_written_out() {
    let text = "base: &b\n  x: 1\nuse: *b # c\n";
    assert_eq!(
        set(text, "/use/w", json!(2)),
        "base: &b\n  x: 1\nuse: # c\n  x: 1\n  w: 2\n"
    );
    assert_eq!(
        set(text, "/use", json!(2)),
        "base: &b\n  x: 1\nuse: 2 # c\n"
    );
}

#[test]
fn uses_of_a_changed_anchor_are_written_out() {
    let text = "base: &b\n  x: 1\nuse: *b\nmore:\n  <<: *b\n";
    let expected = "base: &b\n  x: 2\nuse:\n  x: 1\nmore:\n  <<:\n    x: 1\n";
    assert_eq!(set(text, "/base/x", json!(2)), expected);
    assert_eq!(remove("a: &a 1\nb: *a\n", "/a"), "b: 1\n");
}

#[test]
fn merged_values_get_a_local_key_behind_the_merge() {
    let text = "base: &b {r: {x: 1}, w: 1}\nm:\n  <<: *b\n";
    assert_eq!(set(text, "/m/w", json!(2)), format!("{text}  w: 2\n"));
    assert_eq!(
        set(text, "/m/r/z", json!(2)),
        format!("{text}  r:\n    x: 1\n    z: 2\n")
    );
    assert_eq!(refusal(text, "/m/w", None).0, "shared");
    let covered = "base: &b {w: 1}\nm:\n  <<: *b\n  w: 2\n";
    assert_eq!(refusal(covered, "/m/w", None).0, "shared");
}

#[test]
fn other_documents_keep_every_byte() {
    let stream = super::super::Stream::parse("a:   1\n---\nb: 1\n...\n---\nc:  [ ]\n").unwrap();
    let root = stream.documents().nth(1).unwrap().root().id();
    let edit = super::super::Edit {
        root,
        pointer: jsonptr::PointerBuf::parse("/k").unwrap(),
        change: super::super::Change::Set(2.into()),
    };
    assert_eq!(
        stream.edit(&[edit]).unwrap(),
        "a:   1\n---\nb: 1\nk: 2\n...\n---\nc:  [ ]\n"
    );
}

#[test]
fn an_empty_document_is_filled() {
    assert_eq!(
        set("--- # c\n# d\n", "/a", json!(1)),
        "--- # c\na: 1\n# d\n"
    );
}

#[test]
fn the_refuse_list() {
    let refused = [
        ("? a\n: 1\n", "/k", "odd_entry"),
        ("l: [a: 1]\n", "/l/0/k", "odd_entry"),
        ("{a: 1, b}\n", "/k", "odd_entry"),
        ("a: !x 1\n", "/a", "tagged"),
        ("a: x\n", "/a/k", "no_such_place"),
        ("l: [1]\n", "/l/5", "no_such_place"),
        ("a: &a 5\n*a : 2\n", "/a", "shared"),
    ];
    for (text, pointer, reason) in refused {
        assert_eq!(refusal(text, pointer, Some(json!(1))).0, reason, "{text}");
    }
}
