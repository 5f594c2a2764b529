//! What is being done at the moment: on a terminal a line that is gone at the end, and nothing elsewhere.

use std::fmt::Display;
use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(steps: usize) -> Self {
        let bar = match stderr().is_terminal() && steps > 0 {
            true => ProgressBar::new(steps as u64).with_style(style(steps)),
            false => ProgressBar::hidden(),
        };
        Self(bar)
    }

    pub(super) fn doing(&self, what: impl Display) {
        // Others' words are among them: none ends the line or moves the cursor.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let what: String = what.to_string().chars().map(plain).collect();
        self.0.set_message(what);
        self.0.tick();
    }

    pub(super) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(steps: usize) -> ProgressStyle {
    let template = match steps {
        1 => "{elapsed} {wide_msg}",
        _ => "{pos}/{len} {elapsed} {wide_msg}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
