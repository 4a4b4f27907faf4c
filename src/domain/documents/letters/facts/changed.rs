//! What letters tell of a change that is proposed.

use crate::domain::documents::letters::facts::{Change, Facts, Fewer, Item, Source, plain};
use crate::domain::model::message::Message;
use crate::domain::model::order_change::{ChangeItem, ChangeProposal, ProposedLine, WantedDiscount};

impl Source<'_> {
    /// The change that a message is about, as it was proposed.
    pub(super) fn add_change(&self, facts: &mut Facts, message: &Message) -> Result<(), String> {
        let change = self.order.change_told(message).ok_or("the order has no such change")?;
        let proposal = change.proposal.as_ref().ok_or("the change was not proposed")?;
        let some = |minor: i64| (minor > 0).then(|| self.money(minor));
        let moves = proposal.old_total_minor != proposal.new_total_minor;
        let added = |it: &ProposedLine| self.item(it.quantity, &it.description, it.sku.as_str());
        let mut told = Change {
            added: proposal.added.iter().map(added).collect(),
            total: self.money(proposal.new_total_minor),
            total_before: moves.then(|| self.money(proposal.old_total_minor)),
            to_pay: some(proposal.to_pay_minor),
            paid_back: some(proposal.to_pay_back_minor),
            ..Change::default()
        };
        for item in &change.items {
            self.add_item(&mut told, proposal, item);
        }
        facts.delivery_date = proposal.new_date().map(|it| self.date(it));
        facts.change = Some(told);
        Ok(())
    }

    fn add_item(&self, told: &mut Change, proposal: &ChangeProposal, item: &ChangeItem) {
        match item {
            ChangeItem::SetQuantity { line, quantity } => {
                // More of a line are a line of their own.
                if let Some(it) = self.line_before(proposal, *line).filter(|it| it.quantity > *quantity) {
                    told.fewer.push(Fewer { quantity: *quantity, before: it.quantity, name: it.name });
                }
            }
            ChangeItem::RemoveLine { line } => told.removed.extend(self.line_before(proposal, *line)),
            ChangeItem::AddLine(_) => {}
            ChangeItem::SetInstructions(text) => {
                told.instructions = plain(text);
                told.without_instructions = told.instructions.is_none();
            }
            ChangeItem::SetShippingAddress(address) => told.address = self.address(address),
            ChangeItem::SetService(it) => told.service = Some(it.level.to_string()),
            ChangeItem::SetDiscount(WantedDiscount::None) => told.without_discount = true,
            ChangeItem::SetDiscount(
                WantedDiscount::Rate(_) | WantedDiscount::Amount(_) | WantedDiscount::Code(_),
            ) => told.discount = true,
        }
    }

    /// A line as it stood when the change was proposed.
    fn line_before(&self, proposal: &ChangeProposal, number: i32) -> Option<Item> {
        let before = proposal.basis.lines.iter().find(|it| it.number == number)?;
        let line = self.order.lines.iter().find(|it| it.number == number)?;
        Some(self.item(before.wanted, &line.description, line.sku.as_str()))
    }
}
