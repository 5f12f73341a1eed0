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
        "a: 1\nA: 2\n",
        "yes: a\n\"yes \": b\n",
        "1: a\n2: b\n",
        "1.5: a\n15: b\n",
        "\"~\": a\n\"null\": b\n",
        "<: 1\n\"<<\": 2\n",
        "2001-01-01: a\n",
        "\"\": 1\n' ': 2\n",
        "a: &a x\n*a : 1\n",
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
        assert_eq!(fault, Fault::Keys, "{text}");
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
        "%TAG ! tag:yaml.org,2002:\n---\ntype: !binary VW5jb25maW5lZA==\n",
        "%TAG !b! tag:yaml.org,2002:\n---\ntype: !b!binary VW5jb25maW5lZA==\n",
        "! \"<<\": {hostPID: true}\n",
        "!!merge \"<<\": {hostPID: true}\n",
        "!!merge foo: {hostPID: true}\n",
        "kind: Pod\ndata: {a: !!binary aGk=}\n",
        "kind: ConfigMap\ndata: {!!binary aGk=: a}\n",
        "kind: ConfigMap\nmetadata: {name: !!binary aGk=}\n",
    ] {
        assert_eq!(fault(text).0, Fault::Keys, "{text}");
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
        assert_eq!(fault, Fault::Keys, "{text}");
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
