//! What a company may choose: taxes, fees, lifetimes, approvals.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::model::booking::BookedCouriers;
use crate::domain::model::check::{Risk, Rule, Severity};
use crate::domain::model::money::Currency;
use crate::domain::model::scalars::{Channel, RegionCode, SellerId, ServiceLevel, string_enum};
use crate::domain::model::time::Timestamp;
use crate::domain::model::waiting::StuckGate;

string_enum! {
    /// How locations are chosen that stock is taken from. One that has everything goes before any split, except by
    /// LEAST_COST, where a cheaper split goes first.
    pub enum Allocation {
        /// As few as possible; of equally few, those that come first by priority.
        FewestShipments = "FEWEST_SHIPMENTS",
        /// Each product from the locations that come first by priority.
        Priority = "PRIORITY",
        /// Each product from the locations nearest to the address: those in its country, and of these those whose
        /// postal codes share most of their beginning with its own. Where no address is known, as PRIORITY.
        Nearest = "NEAREST",
        /// From the locations for which couriers ask least together, each for all goods of the order.
        LeastCost = "LEAST_COST",
        /// Each product from the locations whose lots of it expire first; those without lots come last, by priority.
        Fefo = "FEFO",
    }
}

/// Everything that decisions ask the company about. Comes from settings; the default serves three regions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The company as customers know it: letters are signed with it, and it is named as their sender where `mail.from`
    /// names none. At most 100 characters. Empty: the name in `mail.from`, if there is one.
    pub company_name: String,
    /// Which countries (ISO 3166-1 alpha-2) each region serves. A country in no region is not served.
    pub regions: BTreeMap<RegionCode, Vec<String>>,
    /// The first rule that fits (country, category) gives the rate; without one the rate is zero.
    pub taxes: Vec<TaxRule>,
    /// The first that fits (region, service, currency) gives the fee; without one shipping is free.
    pub shipping_fees: Vec<ShippingFee>,
    pub approval: ApprovalRules,
    /// E-mail addresses and E.164 phone numbers that may not order.
    pub blocked_customers: Vec<String>,
    /// What a rule of the verification does that finds something wrong: HOLD stops the order, WARN lets it go on. Left out:
    /// WARN for CONTACT_DETAILS and ADDRESS_DETAILS, HOLD for the rest.
    pub verification: BTreeMap<Rule, Severity>,
    /// What a level of risk does that an outside service assesses: HOLD stops the order, WARN raises its risk. Left out: HOLD
    /// for HIGH, WARN for the rest.
    pub assessed_risk: BTreeMap<Risk, Severity>,
    /// Two orders of the same customer for the same goods within this time are duplicates.
    pub duplicate_window_seconds: u64,
    /// How long stock is kept for an order that is not paid. 1 s to 30 days.
    pub reservation_lifetime_seconds: u64,
    /// How long a cart's reservation is kept at least, from the moment when ConfirmReservation says that it is in checkout.
    pub confirmed_reservation_lifetime_seconds: u64,
    /// How long a cart's reservation may be kept in all, from its making on.
    pub reservation_lifetime_max_seconds: u64,
    /// How many carts one caller may have set stock aside for at a time.
    pub reservations_per_caller: u32,
    /// Orders that wait for stock.
    pub waiting: WaitRules,
    /// How long a pending approval waits before it expires and takes the order along.
    pub approval_lifetime_seconds: u64,
    /// How locations are chosen, unless the region or the call says otherwise.
    pub allocation: Allocation,
    /// How locations are chosen in regions that have a way of their own.
    pub allocation_by_region: BTreeMap<RegionCode, Allocation>,
    /// What couriers' records weigh when one is chosen.
    pub courier_record: CourierWeights,
    /// Working time from payment to pickup, for promises.
    pub handling_hours: u32,
    /// Days on the road that a promise counts with, by service.
    pub transit_days: BTreeMap<ServiceLevel, u32>,
    /// After delivery, how long until an order closes by itself.
    pub close_after_seconds: u64,
    /// After closing, how long until an order is archived by itself.
    pub archive_after_seconds: u64,
    /// The discount on the next purchase that a delivery confirmation offers, in ppm (50 000 = 5 %). Zero: none.
    pub next_purchase_discount_ppm: u32,
    /// On how many days after the delivery that discount can be redeemed.
    pub next_purchase_valid_days: u32,
    /// When a package's weight is warned of.
    pub package_weight: WeightRules,
    pub returns: ReturnRules,
    /// The code of invoice numbers: `INV` gives INV-000001.
    pub invoice_series: String,
    /// Days that a customer has to pay an invoice, at most as long as the goods are set aside. Zero: as long as that.
    pub payment_terms_days: u32,
    /// Of the numbers of credit notes.
    pub credit_note_series: String,
    /// Of the numbers of supplementary invoices.
    pub supplement_series: String,
    /// How long after it was queued a message that cannot be sent is given up. 1 s to 30 days.
    pub message_lifetime_seconds: u64,
    /// Whether a courier's report that it has the goods stands for the handover.
    pub pickup_scan: PickupScan,
    /// For how many years from the end of the year of its last invoice the law keeps what the invoices of an order say of
    /// its customer, whoever asks for it to be erased. 0: it is erased with the rest.
    pub keep_invoices_years: u32,
    pub slips: SlipRules,
    /// After how long at a gate an order stands in ListStuckOrders, by gate. Zero: never. At most a year. Left out: a
    /// quarter of an hour for PROVIDER; an hour for LETTER; 4 for VERIFICATION, RESERVATION_APPROVAL, PAYMENT_APPROVAL,
    /// LABEL and COURIER; 8 for PACKING; a day for HOLD, PAYMENT, PICKING, PICKUP and EXCEPTION; 2 days for SETTLEMENT, 3
    /// for STOCK, 10 for DELIVERY.
    pub stuck_after_seconds: BTreeMap<StuckGate, u64>,
    /// The couriers that are booked through an interface; the settings' `couriers` say which.
    #[serde(skip)]
    pub booked_couriers: BookedCouriers,
    /// Who sells; the settings' `seller` says who that is.
    #[serde(skip)]
    pub seller: Option<SellerId>,
    /// Whether that is enough for an invoice that can be sent.
    #[serde(skip)]
    pub sends_invoices: bool,
    /// The version of the master key that archived orders are sealed under; the settings' `archive` says which. None: they
    /// stay in the open.
    #[serde(skip)]
    pub archive_key: Option<u32>,
}

/// What comes back, and what is paid back for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReturnRules {
    /// Whether the price of the shipping goes back with the goods.
    pub shipping: ReturnShipping,
    /// For how many days after their delivery goods may be sent back.
    pub window_days: u32,
    /// What is kept of the price of goods that come back for the customer's own reasons, in ppm.
    pub restocking_fee_ppm: u32,
    /// How long an authorised return waits for its goods after the last news of them. Zero: without end.
    pub arrival_seconds: u64,
}

string_enum! {
    pub enum ReturnShipping {
        /// With the last unit that is paid back.
        WhenAllReturned = "WHEN_ALL_RETURNED",
        Never = "NEVER",
    }
}

/// How orders wait for stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WaitRules {
    /// How many orders of one caller may wait at a time.
    pub orders_per_caller: u32,
    /// How long an order waits whose caller does not say until when, from when it begins to. Zero: as long as it takes.
    pub lifetime_seconds: u64,
    pub may_pass: MayPass,
}

impl WaitRules {
    /// Until when an order waits that begins to now and whose caller does not say; None: as long as it takes.
    pub fn ends(&self, now: Timestamp) -> Option<Timestamp> {
        let lifetime = Duration::from_secs(self.lifetime_seconds);
        (!lifetime.is_zero()).then(|| now.plus(lifetime))
    }
}

impl Default for WaitRules {
    fn default() -> Self {
        Self { orders_per_caller: 10_000, lifetime_seconds: 0, may_pass: MayPass::default() }
    }
}

/// Who may take units of a product ahead of an order that waits for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MayPass {
    /// First come, first served.
    #[default]
    Nobody,
    /// Who wants fewer units of the product than the order that waits: a large order then waits until there is all of it at
    /// once. Among those that want as many, the first is served first.
    Smaller,
}

/// What a courier's report does of a shipment whose pickup nobody has confirmed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PickupScan {
    /// It stands for the handover: the stock leaves, the customer is told.
    #[default]
    Handover,
    /// It waits until a person confirms the pickup.
    Wait,
}

/// After how long a slip is noticed: one event, one letter where the customer cares, `late` in lists. Zero switches a
/// slip off; at most a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlipRules {
    /// By how much delivery may be expected later than the customer was told last before it is told anew. Once a later
    /// date was told, a sooner one is told in the same way.
    pub estimate_moved_seconds: u64,
    /// How long before the delivery that was told a shipment that has not arrived is at risk. One that has not left when
    /// the courier needs all the time that remains is at risk too.
    pub promise_at_risk_seconds: u64,
    /// How long after the delivery that was told it counts as missed, and the customer gets a letter.
    pub promise_missed_seconds: u64,
    /// How long after the planned pickup a courier that has not come counts as missing.
    pub pickup_missed_seconds: u64,
    /// How long a parcel on the road may go without a report.
    pub no_scan_seconds: u64,
    /// How long before its end a pending approval is about to expire, at most half of its life.
    pub approval_expiring_seconds: u64,
    /// How long a payment provider may owe an answer.
    pub payment_unknown_seconds: u64,
}

/// A package should weigh what is in it and its packaging. It may weigh more or less than that by the larger of the two
/// tolerances, else a warning says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WeightRules {
    /// Weight of box and padding.
    pub packaging_grams: u32,
    pub tolerance_grams: u32,
    /// Of the weight of the contents: 100 000 is 10 %.
    pub tolerance_ppm: u32,
}

/// By how much a courier counts as dearer for its record, in ppm of its price: so the weights fit every currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CourierWeights {
    /// For each percent of its deliveries that were late.
    pub late_ppm: u32,
    /// For each percent of what it carried that was damaged or lost.
    pub damaged_ppm: u32,
    /// For each point that its average rating is below 5.
    pub rating_ppm: u32,
    /// Fewer shipments or ratings than this say nothing.
    pub least: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxRule {
    /// ISO country of the shipping address, or `*`.
    pub country: String,
    /// Tax category of the product, or `*`.
    pub category: String,
    /// 190 000 is 19 %. At most 1 000 000.
    pub rate_ppm: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippingFee {
    pub region: RegionCode,
    pub service: ServiceLevel,
    pub currency: Currency,
    pub fee_minor: i64,
}

/// When a person has to look. Amounts are totals in minor units, per currency; a currency that is not listed
/// always asks a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalRules {
    /// Written into every approval, so that it can be told under which policy it was decided.
    pub version: String,
    pub reservation: GateRules,
    pub payment: GateRules,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateRules {
    /// Totals up to this are approved automatically, if the goods are not worth more at their list prices.
    pub automatic_up_to_minor: BTreeMap<Currency, i64>,
    /// Orders through these channels always ask a person.
    pub channels: Vec<Channel>,
    /// Orders of at least this risk always ask a person.
    pub risk: Risk,
}

impl Rules {
    /// How locations are chosen in this region.
    pub fn allocation_in(&self, region: &RegionCode) -> Allocation {
        self.allocation_by_region.get(region).copied().unwrap_or(self.allocation)
    }

    pub fn region_of(&self, country: &str) -> Option<&RegionCode> {
        self.regions
            .iter()
            .find(|(_, countries)| countries.iter().any(|it| it == country))
            .map(|(code, _)| code)
    }

    pub fn severity(&self, rule: Rule) -> Severity {
        self.verification.get(&rule).copied().unwrap_or(match rule {
            Rule::ContactDetails | Rule::AddressDetails => Severity::Warn,
            Rule::Contact
            | Rule::Address
            | Rule::RegionServed
            | Rule::DuplicateOrder
            | Rule::BlockedCustomer => Severity::Hold,
        })
    }

    pub fn on_risk(&self, level: Risk) -> Severity {
        self.assessed_risk.get(&level).copied().unwrap_or(match level {
            Risk::Low | Risk::Medium => Severity::Warn,
            Risk::High => Severity::Hold,
        })
    }

    pub fn tax_rate_ppm(&self, country: &str, category: &str) -> u32 {
        let fits = |rule: &&TaxRule| {
            (rule.country == "*" || rule.country == country)
                && (rule.category == "*" || rule.category == category)
        };
        self.taxes.iter().find(fits).map_or(0, |it| it.rate_ppm)
    }

    pub fn shipping_fee_minor(&self, region: &RegionCode, service: ServiceLevel, currency: Currency) -> i64 {
        self.shipping_fees
            .iter()
            .find(|it| it.region == *region && it.service == service && it.currency == currency)
            .map_or(0, |it| it.fee_minor)
    }

    pub fn transit_days(&self, service: ServiceLevel) -> u32 {
        self.transit_days.get(&service).copied().unwrap_or(match service {
            ServiceLevel::Standard => 5,
            ServiceLevel::Express => 2,
            ServiceLevel::Overnight => 1,
        })
    }

    /// After how long at this gate an order is stuck; None: never.
    pub fn stuck_after(&self, gate: StuckGate) -> Option<Duration> {
        const HOUR: u64 = 3_600;
        let seconds = self.stuck_after_seconds.get(&gate).copied().unwrap_or(match gate {
            StuckGate::Provider => HOUR / 4,
            StuckGate::Letter => HOUR,
            StuckGate::Verification
            | StuckGate::ReservationApproval
            | StuckGate::PaymentApproval
            | StuckGate::Label
            | StuckGate::Courier => 4 * HOUR,
            StuckGate::Packing => 8 * HOUR,
            StuckGate::Hold
            | StuckGate::Payment
            | StuckGate::Picking
            | StuckGate::Pickup
            | StuckGate::Exception => 24 * HOUR,
            StuckGate::Settlement => 48 * HOUR,
            StuckGate::Stock => 72 * HOUR,
            StuckGate::Delivery | StuckGate::Service => 240 * HOUR,
        });
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    pub fn reservation_lifetime(&self) -> Duration {
        Duration::from_secs(self.reservation_lifetime_seconds)
    }

    pub fn confirmed_reservation_lifetime(&self) -> Duration {
        Duration::from_secs(self.confirmed_reservation_lifetime_seconds)
    }

    pub fn reservation_lifetime_max(&self) -> Duration {
        Duration::from_secs(self.reservation_lifetime_max_seconds)
    }

    pub fn approval_lifetime(&self) -> Duration {
        Duration::from_secs(self.approval_lifetime_seconds)
    }

    pub fn message_lifetime(&self) -> Duration {
        Duration::from_secs(self.message_lifetime_seconds)
    }
}

impl Default for CourierWeights {
    fn default() -> Self {
        Self { late_ppm: 5_000, damaged_ppm: 20_000, rating_ppm: 40_000, least: 10 }
    }
}

impl Default for GateRules {
    fn default() -> Self {
        let up_to = |code: &str, minor| (code.parse().expect("a currency of ISO 4217"), minor);
        Self {
            automatic_up_to_minor: BTreeMap::from([
                up_to("USD", 100_000),
                up_to("EUR", 100_000),
                up_to("MYR", 400_000),
                up_to("JPY", 150_000),
                up_to("KWD", 300_000),
            ]),
            channels: Vec::new(),
            risk: Risk::High,
        }
    }
}

impl Default for SlipRules {
    fn default() -> Self {
        Self {
            estimate_moved_seconds: 86_400,
            promise_at_risk_seconds: 7_200,
            promise_missed_seconds: 21_600,
            pickup_missed_seconds: 14_400,
            no_scan_seconds: 259_200,
            approval_expiring_seconds: 43_200,
            payment_unknown_seconds: 1_800,
        }
    }
}

impl Default for ReturnRules {
    fn default() -> Self {
        Self {
            shipping: ReturnShipping::WhenAllReturned,
            window_days: 30,
            restocking_fee_ppm: 0,
            arrival_seconds: 2_592_000,
        }
    }
}

impl Default for WeightRules {
    fn default() -> Self {
        Self { packaging_grams: 200, tolerance_grams: 500, tolerance_ppm: 100_000 }
    }
}

impl Default for ApprovalRules {
    fn default() -> Self {
        Self { version: "1".to_owned(), reservation: GateRules::default(), payment: GateRules::default() }
    }
}

/// The countries that the region EUROPE has, unless a company says otherwise.
const EUROPE: [&str; 30] = [
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IT", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Default for Rules {
    fn default() -> Self {
        let region = |code: &str, countries: &[&str]| {
            let code = code.parse::<RegionCode>().expect("a region code");
            (code, countries.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
        };
        let tax = |country: &str, category: &str, rate_ppm| TaxRule {
            country: country.to_owned(),
            category: category.to_owned(),
            rate_ppm,
        };
        Self {
            company_name: String::new(),
            regions: BTreeMap::from([
                region("NORTH_AMERICA", &["US", "CA", "MX"]),
                region("EUROPE", &EUROPE),
                region("MALAYSIA", &["MY"]),
            ]),
            // Standard and reduced rates as published by the tax authorities for 2026; a company sets its own.
            taxes: vec![
                tax("DE", "BOOKS", 70_000),
                tax("DE", "FOOD", 70_000),
                tax("DE", "*", 190_000),
                tax("FR", "BOOKS", 55_000),
                tax("FR", "*", 200_000),
                tax("GB", "BOOKS", 0),
                tax("GB", "*", 200_000),
                tax("MY", "*", 100_000),
            ],
            shipping_fees: Vec::new(),
            approval: ApprovalRules::default(),
            blocked_customers: Vec::new(),
            verification: BTreeMap::new(),
            assessed_risk: BTreeMap::new(),
            duplicate_window_seconds: 600,
            reservation_lifetime_seconds: 1_800,
            confirmed_reservation_lifetime_seconds: 86_400,
            reservation_lifetime_max_seconds: 2_592_000,
            reservations_per_caller: 10_000,
            waiting: WaitRules::default(),
            approval_lifetime_seconds: 259_200,
            allocation: Allocation::FewestShipments,
            allocation_by_region: BTreeMap::new(),
            courier_record: CourierWeights::default(),
            handling_hours: 24,
            transit_days: BTreeMap::new(),
            close_after_seconds: 1_209_600,
            archive_after_seconds: 7_776_000,
            next_purchase_discount_ppm: 50_000,
            next_purchase_valid_days: 365,
            package_weight: WeightRules::default(),
            returns: ReturnRules::default(),
            invoice_series: "INV".to_owned(),
            payment_terms_days: 0,
            credit_note_series: "CRN".to_owned(),
            supplement_series: "SUP".to_owned(),
            message_lifetime_seconds: 86_400,
            slips: SlipRules::default(),
            stuck_after_seconds: BTreeMap::new(),
            booked_couriers: BookedCouriers::new(),
            seller: None,
            sends_invoices: false,
            archive_key: None,
            pickup_scan: PickupScan::Handover,
            keep_invoices_years: 10,
        }
    }
}
