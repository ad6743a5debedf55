//! The general engine: depth first and breadth first, side by side.
//!
//! Neither is better. Depth first finds an order quickly where there is one, and shrugs at crashed
//! operations that nobody needs; breadth first refutes quickly, and holds little memory. They run in
//! turns, counted in steps and never in time, so that every run of a history gives the same answer by
//! the same engine. Depth first begins with enough steps to walk a friendly history to its end. When it
//! does not get past some return, that return is looked at by itself ([`super::cut`]): a violation that
//! can be seen from shortly before it is the usual one, and costs next to nothing to see.

use super::cut;
use super::depth::Depth;
use super::frontier::Frontier;
use super::problem::Problem;
use super::space::Table;
use super::window::{Layout, Mask};
use super::{Answer, Progress};
use crate::budget::Meter;
use crate::verdict::CauseKind;

/// Which of the two may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runners {
    Both,
    Depth,
    Frontier,
    /// Both; any place where the first is stuck is looked at, and it forgets candidates at once.
    Impatient,
}

pub(crate) const DEPTH: &str = "depth-first";
pub(crate) const FRONTIER: &str = "frontier";

/// Depth first gives up when it holds this much, and much more than one straight walk through all
/// operations takes: breadth first, which holds one layer, goes on.
const DEPTH_BYTES: u64 = 512 << 20;
const WALK_BYTES: u64 = 256;

/// About so many candidates are held by depth first, which seldom goes back farther.
const CANDIDATES: usize = 1024;

/// After so many steps without getting further, depth first says where it is stuck.
const PATIENCE: u64 = 1 << 11;

/// Steps for an attempt to see a violation from shortly before it.
const CUT_FUEL: u64 = 1 << 16;

/// Decides `problem`, and says which engine did.
///
/// # Errors
/// The limit that was reached, and how many returns breadth first had got past.
pub(crate) fn decide(
    problem: &Problem,
    table: &mut Table<'_>,
    meter: &mut Meter<'_>,
    runners: Runners,
) -> Result<(Answer, &'static str), (CauseKind, usize)> {
    let layout = Layout::new(problem);
    match layout.slot_count {
        0..=64 => race::<[u64; 1]>(&layout, table, meter, runners),
        65..=128 => race::<[u64; 2]>(&layout, table, meter, runners),
        _ => race::<Box<[u64]>>(&layout, table, meter, runners),
    }
}

fn race<M: Mask>(
    layout: &Layout<'_>,
    table: &mut Table<'_>,
    meter: &mut Meter<'_>,
    runners: Runners,
) -> Result<(Answer, &'static str), (CauseKind, usize)> {
    let kept = if runners == Runners::Impatient { 4 } else { CANDIDATES };
    let mut depth = (runners != Runners::Frontier).then(|| Depth::<M>::new(layout, kept));
    let mut frontier: Option<Frontier<'_, '_, M>> = None;
    let mut fuel = 4 * layout.problem.items.len() as u64 + 256;
    let mut look = (None, CUT_FUEL);
    let both = matches!(runners, Runners::Both | Runners::Impatient);
    let mut patience = PATIENCE;
    let depth_bytes = DEPTH_BYTES.max(WALK_BYTES * layout.problem.items.len() as u64);
    if runners == Runners::Impatient {
        (patience, fuel) = (0, 8);
    }
    loop {
        let passed = frontier.as_ref().map_or(0, Frontier::event);
        if let Some(search) = &mut depth {
            if let Progress::Done(answer) = search.run(table, meter, fuel, patience).map_err(|kind| (kind, passed))? {
                return Ok((answer, DEPTH));
            }
            if both
                && let Some(item) = search.stuck_at()
                && (look.0 != Some(item) || meter.steps() > 32 * look.1)
            {
                // The same place again only with more steps, so that looking stays a part of the whole.
                let fuel = if look.0 == Some(item) { 4 * look.1 } else { CUT_FUEL };
                look = (Some(item), fuel);
                let cut = cut::refute(layout.problem, table, meter, item, fuel);
                if let Some(failure) = cut.map_err(|kind| (kind, passed))? {
                    return Ok((Answer::Violated(failure), FRONTIER));
                }
            }
            if runners == Runners::Both && std::mem::replace(&mut patience, u64::MAX / 2) == PATIENCE {
                continue;
            }
            if both && search.bytes() > depth_bytes {
                depth = None;
            }
        }
        if runners != Runners::Depth {
            let search = frontier.get_or_insert_with(|| Frontier::new(layout));
            let progress = search.run(table, meter, fuel).map_err(|kind| (kind, passed))?;
            if let Progress::Done(answer) = progress {
                return Ok((answer, FRONTIER));
            }
        }
        let held = depth.as_ref().map_or(0, Depth::bytes) + frontier.as_ref().map_or(0, Frontier::bytes);
        if let Err(kind) = meter.hold(held + table.bytes()) {
            // One of the two may have room where both have not.
            if depth.take().is_none() || !both {
                return Err((kind, passed));
            }
        }
        fuel = (fuel + fuel / 2).min(1 << 16);
    }
}
