//! Effects: what a node asked for is done.

use super::*;

/// A write takes between these, when all is well.
const FASTEST_WRITE: u64 = MILLISECOND / 2;
const SLOWEST_WRITE: u64 = 2 * MILLISECOND;

/// Reading something back takes this.
const READ: u64 = MILLISECOND / 10;

impl World<'_> {
    /// Does all of it, in order. Whether the node gave up.
    pub(super) fn apply(
        &mut self,
        node: NodeId,
        process: &dyn AnyNode,
        span: SpanToken,
        effects: &mut Vec<Effect<Bytes, Bytes>>,
    ) -> bool {
        let mut current = span;
        let mut resumed = Vec::new();
        let mut halted = false;
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { to, message, after } => match after {
                    Some(barrier) if barrier > self.nodes[node.index()].durable => {
                        if let Some(recorder) = &mut self.recorder {
                            recorder.spans_mut().0.hold(node, current);
                        }
                        let held = Held { barrier, to, frame: message, span: current };
                        self.nodes[node.index()].held.push_back(held);
                    }
                    _ => self.send(node, process, to, message, current),
                },
                Effect::SetTimer { timer, after } => self.set_timer(node, timer, after, current),
                Effect::CancelTimer(timer) => self.nodes[node.index()].timers.retain(|(set, _, _)| *set != timer),
                Effect::Persist { barrier, records, replace } => self.persist(node, barrier, records, replace, current),
                Effect::Read(barrier) => {
                    let incarnation = self.nodes[node.index()].incarnation;
                    self.queue.push(self.now + READ, Happening::ReadBack { node, incarnation, barrier });
                }
                Effect::Attempt(server) => current = self.attempt(node, server, current),
                Effect::Complete(outcome) => self.complete(node, outcome),
                Effect::Note(note) => self.noted(node, note, current),
                Effect::Keep(span) => {
                    if let Some(recorder) = &mut self.recorder {
                        recorder.spans_mut().0.hold(node, span);
                    }
                }
                Effect::Resume(span) => {
                    if let Some(recorder) = &mut self.recorder
                        && recorder.spans_mut().0.is_open(node, span)
                    {
                        current = span;
                        resumed.push(span);
                    }
                }
                Effect::Halt(why) => {
                    let note = Note { name: "halt", fields: vec![("why", why.into())] };
                    self.story.push((self.now, node, note.clone()));
                    self.noted(node, note, current);
                    halted = true;
                }
            }
        }
        if let Some(recorder) = &mut self.recorder
            && self.config.cluster.role(node) == Role::Server
        {
            let (spans, local) = recorder.spans_mut();
            resumed.push(span);
            resumed.into_iter().for_each(|span| spans.done(node, span, local));
        }
        halted
    }

    /// Puts a message on its way.
    pub(super) fn send(&mut self, from: NodeId, process: &dyn AnyNode, to: NodeId, frame: Bytes, span: SpanToken) {
        self.events += 1;
        self.messages += 1;
        let (sent, context) = match &mut self.recorder {
            Some(recorder) => {
                let name = process.describe(&frame, false).0;
                let sent = recorder.event(from, EventKind::Send, 0, About::Message(name, to), span);
                (sent, recorder.context(from, span))
            }
            None => (0, Bytes::default()),
        };
        let records = &mut self.records;
        let acted = |window: WindowId| records[window].activations += 1;
        let (fate, double) = self.network.send(self.now, (from, to), &self.conditions, acted);
        let parcel = Parcel { from, to, context, frame, sent };
        if let Some(time) = double {
            self.queue.push(time, Happening::Deliver(parcel.clone()));
        }
        match fate {
            Fate::Arrives(time) => self.queue.push(time, Happening::Deliver(parcel)),
            Fate::Waits => self.clogged.push(parcel),
            Fate::Lost => {}
        }
    }

    fn set_timer(&mut self, node: NodeId, timer: Timer, after: u64, span: SpanToken) {
        self.events += 1;
        let set = self
            .recorder
            .as_mut()
            .map_or(0, |recorder| recorder.event(node, EventKind::TimerSet, 0, About::Timer(timer.name), span));
        self.generations += 1;
        let generation = self.generations;
        let of = &mut self.nodes[node.index()];
        match of.timers.iter_mut().find(|(known, _, _)| *known == timer) {
            Some(slot) => *slot = (timer, generation, set),
            None => of.timers.push((timer, generation, set)),
        }
        let time = self.now + of.clock.true_duration(after);
        let incarnation = of.incarnation;
        self.queue.push(time, Happening::Timer { node, incarnation, timer, generation });
    }

    fn persist(&mut self, node: NodeId, barrier: Barrier, records: Vec<Bytes>, replace: bool, span: SpanToken) {
        self.events += 1;
        let mut stamp = None;
        let event = self.recorder.as_mut().map_or(0, |recorder| {
            let event = recorder.event(node, EventKind::Persist, 0, About::Nothing, span);
            stamp = Some(recorder.stamp(node).into());
            event
        });
        self.persist_events.push(event);
        let id = self.persist_events.len() as u32;
        let takes = self.disks.between(FASTEST_WRITE, SLOWEST_WRITE);
        let (fails, strays) = (self.disks.unit(), self.disks.unit());
        let condition = self.conditions.node(node).disk;
        let mut acted = |window: WindowId| self.records[window].activations += 1;
        let takes = condition.slow.map_or(takes, |(window, times)| {
            acted(window);
            (takes as f64 * times) as u64
        });
        let failing = condition.failing.filter(|(_, probability)| fails < *probability).map(|(window, _)| window);
        let misdirected =
            condition.misdirecting.filter(|(_, probability)| strays < *probability).map(|(window, _)| window);
        for window in failing.into_iter().chain(condition.full).chain(misdirected) {
            acted(window);
        }
        let of = &mut self.nodes[node.index()];
        let broken = of.broken_log;
        let failed = broken || failing.is_some() || condition.full.is_some();
        of.broken_log = failed;
        if condition.full.is_none() && !broken {
            of.disk.write((barrier, id), records, replace, misdirected.is_some(), stamp);
        }
        of.persists.push_back(Persist { barrier, event });
        of.written.push(id);
        let done = of.disk.busy_until.max(self.now + takes);
        of.disk.busy_until = done;
        let incarnation = of.incarnation;
        self.queue.push(done, Happening::Synced { node, incarnation, barrier, failed });
    }

    fn attempt(&mut self, node: NodeId, server: NodeId, current: SpanToken) -> SpanToken {
        if self.config.cluster.role(node) != Role::Client {
            return current;
        }
        self.clients.attempt(node, server, self.now);
        self.recorder.as_mut().map_or(current, |recorder| {
            let (spans, local) = recorder.spans_mut();
            spans.attempt(node, server, local)
        })
    }

    fn complete(&mut self, node: NodeId, outcome: crate::node::Outcome) {
        self.events += 1;
        let client = self.config.cluster.role(node) == Role::Client;
        if let Some(recorder) = &mut self.recorder {
            let (spans, local) = recorder.spans_mut();
            let span = if client { spans.operation_of(node) } else { spans.of_client(node) };
            if client {
                spans.complete(node, &outcome, local);
            }
            recorder.event(node, EventKind::Complete, 0, About::Nothing, span);
        }
        if !client {
            self.admin_busy = false;
        } else {
            self.clients.complete(node, outcome, self.now);
            if let Some(pause) = self.clients.pause() {
                self.queue.push(self.now + pause, Happening::Invoke(node));
            }
        }
    }

    fn noted(&mut self, node: NodeId, note: Note, span: SpanToken) {
        self.events += 1;
        self.trigger(node, &note);
        if self.now > self.config.active_ns + 300 * MILLISECOND && self.system.about().settles.contains(&note.name) {
            self.unrest += 1;
        }
        if self.system.about().milestones.contains(&note.name) {
            self.story.push((self.now, node, note.clone()));
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.event(node, EventKind::Local, 0, About::Note(Box::new(note)), span);
        }
    }
}
