//! Faults: windows open and close, and what they say comes true.

use super::*;
use crate::node::Field;
use crate::sim::conditions::Act;

impl World<'_> {
    /// Windows that wait for this note open: when the step is over, or when their time has come.
    pub(super) fn trigger(&mut self, node: NodeId, note: &Note) {
        for (window, seen) in &mut self.waiting {
            let When::On(cue) = &self.windows[*window].when else { continue };
            let begun = cue.after.is_none_or(|after| self.records[after].start_ns.is_some());
            if !begun || cue.note != note.name || cue.node.is_some_and(|whose| whose != node) {
                continue;
            }
            *seen += 1;
            if *seen != cue.count || self.healed {
                continue;
            }
            match cue.lag_ns {
                0 => self.due.push(*window),
                lag => self.queue.push(self.now + lag, Happening::Open(*window)),
            }
            let other = note.fields.iter().find_map(|(_, field)| match field {
                Field::Node(other) if *other != node => Some(*other),
                _ => None,
            });
            let whom = other.filter(|_| cue.named).unwrap_or(node);
            let nodes = &mut self.windows[*window].nodes;
            if nodes.is_empty() {
                nodes.push(whom);
            }
        }
    }

    /// A window opens.
    pub(super) fn open(&mut self, id: WindowId) {
        if self.healed || self.records[id].start_ns.is_some() {
            return;
        }
        let window = &self.windows[id];
        let record = &mut self.records[id];
        record.start_ns = Some(self.now);
        record.nodes.clone_from(&window.nodes);
        let close = (self.now + window.duration_ns).min(self.config.active_ns);
        self.open.push(id);
        self.queue.push(close, Happening::Close(id));
        let acts = faults::by_id(window.fault).map(|fault| fault.begin(window)).unwrap_or_default();
        self.conform();
        self.act(id, acts);
    }

    /// A window closes.
    pub(super) fn close(&mut self, id: WindowId) {
        let Some(at) = self.open.iter().position(|open| *open == id) else { return };
        let window = &self.windows[id];
        let acts = faults::by_id(window.fault).map(|fault| fault.end(window)).unwrap_or_default();
        // What is done at the end, such as pulling the plug, is done while the window's conditions hold.
        self.act(id, acts);
        self.open.remove(at);
        self.records[id].end_ns = self.now;
        self.conform();
    }

    /// Everything closes, for good; and who is down starts again.
    pub(super) fn heal(&mut self) {
        while let Some(id) = self.open.last().copied() {
            self.close(id);
        }
        self.healed = true;
        for node in self.config.cluster.nodes() {
            if self.nodes[node.index()].process.is_none() && !self.nodes[node.index()].hopeless {
                self.start(node);
            }
        }
        self.clients.heal(5 * MILLISECOND);
        for client in self.config.cluster.clients() {
            // A moment for elections; who is busy comes back by itself.
            if let Some(pause) = self.clients.pause() {
                self.queue.push(self.now + SECOND + pause, Happening::Invoke(client));
            }
        }
    }

    fn act(&mut self, id: WindowId, acts: Vec<Act>) {
        for act in acts {
            let acted = match act {
                Act::Wipe(node) => {
                    let of = &mut self.nodes[node.index()];
                    of.process.is_none() && of.disk.wipe()
                }
                Act::Jump(node, by) => {
                    self.nodes[node.index()].clock.jump(by);
                    true
                }
                Act::Rot(node) => self.nodes[node.index()].disk.rot(&mut self.faulty),
                Act::Restart(node) => {
                    if self.nodes[node.index()].process.is_some() {
                        self.crash(node);
                        self.start(node);
                    }
                    false
                }
                Act::Reconfigure => {
                    self.reconfigurations += 1;
                    let change = self.system.reconfigure(self.config.cluster, self.reconfigurations, &mut self.faulty);
                    let any = change.is_some();
                    if let Some(operation) = change {
                        self.queue.push(self.now, Happening::Reconfigure(operation));
                    }
                    any
                }
            };
            self.records[id].activations += u64::from(acted);
        }
    }

    /// Makes the conditions those of the open windows, and lets what follows from a change happen.
    fn conform(&mut self) {
        self.conditions.clear();
        for &id in &self.open {
            if let Some(fault) = faults::by_id(self.windows[id].fault) {
                fault.hold(id, &self.windows[id], &mut self.conditions);
            }
        }
        for node in self.config.cluster.nodes() {
            let condition = *self.conditions.node(node);
            let of = &mut self.nodes[node.index()];
            of.clock.set_rate(self.now, condition.clock_rate.map_or(1.0, |(_, rate)| rate));
            of.clock.set_offset(condition.clock_offset.map_or(0, |(_, offset)| offset));
            match condition.down {
                Some(window) if of.process.is_some() => {
                    self.records[window].activations += 1;
                    self.crash(node);
                }
                None if of.process.is_none() && !of.hopeless => self.start(node),
                _ => {}
            }
            if condition.paused.is_none() && !self.nodes[node.index()].backlog.is_empty() {
                self.queue.push(self.now, Happening::Wake(node));
            }
        }
        let (free, clogged): (Vec<Parcel>, Vec<Parcel>) = std::mem::take(&mut self.clogged)
            .into_iter()
            .partition(|parcel| self.conditions.link(parcel.from, parcel.to).clogged.is_none());
        self.clogged = clogged;
        for parcel in free {
            let time = self.network.release(self.now, parcel.from, parcel.to);
            self.queue.push(time, Happening::Deliver(parcel));
        }
    }
}
