//! Makes texts small before they are part of the binary. Compressed are those that commands print as they are (the schema of
//! configs, completions, and the pages of rules, which tests make and check), the tables of Kubernetes' types, validation and
//! time zones, the style and script of HTML pages, and the catalogue of images.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The folders of the texts.
const FOLDERS: [&str; 3] = ["completions", "docs/rules", "schema"];

/// The tables.
const TABLES: [&str; 2] = ["kubernetes.txt", "validation.txt"];

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
    std::fs::write(out.join("texts"), compressed(&all))?;
    for table in TABLES {
        let text = read(&root, &format!("src/kubernetes/schema/{table}"))?;
        let rows = text
            .split_inclusive('\n')
            .filter(|line| !line.starts_with('#'));
        std::fs::write(out.join(table), compressed(&rows.collect::<String>()))?;
    }
    for file in FILES {
        let name = Path::new(file).file_name().unwrap_or_default();
        std::fs::write(out.join(name), compressed(&read(&root, file)?))?;
    }
    let catalogue = read(&root, "src/catalogue/images.yaml")?;
    std::fs::write(out.join("images.yaml"), compressed(&stripped(&catalogue)))?;
    Ok(())
}

fn read(root: &Path, path: &str) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={path}");
    Ok(std::fs::read_to_string(root.join(path))?)
}

fn compressed(text: &str) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10)
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
