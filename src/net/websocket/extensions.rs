//! What a client offers beyond RFC 6455, and what of it is taken (RFC 6455, 9.1; RFC 7692, 5 and 7.1). The one extension
//! that there is: messages compressed, each on its own, so that nothing is held between two of them.

use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

use super::headers::{elements, is_token};

const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

/// The window of what is sent, in bits: a client that can hold only a smaller one is sent nothing compressed.
const WINDOW_BITS: &str = "15";

const MALFORMED: Malformed = Malformed("Sec-WebSocket-Extensions is no list of extensions");

/// What is no list of extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// What is taken of a client's offers, as the answer says it: the first that can be met.
///
/// # Errors
/// Where the header is malformed.
pub(super) fn accept_deflate(headers: &HeaderMap) -> Result<Option<HeaderValue>, Malformed> {
    let mut accepted = None;
    for offer in elements(headers, SEC_WEBSOCKET_EXTENSIONS).filter(|offer| !offer.is_empty()) {
        let offer = Offer::read(offer)?;
        accepted = accepted.or_else(|| offer.accept());
    }
    Ok(accepted)
}

/// One extension with its parameters.
struct Offer<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Offer<'a> {
    fn read(offer: &'a str) -> Result<Self, Malformed> {
        let mut parts = offer.split(';').map(str::trim);
        let name = parts.next().filter(|name| is_token(name)).ok_or(MALFORMED)?;
        let parameters = parts.map(parameter).collect::<Result<_, _>>()?;
        Ok(Self { name, parameters })
    }

    fn accept(&self) -> Option<HeaderValue> {
        if self.name != PERMESSAGE_DEFLATE {
            return None;
        }
        let mut answer =
            format!("{PERMESSAGE_DEFLATE}; server_no_context_takeover; client_no_context_takeover");
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            if self.parameters[..at].iter().any(|(before, _)| before == name) {
                return None;
            }
            match (*name, *value) {
                (
                    "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                    None,
                ) => {}
                // Whatever window it keeps to, what it sends can be read.
                ("client_max_window_bits", Some(bits)) if is_window(bits) => {}
                ("server_max_window_bits", Some(WINDOW_BITS)) => {
                    answer.push_str("; server_max_window_bits=15");
                }
                _ => return None,
            }
        }
        HeaderValue::try_from(answer).ok()
    }
}

fn is_window(bits: &str) -> bool {
    matches!(bits, "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15")
}

/// A name, and a value where it has one: a token, also in quotes.
fn parameter(parameter: &str) -> Result<(&str, Option<&str>), Malformed> {
    let (name, value) = match parameter.split_once('=') {
        None => (parameter, None),
        Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
    };
    match is_token(name) && value.is_none_or(is_token) {
        true => Ok((name, value)),
        false => Err(MALFORMED),
    }
}

fn unquoted(value: &str) -> &str {
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inside.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    fn answer(offers: &str) -> Result<Option<String>, Malformed> {
        let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, offers.parse().unwrap())]);
        let accepted = accept_deflate(&headers)?;
        Ok(accepted.map(|value| value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn what_clients_offer_is_taken() {
        for offers in [
            // OkHttp; Node's ws, Chrome and Dart; gorilla; aiohttp; the standard's examples.
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; client_max_window_bits=15",
            "permessage-deflate; client_max_window_bits=\"9\"",
            "x-webkit-deflate-frame, permessage-deflate;client_max_window_bits",
            " , permessage-foo; x=1, permessage-deflate",
        ] {
            assert_eq!(answer(offers), Ok(Some(PLAIN.to_owned())), "{offers}");
        }
        // Starscream's, which needs it in the answer.
        assert_eq!(
            answer("permessage-deflate; client_max_window_bits; server_max_window_bits=15"),
            Ok(Some(format!("{PLAIN}; server_max_window_bits=15")))
        );
        assert_eq!(accept_deflate(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn what_cannot_be_met_is_declined_and_the_next_offer_taken() {
        for declined in [
            "permessage-deflate; server_max_window_bits=12",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=015",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; unknown",
            "permessage-bzip2",
            "",
        ] {
            assert_eq!(answer(declined), Ok(None), "{declined}");
            let or_else = format!("{declined}, permessage-deflate");
            assert_eq!(answer(&or_else), Ok(Some(PLAIN.to_owned())), "{or_else}");
        }
    }

    #[test]
    fn what_is_no_list_of_extensions_is_refused() {
        for malformed in [
            "permessage deflate",
            "permessage-deflate;",
            "permessage-deflate; =1",
            "permessage-deflate; a=",
            "permessage-deflate; a=\"b",
            "permessage-deflate; a=\"b c\"",
            "permessage-deflate, a b",
        ] {
            assert!(answer(malformed).is_err(), "{malformed}");
        }
    }
}
