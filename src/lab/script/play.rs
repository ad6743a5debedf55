//! Plays a script: a world without chance, in which nothing happens but what is said.

use super::{Command, Line, Script};
use crate::lab::judge::{history, promise};
use crate::node::{
    AnyNode, AnyWatch, Barrier, Broken, Bytes, Effect, Hand, NodeId, Note, Operation, Outcome, PANIC, Random, RawInput,
    Role, Setup, SpanToken, Timer, guarded,
};
use crate::sim::Performed;
use causet_checkers::history::Value;
use causet_checkers::verdict::Verdict;
use causet_checkers::{Query, Shrink};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// What came of a script.
#[derive(Debug)]
pub struct Played {
    /// The script again, with what happened below each line.
    pub text: String,
    /// What is wrong, in words; nothing if nothing is.
    pub wrong: Vec<String>,
    /// Lines that could not be followed: a timer that is not set, a message that is not there.
    pub idle: Vec<String>,
}

/// So many messages at most arrive in one `flush`: a system may go on for ever.
const MOST: usize = 10_000;

struct Message {
    from: NodeId,
    to: NodeId,
    frame: Bytes,
    name: &'static str,
}

#[derive(Default)]
struct Node {
    process: Option<Box<dyn AnyNode>>,
    random: Option<Random>,
    clock: u64,
    next_barrier: Barrier,
    durable: Barrier,
    timers: Vec<Timer>,
    disk: Vec<Bytes>,
    writes: VecDeque<(Barrier, Vec<Bytes>, bool)>,
    waiting: Vec<(Barrier, NodeId, Bytes, &'static str)>,
    holds: bool,
}

struct Stage<'a> {
    script: &'a Script,
    nodes: Vec<Node>,
    flying: Vec<Message>,
    arrived: Vec<Message>,
    watch: Box<dyn AnyWatch>,
    broken: Option<Broken>,
    now: u64,
    performed: Vec<Performed>,
    /// By client: what it is at, and how many of its operations stayed open.
    at: Vec<(Option<usize>, u32)>,
    text: String,
}

/// Plays a script, with its bug or without. The judge has the last word.
pub fn play(script: &Script, with_mutant: bool) -> Played {
    let setup = Setup {
        me: NodeId(0),
        cluster: script.cluster,
        mutant: script.mutant.filter(|_| with_mutant),
        options: script.options.clone(),
    };
    let mut stage = Stage {
        script,
        nodes: script.cluster.nodes().map(|_| Node::default()).collect(),
        flying: Vec::new(),
        arrived: Vec::new(),
        watch: script.system.watch(&setup),
        broken: None,
        now: 1_000_000,
        performed: Vec::new(),
        at: vec![(None, 0); script.cluster.len()],
        text: String::new(),
    };
    let mut idle = Vec::new();
    for node in script.cluster.nodes() {
        stage.nodes[node.index()].random = Some(Random::stream(1, &format!("node {}", node.0)));
        stage.start(node, &setup);
    }
    stage.text.clear();
    for line in &script.lines {
        match line {
            Line::Text(text) => stage.line(text),
            Line::Do { text, command } => {
                stage.line(text);
                if let Err(why) = stage.act(command, &setup) {
                    stage.say(&format!("nothing: {why}"));
                    idle.push(format!("{text}: {why}"));
                }
            }
        }
    }
    let wrong = stage.judge();
    Played { text: stage.text, wrong, idle }
}

impl Stage<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn say(&mut self, what: &str) {
        let _ = writeln!(self.text, "    {what}");
    }

    fn name(&self, node: NodeId) -> String {
        self.script.cluster.name(node).to_string()
    }

    fn start(&mut self, id: NodeId, setup: &Setup) {
        let setup = Setup { me: id, ..setup.clone() };
        let server = self.script.cluster.role(id) == Role::Server;
        let process = if server { self.script.system.server(&setup) } else { self.script.system.client(&setup) };
        let node = &mut self.nodes[id.index()];
        node.process = Some(process);
        (node.next_barrier, node.durable) = (Barrier(0), Barrier(0));
        let log: Vec<u8> = node.disk.iter().flat_map(|frame| frame.iter().copied()).collect();
        self.step(id, None, RawInput::Start(&log));
    }

    fn act(&mut self, command: &Command, setup: &Setup) -> Result<(), String> {
        match command {
            Command::Fire { node, at, timer } => {
                let timers = &mut self.nodes[node.index()].timers;
                let found = timers.iter().position(|set| set.name == timer).ok_or("it is not set")?;
                let timer = timers.remove(found);
                self.step(*node, *at, RawInput::Timer(timer));
            }
            Command::Deliver { from, to, name, count } => {
                let wanted = |message: &Message| {
                    message.from == *from && message.to == *to && name.as_ref().is_none_or(|name| name == message.name)
                };
                // Only what is on its way now, not what follows from it.
                let there = self.flying.iter().filter(|message| wanted(message)).count();
                if there == 0 {
                    return Err("there is no such message".to_owned());
                }
                for _ in 0..there.min(*count) {
                    if let Some(at) = self.flying.iter().position(wanted) {
                        let message = self.flying.remove(at);
                        self.deliver(message);
                    }
                }
            }
            Command::Flush(nodes) => {
                let among = |node: &NodeId| nodes.is_empty() || nodes.contains(node);
                for _ in 0..MOST {
                    let next = self.flying.iter().position(|message| among(&message.from) && among(&message.to));
                    let Some(at) = next else { return Ok(()) };
                    let message = self.flying.remove(at);
                    self.deliver(message);
                }
            }
            Command::Drop { from, to, name } => self.flying.retain(|message| {
                from.is_some_and(|from| from != message.from)
                    || to.is_some_and(|to| to != message.to)
                    || name.as_ref().is_some_and(|name| name != message.name)
            }),
            Command::Again { from, to, name, back } => {
                let same = |message: &&Message| (message.from, message.to, message.name) == (*from, *to, &**name);
                let last = self.arrived.iter().rev().filter(same).nth(*back).ok_or("there was no such message")?;
                let message = Message { frame: last.frame.clone(), ..*last };
                self.deliver(message);
            }
            Command::Invoke { client, at, function, key, input } => self.invoke(*client, *at, function, key, input)?,
            Command::Hold(node) => self.nodes[node.index()].holds = true,
            Command::Sync { node, count } => {
                self.nodes[node.index()].holds = *count < usize::MAX;
                self.sync(*node, *count);
            }
            Command::Crash(id) => {
                let node = &mut self.nodes[id.index()];
                *node = Node {
                    random: node.random.take(),
                    clock: node.clock,
                    disk: std::mem::take(&mut node.disk),
                    ..Node::default()
                };
            }
            Command::Start(node) if self.nodes[node.index()].process.is_some() => return Err("it is up".to_owned()),
            Command::Start(node) => self.start(*node, setup),
            Command::Wait { ns, nodes } => {
                self.now += ns;
                for node in self.script.cluster.nodes().filter(|node| nodes.is_empty() || nodes.contains(node)) {
                    self.nodes[node.index()].clock += ns;
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self, message: Message) {
        let line = format!("{} → {} {}", self.name(message.from), self.name(message.to), message.name);
        if self.nodes[message.to.index()].process.is_none() {
            return self.say(&format!("{line} (down)"));
        }
        self.say(&line);
        self.step(message.to, None, RawInput::Message { from: message.from, frame: &message.frame });
        self.arrived.push(message);
    }

    fn invoke(
        &mut self,
        client: NodeId,
        at: Option<NodeId>,
        function: &str,
        key: &Option<String>,
        input: &serde_json::Value,
    ) -> Result<(), String> {
        self.now += 1_000;
        let (current, lost) = self.at[client.index()];
        if current.is_some() {
            return Err("the client is busy".to_owned());
        }
        // Names of functions are few and live as long as the program in every other way of making them.
        let known = ["get", "put", "append", "delete", "cas", "members", "transfer", "propose", "learn", "broadcast"];
        let function =
            *known.iter().find(|known| **known == function).ok_or_else(|| format!("nobody can {function}"))?;
        let operation = Operation { function, key: key.as_deref().map(Value::str), input: value(input) };
        if self.script.cluster.role(client) == Role::Client {
            let name = self.name(client);
            self.at[client.index()].0 = Some(self.performed.len());
            self.performed.push(Performed {
                client,
                process: if lost == 0 { name } else { format!("{name}/{lost}") },
                operation: operation.clone(),
                call_ns: self.now,
                return_ns: None,
                outcome: Outcome::Unknown,
                attempts: Vec::new(),
                span_id: 0,
            });
        }
        self.step(client, at, RawInput::Invoke(operation));
        Ok(())
    }

    fn sync(&mut self, id: NodeId, count: usize) {
        for _ in 0..count {
            let Some((barrier, frames, replace)) = self.nodes[id.index()].writes.pop_front() else { return };
            let node = &mut self.nodes[id.index()];
            if replace {
                node.disk.clear();
            }
            node.disk.extend(frames);
            node.durable = barrier;
            let (ready, waiting) = node.waiting.drain(..).partition(|(after, ..)| *after <= barrier);
            node.waiting = waiting;
            let ready: Vec<(Barrier, NodeId, Bytes, &'static str)> = ready;
            for (_, to, frame, name) in ready {
                self.flying.push(Message { from: id, to, frame, name });
            }
            self.step(id, None, RawInput::Durable(barrier));
        }
    }

    /// One input; what a client sends goes to `to` if that is said.
    fn step(&mut self, id: NodeId, to: Option<NodeId>, input: RawInput<'_>) {
        self.now += 1_000;
        let node = &mut self.nodes[id.index()];
        let Some(mut process) = node.process.take() else { return };
        node.clock += 1_000;
        let mut effects = Vec::new();
        let random = node.random.get_or_insert_with(|| Random::new(0));
        let hand = Hand {
            now: node.clock,
            elapsed: node.clock,
            span: SpanToken(0),
            random,
            next_barrier: &mut node.next_barrier,
        };
        if let Err(said) = guarded(|| process.step(input, hand, &mut effects)) {
            let detail = format!("{}: {said}", self.name(id));
            self.say(&format!("✗ {PANIC}: {detail}"));
            self.broken.get_or_insert(Broken { invariant: PANIC, detail });
            return;
        }
        if self.script.cluster.role(id) == Role::Server {
            let notes: Vec<&Note> = effects
                .iter()
                .filter_map(|effect| if let Effect::Note(note) = effect { Some(note) } else { None })
                .collect();
            let result = self.watch.after(id, &*process, &notes);
            for note in notes {
                let text = format!("  {}: {}", self.name(id), self.note(note));
                self.say(&text);
            }
            if let Err(broken) = result
                && self.broken.is_none()
            {
                self.say(&format!("✗ {}: {}", broken.invariant, broken.detail));
                self.broken = Some(broken);
            }
        }
        let halted = self.apply(id, to, &*process, effects);
        if !halted {
            self.nodes[id.index()].process = Some(process);
            if !self.nodes[id.index()].holds && !self.nodes[id.index()].writes.is_empty() {
                self.sync(id, usize::MAX);
            }
        }
    }

    fn apply(
        &mut self,
        id: NodeId,
        to: Option<NodeId>,
        process: &dyn AnyNode,
        effects: Vec<Effect<Bytes, Bytes>>,
    ) -> bool {
        let mut halted = false;
        for effect in effects {
            let node = &mut self.nodes[id.index()];
            match effect {
                Effect::Send { to: receiver, message, after } => {
                    let name = process.describe(&message, false).0;
                    let receiver = to.unwrap_or(receiver);
                    match after.filter(|after| *after > node.durable) {
                        Some(after) => node.waiting.push((after, receiver, message, name)),
                        None => self.flying.push(Message { from: id, to: receiver, frame: message, name }),
                    }
                }
                Effect::SetTimer { timer, .. } => {
                    node.timers.retain(|set| *set != timer);
                    node.timers.push(timer);
                }
                Effect::CancelTimer(timer) => node.timers.retain(|set| *set != timer),
                Effect::Persist { barrier, records, replace } => node.writes.push_back((barrier, records, replace)),
                Effect::Complete(outcome) => self.complete(id, outcome),
                Effect::Halt(why) => {
                    let text = format!("{} halts: {why}", self.name(id));
                    self.say(&text);
                    halted = true;
                }
                Effect::Read(_) | Effect::Attempt(_) | Effect::Note(_) | Effect::Keep(_) | Effect::Resume(_) => {}
            }
        }
        halted
    }

    fn complete(&mut self, client: NodeId, outcome: Outcome) {
        let name = self.name(client);
        let text = match &outcome {
            Outcome::Ok(value) => format!("{name}: {value}"),
            Outcome::Fail => format!("{name}: failed"),
            Outcome::Unknown => format!("{name}: unknown"),
        };
        self.say(&text);
        let (at, lost) = &mut self.at[client.index()];
        if let Some(at) = at.take() {
            self.performed[at].return_ns = (outcome != Outcome::Unknown).then_some(self.now);
            *lost += u32::from(outcome == Outcome::Unknown);
            self.performed[at].outcome = outcome;
        }
    }

    fn note(&self, note: &Note) -> String {
        let mut text = note.name.to_owned();
        for (key, field) in &note.fields {
            let _ = match field {
                crate::node::Field::Int(number) => write!(text, " {key}={number}"),
                crate::node::Field::Node(node) => write!(text, " {key}={}", self.name(*node)),
                crate::node::Field::Word(word) => write!(text, " {key}={word}"),
            };
        }
        text
    }

    /// What is wrong with it all.
    fn judge(&mut self) -> Vec<String> {
        let mut wrong: Vec<String> =
            self.broken.iter().map(|broken| format!("{}: {}", broken.invariant, broken.detail)).collect();
        if let Some(promise) = promise(self.script.system, &self.script.options) {
            let query = Query {
                model: Some(promise.model),
                property: promise.property,
                shrink: Shrink::Off,
                ..Query::default()
            };
            match history(&self.performed).map(|history| causet_checkers::check(&history, &query)) {
                Ok(Ok(outcome)) if matches!(outcome.verdict, Verdict::Violated(_)) => {
                    let keys: Vec<String> = outcome.violated.iter().map(Value::to_string).collect();
                    wrong.push(format!("not {}: {}", promise.property, keys.join(", ")));
                }
                Ok(Ok(outcome)) if matches!(outcome.verdict, Verdict::Holds(_)) => {}
                Ok(Ok(_)) => wrong.push("the history could not be decided".to_owned()),
                Ok(Err(error)) => wrong.push(error.to_string()),
                Err(error) => wrong.push(error),
            }
        }
        self.line("judge");
        if wrong.is_empty() {
            self.say("✓ nothing is wrong");
        }
        for text in wrong.clone() {
            self.say(&format!("✗ {text}"));
        }
        wrong
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(truth) => Value::Bool(*truth),
        serde_json::Value::Number(number) => number.as_i64().map_or(Value::Nil, Value::Int),
        serde_json::Value::String(text) => Value::str(text),
        serde_json::Value::Array(items) => Value::list(items.iter().map(value)),
        serde_json::Value::Null | serde_json::Value::Object(_) => Value::Nil,
    }
}
