//! Comments keep their owners, and new text in brackets looks like the text around it.

use super::super::{Change, Edit, Footers, Request, Stream, join};
use super::{remove, set, try_edit};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::borrow::Cow;

#[test]
fn what_is_commented_out_below_the_last_key_stays_below_it() {
    for below in [
        "    # - b: 1\n", "\n    # x\n\n      # y\n", "  # - b: 1\n  #   c: 2\n", "  # b: 1\n",
    ] {
        let text = format!("s:\n  a:\n{below}");
        assert_eq!(set(&text, "/s/k", json!(1)), format!("{text}  k: 1\n"));
    }
    // A list whose dashes are in the column of its key.
    let text = "s:\n  a:\n  - x: 1\n  # one more:\n  # - x: 2\n\n  # the end\n";
    assert_eq!(
        set(text, "/s/k", json!(1)),
        text.replace("2\n\n", "2\n  k: 1\n\n")
    );
    let text = "- a: 1\n  # b: 2\n- a: 3\n  # b: 4";
    assert_eq!(set(text, "/-", json!(5)), format!("{text}\n- 5"));
}

#[test]
fn other_comments_at_the_end_stay_at_the_end() {
    assert_eq!(
        set("s:\n  a: 1 # a\n  # the end\nd: 1\n", "/s/k", json!(1)),
        "s:\n  a: 1 # a\n  k: 1\n  # the end\nd: 1\n"
    );
    assert_eq!(
        set(
            "s:\n  a:\n  # Words about nothing in particular\n",
            "/s/k",
            json!(1)
        ),
        "s:\n  a:\n  k: 1\n  # Words about nothing in particular\n"
    );
}

#[test]
fn footers_of_kyaml_stay_with_the_entry_above() {
    let text = "s:\n  a:\n    b: 1\n  # a\n  # a\n\n  # far\nd: 1\n";
    let stream = Stream::parse(text).unwrap();
    let edit = |stream: &Stream, pointer: &'static str| Request {
        object: 0,
        root: stream.documents().next().unwrap().root().id(),
        pointer: jsonptr::Pointer::from_static(pointer).into(),
        appends: false,
        value: Some(Cow::Owned(1.into())),
    };
    let edited = stream.edit_with(
        &[edit(&stream, "/s/a/k"), edit(&stream, "/s/k")],
        Footers::OfTheEntryAbove,
        None,
    );
    assert_eq!(
        edited.unwrap().into_text(),
        "s:\n  a:\n    b: 1\n    k: 1\n  # a\n  # a\n\n  k: 1\n\n  # far\nd: 1\n"
    );
    let stream = Stream::parse("s:\n  - a\n\n    # deep\n").unwrap();
    let edit = edit(&stream, "/k");
    assert_eq!(
        stream
            .edit_with(&[edit], Footers::OfTheEntryAbove, None)
            .unwrap()
            .into_text(),
        "s:\n  - a\n\n    # deep\n\nk: 1\n"
    );
}

#[test]
fn a_filled_value_takes_the_column_of_its_comments() {
    assert_eq!(
        set("a:\n    # x: 1\nb: 1\n", "/a/k", json!(1)),
        "a:\n    k: 1\n    # x: 1\nb: 1\n"
    );
    assert_eq!(
        set("l:\n  - 1\na:\n# - x\n", "/a/-", json!(1)),
        "l:\n  - 1\na:\n- 1\n# - x\n"
    );
}

#[test]
fn removals_take_what_was_commented_out_below_and_no_comment_of_others() {
    assert_eq!(
        remove("a: 0\nb: 1 # b\n  # deep\n# c\nc: 2\n", "/b"),
        "a: 0\n# c\nc: 2\n"
    );
    assert_eq!(remove("a: 0\nb:\n# c:\nc: 2\n", "/b"), "a: 0\n# c:\nc: 2\n");
    assert_eq!(
        remove("- a:\n    x: 1\n    # y\n  # b\n  b: 2\n", "/0/a"),
        "-\n  # b\n  b: 2\n"
    );
    assert_eq!(
        remove("a:\n  b: 1\n  # end\nc: 2\n", "/a/b"),
        "a: {}\n  # end\nc: 2\n"
    );
}

#[test]
fn removals_in_brackets_take_the_lines_of_the_entry() {
    let text = "{\n  # a\n  a: 1, # a\n  # b\n  b: 2, # b\n  c: 3 # c\n  # end\n}\n";
    assert_eq!(
        remove(text, "/a"),
        "{\n  # b\n  b: 2, # b\n  c: 3 # c\n  # end\n}\n"
    );
    assert_eq!(
        remove(text, "/c"),
        "{\n  # a\n  a: 1, # a\n  # b\n  b: 2 # b\n  # end\n}\n"
    );
    let all = [
        ("/a", None),
        ("/b", None),
        ("/c", None),
        ("/d", Some(json!(4))),
    ];
    assert_eq!(try_edit(text, &all).unwrap(), "{\n  d: 4\n  # end\n}\n");
    assert_eq!(try_edit(text, &all[..3]).unwrap(), "{\n  # end\n}\n");
    assert_eq!(remove("a: {\n  b: \"#\", # b\n}\n", "/a/b"), "a: {}\n");
    assert_eq!(remove("a: {b: \"#\"}\n", "/a/b"), "a: {}\n");
}

#[test]
fn brackets_with_nothing_but_comments_keep_them() {
    assert_eq!(
        set("a: { # x\n  # y: 1,\n} # z\n", "/a/k", json!("v")),
        "a: { # x\n  k: v,\n  # y: 1,\n} # z\n"
    );
    assert_eq!(
        set("a: [\n    # y\n  ]\n", "/a/-", json!({"k": [1]})),
        "a: [\n    {\n      k: [\n        1,\n      ],\n    },\n    # y\n  ]\n"
    );
    assert_eq!(
        super::refusal("a: [ # x\n]\n", "/a", Some(json!(1))).0,
        "comment"
    );
    assert_eq!(
        super::refusal("a: [ # x\n]\n", "/a", Some(json!({"k": 1}))).0,
        "comment"
    );
}

#[test]
fn additions_in_brackets_go_behind_the_comment_of_the_last_entry() {
    assert_eq!(
        set("a: { b: 5 # five\n}\n", "/a/k", json!(1)),
        "a: { b: 5, # five\n     k: 1\n}\n"
    );
    assert_eq!(
        set("a: [b, # five\n  c # six\n  ]\n", "/a/-", json!(1)),
        "a: [b, # five\n  c, # six\n  1\n  ]\n"
    );
    assert_eq!(
        set("a: [b # five\n  , ]\n", "/a/-", json!(1)),
        "a: [b # five\n  , 1, ]\n"
    );
}

#[test]
fn a_collection_that_is_set_keeps_what_does_not_differ() {
    assert_eq!(
        set(
            "a:\n  # b\n  'b': 1 # b\n  c: 2 # c\n  # end\n",
            "/a",
            json!({"d": [1], "b": 3})
        ),
        "a:\n  # b\n  'b': 3 # b\n  d:\n  - 1\n  # end\n"
    );
    assert_eq!(
        set("a: {\n  b: x, # b\n  # end\n}\n", "/a", json!({"b": "z"})),
        "a: {\n  b: z, # b\n  # end\n}\n"
    );
    assert_eq!(
        set(
            "a:\n- x # x\n- \"y\" # y\n- {k: 1} # k\n",
            "/a",
            json!(["y", {"k": 1}, "w"])
        ),
        "a:\n- \"y\" # y\n- {k: 1} # k\n- w\n"
    );
    assert_eq!(set("a: 'x' # x\n", "/a", json!("x")), "a: 'x' # x\n");
    let twice = [("/a/0", Some(json!(2))), ("/a", Some(json!([1, 2])))];
    assert_eq!(
        try_edit("a:\n- 1\n- 3\n", &twice).unwrap(),
        "a:\n- 1\n- 2\n"
    );
}

#[test]
fn kyaml_stays_kyaml() {
    let text = "---\n{\n  s: {\n    name: \"x\", # x\n    # end\n  },\n  l: [{\n    name: \"x\",\n  }],\n  e: {},\n}\n";
    let edits = [
        ("/s/k", Some(json!("v"))),
        (
            "/s/m/k",
            Some(json!({"l": ["a", "b"], "o": [{"name": 1}, {"name": 2}], "e": {}})),
        ),
        ("/l/-", Some(json!({"name": "yes"}))),
        ("/e/k", Some(json!(true))),
    ];
    let expected = "---
{
  s: {
    name: \"x\", # x
    k: \"v\",
    m: {
      k: {
        l: [
          \"a\",
          \"b\",
        ],
        o: [{
          name: 1,
        }, {
          name: 2,
        }],
        e: {},
      },
    },
    # end
  },
  l: [{
    name: \"x\",
  }, {
    name: \"yes\",
  }],
  e: {
    k: true,
  },
}
";
    assert_eq!(try_edit(text, &edits).unwrap(), expected);
}

#[test]
fn json_keeps_its_layout() {
    let added = json!({"x": ["y", 1]});
    let compact = "{\"a\":{\"b\":\"c\"},\"l\":[],\"e\":{}}";
    assert_eq!(
        set(compact, "/a/k", added.clone()),
        "{\"a\":{\"b\":\"c\",\"k\":{\"x\":[\"y\",1]}},\"l\":[],\"e\":{}}"
    );
    assert_eq!(
        set(compact, "/e/k", json!("\u{1}")),
        "{\"a\":{\"b\":\"c\"},\"l\":[],\"e\":{\"k\":\"\\u0001\"}}"
    );
    for unit in ["  ", "    ", "\t"] {
        let write = |text: &str| text.replace('~', unit);
        let text = write("{\n~\"a\": {\n~~\"b\": \"c\"\n~},\n~\"l\": []\n}");
        assert_eq!(
            set(&text, "/a/k", added.clone()),
            write(
                "{\n~\"a\": {\n~~\"b\": \"c\",\n~~\"k\": {\n~~~\"x\": [\n~~~~\"y\",\n~~~~1\n~~~]\n~~}\n~},\n~\"l\": []\n}"
            )
        );
        assert_eq!(
            set(&text, "/l/-", json!({"x": 1})),
            write("{\n~\"a\": {\n~~\"b\": \"c\"\n~},\n~\"l\": [\n~~{\n~~~\"x\": 1\n~~}\n~]\n}")
        );
    }
}

#[test]
fn brackets_in_a_block_file_follow_their_other_entries() {
    assert_eq!(
        set("a: { b: 1 }\n", "/a/k", json!({"x": 1})),
        "a: { b: 1, k: { x: 1 } }\n"
    );
    assert_eq!(
        set("a: {b: 'x'}\n", "/a/k", json!("w")),
        "a: {b: 'x', k: 'w'}\n"
    );
    assert_eq!(
        set("a: {b: \"1\"}\n", "/a/k", json!("w")),
        "a: {b: \"1\", k: w}\n"
    );
    assert_eq!(
        set("a: {\n  b: {x: 1},\n  c: 2,\n}\n", "/a/k", json!({"x": 1})),
        "a: {\n  b: {x: 1},\n  c: 2,\n  k: {x: 1},\n}\n"
    );
    assert_eq!(
        set("a: {\n \tb: 1\n \t}\n", "/a/k", json!(1)),
        "a: {\n \tb: 1,\n \tk: 1\n \t}\n"
    );
    assert_eq!(
        set("a: [x,\n  y]\r\n", "/a/-", json!(1)),
        "a: [x,\n  y,\n  1]\r\n"
    );
    assert_eq!(
        set("a: {\r\n  b: 1,\r\n}\r\n", "/a/k", json!(1)),
        "a: {\r\n  b: 1,\r\n  k: 1,\r\n}\r\n"
    );
}

#[test]
fn tabs_in_block_indentation_are_refused_and_those_in_brackets_are_not() {
    let text = "a: {\n \tb: 1\n \t}\n";
    assert_eq!(set(text, "/k", json!(1)), format!("{text}k: 1\n"));
    let json = "\t{\n\t\t\"a\": 1\n\t}\n";
    assert_eq!(set(json, "/a", json!(2)), "\t{\n\t\t\"a\": 2\n\t}\n");
    for text in [format!("{text}c:\n-\td: 1\n"), "\t[a]\n".to_owned()] {
        let error = Stream::parse(text).unwrap_err();
        assert!(error.message.contains("refuse this tab"), "{error}");
    }
}

#[test]
fn joined_texts_keep_their_values() {
    let texts = [
        ("a: |\n  x", "b: 1\n", "a: |-\n  x\n---\nb: 1\n"),
        ("a: |+\n  x", "b: 1", "a: |-\n  x\n---\nb: 1"),
        (
            "a: >2\n    x\n\n  ",
            "b: 1",
            "a: >2\n    x\n\n  \n---\nb: 1",
        ),
        ("a: |+\n  x\n\n  ", "b: 1", "a: |+\n  x\n\n---\nb: 1"),
        (
            "a: |+\n  x\n", "\n---\nb: 1", "a: |+\n  x\n...\n\n---\nb: 1",
        ),
        (
            "a: |\n  x\n",
            "  # b\n--- # b\nb: 1",
            "a: |\n  x\n...\n  # b\n--- # b\nb: 1",
        ),
        ("a: 1\n", "# b\n---\nb: 1", "a: 1\n# b\n---\nb: 1"),
        ("a: 1\r\n", "\u{feff}b: 1", "a: 1\r\n---\r\nb: 1"),
        (
            "\u{feff}a: 1\n---\n",
            "--- \nb: 1",
            "\u{feff}a: 1\n---\n--- \nb: 1",
        ),
        (
            "a: 'x'",
            "# only a comment",
            "a: 'x'\n---\n# only a comment",
        ),
    ];
    let values = |text: &str| {
        let stream = Stream::parse_any_keys(text).unwrap();
        let documents = stream.documents().filter(|it| !it.is_empty());
        documents
            .map(|it| it.root().value().unwrap())
            .collect::<Vec<_>>()
    };
    let join = |texts: &[String]| {
        let mut joined = String::new();
        join(texts, &mut |part| joined.push_str(part));
        joined
    };
    for (first, second, joined) in texts {
        assert_eq!(join(&[first.into(), second.into()]), joined);
        let mut expected = values(first);
        expected.extend(values(second));
        assert_eq!(values(joined), expected, "{joined}");
        assert_eq!(join(&[first.into()]), first);
    }
}

/// Writes random documents in which every key and every comment is another one.
struct Author<'d> {
    dice: &'d mut dyn Iterator<Item = u8>,
    count: usize,
    out: String,
    /// The ways to the maps.
    maps: Vec<String>,
    /// The ways to what can be removed.
    entries: Vec<String>,
}

impl Author<'_> {
    fn roll(&mut self, sides: u8) -> u8 {
        self.dice.next().unwrap_or(0) % sides
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("n{}x", self.count)
    }

    fn comment_line(&mut self, column: usize) {
        let sign = ["", "- ", "key: "][usize::from(self.roll(3))];
        self.comment_line_with(sign, column);
    }

    fn comment_line_with(&mut self, sign: &str, column: usize) {
        let name = self.name();
        self.out
            .push_str(&format!("{:column$}# {sign}{name}\n", ""));
    }

    fn end_line(&mut self) {
        if self.roll(3) == 0 {
            let name = self.name();
            self.out.push_str(&format!(" # {name}"));
        }
        self.out.push('\n');
    }

    /// A map whose entries have lines to themselves.
    fn map(&mut self, way: &str, column: usize, flow: bool) {
        self.maps.push(way.to_owned());
        let size = self.roll(3) + 1;
        let trailing = self.roll(2) == 0;
        for at in 0..size {
            if self.roll(3) == 0 {
                self.comment_line(column);
            }
            let key = self.name();
            let way = format!("{way}/{key}");
            self.entries.push(way.clone());
            self.out.push_str(&format!("{:column$}{key}:", ""));
            let comma = match flow && (at + 1 < size || trailing) {
                true => ",",
                false => "",
            };
            let kind = if column > 8 {
                4 + self.roll(2)
            } else {
                self.roll(6)
            };
            match kind {
                0 | 1 if !flow => {
                    self.end_line();
                    self.map(&way, column + 2, false);
                }
                2 => {
                    self.out.push_str(" {");
                    self.end_line();
                    self.map(&way, column + 2, true);
                    self.out.push_str(&format!("{:column$} }}{comma}", ""));
                    self.end_line();
                }
                3 => {
                    self.out.push_str(" {");
                    self.end_line();
                    self.comment_line(column + 2);
                    self.maps.push(way);
                    self.out.push_str(&format!("{:column$} }}{comma}", ""));
                    self.end_line();
                }
                4 if !flow => {
                    self.maps.push(way);
                    self.end_line();
                    if self.roll(2) == 0 {
                        self.comment_line(column + 2);
                    }
                }
                _ => {
                    let value = self.name();
                    self.out.push_str(&format!(" {value}{comma}"));
                    self.end_line();
                }
            }
        }
        if self.roll(3) == 0 {
            // With a sign it could have been commented out below the last entry.
            self.comment_line_with("", column);
        }
    }
}

fn content(line: &str) -> String {
    let content = line.split('#').next().unwrap_or_default().trim();
    content.trim_end_matches(['{', '}', ',', ' ']).to_owned()
}

/// What a comment belongs to, read from the lines alone: the text before it on its line; or the line
/// below it in its column; or the line above that it is deeper than.
fn owners(text: &str) -> Vec<(String, Option<String>)> {
    let column = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().collect();
    let is_content = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut owners = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((before, comment)) = line.split_once('#') else {
            continue;
        };
        let above = |than: usize| {
            let mut lines = lines[..at].iter().rev().filter(is_content);
            lines
                .find(|line| column(line) < than)
                .map(|line| content(line))
        };
        let below = lines[at..].iter().find(is_content);
        let owner = match below {
            _ if content(before).is_empty() && before.contains('}') => above(column(line)),
            _ if !before.trim().is_empty() => Some(content(before)),
            Some(below) if column(below) == column(line) && !below.contains('}') => {
                Some(content(below))
            }
            _ => above(column(line)),
        };
        owners.push((comment.to_owned(), owner));
    }
    owners
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_comment_keeps_its_owner(
        dice in prop::collection::vec(any::<u8>(), 200),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4usize), 1..4),
        ends in any::<bool>(),
    ) {
        let mut dice = dice.into_iter();
        let mut author = Author { dice: &mut dice, count: 0, out: String::new(), maps: Vec::new(), entries: Vec::new() };
        author.map("", 0, false);
        let Author { mut out, maps, entries, .. } = author;
        if ends {
            out.pop();
        }
        let stream = Stream::parse(out.as_str()).unwrap();
        let mut removed = Vec::new();
        let edits: Vec<Edit> = changes.iter().enumerate().filter_map(|(at, (index, kind))| {
            let values = [json!(1), json!({"m": {"o": "v"}}), json!(["a", {"b": "c"}])];
            let (pointer, change) = match values.get(*kind) {
                Some(value) => (format!("{}/added{at}", index.get(&maps)), Change::Set(Value::into(value.clone()))),
                None => (index.get(&entries).clone(), Change::Remove),
            };
            // What is removed and added again has another owner.
            if removed.iter().any(|it: &String| pointer.starts_with(&format!("{it}/"))) {
                return None;
            }
            if change == Change::Remove {
                removed.push(pointer.clone());
            }
            let root = stream.documents().next().unwrap().root().id();
            Some(Edit { root, pointer: jsonptr::PointerBuf::parse(pointer).unwrap(), change })
        }).collect();
        // Where a comment that is not the entry's own would go with it, the removal is refused.
        let removes = !removed.is_empty();
        let edited = match stream.edit(&edits) {
            Ok(edited) => edited,
            Err(refusal) => {
                prop_assert_eq!(refusal.reason.as_str(), "comment", "{}\n{:?}: {}", out, edits, refusal);
                prop_assert!(removes, "{}\n{:?}: {}", out, edits, refusal);
                return Ok(());
            }
        };
        let after = owners(&edited);
        for (comment, owner) in owners(&out) {
            let now = after.iter().find(|(it, _)| *it == comment);
            match now {
                Some((_, now)) if !removes => prop_assert_eq!(now, &owner, "#{}\n{}\n->\n{}", comment, out, edited),
                Some(_) => {}
                None => {
                    prop_assert!(removes, "#{} is lost:\n{}\n->\n{}", comment, out, edited);
                    let owner = owner.unwrap_or_default();
                    let is_there = !owner.is_empty() && edited.lines().any(|line| content(line) == owner);
                    prop_assert!(!is_there, "#{} is lost and {} is not:\n{}\n->\n{}", comment, owner, out, edited);
                }
            }
        }
    }
}

#[test]
fn the_comment_behind_a_bracket_does_not_go_with_what_is_in_it() {
    let text = "a: [ # c\n  x, # x\n]\n";
    assert_eq!(set(text, "/a", json!(["y"])), "a: [ # c\n  \"y\",\n]\n");
    assert_eq!(set(text, "/a", json!([])), "a: [ # c\n]\n");
    let map = "a: { # c\n  x: 1, # x\n}\n";
    assert_eq!(set(map, "/a", json!({})), "a: { # c\n}\n");
    assert_eq!(set("a: {x: 1} # c\n", "/a", json!({})), "a: {} # c\n");
    assert!(try_edit(text, &[("/a", Some(json!({})))]).is_err());
    assert!(try_edit(text, &[("/a", Some(json!("s")))]).is_err());
    let below = "a: [\n  x,\n  # y\n]\n";
    assert!(try_edit(below, &[("/a", Some(json!("s")))]).is_err());
    let of_item = "a: [\n  x, # x\n]\n";
    assert_eq!(set(of_item, "/a", json!("s")), "a: s\n");
}
