//! Numbers that are taken in the order of decisions: of orders, and of invoices and credit notes per series.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::{ChangeSet, CreditNoteId, InvoiceId, Order, OrderId, Snapshot};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::decision::{ORDERS, TAKE_NUMBERS};

/// The things of a group that need numbers.
#[derive(Default)]
pub(in crate::store) struct Unnumbered {
    /// In the order of their decisions, as are the invoices and credit notes of each series.
    orders: Vec<OrderId>,
    invoices: BTreeMap<String, Vec<InvoiceId>>,
    credit_notes: BTreeMap<String, Vec<CreditNoteId>>,
}

/// The numbers it got.
pub(in crate::store) struct Numbers {
    orders: HashMap<OrderId, i64>,
    invoices: HashMap<InvoiceId, i64>,
    credit_notes: HashMap<CreditNoteId, i64>,
}

impl Unnumbered {
    pub(in crate::store) fn add(&mut self, changes: &ChangeSet) {
        for order in changes.orders.values() {
            if order.number == 0 && !self.orders.contains(&order.id) {
                self.orders.push(order.id);
            }
            for invoice in order.invoices.iter().filter(|it| it.number == 0) {
                let series = self.invoices.entry(invoice.series.clone()).or_default();
                if !series.contains(&invoice.id) {
                    series.push(invoice.id);
                }
            }
            for note in order.credit_notes.iter().filter(|it| it.number == 0) {
                let series = self.credit_notes.entry(note.series.clone()).or_default();
                if !series.contains(&note.id) {
                    series.push(note.id);
                }
            }
        }
    }

    /// Takes them from the counters, which are locked from here to the commit, so that numbers have no gaps.
    pub(in crate::store) async fn number(self, db: &Session) -> Result<Numbers, StoreError> {
        let mut wanted = BTreeMap::new();
        wanted.insert(ORDERS.to_owned(), self.orders.len() as i64);
        for (series, invoices) in &self.invoices {
            wanted.insert(counter_of(series), invoices.len() as i64);
        }
        for (series, notes) in &self.credit_notes {
            wanted.insert(credit_counter_of(series), notes.len() as i64);
        }
        wanted.retain(|_, count| *count > 0);

        let last = take(db, &wanted).await?;
        let first = |name: &str| match (last.get(name), wanted.get(name)) {
            (Some(last), Some(count)) => last - count + 1,
            _ => 0,
        };
        let orders = self.orders.into_iter().zip(first(ORDERS)..).collect();
        let mut invoices = HashMap::new();
        for (series, ids) in self.invoices {
            invoices.extend(ids.into_iter().zip(first(&counter_of(&series))..));
        }
        let mut credit_notes = HashMap::new();
        for (series, ids) in self.credit_notes {
            credit_notes.extend(ids.into_iter().zip(first(&credit_counter_of(&series))..));
        }
        Ok(Numbers { orders, invoices, credit_notes })
    }
}

impl Numbers {
    /// Writes the numbers into every version of the orders that got one, in the changes and in the snapshot.
    pub(in crate::store) fn put_into(&self, changes: &mut ChangeSet, snapshot: &mut Snapshot) {
        for (id, order) in &mut changes.orders {
            if is_numbered(order) {
                continue;
            }

            // The snapshot drops its copy first, so that nothing has to be cloned.
            let is_latest = snapshot.orders.get(id).is_some_and(|it| Arc::ptr_eq(it, order));
            if is_latest {
                snapshot.orders.remove(id);
            }
            self.put_into_order(Arc::make_mut(order));
            if is_latest {
                snapshot.orders.insert(*id, Arc::clone(order));
            }
        }
    }

    fn put_into_order(&self, order: &mut Order) {
        if order.number == 0 {
            order.number = self.orders.get(&order.id).copied().unwrap_or(0);
        }
        for invoice in order.invoices.iter_mut().filter(|it| it.number == 0) {
            invoice.number = self.invoices.get(&invoice.id).copied().unwrap_or(0);
        }
        for note in order.credit_notes.iter_mut().filter(|it| it.number == 0) {
            note.number = self.credit_notes.get(&note.id).copied().unwrap_or(0);
        }
        assert!(is_numbered(order), "every order, invoice and credit note was counted");
    }
}

fn is_numbered(order: &Order) -> bool {
    order.number > 0
        && order.invoices.iter().all(|it| it.number > 0)
        && order.credit_notes.iter().all(|it| it.number > 0)
}

fn credit_counter_of(series: &str) -> String {
    format!("credit_notes/{series}")
}

fn counter_of(series: &str) -> String {
    format!("invoices/{series}")
}

/// The last number taken of each counter.
async fn take(db: &Session, wanted: &BTreeMap<String, i64>) -> Result<HashMap<String, i64>, StoreError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }

    let rows = wanted.iter().map(|(name, count)| vec![name.as_str().into(), (*count).into()]).collect();
    let taken = db.exchange(vec![TAKE_NUMBERS.about(rows)]).await?;
    taken.iter().flatten().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
