//! Which traces are recorded, in the words of OpenTelemetry.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration>.

use opentelemetry_sdk::trace::Sampler;

use super::error::TelemetryError;
use crate::trace::Rules;

/// Reads a sampler's name, and its ratio where it has one.
///
/// # Errors
/// Where there is none of this name, or the ratio is none.
pub(super) fn read(name: &str, ratio: Option<&str>) -> Result<(Sampler, Rules), TelemetryError> {
    let (root, follows_parents) = match name.strip_prefix("parentbased_") {
        Some(root) => (root, true),
        None => (name, false),
    };
    let root = match root {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(share(ratio)?),
        _ => return Err(TelemetryError::Sampler(name.to_owned())),
    };
    let rules = Rules {
        follows_parents,
        begins_none: matches!(root, Sampler::AlwaysOff),
    };
    let sampler = match follows_parents {
        true => Sampler::ParentBased(Box::new(root)),
        false => root,
    };
    Ok((sampler, rules))
}

fn share(text: Option<&str>) -> Result<f64, TelemetryError> {
    let Some(text) = text else {
        return Ok(1.0);
    };
    let share = text.trim().parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| TelemetryError::Ratio(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplers_are_named_as_elsewhere() {
        let read = |name, ratio| format!("{:?}", read(name, ratio).map(|(sampler, _)| sampler));
        assert_eq!(read("always_off", None), "Ok(AlwaysOff)");
        assert_eq!(
            read("parentbased_always_on", Some("ignored")),
            "Ok(ParentBased(AlwaysOn))"
        );
        assert_eq!(read("traceidratio", None), "Ok(TraceIdRatioBased(1.0))");
        assert_eq!(
            read("parentbased_traceidratio", Some("0.25")),
            "Ok(ParentBased(TraceIdRatioBased(0.25)))"
        );
        let rules = |name| super::read(name, None).map(|(_, rules)| rules).unwrap();
        for (name, follows_parents, begins_none) in [
            ("always_on", false, false),
            ("always_off", false, true),
            ("parentbased_traceidratio", true, false),
            ("parentbased_always_off", true, true),
        ] {
            let expected = Rules {
                follows_parents,
                begins_none,
            };
            assert_eq!(rules(name), expected, "{name}");
        }
        for (name, ratio) in [
            ("xray", None),
            ("", None),
            ("parentbased_", None),
            ("traceidratio", Some("2")),
            ("traceidratio", Some("NaN")),
            ("traceidratio", Some("a tenth")),
        ] {
            assert!(read(name, ratio).starts_with("Err"), "{name} {ratio:?}");
        }
    }
}
