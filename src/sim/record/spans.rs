//! Spans while a run goes on: which are open, and what each event belongs to.
//!
//! A client's operation is a CLIENT span at the root of a trace, each attempt a CLIENT child of it, and the
//! server's receipt a SERVER child of the attempt. Everything else a server does is in the trace of its
//! incarnation: a CONSUMER span for each message of a peer, linked to the span that sent it, an
//! INTERNAL one for each timer.
//!
//! A span stays open as long as something that began in it is not done: its step, a message that waits for
//! the disk, a persist, a request that was kept.

use crate::node::envelope::Context;
use crate::node::{NodeId, Operation, Outcome, Random, Role, SpanToken};
use crate::trace_context::{Flags, TraceParent};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

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
    /// The `tracestate` of its trace.
    pub state: Arc<str>,
    pub name: Cow<'static, str>,
    pub kind: SpanKind,
    pub lane: u32,
    /// By the node's own clock.
    pub start: i64,
    pub end: i64,
    /// The span whose message it takes, as the message says.
    pub link: Option<TraceParent>,
    /// The server, of an attempt.
    pub server: Option<NodeId>,
    /// Of a client's operation: the operation, its process, and how it ended.
    pub operation: Option<Box<(Operation, String, Outcome)>>,
    /// How many things that began in it are not done.
    open: u32,
}

/// Where a span hangs.
#[derive(Clone, Copy)]
enum Parent<'a> {
    /// It begins a trace.
    None,
    Here(SpanToken),
    /// Another node's span, as a message says.
    There(&'a Context),
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
    /// The `tracestate` of every trace that begins in the run.
    state: Arc<str>,
}

impl Spans {
    pub(super) fn new(nodes: usize, seed: u64) -> Self {
        let (ids, state) = (Random::stream(seed, "ids"), format!("causet=seed:{seed}").into());
        Self { rows: Vec::new(), nodes: vec![OfNode::default(); nodes], ids, state }
    }

    /// The `tracestate` of every trace that begins in the run.
    pub(in crate::sim) fn state(&self) -> &str {
        &self.state
    }

    /// What the receiver of a message that is sent in a span is told of it.
    pub(super) fn context(&self, span: SpanToken) -> Option<(TraceParent, &str)> {
        let row = self.rows.get((span.0 as usize).checked_sub(1)?)?;
        Some((TraceParent { trace_id: row.trace, parent_id: row.id, flags: Flags::SAMPLED }, &row.state))
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
        parent: Parent<'_>,
        now: i64,
    ) -> SpanToken {
        let id = self.ids.next() | 1;
        let known = match parent {
            Parent::None => None,
            Parent::Here(span) => self.row(span).map(|row| (row.trace, row.id, row.state.clone())),
            Parent::There(context) => {
                let same = *context.state == *self.state;
                let state = if same { self.state.clone() } else { context.state.as_str().into() };
                Some((context.parent.trace_id, context.parent.parent_id, state))
            }
        };
        let (trace, parent, state) = known.unwrap_or_else(|| {
            (u128::from(self.ids.next()) << 64 | u128::from(self.ids.next() | 1), 0, self.state.clone())
        });
        let lane = self.nodes[node.index()].lane;
        let (link, server, operation) = (None, None, None);
        self.rows.push(SpanRow {
            trace,
            id,
            parent,
            state,
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
        let root = self.begin(node, "incarnation".into(), SpanKind::Internal, Parent::None, now);
        self.nodes[node.index()].root = root;
        root
    }

    /// A span of a server's own doing.
    pub(in crate::sim) fn internal(&mut self, node: NodeId, name: Cow<'static, str>, now: i64) -> SpanToken {
        let root = self.nodes[node.index()].root;
        self.begin(node, name, SpanKind::Internal, Parent::Here(root), now)
    }

    /// A server takes a message, of a peer or of a client.
    pub(in crate::sim) fn message(
        &mut self,
        node: NodeId,
        name: &'static str,
        sender: Role,
        from: Option<&Context>,
        now: i64,
    ) -> SpanToken {
        if sender != Role::Server {
            return self.begin(node, name.into(), SpanKind::Server, from.map_or(Parent::None, Parent::There), now);
        }
        let root = self.nodes[node.index()].root;
        let span = self.begin(node, name.into(), SpanKind::Consumer, Parent::Here(root), now);
        if let Some(row) = self.row(span) {
            row.link = from.map(|context| context.parent);
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
        let span = self.begin(node, operation.function.into(), SpanKind::Client, Parent::None, now);
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
        let span = self.begin(node, "attempt".into(), SpanKind::Client, Parent::Here(operation), now);
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
