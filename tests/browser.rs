//! HTML reports in a real browser: nothing in them runs, they fit a phone, and can be read and used.
//!
//! `make browser` sets `FITOUT_BROWSER_TESTS=1`. Without it each test here prints one line and passes, so that `cargo test` only
//! needs Rust. A missing Chromium is a visible skip, and with `CI=true` a failure.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::hosts::bench::{find, skip};
use crate::output::{CONFIG, MANIFEST, filled, places};
use crate::program::Folder;

/// The names of the browser on PATH.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// No page takes as long as this.
const PATIENCE: Duration = Duration::from_secs(300);

/// Widths and heights in CSS pixels. Cards outside of the window are not laid out, so it is as high as the page.
const DESKTOP: (u32, u32) = (1280, 60_000);
const PHONE: (u32, u32) = (390, 100_000);

/// A page in a browser, over the DevTools protocol.
struct Page {
    browser: Arc<Mutex<Child>>,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: String,
    last: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

/// A browser with a page, unless the tests of it are not asked for.
fn page() -> Option<Page> {
    if std::env::var_os("FITOUT_BROWSER_TESTS").is_none() {
        skip("`make browser` runs it");
        return None;
    }
    let Some(name) = NAMES.into_iter().find(|name| find(name).is_some()) else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "no Chromium: with CI=true it is required"
        );
        skip("no Chromium; on Debian: apt-get install chromium");
        return None;
    };
    Some(Page::open(name))
}

impl Page {
    fn open(browser: &str) -> Page {
        let profile = tempfile::tempdir().unwrap();
        // Chromium reads commands from descriptor 3 and writes answers to 4, each ended by a zero byte.
        let line = format!(
            "exec {browser} --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --remote-debugging-pipe \
             --user-data-dir={} 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null",
            profile.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        let browser = Arc::new(Mutex::new(child));
        let hung = Arc::clone(&browser);
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            let _ = hung.lock().unwrap().kill();
        });
        let mut page = Page {
            browser,
            to,
            from,
            session: String::new(),
            last: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", attach);
        page.session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in [
            "Page.enable", "Runtime.enable", "Log.enable", "Network.enable",
        ] {
            page.call(domain, json!({}));
        }
        page
    }

    fn receive(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).unwrap();
        assert_eq!(
            message.pop(),
            Some(0),
            "the browser ended, or took longer than {PATIENCE:?}"
        );
        serde_json::from_slice(&message).unwrap()
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to
            .write_all(format!("{message}\0").as_bytes())
            .unwrap();
        self.to.flush().unwrap();
        loop {
            let received = self.receive();
            if received["id"] == self.last {
                assert!(received["error"].is_null(), "{method}: {received}");
                return received["result"].clone();
            }
            self.events.push(received);
        }
    }

    /// Shows a file in a color scheme, or as printed where it is dark; the events are those of this page.
    fn show(&mut self, file: &Path, (width, height): (u32, u32), scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let (media, scheme) = match scheme {
            "print" => ("print", "dark"),
            scheme => ("screen", scheme),
        };
        let features = [json!({"name": "prefers-color-scheme", "value": scheme})];
        let media = json!({"media": media, "features": features});
        self.call("Emulation.setEmulatedMedia", media);
        self.events.clear();
        self.call(
            "Page.navigate",
            json!({"url": format!("file://{}", file.display())}),
        );
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.receive();
            self.events.push(event);
        }
    }

    /// The text that is laid out, also without JavaScript.
    fn laid_out(&mut self) -> String {
        let snapshot = self.call("DOMSnapshot.captureSnapshot", json!({"computedStyles": []}));
        let layout = snapshot["documents"][0]["layout"]["text"].as_array();
        let strings = snapshot["strings"].as_array().unwrap();
        let text = layout.unwrap().iter();
        let text = text.filter_map(|at| strings.get(usize::try_from(at.as_i64()?).ok()?)?.as_str());
        text.collect::<Vec<_>>().join(" ")
    }

    /// The value of an expression, which is awaited.
    fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Presses a key.
    fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Escape" => (27, ""),
            " " => (32, " "),
            key => (u32::from(key.as_bytes()[0]), key),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Fails if anything of the page ran that is not ours, was refused, or went to the network.
    #[track_caller]
    fn has_been_quiet(&mut self, what: &str) {
        assert!(
            self.value("typeof window.FORGED").as_str() == Some("undefined"),
            "{what}: foreign script ran"
        );
        let mut requests = 0;
        for event in &self.events {
            let method = event["method"].as_str().unwrap_or_default();
            let is_bad = [
                "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled",
                "Page.javascriptDialogOpening",
            ];
            assert!(!is_bad.contains(&method), "{what}: {event}");
            requests += usize::from(method == "Network.requestWillBeSent");
        }
        assert_eq!(requests, 1, "{what}: requests\n{:?}", self.events);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let mut browser = self.browser.lock().unwrap();
        let _ = browser.kill();
        let _ = browser.wait();
    }
}

/// Markup that runs a script if it is not escaped, or leaves the part of the page that it is in.
const HOSTILE: [&str; 6] = [
    "<script>window.FORGED=1</script>",
    "\"><img src=x onerror=window.FORGED=1>",
    "' onmouseover='window.FORGED=1' autofocus onfocus='window.FORGED=1",
    "</code></pre></style></script></textarea></title><svg onload=window.FORGED=1>",
    "\u{202e}\u{2066}\u{200b}\u{1b}[2J&lt;script&gt;<!--<iframe src=\"javascript:parent.FORGED=1\">",
    "{{ 7*7 }}{% raw %}javascript:window.FORGED=1",
];

/// Writes the reports of a folder's manifests.
fn reports(
    folder: &Folder,
    config: &[&str],
    manifests: &str,
    compare: Option<&[&str]>,
) -> Vec<String> {
    let commands = [
        ("plan", Some(config)),
        ("check", Some(config)),
        ("compare", compare),
    ];
    let commands = commands
        .into_iter()
        .filter_map(|(command, config)| Some((command, config?)));
    let written = commands.map(|(command, config)| {
        let file = format!("{command}.html");
        let output = format!("html={file}");
        let arguments = [&[command, "-f", manifests, "-o", &output], config].concat();
        let run = folder.run(&arguments);
        assert!(!run.stderr.contains("a bug in fitout"), "{}", run.stderr);
        assert!(
            folder.path().join(&file).is_file(),
            "{arguments:?}: {}",
            run.stderr
        );
        file
    });
    written.collect()
}

/// All of base in every report.
fn real() -> (Folder, Vec<String>) {
    let folder = Folder::with_copy(&["base", "fn-config"]);
    let files = reports(&folder, &["-e", "production"], "base", Some(&["--all"]));
    (folder, files)
}

/// The text of an element's own color, the color behind it and their contrast, where it is below 4.5.
const CONTRAST: &str = r#"(() => {
  const channel = (c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const numbers = (color) => {
    const m = color.match(/[\d.]+/g).map(Number);
    return color.startsWith("color(") ? [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1];
  };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color[3] > 0.9) return color;
    }
    return [255, 255, 255, 1];
  };
  const bad = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.checkVisibility() || element.matches("script, option")) continue;
    const own = numbers(getComputedStyle(element).color);
    const [a, b] = [luminance(own), luminance(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.add(`${element.tagName}.${element.className} ${own} on ${behind(element)}: ${ratio.toFixed(2)}`);
  }
  return [...bad];
})()"#;

/// Elements that stick out of the window, and the width of the page.
const OVERFLOW: &str = r#"(() => {
  const out = [...document.body.querySelectorAll("*")].filter((element) => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility() && !element.matches(".name") && box.width > 0 && box.right > innerWidth + 1;
  });
  const names = out.slice(0, 5).map((element) => element.outerHTML.slice(0, 200));
  if (document.documentElement.scrollWidth > innerWidth) names.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return names;
})()"#;

/// Elements and attributes that no report has.
const FOREIGN: &str = r#"(() => {
  const elements = "script style meta title html head body header main footer section article details summary form div label span " +
    "input select option button output p b h1 h2 h3 ul li table thead tbody tr th td small code pre ins del a";
  const attributes = "class id name role hidden type placeholder autocomplete spellcheck value aria-live data-n data-e data-rule " +
    "data-level data-object open href title lang charset content http-equiv scope";
  const bad = [];
  for (const element of document.querySelectorAll("*")) {
    if (!elements.split(" ").includes(element.localName)) bad.push(element.outerHTML.slice(0, 200));
    for (const { name, value } of element.attributes) {
      if (!attributes.split(" ").includes(name)) bad.push(`${name}=${value}`);
      if (name === "href" && !value.startsWith('#')) bad.push(`href=${value}`);
    }
  }
  for (const name of ["script", "style"]) {
    if (document.querySelectorAll(name).length !== 1) bad.push(`several ${name}`);
  }
  return bad;
})()"#;

fn is_empty(what: &str, found: &Value) {
    assert_eq!(*found, json!([]), "{what}: {found:#}");
}

#[test]
fn reports_fit_every_screen_and_are_quiet() {
    let Some(mut page) = page() else {
        return;
    };
    let (folder, files) = real();
    for file in files {
        for size in [DESKTOP, PHONE] {
            for scheme in ["light", "dark", "print"] {
                let what = format!("{file} {size:?} {scheme}");
                page.show(&folder.path().join(&file), size, scheme);
                is_empty(&format!("{what}: overflow"), &page.value(OVERFLOW));
                is_empty(&format!("{what}: contrast"), &page.value(CONTRAST));
                is_empty(&format!("{what}: foreign"), &page.value(FOREIGN));
                page.has_been_quiet(&what);
            }
        }
    }
}

#[test]
fn nothing_from_outside_runs_or_becomes_markup() {
    let Some(mut page) = page() else {
        return;
    };
    for hostile in HOSTILE {
        let file = "<img src=x onerror=window.FORGED=1>.yaml";
        let folder = |is_hostile: &dyn Fn(&str) -> bool| {
            let fill = |template| filled(template, hostile, is_hostile);
            let several = "  environments: {staging: {}, production: {resources: {containers: {requests: {cpu: 50m}}}}}\n";
            let config = fill(CONFIG).replacen("  environment:", "  # environment:", 1) + several;
            Folder::with(&[(file, &fill(MANIFEST)), ("config", &config)])
        };
        let chosen = ["-c", "config", "-e", "production"];
        let plan = |folder: &Folder| folder.run(&[&["plan", "-f", file][..], &chosen].concat());
        // Where such text stops the command, the report says so; everywhere else it is a part of the report.
        let accepted: Vec<&str> = places()
            .into_iter()
            .filter(|place| matches!(plan(&folder(&|it| it == *place)).code, Some(0 | 1)))
            .collect();
        for place in [
            "name", "namespace", "container", "value", "account", "reason", "label",
        ] {
            assert!(
                accepted.contains(&place),
                "{hostile}: {place} is not in {accepted:?}"
            );
        }
        let everywhere = folder(&|_| true);
        let accepted = folder(&|place| accepted.contains(&place));
        let mut pages = Vec::new();
        pages.extend(
            reports(&everywhere, &chosen, file, None)
                .into_iter()
                .map(|page| (&everywhere, page)),
        );
        let compare = ["-c", "config"];
        pages.extend(
            reports(&accepted, &chosen, file, Some(&compare))
                .into_iter()
                .map(|page| (&accepted, page)),
        );
        for (folder, file) in pages {
            let what = format!("{file} of {hostile:?}");
            page.show(&folder.path().join(&file), PHONE, "light");
            // Everything is opened, and the pointer is everywhere.
            page.value("for (const it of document.querySelectorAll('details')) it.open = true; \
                        for (const it of document.querySelectorAll('*')) { it.focus?.(); it.dispatchEvent(new MouseEvent('mouseover')); }");
            page.value("new Promise((done) => setTimeout(done, 50))");
            is_empty(&format!("{what}: foreign"), &page.value(FOREIGN));
            is_empty(&format!("{what}: overflow"), &page.value(OVERFLOW));
            page.has_been_quiet(&what);
            let text = page.value("document.documentElement.textContent");
            let is_bad =
                |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}".contains(c);
            assert!(!text.as_str().unwrap().contains(is_bad), "{what}: {text}");
        }
    }
}

#[test]
fn the_filter_works_and_is_not_needed() {
    let Some(mut page) = page() else {
        return;
    };
    let (folder, files) = real();
    const SHOWN: &str = "[...document.querySelectorAll('[data-rule]')].filter((it) => !it.hidden && !it.closest('.card').hidden)";
    let set = |name: &str, value: &str| {
        format!(
            "(() => {{ const field = document.forms.filter.elements[{name:?}]; field.value = {value:?}; \
             field.dispatchEvent(new Event('input', {{bubbles: true}})); \
             return new Promise((done) => setTimeout(done, 200)); }})()"
        )
    };
    for file in &files {
        page.show(&folder.path().join(file), DESKTOP, "light");
        let count = page.value(&format!("{SHOWN}.length"));
        assert!(count.as_u64() > Some(10), "{file}: {count}");
        assert_eq!(page.value("document.forms.filter.hidden"), json!(false));
        // Each select shows what it says, and less than everything.
        for field in ["level", "rule", "object"] {
            let values = page.value(&format!(
                "[...document.forms.filter.elements[{field:?}].options].map((it) => [it.value, it.text]).slice(1)"
            ));
            let values = values.as_array().unwrap();
            for value in values.iter().take(if values.len() > 1 { 4 } else { 0 }) {
                let (value, text) = (value[0].as_str().unwrap(), value[1].as_str().unwrap());
                page.value(&set(field, value));
                let shown = page.value(&format!("{SHOWN}.map((it) => it.dataset[{field:?}])"));
                let shown = shown.as_array().unwrap();
                assert!(
                    !shown.is_empty() && shown.iter().all(|it| it == value),
                    "{file}: {field} {value}: {shown:?}"
                );
                assert_eq!(text, format!("{value} ({})", shown.len()), "{file}");
            }
            page.value(&set(field, ""));
        }
        page.value(&set("text", "POSTGRES memory"));
        let shown = page.value(&format!(
            "{SHOWN}.map((it) => it.closest('.card').textContent.toLowerCase())"
        ));
        let shown = shown.as_array().unwrap();
        assert!(shown.len() < count.as_u64().unwrap() as usize, "{file}");
        for text in shown {
            assert!(
                text.as_str().unwrap().contains("postgres"),
                "{file}: {text}"
            );
        }
        page.value(&set("text", "nothing has this text"));
        assert_eq!(page.value(&format!("{SHOWN}.length")), json!(0), "{file}");
        assert_eq!(
            page.value("document.getElementById('none').hidden"),
            json!(false)
        );
        // The keyboard: `/` goes to the field, Escape shows everything again, and what has the focus is seen.
        page.value("document.activeElement.blur()");
        page.press("/");
        assert_eq!(
            page.value("document.activeElement.name"),
            json!("text"),
            "{file}"
        );
        page.press("Escape");
        page.value("new Promise((done) => setTimeout(done, 200))");
        assert_eq!(page.value(&format!("{SHOWN}.length")), count, "{file}");
        let mut reached = Vec::new();
        for _ in 0..8 {
            page.press("Tab");
            let focus = page
                .value("(({localName, name}) => [localName, name ?? ''])(document.activeElement)");
            let outline = page.value("getComputedStyle(document.activeElement).outlineStyle");
            assert_eq!(
                outline,
                json!("solid"),
                "{file}: the focus is not seen on {focus}"
            );
            reached.push(focus[0].as_str().unwrap().to_owned());
        }
        for expected in ["select", "button", "summary"] {
            assert!(
                reached.iter().any(|it| it == expected),
                "{file}: no {expected} in {reached:?}"
            );
        }
        page.has_been_quiet(file);
    }
    // Without JavaScript everything is there, and nothing that needs it.
    page.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    for file in &files {
        page.show(&folder.path().join(file), PHONE, "light");
        let expected = match file.as_str() {
            "plan.html" => &[
                "Changes", "caracal-postgres", "memory", "fn-config/all/fitout.yaml:",
            ][..],
            "check.html" => &["Findings", "FIT-RUN001", "Help"],
            _ => &[
                "Environments", "caracal-postgres", "storageClassName", "fast-retain",
            ],
        };
        // Cards are laid out some frames after the page is loaded.
        let mut text = page.laid_out();
        for _ in 0..50 {
            if expected.iter().all(|it| text.contains(it)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            text = page.laid_out();
        }
        for expected in expected {
            assert!(
                text.contains(expected),
                "{file}: `{expected}` is not in\n{text}"
            );
        }
        assert!(!text.contains("Filter by text"), "{file}");
    }
}
