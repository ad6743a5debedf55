//! Spans while a run goes on: which are open, and what each event belongs to.
//!
//! A client's operation is a CLIENT span at the root of a trace, each attempt a CLIENT child of it, and the
//! server's receipt a SERVER child of the attempt. Everything else a server does is in the trace of its
//! incarnation: a CONSUMER span for each message of a peer, linked to the span that sent it, an
//! INTERNAL one for each timer.
//!
//! A span stays open as long as something that began in it is not done: its step, a message that waits for
//! the disk, a persist, a request that was kept.

use crate::node::{NodeId, Operation, Outcome, Random, SpanToken};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// OTLP's kinds of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Consumer = 5,
}

/// A span.
#[derive(Clone, Debug)]
pub struct SpanRow {
    pub trace: u128,
    pub id: u64,
    /// 0 if it is a root.
    pub parent: u64,
    pub name: Cow<'static, str>,
    pub kind: SpanKind,
    pub lane: u32,
    /// By the node's own clock.
    pub start: i64,
    pub end: i64,
    /// The span whose message it takes, by its place.
    pub link: Option<u32>,
    /// The server, of an attempt.
    pub server: Option<NodeId>,
    /// Of a client's operation: the operation, its process, and how it ended.
    pub operation: Option<Box<(Operation, String, Outcome)>>,
    /// How many things that began in it are not done.
    open: u32,
}

#[derive(Clone, Debug, Default)]
struct OfNode {
    lane: u32,
    root: SpanToken,
    operation: SpanToken,
    attempt: SpanToken,
    open: BTreeSet<u32>,
}

/// All spans of a run.
#[derive(Debug)]
pub(in crate::sim) struct Spans {
    rows: Vec<SpanRow>,
    nodes: Vec<OfNode>,
    ids: Random,
}

impl Spans {
    pub(super) fn new(nodes: usize, ids: Random) -> Self {
        Self { rows: Vec::new(), nodes: vec![OfNode::default(); nodes], ids }
    }

    pub(super) fn rows(&self) -> &[SpanRow] {
        &self.rows
    }

    fn row(&mut self, span: SpanToken) -> Option<&mut SpanRow> {
        self.rows.get_mut((span.0 as usize).checked_sub(1)?)
    }

    fn begin(
        &mut self,
        node: NodeId,
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: SpanToken,
        now: i64,
    ) -> SpanToken {
        let id = self.ids.next() | 1;
        let (trace, parent) = match self.row(parent) {
            Some(parent) => (parent.trace, parent.id),
            None => (u128::from(self.ids.next()) << 64 | u128::from(self.ids.next() | 1), 0),
        };
        let lane = self.nodes[node.index()].lane;
        let (link, server, operation) = (None, None, None);
        self.rows.push(SpanRow {
            trace,
            id,
            parent,
            name,
            kind,
            lane,
            start: now,
            end: now,
            link,
            server,
            operation,
            open: 1,
        });
        self.nodes[node.index()].open.insert(self.rows.len() as u32);
        SpanToken(self.rows.len() as u64)
    }

    /// The root span of a new incarnation.
    pub(super) fn root(&mut self, node: NodeId, lane: u32, now: i64) -> SpanToken {
        self.nodes[node.index()] = OfNode { lane, ..OfNode::default() };
        let root = self.begin(node, "incarnation".into(), SpanKind::Internal, SpanToken(0), now);
        self.nodes[node.index()].root = root;
        root
    }

    /// A span of a server's own doing.
    pub(in crate::sim) fn internal(&mut self, node: NodeId, name: Cow<'static, str>, now: i64) -> SpanToken {
        let root = self.nodes[node.index()].root;
        self.begin(node, name, SpanKind::Internal, root, now)
    }

    /// A server takes a client's message.
    pub(in crate::sim) fn server(&mut self, node: NodeId, name: &'static str, from: SpanToken, now: i64) -> SpanToken {
        self.begin(node, name.into(), SpanKind::Server, from, now)
    }

    /// A server takes a peer's message.
    pub(in crate::sim) fn consumer(
        &mut self,
        node: NodeId,
        name: &'static str,
        from: SpanToken,
        now: i64,
    ) -> SpanToken {
        let root = self.nodes[node.index()].root;
        let span = self.begin(node, name.into(), SpanKind::Consumer, root, now);
        if let Some(row) = self.row(span) {
            row.link = (from.0 as u32).checked_sub(1);
        }
        span
    }

    /// A client begins an operation.
    pub(in crate::sim) fn operation(
        &mut self,
        node: NodeId,
        operation: &Operation,
        process: &str,
        now: i64,
    ) -> SpanToken {
        let span = self.begin(node, operation.function.into(), SpanKind::Client, SpanToken(0), now);
        if let Some(row) = self.row(span) {
            row.operation = Some(Box::new((operation.clone(), process.to_owned(), Outcome::Unknown)));
        }
        let of = &mut self.nodes[node.index()];
        (of.operation, of.attempt) = (span, SpanToken(0));
        span
    }

    /// A client tries its operation at a server.
    pub(in crate::sim) fn attempt(&mut self, node: NodeId, server: NodeId, now: i64) -> SpanToken {
        let OfNode { operation, attempt, .. } = self.nodes[node.index()];
        self.done(node, attempt, now);
        let span = self.begin(node, "attempt".into(), SpanKind::Client, operation, now);
        if let Some(row) = self.row(span) {
            row.server = Some(server);
        }
        self.nodes[node.index()].attempt = span;
        span
    }

    /// A client's operation is over.
    pub(in crate::sim) fn complete(&mut self, node: NodeId, outcome: &Outcome, now: i64) {
        let OfNode { operation, attempt, .. } = self.nodes[node.index()];
        self.done(node, attempt, now);
        if let Some(row) = self.row(operation)
            && let Some(about) = &mut row.operation
        {
            about.2 = outcome.clone();
        }
        self.done(node, operation, now);
        let of = &mut self.nodes[node.index()];
        (of.operation, of.attempt) = (SpanToken(0), SpanToken(0));
    }

    /// Where the doings of a client belong at the moment.
    pub(in crate::sim) fn of_client(&self, node: NodeId) -> SpanToken {
        let OfNode { root, operation, attempt, .. } = self.nodes[node.index()];
        [attempt, operation, root].into_iter().find(|span| span.0 > 0).unwrap_or_default()
    }

    /// The operation that a client is at.
    pub(in crate::sim) fn operation_of(&self, node: NodeId) -> SpanToken {
        self.nodes[node.index()].operation
    }

    /// Whether a span is open in the present incarnation of a node.
    pub(in crate::sim) fn is_open(&self, node: NodeId, span: SpanToken) -> bool {
        self.nodes[node.index()].open.contains(&(span.0 as u32))
    }

    /// Something more began in a span.
    pub(in crate::sim) fn hold(&mut self, node: NodeId, span: SpanToken) {
        if let Some(row) = self.row(span) {
            row.open += 1;
            self.nodes[node.index()].open.insert(span.0 as u32);
        }
    }

    /// Something that began in a span is done.
    pub(in crate::sim) fn done(&mut self, node: NodeId, span: SpanToken, now: i64) {
        let Some(row) = self.row(span) else { return };
        row.end = row.end.max(now);
        row.open = row.open.saturating_sub(1);
        if row.open == 0 {
            self.nodes[node.index()].open.remove(&(span.0 as u32));
        }
    }

    /// The node crashed, or the run is over: its spans end here.
    pub(in crate::sim) fn end_all(&mut self, node: NodeId, now: i64) {
        for span in std::mem::take(&mut self.nodes[node.index()].open) {
            let row = &mut self.rows[span as usize - 1];
            row.end = row.end.max(now);
            row.open = 0;
        }
    }
}
