//! The caller's identity: anonymous, or a subject with its claims.

use std::{fmt, sync::Arc, time::SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The caller's identity: anonymous, or a subject with its claims. Cheap to clone.
///
/// `Debug` shows the subject, never the claims.
///
/// ```
/// use serde_json::json;
/// use updraft::Identity;
///
/// let ada = Identity::of("ada").with_claims(json!({"data": {"account_type": 2}}));
/// assert_eq!(ada.subject(), Some("ada"));
/// assert_eq!(ada.claim::<u8>("data.account_type"), Some(2));
/// assert!(Identity::ANONYMOUS.is_anonymous());
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity(Option<Arc<Known>>);

#[derive(Clone, PartialEq, Eq)]
struct Known {
    subject: Box<str>,
    claims: Value,
    expires: Option<SystemTime>,
}

impl Identity {
    /// An anonymous caller.
    pub const ANONYMOUS: Self = Self(None);

    /// A subject without claims.
    pub fn of(subject: impl Into<Box<str>>) -> Self {
        Self(Some(Arc::new(Known {
            subject: subject.into(),
            claims: Value::Null,
            expires: None,
        })))
    }

    /// The same subject with these claims. No effect on an anonymous identity.
    #[must_use]
    pub fn with_claims(self, claims: Value) -> Self {
        self.changed(|known| known.claims = claims)
    }

    /// The same subject with this expiry: its socket is warned before, and closed unless the identity is renewed. No
    /// effect on an anonymous identity.
    #[must_use]
    pub fn until(self, expires: SystemTime) -> Self {
        self.changed(|known| known.expires = Some(expires))
    }

    fn changed(mut self, change: impl FnOnce(&mut Known)) -> Self {
        if let Some(known) = &mut self.0 {
            change(Arc::make_mut(known));
        }
        self
    }

    /// Whether the caller is anonymous.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// Whose identity it is.
    pub fn subject(&self) -> Option<&str> {
        self.0.as_ref().map(|known| &*known.subject)
    }

    /// All that is claimed.
    pub fn claims(&self) -> Option<&Value> {
        self.0.as_ref().map(|known| &known.claims)
    }

    /// One claim as a type; `None` where it is missing or does not fit. A dot leads into an object, as in
    /// `data.account_type`; a path that begins with `/` is a JSON pointer, for names that hold dots.
    pub fn claim<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        T::deserialize(self.find(path)?).ok()
    }

    pub(super) fn find(&self, path: &str) -> Option<&Value> {
        lookup(self.claims()?, path)
    }

    /// When it ends, where it does.
    pub fn expires(&self) -> Option<SystemTime> {
        self.0.as_ref()?.expires
    }
}

/// The value at a path of claims: see [`Identity::claim`].
pub(crate) fn lookup<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    match path.starts_with('/') {
        true => claims.pointer(path),
        false => path.split('.').try_fold(claims, |value, name| value.get(name)),
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject() {
            Some(subject) => write!(f, "Identity({subject:?})"),
            None => f.write_str("Identity(anonymous)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_found_by_their_path_and_not_shown() {
        let claims = json!({"data": {"account_type": 3, "secret": "hunter2"}, "https://x.y/role": "admin"});
        let ada = Identity::of("ada").with_claims(claims);
        assert_eq!(ada.claim::<u8>("data.account_type"), Some(3));
        assert_eq!(ada.claim::<String>("data.account_type"), None);
        assert_eq!(ada.claim::<u8>("data.missing"), None);
        assert_eq!(ada.claim::<u8>("data.account_type.more"), None);
        assert_eq!(ada.claim::<String>("/https:~1~1x.y~1role").unwrap(), "admin");
        assert_eq!(format!("{ada:?}"), r#"Identity("ada")"#);
        assert_eq!(Identity::ANONYMOUS.claim::<u8>("data.account_type"), None);
    }

    #[test]
    fn nothing_can_be_claimed_of_nobody() {
        let anonymous = Identity::ANONYMOUS
            .with_claims(json!({"admin": true}))
            .until(SystemTime::now());
        assert_eq!(anonymous, Identity::ANONYMOUS);
    }
}
