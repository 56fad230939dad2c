//! `auth.refresh`: a new token in place of the one that ends.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{
    authenticator::Authenticator,
    credentials::{Credentials, too_large},
};
use crate::{
    call::{
        context::Context,
        extract::{Json, State},
        module::Module,
    },
    error::{CallError, Code, Result},
    feed::{self, Feed},
};

/// The functions under `auth.`.
pub(crate) fn module() -> Module {
    Module::reserved("auth").on("refresh", refresh)
}

#[derive(Deserialize)]
struct Refresh {
    token: String,
}

#[derive(Serialize)]
struct Refreshed {
    subject: Option<String>,
    expires: Option<u64>,
}

async fn refresh(
    Json(Refresh { token }): Json<Refresh>,
    State(auth): State<Authenticator>,
    cx: Context,
) -> Result<Json<Refreshed>> {
    let most = auth.config().max_token;
    if token.len() > most {
        return Err(too_large(most));
    }
    let identified = auth.authenticate(Credentials::of(token)).await?;
    let identity = identified.identity.clone();
    let before = cx.identity();
    if !before.is_anonymous() && before.subject() != identity.subject() {
        return Err(CallError::new(Code::Forbidden, "the token has another subject"));
    }
    cx.identify(identity.clone())?;
    cx.confirmed().await?;
    if let Err(error) = auth.check_again(&identified) {
        cx.identify(before)?;
        return Err(error);
    }
    if let Some(feed) = cx.state::<Feed>() {
        // In a task of its own, which goes on to the end also where this call is given up.
        let _ = tokio::spawn(feed::ask_again(feed, cx.clone())).await;
    }
    Ok(Json(Refreshed {
        subject: identity.subject().map(str::to_owned),
        expires: identity.expires().map(milliseconds),
    }))
}

/// As the time of events: since 1970.
pub(super) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
