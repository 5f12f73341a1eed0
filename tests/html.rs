//! HTML reports as text. `make browser` opens them in a browser.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use crate::program::Folder;

/// The page says what it does.
fn page(folder: &Folder, name: &str) -> String {
    let page = folder.read(name);
    for (what, expected) in [
        (
            "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-",
            1,
        ),
        ("<script", 1),
        ("<style", 1),
        (" src=", 0),
        ("http://", 0),
        ("https://", 0),
        (" style=", 0),
        ("@import", 0),
        ("url(", 0),
    ] {
        assert_eq!(page.matches(what).count(), expected, "{name}: {what}");
    }
    page
}

#[test]
fn the_command_of_the_page_about_reports_works() {
    let docs =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/html.md")).unwrap();
    let (_, shell) = docs.split_once("```sh\nfitout ").unwrap();
    let (line, _) = shell.split_once('\n').unwrap();
    let folder = Folder::with_copy(&["base/caracal", "fn-config"]);
    let run = folder.run(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stdout.contains("error[FIT-RUN001]"), "{}", run.stdout);
    let report = page(&folder, "report.html");
    for expected in [
        "<h1>Check for production</h1>",
        "base/caracal/gateway.yaml:",
        "data-rule=\"FIT-RUN001\" data-level=\"error\" data-object=\"Deployment caracal/caracal-gateway\"",
    ] {
        assert!(report.contains(expected), "{expected}");
    }
}

#[test]
fn every_change_has_its_reason() {
    let folder = Folder::with_copy(&["base/caracal", "fn-config"]);
    let arguments = [
        "plan", "-f", "base/caracal", "-e", "staging", "-e", "production", "-o", "html=plan.html",
    ];
    let run = folder.run(&arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    let html = page(&folder, "plan.html");
    assert_eq!(
        html.matches("<ins ").count(),
        html.matches("</ins>").count()
    );
    // Lines are lines, not escaped.
    assert!(!html.contains("\\n"));
    // As many reasons as the plan has as text.
    let text = folder.run(&[
        "plan", "-f", "base/caracal", "-e", "staging", "-e", "production",
    ]);
    let reasons = text.stdout.matches("╰─ ").count();
    assert!(reasons > 100);
    assert_eq!(html.matches("<p class=\"why\">").count(), reasons);
    let added = text
        .stdout
        .lines()
        .filter(|line| line.contains(" + │ "))
        .count();
    assert_eq!(html.matches("<ins ").count(), added);
    for expected in [
        "<h1>Plan for staging, production</h1>",
        "<a href=\"#run-2\">production</a>",
        "fast-retain",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn problems_that_stop_the_command_are_in_the_page() {
    let folder = Folder::with(&[
        (
            "a.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: 5}\n",
        ),
        (
            "c.yaml",
            "apiVersion: fitout.dev/v1alpha1\nkind: Fitout\nmetadata: {name: c}\nspec: {environment: x}\n",
        ),
    ]);
    let run = folder.run(&[
        "plan", "-f", "a.yaml", "-c", "c.yaml", "-o", "html=out.html",
    ]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let html = page(&folder, "out.html");
    for expected in ["<h1>plan failed</h1>", "FIT-INP003", "a.yaml:4"] {
        assert!(html.contains(expected), "{expected} is not in {html}");
    }
}
