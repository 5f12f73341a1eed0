//! A text with its edits.

use super::Behind;
use super::emit::{Splice, Splices};
use std::borrow::Cow;

/// A text with its edits: what stays is borrowed.
pub struct Edited<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) splices: Splices,
    pub(super) behind: Option<Behind<'s>>,
}

impl Edited<'_> {
    /// Passes on the parts of the new text, in order.
    pub fn each_part(&self, pass: &mut dyn FnMut(&str)) {
        let Splices {
            list,
            buffer,
            behind,
            ..
        } = &self.splices;
        let replace = |list: &[Splice], mut from: usize, pass: &mut dyn FnMut(&str)| {
            for splice in list {
                pass(&self.text[from..splice.start]);
                pass(&buffer[splice.text.clone()]);
                from = splice.end;
            }
            from
        };
        let at = behind.map_or(self.text.len(), |it| it.at());
        let (before, after) = list.split_at(list.partition_point(|it| it.end <= at));
        let mut from = replace(before, 0, pass);
        if let (Some(place), Some(behind)) = (behind, &self.behind) {
            pass(&self.text[from..at]);
            place.write(behind.write, pass);
            from = at;
        }
        from = replace(after, from, pass);
        pass(&self.text[from..]);
    }

    /// The new text.
    #[must_use]
    pub fn into_text(self) -> String {
        if self.splices.list.is_empty() && self.behind.is_none() {
            return self.text.into_owned();
        }
        let mut text = String::with_capacity(self.text.len() + self.splices.buffer.len());
        self.each_part(&mut |part| text.push_str(part));
        text
    }
}

impl From<String> for Edited<'_> {
    fn from(text: String) -> Self {
        Edited {
            text: Cow::Owned(text),
            splices: Splices::default(),
            behind: None,
        }
    }
}
