//! How long a polling client may take to send what it posts. The engine reads it whole, so that whoever sends a byte now
//! and then would hold it for ever.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, header::CONNECTION};

use super::Limit;
use crate::net::telemetry::Telemetry;

/// Middleware: gives up on a POST that does not come to its end in time, and on its connection.
pub(in crate::net) async fn in_time(
    State((longest, telemetry)): State<(Duration, Arc<Telemetry>)>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    match tokio::time::timeout(longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            telemetry.refused(Limit::Body);
            (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response()
        }
    }
}
