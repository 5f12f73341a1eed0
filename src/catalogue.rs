//! The catalogue of images: their users, writable paths and metrics ports.
//!
//! `catalogue/images.yaml` has the built-in entries, one on each line; entries in the config come first. A value from the
//! catalogue is used only where neither the manifest nor the config has one, and its reason names the catalogue.

mod entry;
mod image;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::compressed::Text;
use crate::hashing::HashMap;
use image::{Image, last_part};

pub use entry::{Entry, OwnDirectory, Written};
pub use image::{repository, without_digest, without_tag};

/// The built-in entries. Each is decoded when an image first needs it, because most runs need few.
struct BuiltIn {
    rows: Vec<(&'static str, OnceLock<Entry>)>,
    /// The rows for each last part of a repository, which is never a pattern.
    by_name: HashMap<&'static str, Vec<usize>>,
}

/// The built-in entry for an image, and the heading that it is under in the catalogue.
pub fn kind_of(image: &str) -> Option<(&'static Entry, &'static str)> {
    let known = BuiltIn::get();
    let index = known.position(&Image::of(image))?;
    let mut heading = "";
    let mut rows = 0;
    for line in IMAGES.get().lines() {
        heading = line.strip_prefix("## ").unwrap_or(heading);
        rows += usize::from(line.starts_with(ROW));
        if rows > index {
            break;
        }
    }
    Some((known.entry(index)?, heading))
}

/// `catalogue/images.yaml` without comments and sources.
static IMAGES: Text = Text::new(include_bytes!(concat!(env!("OUT_DIR"), "/images.yaml")));

/// What each line of an entry begins with.
const ROW: &str = "- {image: ";

impl BuiltIn {
    fn get() -> &'static BuiltIn {
        static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
        BUILT_IN.get_or_init(|| {
            let rows: Vec<_> = IMAGES
                .get()
                .lines()
                .filter(|line| line.starts_with(ROW))
                .map(|line| (line, OnceLock::new()))
                .collect();
            let mut by_name: HashMap<_, Vec<usize>> =
                HashMap::with_capacity_and_hasher(rows.len(), Default::default());
            for (index, (line, _)) in rows.iter().enumerate() {
                let image = line[ROW.len()..].split([',', '}']).next().unwrap_or("");
                let name = last_part(image.trim_matches('"'));
                by_name.entry(name).or_default().push(index);
            }
            BuiltIn { rows, by_name }
        })
    }

    fn entry(&self, index: usize) -> Option<&Entry> {
        let (line, entry) = self.rows.get(index)?;
        // A test decodes every row, so the empty entry is never used.
        Some(entry.get_or_init(|| serde_yaml::from_str(&line[2..]).unwrap_or_default()))
    }

    /// The index of the first entry for an image.
    fn position(&self, image: &Image<'_>) -> Option<usize> {
        let is_for = |index: &&usize| {
            let entry = self.entry(**index);
            entry.is_some_and(|entry| image.is_of(entry) && !image.is_namesake(entry))
        };
        let named = self.by_name.get(last_part(image.repository))?;
        named.iter().find(is_for).copied()
    }
}

/// The entry at an index in `own` followed by the built-in entries.
pub fn entry_at(own: &[Entry], index: usize) -> Option<&Entry> {
    own.get(index)
        .or_else(|| BuiltIn::get().entry(index - own.len()))
}

/// A cache of lookups, because many containers have the same image.
#[derive(Debug, Default)]
pub struct Known {
    by_image: Mutex<HashMap<String, Option<usize>>>,
    own: OnceLock<Names>,
}

impl Known {
    /// The first entry for an image: of `own`, which must be the same in every call, then of the built-in ones.
    pub fn entry_for<'e>(&self, own: &'e [Entry], image: &str) -> Option<&'e Entry> {
        entry_at(own, self.index_of(own, image)?)
    }

    fn by_image(&self) -> MutexGuard<'_, HashMap<String, Option<usize>>> {
        self.by_image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its index, for [`entry_at`].
    pub fn index_of(&self, own: &[Entry], image: &str) -> Option<usize> {
        // Most images are in no catalogue, and need not be remembered.
        let name = last_part(repository(image));
        let is_own = || self.names(own).candidates(name).next().is_some();
        if !BuiltIn::get().by_name.contains_key(name) && !is_own() {
            return None;
        }
        let known = self.by_image().get(image).copied();
        known.unwrap_or_else(|| {
            let index = self.index_for(own, image);
            self.by_image().insert(image.to_owned(), index);
            index
        })
    }

    fn names(&self, own: &[Entry]) -> &Names {
        self.own.get_or_init(|| Names::of(own))
    }

    /// The index of the first entry for an image, in `own` followed by the built-in entries.
    fn index_for(&self, own: &[Entry], image: &str) -> Option<usize> {
        let image = Image::of(image);
        let candidates = self.names(own).candidates(last_part(image.repository));
        let of_config = candidates.filter(|index| image.is_of(&own[*index])).min();
        of_config.or_else(|| Some(own.len() + BuiltIn::get().position(&image)?))
    }
}

/// The config's entries by the last part of their repository.
#[derive(Debug)]
struct Names {
    by_name: HashMap<String, Vec<usize>>,
    /// Those whose last part is a pattern.
    patterns: Vec<usize>,
}

impl Names {
    fn of(entries: &[Entry]) -> Names {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::default();
        let mut patterns = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let name = last_part(entry.image.as_str());
            match name.contains(['*', '?']) {
                true => patterns.push(index),
                false => by_name.entry(name.to_owned()).or_default().push(index),
            }
        }
        Names { by_name, patterns }
    }

    fn candidates(&self, name: &str) -> impl Iterator<Item = usize> {
        let named = self.by_name.get(name).into_iter().flatten();
        named.chain(&self.patterns).copied()
    }
}

/// A path without doubled and trailing slashes; `None` for one that cannot be mounted.
pub(crate) fn clean(path: &str) -> Option<String> {
    let is_bad =
        !path.starts_with('/') || path.contains(':') || path.split('/').any(|part| part == "..");
    mounted_at(path).filter(|_| !is_bad)
}

/// Where a container has what is mounted at a path; `None` at its root. The kubelet makes the path absolute
/// (`MakeAbsolutePath` in kubernetes `pkg/volume/util`), and the runtime follows `..` (`filepath.Clean` in containerd).
pub(crate) fn mounted_at(path: &str) -> Option<String> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..");
    if let Some(rest) = path.strip_prefix('/')
        && rest.split('/').all(is_plain)
    {
        return Some(path.to_owned());
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| format!("/{}", parts.join("/")))
}

/// Whether a cleaned path is another one or below it.
pub(crate) fn is_within(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
