//! Random edits of random documents: the value afterwards is the model's, and what no edit
//! concerns keeps its bytes.

use super::super::{Change, Edit, Replacement, Request, Stream};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        prop::sample::select(vec![
            "web", "yes", "1Gi", "0x1F", "a: b", "x #y", "", "é", "l1\nl2", "a,b", "- x", "'", "\\"
        ])
        .prop_map(Json::from),
        (0i64..100).prop_map(Json::from),
        Just(Json::Null),
        Just(json!(true)),
    ]
}

fn value() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|entries| Json::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "spec", "x.y/z", "no", "long key"]).prop_map(String::from)
}

/// A document in block or flow style, with comments and blank lines, from the numbers of `dice`.
fn write(value: &Json, indent: usize, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    let pad = " ".repeat(indent);
    let flow = dice.next().is_some_and(|die| die < 50);
    match value {
        Json::Object(entries) if !entries.is_empty() && !flow => {
            for (key, value) in entries {
                comment(&pad, dice, out);
                out.push_str(&format!("{pad}{}:", serde_json::to_string(key).unwrap()));
                nested(value, indent, dice, out);
            }
        }
        Json::Array(items) if !items.is_empty() && !flow => {
            for item in items {
                comment(&pad, dice, out);
                out.push_str(&format!("{pad}-"));
                nested(item, indent, dice, out);
            }
        }
        value => out.push_str(&format!("{pad}{value}\n")),
    }
}

fn nested(value: &Json, indent: usize, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    let open = value.as_object().is_some_and(|map| !map.is_empty())
        || value.as_array().is_some_and(|list| !list.is_empty());
    let tail = if dice.next().is_some_and(|die| die < 64) {
        " # tail"
    } else {
        ""
    };
    if open {
        out.push_str(&format!("{tail}\n"));
        write(value, indent + 2, dice, out);
    } else if value.is_null() && dice.next().is_some_and(|die| die < 128) {
        out.push_str(&format!("{tail}\n"));
    } else {
        out.push_str(&format!(" {value}{tail}\n"));
    }
}

fn comment(pad: &str, dice: &mut impl Iterator<Item = u8>, out: &mut String) {
    match dice.next().unwrap_or(0) % 7 {
        0 => out.push_str(&format!("{pad}# about\n")),
        1 => out.push('\n'),
        _ => {}
    }
}

/// Does to JSON what an edit does; `None` where there is no such place.
fn model(value: &mut Json, path: &[String], change: Option<Json>) -> Option<()> {
    let Some((token, rest)) = path.split_first() else {
        *value = change?;
        return Some(());
    };
    if value.is_null() && change.is_some() {
        *value = if token == "-" { json!([]) } else { json!({}) };
    }
    match (value, change) {
        (Json::Object(map), None) if rest.is_empty() => {
            map.shift_remove(token).map_or(Some(()), |_| Some(()))
        }
        (Json::Object(map), Some(new)) => model(
            map.entry(token.clone()).or_insert(Json::Null),
            rest,
            Some(new),
        ),
        (Json::Object(map), None) => map
            .get_mut(token)
            .map_or(Some(()), |inner| model(inner, rest, None)),
        (Json::Array(items), Some(new)) if token == "-" => {
            items.push(Json::Null);
            model(items.last_mut()?, rest, Some(new))
        }
        (Json::Array(items), change) => {
            match token.parse::<usize>().ok().filter(|at| *at < items.len()) {
                Some(at) if rest.is_empty() && change.is_none() => {
                    items.remove(at);
                    Some(())
                }
                Some(at) => model(&mut items[at], rest, change),
                None => change.map_or(Some(()), |_| None),
            }
        }
        (_, change) => change.map_or(Some(()), |_| None),
    }
}

/// A path into the value, which may end in something that is not there.
fn path(value: &Json, dice: impl Iterator<Item = u8>) -> Vec<String> {
    let mut path = Vec::new();
    let mut at = value;
    for die in dice {
        let die = die as usize;
        at = match at {
            Json::Object(map) if !map.is_empty() && !die.is_multiple_of(5) => {
                let Some((key, inner)) = map.iter().nth(die % map.len()) else {
                    break;
                };
                path.push(key.clone());
                inner
            }
            Json::Array(items) if !items.is_empty() && !die.is_multiple_of(5) => {
                path.push((die % items.len()).to_string());
                &items[die % items.len()]
            }
            Json::Object(_) | Json::Null => {
                path.push("new".to_string());
                break;
            }
            Json::Array(_) => {
                path.push("-".to_string());
                break;
            }
            _ => break,
        };
        if die.is_multiple_of(7) {
            break;
        }
    }
    path
}

fn edit(stream: &Stream, path: &[String], change: Option<Json>) -> Edit {
    Edit {
        root: stream.documents().next().unwrap().root().id(),
        pointer: jsonptr::PointerBuf::from_tokens(path.iter().map(String::as_str)),
        change: change.map_or(Change::Remove, |value| Change::Set(value.into())),
    }
}

/// What edits replace.
fn replacements(stream: &Stream, edits: &[Edit]) -> Vec<Replacement> {
    let requests = edits.iter().map(|edit| Request {
        object: 0,
        root: edit.root,
        pointer: Cow::Borrowed(&edit.pointer),
        appends: false,
        value: match &edit.change {
            Change::Set(value) => Some(Cow::Borrowed(value)),
            Change::Remove => None,
        },
    });
    stream.splices(&requests.collect::<Vec<_>>()).unwrap()
}

/// The text with some of the replacements.
fn made(text: &str, parts: &[Replacement], is_made: impl Fn(&Replacement) -> bool) -> String {
    let mut made = text.to_owned();
    for part in parts.iter().rev().filter(|it| is_made(it)) {
        made.replace_range(part.span.clone(), &part.text);
    }
    made
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_do_what_the_model_does(
        start in prop::collection::vec((key(), value()), 1..5),
        dice in prop::collection::vec(any::<u8>(), 80),
        changes in prop::collection::vec((prop::option::weighted(0.8, value()), prop::collection::vec(any::<u8>(), 4)), 1..4),
    ) {
        let mut expected = Json::Object(start.into_iter().collect::<Map<_, _>>());
        let mut text = String::new();
        write(&expected, 0, &mut dice.into_iter(), &mut text);
        let stream = Stream::parse(text.as_str()).unwrap();
        let mut edits = Vec::new();
        for (change, dice) in changes {
            let path = path(&expected, dice.into_iter());
            if path.is_empty() || model(&mut expected, &path, change.clone()).is_none() {
                continue;
            }
            edits.push(edit(&stream, &path, change));
        }
        match stream.edit(&edits) {
            Ok(edited) => {
                let value = Stream::parse(edited.as_str()).unwrap().documents().next().unwrap().root().value().unwrap();
                // The order of keys that stay is that of the source.
                prop_assert_eq!(serde_json::to_value(&value).unwrap(), expected, "{}\n-> {}", text, edited);
                let parts = replacements(&stream, &edits);
                prop_assert_eq!(made(&text, &parts, |_| true), edited);
                for part in &parts {
                    let alone = made(&text, &parts, |it| it.group == part.group);
                    prop_assert!(Stream::parse(alone.as_str()).is_ok(), "{}\n{:?} alone -> {}", text, part, alone);
                }
            }
            Err(refusal) => prop_assert_eq!(refusal.reason.as_str(), "comment", "{}\n{:?}: {}", text, edits, refusal),
        }
    }

    /// A key is added by putting one run of bytes in: every other byte, comments too, stays.
    #[test]
    fn an_insert_only_adds_bytes(
        start in prop::collection::vec((key(), value()), 1..5),
        dice in prop::collection::vec(any::<u8>(), 80),
        added in value(),
    ) {
        let mut text = String::new();
        write(&Json::Object(start.into_iter().collect::<Map<_, _>>()), 0, &mut dice.into_iter(), &mut text);
        let stream = Stream::parse(text.as_str()).unwrap();
        let edited = stream.edit(&[edit(&stream, &["new".to_string()], Some(added))]).unwrap();
        let same_start = text.bytes().zip(edited.bytes()).take_while(|(a, b)| a == b).count();
        let same_end = text.bytes().rev().zip(edited.bytes().rev()).take_while(|(a, b)| a == b).count();
        prop_assert!(same_start + same_end >= text.len(), "{}\n-> {}", text, edited);
    }
}
