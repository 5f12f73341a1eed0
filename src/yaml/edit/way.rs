//! The shared path of consecutive edits: most are next to each other.

/// The way that the edit before went through the source: the next one mostly begins alike.
#[derive(Default)]
pub(super) struct Way<'e> {
    /// The node that it started from; none before the first edit.
    pub(super) root: Option<u32>,
    pointer: &'e str,
    /// The collections on it, below the root and without the place itself, and where in the pointer the way to each ends.
    pub(super) steps: Vec<(usize, u32)>,
}

impl<'e> Way<'e> {
    /// Turns to another pointer and keeps the steps that it begins with.
    pub(super) fn turn_to(&mut self, root: u32, pointer: &'e str) {
        if self.root.replace(root) != Some(root) {
            self.steps.clear();
        }
        let (new, old) = (pointer.as_bytes(), self.pointer.as_bytes());
        let is_on_it = |(end, _): &(usize, u32)| {
            new.get(*end) == Some(&b'/') && old.get(..*end) == Some(&new[..*end])
        };
        self.steps.truncate(self.steps.partition_point(is_on_it));
        self.pointer = pointer;
    }

    /// Forgets the steps from a node on, because there is something else now.
    pub(super) fn forget(&mut self, id: u32) {
        if let Some(at) = self.steps.iter().position(|(_, step)| *step == id) {
            self.steps.truncate(at);
        }
    }
}
