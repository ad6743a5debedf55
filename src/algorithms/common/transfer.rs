//! What is too large for one message is sent in pieces, each after the one before was acknowledged.
//!
//! Pieces may get lost, arrive twice or late: a piece that does not begin where the last one ended is answered
//! with how much is there, and the sender goes on from that. The sender of a piece, and what the piece is part
//! of, are its receiver's to compare: a piece of something else makes it begin anew.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Part of something that was encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// What it is part of: the number of a snapshot.
    pub of: u64,
    /// Where it begins.
    pub offset: u64,
    pub bytes: Vec<u8>,
    /// Nothing follows.
    pub last: bool,
}

/// Something on its way to somebody.
#[derive(Debug)]
pub struct Outgoing {
    of: u64,
    bytes: Arc<[u8]>,
    offset: usize,
}

impl Outgoing {
    /// Begins to send something, under a number.
    pub fn new<T: Serialize>(of: u64, whole: &T) -> Self {
        let bytes = postcard::to_allocvec(whole).unwrap_or_default();
        Self { of, bytes: bytes.into(), offset: 0 }
    }

    /// The number of what is sent.
    pub fn of(&self) -> u64 {
        self.of
    }

    /// The next piece, of so many bytes at most.
    pub fn piece(&self, most: usize) -> Piece {
        let end = self.offset.saturating_add(most).min(self.bytes.len());
        let bytes = self.bytes[self.offset.min(end)..end].to_vec();
        Piece { of: self.of, offset: self.offset as u64, bytes, last: end == self.bytes.len() }
    }

    /// The receiver has so many bytes; never beyond what there is, whatever it says.
    pub fn received(&mut self, received: u64) {
        self.offset = (received as usize).min(self.bytes.len());
    }
}

/// Something of which not everything is here yet; `K` says from whom and what.
#[derive(Debug)]
pub struct Incoming<K>(Option<(K, Vec<u8>)>);

impl<K> Default for Incoming<K> {
    fn default() -> Self {
        Self(None)
    }
}

/// What came of a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// So many bytes are here.
    Part(u64),
    /// It is whole, of so many bytes.
    Whole(T, u64),
    /// The whole is not what it should be.
    Damaged,
}

impl<K: PartialEq> Incoming<K> {
    /// Takes a piece.
    pub fn take<T: DeserializeOwned>(&mut self, of: K, piece: &Piece) -> Taken<T> {
        if !self.0.as_ref().is_some_and(|(known, _)| *known == of) {
            self.0 = Some((of, Vec::new()));
        }
        let Some((_, bytes)) = &mut self.0 else { return Taken::Part(0) };
        if bytes.len() as u64 == piece.offset {
            bytes.extend_from_slice(&piece.bytes);
            if piece.last {
                let whole = postcard::from_bytes(bytes);
                let received = bytes.len() as u64;
                self.0 = None;
                return whole.map_or(Taken::Damaged, |whole| Taken::Whole(whole, received));
            }
        }
        Taken::Part(bytes.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole_whatever_gets_lost() {
        let whole: Vec<u64> = (0..100).collect();
        for most in [1, 7, 1000] {
            let mut outgoing = Outgoing::new(3, &whole);
            let mut incoming = Incoming::default();
            let mut old = outgoing.piece(most);
            loop {
                let piece = outgoing.piece(most);
                let taken = incoming.take::<Vec<u64>>((1, piece.of), &piece);
                let (Taken::Part(received) | Taken::Whole(_, received)) = taken else { panic!("damaged") };
                if let Taken::Whole(found, _) = taken {
                    break assert_eq!(found, whole);
                }
                // An old piece changes nothing.
                assert_eq!(incoming.take::<Vec<u64>>((1, 3), &old), Taken::Part(received));
                old = piece;
                outgoing.received(received);
            }
        }
    }

    #[test]
    fn a_piece_of_something_else_begins_anew() {
        let mut incoming = Incoming::default();
        let first = Piece { of: 1, offset: 0, bytes: vec![2, 7], last: false };
        assert_eq!(incoming.take::<Vec<u8>>(1, &first), Taken::Part(2));
        assert_eq!(incoming.take::<Vec<u8>>(2, &Piece { offset: 2, ..first.clone() }), Taken::Part(0));
        let last = Piece { of: 2, offset: 0, bytes: vec![9], last: true };
        assert_eq!(incoming.take::<Vec<u8>>(2, &last), Taken::Damaged);
        assert_eq!(incoming.take::<Vec<u8>>(2, &Piece { bytes: vec![1, 9], ..last }), Taken::Whole(vec![9], 2));
    }
}
