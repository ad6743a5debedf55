//! A channel: what is put in at one end comes out at the other, once and in order, over a network that loses,
//! doubles and reorders messages. For protocols whose proofs take such channels for granted, as those over TCP do.
//!
//! Each end numbers its packets, says with every segment up to which number it has received the other's, and
//! sends again, at each [`Channel::repeat`], what has been without an answer for that long. A channel belongs to
//! one incarnation of both ends: there is no way to go on with it after a crash, only to open another.

use crate::node::Barrier;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// So many packets are sent again at a time.
const WINDOW: usize = 64;

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment<P> {
    /// Of which channel.
    pub connection: u64,
    /// The packet's number, from 1; 0 if there is none.
    pub number: u64,
    /// Everything up to this number has been received from the other end.
    pub received: u64,
    pub packet: Option<P>,
}

/// One end.
#[derive(Debug)]
pub struct Channel<P> {
    connection: u64,
    sent: u64,
    /// What the other end is not known to have, each with the barrier that it waits for.
    unanswered: VecDeque<(u64, Barrier, P)>,
    /// What had been sent at the last repetition.
    marked: u64,
    received: u64,
    /// What arrived before its turn.
    early: BTreeMap<u64, P>,
    heard: u64,
}

impl<P: Clone> Channel<P> {
    /// An end of a channel, opened now. Whoever opens it chooses a number that nobody has used.
    pub fn new(connection: u64, now: u64) -> Self {
        Self {
            connection,
            sent: 0,
            unanswered: VecDeque::new(),
            marked: 0,
            received: 0,
            early: BTreeMap::new(),
            heard: now,
        }
    }

    /// Which channel it is.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// When the other end was heard of last.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Whether the other end has answered anything.
    pub fn is_answered(&self) -> bool {
        self.received > 0
    }

    /// Puts a packet in, to be sent as soon as everything up to the barrier is durable.
    pub fn put(&mut self, packet: P, after: Barrier) -> Segment<P> {
        self.sent += 1;
        self.unanswered.push_back((self.sent, after, packet.clone()));
        self.segment(self.sent, Some(packet))
    }

    fn segment(&self, number: u64, packet: Option<P>) -> Segment<P> {
        Segment { connection: self.connection, number, received: self.received, packet }
    }

    /// Takes a segment of this channel, and gives the packets whose turn it is.
    pub fn take(&mut self, segment: Segment<P>, now: u64) -> Vec<P> {
        debug_assert_eq!(segment.connection, self.connection);
        self.heard = now;
        while self.unanswered.pop_front_if(|(number, _, _)| *number <= segment.received).is_some() {}
        if let Some(packet) = segment.packet.filter(|_| segment.number > self.received) {
            self.early.insert(segment.number, packet);
        }
        let mut turn = Vec::new();
        while let Some(packet) = self.early.remove(&(self.received + 1)) {
            self.received += 1;
            turn.push(packet);
        }
        turn
    }

    /// To be asked for at regular times: what to send again, or a sign of life. Nothing is sent that still waits
    /// for the disk.
    pub fn repeat(&mut self, durable: Barrier) -> Vec<Segment<P>> {
        let due = |(number, after, _): &&(u64, Barrier, P)| *number <= self.marked && *after <= durable;
        let again = self.unanswered.iter().take_while(due).take(WINDOW);
        let mut again: Vec<Segment<P>> =
            again.map(|(number, _, packet)| self.segment(*number, Some(packet.clone()))).collect();
        if again.is_empty() {
            again.push(self.segment(0, None));
        }
        self.marked = self.sent;
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Random;

    /// Whatever the network does, everything arrives, once and in order.
    #[test]
    fn everything_arrives_once_and_in_order() {
        for seed in 1..=200 {
            let mut random = Random::new(seed);
            let (mut here, mut there) = (Channel::new(7, 0), Channel::new(7, 0));
            let mut flying: Vec<(bool, Segment<u64>)> = Vec::new();
            let (mut arrived, mut next) = (Vec::new(), 0);
            for step in 0..2_000 {
                if next < 100 && random.chance(0.2) {
                    next += 1;
                    flying.push((true, here.put(next, Barrier(0))));
                }
                if step % 10 == 0 {
                    flying.extend(here.repeat(Barrier(0)).into_iter().map(|segment| (true, segment)));
                    flying.extend(there.repeat(Barrier(0)).into_iter().map(|segment| (false, segment)));
                }
                if !flying.is_empty() {
                    let at = random.below(flying.len() as u64) as usize;
                    let (forth, segment) = flying[at].clone();
                    if !random.chance(0.2) {
                        flying.swap_remove(at);
                    }
                    match forth {
                        _ if random.chance(0.3) => {}
                        true => arrived.extend(there.take(segment, step)),
                        false => assert!(here.take(segment, step).is_empty()),
                    }
                }
            }
            assert_eq!(arrived, (1..=100).collect::<Vec<u64>>(), "seed {seed}");
        }
    }

    #[test]
    fn what_waits_for_the_disk_is_not_repeated() {
        let mut channel = Channel::new(1, 0);
        channel.put('a', Barrier(1));
        channel.put('b', Barrier(2));
        assert_eq!(channel.repeat(Barrier(0))[0].packet, None);
        assert_eq!(channel.repeat(Barrier(0))[0].packet, None);
        let again: Vec<_> = channel.repeat(Barrier(1)).into_iter().map(|segment| segment.packet).collect();
        assert_eq!(again, [Some('a')]);
        channel.take(Segment { connection: 1, number: 0, received: 1, packet: None }, 5);
        assert_eq!(channel.repeat(Barrier(2))[0].packet, Some('b'));
        assert_eq!(channel.heard(), 5);
    }
}
