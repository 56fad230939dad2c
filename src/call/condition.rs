//! What can be asked of an identity: `claim("data.account_type").at_least(1)`.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::identity::Identity;
use crate::error::{CallError, Code, Result};

/// A condition on the caller's identity. It never holds for an anonymous caller.
///
/// ```
/// use updraft::{claim, signed_in};
///
/// let staff = claim("data.account_type").at_least(2).or(claim("roles").contains("staff"));
/// let anyone_known = signed_in();
/// ```
#[derive(Clone)]
pub struct Condition(Arc<dyn Fn(&Identity) -> bool + Send + Sync>);

/// The claim at this path, to ask something of: see [`Identity::claim`] for paths, and [`Claim`] for what can be asked.
///
/// ```
/// use updraft::{Identity, claim};
///
/// let ada = Identity::of("ada").with_claims(serde_json::json!({"data": {"level": 3}, "scope": "read write"}));
/// assert!(claim("data.level").at_least(3).check(&ada).is_ok());
/// assert!(claim("scope").contains("write").check(&ada).is_ok());
/// assert!(claim("scope").is("write").check(&ada).is_err());
/// ```
pub fn claim(path: impl Into<Box<str>>) -> Claim {
    Claim(path.into())
}

/// Holds for every authenticated caller.
///
/// ```
/// use updraft::{Code, Identity, signed_in};
///
/// assert!(signed_in().check(&Identity::of("ada")).is_ok());
/// assert_eq!(signed_in().check(&Identity::ANONYMOUS).unwrap_err().code(), Code::Unauthenticated);
/// ```
pub fn signed_in() -> Condition {
    Condition::of(|identity| !identity.is_anonymous())
}

/// A claim that something is asked of.
///
/// ```
/// use updraft::{Module, claim, require};
///
/// let is_editor = claim("roles").contains("editor").or(claim("data.account_type").at_least(2));
/// let module = Module::new("api.pages").guard(require(is_editor));
/// ```
#[derive(Clone, Debug)]
pub struct Claim(Box<str>);

impl Claim {
    /// The claim is a number, and no less than this.
    pub fn at_least(self, least: impl Into<f64>) -> Condition {
        let least = least.into();
        self.holds(move |value| value.as_f64().is_some_and(|number| number >= least))
    }

    /// The claim is this value.
    pub fn is(self, wanted: impl Into<Value>) -> Condition {
        let wanted = wanted.into();
        self.holds(move |value| *value == wanted)
    }

    /// The claim is a list that holds this value, or a text that holds it as a word (as OAuth's `scope` does).
    pub fn contains(self, wanted: impl Into<Value>) -> Condition {
        let wanted = wanted.into();
        self.holds(move |value| match (value, &wanted) {
            (Value::Array(values), wanted) => values.contains(wanted),
            (Value::String(words), Value::String(wanted)) => words.split(' ').any(|word| word == wanted),
            _ => false,
        })
    }

    fn holds(self, test: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Condition {
        Condition::of(move |identity| identity.find(&self.0).is_some_and(&test))
    }
}

impl Condition {
    /// A condition of one's own.
    pub fn of(test: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(test))
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::of(move |identity| (self.0)(identity) && (other.0)(identity))
    }

    /// One of them holds, or both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::of(move |identity| (self.0)(identity) || (other.0)(identity))
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// If it does not hold: [`Code::Unauthenticated`] for an anonymous caller, else [`Code::Forbidden`].
    pub fn check(&self, identity: &Identity) -> Result<()> {
        match (identity.is_anonymous(), (self.0)(identity)) {
            (false, true) => Ok(()),
            (true, _) => Err(CallError::new(Code::Unauthenticated, "this needs an identity")),
            (false, false) => Err(CallError::new(Code::Forbidden, "no right to this")),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condition")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: Condition, claims: Value) -> bool {
        condition.check(&Identity::of("ada").with_claims(claims)).is_ok()
    }

    #[test]
    fn claims_are_compared_as_what_they_are() {
        let account = || claim("data.account_type");
        assert!(holds(account().at_least(1), json!({"data": {"account_type": 1}})));
        assert!(!holds(
            account().at_least(1),
            json!({"data": {"account_type": 0.9}})
        ));
        assert!(!holds(
            account().at_least(1),
            json!({"data": {"account_type": "9"}})
        ));
        assert!(!holds(account().at_least(0), json!({})));
        assert!(holds(
            account().is("staff"),
            json!({"data": {"account_type": "staff"}})
        ));
        assert!(!holds(
            account().is(true),
            json!({"data": {"account_type": "true"}})
        ));
        assert!(holds(
            claim("scope").contains("write"),
            json!({"scope": "read write"})
        ));
        assert!(!holds(
            claim("scope").contains("write"),
            json!({"scope": "overwrite"})
        ));
        assert!(holds(claim("roles").contains("a"), json!({"roles": ["b", "a"]})));
    }

    #[test]
    fn nothing_holds_of_nobody() {
        let always = Condition::of(|_| true);
        for condition in [
            always.clone(),
            always.clone().and(always.clone()),
            always.or(signed_in()),
        ] {
            let error = condition.check(&Identity::ANONYMOUS).unwrap_err();
            assert_eq!(error.code(), Code::Unauthenticated);
        }
        let no = claim("a").is(1).check(&Identity::of("ada")).unwrap_err();
        assert_eq!(no.code(), Code::Forbidden);
    }
}
