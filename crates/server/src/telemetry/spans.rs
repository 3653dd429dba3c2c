//! Stands before the exporter of traces and lets allowed attributes through, nothing else.
//!
//! The tracing bridge attaches every field of a span and of the events in it; this is where those that are not on the list end.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::fields::is_allowed;

/// Attributes that the bridge itself adds: the level and the module of an event.
const BRIDGE: [&str; 2] = ["level", "target"];

/// An exporter behind the allow-list.
#[derive(Debug)]
pub(super) struct AllowedSpans<E> {
    inner: E,
}

impl<E> AllowedSpans<E> {
    pub(super) fn new(inner: E) -> Self {
        Self { inner }
    }
}

fn keep(attributes: &mut Vec<KeyValue>) {
    attributes.retain(|attribute| is_allowed(attribute.key.as_str()) || BRIDGE.contains(&attribute.key.as_str()));
}

fn scrub(mut span: SpanData) -> SpanData {
    keep(&mut span.attributes);
    for event in &mut span.events.events {
        keep(&mut event.attributes);
    }
    for link in &mut span.links.links {
        keep(&mut link.attributes);
    }
    if matches!(span.status, Status::Error { .. }) {
        // The description is whatever an error said.
        span.status = Status::error("");
    }
    span
}

impl<E: SpanExporter> SpanExporter for AllowedSpans<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.inner.export(batch.into_iter().map(scrub).collect()).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
