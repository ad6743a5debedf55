//! A node's disk: a log of frames, of which the last ones may not be safe yet.

use super::conditions::DiskCondition;
use super::schedule::WindowId;
use crate::node::{Barrier, Bytes, Random, Stamp};
use std::collections::VecDeque;
use std::sync::Arc;

/// Identifies a persist event of the run; 0 is none.
pub type PersistId = u32;

#[derive(Clone, Debug)]
struct Frame {
    bytes: Bytes,
    of: PersistId,
    /// It is not what was written here, so that nothing after it will be read.
    spoilt: bool,
    /// It is only the beginning of what was to be written.
    torn: bool,
}

/// One persist that is not known to be safe.
#[derive(Clone, Debug)]
struct Write {
    barrier: Barrier,
    of: PersistId,
    frames: Vec<Bytes>,
    replace: bool,
    /// It was reported safe all the same.
    lied: Option<WindowId>,
    misdirected: bool,
    /// The node's own clocks when it wrote.
    stamp: Option<Arc<Stamp>>,
}

/// What a crash left, and what became of the rest.
#[derive(Debug, Default)]
pub struct AfterCrash {
    /// Windows that did harm.
    pub acted: Vec<WindowId>,
}

/// What a node finds when it starts.
#[derive(Debug, Default)]
pub struct Found {
    pub log: Vec<u8>,
    /// The last persist of which it can read something.
    pub persist: PersistId,
    /// The node's own clocks at that persist.
    pub stamp: Option<Arc<Stamp>>,
}

/// A disk.
#[derive(Debug, Default)]
pub struct Disk {
    safe: Vec<Frame>,
    /// The persists whose frames are in `safe`, oldest first, with the node's clocks.
    stamps: VecDeque<(PersistId, Arc<Stamp>)>,
    writes: VecDeque<Write>,
    /// When the write that was begun last will be done.
    pub busy_until: u64,
}

impl Disk {
    /// A persist was asked for: its frames are in the cache.
    pub fn write(
        &mut self,
        (barrier, of): (Barrier, PersistId),
        frames: Vec<Bytes>,
        replace: bool,
        misdirected: bool,
        stamp: Option<Arc<Stamp>>,
    ) {
        self.writes.push_back(Write { barrier, of, frames, replace, lied: None, misdirected, stamp });
    }

    /// The persist is done. Everything before it is safe too; unless the disk lies, in which case nothing
    /// is that was not.
    pub fn sync(&mut self, barrier: Barrier, lying: Option<WindowId>) {
        if let Some(window) = lying {
            for write in self.writes.iter_mut().filter(|write| write.barrier <= barrier) {
                write.lied = Some(window);
            }
            return;
        }
        while self.writes.front().is_some_and(|write| write.barrier <= barrier) {
            if let Some(write) = self.writes.pop_front() {
                self.apply(write, None);
            }
        }
    }

    /// Puts a write where it belongs; only the first `cut` bytes of it, if it is torn.
    fn apply(&mut self, write: Write, cut: Option<usize>) {
        if write.replace {
            // Replacing is atomic: a torn one is as good as none.
            if cut.is_some() {
                return;
            }
            self.safe.clear();
            self.stamps.clear();
        }
        if write.misdirected && !self.safe.is_empty() {
            // Its bytes land where others were, and where it belongs there is nothing.
            let at = write.of as usize % self.safe.len();
            let bytes = write.frames.first().cloned().unwrap_or_else(|| Arc::from([]));
            self.safe[at] = Frame { bytes, of: write.of, spoilt: true, torn: false };
            return;
        }
        let mut left = cut.unwrap_or(usize::MAX);
        for bytes in write.frames {
            let whole = bytes.len() <= left;
            let kept = if whole { bytes } else { bytes[..left].into() };
            left = left.saturating_sub(kept.len());
            if kept.is_empty() {
                break;
            }
            self.safe.push(Frame { bytes: kept, of: write.of, spoilt: !whole, torn: !whole });
            if !whole {
                break;
            }
        }
        if let Some(stamp) = write.stamp {
            self.stamps.push_back((write.of, stamp));
        }
    }

    /// The node crashed: of what was not safe, some beginning is left.
    pub fn crash(&mut self, condition: &DiskCondition, random: &mut Random) -> AfterCrash {
        let mut after = AfterCrash::default();
        let (survive, tear) = (random.next(), random.unit());
        let kept = if self.writes.is_empty() { 0 } else { survive as usize % (self.writes.len() + 1) };
        for (at, write) in std::mem::take(&mut self.writes).into_iter().enumerate() {
            if at < kept {
                self.apply(write, None);
                continue;
            }
            after.acted.extend(write.lied);
            if at == kept
                && let Some(window) = condition.tearing
            {
                let size: usize = write.frames.iter().map(|frame| frame.len()).sum();
                let cut = (size as f64 * tear) as usize;
                if cut > 0 && !write.replace {
                    after.acted.push(window);
                }
                self.apply(write, Some(cut));
            }
        }
        self.busy_until = 0;
        after
    }

    /// Erases everything. Whether there was anything.
    pub fn wipe(&mut self) -> bool {
        let was = !self.safe.is_empty() || !self.writes.is_empty();
        *self = Self::default();
        was
    }

    /// Flips a bit of a frame. Whether there was one.
    pub fn rot(&mut self, random: &mut Random) -> bool {
        let (which, bit) = (random.next(), random.next());
        if self.safe.is_empty() {
            return false;
        }
        let at = which as usize % self.safe.len();
        let frame = &mut self.safe[at];
        let mut bytes = frame.bytes.to_vec();
        let bit = bit as usize % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        *frame = Frame { bytes: bytes.into(), of: frame.of, spoilt: true, torn: frame.torn };
        true
    }

    /// What a node finds when it starts; nothing may be in the cache. A torn end is cut off once it was seen,
    /// as every log does when it is opened, so that what is written next can be read.
    pub fn found(&mut self) -> Found {
        let log = self.safe.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
        let readable = self.safe.iter().take_while(|frame| !frame.spoilt).last();
        let persist = readable.map_or(0, |frame| frame.of);
        let stamp = self.stamps.iter().rev().find(|(of, _)| *of == persist).map(|(_, stamp)| stamp.clone());
        if self.safe.last().is_some_and(|frame| frame.torn) {
            self.safe.pop();
        }
        Found { log, persist, stamp }
    }

    /// The last frame of a persist, if it can be read back.
    pub fn read(&self, of: PersistId) -> Option<Bytes> {
        let cached = self.writes.iter().find(|write| write.of == of).and_then(|write| write.frames.last());
        let frame = || self.safe.iter().rev().find(|frame| frame.of == of).map(|frame| &frame.bytes);
        cached.or_else(frame).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::codec::encode;

    fn disk_with(writes: &[(u64, &[u64])]) -> Disk {
        let mut disk = Disk::default();
        for (barrier, values) in writes {
            let frames = values.iter().map(|value| encode(value).into()).collect();
            disk.write((Barrier(*barrier), *barrier as u32 + 10), frames, false, false, None);
        }
        disk
    }

    fn values(disk: &mut Disk) -> Vec<u64> {
        let log = disk.found().log;
        let mut at = 0;
        std::iter::from_fn(|| {
            let (value, length) = crate::node::codec::decode(&log[at..]).ok()?;
            at += length;
            Some(value)
        })
        .collect()
    }

    #[test]
    fn what_was_synced_survives_every_crash() {
        for seed in 0..50 {
            let mut disk = disk_with(&[(1, &[1]), (2, &[2, 3]), (3, &[4])]);
            disk.sync(Barrier(2), None);
            let after = disk.crash(&DiskCondition::default(), &mut Random::new(seed));
            assert!(after.acted.is_empty());
            let persist = disk.found().persist;
            let found = values(&mut disk);
            assert!(found == [1, 2, 3] || found == [1, 2, 3, 4], "{found:?}");
            assert_eq!(persist, if found.len() == 3 { 12 } else { 13 });
        }
    }

    #[test]
    fn a_lie_costs_what_was_said_to_be_safe() {
        let lost = (0..20).filter(|seed| {
            let mut disk = disk_with(&[(1, &[1])]);
            disk.sync(Barrier(1), Some(7));
            let after = disk.crash(&DiskCondition::default(), &mut Random::new(*seed));
            assert_eq!(after.acted.is_empty(), !values(&mut disk).is_empty());
            values(&mut disk).is_empty()
        });
        assert!(lost.count() > 3);
    }

    #[test]
    fn a_torn_write_leaves_a_beginning() {
        let tearing = DiskCondition { tearing: Some(3), ..DiskCondition::default() };
        let torn = (0..40).filter(|seed| {
            let mut disk = disk_with(&[(1, &[1]), (2, &[2, 3])]);
            disk.sync(Barrier(1), None);
            disk.crash(&tearing, &mut Random::new(*seed)).acted == [3]
        });
        assert!(torn.count() > 5);
    }

    #[test]
    fn rot_and_misdirection_spoil_what_follows() {
        let mut disk = disk_with(&[(1, &[1]), (2, &[2])]);
        disk.sync(Barrier(2), None);
        assert!(disk.rot(&mut Random::new(1)));
        assert!(values(&mut disk).len() < 2);
        let mut disk = disk_with(&[(1, &[1]), (2, &[2])]);
        disk.write((Barrier(3), 13), vec![encode(&9u64).into()], false, true, None);
        disk.sync(Barrier(3), None);
        let found = values(&mut disk);
        assert!(found == [9, 2] || found == [1, 9], "{found:?}");
    }
}
