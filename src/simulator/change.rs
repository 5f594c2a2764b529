//! What a commit changes, written down by a test or a person.

use crate::git::{EntryMode, Oid};

/// One commit to be: the files that it writes and removes, and its message.
///
/// Paths are taken as they are: a simulated repository may hold `.git/config` or `../x`,
/// because a hostile one can.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub(super) message: Option<String>,
    pub(super) cleared: bool,
    pub(super) steps: Vec<(String, Step)>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Write(EntryMode, Vec<u8>),
    Submodule(Oid),
    Remove,
}

impl Change {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    pub fn write(self, path: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        self.write_mode(path, EntryMode::File, content)
    }

    pub fn executable(self, path: impl Into<String>, content: impl AsRef<[u8]>) -> Self {
        self.write_mode(path, EntryMode::Executable, content)
    }

    pub fn symlink(self, path: impl Into<String>, target: impl AsRef<[u8]>) -> Self {
        self.write_mode(path, EntryMode::Symlink, target)
    }

    /// A blob under any mode, sensible or not.
    pub fn write_mode(
        self,
        path: impl Into<String>,
        mode: EntryMode,
        content: impl AsRef<[u8]>,
    ) -> Self {
        self.step(path, Step::Write(mode, content.as_ref().to_vec()))
    }

    /// A commit of another repository.
    pub fn submodule(self, path: impl Into<String>, commit: Oid) -> Self {
        self.step(path, Step::Submodule(commit))
    }

    /// Removes a file, or a directory with all that is in it.
    pub fn remove(self, path: impl Into<String>) -> Self {
        self.step(path, Step::Remove)
    }

    /// Empties the tree; what is written afterwards is all that remains.
    pub fn clear(mut self) -> Self {
        self.cleared = true;
        self.steps.clear();
        self
    }

    fn step(mut self, path: impl Into<String>, step: Step) -> Self {
        self.steps.push((path.into(), step));
        self
    }
}
