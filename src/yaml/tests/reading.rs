use super::super::*;
use super::{root, value};
use serde_json::json;

#[test]
fn documents_tile_the_text() {
    let text = "# head\n---\na: 1\n--- # c\n---\nb: 2\n...\n# between\n---\nc: 3\n";
    let stream = Stream::parse(text).unwrap();
    let spans: Vec<_> = stream.documents().map(|d| &text[d.span()]).collect();
    assert_eq!(spans.concat(), text);
    assert_eq!(spans.len(), 4);
    assert_eq!(spans[0], "# head\n---\na: 1\n");
    let empty: Vec<_> = stream.documents().map(|d| d.is_empty()).collect();
    assert_eq!(empty, [false, true, false, false]);
    assert_eq!(Stream::parse("# only\n\n").unwrap().documents().len(), 0);
}

#[test]
fn get_follows_aliases_and_plain_merges() {
    let stream = Stream::parse(
        "base: &b {x: 1, z: 2}\nuse: *b\nmerged:\n  <<: *b\n  z: 3\nlist:\n  <<: [{x: 7}, *b]\nquoted:\n  \"<<\": *b\n",
    )
    .unwrap();
    let at = |pointer: &str| {
        root(&stream)
            .pointer(jsonptr::Pointer::parse(pointer).unwrap())
            .and_then(Node::text)
    };
    assert_eq!(at("/use/x").as_deref(), Some("1"));
    assert_eq!(at("/merged/x").as_deref(), Some("1"));
    assert_eq!(at("/merged/z").as_deref(), Some("3"));
    assert_eq!(at("/list/x").as_deref(), Some("7"));
    assert_eq!(at("/list/z").as_deref(), Some("2"));
    assert_eq!(at("/quoted/x"), None);
    assert_eq!(
        root(&stream)
            .get("merged")
            .unwrap()
            .get_local("x")
            .map(Node::id),
        None
    );
    assert_eq!(root(&stream).get("merged").unwrap().len(), 2);
}

#[test]
fn a_path_leads_to_what_is_there_and_not_null() {
    let stream = Stream::parse(
        "spec: {name: web, none: ~, list: [a, b], deep: {port: 80}, <<: &m {merged: 1}}\nuse: *m\n",
    )
    .unwrap();
    let root = root(&stream);
    assert_eq!(root.text_at(["spec", "name"]).as_deref(), Some("web"));
    assert_eq!(root.text_at("spec/deep/port".split('/')).unwrap(), "80");
    assert_eq!(root.text_at(["spec", "merged"]).as_deref(), Some("1"));
    assert_eq!(root.text_at(["use", "merged"]).as_deref(), Some("1"));
    assert_eq!(root.text_at(["spec", "deep"]), None);
    assert_eq!(root.at([]).map(Node::id), Some(root.id()));
    for absent in [
        &["spec", "none"][..],
        &["spec", "none", "below"],
        &["spec", "name", "below"],
        &["spec", "list", "0"],
        &["other"],
    ] {
        assert!(root.at(absent.iter().copied()).is_none(), "{absent:?}");
        assert_eq!(root.text_at(absent.iter().copied()), None);
    }
}

#[test]
fn what_is_no_collection_has_no_items_and_no_entries() {
    let stream = Stream::parse("a: {list: [x, y], map: {k: v}, text: z, none: }\n").unwrap();
    let items = |key: &str| {
        let items = root(&stream).items_at(["a", key]).filter_map(Node::text);
        items.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        ["list", "map", "text", "none", "other"].map(items),
        ["x y", "", "", "", ""]
    );
    let entries = |key| root(&stream).entries_at(["a", key]).count();
    assert_eq!(
        ["list", "map", "text", "none", "other"].map(entries),
        [0, 1, 0, 0, 0]
    );
}

#[test]
fn booleans_are_those_of_yaml_1_1() {
    let of = |text: &str| {
        let stream = Stream::parse(format!("k: {text}\n")).unwrap();
        root(&stream).bool_at(["k"])
    };
    for text in ["true", "True", "TRUE", "yes", "Yes", "on", "ON", "y"] {
        assert_eq!(of(text), Some(true), "{text}");
    }
    for text in ["false", "False", "FALSE", "no", "No", "off", "OFF", "n"] {
        assert_eq!(of(text), Some(false), "{text}");
    }
    for text in [
        "\"true\"", "'yes'", "!!str on", "tRUE", "1", "", "~", "[true]",
    ] {
        assert_eq!(of(text), None, "{text}");
    }
}

#[test]
fn whole_numbers_are_those_that_the_type_holds() {
    fn of<T: TryFrom<i128>>(text: &str) -> Option<T> {
        let stream = Stream::parse(format!("k: {text}\n")).unwrap();
        root(&stream).int_at(["k"])
    }
    assert_eq!(of("1000"), Some(1000_i64));
    assert_eq!(of("1000.0"), Some(1000_i64));
    assert_eq!(of("1e3"), Some(1000_u16));
    assert_eq!(of("0x1F"), Some(31_u16));
    assert_eq!(of("010"), Some(8_i64));
    assert_eq!(of("-1"), Some(-1_i128));
    assert_eq!(of::<u16>("-1"), None);
    assert_eq!(of::<u16>("65536"), None);
    for text in ["1.5", "\"80\"", "http", "~", "[1]"] {
        assert_eq!(of::<i64>(text), None, "{text}");
    }
}

#[test]
fn keys_are_found_in_any_quoting() {
    let stream = Stream::parse("\"a\\tb\": 1\n'it''s': 2\n\"c\": 3\nd: 4\n").unwrap();
    for (key, text) in [("a\tb", "1"), ("it's", "2"), ("c", "3"), ("d", "4")] {
        assert_eq!(
            root(&stream).get(key).and_then(Node::text).as_deref(),
            Some(text),
            "{key}"
        );
    }
    assert!(root(&stream).get("e").is_none());
}

#[test]
fn tags_decide_the_type() {
    let stream =
        Stream::parse("- !!str 1\n- !!int '3'\n- ! 1\n- !Own 1\n- !!null ''\n- !!float 1\n")
            .unwrap();
    let scalars: Vec<_> = root(&stream)
        .items()
        .map(|node| node.scalar().unwrap())
        .collect();
    let text = |text: &'static str| Scalar::Text(text.into());
    assert_eq!(
        scalars,
        [
            text("1"),
            Scalar::Int(3),
            text("1"),
            text("1"),
            Scalar::Null,
            Scalar::Float(1.0)
        ]
    );
}

#[test]
fn null_is_what_both_readers_take_for_it() {
    let stream = Stream::parse("- \n- ~\n- null\n- Null\n- nUll\n- 'null'\n- !!str\n").unwrap();
    let nulls: Vec<_> = root(&stream).items().map(Node::is_null).collect();
    assert_eq!(nulls, [true, true, true, true, false, false, false]);
}

#[test]
fn positions_count_characters_and_skip_the_byte_order_mark() {
    let stream = Stream::from_bytes("\u{feff}ü: x\nb: é y\n".into()).unwrap();
    assert_eq!(
        root(&stream).get("ü").unwrap().position().to_string(),
        "1:4"
    );
    assert_eq!(stream.position(usize::MAX).to_string(), "3:1");
    assert!(stream.text().starts_with('\u{feff}'));
}

#[test]
fn errors_say_what_and_where() {
    let message = |bytes: &[u8]| Stream::from_bytes(bytes.to_vec()).unwrap_err().to_string();
    assert_eq!(
        message(b"a: 1\n\tb: 2\n"),
        "2:1: a tab in the indentation: YAML allows only spaces there"
    );
    assert_eq!(
        message(b"a: \"x\nb: 2\n"),
        "2:1: the text in \" is not closed by another \", which began on line 1"
    );
    assert_eq!(message(b"a: [1\n"), "1:4: `[` is never closed");
    assert_eq!(message(b"a: \xff\n"), "1:4: byte 0xff is not valid UTF-8");
    assert_eq!(
        message(b"a: \0\n"),
        "1:4: control character U+0000: write it as an escape in double quotes"
    );
    for (text, place) in [
        (&b"a: b # c\rd: e\n"[..], "1:9"),
        (b"a: 1\rb: 2\r", "1:5"),
        (b"a: |\n  x\r  y\n", "2:4"),
        (b"a: \"x\ry\"\n", "1:6"),
        (b"a: 1\r\nb: 2\r\r\n", "2:5"),
        (b"{\"a\": 1,\r\"b\": 2}", "1:9"),
        (b"a: 1\n---\n# c\r---\nb: 2\n", "3:4"),
    ] {
        let text_of = String::from_utf8_lossy(text);
        let expected = format!("{place}: a carriage return without a line feed");
        assert!(
            message(text).starts_with(&expected),
            "{text_of:?}: {}",
            message(text)
        );
    }
    assert_eq!(
        message(b"\xff\xfea\0"),
        "1:1: the text is encoded in UTF-16: save it as UTF-8"
    );
    assert!(message(b"a: *b\n").contains("not defined before it"));
    assert!(message(b"a: &a [*a]\n").contains("would be infinite"));
    for directive in ["%YAML 1.3", "%YAML 1.2", "%TAG ! !b", "%foo bar"] {
        let refused = message(format!("# %a\n{directive}\n---\na: 1\n").as_bytes());
        assert!(refused.starts_with("2:1: kubectl cannot follow this directive"));
    }
}

#[test]
fn a_value_expands_aliases_and_merges_up_to_a_limit() {
    let expanded = value("base: &b {x: 1}\nuse: {<<: *b, z: 2}\n");
    assert_eq!(
        expanded.to_string(),
        r#"{"base": {"x": 1}, "use": {"z": 2, "x": 1}}"#
    );
    let stream = Stream::parse(format!("[{}]\n", "x, ".repeat(100_000))).unwrap();
    assert_eq!(root(&stream).value(), Err(TooLarge));
}

#[test]
fn block_text_at_the_end_of_the_file_reads_as_in_go() {
    assert_eq!(value("a: |\n  x"), value("a: x\n"));
    assert_eq!(value("a: |\n  x\n").to_string(), r#"{"a": "x\n"}"#);
}

/// As `kubectl` and `kubectl kustomize` do, which refuse a blank or an opening bracket behind it.
#[test]
fn a_lone_dash_in_brackets_is_a_text() {
    for (text, expected) in [
        ("[-]", json!(["-"])),
        ("[cat, -]", json!(["cat", "-"])),
        ("[-, -, a]", json!(["-", "-", "a"])),
        ("[[-], {a: -}]", json!([["-"], {"a": "-"}])),
        ("{a: -, b: c}", json!({"a": "-", "b": "c"})),
        ("{\"a\":-}", json!({"a": "-"})),
        ("{-: a}", json!({"-": "a"})),
        // Only the general parser reads these.
        ("{-, a: b}", json!({"-": null, "a": "b"})),
        ("{? -}", json!({"-": null})),
        ("[-: a]", json!([{"-": "a"}])),
        ("[!!str -, &a -, *a]", json!(["-", "-", "-"])),
        ("[&a- b, *a-, ? -]", json!(["b", "b", {"-": null}])),
        ("[\"-]\", -]", json!(["-]", "-"])),
        ("[a, # -, -]\n -]", json!(["a", "-"])),
        ("[a\n -]", json!(["a -"])),
    ] {
        assert_eq!(value(text), expected.clone().into(), "{text}");
        // An anchor is read by the general parser.
        let anchored = format!("a: {text}\nb: &b c\n");
        let expected = json!({"a": expected, "b": "c"});
        assert_eq!(value(&anchored), expected.into(), "{text}");
    }
    for text in [
        "[- a]", "[a, - ]", "[- , a]", "{- : a}", "{a: - }", "[-\n]", "[- # b\n]", "{? - : b}",
        "[-[a]]", "[-{a: b}]", "[\"a\"-]", "- [a, -\n  ]",
    ] {
        assert!(Stream::parse(text).is_err(), "{text}");
    }
}
