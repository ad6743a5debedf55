//! Exit codes. They are part of the contract: see `causet --help`.

use crate::outcome::{Answer, Report};

/// Usage, configuration or input error.
pub(super) const USAGE: u8 = 2;
/// A bug in causet.
pub(super) const BUG: u8 = 70;
/// Interrupted.
pub(super) const INTERRUPTED: u8 = 130;

/// What the user wants of some answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy {
    /// `--inconclusive pass`: an unknown verdict is fine.
    pub inconclusive_passes: bool,
    /// `--allow-empty`: nothing to check is fine.
    pub allow_empty: bool,
    /// `--exit-zero`: report without gating.
    pub exit_zero: bool,
}

/// The exit code of a run: that of its worst part.
pub(super) fn code(report: &Report, policy: Policy) -> u8 {
    const WORST_FIRST: [u8; 5] = [USAGE, 1, 3, 4, 0];
    let codes: Vec<u8> = report.answers().map(|answer| of_answer(answer, policy)).collect();
    WORST_FIRST.into_iter().find(|code| codes.contains(code)).unwrap_or(0)
}

fn of_answer(answer: Answer, policy: Policy) -> u8 {
    match answer {
        Answer::Error => USAGE,
        // Errors are no results: they are told whatever is gated.
        _ if policy.exit_zero => 0,
        Answer::Holds => 0,
        Answer::Violated => 1,
        Answer::Unknown => {
            if policy.inconclusive_passes {
                0
            } else {
                3
            }
        }
        Answer::Empty => {
            if policy.allow_empty {
                0
            } else {
                4
            }
        }
    }
}

/// What `--help` says about them.
pub(super) const HELP: &str = "\
Exit codes:
  0    everything asked for holds
  1    a violation, or a finding at or above --fail-on
  2    usage, configuration or input error
  3    inconclusive: a limit was hit, or data is missing
  4    nothing to check
  70   a bug in causet
  130  interrupted";
