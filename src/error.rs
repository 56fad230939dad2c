//! What a caller is told when a call fails: one closed list of codes, and the error that carries one.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};
use serde_json::Value;

/// The outcome of a function that may refuse its call.
///
/// Any [`std::error::Error`] converts into a [`CallError`] of code [`Code::Internal`], so `?` works on
/// everything; the caller then sees an incident id, and the log has the cause beside the same id.
pub type Result<T, E = CallError> = std::result::Result<T, E>;

/// Every code that an answer can carry. Clients may rely on this list being closed.
///
/// ```
/// use updraft::{CallError, Code, Result};
///
/// async fn rename(name: String) -> Result<()> {
///     match name.trim() {
///         "" => Err(CallError::new(Code::InvalidData, "a name has letters")),
///         _ => Ok(()),
///     }
/// }
/// const _: () = updraft::check_handler(&rename);
/// ```
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The argument is no call: unknown form, broken JSON, base64 or gzip, missing or empty `event`.
    BadCall,
    /// Nothing is registered under that name.
    UnknownEvent,
    /// `data` does not fit what the function takes; `details` names the path and what was expected.
    InvalidData,
    /// The call, packed or unpacked, is over its limit; or the rooms or topics that the socket would then be in.
    TooLarge,
    /// There is no valid identity.
    Unauthenticated,
    /// The identity has no right to this.
    Forbidden,
    /// An expectation (a position, an idempotency key with another body) did not hold. Where others published
    /// meanwhile, the call may be tried again.
    Conflict,
    /// The caller sends more than its share.
    RateLimited,
    /// The server, or this socket's share of it, has no room for the call right now.
    Overloaded,
    /// The function did not finish in time.
    Timeout,
    /// Something that the function needs is away for now.
    Unavailable,
    /// This version of the event is no longer, or not yet, spoken.
    UnsupportedVersion,
    /// The server's own fault. Carries an incident id that is also in the log, and nothing else.
    Internal,
}

impl Code {
    /// All of them, in the order in which they are declared.
    pub const ALL: [Self; 13] = [
        Self::BadCall,
        Self::UnknownEvent,
        Self::InvalidData,
        Self::TooLarge,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Conflict,
        Self::RateLimited,
        Self::Overloaded,
        Self::Timeout,
        Self::Unavailable,
        Self::UnsupportedVersion,
        Self::Internal,
    ];

    /// The code as it stands on the wire.
    ///
    /// ```
    /// assert_eq!(updraft::Code::InvalidData.as_str(), "invalid_data");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadCall => "bad_call",
            Self::UnknownEvent => "unknown_event",
            Self::InvalidData => "invalid_data",
            Self::TooLarge => "too_large",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later, unchanged: of some errors of another code too
    /// ([`CallError::may_be_retried`]).
    pub const fn may_be_retried(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::Overloaded | Self::Timeout | Self::Unavailable
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a call failed, as its caller is told: `{code, message, retry, details?}`.
///
/// It does not implement [`std::error::Error`] itself, so that every type that does can convert into
/// it with `?` (the way `anyhow::Error` does it).
///
/// ```
/// use updraft::{CallError, Code};
///
/// let error = CallError::new(Code::Forbidden, "only the owner may move this card");
/// assert_eq!(
///     serde_json::to_value(&error).unwrap(),
///     serde_json::json!({"code": "forbidden", "message": "only the owner may move this card", "retry": false}),
/// );
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CallError(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    code: Code,
    message: Cow<'static, str>,
    retry: bool,
    details: Option<Value>,
}

impl CallError {
    /// An error with a code and a message in plain words for the caller.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            retry: code.may_be_retried(),
            details: None,
        }))
    }

    /// The same error with machine-readable details, for instance `{"after_ms": 500}`.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    /// The same error of a call that may succeed later, unchanged, although its code does not say so: a conflict
    /// with what others did meanwhile.
    ///
    /// ```
    /// use updraft::{CallError, Code};
    ///
    /// let taken = CallError::new(Code::Conflict, "the seat is held by another client").retryable();
    /// assert!(taken.may_be_retried() && !Code::Conflict.may_be_retried());
    /// ```
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retry = true;
        self
    }

    /// The same error as the answer that a call keeps, however often it is tried again.
    #[must_use]
    pub(crate) fn for_good(mut self) -> Self {
        self.0.retry = false;
        self
    }

    /// The server's own fault: logs the cause under a fresh incident id and tells the caller that id only.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let incident = incident_id();
        tracing::error!(%incident, "a call failed: {cause}");
        Self::new(Code::Internal, format!("internal error, incident {incident}"))
            .with_details(serde_json::json!({ "incident": incident }))
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Whether the same call may succeed later, unchanged.
    pub fn may_be_retried(&self) -> bool {
        self.0.retry
    }

    /// The message, in plain words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details, where there are any.
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }
}

impl<E: std::error::Error> From<E> for CallError {
    fn from(error: E) -> Self {
        Self::internal(Causes(&error))
    }
}

/// An error with all its sources on one line.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl Serialize for CallError {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let fields = 3 + usize::from(self.0.details.is_some());
        let mut object = serializer.serialize_struct("CallError", fields)?;
        object.serialize_field("code", self.code().as_str())?;
        object.serialize_field("message", self.message())?;
        object.serialize_field("retry", &self.may_be_retried())?;
        if let Some(details) = &self.0.details {
            object.serialize_field("details", details)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for CallError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Object {
            code: Code,
            message: String,
            retry: Option<bool>,
            details: Option<Value>,
        }
        let Object {
            code,
            message,
            retry,
            details,
        } = Object::deserialize(deserializer)?;
        let message = message.into();
        Ok(Self(Box::new(Inner {
            code,
            message,
            retry: retry.unwrap_or_else(|| code.may_be_retried()),
            details,
        })))
    }
}

/// Ten random hexadecimal digits; all zero where the system has no randomness to give.
fn incident_id() -> String {
    let mut bytes = [0; 5];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!("no randomness for an incident id: {error}");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_becomes_internal_and_keeps_its_text_to_itself() {
        fn fails() -> Result<u8> {
            Ok("no number".parse::<u8>()?)
        }
        let error = fails().unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(!error.message().contains("digit"), "{error}");
        let incident = error.details().unwrap()["incident"].as_str().unwrap();
        assert!(error.message().contains(incident));
    }

    #[test]
    fn the_list_of_codes_is_whole_and_in_order() {
        for (place, code) in Code::ALL.into_iter().enumerate() {
            assert_eq!(code as usize, place, "{code}");
        }
        // A code added after the last fails here.
        assert_eq!(Code::Internal as usize + 1, Code::ALL.len());
    }

    #[test]
    fn exactly_the_load_and_availability_codes_may_be_retried() {
        let retried = [
            Code::RateLimited,
            Code::Overloaded,
            Code::Timeout,
            Code::Unavailable,
        ];
        assert!(retried.iter().all(|code| code.may_be_retried()));
        assert!(!Code::Internal.may_be_retried());
        assert!(!Code::Conflict.may_be_retried());
    }

    #[test]
    fn an_error_that_may_be_retried_says_so_wherever_it_goes() {
        let conflict = CallError::new(Code::Conflict, "the topic has moved on");
        for (error, retry) in [(conflict.clone(), false), (conflict.retryable(), true)] {
            let written = serde_json::to_value(&error).unwrap();
            assert_eq!(written["retry"], retry);
            assert_eq!(serde_json::from_value::<CallError>(written).unwrap(), error);
        }
        let unsaid = serde_json::json!({"code": "timeout", "message": "no result"});
        assert!(
            serde_json::from_value::<CallError>(unsaid)
                .unwrap()
                .may_be_retried()
        );
    }
}
