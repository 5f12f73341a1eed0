//! Charts, without rendering them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fitout::yaml::Node;

use super::super::super::tree;
use super::{environment_in, is_image, is_plain, relative};
use fitout::sorting;

/// A chart, and what can be seen without rendering it.
#[derive(Debug)]
pub(in super::super) struct Chart {
    pub(in super::super) folder: String,
    pub(in super::super) name: String,
    pub(in super::super) images: BTreeSet<String>,
    /// Files of values, by environment.
    pub(in super::super) values: Vec<(String, String)>,
}

impl Chart {
    pub(super) fn of(root: &Path, folder: &Path) -> Chart {
        let text = |stream: &fitout::yaml::Stream, key: &str| {
            stream
                .documents()
                .next()
                .and_then(|it| Some(it.root().text_at([key])?.into_owned()))
        };
        let name = tree::read(&folder.join("Chart.yaml")).and_then(|it| text(&it, "name"));
        let mut chart = Chart {
            folder: relative(root, folder),
            name: name.unwrap_or_default(),
            images: BTreeSet::new(),
            values: Vec::new(),
        };
        let files = |folder: &Path| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let mut files: Vec<PathBuf> = entries.map(|it| it.path()).collect();
            sorting::sort(&mut files);
            files
        };
        let version = tree::read(&folder.join("Chart.yaml")).and_then(|it| text(&it, "appVersion"));
        for file in files(folder) {
            let file_name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let Some(rest) = file_name
                .strip_prefix("values")
                .filter(|it| it.ends_with(".yaml") || it.ends_with(".yml"))
            else {
                continue;
            };
            if let Some(stream) = tree::read(&file) {
                for document in stream.documents() {
                    images_in(document.root(), version.as_deref(), 0, &mut chart.images);
                }
            }
            let environment = environment_in(rest.trim_start_matches(['-', '.', '_']));
            if let Some(environment) = environment.filter(|_| is_plain(&file_name)) {
                chart.values.push((environment, file_name));
            }
        }
        for file in files(&folder.join("templates")) {
            // A template is not YAML, but an image without an action is text.
            let is_ordinary = file
                .metadata()
                .is_ok_and(|it| it.is_file() && it.len() < 1 << 20);
            let text = is_ordinary
                .then(|| std::fs::read_to_string(&file).ok())
                .flatten();
            let text = text.unwrap_or_default();
            let lines = text
                .lines()
                .filter_map(|it| it.trim().trim_start_matches("- ").strip_prefix("image:"));
            let images = lines.map(|it| it.trim().trim_matches(['"', '\'']));
            chart
                .images
                .extend(images.filter(|it| is_image(it)).map(str::to_owned));
        }
        chart
    }
}

/// The images in the values of a chart, in the two usual forms.
fn images_in(node: Node<'_>, version: Option<&str>, depth: usize, images: &mut BTreeSet<String>) {
    if depth > 20 {
        return;
    }
    if let Some(repository) = node.text_at(["repository"]) {
        let registry = node.text_at(["registry"]).filter(|it| !it.is_empty());
        let registry = registry.map_or(String::new(), |it| format!("{it}/"));
        let tag = node.text_at(["tag"]).filter(|it| !it.is_empty());
        let tag = tag.as_deref().or(version);
        let tag = tag.map_or(String::new(), |it| format!(":{it}"));
        let image = format!("{registry}{repository}{tag}");
        if is_image(&image) {
            images.insert(image);
        }
    }
    if let Some(image) = node.text_at(["image"]).filter(|it| is_image(it)) {
        images.insert(image.into_owned());
    }
    for (_, value) in node.entries() {
        images_in(value, version, depth + 1, images);
    }
}
