//! What carries emits to the other nodes: a Redis where one is named; else the database that they share.

use std::sync::Arc;

#[cfg(feature = "redis")]
use futures_util::future::BoxFuture;

use super::{notified::Notified, start_error::StartError};
#[cfg(feature = "postgres")]
use crate::net::rooms::bus::postgres::PostgresBus;
#[cfg(feature = "redis")]
use crate::net::rooms::bus::redis::{Membership, Part, RedisBus};
use crate::{call::registry::Registry, config::Config, net::rooms::bus::Bus};

/// Opens it, for the namespaces that are declared by name.
pub(super) async fn open(
    config: &Config,
    registry: &Registry,
    notified: Notified,
) -> Result<Option<Arc<dyn Bus>>, StartError> {
    let declared = registry.namespaces().iter().filter(|table| table.is_exact());
    let declared: Vec<Arc<str>> = declared.map(|table| table.name().into()).collect();
    #[cfg(feature = "redis")]
    if let Some(redis) = &config.bus.redis {
        let part = Part {
            prefix: &config.bus.prefix,
            membership: match config.bus.member {
                true => Membership::Member,
                false => Membership::Listener,
            },
        };
        let opening: BoxFuture<'_, _> = Box::pin(RedisBus::open(redis.as_str(), part, &declared));
        return Ok(Some(Arc::new(opening.await?)));
    }
    #[cfg(feature = "postgres")]
    if let (Some(database), Some(notified)) = (&config.journal.database, notified.clone()) {
        let bus = PostgresBus::open(database.as_str(), notified, &declared).await?;
        return Ok(Some(Arc::new(bus)));
    }
    let _ = (config, declared, notified);
    Ok(None)
}
