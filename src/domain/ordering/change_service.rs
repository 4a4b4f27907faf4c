//! Another shipping service (how fast it travels) of an order that was sold: what it costs, and when the order gets it. Services
//! that are sold as lines are in `services.rs`.

use crate::domain::billing::price::{AMOUNT_MINOR_MAX, price};
use crate::domain::model::event::EventKind;
use crate::domain::model::invoice::InvoiceState;
use crate::domain::model::order::Order;
use crate::domain::model::order_change::WantedService;
use crate::domain::model::refusal::{Problems, Refusal};
use crate::domain::model::scalars::{OrderChangeId, ServiceLevel};
use crate::domain::unit::unit_of_work::UnitOfWork;

/// Why a dearer shipping service is not given any more.
const LEFT_WITHOUT_IT: &str = "all of the order has left with the previous service";

/// Another shipping service, with what it costs.
pub(super) struct NewService {
    pub(super) level: ServiceLevel,
    pub(super) fee_minor: i64,
    pub(super) tax_minor: i64,
}

impl Order {
    /// Writes another shipping service into `noted`, or what is wrong with it into `problems`.
    pub(super) fn read_service(
        &self,
        unit: &UnitOfWork,
        at: &str,
        wanted: WantedService,
        noted: &mut Option<NewService>,
        problems: &mut Problems,
    ) {
        if let Some(why) = self.why_no_service(wanted.level, noted.as_ref()) {
            problems.add(at, why);
            return;
        }
        let currency = self.amounts.currency;
        let field = format!("{at}.shipping_fee");
        let fee_minor = match wanted.fee {
            Some(fee) if fee.currency != currency => {
                problems.add(field, format!("is in {}, the order in {currency}", fee.currency));
                return;
            }
            Some(fee) => fee.minor,
            None => self.fee_for(unit, wanted.level),
        };
        let (include_tax, rate) = (self.amounts.prices_include_tax, self.amounts.shipping_tax_rate_ppm);
        let tax_minor = match price(currency, include_tax, &[], None, fee_minor, rate) {
            Ok((_, amounts)) => amounts.shipping_tax_minor,
            Err(_) => {
                problems.add(field, format!("must be 0 to {AMOUNT_MINOR_MAX} minor units"));
                return;
            }
        };
        *noted = Some(NewService { level: wanted.level, fee_minor, tax_minor });
    }

    fn why_no_service(&self, level: ServiceLevel, noted: Option<&NewService>) -> Option<String> {
        if noted.is_some() {
            Some("sets the service again".to_owned())
        } else if self.has_only_services() {
            Some("the order has services only: nothing of it is shipped".to_owned())
        } else if self.has_left_whole() {
            Some("all of the order has left".to_owned())
        } else if level == self.service {
            Some(format!("is what the order has already: {level}"))
        } else {
            let waiting = self.service_once_paid();
            waiting.map(|(change, level)| format!("change {change} has set {level}, which is not paid yet"))
        }
    }

    /// The rules' fee for that service, if the order's present fee is the one that the rules have for its present service; else the
    /// order keeps its fee.
    fn fee_for(&self, unit: &UnitOfWork, level: ServiceLevel) -> i64 {
        let currency = self.amounts.currency;
        let by_rules =
            |level| self.region.as_ref().map_or(0, |it| unit.rules.shipping_fee_minor(it, level, currency));
        match self.amounts.shipping_minor == by_rules(self.service) {
            true => by_rules(level),
            false => self.amounts.shipping_minor,
        }
    }

    /// The dearer shipping service that waits for its payment, and the change that set it.
    pub(in crate::domain) fn service_once_paid(&self) -> Option<(OrderChangeId, ServiceLevel)> {
        self.changes.iter().find_map(|it| Some((it.id, it.outcome.as_ref()?.service_once_paid?)))
    }

    /// Gives the order its dearer shipping service once that is paid. If all of the order has left before, the service is
    /// given up, and what was paid for it goes back.
    pub(in crate::domain) fn settle_service(&mut self, unit: &mut UnitOfWork) -> Result<(), Refusal> {
        let Some((change, level)) = self.service_once_paid().filter(|_| !self.is_over()) else {
            return Ok(());
        };
        let supplement = self.invoices.iter().find(|it| it.change == Some(change));
        match supplement.map(|it| it.state) {
            Some(InvoiceState::Paid) if self.has_left_whole() => {
                self.give_up_service(unit, change, LEFT_WITHOUT_IT)
            }
            Some(InvoiceState::Paid) => {
                self.forget_service(change);
                self.service = level;
                self.record_automatic(
                    unit,
                    EventKind::OrderUpdated,
                    None,
                    format!("shipping {level}: it is paid"),
                );
                self.follow_service(unit)
            }
            Some(InvoiceState::Open) => {
                let is_idle = self.payments.iter().all(|it| it.request.is_none());
                match is_idle && self.has_left_whole() {
                    true => self.give_up_service(unit, change, LEFT_WITHOUT_IT),
                    false => Ok(()),
                }
            }
            Some(InvoiceState::Void) | None => {
                self.forget_service(change);
                Ok(())
            }
        }
    }

    fn forget_service(&mut self, change: OrderChangeId) {
        let outcomes =
            self.changes.iter_mut().filter(|it| it.id == change).filter_map(|it| it.outcome.as_mut());
        outcomes.for_each(|it| it.service_once_paid = None);
    }

    /// Gives up the dearer shipping service that this change set, for the reason `why`, and credits its fee.
    pub(in crate::domain) fn give_up_service(
        &mut self,
        unit: &mut UnitOfWork,
        change: OrderChangeId,
        why: &str,
    ) -> Result<(), Refusal> {
        let Some((_, level)) = self.service_once_paid().filter(|it| it.0 == change) else { return Ok(()) };
        self.forget_service(change);
        if self.still_in_the_house(change).is_empty() {
            self.withdraw_approvals_of(unit, Some(change), why)?;
        }
        let supplement = self.invoices.iter().find(|it| it.change == Some(change));
        let (fee, tax) = supplement.map_or((0, 0), |it| self.uncredited_shipping(it));
        let before = self.amounts.clone();
        self.amounts = before.with_shipping(before.shipping_minor - fee, before.shipping_tax_minor - tax);
        self.sum_up();
        let lowered = before.total_minor - self.total_minor();
        let outcomes =
            self.changes.iter_mut().filter(|it| it.id == change).filter_map(|it| it.outcome.as_mut());
        outcomes.for_each(|it| it.lowered_minor += lowered);
        self.record_automatic(unit, EventKind::OrderUpdated, None, format!("shipping {level} is given up"));
        self.issue_credit_notes_over(unit, &[], &before.with_shipping(fee, tax), why);
        self.return_surplus_for(unit, why)?;
        self.settle_supplements(unit)
    }
}
