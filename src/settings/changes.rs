//! What of the settings has changed since the server started and waits for the next start.

use crate::settings::access::AccessSettings;
use crate::settings::values::{Log, Settings};

impl Settings {
    /// The keys and groups whose values are others than these. What a running server takes over is left out.
    pub fn waiting_for_a_restart(&self, started_with: &Self) -> Vec<&'static str> {
        let Self {
            listen,
            data_dir,
            database_url,
            insecure_listen,
            insecure_durability,
            access,
            archive,
            events,
            browsers,
            payment_provider,
            sandbox_beyond_loopback,
            letters,
            limits,
            log: Log { format, filter: _ },
            mail,
            operations,
            couriers,
            rules,
            seller,
            tls,
            webhooks,
        } = started_with;
        let known_callers = AccessSettings {
            keys: self.access.keys.clone(),
            certificates: self.access.certificates.clone(),
            ..access.clone()
        };
        let changed = [
            ("listen", *listen != self.listen),
            ("data_dir", *data_dir != self.data_dir),
            ("database_url", *database_url != self.database_url),
            ("insecure_listen", *insecure_listen != self.insecure_listen),
            ("insecure_durability", *insecure_durability != self.insecure_durability),
            ("access", known_callers != self.access),
            ("archive", *archive != self.archive),
            ("events", *events != self.events),
            ("browsers", *browsers != self.browsers),
            ("payment_provider", *payment_provider != self.payment_provider),
            ("sandbox_beyond_loopback", *sandbox_beyond_loopback != self.sandbox_beyond_loopback),
            ("letters", *letters != self.letters),
            ("limits", *limits != self.limits),
            ("log.format", *format != self.log.format),
            ("mail", *mail != self.mail),
            ("operations", *operations != self.operations),
            ("couriers", *couriers != self.couriers),
            ("rules", *rules != self.rules),
            ("seller", *seller != self.seller),
            ("tls", *tls != self.tls),
            ("webhooks", *webhooks != self.webhooks),
        ];
        changed.into_iter().filter(|it| it.1).map(|it| it.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::settings::access::KeySettings;
    use crate::settings::secret::Secret;

    #[test]
    fn what_a_running_server_takes_over_waits_for_nothing() {
        let before = Settings::default();
        let mut now = before.clone();
        assert!(now.waiting_for_a_restart(&before).is_empty());
        let key = KeySettings { sha256: Vec::new(), roles: Vec::new(), expires: None, names_persons: false };
        now.access.keys.insert("shop".to_owned(), key);
        now.log.filter = "warn".to_owned();
        assert!(now.waiting_for_a_restart(&before).is_empty());

        now.access.require_keys = true;
        now.limits.queue += 1;
        now.database_url = Some(Secret::new("postgres://u:p@h/d"));
        assert_eq!(now.waiting_for_a_restart(&before), ["database_url", "access", "limits"]);
    }
}
