//! Whose pages may connect. A browser lets any page open a WebSocket to any server it can reach, with the cookies of
//! that server, and from inside a network or machine that the page's author cannot reach: so unless it was said
//! otherwise, only pages that came from this server's own host may. What is no browser names no origin, and passes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AsHeaderName, HOST, ORIGIN},
};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::origin::{Origin, Pattern};
use crate::net::metrics::{Limit, Metrics};

/// The refusal of another origin.
const REFUSED: &str = "Pages of this origin may not connect here (--allowed-origins).\n";

/// What a proxy was asked for, by most of them.
const X_FORWARDED_HOST: &str = "x-forwarded-host";

/// How often refusals are logged.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// The origins that were named.
#[derive(Clone, Debug)]
pub(in crate::net) struct Origins(Arc<[Pattern]>);

impl Origins {
    /// Reads what was configured.
    ///
    /// # Errors
    /// The first that is no origin, and what is wrong with it.
    pub(in crate::net) fn new(configured: &[String]) -> Result<Self, (String, String)> {
        let named = configured.iter().map(|origin| origin.trim());
        let patterns = named
            .filter(|origin| !origin.is_empty())
            .map(|origin| Pattern::read(origin).map_err(|problem| (origin.to_owned(), problem.to_string())));
        patterns.collect::<Result<_, _>>().map(Self)
    }

    /// The header for browsers; nothing where only the server's own pages may connect.
    pub(in crate::net) fn cors(&self) -> Option<CorsLayer> {
        if self.0.is_empty() {
            return None;
        }
        let origins = self.clone();
        // Browsers refuse `*` for requests with credentials, so the asking origin is named.
        let allowed = AllowOrigin::predicate(move |origin, _| origins.name(origin));
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .allow_origin(allowed)
            .allow_credentials(true);
        Some(layer)
    }

    pub(in crate::net) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(ORIGIN).iter();
        match (sent.next(), sent.next()) {
            (None, _) => true,
            (Some(origin), None) => self.name(origin) || is_own(origin, headers),
            (Some(_), Some(_)) => false,
        }
    }

    fn name(&self, origin: &HeaderValue) -> bool {
        let named = |origin: &Origin| self.0.iter().any(|pattern| pattern.matches(origin));
        self.0.contains(&Pattern::Every) || read(origin).as_ref().is_some_and(named)
    }
}

/// Whether a page came from the host that it asks for now.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = text(headers, HOST);
    read(origin)
        .zip(host)
        .is_some_and(|(origin, host)| origin.is_at(host))
}

fn read(origin: &HeaderValue) -> Option<Origin> {
    Origin::read(origin.to_str().ok()?).ok()
}

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The origin check in front of Engine.IO.
pub(in crate::net) struct Gate {
    origins: Origins,
    metrics: Arc<Metrics>,
    refusals: Mutex<Refusals>,
}

impl Gate {
    pub(in crate::net) fn new(origins: Origins, metrics: Arc<Metrics>) -> Self {
        Self {
            origins,
            metrics,
            refusals: Mutex::default(),
        }
    }

    fn refuse(&self, headers: &HeaderMap) -> Response {
        self.metrics.refused(Limit::Origin);
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = refusals.count(Instant::now());
        drop(refusals);
        match untold {
            None => {}
            Some(0) => tracing::warn!("{}", advice(headers)),
            Some(untold) => tracing::warn!("{} ({untold} more since the last such line)", advice(headers)),
        }
        (StatusCode::FORBIDDEN, REFUSED).into_response()
    }
}

/// Middleware: refuses what a page of another origin asks for.
pub(in crate::net) async fn check(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    match gate.origins.allow(request.headers()) {
        true => next.run(request).await,
        false => gate.refuse(request.headers()),
    }
}

/// Refusals since the last line of the log: they are summed up in one line.
#[derive(Default)]
struct Refusals {
    told: Option<Instant>,
    untold: u64,
}

impl Refusals {
    /// Counts one. Where it is to be logged: how many before it were not.
    fn count(&mut self, now: Instant) -> Option<u64> {
        if self
            .told
            .is_some_and(|told| now.duration_since(told) < LOGGED_EVERY)
        {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// What was refused, and what to set where it should not be. Of the request stands there only what reads as an origin and
/// a host, so that clients cannot write into the log.
fn advice(headers: &HeaderMap) -> String {
    let Some(origin) = headers.get(ORIGIN).and_then(read) else {
        return "a request was refused whose Origin no browser sends".to_owned();
    };
    if origin == Origin::Null {
        return "a page was refused that has no origin (null): --allowed-origins null would let it connect, and with it \
                every page in a sandboxed frame, of whatever site"
            .to_owned();
    }
    let host = text(headers, HOST).filter(|host| Origin::read(&format!("http://{host}")).is_ok());
    let host = host.unwrap_or("another host");
    let pass_on = "pass on the Host that the browser sent (nginx: proxy_set_header Host $http_host)";
    match text(headers, X_FORWARDED_HOST).is_some_and(|asked| origin.is_at(asked)) {
        true => format!(
            "a page of {origin} was refused, as a proxy wrote {host} in place of the Host that it asked for: have the \
             proxy {pass_on}, or set --allowed-origins {origin}"
        ),
        false => format!(
            "a page of {origin} was refused, as it asked for {host}: if it is to connect, set --allowed-origins \
             {origin}; if it is this server's own, a proxy rewrites Host and should {pass_on}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], origin: &str, host: &str) -> bool {
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        Origins::new(&origins).unwrap().allow(&headers)
    }

    #[test]
    fn pages_of_the_servers_own_host_may_connect() {
        for (origin, host) in [
            ("http://a.example", "a.example"),
            ("http://a.example", "A.example:80"),
            ("http://a.example.:3000", "a.example.:3000"),
            ("http://localhost.", "localhost."),
            ("https://a.example", "a.example"),
            ("https://a.example", "a.example:443"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert!(allowed(&[], origin, host), "{origin} at {host}");
            assert!(
                allowed(&["https://b.example"], origin, host),
                "{origin} at {host}, beside one that is named"
            );
        }
    }

    #[test]
    fn pages_of_others_may_not() {
        for (origin, host) in [
            ("http://b.example", "a.example"),
            ("http://a.example.evil.example", "a.example"),
            ("http://a.example:81", "a.example"),
            ("http://localhost:5173", "localhost:3000"),
            ("https://a.example", "a.example:80"),
            ("null", "a.example"),
            ("null", "null"),
            ("", "a.example"),
            ("a.example", "a.example"),
            ("http://a.example/", "b.example"),
            ("http://", ""),
            ("https://://a", ":."),
            ("..@://.", "."),
            ("Y,,://(", "("),
            ("app://a.example", "a.example"),
            ("http://:80", ":80"),
            ("http://a.example:x", "a.example:y"),
            ("http://a.example:x", "a.example"),
            ("http://a.example", "me@a.example"),
            ("http://a.example/b", "a.example"),
        ] {
            assert!(
                !allowed(&["https://c.example"], origin, host),
                "{origin} at {host}"
            );
            assert!(allowed(&["*"], origin, host), "{origin} where all may");
        }
    }

    #[test]
    fn what_names_two_origins_may_not() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "a.example".parse().unwrap());
        for origin in ["https://a.example", "https://b.example"] {
            headers.append(ORIGIN, origin.parse().unwrap());
        }
        assert!(
            !Origins::new(&["https://b.example".to_owned()])
                .unwrap()
                .allow(&headers)
        );
    }

    #[test]
    fn blanks_and_nothing_between_commas_are_no_origins() {
        let written = ["https://a.example", " https://b.example ", ""];
        assert!(allowed(&written, "https://b.example", "c.example"));
        assert!(Origins::new(&[String::new()]).unwrap().cors().is_none());
    }

    #[test]
    fn so_many_refusals_make_one_line_in_a_while() {
        let mut refusals = Refusals::default();
        let begun = Instant::now();
        assert_eq!(refusals.count(begun), Some(0), "the first at once");
        for _ in 0..1000 {
            assert_eq!(refusals.count(begun + LOGGED_EVERY / 2), None);
        }
        assert_eq!(refusals.count(begun + LOGGED_EVERY), Some(1000));
        assert_eq!(refusals.count(begun + LOGGED_EVERY), None);
        assert_eq!(refusals.count(begun + 3 * LOGGED_EVERY), Some(1));
    }

    #[test]
    fn what_is_logged_says_what_to_set_and_nothing_that_a_client_made_up() {
        let advice_for = |named: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in named {
                headers.append(*name, value.parse().unwrap());
            }
            advice(&headers)
        };
        let page = ("origin", "https://app.example.org");
        let direct = advice_for(&[page, ("host", "127.0.0.1:3000")]);
        assert!(direct.contains("as it asked for 127.0.0.1:3000"), "{direct}");
        assert!(
            direct.contains("--allowed-origins https://app.example.org;"),
            "{direct}"
        );
        assert!(direct.contains("proxy_set_header Host $http_host"), "{direct}");
        let asked = (X_FORWARDED_HOST, "App.example.org:443");
        let proxied = advice_for(&[page, ("host", "127.0.0.1:3000"), asked]);
        assert!(
            proxied.contains("a proxy wrote 127.0.0.1:3000 in place"),
            "{proxied}"
        );
        let other = (X_FORWARDED_HOST, "evil.example");
        assert_eq!(advice_for(&[page, ("host", "127.0.0.1:3000"), other]), direct);
        let frame = advice_for(&[("origin", "null"), ("host", "a.example")]);
        assert!(frame.contains("every page in a sandboxed frame"), "{frame}");
        let long = format!("https://{}.example", "made-up".repeat(100));
        for made_up in ["made-up", "https://made-up/", "https://made-up\t", &long] {
            let told = advice_for(&[("origin", made_up), ("host", "made-up;")]);
            assert!(!told.contains("made-up"), "{told}");
        }
        let told = advice_for(&[page, ("host", "made-up;")]);
        assert!(told.contains("as it asked for another host"), "{told}");
    }
}
