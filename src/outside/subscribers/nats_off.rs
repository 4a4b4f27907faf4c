//! A program without the feature `nats`: settings that name a stream are refused when it starts, and this publishes nothing.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::outside::subscribers::contract::NotTaken;
use crate::outside::subscribers::stream::{NatsServer, NatsStream};

pub(super) struct Publisher;

impl Publisher {
    pub(super) fn new(_: Arc<ClientConfig>) -> Self {
        Self
    }

    pub(super) async fn publish(
        &self,
        _: &NatsServer,
        _: &NatsStream,
        _: &str,
        _: &str,
        _: &str,
    ) -> Result<(), NotTaken> {
        Err(NotTaken::NoAnswer("this program was built without the feature nats".to_owned()))
    }
}
