//! Settings of what is told to a collector of OpenTelemetry.

use std::time::Duration;

use clap::Args;

use super::{
    auth::Secret,
    time::{time, written},
};

/// Traces, metrics and logs by OTLP: what [OpenTelemetry](https://opentelemetry.io/docs/specs/otel/protocol/exporter/) calls them in
/// its variables, which are honoured. It is there with the feature `otlp`.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.telemetry.endpoint = Some("http://localhost:4318".to_owned());
/// config.telemetry.service = Some("shop".to_owned());
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TelemetryConfig {
    /// Collector of OpenTelemetry that gets traces, metrics and logs, by OTLP over HTTP (protobuf): http://localhost:4318; the paths
    /// /v1/traces and the like are added. UPDRAFT_OTLP goes before OTEL_EXPORTER_OTLP_ENDPOINT
    #[arg(id = "otlp", long = "otlp", env = endpoint_variable(), value_name = "URL")]
    pub endpoint: Option<String>,

    /// Headers of each request to the collector, separated by commas: `authorization=Bearer%20…`. Prefer the variable: other users of
    /// the machine can read the command line
    #[arg(
        id = "otlp_headers",
        long = "otlp-headers",
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        hide_env_values = true,
        value_name = "NAME=VALUE"
    )]
    pub headers: Option<Secret>,

    /// The name of this service at the collector (`service.name`); `updraft` unless this or OTEL_RESOURCE_ATTRIBUTES says
    #[arg(
        id = "otlp_service",
        long = "otlp-service",
        env = "OTEL_SERVICE_NAME",
        value_name = "NAME"
    )]
    pub service: Option<String>,

    /// What else is said of this server (resource attributes), separated by commas: `deployment.environment.name=production`
    #[arg(
        id = "otlp_resource",
        long = "otlp-resource",
        env = "OTEL_RESOURCE_ATTRIBUTES",
        value_name = "NAME=VALUE"
    )]
    pub resource: Option<String>,

    /// Which calls are traced: `always_on`, `always_off`, `traceidratio`, and these of calls without a `traceparent` alone, where
    /// others do as that says: `parentbased_always_on`, `parentbased_always_off`, `parentbased_traceidratio`
    #[arg(id = "otlp_sampler", long = "otlp-sampler", env = "OTEL_TRACES_SAMPLER", value_name = "SAMPLER",
        default_value_t = Self::default().sampler)]
    pub sampler: String,

    /// The share of traces that a sampler with a ratio takes, from 0 to 1; 1 unless this says
    #[arg(
        id = "otlp_sampler_arg",
        long = "otlp-sampler-arg",
        env = "OTEL_TRACES_SAMPLER_ARG",
        value_name = "RATIO"
    )]
    pub ratio: Option<String>,

    /// How often metrics are sent
    #[arg(id = "otlp_interval", long = "otlp-interval", env = "UPDRAFT_OTLP_INTERVAL", value_name = "TIME", value_parser = time,
        default_value = written(Self::default().interval))]
    pub interval: Duration,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: None,
            service: None,
            resource: None,
            sampler: "parentbased_always_on".to_owned(),
            ratio: None,
            interval: Duration::from_mins(1),
        }
    }
}

/// OpenTelemetry's own variable, as platforms set it, where ours is not set; unless that is switched off for the whole machine.
fn endpoint_variable() -> &'static str {
    const OURS: &str = "UPDRAFT_OTLP";
    const THEIRS: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    match !is_set(OURS) && is_set(THEIRS) && !is_off {
        true => THEIRS,
        false => OURS,
    }
}
