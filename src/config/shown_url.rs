//! URLs as they may be shown: without the user, the password and the query, in which secrets are.

/// What stands for what is hidden.
const HIDDEN: &str = "…";

/// A text as it is, or a URL without its secrets.
pub(crate) fn shown_url(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (place, query) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..at], HIDDEN),
        None => (rest, ""),
    };
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let mark = if query.is_empty() { "" } else { "?" };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}{mark}{query}"),
        None => format!("{scheme}://{authority}{path}{mark}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::shown_url;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (text, as_shown) in [
            ("https://a.example:8443/keys", "https://a.example:8443/keys"),
            ("https://user:pass@a.example/keys", "https://…@a.example/keys"),
            ("https://user:p@ss@a.example", "https://…@a.example"),
            ("https://a.example/keys?token=secret", "https://a.example/keys?…"),
            ("https://a.example#secret", "https://a.example?…"),
            ("https://u@a.example/a@b?c/d@e", "https://…@a.example/a@b?…"),
            ("no URL", "no URL"),
            ("", ""),
        ] {
            assert_eq!(shown_url(text), as_shown);
        }
    }
}
