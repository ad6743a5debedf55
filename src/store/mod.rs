//! The span store: everything OTLP says about spans, in columns.
//!
//! A [`StoreBuilder`] takes spans one at a time and can swallow another builder, so that chunks are
//! decoded in parallel and merged in order. [`SpanStore`] is what everybody reads. Strings are
//! interned, resources and scopes deduplicated, attributes typed; nothing that OTLP carries is
//! dropped, and nothing is judged: a span with a strange time or a missing parent is stored as it
//! came.
//!
//! [`frames`] makes data frames of the columns and is the only place that knows the frame library.

mod attributes;
mod builder;
pub mod frames;
mod order;
mod select;
mod spans;
mod strings;

pub use attributes::{Any, Attributes, BytesId, Pair, Rows};
pub use builder::{NewEvent, NewLink, NewResource, NewScope, NewSpan, StoreBuilder};
pub use order::{Drawing, DrawnEdge, EventName, OrderedEvent};
pub use spans::{Event, Kind, Link, Resource, ResourceId, Scope, ScopeId, SpanId, SpanRef, SpanStore, StatusCode};
pub use strings::{Strings, Sym};
