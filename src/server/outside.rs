//! Makes what the settings name: the payment provider, the mail, the couriers, the subscribers, the seller, the letters, and
//! how long things are kept.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::documents::{LOGO_BYTES_MAX, check_logo};
use crate::domain::{CourierCode, Letters, Problems, Seller, Sender};
use crate::outside::{
    CourierInterface, FileMail, Karrio, LabelType, Login, Mail, OutsideCalls, PaymentProvider, Relay,
    Sandbox, Sendmail, Smtp, Tls,
};
use crate::server::error::ServeError;
use crate::settings::{self, EventSettings, LetterSettings, Settings};
use crate::work::{KeptFor, KnownSubscriber, KnownSubscribers, Subscriber};

pub(crate) fn payment_provider(settings: &Settings) -> Result<Arc<dyn PaymentProvider>, ServeError> {
    match settings.payment_provider {
        settings::PaymentProvider::Sandbox => {
            tracing::warn!("payments go to the sandbox provider: no money moves");
            let path = settings.data_dir.join("sandbox-payments");
            let sandbox = Sandbox::open(&path).map_err(|source| ServeError::Folder { path, source })?;
            Ok(Arc::new(sandbox))
        }
    }
}

pub(super) fn mail(settings: &Settings) -> Result<Arc<dyn Mail>, ServeError> {
    let mut sender: Sender = settings.mail.from.parse().map_err(ServeError::Sender)?;
    if sender.name.is_empty() {
        sender.name.clone_from(&settings.rules.company_name);
    }
    if !settings.mail.reply_to.is_empty() {
        sender.reply_to = Some(settings.mail.reply_to.parse().map_err(ServeError::ReplyTo)?);
    }
    match settings.mail.provider {
        settings::MailProvider::Folder => {
            let path = settings.messages_folder();
            let folder = FileMail::new(&path, sender);
            Ok(Arc::new(folder.map_err(|source| ServeError::Folder { path, source })?))
        }
        settings::MailProvider::Program => {
            Ok(Arc::new(Sendmail::new(settings.mail.program.clone().unwrap_or_default(), sender)))
        }
        settings::MailProvider::Smtp => {
            let smtp = Smtp::new(relay(&settings.mail.smtp), sender).map_err(ServeError::Authorities)?;
            Ok(Arc::new(smtp))
        }
    }
}

fn relay(smtp: &settings::Smtp) -> Relay {
    let given = |it: &String| Some(it.clone()).filter(|it| !it.is_empty());
    let login = |user| Login { user, password: smtp.password.reveal().to_owned() };
    Relay {
        host: smtp.host.clone(),
        port: smtp.port(),
        tls: match smtp.tls {
            settings::SmtpTls::None => Tls::None,
            settings::SmtpTls::StartTls => Tls::StartTls,
            settings::SmtpTls::Implicit => Tls::Implicit,
        },
        ca_file: smtp.ca_file.clone(),
        login: given(&smtp.user).map(login),
        hello: given(&smtp.hello),
        connections: usize::try_from(smtp.connections).unwrap_or(usize::MAX),
        connect_within: smtp.connect_within(),
        answer_within: smtp.answer_within(),
    }
}

/// Who sells, with the logo; None: nothing is known of them.
pub(super) fn seller(settings: &Settings) -> Result<Option<Seller>, ServeError> {
    let Some(path) = &settings.seller.logo else { return Ok(settings.seller(Vec::new())) };
    let told = |why: String| ServeError::Logo(format!("{}: {why}", path.display()));
    let size = fs::metadata(path).map_err(|it| told(it.to_string()))?.len();
    // Too large a file is not read to say so.
    if size > LOGO_BYTES_MAX {
        return Err(told(format!("a logo has at most {LOGO_BYTES_MAX} bytes")));
    }
    let logo = fs::read(path).map_err(|it| told(it.to_string()))?;
    check_logo(&logo).map_err(told)?;
    Ok(settings.seller(logo))
}

/// Letters, with the shop's own templates if there are some.
pub(super) fn letters(chosen: &LetterSettings) -> Result<Letters, ServeError> {
    let own = match &chosen.templates {
        Some(folder) => settings::templates_in(folder).map_err(ServeError::Templates)?,
        None => BTreeMap::new(),
    };
    let letters = Letters::new(chosen.language, chosen.links(), &own);
    letters.map_err(|faults| ServeError::Templates(faults.join("\n")))
}

/// The couriers that are booked through an interface.
pub(super) fn couriers(
    settings: &Settings,
) -> Result<BTreeMap<CourierCode, Arc<dyn CourierInterface>>, ServeError> {
    let connect = |(code, it): (&CourierCode, &settings::CourierInterface)| {
        let label = match it.label {
            settings::CourierLabel::Pdf => LabelType::Pdf,
            settings::CourierLabel::Zpl => LabelType::Zpl,
        };
        let settings::CourierProvider::Karrio = it.provider;
        let (carrier, account, services) = (it.carrier.clone(), it.account.clone(), it.services.clone());
        let karrio = Karrio::new(&it.url, it.token.reveal(), carrier, account, services, label);
        let karrio: Arc<dyn CourierInterface> = Arc::new(karrio.ok_or(ServeError::Courier(code.clone()))?);
        Ok((code.clone(), karrio))
    };
    settings.couriers.iter().map(connect).collect()
}

/// Who is told of events, by settings that were checked.
pub(super) fn subscribers(settings: &EventSettings, calls: &OutsideCalls) -> Vec<Subscriber> {
    let known = settings.subscribers.iter().filter_map(|(name, it)| {
        let receiver = it.receiver(&mut Problems::default())?;
        let answer_within = Duration::from_secs(it.answer_within_seconds.into());
        Some(Subscriber {
            name: name.clone(),
            receiver,
            kinds: it.types.clone(),
            answer_within,
            calls: calls.clone(),
        })
    });
    known.collect()
}

/// The same as the API shows them, and whether calls may make others beside this server.
pub(super) fn known_subscribers(settings: &EventSettings, calls: &OutsideCalls) -> KnownSubscribers {
    let known = subscribers(settings, calls).into_iter().map(|it| {
        let Subscriber { name, receiver, kinds, answer_within: _, calls: _ } = it;
        (name, KnownSubscriber { address: receiver.address(), kinds })
    });
    KnownSubscribers::new(known.collect(), settings.private_addresses, calls.clone())
}

/// How long what is forgotten in time is kept.
pub(super) fn kept_for(settings: &Settings) -> KeptFor {
    let days = |it: u32| (it > 0).then(|| Duration::from_secs(u64::from(it) * 86_400));
    KeptFor {
        requests: settings.limits.requests_kept_for(),
        texts: days(settings.letters.texts_kept_days),
        deliveries: days(settings.events.given_up_kept_days),
    }
}
