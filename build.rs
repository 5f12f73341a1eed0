//! Makes texts small before they are part of the binary. Compressed are those that commands print as they are (the schema of
//! configs, completions, and the pages of rules, which tests make and check), the tables of Kubernetes' types, validation and
//! time zones, the style and script of HTML pages, and the catalogue of images.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The folders of the texts.
const FOLDERS: [&str; 3] = ["completions", "docs/rules", "schema"];

/// The packages of the types that most manifests need. Those of the table of types are in a text of their own, so that few runs
/// decompress the others.
const PACKAGES: [&str; 9] = [
    "apps.v1", "autoscaling.v2", "batch.v1", "core.v1", "meta.v1", "networking.v1", "policy.v1",
    "rbac.v1", "storage.v1",
];

/// Files that are compressed as they are.
const FILES: [&str; 3] = [
    "src/kubernetes/schema/formats/zones.txt",
    "src/report/html/script.js",
    "src/report/html/style.css",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    // A line for each text with its name and length, an empty line, and the texts.
    let (mut index, mut texts) = (String::new(), String::new());
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        for file in files(&root.join(folder))? {
            let text = std::fs::read_to_string(&file)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            // That of reports is only published.
            if name == "report.schema.json" {
                continue;
            }
            index.push_str(&format!("{folder}/{name}\t{}\n", text.len()));
            texts.push_str(&text);
        }
    }
    let all = [index.as_str(), "\n", texts.as_str()].concat();
    std::fs::write(out.join("texts"), compressed(&all)?)?;
    let [kinds, types, rare] = parts(&rows(&root, "kubernetes.txt")?);
    std::fs::write(out.join("kinds.txt"), compressed(&kinds)?)?;
    std::fs::write(out.join("types.txt"), compressed(&types)?)?;
    std::fs::write(out.join("rare-types.txt"), compressed(&rare)?)?;
    let validation = rows(&root, "validation.txt")?;
    std::fs::write(out.join("validation.txt"), compressed(&validation)?)?;
    for file in FILES {
        let name = Path::new(file).file_name().unwrap_or_default();
        std::fs::write(out.join(name), compressed(&read(&root, file)?)?)?;
    }
    let catalogue = read(&root, "src/catalogue/images.yaml")?;
    std::fs::write(out.join("images.yaml"), compressed(&stripped(&catalogue))?)?;
    Ok(())
}

fn read(root: &Path, path: &str) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={path}");
    Ok(std::fs::read_to_string(root.join(path))?)
}

/// A table of Kubernetes without its comments.
fn rows(root: &Path, table: &str) -> Result<String, Box<dyn Error>> {
    let text = read(root, &format!("src/kubernetes/schema/{table}"))?;
    let rows = text
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('#'));
    Ok(rows.collect())
}

/// The rows of kinds by kind, without their first word; the types of `PACKAGES`; and the others.
fn parts(table: &str) -> [String; 3] {
    let mut types = table.split("\ntype: ");
    let head = types.next().unwrap_or_default().lines();
    let mut kinds: Vec<_> = head.filter_map(|line| line.strip_prefix("kind ")).collect();
    kinds.sort_by_key(|line| line.split(' ').nth(1));
    let kinds = kinds.iter().map(|line| format!("{line}\n")).collect();
    let (mut common, mut rare) = (String::new(), String::new());
    for text in types {
        let name = text.lines().next().unwrap_or_default();
        let package = name.rsplit_once('.').map_or("", |(package, _)| package);
        let part = match PACKAGES.contains(&package) {
            true => &mut common,
            false => &mut rare,
        };
        part.push_str("\ntype: ");
        part.push_str(text);
    }
    [kinds, common, rare]
}

/// The length of a text in four bytes, and what it is compressed to.
fn compressed(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = u32::try_from(text.len())?.to_le_bytes().to_vec();
    bytes.extend(miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10));
    Ok(bytes)
}

/// The entries and headings, without comments and without what only readers of the file and of its page need.
fn stripped(catalogue: &str) -> String {
    let mut text = String::new();
    for line in catalogue.lines() {
        let line = match line.split_once(", source: ") {
            Some((entry, _)) => format!("{entry}}}\n"),
            None if line.starts_with("## ") || line.starts_with("- ") => format!("{line}\n"),
            None => continue,
        };
        text.push_str(&line);
    }
    text
}

/// The files of a folder, in order; none if it does not exist yet, because tests make them.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.path());
        }
    }
    files.sort();
    Ok(files)
}
