//! The first line of the log: what starts here, with what, and what somebody chose to do without.

use crate::settings::{PaymentProvider, Settings};
use crate::store::Store;

/// Says it before anything else is done, as the settings have it: only the database knows whether it has API keys.
pub(super) fn tell_start(settings: &Settings) {
    let Settings { listen, operations, webhooks, payment_provider, mail, couriers, .. } = settings;
    let database = match &settings.database_url {
        Some(url) => url.to_string(),
        None => settings.sqlite_file().display().to_string(),
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        %listen,
        operations = ?operations.listen,
        webhooks = ?webhooks.listen,
        database,
        schema = Store::migrations().pop(),
        payments = ?payment_provider,
        mail = ?mail.provider,
        couriers = couriers.len(),
        insecure = insecure(settings).join("; "),
        "starting"
    );
}

/// Protections that are off.
fn insecure(settings: &Settings) -> Vec<&'static str> {
    let Settings { access, tls, .. } = settings;
    let found = [
        (
            !access.knows_callers() && !access.require_keys,
            "callers are believed to be who they say, unless the database has an API key",
        ),
        (tls.certificate.is_none(), "nothing is encrypted on the way"),
        (settings.insecure_listen, "anybody may reach it (insecure_listen)"),
        (settings.insecure_durability, "PostgreSQL may lose what it acknowledged (insecure_durability)"),
        (settings.payment_provider == PaymentProvider::Sandbox, "payments move no money"),
        (
            settings.sandbox_beyond_loopback,
            "whoever reaches it may order for nothing (sandbox_beyond_loopback)",
        ),
    ];
    found.into_iter().filter(|it| it.0).map(|it| it.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protections_that_are_off_are_named_and_no_others() {
        let mut settings = Settings::default();
        let found = insecure(&settings);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("callers are believed"), "{found:?}");
        settings.access.require_keys = true;
        settings.tls.certificate = Some("server.pem".into());
        assert_eq!(insecure(&settings), ["payments move no money"]);
        settings.insecure_listen = true;
        settings.insecure_durability = true;
        settings.sandbox_beyond_loopback = true;
        assert_eq!(insecure(&settings).len(), 4);
    }
}
