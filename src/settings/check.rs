//! What settings are refused, all of them at once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::domain::{
    ApprovalRules, BareAddress, CourierWeights, GateRules, LinkPattern, MayPass, PickupScan, Problems,
    RegionCode, ReturnRules, ReturnShipping, Rule, Rules, Sender, Severity, ShippingFee, SlipRules, TaxRule,
    WaitRules, WeightRules,
};
use crate::log;
use crate::outside::Collector;
use crate::settings::bounds::{is_country, within};
use crate::settings::operations::OperationsSettings;
use crate::settings::secret::Secret;
use crate::settings::values::{
    CourierInterface, CourierProvider, LetterSettings, Limits, Mail, MailProvider, PaymentProvider, Settings,
    Smtp, SmtpTls, Webhooks,
};
use crate::traces;

impl Settings {
    pub(super) fn check(&self, bad: &mut Problems) {
        let Self {
            listen: _,
            data_dir,
            database_url,
            insecure_listen: _,
            insecure_durability: _,
            access,
            archive,
            browsers,
            events,
            payment_provider: PaymentProvider::Sandbox,
            sandbox_beyond_loopback: _,
            letters,
            limits,
            log,
            mail,
            operations,
            couriers,
            rules,
            seller,
            tls,
            webhooks,
        } = self;

        self.check_addresses(bad);
        if data_dir.as_os_str().is_empty() {
            bad.add("data_dir", "must not be empty");
        }
        if let Some(Secret(url)) = database_url
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            bad.add("database_url", "must start with postgres://");
        }
        letters.check(bad);
        if let Err(why) = log::filter(&log.filter) {
            bad.add("log.filter", why);
        }
        access.check(bad);
        access.check_certificates(tls, bad);
        archive.check(bad);
        events.check(bad);
        browsers.check(bad);
        tls.check(bad);
        limits.check(bad);
        mail.check(limits, bad);
        operations.check(bad);
        for (code, courier) in couriers {
            check_courier(&format!("couriers.{code}"), courier, bad);
        }
        check_rules(rules, bad);
        seller.check(bad);
        webhooks.check(bad);
    }
}

impl Settings {
    /// Beyond loopback only for callers who prove who they are, and not in the clear.
    fn check_addresses(&self, bad: &mut Problems) {
        let believed = !self.access.knows_callers() && !self.access.require_keys;
        let anybody = believed && self.tls.client_authorities.is_none();
        let why_not = match (anybody, self.tls.certificate.is_none()) {
            (true, _) => Some("callers are not authenticated"),
            (false, true) => Some("keys would travel in the clear"),
            (false, false) => None,
        };
        let doors = [("listen", Some(&self.listen)), ("operations.listen", self.operations.listen.as_ref())];
        for (key, address) in doors.into_iter().filter(|_| !self.insecure_listen) {
            if let (Some(address), Some(why)) = (address.filter(|it| !it.ip().is_loopback()), why_not) {
                let message =
                    format!("{address} is open to others, and {why}: set insecure_listen if that is meant");
                bad.add(key, message);
            }
        }
        let Self { listen, sandbox_beyond_loopback, .. } = self;
        if !listen.ip().is_loopback() && !sandbox_beyond_loopback {
            let message = format!(
                "{listen} is open to others, and the sandbox lets them pay without money: set sandbox_beyond_loopback if \
                 that is meant"
            );
            bad.add("payment_provider", message);
        }
    }
}

impl LetterSettings {
    fn check(&self, bad: &mut Problems) {
        let Self { language: _, templates: _, tracking_url, feedback_url, review_url, texts_kept_days } =
            self;
        within(bad, "letters.texts_kept_days", *texts_kept_days, 0, 36_500);
        for (key, url) in [("feedback_url", feedback_url), ("review_url", review_url)] {
            if url.as_ref().is_some_and(LinkPattern::names_parcel) {
                let why = "may not hold {tracking_number}: it is about the whole order";
                bad.add(format!("letters.{key}"), why);
            }
        }
        for (key, url) in [("tracking_url", tracking_url), ("review_url", review_url)] {
            if url.as_ref().is_some_and(LinkPattern::names_feedback_token) {
                let why =
                    "may not hold {feedback_token}: only the page where a delivery is rated may know it";
                bad.add(format!("letters.{key}"), why);
            }
        }
    }
}

impl Mail {
    fn check(&self, limits: &Limits, bad: &mut Problems) {
        let Self { provider, from, reply_to, folder, program, smtp } = self;
        if from.parse::<Sender>().is_err() {
            bad.add("mail.from", "must be an e-mail address, or a name and an address in <>");
        }
        if !reply_to.is_empty() && reply_to.parse::<BareAddress>().is_err() {
            bad.add("mail.reply_to", "must be one bare e-mail address, such as help@shop.example");
        }
        // A key of another provider says that something else was meant.
        if folder.is_some() && *provider != MailProvider::Folder {
            bad.add("mail.folder", "is for the provider folder");
        }
        match (program.is_some(), *provider == MailProvider::Program) {
            (true, false) => bad.add("mail.program", "is for the provider program"),
            (false, true) => bad.add("mail.program", "has to be set for the provider program"),
            (true, true) | (false, false) => {}
        }
        match (smtp.host.is_empty(), *provider == MailProvider::Smtp) {
            (false, false) => bad.add("mail.smtp.host", "is for the provider smtp"),
            (true, true) => bad.add("mail.smtp.host", "has to be set for the provider smtp"),
            (false, true) => smtp.check(limits, bad),
            (true, false) => {}
        }
    }
}

impl Smtp {
    fn check(&self, limits: &Limits, bad: &mut Problems) {
        let Self {
            host,
            port: _,
            tls,
            ca_file,
            user,
            password,
            hello,
            connections,
            connect_seconds,
            answer_seconds,
        } = self;
        let name = |it: &str| it.len() <= 253 && it.bytes().all(|it| it.is_ascii_graphic());
        if !name(host) {
            bad.add("mail.smtp.host", "must be a name or an address, without a port");
        }
        if !name(hello) {
            bad.add("mail.smtp.hello", "must be a name such as orders.shop.example");
        }
        let is_here = ["localhost", "127.0.0.1", "::1"].contains(&host.as_str());
        if *tls == SmtpTls::None && ca_file.is_some() {
            bad.add("mail.smtp.ca_file", "is of no use without TLS: set mail.smtp.tls");
        }
        if *tls == SmtpTls::None && !user.is_empty() && !is_here {
            bad.add(
                "mail.smtp.tls",
                "none would send the password in the clear: starttls or implicit is needed",
            );
        }
        if user.is_empty() != password.is_empty() {
            bad.add("mail.smtp.user", "goes together with mail.smtp.password");
        }
        within(bad, "mail.smtp.connections", *connections, 1, 64);
        within(bad, "mail.smtp.connect_seconds", *connect_seconds, 1, 300);
        within(bad, "mail.smtp.answer_seconds", *answer_seconds, 1, 600);
        if connect_seconds.saturating_add(*answer_seconds) > limits.lease_seconds / 2 {
            bad.add(
                "mail.smtp.answer_seconds",
                "must, with mail.smtp.connect_seconds, not be more than half of limits.lease_seconds",
            );
        }
    }
}

/// A secret that can be guessed is none.
const SECRET_BYTES: RangeInclusive<usize> = 16..=256;

impl Webhooks {
    fn check(&self, bad: &mut Problems) {
        let Self { listen, body_bytes, connections, request_seconds, window_seconds, secrets } = self;
        within(bad, "webhooks.body_bytes", *body_bytes, 1_024, 4 * 1_048_576);
        within(bad, "webhooks.connections", *connections, 1, 100_000);
        within(bad, "webhooks.request_seconds", *request_seconds, 1, 300);
        within(bad, "webhooks.window_seconds", *window_seconds, 1, 86_400);
        if listen.is_some() && secrets.is_empty() {
            bad.add("webhooks.secrets", "must name a courier: nobody else is listened to");
        }
        for (courier, secret) in secrets {
            if !SECRET_BYTES.contains(&secret.bytes().len()) {
                let (least, most) = (SECRET_BYTES.start(), SECRET_BYTES.end());
                bad.add(format!("webhooks.secrets.{courier}"), format!("must have {least} to {most} bytes"));
            }
        }
    }
}

impl OperationsSettings {
    fn check(&self, bad: &mut Problems) {
        // Where it may listen is checked beside the gRPC port's address.
        let Self {
            listen: _,
            behind_tls: _,
            connections,
            request_seconds,
            otlp_endpoint,
            otlp_metrics_seconds,
        } = self;
        if let Some(url) = otlp_endpoint {
            bad.take("operations.otlp_endpoint", Collector::new(url).map(drop));
            if !traces::ARE_THERE {
                bad.add("operations.otlp_endpoint", "this program was built without the feature otlp");
            }
        }
        within(bad, "operations.connections", *connections, 1, 10_000);
        within(bad, "operations.request_seconds", *request_seconds, 1, 300);
        within(bad, "operations.otlp_metrics_seconds", *otlp_metrics_seconds, 0, 3_600);
    }
}

impl Limits {
    pub(super) fn check(&self, bad: &mut Problems) {
        let Self {
            message_bytes,
            response_bytes,
            header_bytes,
            connections,
            streams_per_connection,
            calls,
            streams,
            imports,
            queue,
            group_max,
            writer_lanes,
            readers,
            drawings,
            recent_orders,
            page_size,
            page_size_max,
            deadline_seconds,
            requests_kept_hours,
            heartbeat_seconds,
            slow_reader_seconds,
            greeting_seconds,
            keepalive_seconds,
            keepalive_timeout_seconds,
            connection_age_seconds,
            shutdown_seconds,
            lease_seconds,
        } = self;

        for (key, value, least, most) in [
            ("message_bytes", message_bytes, 1_024, 4 * 1_048_576),
            ("response_bytes", response_bytes, 65_536, 64 * 1_048_576),
            ("header_bytes", header_bytes, 1_024, 1_048_576),
            ("connections", connections, 1, 1_000_000),
            ("streams_per_connection", streams_per_connection, 1, 100_000),
            ("calls", calls, 1, 100_000),
            ("streams", streams, 1, 100_000),
            ("imports", imports, 1, 1_000),
            ("queue", queue, 1, 1_000_000),
            // With 100 lines each, and as many in each of the overdue orders that make way for them, not more products
            // than SQLite takes in one question.
            ("group_max", group_max, 1, 180),
            ("writer_lanes", writer_lanes, 1, 64),
            ("readers", readers, 1, 256),
            ("drawings", drawings, 1, 64),
            ("recent_orders", recent_orders, 0, 1_000_000),
            ("page_size", page_size, 1, *page_size_max),
            ("page_size_max", page_size_max, 1, 200),
            ("deadline_seconds", deadline_seconds, 1, 300),
            ("requests_kept_hours", requests_kept_hours, 1, 8_760),
            ("heartbeat_seconds", heartbeat_seconds, 1, 300),
            ("slow_reader_seconds", slow_reader_seconds, 1, 3_600),
            ("greeting_seconds", greeting_seconds, 1, 300),
            ("keepalive_seconds", keepalive_seconds, 1, 7_200),
            ("keepalive_timeout_seconds", keepalive_timeout_seconds, 1, 300),
            ("connection_age_seconds", connection_age_seconds, 0, 604_800),
            ("shutdown_seconds", shutdown_seconds, 1, 300),
            ("lease_seconds", lease_seconds, 1, 3_600),
        ] {
            within(bad, &format!("limits.{key}"), *value, least, most);
        }
    }
}

const DAY: u64 = 86_400;

fn check_company_name(company_name: &str, bad: &mut Problems) {
    if company_name.chars().count() > 100 || company_name.chars().any(char::is_control) {
        bad.add("rules.company_name", "must have at most 100 characters, none of them a line break");
    }
}

fn check_rules(rules: &Rules, bad: &mut Problems) {
    let Rules {
        company_name,
        regions,
        taxes,
        shipping_fees,
        approval,
        blocked_customers: _,
        verification,
        assessed_risk: _,
        duplicate_window_seconds: _,
        reservation_lifetime_seconds: _,
        confirmed_reservation_lifetime_seconds: _,
        reservation_lifetime_max_seconds: _,
        reservations_per_caller: _,
        waiting,
        approval_lifetime_seconds: _,
        allocation: _,
        allocation_by_region,
        courier_record,
        handling_hours,
        transit_days,
        close_after_seconds: _,
        archive_after_seconds: _,
        next_purchase_discount_ppm,
        next_purchase_valid_days,
        package_weight,
        returns,
        invoice_series,
        credit_note_series,
        supplement_series,
        payment_terms_days: _,
        message_lifetime_seconds: _,
        slips,
        stuck_after_seconds,
        booked_couriers: _,
        seller: _,
        sends_invoices: _,
        archive_key: _,
        pickup_scan: PickupScan::Handover | PickupScan::Wait,
        keep_invoices_years: _,
    } = rules;

    check_company_name(company_name, bad);
    check_regions(regions, allocation_by_region.keys(), bad);
    check_taxes(taxes, bad);
    for (index, ShippingFee { region, fee_minor, .. }) in shipping_fees.iter().enumerate() {
        if !regions.contains_key(region) {
            bad.add(format!("rules.shipping_fees.{index}.region"), format!("there is no region {region}"));
        }
        within(bad, &format!("rules.shipping_fees.{index}.fee_minor"), *fee_minor, 0, i64::MAX);
    }
    check_approval(approval, bad);
    check_verification(verification, bad);
    check_lifetimes(rules, bad);
    check_waiting(waiting, bad);
    check_courier_record(courier_record, bad);
    within(bad, "rules.handling_hours", *handling_hours, 0, 8_760);
    for (service, days) in transit_days {
        within(bad, &format!("rules.transit_days.{service}"), *days, 0, 365);
    }
    within(bad, "rules.next_purchase_discount_ppm", *next_purchase_discount_ppm, 0, 1_000_000);
    within(bad, "rules.next_purchase_valid_days", *next_purchase_valid_days, 1, 3_650);
    check_package_weight(package_weight, bad);
    check_returns(returns, bad);
    check_series(invoice_series, supplement_series, credit_note_series, bad);
    check_slips(slips, bad);
    for (gate, seconds) in stuck_after_seconds {
        within(bad, &format!("rules.stuck_after_seconds.{gate}"), *seconds, 0, 365 * DAY);
    }
}

fn check_lifetimes(rules: &Rules, bad: &mut Problems) {
    let (least, most) = (rules.reservation_lifetime_seconds, rules.reservation_lifetime_max_seconds);
    let confirmed = rules.confirmed_reservation_lifetime_seconds;
    within(bad, "rules.reservation_lifetime_seconds", least, 1, 30 * DAY);
    within(bad, "rules.confirmed_reservation_lifetime_seconds", confirmed, 1, 30 * DAY);
    within(bad, "rules.reservations_per_caller", rules.reservations_per_caller, 1, 1_000_000);
    within(bad, "rules.reservation_lifetime_max_seconds", most, least, 365 * DAY);
    within(bad, "rules.message_lifetime_seconds", rules.message_lifetime_seconds, 1, 30 * DAY);
    within(bad, "rules.approval_lifetime_seconds", rules.approval_lifetime_seconds, 1, 365 * DAY);
    within(bad, "rules.duplicate_window_seconds", rules.duplicate_window_seconds, 0, 30 * DAY);
    within(bad, "rules.close_after_seconds", rules.close_after_seconds, 0, 3_650 * DAY);
    within(bad, "rules.archive_after_seconds", rules.archive_after_seconds, 0, 3_650 * DAY);
    within(bad, "rules.keep_invoices_years", rules.keep_invoices_years, 0, 100);
    check_terms(rules.payment_terms_days, least, bad);
}

fn check_waiting(waiting: &WaitRules, bad: &mut Problems) {
    let WaitRules { orders_per_caller, lifetime_seconds, may_pass: MayPass::Nobody | MayPass::Smaller } =
        waiting;
    within(bad, "rules.waiting.orders_per_caller", *orders_per_caller, 1, 1_000_000);
    within(bad, "rules.waiting.lifetime_seconds", *lifetime_seconds, 0, 365 * DAY);
}

fn check_package_weight(weight: &WeightRules, bad: &mut Problems) {
    let WeightRules { packaging_grams, tolerance_grams, tolerance_ppm } = weight;
    within(bad, "rules.package_weight.packaging_grams", *packaging_grams, 0, 1_000_000);
    within(bad, "rules.package_weight.tolerance_grams", *tolerance_grams, 0, 1_000_000);
    within(bad, "rules.package_weight.tolerance_ppm", *tolerance_ppm, 0, 10_000_000);
}

fn check_returns(returns: &ReturnRules, bad: &mut Problems) {
    let ReturnRules {
        shipping: ReturnShipping::WhenAllReturned | ReturnShipping::Never,
        window_days,
        restocking_fee_ppm,
        arrival_seconds,
    } = returns;
    within(bad, "rules.returns.window_days", *window_days, 0, 3_650);
    within(bad, "rules.returns.restocking_fee_ppm", *restocking_fee_ppm, 0, 1_000_000);
    within(bad, "rules.returns.arrival_seconds", *arrival_seconds, 0, 365 * DAY);
}

fn check_terms(terms_days: u32, reservation_seconds: u64, bad: &mut Problems) {
    if u64::from(terms_days) * DAY > reservation_seconds {
        bad.add(
            "rules.payment_terms_days",
            "must not be longer than rules.reservation_lifetime_seconds: an order that is not paid by then expires",
        );
    }
}

/// Credit notes are told apart from invoices. Supplementary invoices are invoices: they may be in one series with the others.
fn check_series(invoice_series: &str, supplement_series: &str, credit_note_series: &str, bad: &mut Problems) {
    let legal = |it: u8| it.is_ascii_alphanumeric() || it == b'-';
    let names = ["invoice_series", "supplement_series", "credit_note_series"];
    let codes = [invoice_series, supplement_series, credit_note_series];
    for (name, series) in names.into_iter().zip(codes) {
        if !(1..=20).contains(&series.len()) || !series.bytes().all(legal) {
            bad.add(format!("rules.{name}"), "must be 1 to 20 letters, digits or -");
        }
    }
    if [invoice_series, supplement_series].contains(&credit_note_series) {
        bad.add("rules.credit_note_series", "must be another one than that of the invoices");
    }
}

fn check_verification(verification: &BTreeMap<Rule, Severity>, bad: &mut Problems) {
    if verification.get(&Rule::RegionServed) == Some(&Severity::Warn) {
        bad.add(
            "rules.verification.REGION_SERVED",
            "cannot be WARN: no stock is kept for a country in no region",
        );
    }
}

fn check_slips(slips: &SlipRules, bad: &mut Problems) {
    let SlipRules {
        estimate_moved_seconds,
        promise_at_risk_seconds,
        promise_missed_seconds,
        pickup_missed_seconds,
        no_scan_seconds,
        approval_expiring_seconds,
        payment_unknown_seconds,
    } = slips;
    for (key, seconds) in [
        ("estimate_moved_seconds", estimate_moved_seconds),
        ("promise_at_risk_seconds", promise_at_risk_seconds),
        ("promise_missed_seconds", promise_missed_seconds),
        ("pickup_missed_seconds", pickup_missed_seconds),
        ("no_scan_seconds", no_scan_seconds),
        ("approval_expiring_seconds", approval_expiring_seconds),
        ("payment_unknown_seconds", payment_unknown_seconds),
    ] {
        within(bad, &format!("rules.slips.{key}"), *seconds, 0, 365 * DAY);
    }
}

fn check_courier(at: &str, courier: &CourierInterface, bad: &mut Problems) {
    let CourierInterface {
        provider: CourierProvider::Karrio,
        url,
        token,
        carrier,
        account,
        services,
        label: _,
        book_pickups: _,
        track_every_minutes,
    } = courier;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web || url.contains(['?', '#', '@', ' ']) {
        bad.add(
            format!("{at}.url"),
            "must be an address such as https://karrio.example, without a name or password",
        );
    }
    let printable = |it: &str| (1..=200).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_graphic());
    if !printable(token.reveal()) {
        bad.add(format!("{at}.token"), "must have 1 to 200 printable characters");
    }
    // They become part of an address.
    let word = |it: &str| {
        (1..=100).contains(&it.len())
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-' || it == b'.')
    };
    if !word(carrier) {
        bad.add(format!("{at}.carrier"), "must be 1 to 100 letters, digits, _, - or .");
    }
    if account.as_deref().is_some_and(|it| !printable(it)) {
        bad.add(format!("{at}.account"), "must have 1 to 200 printable characters");
    }
    if *track_every_minutes != 0 {
        within(bad, &format!("{at}.track_every_minutes"), *track_every_minutes, 5, 10_080);
    }
    if services.is_empty() {
        bad.add(format!("{at}.services"), "must name the courier's word for at least one service level");
    }
    for (level, service) in services {
        if !word(service) {
            bad.add(format!("{at}.services.{level}"), "must be 1 to 100 letters, digits, _, - or .");
        }
    }
}

fn check_regions<'r>(
    regions: &BTreeMap<RegionCode, Vec<String>>,
    with_own_allocation: impl Iterator<Item = &'r RegionCode>,
    bad: &mut Problems,
) {
    for region in with_own_allocation.filter(|it| !regions.contains_key(it)) {
        bad.add(format!("rules.allocation_by_region.{region}"), "is no region of rules.regions");
    }
    for (code, countries) in regions {
        for country in countries {
            let key = format!("rules.regions.{code}");
            if !is_country(country) {
                bad.add(&key, format!("{country:?} is not a country: two capital letters are needed"));
            }
            if let Some((other, _)) =
                regions.iter().find(|(other, them)| *other < code && them.contains(country))
            {
                bad.add(&key, format!("{country} is in {other} already"));
            }
        }
    }
}

fn check_taxes(taxes: &[TaxRule], bad: &mut Problems) {
    for (index, TaxRule { country, category, rate_ppm }) in taxes.iter().enumerate() {
        if country != "*" && !is_country(country) {
            bad.add(format!("rules.taxes.{index}.country"), "must be two capital letters, or * for all");
        }
        if category.is_empty() {
            bad.add(format!("rules.taxes.{index}.category"), "must not be empty; * is for all");
        }
        within(bad, &format!("rules.taxes.{index}.rate_ppm"), *rate_ppm, 0, 1_000_000);
    }
}

fn check_approval(approval: &ApprovalRules, bad: &mut Problems) {
    let ApprovalRules { version, reservation, payment } = approval;
    if version.is_empty() || version.len() > 50 {
        bad.add("rules.approval.version", "must have 1 to 50 characters");
    }
    for (name, GateRules { automatic_up_to_minor, .. }) in
        [("reservation", reservation), ("payment", payment)]
    {
        for (currency, minor) in automatic_up_to_minor {
            within(
                bad,
                &format!("rules.approval.{name}.automatic_up_to_minor.{currency}"),
                *minor,
                0,
                i64::MAX,
            );
        }
    }
}

fn check_courier_record(weights: &CourierWeights, bad: &mut Problems) {
    let CourierWeights { late_ppm, damaged_ppm, rating_ppm, least } = weights;
    within(bad, "rules.courier_record.late_ppm", *late_ppm, 0, 1_000_000);
    within(bad, "rules.courier_record.damaged_ppm", *damaged_ppm, 0, 1_000_000);
    within(bad, "rules.courier_record.rating_ppm", *rating_ppm, 0, 1_000_000);
    within(bad, "rules.courier_record.least", *least, 1, 1_000_000);
}
