//! A small service with a test that exports OpenTelemetry spans to a file, for `causet gate` to judge.
//!
//!     cargo run --example ci -- fresh examples/ci/traces
//!     cargo run -- gate --config examples/ci/causet.toml       # holds
//!     cargo run --example ci -- stale examples/ci/traces
//!     cargo run -- gate --config examples/ci/causet.toml       # violated: a stale read
//!
//! The service keeps shopping carts in a store with a replica that lags behind by one write. `fresh` reads from the
//! primary; `stale` reads from the replica, as a hasty optimisation would. Every assertion of the test itself passes in
//! both: that a read is stale shows only when all operations are looked at together.

use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Keeps spans until the end, and writes them as one OTLP request.
#[derive(Clone, Debug, Default)]
struct ToFile {
    spans: Arc<Mutex<Vec<SpanData>>>,
}

impl SpanExporter for ToFile {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.lock().expect("nobody panics with it").extend(batch);
        Ok(())
    }
}

impl ToFile {
    fn write(spans: Vec<SpanData>, resource: &Resource, path: &Path) -> std::io::Result<()> {
        let resource_spans = group_spans_by_resource_and_scope(spans, &resource.into());
        std::fs::write(path, ExportTraceServiceRequest { resource_spans }.encode_to_vec())
    }
}

/// The service.
struct Carts {
    tracer: SdkTracer,
    primary: BTreeMap<String, i64>,
    replica: BTreeMap<String, i64>,
    reads_replica: bool,
}

impl Carts {
    /// `POST /cart`: puts a number of items into a customer's cart.
    fn put(&mut self, customer: &str, items: i64) {
        let request = self.request("POST /cart");
        let mut span = self.operation(&request, "put", customer);
        span.set_attribute(KeyValue::new("causet.op.input", items));
        self.replica.clone_from(&self.primary);
        self.primary.insert(customer.to_owned(), items);
        span.end();
        request.span().end();
    }

    /// `GET /cart`: how many items are in it.
    fn get(&mut self, customer: &str) -> Option<i64> {
        let request = self.request("GET /cart");
        let mut span = self.operation(&request, "get", customer);
        let from = if self.reads_replica { &self.replica } else { &self.primary };
        let items = from.get(customer).copied();
        // An operation without an output is one whose answer nobody saw; a cart that is not there is `null`.
        match items {
            Some(items) => span.set_attribute(KeyValue::new("causet.op.output", items)),
            None => span.set_attribute(KeyValue::new("causet.op.output", "null")),
        }
        span.end();
        request.span().end();
        items
    }

    fn request(&self, name: &'static str) -> Context {
        let span = self.tracer.span_builder(name).with_kind(SpanKind::Server).start(&self.tracer);
        Context::new().with_span(span)
    }

    fn operation(&self, request: &Context, f: &'static str, customer: &str) -> opentelemetry_sdk::trace::Span {
        let attributes = [
            KeyValue::new("causet.op.f", f),
            KeyValue::new("causet.op.key", customer.to_owned()),
            KeyValue::new("causet.op.process", "test"),
        ];
        let builder = self.tracer.span_builder(format!("store {f}")).with_kind(SpanKind::Client);
        builder.with_attributes(attributes).start_with_context(&self.tracer, request)
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, folder] = &arguments[..] else {
        eprintln!("usage: ci fresh|stale FOLDER");
        std::process::exit(2);
    };
    let exporter = ToFile::default();
    let resource = Resource::builder_empty().with_service_name("carts").build();
    let provider =
        SdkTracerProvider::builder().with_resource(resource.clone()).with_simple_exporter(exporter.clone()).build();
    let mut carts = Carts {
        tracer: provider.tracer("ci-example"),
        primary: BTreeMap::new(),
        replica: BTreeMap::new(),
        reads_replica: scenario == "stale",
    };

    // The test.
    for items in 1..=3 {
        carts.put("ann", items);
        carts.put("bob", 10 * items);
        assert!(carts.get("ann").is_some_and(|items| items > 0));
        assert!(carts.get("bob").is_none_or(|items| items % 10 == 0));
    }

    provider.force_flush().map_err(std::io::Error::other)?;
    let spans = std::mem::take(&mut *exporter.spans.lock().expect("nobody panics with it"));
    let path = PathBuf::from(folder).join("carts.otlp.pb");
    std::fs::create_dir_all(folder)?;
    ToFile::write(spans, &resource, &path)?;
    println!("{scenario}: the test passed; its spans are in {}", path.display());
    Ok(())
}
