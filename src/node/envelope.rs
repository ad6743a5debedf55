//! What travels beside a message: whose doing it is, and what the sender knew.
//!
//! A message goes over the wire as two frames of the [`codec`], one after the other: this context, and then the
//! message itself. Whoever receives them learns the parent of its span, or what to link to, from the first,
//! and brings its clocks up to date with it. A run that records nothing sends no context.

use super::{Bytes, Damage, Stamp, codec};
use crate::trace_context::{Level, PASSED_ON, TraceParent, read_headers};

/// The context of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The span in which it was sent.
    pub parent: TraceParent,
    /// What systems that took part have to say, as it is passed on.
    pub state: String,
    /// The sender's own clocks at the send.
    pub stamp: Stamp,
}

/// `traceparent` and `tracestate` in their standard form, then the clocks.
type Wire<'a> = (&'a str, &'a str, Stamp);

/// The frame of a context.
pub fn encode(parent: &TraceParent, state: &str, stamp: &Stamp) -> Bytes {
    let traceparent = parent.format();
    let traceparent = std::str::from_utf8(&traceparent).unwrap_or_default();
    codec::encode(&(traceparent, state, stamp)).into()
}

impl Context {
    /// Reads a frame. A bad `tracestate` is dropped; `known` is one that was found good before.
    ///
    /// # Errors
    /// Whoever can't read the context begins a trace and counts an event of its own.
    pub fn decode(frame: &[u8], known: &str) -> Result<Self, Damage> {
        let ((traceparent, tracestate, stamp), _) = codec::decode::<Wire<'_>>(frame)?;
        if tracestate == known {
            let parent = TraceParent::parse(traceparent).map_err(|_| Damage::Corrupt)?;
            return Ok(Self { parent, state: known.to_owned(), stamp });
        }
        let headers = [("traceparent", traceparent), ("tracestate", tracestate)];
        let (parent, state) = read_headers(&headers, Level::Two).ok_or(Damage::Corrupt)?;
        Ok(Self { parent, state: state.format(PASSED_ON), stamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace_context::Flags;

    #[test]
    fn a_context_comes_back_and_damage_is_noticed() {
        let parent = TraceParent { trace_id: 7 << 100, parent_id: 9, flags: Flags::SAMPLED };
        let stamp = Stamp { lamport: 300, vector: vec![(0, 4), (7, 1 << 40)] };
        let frame = encode(&parent, "causet=seed:1", &stamp);
        let context = Context { parent, state: "causet=seed:1".to_owned(), stamp: stamp.clone() };
        assert_eq!(Context::decode(&frame, ""), Ok(context.clone()));
        assert_eq!(
            Context::decode(&encode(&parent, "a=1,a=2", &stamp), ""),
            Ok(Context { state: String::new(), ..context })
        );
        for bit in 0..frame.len() * 8 {
            let mut bad = frame.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Context::decode(&bad, "").is_err(), "bit {bit}");
        }
        let zero = TraceParent { trace_id: 0, ..parent };
        assert_eq!(Context::decode(&encode(&zero, "", &stamp), ""), Err(Damage::Corrupt));
    }
}
