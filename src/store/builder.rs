//! Filling a store: one span at a time, or one chunk after another.

use super::attributes::{Any, Pair, Rows};
use super::spans::{Resource, ResourceId, Scope, ScopeId, SpanId, SpanStore};
use super::strings::{StringIndex, Sym};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Range;

/// A span to be added; its strings and attribute rows are already in the builder.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewSpan {
    pub trace_id: u128,
    pub id: SpanId,
    pub parent: SpanId,
    pub trace_state: Sym,
    pub flags: u32,
    pub name: Sym,
    pub kind: i32,
    pub start: u64,
    pub end: u64,
    pub attributes: Rows,
    pub status_code: i32,
    pub status_message: Sym,
    /// Dropped attributes, events, links.
    pub dropped: [u32; 3],
    pub resource: ResourceId,
    pub scope: ScopeId,
}

/// An event of the span that is added next.
pub type NewEvent = super::spans::Event;
/// A link of the span that is added next.
pub type NewLink = super::spans::Link;

/// A resource to be added.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewResource {
    pub attributes: Rows,
    pub dropped_attributes: u32,
    pub schema_url: Sym,
    pub entities: Rows,
}

/// A scope to be added.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewScope {
    pub name: Sym,
    pub version: Sym,
    pub attributes: Rows,
    pub dropped_attributes: u32,
    pub schema_url: Sym,
}

/// Builds a [`SpanStore`].
///
/// Resource and scope 0 are the empty ones, so that spans can be added before their resource was
/// seen (OTLP/JSON fields come in any order) and be given it afterwards.
#[derive(Debug)]
pub struct StoreBuilder {
    store: SpanStore,
    strings: StringIndex,
    traces: HashTable<u32>,
    resources: HashTable<u32>,
    scopes: HashTable<u32>,
    /// Seeded anew each time, so that no input can be made to collide; nothing depends on the tables' order.
    hasher: RandomState,
}

impl Default for StoreBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl StoreBuilder {
    /// An empty one.
    pub fn new() -> Self {
        let mut builder = Self {
            store: SpanStore::default(),
            strings: StringIndex::default(),
            traces: HashTable::new(),
            resources: HashTable::new(),
            scopes: HashTable::new(),
            hasher: RandomState::default(),
        };
        builder.resource(NewResource::default());
        builder.scope(NewScope::default());
        builder
    }

    /// What was built so far.
    pub fn store(&self) -> &SpanStore {
        &self.store
    }

    /// The store, compacted.
    pub fn finish(self) -> SpanStore {
        let mut store = self.store;
        store.strings.shrink();
        store.attributes.shrink();
        store
    }

    /// How many spans so far.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether there is no span so far.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// Interns a string.
    pub fn string(&mut self, text: &str) -> Sym {
        self.strings.intern(&mut self.store.strings, text)
    }

    /// Stores a byte string.
    pub fn bytes(&mut self, bytes: &[u8]) -> Any {
        Any::Bytes(self.store.attributes.push_bytes(bytes))
    }

    /// Stores a run of attributes; runs inside it must have been stored before.
    pub fn rows(&mut self, pairs: &[Pair]) -> Rows {
        self.store.attributes.push_rows(pairs)
    }

    /// A resource, new or known.
    pub fn resource(&mut self, new: NewResource) -> ResourceId {
        let store = &mut self.store;
        let hash = hash_of(&self.hasher, store, |state, store| {
            hash_rows(store, new.attributes, state);
            hash_rows(store, new.entities, state);
            (new.dropped_attributes, new.schema_url).hash(state);
        });
        let known = self.resources.find(hash, |&at| {
            let old = &store.resources[at as usize];
            old.dropped_attributes == new.dropped_attributes
                && old.schema_url == new.schema_url
                && store.attributes.same(old.attributes, new.attributes)
                && store.attributes.same(old.entities, new.entities)
        });
        if let Some(at) = known {
            let id = ResourceId(*at);
            let known = (store.resources[id.index()].attributes, store.resources[id.index()].entities);
            if known != (new.attributes, new.entities) {
                self.store.attributes.forget_last(new.entities);
                self.store.attributes.forget_last(new.attributes);
            }
            return id;
        }
        let id = store.resources.len() as u32;
        let (service, instance) = identity(self, new.attributes);
        self.store.resources.push(Resource {
            attributes: new.attributes,
            dropped_attributes: new.dropped_attributes,
            schema_url: new.schema_url,
            entities: new.entities,
            service,
            instance,
        });
        insert_hashed(&mut self.resources, &self.hasher, hash, id, &self.store, |store, at, state| {
            let old = &store.resources[at as usize];
            hash_rows(store, old.attributes, state);
            hash_rows(store, old.entities, state);
            (old.dropped_attributes, old.schema_url).hash(state);
        });
        ResourceId(id)
    }

    /// A scope, new or known.
    pub fn scope(&mut self, new: NewScope) -> ScopeId {
        let store = &self.store;
        let hash = hash_of(&self.hasher, store, |state, store| {
            hash_rows(store, new.attributes, state);
            (new.name, new.version, new.dropped_attributes, new.schema_url).hash(state);
        });
        let known = self.scopes.find(hash, |&at| {
            let old = &store.scopes[at as usize];
            (old.name, old.version, old.dropped_attributes, old.schema_url)
                == (new.name, new.version, new.dropped_attributes, new.schema_url)
                && store.attributes.same(old.attributes, new.attributes)
        });
        if let Some(at) = known {
            let id = ScopeId(*at);
            if store.scopes[id.index()].attributes != new.attributes {
                self.store.attributes.forget_last(new.attributes);
            }
            return id;
        }
        let id = store.scopes.len() as u32;
        self.store.scopes.push(Scope {
            name: new.name,
            version: new.version,
            attributes: new.attributes,
            dropped_attributes: new.dropped_attributes,
            schema_url: new.schema_url,
        });
        insert_hashed(&mut self.scopes, &self.hasher, hash, id, &self.store, |store, at, state| {
            let old = &store.scopes[at as usize];
            hash_rows(store, old.attributes, state);
            (old.name, old.version, old.dropped_attributes, old.schema_url).hash(state);
        });
        ScopeId(id)
    }

    /// Adds an event to the span that is added next.
    pub fn event(&mut self, event: NewEvent) {
        let events = &mut self.store.events;
        events.time.push(event.time);
        events.name.push(event.name);
        events.attributes.push(event.attributes);
        events.dropped_attributes.push(event.dropped_attributes);
    }

    /// Adds a link to the span that is added next.
    pub fn link(&mut self, link: NewLink) {
        let links = &mut self.store.links;
        links.trace_id.push(link.trace_id);
        links.span_id.push(link.span_id);
        links.trace_state.push(link.trace_state);
        links.attributes.push(link.attributes);
        links.dropped_attributes.push(link.dropped_attributes);
        links.flags.push(link.flags);
    }

    /// Adds a span, with the events and links added since the last one.
    pub fn span(&mut self, new: NewSpan) {
        assert!(new.id != 0 && new.trace_id != 0, "readers refuse spans without ids");
        let trace = self.trace(new.trace_id);
        let spans = &mut self.store.spans;
        if new.dropped != [0; 3] {
            spans.dropped.push((spans.id.len() as u32, new.dropped));
        }
        spans.trace.push(trace);
        spans.id.push(new.id);
        spans.parent.push(new.parent);
        spans.trace_state.push(new.trace_state);
        spans.flags.push(new.flags);
        spans.name.push(new.name);
        spans.kind.push(new.kind);
        spans.start.push(new.start);
        spans.end.push(new.end);
        spans.attributes.push(new.attributes);
        spans.status_code.push(new.status_code);
        spans.status_message.push(new.status_message);
        spans.resource.push(new.resource.0);
        spans.scope.push(new.scope.0);
        spans.events_end.push(self.store.events.time.len() as u32);
        spans.links_end.push(self.store.links.span_id.len() as u32);
    }

    /// Gives a span another id and parent.
    pub fn set_ids(&mut self, span: usize, id: SpanId, parent: SpanId) {
        assert!(id != 0, "no span is without an id");
        self.store.spans.id[span] = id;
        self.store.spans.parent[span] = parent;
    }

    /// Gives a run of spans their resource.
    pub fn set_resource(&mut self, spans: Range<usize>, resource: ResourceId) {
        self.store.spans.resource[spans].fill(resource.0);
    }

    /// Gives a run of spans their scope.
    pub fn set_scope(&mut self, spans: Range<usize>, scope: ScopeId) {
        self.store.spans.scope[spans].fill(scope.0);
    }

    fn trace(&mut self, id: u128) -> u32 {
        let traces = &mut self.store.traces;
        let hasher = &self.hasher;
        let hash = hasher.hash_one(id);
        if let Some(at) = self.traces.find(hash, |&at| traces[at as usize] == id) {
            return *at;
        }
        let at = traces.len() as u32;
        traces.push(id);
        self.traces.insert_unique(hash, at, |&known| hasher.hash_one(traces[known as usize]));
        at
    }

    /// Adds all spans of another builder, after ours. O(size of the other).
    pub fn append(&mut self, other: &StoreBuilder) {
        self.append_store(&other.store);
    }

    /// Adds all spans of a store, after ours. O(size of the other).
    pub fn append_store(&mut self, other: &SpanStore) {
        let rename: Vec<Sym> = other.strings.iter().map(|(_, text)| self.string(text)).collect();
        let offset = self.store.attributes.append(&other.attributes, &rename);
        let symbol = |sym: &Sym| rename[sym.index()];
        let shifted = |rows: &Rows| rows.shifted(offset);
        let resources: Vec<u32> = other
            .resources
            .iter()
            .map(|old| {
                let new = NewResource {
                    attributes: old.attributes.shifted(offset),
                    dropped_attributes: old.dropped_attributes,
                    schema_url: rename[old.schema_url.index()],
                    entities: old.entities.shifted(offset),
                };
                self.resource(new).0
            })
            .collect();
        let scopes: Vec<u32> = other
            .scopes
            .iter()
            .map(|old| {
                let new = NewScope {
                    name: rename[old.name.index()],
                    version: rename[old.version.index()],
                    attributes: old.attributes.shifted(offset),
                    dropped_attributes: old.dropped_attributes,
                    schema_url: rename[old.schema_url.index()],
                };
                self.scope(new).0
            })
            .collect();
        let traces: Vec<u32> = other.traces.iter().map(|&id| self.trace(id)).collect();

        let SpanStore { spans: ours, events, links, .. } = &mut self.store;
        let first = ours.id.len() as u32;
        let (first_event, first_link) = (events.time.len() as u32, links.span_id.len() as u32);
        let theirs = &other.spans;
        ours.trace.extend(theirs.trace.iter().map(|&trace| traces[trace as usize]));
        ours.id.extend_from_slice(&theirs.id);
        ours.parent.extend_from_slice(&theirs.parent);
        ours.trace_state.extend(theirs.trace_state.iter().map(symbol));
        ours.flags.extend_from_slice(&theirs.flags);
        ours.name.extend(theirs.name.iter().map(symbol));
        ours.kind.extend_from_slice(&theirs.kind);
        ours.start.extend_from_slice(&theirs.start);
        ours.end.extend_from_slice(&theirs.end);
        ours.attributes.extend(theirs.attributes.iter().map(shifted));
        ours.status_code.extend_from_slice(&theirs.status_code);
        ours.status_message.extend(theirs.status_message.iter().map(symbol));
        ours.resource.extend(theirs.resource.iter().map(|&at| resources[at as usize]));
        ours.scope.extend(theirs.scope.iter().map(|&at| scopes[at as usize]));
        ours.events_end.extend(theirs.events_end.iter().map(|end| end + first_event));
        ours.links_end.extend(theirs.links_end.iter().map(|end| end + first_link));
        ours.dropped.extend(theirs.dropped.iter().map(|&(span, counts)| (span + first, counts)));

        events.time.extend_from_slice(&other.events.time);
        events.name.extend(other.events.name.iter().map(symbol));
        events.attributes.extend(other.events.attributes.iter().map(shifted));
        events.dropped_attributes.extend_from_slice(&other.events.dropped_attributes);

        links.trace_id.extend_from_slice(&other.links.trace_id);
        links.span_id.extend_from_slice(&other.links.span_id);
        links.trace_state.extend(other.links.trace_state.iter().map(symbol));
        links.attributes.extend(other.links.attributes.iter().map(shifted));
        links.dropped_attributes.extend_from_slice(&other.links.dropped_attributes);
        links.flags.extend_from_slice(&other.links.flags);
    }
}

type ContentHasher = <RandomState as BuildHasher>::Hasher;

fn hash_of(hasher: &RandomState, store: &SpanStore, fill: impl FnOnce(&mut ContentHasher, &SpanStore)) -> u64 {
    let mut state = hasher.build_hasher();
    fill(&mut state, store);
    state.finish()
}

fn insert_hashed(
    table: &mut HashTable<u32>,
    hasher: &RandomState,
    hash: u64,
    id: u32,
    store: &SpanStore,
    fill: impl Fn(&SpanStore, u32, &mut ContentHasher),
) {
    table.insert_unique(hash, id, |&at| hash_of(hasher, store, |state, store| fill(store, at, state)));
}

/// Hashes a run and the runs inside it, with a stack of its own.
fn hash_rows(store: &SpanStore, rows: Rows, state: &mut impl Hasher) {
    let mut todo = vec![rows];
    while let Some(rows) = todo.pop() {
        rows.len().hash(state);
        for (key, value) in store.attributes.pairs(rows) {
            key.hash(state);
            match value {
                Any::Empty => 0.hash(state),
                Any::Str(sym) => sym.hash(state),
                Any::Bool(value) => value.hash(state),
                Any::Int(value) => value.hash(state),
                Any::Double(value) => value.to_bits().hash(state),
                Any::Bytes(id) => store.attributes.bytes(id).hash(state),
                Any::List(rows) | Any::Map(rows) => todo.push(rows),
            }
        }
    }
}

/// The service and the instance that a resource's attributes name.
fn identity(builder: &mut StoreBuilder, attributes: Rows) -> (Sym, Sym) {
    let pairs: Vec<Pair> = builder.store.attributes.pairs(attributes).collect();
    let find = |builder: &StoreBuilder, name: &str| {
        pairs.iter().find(|(key, _)| builder.store.text(*key) == name).map(|(_, value)| *value)
    };
    let text = |builder: &StoreBuilder, name: &str| match find(builder, name) {
        Some(Any::Str(sym)) => sym,
        _ => Sym::EMPTY,
    };
    let service = text(builder, "service.name");
    let mut instance = text(builder, "service.instance.id");
    if instance == Sym::EMPTY {
        instance = text(builder, "k8s.pod.name");
    }
    if instance == Sym::EMPTY
        && let Some(Any::Str(host)) = find(builder, "host.name")
        && let Some(Any::Int(pid)) = find(builder, "process.pid")
    {
        let joined = format!("{}:{pid}", builder.store.text(host));
        instance = builder.string(&joined);
    }
    (service, instance)
}
