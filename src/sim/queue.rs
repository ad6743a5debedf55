//! What is going to happen, in order of time and then of insertion.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An ordered queue of happenings.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Entry>>,
    /// The happenings themselves, so that the heap moves only small things.
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    inserted: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    time: u64,
    inserted: u64,
    slot: u32,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), inserted: 0 }
    }
}

impl<T> Queue<T> {
    /// Adds a happening. O(log n).
    pub fn push(&mut self, time: u64, happening: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        self.slots[slot as usize] = Some(happening);
        self.inserted += 1;
        self.heap.push(Reverse(Entry { time, inserted: self.inserted, slot }));
    }

    /// Takes the next one and its time. O(log n).
    pub fn pop(&mut self) -> Option<(u64, T)> {
        let Reverse(Entry { time, slot, .. }) = self.heap.pop()?;
        self.free.push(slot);
        self.slots[slot as usize].take().map(|happening| (time, happening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_come_in_the_order_of_insertion() {
        let mut queue = Queue::default();
        for (time, name) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b')] {
            queue.push(time, name);
        }
        let mut order = String::new();
        while let Some((_, name)) = queue.pop() {
            order.push(name);
            if name == 'a' {
                queue.push(2, 'e');
            }
        }
        assert_eq!(order, "abcde");
    }
}
