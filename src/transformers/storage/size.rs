//! The size of a claim. It only grows, unless something asks for less by name: then no claim that exists takes it.

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
    /// The leaf that gives a claim its size, and what it says.
    fn size_of(&self, claim: &str) -> Option<(String, Quantity)> {
        match self.size.as_ref()? {
            Size::All(size) => Some(("size".to_owned(), *size)),
            Size::ByName(sizes) => {
                let (_, name, size) = sizes.iter().find(|(glob, ..)| glob.matches(claim))?;
                Some((format!("size.{name}"), *size))
            }
        }
    }

    /// A configured size as it is written, and why it is not the configured one.
    fn scaled(&self, size: Quantity) -> (Quantity, Option<String>) {
        let step = if size.format() == Format::BinarySi {
            "1Mi"
        } else {
            "1M"
        };
        let scaled = self.scale.as_ref().and_then(|factor| {
            let scaled = size.scale_up(&factor.0, step.parse().ok()?)?;
            // A factor that makes claims smaller would undo what they have grown to elsewhere.
            (scaled > size || self.size_policy == SizePolicy::Exact).then_some(scaled)
        });
        let size = scaled.unwrap_or(size);
        match self.max {
            Some(Amount(max)) if max < size => (
                max,
                Some(format!("lowered from {size}, which is above `max`")),
            ),
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
        let proposal = Proposal {
            note,
            ..self.proposal(
                &field,
                &leaf,
                Value::from(size.to_string()),
                Meaning::Quantity,
            )
        };
        self.set(proposal, &leaf, edits)?;
        if smaller.is_some() {
            self.mark_fixed(edits);
        }
        Ok(())
    }

    /// Brings an author's size down to `max`.
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
        let proposal = Proposal {
            decision: self.section.decision_about("max", leaf),
            ..self.proposal(
                &field,
                leaf,
                Value::from(max.to_string()),
                Meaning::Quantity,
            )
        };
        self.set(proposal, leaf, edits)?;
        self.mark_fixed(edits);
        Ok(())
    }

    /// The path in `modes` that takes the size of this claim away by a name that no size is configured for.
    fn removed_size(&self) -> Option<String> {
        let is_for = |path: &&str| {
            let name = path.strip_prefix("size.").map(str::to_owned);
            let glob = name.map(Glob::from);
            glob.is_some_and(|glob| glob.matches(&self.claim.name))
        };
        self.section.removed().find(is_for).map(str::to_owned)
    }
}

/// A size in the units of the author's, powers of 1000 or of 1024, where it is a round number of them.
fn in_units_of(author: Quantity, size: Quantity) -> Quantity {
    let is_binary = |it: Quantity| it.format() == Format::BinarySi;
    let one = if is_binary(author) { "1Mi" } else { "1M" };
    let round = one
        .parse()
        .ok()
        .filter(|step| is_binary(author) != is_binary(size) && size.is_multiple_of(*step));
    round.map_or(size, |_| size.with_format(author.format()))
}
