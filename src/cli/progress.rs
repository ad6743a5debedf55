//! A progress bar on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A bar of bytes read; hidden where nobody looks. It appears only when reading takes a while.
pub(super) fn bytes(total: Option<u64>, name: &str, wanted: bool) -> ProgressBar {
    if !wanted || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    let template = match total {
        Some(_) => "{msg:.dim} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        None => "{msg:.dim} {spinner} {bytes}, {bytes_per_sec}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Says what is going on, until it is dropped; only where that takes a while.
pub(super) fn stage(name: &'static str, wanted: bool) -> Stage {
    if !wanted || !std::io::stderr().is_terminal() {
        return Stage(ProgressBar::hidden());
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{msg:.dim} {spinner} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(name);
    bar.enable_steady_tick(Duration::from_millis(200));
    Stage(bar)
}

/// A step that takes a while.
pub(super) struct Stage(ProgressBar);

impl Drop for Stage {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A bar of things done.
pub(super) fn items(total: u64, name: &str, wanted: bool) -> ProgressBar {
    if !wanted || total < 2 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
    if let Ok(style) = ProgressStyle::with_template("{msg:.dim} {bar:30} {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(name.to_owned());
    bar
}
