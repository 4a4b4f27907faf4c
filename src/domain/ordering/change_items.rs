//! What a change asks for: checked all at once, and done in one decision.

use std::collections::BTreeSet;

use crate::domain::billing::price::AMOUNT_MINOR_MAX;
use crate::domain::inventory::allocate::Need;
use crate::domain::model::approval::ApprovalState;
use crate::domain::model::line::OrderLine;
use crate::domain::model::line_cancellation::CancelledUnits;
use crate::domain::model::money::Money;
use crate::domain::model::new_order::NewLine;
use crate::domain::model::order::Order;
use crate::domain::model::order_change::{AddedLine, BasisLine, ChangeBasis, ChangeItem, ChangeOutcome};
use crate::domain::model::refusal::{Problems, Reason, Refusal};
use crate::domain::model::scalars::OrderChangeId;
use crate::domain::ordering::cancel_lines::Whereabouts;
use crate::domain::ordering::change::Correction;
use crate::domain::ordering::order_wide_change::{OrderWideChange, OrderWideOutcome};
use crate::domain::ordering::pricing::Pricing;
use crate::domain::unit::unit_of_work::UnitOfWork;

/// How many lines an order has at most, those that changes added included.
const ORDER_LINES_MAX: usize = 100;

/// Whether stock is set aside for what is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stock {
    SetAside,
    /// Only the money is looked at: some of it is short.
    Leave,
}

/// What a change comes to, item by item.
#[derive(Default)]
pub(super) struct ChangePlan {
    pub(super) fewer: Vec<CancelledUnits>,
    /// Priced, with the numbers that they get.
    pub(super) added: Vec<OrderLine>,
    order_wide: OrderWideChange,
    correction: Correction,
}

impl ChangePlan {
    /// Stock that is wanted for what is added.
    pub(super) fn needs(&self) -> Vec<Need> {
        let goods = self.added.iter().filter(|it| !it.is_service());
        goods.map(|it| Need { line: it.number, sku: it.sku.clone(), quantity: it.quantity }).collect()
    }
}

/// A line to be added, by the item that asks for it.
struct More {
    item: usize,
    field: &'static str,
    line: NewLine,
}

impl Order {
    /// Every fault of what is asked for, at once; else what it comes to.
    pub(super) fn check_items(&self, unit: &UnitOfWork, items: &[ChangeItem]) -> Result<ChangePlan, Refusal> {
        let (plan, more) = self.read_items(unit, items)?;
        Ok(ChangePlan { added: self.price_added(unit, &more)?, ..plan })
    }

    /// The same of a draft: more units of a line are priced when it is proposed.
    pub(super) fn check_draft(&self, unit: &UnitOfWork, items: &[ChangeItem]) -> Result<(), Refusal> {
        let (_, mut more) = self.read_items(unit, items)?;
        more.retain(|it| it.field == "add_line");
        self.price_added(unit, &more).map(|_| ())
    }

    fn read_items(
        &self,
        unit: &UnitOfWork,
        items: &[ChangeItem],
    ) -> Result<(ChangePlan, Vec<More>), Refusal> {
        let mut problems = Problems::default();
        let mut plan = ChangePlan::default();
        let mut more = Vec::new();
        let mut named = BTreeSet::new();
        let whereabouts = self.whereabouts();
        for (item, index) in items.iter().zip(0..) {
            let at = format!("items[{index}].{}", field_of(item));
            match item {
                ChangeItem::SetQuantity { line, quantity } => {
                    let Some(line) = self.line_named(&at, *line, &mut named, &mut problems) else { continue };
                    let wanted = line.remaining_quantity();
                    if *quantity == wanted {
                        problems.add(format!("{at}.quantity"), "is what the line has already");
                    } else if *quantity > wanted {
                        let line = self.same_again(line, quantity - wanted);
                        more.push(More { item: index, field: "set_quantity", line });
                    } else {
                        let field = format!("{at}.quantity");
                        let units = CancelledUnits { line: line.number, quantity: wanted - quantity };
                        self.take_from(line, units, &whereabouts, &field, &mut plan, &mut problems);
                    }
                }
                ChangeItem::RemoveLine { line } => {
                    let Some(line) = self.line_named(&at, *line, &mut named, &mut problems) else { continue };
                    let field = format!("{at}.line_number");
                    let units = CancelledUnits { line: line.number, quantity: line.remaining_quantity() };
                    self.take_from(line, units, &whereabouts, &field, &mut plan, &mut problems);
                }
                ChangeItem::AddLine(line) => {
                    self.must_fit(unit, line, &at, &mut problems);
                    more.push(More { item: index, field: "add_line", line: new_line(line) });
                }
                ChangeItem::SetInstructions(text) => {
                    if plan.correction.special_instructions.replace(text.clone()).is_some() {
                        problems.add(at, "sets the instructions again");
                    }
                }
                ChangeItem::SetShippingAddress(address) => {
                    let country = &self.shipping_address.country;
                    if address.country != *country {
                        let message =
                            format!("must be {country}: taxes, stock and courier are those of this country");
                        problems.add(format!("{at}.country"), message);
                    }
                    if plan.correction.shipping_address.replace((**address).clone()).is_some() {
                        problems.add(at, "sets the address again");
                    }
                }
                ChangeItem::SetService(it) => {
                    self.read_service(unit, &at, *it, &mut plan.order_wide.service, &mut problems)
                }
                ChangeItem::SetDiscount(it) => {
                    self.read_discount(unit, &at, it, &mut plan.order_wide.discount, &mut problems)
                }
            }
        }
        if self.lines.len() + more.len() > ORDER_LINES_MAX {
            let message = format!("an order has at most {ORDER_LINES_MAX} lines, cancelled ones included");
            problems.add("items", message);
        }
        problems.into_result()?;
        Ok((plan, more))
    }

    fn line_named(
        &self,
        at: &str,
        number: i32,
        named: &mut BTreeSet<i32>,
        problems: &mut Problems,
    ) -> Option<&OrderLine> {
        let field = format!("{at}.line_number");
        let Some(line) = self.lines.iter().find(|it| it.number == number) else {
            problems.add(field, format!("the order has no line {number}, but {}", self.lines.len()));
            return None;
        };
        if !named.insert(number) {
            problems.add(field, format!("names line {number} again"));
            return None;
        }
        if !line.is_wanted() {
            problems.add(field, format!("line {number} is cancelled: add a line instead"));
            return None;
        }
        Some(line)
    }

    /// Units that are to be taken off a line, packed ones too: those that have left or are done cannot.
    fn take_from(
        &self,
        line: &OrderLine,
        units: CancelledUnits,
        whereabouts: &Whereabouts,
        field: &str,
        plan: &mut ChangePlan,
        problems: &mut Problems,
    ) {
        let free = whereabouts.cancellable(line);
        if units.quantity > free {
            let wanted = line.remaining_quantity();
            let message = format!(
                "{free} of the {wanted} units can be taken off line {}, not {}: {} have left or are done",
                line.number,
                units.quantity,
                wanted - free
            );
            problems.add(field, message);
        } else {
            plan.fewer.push(units);
        }
    }

    /// More units of a line, at its price.
    fn same_again(&self, line: &OrderLine, quantity: i64) -> NewLine {
        let price: Money = self.amounts.currency.of(line.unit_price_minor);
        NewLine {
            sku: line.sku.clone(),
            quantity,
            unit_price: Some(price),
            discount: None,
            description: line.description.clone(),
        }
    }

    /// An order of services only has no stock, and gets none.
    fn must_fit(&self, unit: &UnitOfWork, line: &AddedLine, at: &str, problems: &mut Problems) {
        let is_goods = unit.product(&line.sku).is_some_and(|it| !it.is_service());
        if is_goods && self.has_only_services() {
            problems.add(format!("{at}.sku"), "is goods: the order has services only");
        }
    }

    /// The lines to be added at their own price or at the list prices of now; discounts of the order give them nothing.
    fn price_added(&self, unit: &UnitOfWork, more: &[More]) -> Result<Vec<OrderLine>, Refusal> {
        if more.is_empty() {
            return Ok(Vec::new());
        }
        let pricing = Pricing {
            currency: self.amounts.currency,
            prices_include_tax: self.amounts.prices_include_tax,
            discount: None,
            redemption: None,
            shipping_minor: 0,
            received_at: unit.now,
            tax_exempt: self.tax_exempt(),
            has: Vec::new(),
        };
        let lines: Vec<NewLine> = more.iter().map(|it| it.line.clone()).collect();
        let country = &self.shipping_address.country;
        let priced = pricing.of_lines(unit, country, &lines).map_err(|it| of_items(it, more))?;
        let gross = self.lines.iter().chain(&priced.lines).map(|it| it.amounts.gross_minor);
        if gross.fold(0_i64, i64::saturating_add) > AMOUNT_MINOR_MAX {
            let message = format!("the order would come to more than {AMOUNT_MINOR_MAX} minor units");
            return Err(Refusal::invalid("items", message));
        }
        let first = i32::try_from(self.lines.len() + 1).unwrap_or(i32::MAX);
        let numbered = priced.lines.into_iter().zip(first..);
        Ok(numbered.map(|(line, number)| OrderLine { number, ..line }).collect())
    }

    /// What a proposal of these items rests on.
    pub(super) fn basis_of(&self, items: &[ChangeItem]) -> ChangeBasis {
        let whereabouts = self.whereabouts();
        let numbers: BTreeSet<i32> = items
            .iter()
            .filter_map(|it| match it {
                ChangeItem::SetQuantity { line, .. } | ChangeItem::RemoveLine { line } => Some(*line),
                ChangeItem::AddLine(_)
                | ChangeItem::SetInstructions(_)
                | ChangeItem::SetShippingAddress(_)
                | ChangeItem::SetService(_)
                | ChangeItem::SetDiscount(_) => None,
            })
            .collect();
        let basis = |line: &OrderLine| {
            let wanted = line.remaining_quantity();
            BasisLine { number: line.number, wanted, bound: wanted - whereabouts.cancellable(line) }
        };
        let moves = items.iter().any(|it| matches!(it, ChangeItem::SetShippingAddress(_)));
        ChangeBasis {
            lines: self.lines.iter().filter(|it| numbers.contains(&it.number)).map(basis).collect(),
            total_minor: self.total_minor(),
            captured_minor: self.captured_minor(),
            refunded_minor: self.refunded_minor(),
            invoices: self.invoices.iter().map(|it| it.state).collect(),
            shipping_address: moves.then(|| self.shipping_address.clone()),
        }
    }

    pub(super) fn must_be_open_to_additions(&self) -> Result<(), Refusal> {
        self.must_be_free()?;
        match self.why_nothing_is_added() {
            None => Ok(()),
            Some(why) => Err(self.unmet(Reason::IllegalTransition, why)),
        }
    }

    /// Does what a change asks for: lines are added first, so that the order is never without any.
    pub(super) fn apply_change(
        &mut self,
        unit: &mut UnitOfWork,
        index: usize,
        stock: Stock,
    ) -> Result<ChangeOutcome, Refusal> {
        let change = self.changes[index].clone();
        let plan = self.check_items(unit, &change.items)?;
        let (due, refunded, notes) = (self.due_minor(), self.refunded_minor(), self.credit_notes.len());

        let mut wide = OrderWideOutcome::default();
        if !plan.order_wide.is_empty() {
            self.withdraw_approvals(unit, "the order was changed")?;
            wide = self.change_order_wide(unit, &plan.order_wide, &change.reason)?;
        }
        if !plan.added.is_empty() {
            self.must_be_open_to_additions()?;
            self.withdraw_approvals(unit, "the order was changed")?;
            let needs = plan.needs();
            self.add_lines(change.id, &plan.added);
            if stock == Stock::SetAside && !needs.is_empty() {
                self.set_aside_more(unit, &needs)?;
            }
        }
        let is_invoiced_more = !plan.added.is_empty() || wide.shipping.is_some();
        let mut supplementary_invoice = None;
        if is_invoiced_more {
            supplementary_invoice = self.issue_supplement(unit, change.id, wide.shipping);
        }
        if !plan.fewer.is_empty() {
            self.must_leave_an_order(&plan.fewer)?;
            self.take_off(unit, &plan.fewer, &change.reason)?;
        } else if !plan.order_wide.is_empty() {
            self.return_surplus_for(unit, "the order was changed")?;
        }
        let mut approvals = Vec::new();
        if is_invoiced_more || wide.raised_minor > 0 {
            approvals = self.renew_approvals(unit, change.id);
            if !approvals.is_empty() {
                self.keep_for_a_person(unit);
            }
            self.tell_supplement(unit, change.id);
        }
        if plan.correction != Correction::default() {
            self.correct_what_is_here(unit, &plan.correction).map_err(|it| it.under("items"))?;
        }
        Ok(ChangeOutcome {
            credit_notes: self.credit_notes.iter().skip(notes).map(|it| it.id).collect(),
            supplementary_invoice,
            approvals,
            lines_added: plan.added.iter().map(|it| it.number).collect(),
            to_pay_minor: (self.due_minor() - due).max(0),
            paid_back_minor: self.refunded_minor() - refunded,
            service_once_paid: wide.service_once_paid,
            raised_minor: wide.raised_minor,
            lowered_minor: wide.lowered_minor,
        })
    }

    fn add_lines(&mut self, change: OrderChangeId, added: &[OrderLine]) {
        let of_change = |it: &OrderLine| OrderLine { added_by_change: Some(change), ..it.clone() };
        self.lines.extend(added.iter().map(of_change));
        self.amounts = self.amounts.over(self.lines.iter().map(|it| it.remaining_amounts()));
        let total = self.amounts.currency.of(self.total_minor());
        for approval in self.approvals.iter_mut().filter(|it| it.state == ApprovalState::Pending) {
            approval.amount = total;
        }
    }
}

fn field_of(item: &ChangeItem) -> &'static str {
    match item {
        ChangeItem::SetQuantity { .. } => "set_quantity",
        ChangeItem::RemoveLine { .. } => "remove_line",
        ChangeItem::AddLine(_) => "add_line",
        ChangeItem::SetInstructions(_) => "set_instructions",
        ChangeItem::SetShippingAddress(_) => "set_shipping_address",
        ChangeItem::SetService(_) => "set_shipping_service",
        ChangeItem::SetDiscount(_) => "set_discount",
    }
}

fn new_line(line: &AddedLine) -> NewLine {
    let AddedLine { sku, quantity, unit_price, description } = line.clone();
    NewLine { sku, quantity, unit_price, discount: None, description }
}

/// The faults of new lines as those of the items that ask for them: `lines[0].sku` is `items[3].add_line.sku`.
fn of_items(refusal: Refusal, more: &[More]) -> Refusal {
    let Refusal::Invalid(mut problems) = refusal else { return refusal };
    for problem in &mut problems.0 {
        let found = more.iter().enumerate().find_map(|(index, it)| {
            let rest = problem.field.strip_prefix(&format!("lines[{index}]."))?;
            Some(format!("items[{}].{}.{rest}", it.item, it.field))
        });
        problem.field = found.unwrap_or_else(|| "items".to_owned());
    }
    Refusal::Invalid(problems)
}
