//! Writes log lines, with allowed fields only.
//!
//! One event, one line, in JSON or for people. Control characters never reach the output as they are, so that no value can forge a
//! line. The subscriber of [`super::Telemetry`] drives it.

use std::fmt;
use std::io::Write as _;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{cut, is_allowed};
use crate::config::LogFormat;

/// Allowed fields, in the order they were recorded.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        if is_allowed(field.name()) {
            self.0.insert(field.name().to_owned(), value.into());
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Asked before formatting: a value that may not be written is not even turned into text.
        if is_allowed(field.name()) {
            self.put(field, cut(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if is_allowed(field.name()) {
            self.put(field, cut(value.to_owned()));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

/// Writes one line for each event.
pub(super) struct LineLayer<W> {
    format: LogFormat,
    writer: W,
}

impl<W> LineLayer<W> {
    pub(super) fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer }
    }
}

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message");
        let mut spans = Vec::new();
        for span in context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            let known = span.extensions().get::<Fields>().map(|fields| fields.0.clone()).unwrap_or_default();
            spans.push((span.name(), known));
        }
        let line = Line { event, message, fields: fields.0, spans };
        let text = match self.format {
            LogFormat::Json => line.json(),
            LogFormat::Text => line.text(),
        };
        // Where the log can't be written there is nobody left to tell.
        drop(self.writer.make_writer_for(event.metadata()).write_all(text.as_bytes()));
    }
}

struct Line<'a> {
    event: &'a Event<'a>,
    message: Option<Value>,
    fields: Map<String, Value>,
    spans: Vec<(&'static str, Map<String, Value>)>,
}

impl Line<'_> {
    fn json(self) -> String {
        let metadata = self.event.metadata();
        let mut line = Map::new();
        line.insert("time".into(), now().into());
        line.insert("level".into(), metadata.level().as_str().into());
        line.insert("target".into(), metadata.target().into());
        line.insert("message".into(), self.message.unwrap_or_default());
        line.insert("fields".into(), self.fields.into());
        let spans = self.spans.into_iter().map(|(name, mut fields)| {
            fields.insert("name".into(), name.into());
            Value::from(fields)
        });
        line.insert("spans".into(), spans.collect::<Vec<_>>().into());
        let mut text = Value::from(line).to_string();
        text.push('\n');
        text
    }

    fn text(self) -> String {
        let metadata = self.event.metadata();
        let mut text = format!("{} {:5} {}:", now(), metadata.level(), metadata.target());
        for (name, fields) in &self.spans {
            text.push(' ');
            text.push_str(name);
            append(&mut text, fields);
        }
        text.push(' ');
        escape(&mut text, self.message.as_ref().and_then(Value::as_str).unwrap_or_default());
        append(&mut text, &self.fields);
        text.push('\n');
        text
    }
}

fn append(text: &mut String, fields: &Map<String, Value>) {
    for (name, value) in fields {
        text.push(' ');
        text.push_str(name);
        text.push('=');
        match value.as_str() {
            Some(value) => escape(text, value),
            None => text.push_str(&value.to_string()),
        }
    }
}

/// Letters of any alphabet pass; what moves the cursor does not.
fn escape(text: &mut String, value: &str) {
    for character in value.chars() {
        if character.is_control() { text.extend(character.escape_default()) } else { text.push(character) }
    }
}

fn now() -> String {
    let mut text = String::new();
    // A clock that can't be written leaves the field empty; the line still goes out.
    if SystemTime.format_time(&mut Writer::new(&mut text)).is_err() {
        text.clear();
    }
    text
}
