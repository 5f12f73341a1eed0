//! The size of a claim. It only grows, unless the config explicitly makes it smaller, which existing claims reject.

use super::claim::Fitting;
use super::{Size, SizePolicy, Storage, is_removed};
use crate::config::Amount;
use crate::edit::{Edits, Meaning, Proposal, read_quantity};
use crate::finding::Mode;
use crate::kubernetes::{Format, Glob, Quantity};
use crate::objects::Claim;
use crate::problem::Problem;
use crate::yaml::Value;

impl Storage {
    /// The leaf with the size of a claim, and the size.
    fn size_of(&self, claim: &str) -> Option<(String, Quantity)> {
        match self.size.as_ref()? {
            Size::All(size) => Some(("size".to_owned(), *size)),
            Size::ByName(sizes) => {
                let (_, name, size) = sizes.iter().find(|(glob, ..)| glob.matches(claim))?;
                Some((format!("size.{name}"), *size))
            }
        }
    }

    /// The size to write for a configured size, and why it differs.
    fn scaled(&self, size: Quantity) -> (Quantity, Option<String>) {
        let scaled = self.scale.as_ref().and_then(|factor| {
            let scaled = size.scale_up(&factor.0, step_of(size)?)?;
            // Claims that have grown must not become smaller.
            (scaled > size || self.size_policy == SizePolicy::Exact).then_some(scaled)
        });
        let size = scaled.unwrap_or(size);
        match self.max {
            Some(Amount(max)) if max < size => (max, Some(format!("lowered from {size} to `max`"))),
            _ => (size, None),
        }
    }
}

impl Fitting<'_, '_> {
    pub(super) fn fit_size(&self, edits: &mut Edits<'_>) -> Result<(), Problem> {
        let field = self.field(&Claim::SIZE);
        let configured = self.settings().size_of(&self.claim.name);
        let leaf = match &configured {
            Some((leaf, _)) => leaf.clone(),
            None => self.removed_size().unwrap_or_else(|| "size".to_owned()),
        };
        if is_removed(self.section, &leaf, configured.is_some()) {
            return self.remove(&field, &leaf, edits);
        }
        let mode = self.section.mode(&leaf);
        if matches!(mode, Mode::Off | Mode::Remove) {
            return Ok(());
        }
        let author = self.claim.get(&Claim::SIZE);
        let author =
            author.map(|node| read_quantity(self.resource, node, || self.claim.subject.at(&field)));
        let author = author.transpose()?;
        if mode == Mode::Bound {
            return self.bound_size(&leaf, author, edits);
        }
        let Some((_, size)) = configured else {
            return Ok(());
        };
        let (size, note) = self.settings().scaled(size);
        let size = author.map_or(size, |author| in_units_of(author, size));
        let smaller = author.filter(|author| size < *author && mode == Mode::Override);
        if smaller.is_some() && self.settings().size_policy == SizePolicy::GrowOnly {
            return Ok(());
        }
        let proposal = self.size_proposal(&field, &leaf, size).note(note);
        self.set(proposal, &leaf, edits)?;
        if smaller.is_some() {
            self.mark_fixed(edits);
        }
        Ok(())
    }

    fn size_proposal<'p>(
        &'p self,
        field: &'p [&'p str],
        leaf: &str,
        size: Quantity,
    ) -> Proposal<'p> {
        let value = Value::from(size.to_string());
        self.proposal(field, leaf, value).meaning(Meaning::Quantity)
    }

    /// Lowers an author's size to `max`.
    fn bound_size(
        &self,
        leaf: &str,
        author: Option<Quantity>,
        edits: &mut Edits<'_>,
    ) -> Result<(), Problem> {
        let field = self.field(&Claim::SIZE);
        let (Some(author), Some(Amount(max))) = (author, self.settings().max) else {
            return Ok(());
        };
        if author <= max {
            return Ok(());
        }
        let proposal = self.size_proposal(&field, leaf, max);
        let proposal = proposal.decided_by(self.section.decision_about("max", leaf));
        self.set(proposal, leaf, edits)?;
        self.mark_fixed(edits);
        Ok(())
    }

    /// The path in `modes` that removes the size of this claim by name, without a setting for it.
    fn removed_size(&self) -> Option<String> {
        let is_for = |path: &&str| {
            let name = path.strip_prefix("size.");
            name.is_some_and(|name| Glob::from(name.to_owned()).matches(&self.claim.name))
        };
        self.section.removed().find(is_for).map(str::to_owned)
    }
}

/// A size in the author's units, powers of 1000 or of 1024, if it is a whole number of them.
fn in_units_of(author: Quantity, size: Quantity) -> Quantity {
    let is_binary = |it: Quantity| it.format() == Format::BinarySi;
    let is_whole = |step: Quantity| size.is_multiple_of(step);
    match is_binary(author) != is_binary(size) && step_of(author).is_some_and(is_whole) {
        true => size.with_format(author.format()),
        false => size,
    }
}

/// The step that sizes with the format of this one are rounded to.
fn step_of(size: Quantity) -> Option<Quantity> {
    let step = match size.format() {
        Format::BinarySi => "1Mi",
        _ => "1M",
    };
    step.parse().ok()
}
