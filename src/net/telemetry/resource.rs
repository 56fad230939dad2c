//! What is said of this server beside all that it sends, and with each request: lists of names and values.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};
use percent_encoding::percent_decode_str;

use super::error::TelemetryError;
use crate::config::TelemetryConfig;

/// The service's name where none is set.
const SERVICE: &str = "updraft";

/// Who sends it: the service, its version, and this process of it.
///
/// # Errors
/// Where the setting is no list.
pub(super) fn read(config: &TelemetryConfig) -> Result<Resource, TelemetryError> {
    let mut attributes = BTreeMap::from([
        ("service.name".to_owned(), SERVICE.to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), instance()?),
    ]);
    let said = config.resource.as_deref().unwrap_or_default();
    let said = pairs(said).ok_or_else(|| TelemetryError::Resource(said.to_owned()))?;
    attributes.extend(said);
    if let Some(name) = config.service.as_ref().filter(|name| !name.is_empty()) {
        attributes.insert("service.name".to_owned(), name.clone());
    }
    Ok(Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(
            attributes
                .into_iter()
                .map(|(name, value)| KeyValue::new(name, value)),
        )
        .build())
}

/// The headers of each request.
///
/// # Errors
/// Where the setting is no list of headers. What it is may be a secret, and is not said.
pub(super) fn headers(config: &TelemetryConfig) -> Result<HeaderMap, TelemetryError> {
    let said = config.headers.as_ref().map_or("", |headers| headers.reveal());
    let pairs = pairs(said).ok_or(TelemetryError::Headers)?;
    let header = |(name, value): (String, String)| {
        let name = HeaderName::try_from(name).ok()?;
        let mut value = HeaderValue::try_from(value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    };
    let headers = pairs.into_iter().map(header).collect::<Option<_>>();
    headers.ok_or(TelemetryError::Headers)
}

/// Reads `name=value,name=value`, in which anything may be escaped as in a URL.
///
/// Source: <https://opentelemetry.io/docs/specs/otel/resource/sdk/#specifying-resource-information-via-an-environment-variable>.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let plain = |text: &str| Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned());
            plain(name).filter(|name| !name.is_empty()).zip(plain(value))
        })
        .collect()
}

/// A random UUID: no two processes have the same.
fn instance() -> Result<String, TelemetryError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| TelemetryError::Begin(error.into()))?;
    let random = u128::from_be_bytes(bytes);
    // Version 4, and the variant of RFC 9562.
    let marked = random & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{marked:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(config: &TelemetryConfig, name: &'static str) -> String {
        let resource = read(config).unwrap();
        resource.get(&name.into()).unwrap_or("none".into()).to_string()
    }

    #[test]
    fn a_server_is_named_by_what_says_it_most_closely() {
        let config = TelemetryConfig::default();
        assert_eq!(attribute(&config, "service.name"), "updraft");
        assert_eq!(attribute(&config, "service.version"), env!("CARGO_PKG_VERSION"));
        let instance = attribute(&config, "service.instance.id");
        assert!(
            instance.len() == 36 && &instance[14..15] == "4" && "89ab".contains(&instance[19..20]),
            "{instance}"
        );
        assert_ne!(instance, attribute(&config, "service.instance.id"));
        let config = TelemetryConfig {
            resource: Some("service.name=shop, deployment.environment.name=a%2Cb,".to_owned()),
            ..config
        };
        assert_eq!(attribute(&config, "service.name"), "shop");
        assert_eq!(attribute(&config, "deployment.environment.name"), "a,b");
        let config = TelemetryConfig {
            service: Some("cart".to_owned()),
            ..config
        };
        assert_eq!(attribute(&config, "service.name"), "cart");
    }

    #[test]
    fn headers_are_read_and_those_that_are_none_are_not_repeated() {
        let of = |text: &str| {
            headers(&TelemetryConfig {
                headers: Some(text.into()),
                ..TelemetryConfig::default()
            })
        };
        let read = of("authorization=Bearer%20s3cr3t,x-scope=a=b").unwrap();
        assert_eq!(read["authorization"], "Bearer s3cr3t");
        assert_eq!(read["x-scope"], "a=b");
        assert!(of("").unwrap().is_empty());
        for bad in ["s3cr3t", "a b=s3cr3t", "a=%0As3cr3t", "=s3cr3t"] {
            let error = of(bad).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{bad}: {error}");
        }
    }
}
