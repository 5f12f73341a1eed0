//! Manifests rich in what an editor can lose: comments in every place, flow style, KYAML, JSON, line ends, anchors, merges,
//! indentation, block scalars and quotes. A [`Dice`] decides, so that a seed or the bytes of a fuzzer give a text.

use std::fmt::Write as _;

/// Numbers from bytes, and zeros after their end; or from a seed, without end.
pub struct Dice<'a> {
    bytes: std::slice::Iter<'a, u8>,
    seed: Option<u64>,
}

impl<'a> Dice<'a> {
    /// Numbers from bytes.
    pub fn of(bytes: &'a [u8]) -> Self {
        Dice {
            bytes: bytes.iter(),
            seed: None,
        }
    }

    /// Numbers from a seed (splitmix64).
    pub fn seeded(seed: u64) -> Dice<'static> {
        Dice {
            bytes: [].iter(),
            seed: Some(seed),
        }
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        match &mut self.seed {
            None => usize::from(*self.bytes.next().unwrap_or(&0)) % sides,
            Some(seed) => {
                *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = *seed;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                ((mixed ^ (mixed >> 31)) % sides as u64) as usize
            }
        }
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == sides - 1
    }

    fn pick<'p>(&mut self, of: &[&'p str]) -> &'p str {
        of[self.roll(of.len())]
    }
}

#[derive(Clone)]
enum Value {
    /// A scalar that is no string, as it is written.
    Raw(String),
    Text(String),
    Map(Vec<(String, Value)>),
    List(Vec<Value>),
}

use Value::{List, Map, Raw, Text};

fn text(text: &str) -> Value {
    Text(text.to_owned())
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Map(entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect())
}

/// An entry that is there one time in `sides`, and sometimes empty.
fn maybe(
    dice: &mut Dice<'_>,
    sides: usize,
    entries: &mut Vec<(String, Value)>,
    key: &str,
    value: impl FnOnce(&mut Dice<'_>) -> Value,
) {
    if dice.one_in(sides) {
        let value = match dice.roll(7) {
            5 => Raw(dice.pick(&["", "null", "~"]).to_owned()),
            _ => value(dice),
        };
        entries.push((key.to_owned(), value));
    }
}

fn amounts(dice: &mut Dice<'_>) -> Value {
    let mut entries = Vec::new();
    for half in ["requests", "limits"] {
        maybe(dice, 2, &mut entries, half, |dice| {
            let mut amounts = Vec::new();
            maybe(dice, 2, &mut amounts, "cpu", |dice| match dice.roll(4) {
                0 => Raw("1".to_owned()),
                _ => text(dice.pick(&["100m", "0.5", "2"])),
            });
            maybe(dice, 2, &mut amounts, "memory", |dice| {
                text(dice.pick(&["64Mi", "1Gi", "0.5Gi"]))
            });
            Map(amounts)
        });
    }
    Map(entries)
}

fn security(dice: &mut Dice<'_>, is_pod: bool) -> Value {
    let mut entries = Vec::new();
    let bool = |dice: &mut Dice<'_>| Raw(dice.pick(&["true", "false"]).to_owned());
    maybe(dice, 3, &mut entries, "runAsNonRoot", bool);
    maybe(dice, 3, &mut entries, "runAsUser", |dice| {
        Raw(dice.pick(&["0", "101", "65532"]).to_owned())
    });
    maybe(dice, 3, &mut entries, "seccompProfile", |dice| {
        map([("type", text(dice.pick(&["RuntimeDefault", "Unconfined"])))])
    });
    if is_pod {
        return Map(entries);
    }
    maybe(dice, 4, &mut entries, "privileged", bool);
    maybe(dice, 3, &mut entries, "allowPrivilegeEscalation", bool);
    maybe(dice, 3, &mut entries, "readOnlyRootFilesystem", bool);
    maybe(dice, 2, &mut entries, "capabilities", |dice| {
        let mut entries = Vec::new();
        maybe(dice, 2, &mut entries, "drop", |dice| match dice.roll(3) {
            0 => List(Vec::new()),
            1 => List(vec![text("ALL")]),
            _ => List(vec![text("NET_RAW"), text("CHOWN")]),
        });
        maybe(dice, 3, &mut entries, "add", |dice| match dice.roll(3) {
            0 => List(Vec::new()),
            _ => List(vec![text("NET_BIND_SERVICE"), text("CHOWN")]),
        });
        Map(entries)
    });
    Map(entries)
}

fn container(dice: &mut Dice<'_>, index: usize) -> Value {
    let image = dice.pick(&[
        "nginx:1.27",
        "example.com/a:1.0",
        "redis:7",
        "quay.io/prometheus/node-exporter:v1.8.0",
    ]);
    let mut entries = vec![
        ("name".to_owned(), Text(format!("c{index}"))),
        ("image".to_owned(), text(image)),
    ];
    maybe(dice, 3, &mut entries, "args", |dice| {
        let args = [
            "--a=b", "- x", "a: b # c", "yes", "0x1F", "l1\nl2", "l1\n\n  l2\n", "end\n\n\n", "#x",
            "é",
        ];
        List((0..dice.roll(4)).map(|_| text(dice.pick(&args))).collect())
    });
    maybe(dice, 2, &mut entries, "ports", |dice| {
        let port = |name: &str, port: &str| {
            map([
                ("name", text(name)),
                ("containerPort", Raw(port.to_owned())),
            ])
        };
        List(
            (0..dice.roll(3))
                .map(|i| port(["metrics", "http"][i], ["9090", "8080"][i]))
                .collect(),
        )
    });
    maybe(dice, 2, &mut entries, "env", |dice| {
        let value = dice.pick(&["1", "no", "a b", "", "x: y", "l1\nl2\n"]);
        List(vec![map([("name", text("A")), ("value", text(value))])])
    });
    maybe(dice, 2, &mut entries, "resources", amounts);
    maybe(dice, 2, &mut entries, "securityContext", |dice| {
        security(dice, false)
    });
    maybe(dice, 3, &mut entries, "volumeMounts", |dice| {
        List(
            (0..dice.roll(2))
                .map(|_| map([("name", text("data")), ("mountPath", text("/data"))]))
                .collect(),
        )
    });
    shuffle(dice, &mut entries);
    Map(entries)
}

fn shuffle(dice: &mut Dice<'_>, entries: &mut [(String, Value)]) {
    if entries.len() > 1 && dice.one_in(2) {
        let by = dice.roll(entries.len());
        entries.rotate_left(by);
    }
}

fn metadata(dice: &mut Dice<'_>, name: &str) -> Value {
    let mut entries = vec![("name".to_owned(), text(name))];
    maybe(dice, 3, &mut entries, "labels", |_| {
        map([("app", text("web"))])
    });
    maybe(dice, 2, &mut entries, "annotations", |dice| {
        let mut entries = Vec::new();
        maybe(dice, 3, &mut entries, "prometheus.io/port", |_| {
            text("8080")
        });
        maybe(dice, 3, &mut entries, "prometheus.io/scrape", |dice| {
            text(dice.pick(&["true", "false"]))
        });
        maybe(dice, 3, &mut entries, "note", |dice| {
            text(dice.pick(&["l1\nl2\n", "a # b", "'q'", "\"q\"\\"]))
        });
        Map(entries)
    });
    Map(entries)
}

fn pod(dice: &mut Dice<'_>) -> Value {
    let list = |dice: &mut Dice<'_>, from: usize| {
        let count = 1 + dice.roll(2);
        List(
            (0..count)
                .map(|index| container(dice, from + index))
                .collect(),
        )
    };
    let mut spec = vec![("containers".to_owned(), list(dice, 0))];
    maybe(dice, 4, &mut spec, "initContainers", |dice| list(dice, 3));
    maybe(dice, 2, &mut spec, "securityContext", |dice| {
        security(dice, true)
    });
    maybe(dice, 2, &mut spec, "volumes", |_| {
        List(vec![map([
            ("name", text("data")),
            ("emptyDir", Map(Vec::new())),
        ])])
    });
    maybe(dice, 3, &mut spec, "tolerations", |_| List(Vec::new()));
    maybe(dice, 3, &mut spec, "automountServiceAccountToken", |_| {
        Raw("false".to_owned())
    });
    shuffle(dice, &mut spec);
    Map(spec)
}

fn object(dice: &mut Dice<'_>, index: usize) -> Value {
    let name = format!("n{index}");
    let (version, kind, spec) = match dice.roll(8) {
        0 => ("v1", "Pod", pod(dice)),
        1 => {
            let mut claim = vec![("accessModes".to_owned(), List(vec![text("ReadWriteOnce")]))];
            maybe(dice, 2, &mut claim, "storageClassName", |_| text("slow"));
            maybe(dice, 2, &mut claim, "resources", |_| {
                map([("requests", map([("storage", text("1Gi"))]))])
            });
            ("v1", "PersistentVolumeClaim", Map(claim))
        }
        2 => {
            let claim = map([
                ("metadata", map([("name", text("data"))])),
                ("spec", Map(Vec::new())),
            ]);
            let template = map([("metadata", Map(Vec::new())), ("spec", pod(dice))]);
            (
                "apps/v1",
                "StatefulSet",
                map([
                    ("template", template),
                    ("volumeClaimTemplates", List(vec![claim])),
                ]),
            )
        }
        3 => (
            "v1",
            "Service",
            map([
                ("selector", map([("app", text("web"))])),
                ("ports", List(Vec::new())),
            ]),
        ),
        roll => {
            let kind = ["Deployment", "DaemonSet"][roll % 2];
            let mut template = Vec::new();
            maybe(dice, 2, &mut template, "metadata", |dice| {
                metadata(dice, "t")
            });
            template.push(("spec".to_owned(), pod(dice)));
            let mut spec = vec![("template".to_owned(), Map(template))];
            maybe(dice, 2, &mut spec, "replicas", |_| Raw("2".to_owned()));
            shuffle(dice, &mut spec);
            ("apps/v1", kind, Map(spec))
        }
    };
    map([
        ("apiVersion", text(version)),
        ("kind", text(kind)),
        ("metadata", metadata(dice, &name)),
        ("spec", spec),
    ])
}

/// How a document is written.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    Block,
    /// Flow style with quoted strings and one entry on each line.
    Kyaml,
    Json(&'static str),
    JsonCompact,
}

struct Writer<'d, 'b> {
    dice: &'d mut Dice<'b>,
    out: String,
    comments: usize,
    step: usize,
    sequence: usize,
    eol: &'static str,
    style: Style,
    /// Anchors of this document, with what they stand for.
    anchors: Vec<Value>,
    has_comments: bool,
    has_anchors: bool,
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Raw(a), Raw(b)) | (Text(a), Text(b)) => a == b,
        (Map(a), Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(&a.1, &b.1))
        }
        (List(a), List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => false,
    }
}

impl Writer<'_, '_> {
    fn line(&mut self) {
        self.out.push_str(self.eol);
    }

    fn indent(&mut self, by: usize) {
        self.out.push_str(&" ".repeat(by));
    }

    fn comment(&mut self) {
        self.comments += 1;
        let what = self.dice.pick(&[
            "", "x: y", "- z", "\"quoted", "it's", "{", "}", "é", "# twice", "|",
        ]);
        let _ = write!(self.out, "# {} {what}", self.comments);
    }

    /// Perhaps some lines of comments and blank lines.
    fn comment_lines(&mut self, column: usize, sides: usize) {
        if !self.has_comments || !self.dice.one_in(sides) {
            return;
        }
        for _ in 0..=self.dice.roll(2) {
            if self.dice.one_in(4) {
                self.line();
            }
            self.indent(column);
            self.comment();
            self.line();
        }
    }

    /// The end of a line, perhaps with a comment.
    fn end(&mut self) {
        if self.has_comments && self.dice.one_in(5) {
            let blanks = self.dice.pick(&[" ", "  ", "\t", "     "]);
            self.out.push_str(blanks);
            self.comment();
        } else if self.dice.one_in(40) {
            self.out.push_str("  ");
        }
        self.line();
        if self.dice.one_in(25) {
            self.line();
        }
    }

    fn double(&mut self, text: &str) {
        self.out
            .push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    fn scalar(&mut self, value: &Value, flow: bool) {
        let (raw, is_text) = match value {
            Raw(raw) => (raw, false),
            Text(text) => (text, true),
            Map(_) => return self.out.push_str("{}"),
            List(_) => return self.out.push_str("[]"),
        };
        let is_json = self.style != Style::Block;
        if !is_text {
            let raw = if (is_json || flow) && (raw.is_empty() || raw == "~") {
                "null"
            } else {
                raw
            };
            return self.out.push_str(raw);
        }
        let is_word = raw
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/._:-".contains(c))
            && raw.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
            && !["yes", "no", "true", "false", "null"].contains(&raw.as_str())
            || ["100m", "64Mi", "1Gi", "0.5Gi"].contains(&raw.as_str());
        match self.dice.roll(4) {
            0 | 1 if is_word && !is_json => self.out.push_str(raw),
            2 if !is_json && !raw.contains('\n') => {
                let _ = write!(self.out, "'{}'", raw.replace('\'', "''"));
            }
            _ => self.double(raw),
        }
    }

    fn key(&mut self, key: &str) {
        match self.dice.roll(12) {
            _ if matches!(self.style, Style::Json(_) | Style::JsonCompact) => self.double(key),
            10 if self.style == Style::Block => self.double(key),
            11 if self.style == Style::Block => {
                let _ = write!(self.out, "'{key}'");
            }
            _ => self.out.push_str(key),
        }
    }

    /// The value behind a key or dash in a block, with the end of its line. `column` is that of the key or dash.
    fn value(&mut self, value: &Value, column: usize, is_item: bool) {
        let is_open = match value {
            Map(entries) => !entries.is_empty(),
            List(items) => !items.is_empty(),
            _ => false,
        };
        if self.has_anchors && is_open && self.dice.one_in(3) {
            if let Some(anchor) = self.anchors.iter().position(|anchor| same(anchor, value)) {
                let _ = write!(self.out, " *a{anchor}");
                return self.end();
            }
            self.anchors.push(value.clone());
            let _ = write!(self.out, " &a{}", self.anchors.len() - 1);
            if is_item || self.dice.one_in(3) {
                self.out.push(' ');
                self.flow(value, column, false);
                return self.end();
            }
        } else if is_open && self.dice.one_in(8) {
            self.out.push(' ');
            let lines = self.dice.one_in(2);
            self.flow(value, column, lines);
            return self.end();
        }
        match value {
            Map(entries) if is_open => {
                if is_item {
                    let blanks = 1 + self.dice.roll(8) / 6;
                    self.indent(blanks);
                    return self.map(entries, column + 1 + blanks, true);
                }
                self.end();
                self.map(entries, column + self.step, false);
            }
            List(items) if is_open => {
                if is_item {
                    self.out.push(' ');
                    self.flow(value, column, false);
                    return self.end();
                }
                self.end();
                self.list(items, column + self.sequence);
            }
            Raw(raw) if raw.is_empty() => {
                self.end();
                // Commented children.
                let deeper = column + self.step;
                self.comment_lines(deeper, 2);
            }
            Text(text) if text.contains('\n') && self.dice.one_in(2) => {
                self.block_scalar(text, column)
            }
            scalar => {
                let blanks = 1 + self.dice.roll(10) / 9;
                self.indent(blanks);
                self.scalar(scalar, false);
                self.end();
            }
        }
    }

    fn block_scalar(&mut self, text: &str, column: usize) {
        let body = text.trim_end_matches('\n');
        let chomping = match text.len() - body.len() {
            0 => "-",
            1 => "",
            _ => "+",
        };
        let indent = column + self.step.max(2);
        let indicator = if self.dice.one_in(4) {
            (indent - column).to_string()
        } else {
            String::new()
        };
        let _ = write!(self.out, " |{indicator}{chomping}");
        if self.has_comments && self.dice.one_in(4) {
            self.out.push(' ');
            self.comment();
        }
        self.line();
        for line in text.lines() {
            if !line.is_empty() {
                self.indent(indent);
                self.out.push_str(line);
            }
            self.line();
        }
    }

    fn map(&mut self, entries: &[(String, Value)], column: usize, mut is_begun: bool) {
        for (key, value) in entries {
            if !is_begun {
                self.comment_lines(column, 6);
                self.indent(column);
            }
            is_begun = false;
            self.key(key);
            let blank = if self.dice.one_in(30) { " " } else { "" };
            self.out.push_str(blank);
            self.out.push(':');
            self.value(value, column, false);
        }
        self.comment_lines(column, 8);
    }

    fn list(&mut self, items: &[Value], column: usize) {
        for item in items {
            self.comment_lines(column, 6);
            self.indent(column);
            self.out.push('-');
            self.value(item, column, true);
        }
        let deeper = column + 2 * self.dice.roll(2);
        self.comment_lines(deeper, 8);
    }

    fn flow(&mut self, value: &Value, column: usize, lines: bool) {
        let count = match value {
            Map(entries) => entries.len(),
            List(items) => items.len(),
            scalar => return self.scalar(scalar, true),
        };
        let (open, close) = if matches!(value, Map(_)) {
            ('{', '}')
        } else {
            ('[', ']')
        };
        let is_json = matches!(self.style, Style::Json(_) | Style::JsonCompact);
        self.out.push(open);
        // An empty collection with a comment in it.
        let is_spread =
            lines && (count > 0 || self.has_comments && !is_json && self.dice.one_in(3));
        let inner = column + self.step.max(1);
        let unit = if let Style::Json(unit) = self.style {
            unit
        } else {
            " "
        };
        if is_spread {
            self.flow_end();
        }
        for index in 0..count {
            if is_spread {
                self.flow_comments(inner);
                self.out.push_str(&unit.repeat(inner));
            } else if index > 0 && self.style != Style::JsonCompact {
                self.out.push(' ');
            }
            let inner_value = match value {
                Map(entries) => {
                    let (key, value) = &entries[index];
                    self.key(key);
                    let colon = if self.style == Style::JsonCompact {
                        ":"
                    } else {
                        ": "
                    };
                    self.out.push_str(colon);
                    value
                }
                List(items) => &items[index],
                _ => return,
            };
            self.flow(inner_value, inner, lines);
            let is_last = index + 1 == count;
            if !is_last
                || is_spread && !is_json && (self.style == Style::Kyaml || self.dice.one_in(2))
            {
                self.out.push(',');
            }
            if is_spread {
                self.flow_end();
            }
        }
        if is_spread {
            self.flow_comments(inner);
            self.out.push_str(&unit.repeat(column));
        }
        self.out.push(close);
    }

    fn flow_comments(&mut self, column: usize) {
        if !matches!(self.style, Style::Json(_) | Style::JsonCompact) {
            self.comment_lines(column, 7);
        }
    }

    fn flow_end(&mut self) {
        match self.style {
            Style::Json(_) | Style::JsonCompact => self.line(),
            _ => self.end(),
        }
    }

    fn document(&mut self, value: &Value) {
        match self.style {
            Style::Block => {
                if let Map(entries) = value {
                    self.map(entries, 0, false);
                }
            }
            style => {
                self.flow(value, 0, style != Style::JsonCompact);
                self.line();
            }
        }
    }
}

impl<'d, 'b> Writer<'d, 'b> {
    fn new(dice: &'d mut Dice<'b>) -> Self {
        let eol = if dice.one_in(8) { "\r\n" } else { "\n" };
        let (has_comments, has_anchors) = (!dice.one_in(6), dice.one_in(4));
        let mut writer = Writer {
            out: String::new(),
            comments: 0,
            step: 2,
            sequence: 0,
            eol,
            style: Style::Block,
            anchors: Vec::new(),
            has_comments,
            has_anchors,
            dice,
        };
        writer.choose_indentation();
        writer
    }

    fn choose_indentation(&mut self) {
        self.step = [2, 2, 2, 4, 3, 8][self.dice.roll(6)];
        self.sequence = [0, 0, self.step, 1][self.dice.roll(4)];
    }
}

/// A stream of manifests.
pub fn manifests(dice: &mut Dice<'_>) -> String {
    let mut writer = Writer::new(dice);
    let count = 1 + writer.dice.roll(3);
    for index in 0..count {
        writer.choose_indentation();
        writer.style = match writer.dice.roll(10) {
            0..=5 => Style::Block,
            6 | 7 => Style::Kyaml,
            8 => Style::Json(writer.dice.pick(&[" ", "\t"])),
            _ => Style::JsonCompact,
        };
        writer.anchors.clear();
        writer.comment_lines(0, 4);
        if index > 0 || writer.dice.one_in(3) {
            writer.out.push_str("---");
            writer.end();
        }
        writer.comment_lines(0, 4);
        let object = object(writer.dice, index);
        writer.document(&object);
    }
    let mut out = writer.out;
    if dice.one_in(4) {
        out.truncate(out.trim_end().len());
    }
    out
}

/// A ResourceList as kustomize, kpt or another host sends it; `config` is a document in block style.
pub fn resource_list(dice: &mut Dice<'_>, config: &str) -> String {
    let host = dice.roll(3);
    let count = 1 + dice.roll(3);
    let mut items: Vec<Value> = (0..count).map(|index| object(dice, index)).collect();
    for (index, item) in items.iter_mut().enumerate().filter(|_| host > 0) {
        let index = index.to_string();
        let annotations = match host {
            1 => map([
                ("internal.config.kubernetes.io/id", text(&index)),
                ("config.kubernetes.io/id", text(&index)),
                ("kustomize.config.k8s.io/id", text(&index)),
            ]),
            _ => map([
                ("internal.config.kubernetes.io/path", text("a.yaml")),
                ("internal.config.kubernetes.io/index", text(&index)),
                ("internal.config.kubernetes.io/id", text(&index)),
            ]),
        };
        if let Map(entries) = item {
            entries[2].1 = map([
                ("name", Text(format!("n{index}"))),
                ("annotations", annotations),
            ]);
        }
    }
    let mut writer = Writer::new(dice);
    writer
        .out
        .push_str("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n");
    for line in config.lines() {
        writer.out.push_str(&format!("  {line}\n"));
    }
    writer.out.push_str("items:");
    writer.value(&List(items), 0, false);
    writer.out
}

/// Puts a few pieces of YAML into a text, or takes bytes out.
pub fn mutate(text: &mut String, dice: &mut Dice<'_>) {
    const PIECES: [&str; 48] = [
        "\n", " ", "  ", ":", ": ", "- ", "#", " # m", "\"", "'", "|", ">-", "|+\n", "|2\n", "{",
        "}", "[", "]", ",", "\t", "a", "---\n", "...\n", "&a ", "*a", "!t ", "? ", "\\", "~", "é",
        "\n\n", "%", "@", "0", "\r\n", "\r", "\u{feff}", "\u{85}", "b: c\n", "null", "yes", "<<: ",
        "{}", "[]", "# m\n", "\n  # m\n", "\n---x", "\n...",
    ];
    for _ in 0..dice.roll(4) {
        let mut at = (dice.roll(256) * 256 + dice.roll(256)) % (text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let mut end = (at + dice.roll(6)).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let piece = PIECES[dice.roll(PIECES.len())];
        text.replace_range(at..end, piece);
    }
}
