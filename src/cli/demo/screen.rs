//! Where the demo shows itself: lines that stay, and on a terminal a bar below them.

use std::fmt::Display;
use std::io::{IsTerminal, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::out;

#[derive(Debug)]
pub(super) struct Screen {
    bar: ProgressBar,
}

impl Screen {
    pub(super) fn new(pushes: usize) -> Self {
        let is_terminal = stdout().is_terminal() && stderr().is_terminal();
        let bar = if is_terminal && pushes > 0 {
            ProgressBar::new(pushes as u64).with_style(style())
        } else {
            ProgressBar::hidden()
        };
        Self { bar }
    }

    pub(super) fn line(&self, text: impl Display) -> anyhow::Result<()> {
        self.bar.suspend(|| out::say(text))
    }

    /// What is being done at the moment.
    pub(super) fn doing(&self, what: impl Display) {
        self.bar.set_message(what.to_string());
        self.bar.tick();
    }

    pub(super) fn advance(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let colour = if std::env::var_os("NO_COLOR").is_none() {
        ".cyan"
    } else {
        ""
    };
    ProgressStyle::with_template(&format!("{{bar:30{colour}}} {{pos}}/{{len}} {{msg}}"))
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
