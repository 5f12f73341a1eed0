//! Words that make a text read as if it were translated, and what to write instead.
//!
//! The texts are string literals and doc comments of the code, every `--help`, and the pages that people read. A word
//! that is right in one place goes into `RIGHT`, with the file and enough text around it to find that place.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::process::Command;

use regex::Regex;

use crate::tidy::{files, root};

/// Words to leave behind, as regular expressions for whole words in any case, and what to write instead.
const WORDS: [(&str, &str); 37] = [
    ("told", "reported, warns, printed"),
    ("tell(s|ing)? of", "reports, warns about, describes"),
    (
        "tells? (how|what|which|where|whether|why)",
        "says, shows, reports",
    ),
    ("judg(e|es|ed|ing|ement|ment)", "check, validate, evaluate"),
    ("beside", "next to, together with, with"),
    ("shall", "should, must"),
    ("nobody|somebody|whoever", "name the actor, or no one"),
    ("(is|are|was|were) no", "is not a, has no"),
    ("(has|have) not (the|a|an)", "does not match, is not valid"),
    ("in hand", "in the input"),
    ("meant", "intended, applies, matches"),
    ("of old", "legacy, earlier"),
    ("for ever", "say what stays pending"),
    ("stands?|stood", "is, are"),
    ("lies?|lay", "is, are"),
    ("com(e|es|ing) to", "is, becomes, results in"),
    (
        r"fit(s|ted|ting)? ([\w/`-]+ ){0,7}out",
        "sets, adds, configures",
    ),
    ("as fitted", "no drift from the config"),
    ("mend(s|ed|ing)?", "fix"),
    ("wish(es|ed)?", "request, want"),
    ("as far as", "if, where, as many as"),
    ("says? so|said so", "say what is printed"),
    ("without a word|in silence", "silently"),
    (
        "does without|do without|doing without",
        "does not need, omit",
    ),
    ("hardly", "probably not, unlikely"),
    ("doubts?", "warnings, or the ids of the rules"),
    ("knows? (nothing )?of", "knows about"),
    ("(is|are|not) to be had", "is available"),
    ("anew", "again"),
    ("upon", "on"),
    ("ought to", "should"),
    ("by turns", "alternating"),
    ("of (yours|ours|theirs)", "your own, our own, their own"),
    ("thereof|whence|whither|hence|thus", "say it in plain words"),
    ("no other than", "only"),
    ("not (until|before) now", "now"),
    ("let(s)? (nobody|nothing|no one)", "does not allow"),
];

/// Uses that are right: the file (`*` for all) and the text around the word.
const RIGHT: [(&str, &str); 12] = [
    ("*", "there is no"),
    ("*", "there are no"),
    ("*", "stands for"),
    ("*", "stand for"),
    ("*", "stand in"),
    ("*", "stands in"),
    ("src/cli/kustomize.rs", "stand-in"),
    ("src/cli/shim.rs", "stand-in"),
    ("*", "is no longer"),
    ("*", "are no longer"),
    // The user of the image.
    ("Makefile", "nobody:x"),
    ("Makefile", "65534:nobody"),
];

/// Pages that people read, besides those of the code.
const PAGES: [&str; 11] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "base",
    "docs",
    "examples",
    "overlays",
    "scripts",
    "tests/acceptance/requirements",
    "vendor/kustomize-krm-types",
];

/// The commands whose `--help` is read; the first is fitout itself.
const COMMANDS: [&str; 5] = ["", "apply", "plan", "check", "preflight"];

/// A text, and where it begins.
struct Text {
    file: String,
    line: usize,
    text: String,
}

#[test]
fn no_text_has_words_to_leave_behind() {
    // A phrase may go on in the next line, of a string literal with a backslash between.
    let regex = |phrase: &str| {
        let phrase = phrase.replace(' ', r"[\s\\]+");
        Regex::new(&format!(r"(?i-u)\b(?:{phrase})\b")).unwrap()
    };
    let right = RIGHT.map(|(file, phrase)| (file, regex(&regex::escape(phrase))));
    let words = WORDS.map(|(word, instead)| (regex(word), instead));
    let mut texts = texts_of_the_code();
    texts.extend(pages());
    texts.extend(helps());

    let mut found = Vec::new();
    for Text { file, line, text } in &texts {
        let mut rest = text.clone();
        for (_, phrase) in right.iter().filter(|(of, _)| *of == "*" || of == file) {
            // Only letters go, so that every line keeps its number.
            rest = phrase
                .replace_all(&rest, |it: &regex::Captures<'_>| {
                    it[0].replace(char::is_alphabetic, "#")
                })
                .into_owned();
        }
        for (word, instead) in &words {
            for hit in word.find_iter(&rest) {
                let index = rest[..hit.start()].matches('\n').count();
                found.push((
                    file.clone(),
                    line + index,
                    format!(
                        "`{}`: write: {instead}\n    {}",
                        hit.as_str()
                            .split_whitespace()
                            .collect::<Vec<_>>()
                            .join(" "),
                        text.lines().nth(index).unwrap_or_default().trim()
                    ),
                ));
            }
        }
    }
    found.sort();
    let found = found.into_iter();
    let found: Vec<String> = found
        .map(|(file, line, what)| format!("{file}:{line}: {what}"))
        .collect();
    assert!(
        found.is_empty(),
        "{}\n{} words to replace",
        found.join("\n"),
        found.len()
    );
}

/// String literals and doc comments, without those of unit tests.
fn texts_of_the_code() -> Vec<Text> {
    let folders = ["src", "examples", "vendor/kustomize-krm-types"];
    let sources = folders.into_iter().flat_map(files);
    let sources = sources.filter(|(name, _)| name.ends_with(".rs") && !name.ends_with("/tests.rs"));
    sources
        .flat_map(|(file, source)| {
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let texts = literals_and_docs(code).into_iter();
            texts
                .map(|(line, text)| Text {
                    file: file.clone(),
                    line,
                    text,
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The string literals and doc comments of Rust code, each with the line that it begins on. Neighbouring lines of
/// documentation are one text.
fn literals_and_docs(code: &str) -> Vec<(usize, String)> {
    let token = Regex::new(concat!(
        r"(?s)",
        r"//[/!](?P<doc>[^\n]*)",
        r"|//[^\n]*",
        r##"|r"(?P<raw>[^"]*)"|r#"(?P<hash>.*?)"#"##,
        r#"|"(?P<literal>(?:[^"\\]|\\.)*)""#,
        r"|'(?:\\.|[^'\\])'",
    ))
    .unwrap();
    let mut texts: Vec<(usize, String)> = Vec::new();
    let mut last_doc = None;
    let (mut line, mut seen) = (1, 0);
    for token in token.captures_iter(code) {
        let start = token.get(0).unwrap().start();
        line += code[seen..start].matches('\n').count();
        seen = start;
        if let Some(doc) = token.name("doc") {
            if last_doc == Some(line - 1) {
                let (_, text) = texts.last_mut().unwrap();
                text.push('\n');
                text.push_str(doc.as_str());
            } else {
                texts.push((line, doc.as_str().to_owned()));
            }
            last_doc = Some(line);
        } else if let Some(literal) = ["raw", "hash", "literal"]
            .into_iter()
            .find_map(|name| token.name(name))
        {
            texts.push((line, literal.as_str().to_owned()));
        }
    }
    texts
}

/// The pages, and everything in the folders.
fn pages() -> Vec<Text> {
    let is_text = |name: &str| !name.ends_with(".rs") && !name.ends_with("LICENSE");
    PAGES
        .iter()
        .flat_map(|name| match root().join(name).is_dir() {
            true => files(name),
            false => vec![(
                (*name).to_owned(),
                std::fs::read_to_string(root().join(name)).unwrap(),
            )],
        })
        .filter(|(name, _)| is_text(name))
        .map(|(file, text)| Text {
            file,
            line: 1,
            text,
        })
        .collect()
}

/// What `fitout --help` and the `--help` of each command print.
fn helps() -> Vec<Text> {
    let help = |command: &&str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_fitout"));
        let arguments = [*command, "--help"].into_iter().filter(|it| !it.is_empty());
        let output = program.args(arguments).output().unwrap();
        assert!(output.status.success(), "fitout {command} --help");
        Text {
            file: format!("fitout {command} --help"),
            line: 1,
            text: String::from_utf8(output.stdout).unwrap(),
        }
    };
    COMMANDS.iter().map(help).collect()
}

#[test]
fn literals_and_documentation_are_found_in_code() {
    let code = concat!(
        "//! one\n//! two\nconst A: &str = \"th\\\"ree\"; // not \"this\"\n",
        "const B: char = '\"';\nfn f<'a>() -> &'a str { r#\"fo\"ur\"# }\n",
        "/// five\nlet s = \"a \\\n  b\";\n"
    );
    let expected = [
        (1, " one\n two"),
        (3, "th\\\"ree"),
        (5, "fo\"ur"),
        (6, " five"),
        (7, "a \\\n  b"),
    ];
    let found = literals_and_docs(code);
    let found: Vec<(usize, &str)> = found.iter().map(|(n, text)| (*n, text.as_str())).collect();
    assert_eq!(found, expected);
}
