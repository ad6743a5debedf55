//! Steps: a node starts, takes an input, stops.

use super::*;
use crate::node::envelope::Context;
use crate::node::{PANIC, guarded};

/// The nodes' own clocks show this at the start, more or less.
const LOCAL_BASE: i64 = 1_000 * SECOND as i64;

/// A node that stopped by itself is started again after this.
const REVIVED_AFTER: u64 = SECOND / 2;

impl World<'_> {
    /// Gives a node something to do: now, or when it can, or never if it is down.
    pub(super) fn give(&mut self, node: NodeId, work: Work) {
        let condition = self.conditions.node(node);
        let (paused, slow) = (condition.paused, condition.slow);
        let of = &mut self.nodes[node.index()];
        if of.process.is_none() {
            if let Work::Invoke { .. } = work {
                debug_assert!(false, "clients don't go down");
            }
            return;
        }
        let busy = of.busy_until > self.now;
        if paused.is_some() || busy || !of.backlog.is_empty() {
            if of.backlog.is_empty() && busy {
                self.queue.push(of.busy_until, Happening::Wake(node));
            }
            of.backlog.push_back(work);
            for window in paused.into_iter().chain(slow.map(|(window, _)| window)) {
                self.records[window].activations += 1;
            }
            return;
        }
        self.step(node, &work);
    }

    /// A node goes on with what has waited.
    pub(super) fn wake(&mut self, node: NodeId) {
        loop {
            if self.conditions.node(node).paused.is_some() {
                return;
            }
            let of = &mut self.nodes[node.index()];
            if of.backlog.is_empty() {
                return;
            }
            if of.busy_until > self.now {
                self.queue.push(of.busy_until, Happening::Wake(node));
                return;
            }
            let Some(work) = of.backlog.pop_front() else { return };
            self.step(node, &work);
        }
    }

    /// A node starts with what is on its disk.
    pub(super) fn start(&mut self, node: NodeId) {
        let cluster = self.config.cluster;
        let setup = Setup { me: node, cluster, mutant: self.config.mutant, options: self.config.options.clone() };
        let process = match cluster.role(node) {
            Role::Server => self.system.server(&setup),
            Role::Client | Role::Admin => self.system.client(&setup),
        };
        let of = &mut self.nodes[node.index()];
        of.process = Some(process);
        of.next_barrier = Barrier(0);
        of.durable = Barrier(0);
        of.hopeless = false;
        let found = of.disk.found();
        self.step(node, &Work::Start(found));
        let of = &mut self.nodes[node.index()];
        of.hopeless = of.process.is_none();
    }

    /// A node loses everything that is not on its disk.
    pub(super) fn crash(&mut self, node: NodeId) {
        self.end_spans(node);
        let of = &mut self.nodes[node.index()];
        of.process = None;
        of.incarnation += 1;
        of.timers.clear();
        of.held.clear();
        of.persists.clear();
        of.written.clear();
        of.broken_log = false;
        of.backlog.clear();
        of.busy_until = 0;
        let after = of.disk.crash(&self.conditions.node(node).disk, &mut self.disks);
        for window in after.acted {
            self.records[window].activations += 1;
        }
    }

    pub(super) fn end_spans(&mut self, node: NodeId) {
        let local = self.nodes[node.index()].clock.read(self.now);
        if let Some(recorder) = &mut self.recorder {
            recorder.at(self.now, local);
            recorder.spans_mut().0.end_all(node, local);
        }
    }

    /// One input, to the end.
    fn step(&mut self, node: NodeId, work: &Work) {
        let of = &mut self.nodes[node.index()];
        let Some(mut process) = of.process.take() else { return };
        let condition = self.conditions.node(node);
        let clock_faults =
            [condition.clock_offset.map(|(window, _)| window), condition.clock_rate.map(|(window, _)| window)];
        for window in clock_faults.into_iter().flatten() {
            self.records[window].activations += 1;
        }
        if let Some((window, each)) = condition.slow {
            of.busy_until = self.now + each;
            self.records[window].activations += 1;
        }
        let local = of.clock.read(self.now);
        if let Some(recorder) = &mut self.recorder {
            recorder.at(self.now, local);
        }
        let Some(span) = self.take(node, &*process, work) else {
            self.nodes[node.index()].process = Some(process);
            return;
        };
        let of = &mut self.nodes[node.index()];
        let hand = Hand {
            now: (local + LOCAL_BASE).max(0) as u64,
            elapsed: of.clock.elapsed(self.now),
            span,
            random: &mut of.random,
            next_barrier: &mut of.next_barrier,
        };
        let input = match work {
            Work::Start(found) => RawInput::Start(&found.log),
            Work::Message(parcel) => RawInput::Message { from: parcel.from, frame: &parcel.frame },
            Work::Timer { timer, .. } => RawInput::Timer(*timer),
            Work::Invoke { operation, .. } => RawInput::Invoke(operation.clone()),
            Work::Durable(barrier) => RawInput::Durable(*barrier),
            Work::DiskFailed(barrier) => RawInput::DiskFailed(*barrier),
            Work::Read { barrier, frame } => RawInput::Read { barrier: *barrier, frame: frame.as_deref() },
        };
        let mut effects = std::mem::take(&mut self.scratch);
        let server = self.config.cluster.role(node) == Role::Server;
        let done = guarded(|| {
            process.step(input, hand, &mut effects);
            if server { look(&mut *self.watch, node, &*process, &effects) } else { Ok(()) }
        });
        let panicked = done.is_err();
        let done = done.unwrap_or_else(|said| {
            effects.clear();
            let detail = format!("{} of seed {}: {said}", self.config.cluster.name(node), self.config.seed);
            Err(Broken { invariant: PANIC, detail })
        });
        if let Err(broken) = done
            && self.broken.is_none()
        {
            self.broken = Some((broken, self.now, node));
        }
        let halted = self.apply(node, &*process, span, &mut effects) || panicked;
        self.scratch = effects;
        self.nodes[node.index()].process = Some(process);
        if halted {
            self.crash(node);
            let incarnation = self.nodes[node.index()].incarnation;
            if !matches!(work, Work::Start(_)) {
                self.queue.push(self.now + REVIVED_AFTER, Happening::Revive { node, incarnation });
            }
        }
    }

    /// Writes down the event that the step begins with, and gives the span that it happens in. Nothing, if
    /// there is no reason for a step any more.
    fn take(&mut self, node: NodeId, process: &dyn AnyNode, work: &Work) -> Option<SpanToken> {
        let server = self.config.cluster.role(node) == Role::Server;
        self.events += 1;
        let span = match work {
            Work::Start(found) => self.take_start(node, found),
            Work::Message(parcel) => self.take_message(node, parcel, process),
            Work::Timer { timer, generation } => {
                let timers = &mut self.nodes[node.index()].timers;
                let at = timers.iter().position(|(set, number, _)| set == timer && number == generation);
                let Some((_, _, set)) = at.map(|at| timers.swap_remove(at)) else {
                    self.events -= 1;
                    return None;
                };
                self.recorder.as_mut().map(|recorder| {
                    let (spans, local) = recorder.spans_mut();
                    let name = || format!("timer {}", timer.name).into();
                    let span = if server { spans.internal(node, name(), local) } else { spans.of_client(node) };
                    recorder.event(node, EventKind::TimerFire, set, About::Timer(timer.name), span);
                    span
                })
            }
            Work::Invoke { operation, process } => self.take_invoke(node, operation, process),
            Work::Durable(barrier) => self.take_durable(node, *barrier, process),
            Work::DiskFailed(_) => self.recorder.as_mut().map(|recorder| {
                let (spans, local) = recorder.spans_mut();
                let span = spans.internal(node, "disk failure".into(), local);
                let note = Note { name: "disk-failed", fields: Vec::new() };
                recorder.event(node, EventKind::Local, 0, About::Note(Box::new(note)), span);
                span
            }),
            Work::Read { .. } => self.recorder.as_mut().map(|recorder| {
                let (spans, local) = recorder.spans_mut();
                let span = spans.internal(node, "read back".into(), local);
                let note = Note { name: "read-back", fields: Vec::new() };
                recorder.event(node, EventKind::Local, 0, About::Note(Box::new(note)), span);
                span
            }),
        };
        Some(span.unwrap_or_default())
    }

    fn take_message(&mut self, node: NodeId, parcel: &Parcel, process: &dyn AnyNode) -> Option<SpanToken> {
        let cluster = self.config.cluster;
        let recorder = self.recorder.as_mut()?;
        let name = process.describe(&parcel.frame, false).0;
        let (spans, local) = recorder.spans_mut();
        // All that a node learns of the sender's span and clocks is in the bytes that arrived.
        let context = Context::decode(&parcel.context, spans.state()).ok();
        let span = match cluster.role(node) {
            Role::Server => spans.message(node, name, cluster.role(parcel.from), context.as_ref(), local),
            Role::Client | Role::Admin => spans.of_client(node),
        };
        let stamp = context.map(|context| context.stamp).unwrap_or_default();
        recorder.receive(node, parcel.sent, &stamp, About::Message(name, parcel.from), span);
        Some(span)
    }

    fn take_start(&mut self, node: NodeId, found: &Found) -> Option<SpanToken> {
        let event = found.persist.checked_sub(1).map_or(0, |at| self.persist_events[at as usize]);
        let incarnation = self.nodes[node.index()].incarnation;
        let recorder = self.recorder.as_mut()?;
        Some(recorder.start(node, incarnation, event, found.stamp.as_deref()))
    }

    fn take_invoke(&mut self, node: NodeId, operation: &Operation, process: &str) -> Option<SpanToken> {
        let client = self.config.cluster.role(node) == Role::Client;
        let recorder = self.recorder.as_mut()?;
        let (spans, local) = recorder.spans_mut();
        let span = if client { spans.operation(node, operation, process, local) } else { spans.of_client(node) };
        recorder.event(node, EventKind::Invoke, 0, About::Nothing, span);
        let id = recorder.span_id(span);
        if client {
            self.clients.set_span(node, id);
        }
        Some(span)
    }

    /// Data is durable: what waited for it is sent.
    fn take_durable(&mut self, node: NodeId, barrier: Barrier, process: &dyn AnyNode) -> Option<SpanToken> {
        let of = &mut self.nodes[node.index()];
        of.durable = of.durable.max(barrier);
        let mut event = 0;
        while let Some(persist) = of.persists.front().copied().filter(|persist| persist.barrier <= barrier) {
            event = persist.event;
            of.persists.pop_front();
        }
        let mut span = SpanToken(0);
        if let Some(recorder) = &mut self.recorder {
            span = recorder.span_of(event);
            recorder.spans_mut().0.hold(node, span);
            recorder.event(node, EventKind::Durable, event, About::Nothing, span);
        }
        while let Some(held) = self.nodes[node.index()].held.pop_front_if(|held| held.barrier <= barrier) {
            self.send(node, process, held.to, held.frame, held.span);
            if let Some(recorder) = &mut self.recorder {
                let (spans, local) = recorder.spans_mut();
                spans.done(node, held.span, local);
            }
        }
        self.recorder.is_some().then_some(span)
    }
}

/// Lets the invariants look at a server after its step.
fn look(
    watch: &mut dyn AnyWatch,
    node: NodeId,
    process: &dyn AnyNode,
    effects: &[Effect<Bytes, Bytes>],
) -> Result<(), Broken> {
    let mut notes: Vec<&Note> = Vec::new();
    for effect in effects {
        if let Effect::Note(note) = effect {
            notes.push(note);
        }
    }
    watch.after(node, process, &notes)
}
