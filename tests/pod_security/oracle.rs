//! Asks upstream's evaluator; see `tests/conformance/pss`.

use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use fitout::kubernetes::{Level, Version};
use serde::{Deserialize, Serialize};

use crate::hosts::bench::root;

/// Whether the pods of an object are allowed.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    pub(crate) level: String,
    pub(crate) version: String,
    /// The object, in YAML or JSON.
    pub(crate) text: String,
    /// A name to find it by.
    #[serde(skip)]
    pub(crate) who: String,
}

impl Question {
    pub(super) fn level(&self) -> Level {
        self.level.parse().unwrap()
    }

    pub(super) fn version(&self) -> Version {
        self.version.parse().unwrap()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// Why it has no pods; empty if it has some.
    pub(crate) no_pods: String,
    #[serde(deserialize_with = "or_none")]
    pub(crate) violations: Vec<Forbidden>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Forbidden {
    pub(crate) check: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

/// Go writes an absent list as null.
fn or_none<'d, D: serde::Deserializer<'d>>(from: D) -> Result<Vec<Forbidden>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The evaluator, in its own process.
pub(crate) struct Oracle {
    go: Child,
    questions: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub(crate) fn start() -> Oracle {
        let mut go = Command::new("go")
            .args(["run", "./pss"])
            .current_dir(root().join("tests/conformance"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("go: {error}"));
        Oracle {
            questions: BufWriter::new(go.stdin.take().unwrap()),
            answers: BufReader::new(go.stdout.take().unwrap()),
            go,
        }
    }

    /// Returns its answers, one for each question.
    pub(crate) fn ask(&mut self, questions: &[Question]) -> Vec<Answer> {
        let Oracle {
            questions: sink,
            answers,
            ..
        } = self;
        thread::scope(|scope| {
            // Neither side may wait for the other to read.
            scope.spawn(move || {
                for question in questions {
                    serde_json::to_writer(&mut *sink, question).unwrap();
                    sink.write_all(b"\n").unwrap();
                }
                sink.flush().unwrap();
            });
            let lines = answers.lines().take(questions.len());
            let answers: Vec<Answer> = lines
                .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
                .collect();
            assert_eq!(
                answers.len(),
                questions.len(),
                "one answer to each question"
            );
            answers
        })
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.go.kill();
        let _ = self.go.wait();
    }
}
