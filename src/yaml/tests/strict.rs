//! What Kubernetes' readers refuse, or read differently. Each row was read by `sigs.k8s.io/yaml` 1.6.0 and kyaml 0.21.2.

use super::super::*;
use super::{root, value};

fn fault(text: &str) -> (Fault, String) {
    let error = Stream::parse(text).unwrap_err();
    (error.fault, error.to_string())
}

#[test]
fn duplicate_keys_are_refused_with_both_places() {
    let duplicates = [
        ("a: 1\na: 2\n", 1),
        ("a: 1\n'a': 2\n", 1),
        ("a: 1\nb: 2\n\"\\x61\": 3\n", 1),
        ("a: 1\n\"\\u0061\": 2\n", 1),
        ("{a: 1, \"a\": 2}\n", 1),
        ("x: [{k: 1, k: 2}]\n", 1),
        ("1: a\n\"1\": b\n", 1),
        ("0x1: a\n1: b\n", 1),
        ("1_0: a\n10: b\n", 1),
        ("1.0: a\n1: b\n", 1),
        ("1.5: a\n'1.5': b\n", 1),
        ("-0: a\n0: b\n", 1),
        ("true: a\n\"true\": b\n", 1),
        ("yes: a\ntrue: b\n", 1),
        ("on: a\nYES: b\n", 1),
        ("!!str a: 1\na: 2\n", 1),
        ("!foo 1: a\n1: b\n", 1),
        ("a: &a x\n*a : 1\nx: 2\n", 2),
        ("? a\n: 1\na: 2\n", 1),
        ("? |-\n  a\n: 1\na: 2\n", 1),
        ("b: &b {a: 1}\nm:\n  <<: *b\n  <<: *b\n", 3),
        (
            "k0: 1\nk1: 1\nk2: 1\nk3: 1\nk4: 1\nk5: 1\nk6: 1\nk7: 1\nk8: 1\nk9: 1\nka: 1\nkb: 1\nkc: 1\nkd: 1\n\"k\\x30\": 2\n",
            1,
        ),
    ];
    for (text, first) in duplicates {
        let (fault, message) = fault(text);
        assert_eq!(fault, Fault::DuplicateKey, "{text}");
        let first = format!("first on line {first}");
        assert!(message.ends_with(&first), "{text}: {message}");
    }
    assert_eq!(
        fault("a: 1\nb:\n  c: 1\n  c: 2\n").1,
        "4:3: duplicate key `c`, first on line 3"
    );
}

#[test]
fn keys_that_differ_in_json_are_accepted() {
    let texts = [
        "a: 1\nA: 2\n", "\"yes\": a\n\"yes \": b\n", "8080: a\n'0x1': b\n", "1: a\n2: b\n",
        "1.5: a\n15: b\n", "\"~\": a\n\"null\": b\n", "<: 1\n\"<<\": 2\n", "2001-01-01: a\n",
        "\"\": 1\n' ': 2\n", "a: &a x\n*a : 1\n",
    ];
    for text in texts {
        assert!(Stream::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn keys_that_are_not_strings_are_refused() {
    let refused = [
        ("a: {{ .Values.a }}\n", "unrendered template"),
        ("{{ .Values.a }}: 1\n", "unrendered template"),
        ("? [a]\n: b\n", "found a list"),
        ("~: a\n", "found null"),
        ("null: a\nb: 1\n", "found null"),
        ("? \n: 1\n", "found null"),
    ];
    for (text, expected) in refused {
        let (fault, message) = fault(text);
        assert_eq!(fault, Fault::Disputed, "{text}");
        assert!(message.contains(expected), "{text}: {message}");
        assert!(Stream::parse_any_keys(text).is_ok(), "{text}");
    }
}

/// `sigs.k8s.io/yaml` reads `hostPID: true`, or another text, in each of these.
#[test]
fn tags_that_give_another_text_are_refused() {
    for text in [
        "!!binary aG9zdFBJRA==: true\n",
        "type: !!binary VW5jb25maW5lZA==\n",
        "type: !<tag:yaml.org,2002:binary> VW5jb25maW5lZA==\n",
        "type: !!bin%61ry VW5jb25maW5lZA==\n",
        "! \"<<\": {hostPID: true}\n",
        "!!merge \"<<\": {hostPID: true}\n",
        "!!merge foo: {hostPID: true}\n",
        "kind: Pod\ndata: {a: !!binary aGk=}\n",
        "kind: ConfigMap\ndata: {!!binary aGk=: a}\n",
        "kind: ConfigMap\nmetadata: {name: !!binary aGk=}\n",
    ] {
        assert_eq!(fault(text).0, Fault::Disputed, "{text}");
        assert!(Stream::parse_any_keys(text).is_ok(), "{text}");
    }
    for text in [
        "kind: ConfigMap\ndata: {a: !!binary aGk=}\n",
        "a: !!str 1\nb: ! 1\nc: !Ref d\n!!str e: !!map {}\n",
    ] {
        assert!(Stream::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn merges_are_read_alike_or_refused() {
    let read = [
        ("b: &b {a: 1}\nm:\n  <<: *b\n  a: 2\n", r#"{"a": 2}"#),
        (
            "b: &b {a: 1}\nc: &c {a: 2, d: 3}\nm:\n  <<: [*b, *c]\n",
            r#"{"a": 1, "d": 3}"#,
        ),
        ("b: &b {a: 1}\nm:\n  \"<<\": *b\n", r#"{"<<": {"a": 1}}"#),
        ("b: &b {a: 1}\nm:\n  !!str <<: *b\n", r#"{"<<": {"a": 1}}"#),
        ("b: &b {a: 1}\nm:\n  !!merge <<: *b\n", r#"{"a": 1}"#),
        ("m:\n  <<: {a: 1}\n  b: 2\n", r#"{"b": 2, "a": 1}"#),
        (
            "b: &b {a: 1}\nc: &c {<<: *b, d: 1}\nm:\n  <<: *c\n",
            r#"{"d": 1, "a": 1}"#,
        ),
    ];
    for (text, expected) in read {
        let stream = Stream::parse(text).unwrap();
        let map = root(&stream).get("m").unwrap();
        assert_eq!(map.value().unwrap().to_string(), expected, "{text}");
        for (key, value) in map.entries() {
            let name = key.text().unwrap();
            assert_eq!(map.get(&name).unwrap().id(), value.id(), "{text}: {name}");
        }
    }
    let refused = [
        (
            "b: &b {a: 1}\nm:\n  a: 2\n  <<: *b\n",
            "4:3",
            "write `<<` first",
        ),
        (
            "b: &b {a: 1}\nc: &c {<<: *b}\nm: {a: 2, <<: [*c]}\n",
            "3:5",
            "write `<<` first",
        ),
        ("m:\n  <<: 1\n", "2:3", "a list of maps"),
        ("m:\n  <<:\n", "2:3", "a list of maps"),
        ("b: &b {a: 1}\nm:\n  <<: [[*b]]\n", "3:3", "a list of maps"),
        ("b: &b [{a: 1}]\nm:\n  <<: *b\n", "3:3", "a list of maps"),
    ];
    for (text, _, expected) in refused {
        let (fault, message) = fault(text);
        assert_eq!(fault, Fault::Disputed, "{text}");
        assert!(message.contains(expected), "{text}: {message}");
    }
    assert_eq!(
        value("a: &a {b: 1}\n\"<<\": *a\n").to_string(),
        r#"{"a": {"b": 1}, "<<": {"b": 1}}"#
    );
}

/// Texts under two kilobytes that stand for more than memory can hold.
#[test]
fn aliases_are_limited() {
    let chain = |first: &str, next: &dyn Fn(usize) -> String| {
        let mut text = format!("a0: &a0 {first}\n");
        for i in 1..40 {
            text.push_str(&format!("a{i}: &a{i} {}\n", next(i - 1)));
        }
        text
    };
    let bombs = [
        chain("{z: 1}", &|i| format!("{{<<: [*a{i}, *a{i}]}}")),
        chain("{z: 1}", &|i| {
            format!("{{<<: [{{<<: *a{i}}}, {{<<: *a{i}}}]}}")
        }),
        chain("[x]", &|i| format!("[*a{i}, *a{i}]")),
        chain("{z: 1}", &|i| format!("{{l: *a{i}, r: *a{i}}}")),
        chain("{z: 1}", &|i| {
            format!("{{items: [*a{i}, *a{i}, {{a: *a{i}}}]}}")
        }),
    ];
    for text in bombs {
        let (fault, message) = fault(&text);
        assert_eq!(fault, Fault::Expansion, "{text}");
        assert!(
            message.contains("aliases of the text stand for"),
            "{message}"
        );
        assert!(Stream::parse_any_keys(text).is_err());
    }
    let map: String = (0..1000).map(|i| format!("k{i}: 1, ")).collect();
    let many = format!("m: &m {{{map}}}\nl: [{}]\n", "*m, ".repeat(100_000));
    assert_eq!(fault(&many).0, Fault::Expansion);
    // Aliases of single values, and of a small map, are not many.
    let few = format!("m: &m {{a: 1}}\nl: [{}]\n", "*m, ".repeat(100_000));
    assert!(Stream::parse(few).is_ok());
}

#[test]
fn aliases_do_not_nest_deeper_than_texts() {
    for (open, close) in [("[", "]"), ("{k: ", "}"), ("{<<: ", "}")] {
        // Each line nests once more, and the many items keep the aliases few in relation.
        let mut text = format!("a: [{}]\na0: &a0 {{x: 1}}\n", "x, ".repeat(20_000));
        for i in 1..600 {
            text.push_str(&format!("a{i}: &a{i} {open}*a{}{close}\n", i - 1));
        }
        let (kind, message) = fault(&text);
        assert_eq!(kind, Fault::Expansion);
        assert!(
            message.contains("nested deeper than 512 levels"),
            "{message}"
        );
        assert!(message.starts_with("513:"), "{message}");
    }
}

/// Forms of YAML 1.2 that kubectl and kustomize refuse, or that one of them reads as another value.
#[test]
fn forms_that_only_yaml_1_2_has_are_refused() {
    let refused = [
        ("a: .inf\n", "1:4", "a number that JSON does not have"),
        ("a: [b, -.INF]\n", "1:8", "a number that JSON does not have"),
        ("a: !!int b\n", "1:10", "the tag `!!int`"),
        ("a: !!null b\n", "1:11", "the tag `!!null`"),
        (
            "a: [!!str, b]\n",
            "1:5",
            "expect a blank behind the name of a tag",
        ),
        ("a: &b:c d\n", "1:4", "in the name of an anchor"),
        ("a: &é b\n", "1:4", "in the name of an anchor"),
        ("a: &b@c d\n", "1:4", "in the name of an anchor"),
        ("a: \"b\\/c\"\n", "1:6", "do not know this escape"),
        ("a: \"\\ud83d\\ude00\"\n", "1:5", "do not know this escape"),
        ("a: {b: :c}\n", "1:8", "put the text in quotes"),
        ("a: [b?c]\n", "1:6", "put the text in quotes"),
        ("a: {?b: c}\n", "1:5", "put the text in quotes"),
        (
            "a: {b:, c: d}\n",
            "1:6",
            "read this `:` as a part of the key",
        ),
        (
            "a: {b :, c: d}\n",
            "1:7",
            "read this `:` as a part of the key",
        ),
        ("a: {? b :}\n", "1:9", "read this `:` as a part of the key"),
        ("a: {\"b\"\n  : c}\n", "1:5", "not on one line with its `:`"),
        ("a: {b\n  c: d}\n", "1:5", "not on one line with its `:`"),
        ("-\ta\n", "1:2", "refuse this tab"),
        ("a: 1\n\t\nb: 2\n", "2:1", "refuse this tab"),
        ("a: 1\n\t# c\nb: 2\n", "2:1", "refuse this tab"),
        ("a:\n \tb\n", "2:2", "refuse this tab"),
        ("a:\n  - b\n  \t\n  - c\n", "3:3", "refuse this tab"),
        ("a: |\n  \tb\n", "2:3", "refuse this tab"),
        ("a: |\n  b\n \t\n", "3:2", "refuse this tab"),
        ("? a\n:\tb\n", "2:2", "refuse this tab"),
        ("\t[a]\n", "1:1", "refuse this tab"),
        (">\na\n", "2:1", "to be indented"),
        ("--- a\n", "1:5", "refuses content behind `---`"),
        ("a: 1\n--- {b: 1}\n", "2:5", "refuses content behind `---`"),
        ("---\n---a\n", "2:4", "refuses content behind `---`"),
        ("---#a: 1\n", "1:4", "refuses content behind `---`"),
        ("a: 1\n...\nb: 1\n", "3:1", "does not read on behind `...`"),
        ("# a\n...\n", "2:1", "without a document before it"),
        (
            "a: 1\n---\n# b\n...\n", "4:1", "without a document before it",
        ),
        ("%YAML 1.2\n---\na: 1\n", "1:1", "this directive"),
        ("a: 1\n...\n%TAG ! !a\n---\nb: 1\n", "3:1", "this directive"),
        (
            "# a\u{2028}b: 1\n",
            "1:4",
            "take U+2028 for the end of a line",
        ),
        ("a: b\u{85}c\n", "1:5", "take U+0085 for the end of a line"),
    ];
    for (text, place, expected) in refused {
        let error = Stream::parse(text).unwrap_err();
        assert_eq!(error.fault, Fault::Disputed, "{text:?}: {error}");
        assert!(error.message.contains(expected), "{text:?}: {error}");
        assert_eq!(error.position.to_string(), place, "{text:?}: {error}");
        assert!(Stream::parse_any_keys(text).is_ok(), "{text:?}");
    }
}

/// What is near to these forms, and read alike by all.
#[test]
fn forms_that_all_readers_know_are_accepted() {
    let texts = [
        "a: 'y'\n\"n\": .info\n.a: .5\n",
        "a: !!float 4\nb: !!null\nc: !!bool yes\n",
        "a: {b: &c_1-x [d], e: *c_1-x}\n",
        "a: b?c\nd: \"e?\"\nf: [\"g?\", 'h: ?', i:j, \"k\":l, {m: }]\n",
        "a: {? b\n  c : d}\n",
        "a:\tb\t# c\nd:\t\n  e: f\t\n",
        "a: b\n  \t\nc: d\n",
        "a: [\n \t\tb,\n \tc ]\n",
        "a: |\n  b\n  \t\n  \tc\n",
        "a: \"b\n\tc\"\n",
        "\t{\"a\": \"b\\/c\", \"d\"\n\t: \"\\ud83d\\ude00\"}\n---\na: 1\n",
        "---\t# a\n--- # b\na: 1\n...\n...\n# c\n---\nb: 1\n...",
        "---\n...\n---\na: 1\n",
        "%YAML 1.1 # a\n---\na: 1\n...\n%YAML 1.1\n---\nb: 1\n",
        "a: |\n  %b\n  ...\n  --- c\n",
        "{\"a\": \"\u{2028}\"}\n",
    ];
    for text in texts {
        let read = Stream::parse(text);
        assert!(read.is_ok(), "{text:?}: {}", read.unwrap_err());
    }
}
