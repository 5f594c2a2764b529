//! What a person sees meanwhile: a line that moves on a terminal, a line a step elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::options::Options;
use crate::scene::Scene;

pub struct Screen(Option<ProgressBar>);

impl Screen {
    pub fn new(options: &Options, seed: u64) -> Self {
        println!("campaign: {} form, seed {seed}", options.form());
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    pub fn say(&self, what: &str) {
        match &self.0 {
            Some(bar) => bar.set_message(what.to_owned()),
            None => println!("campaign: {what}"),
        }
    }

    /// Shows how far it has come, for as long as it is waited for: it never ends.
    pub async fn watch(&self, scene: &Scene, what: &str) {
        let pause = if self.0.is_some() { 1 } else { 30 };
        loop {
            let kills: u64 = scene.slots().map(|slot| slot.kills()).sum();
            self.say(&format!(
                "{what}: {} deliveries, {kills} kills, {} reads, {} found wrong",
                scene.hub.record.len(),
                scene.reads.reads.load(Ordering::SeqCst),
                scene.verdicts.all().len()
            ));
            scene.hub.github.take_requests();
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
