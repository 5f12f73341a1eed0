//! Compresses the texts that commands print as they are: the schema of configs, completions, and the pages of rules. Tests
//! make these files and check them; the binary holds them in a tenth of their size.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The folders of the texts.
const FOLDERS: [&str; 3] = ["completions", "docs/rules", "schema"];

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
    let compressed = miniz_oxide::deflate::compress_to_vec(all.as_bytes(), 10);
    std::fs::write(out.join("texts"), compressed)?;
    Ok(())
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
