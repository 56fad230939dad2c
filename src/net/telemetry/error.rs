//! Why nothing can be told to a collector.

use std::io;

/// Why nothing can be told to a collector. It is there with the feature `otlp`.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Where no collector can be.
    #[error("--otlp: '{0}' is no address of a collector: write it as http://localhost:4318")]
    Endpoint(String),
    /// Headers that are none.
    #[error("--otlp-headers is no list of headers: write it as authorization=Bearer%20…,x-scope=…")]
    Headers,
    /// Attributes that are none.
    #[error("--otlp-resource: '{0}' is no list of attributes: write it as name=value,name=value")]
    Resource(String),
    /// A sampler that is none.
    #[error(
        "--otlp-sampler: there is no '{0}': take always_on, always_off or traceidratio, or one of them with parentbased_ before it"
    )]
    Sampler(String),
    /// A ratio that is none.
    #[error("--otlp-sampler-arg: '{0}' is no number from 0 to 1")]
    Ratio(String),
    /// What it needs cannot be had: certificates to trust, randomness, a thread.
    #[error("telemetry cannot begin: {0}")]
    Begin(#[source] io::Error),
}
