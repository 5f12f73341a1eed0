//! Digests of what a run depends on.

use fitout::config::Config;
use sha2::{Digest, Sha256};

use super::config_text::ConfigText;
use super::inputs::{Found, shown};
use fitout::sorting;

/// The digest of many parts, none of which can be taken for parts of others.
#[derive(Clone, Debug, Default)]
pub(super) struct Key(Sha256);

impl Key {
    pub(super) fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Adds the configs, the CustomResourceDefinitions that they name, and the date.
    pub(super) fn add_configs(&mut self, texts: &[ConfigText], configs: &[Config<'_>]) {
        for (text, config) in texts.iter().zip(configs) {
            self.add(format!("{:?} {:?}", text.choice, config.today));
            self.add(text.stream.text());
            self.add(config.definitions.len().to_string());
            let definitions = config.definitions.iter();
            definitions.for_each(|it| self.add(it.text()));
        }
    }

    /// Adds how each file is read, and what it holds by these digests.
    pub(super) fn add_files(&mut self, found: &Found, digests: &[String]) {
        let mut generated: Vec<&String> = found.named.generated.iter().collect();
        sorting::sort(&mut generated);
        self.add(format!("{generated:?} {:?}", found.unbuilt));
        let roles = found.roles.iter().zip(digests);
        for (file, (role, digest)) in found.files.iter().zip(roles) {
            self.add(shown(&file.path));
            self.add(format!(
                "{:?} {} {} {role:?} {digest}",
                file.outcome, file.key, file.is_in_whole
            ));
        }
    }

    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The digest of one text.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
