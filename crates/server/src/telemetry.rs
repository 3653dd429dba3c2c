//! Logs, traces and metrics.
//!
//! Log lines go to standard error; traces and metrics to an OpenTelemetry collector and to Prometheus, each switched by the
//! configuration. Nothing may leave here whose field name is not on the allow-list of [`fields`]: no personal data, and nothing that
//! might hold some. `main` installs it first and shuts it down last.

pub mod fields;
mod lines;
pub mod metrics;
mod spans;
#[cfg(test)]
mod tests;

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::Registry;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::{LogLevel, TelemetrySection};
use lines::LineLayer;
use metrics::Metrics;
use spans::AllowedSpans;

/// How the broker names itself to a collector.
const SERVICE_NAME: &str = "bryggad";
/// Targets of the broker's own crates begin with this.
const OWN_TARGETS: &str = "brygga";
/// How often metrics go to the collector.
const METRICS_INTERVAL: Duration = Duration::from_secs(10);
/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last export may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why telemetry can't start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter to the collector can't be built.
    #[error("building the exporter to the collector")]
    Exporter(#[source] ExporterBuildError),
    /// The exporter for Prometheus can't be built.
    #[error("building the exporter for Prometheus")]
    Prometheus(#[source] OTelSdkError),
    /// Another subscriber is installed already.
    #[error("installing the log")]
    Installed(#[source] SetGlobalDefaultError),
}

/// What telemetry holds while the broker runs.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    registry: Option<Registry>,
    traces: Option<SdkTracerProvider>,
    meters: SdkMeterProvider,
}

impl Telemetry {
    /// Starts and installs telemetry for the whole process. Called once, inside the runtime: the exporters live on it.
    pub fn install(section: &TelemetrySection) -> Result<Self, TelemetryError> {
        let (telemetry, subscriber) = Self::start(section, std::io::stderr)?;
        set_global_default(subscriber).map_err(TelemetryError::Installed)?;
        // A panic's text may quote what it was about; the place says enough.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map_or_else(String::new, ToString::to_string);
            tracing::error!(panic.location = place, "a task panicked");
        }));
        Ok(telemetry)
    }

    /// Starts telemetry without installing it; lines go to `writer`.
    pub fn start<W>(section: &TelemetrySection, writer: W) -> Result<(Self, impl Subscriber + Send + Sync + use<W>), TelemetryError>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let resource = Resource::builder_empty().with_service_name(SERVICE_NAME).build();
        let endpoint = section.otlp_endpoint.as_deref().unwrap_or_default();
        let traces = if section.traces { Some(tracer_provider(endpoint, resource.clone())?) } else { None };
        let mut meters = SdkMeterProvider::builder().with_resource(resource);
        if section.metrics {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build();
            let exporter = exporter.map_err(TelemetryError::Exporter)?;
            meters = meters.with_reader(PeriodicReader::builder(exporter).with_interval(METRICS_INTERVAL).build());
        }
        let registry = section.prometheus.then(Registry::new);
        if let Some(registry) = &registry {
            let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).without_target_info();
            meters = meters.with_reader(exporter.build().map_err(TelemetryError::Prometheus)?);
        }
        let meters = metrics::with_views(meters).build();
        let own = level(section.log_level);
        let lines = LineLayer::new(section.log_format, writer).with_filter(targets(LevelFilter::WARN, own));
        // Libraries' spans would carry paths, addresses and statements; only the broker's own are sent.
        let spans = traces.as_ref().map(|provider| {
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(SERVICE_NAME)).with_location(false).with_threads(false);
            layer.with_filter(targets(LevelFilter::OFF, own))
        });
        let subscriber = tracing_subscriber::registry().with(lines).with(spans);
        let telemetry = Self { metrics: Metrics::new(&meters), registry, traces, meters };
        Ok((telemetry, subscriber))
    }

    /// The instruments.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What the operator's listener serves; `None` when it is switched off.
    pub fn registry(&self) -> Option<Registry> {
        self.registry.clone()
    }

    /// Sends what is left and ends. Called last: what ends later is not seen.
    pub async fn shutdown(self) {
        // The providers block while they wait for their exporters, which need the runtime's threads.
        let ended = tokio::task::spawn_blocking(move || {
            let traces = self.traces.map(|traces| traces.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
            (traces, self.meters.shutdown_with_timeout(SHUTDOWN_TIMEOUT))
        });
        match tokio::time::timeout(SHUTDOWN_TIMEOUT * 2, ended).await {
            Ok(Ok((None | Some(Ok(())), Ok(())))) => {}
            Ok(Ok((Some(Err(error)), _) | (_, Err(error)))) => tracing::warn!(error = %error, "the last telemetry may be lost"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the last telemetry may be lost"),
        }
    }
}

fn tracer_provider(endpoint: &str, resource: Resource) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_TIMEOUT).build();
    let exporter = AllowedSpans::new(exporter.map_err(TelemetryError::Exporter)?);
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

fn targets(others: LevelFilter, own: LevelFilter) -> Targets {
    Targets::new().with_default(others).with_target(OWN_TARGETS, own)
}
