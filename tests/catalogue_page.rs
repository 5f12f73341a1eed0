//! `docs/catalogue.md`: the catalogue of images as tables.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fmt::Write as _;
use std::path::Path;

use fitout::catalogue::{Entry, OwnDirectory};

use crate::pages::{keep, read};

#[test]
fn the_page_of_the_catalogue_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = page(&read(&root.join("src/catalogue/images.yaml")));
    keep("docs/catalogue.md", &page);
}

fn page(catalogue: &str) -> String {
    let mut page = format!(
        "# The catalogue of images\n\n\
        fitout knows {} repositories. It uses a value only where neither the manifest nor the config has one, and the reason \
        of a change names the catalogue.\n\n\
        - **Image**: the repository without its registry. The folders that a mirror puts in front of it do not matter: \
        `harbor.local/dockerhub/library/mysql` is `mysql`, and `harbor.local/quay/prometheus/prometheus` is \
        `prometheus/prometheus`. `example.com/my/mysql` is an image of someone else, and so is `registry.k8s.io/redis`, because that registry has images of its own without an owner.\n\
        - **Tags**: the tags that the row is for, if not all; the first row that matches applies.\n\
        - **User**: the ids of the user and the group; \"or any\" if the image also runs as other users, and \"root\" \
        if it starts as root and needs that.\n\
        - **Writes to**: the paths that the image writes to besides `/tmp` and its volumes. A path in parentheses has files \
        of the image, so fitout mounts nothing there and reports it. \"all\" says that the source shows that there are no \
        other paths; otherwise there may be more.\n\
        - **API**: whether it uses the Kubernetes API, so that its pods keep their token.\n\
        - **Metrics**: the port and the path of its metrics, used if the container declares the port.\n\
        - **Own directory**: the directory that only its user may access, which must not be the root of a volume.\n\
        - **Moved by**: what moves a path that it writes to, and the path without it: an argument, a variable, or a mount.\n\
        - **Capabilities**: what its program needs.\n\
        - **Source**: the repository on GitHub, the commit and the files that the values come from.\n\n\
        Entries in the config's [`catalogue`](config.md) come before these. To add an image to this page, add one line to \
        `src/catalogue/images.yaml` with the values that its source states, and run `make golden`; the head of the file \
        explains the keys, and tests check the line.\n",
        repositories(catalogue)
    );
    for section in catalogue.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap();
        let _ = write!(
            page,
            "\n## {title}\n\n\
            | Image | Tags | User | Writes to | API | Metrics | Own directory | Moved by | Capabilities | Source |\n\
            |---|---|---|---|---|---|---|---|---|---|\n"
        );
        for entry in entries(section) {
            page.push_str(&row(&entry));
        }
    }
    page
}

fn entries(text: &str) -> impl Iterator<Item = Entry> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("- "));
    lines.map(|line| serde_yaml::from_str(line).unwrap())
}

fn repositories(catalogue: &str) -> usize {
    let of_entry = |entry: Entry| entry.image.as_str().to_owned();
    let mut images: Vec<String> = entries(catalogue).map(of_entry).collect();
    images.dedup();
    images.len()
}

fn row(entry: &Entry) -> String {
    let code = |text: &str| format!("`{text}`");
    let root = if entry.starts_as_root { "root" } else { "" };
    let user = entry.run_as_user.map_or(root.to_owned(), |user| {
        let group = entry.run_as_group.map(|group| format!(":{group}"));
        let any = if entry.any_user { " or any" } else { "" };
        format!("{user}{}{any}", group.unwrap_or_default())
    });
    let hides = entry.hides.iter().map(|path| format!("(`{path}`)"));
    let mut paths: Vec<String> = entry.writable_paths.iter().map(|path| code(path)).collect();
    paths.extend(hides);
    let paths = match (entry.paths_are_complete, paths.is_empty()) {
        (true, true) => "nothing".to_owned(),
        (true, false) => format!("all: {}", paths.join(", ")),
        (false, _) => paths.join(", "),
    };
    let metrics = entry.metrics_port.map_or(String::new(), |port| {
        let path = entry.metrics_path.as_deref().unwrap_or("/metrics");
        format!("{port} `{path}`")
    });
    let directory = |own: &OwnDirectory| format!("`{}`, `{}`", own.variable, own.path);
    let own = entry.own_directory.as_ref();
    let moved: Vec<String> = entry.moved_by.iter().map(directory).collect();
    let cells = [
        code(entry.image.as_str()),
        entry
            .tag
            .as_ref()
            .map_or(String::new(), |tag| code(tag.as_str())),
        user,
        paths,
        (if entry.uses_api { "yes" } else { "" }).to_owned(),
        metrics,
        own.map_or(String::new(), directory),
        moved.join("; "),
        entry.capabilities.join(", "),
        entry.source.clone().unwrap_or_default(),
    ];
    format!("| {} |\n", cells.join(" | "))
}
