//! The lists, page by page.

use std::sync::Arc;

use uuid::Uuid;

use crate::domain::{
    ApprovalId, Courier, CourierRecord, CreditNoteId, CustomerAccount, DataRead, DiscountCode, DiscountUses,
    EventSubscription, FollowUpId, InvoiceId, IssuedKey, Location, LocationCode, Lot, MessageId, Movement,
    Order, OrderId, PaymentId, Product, RefundId, Replenishment, Reservation, ReturnId, ShipmentId, Sku,
    StockLevel, Timestamp, Transfer, caseless,
};
use crate::store::connection::error::StoreError;
use crate::store::connection::row::Row as FoundRow;
use crate::store::handle::Store;
use crate::store::query::caller_resources::{API_KEYS, DATA_READS, EVENT_SUBSCRIPTIONS};
use crate::store::query::feedback_resource::FEEDBACK;
use crate::store::query::listing::{Compare, Listing, Operand, Page, Term};
use crate::store::query::plan::{Row, page};
use crate::store::query::resource::{ARCHIVED, Resource};
use crate::store::query::resources::{
    APPROVALS, COURIERS, CREDIT_NOTES, CUSTOMERS, DISCOUNT_CODES, FOLLOW_UPS, INVOICES, LOCATIONS, LOTS,
    MESSAGES, MOVEMENTS, ORDERS, PAYMENTS, PRODUCTS, REFUNDS, REPLENISHMENTS, RESERVATIONS, RETURNS,
    SHIPMENTS, STOCK_LEVELS, TRANSFERS,
};
use crate::store::query::whole::reservation_of;
use crate::store::rows::{api_key, catalogue, data_read, document, stock, subscription, transfer};

/// The field that orders are found by their customers' e-mail addresses with.
const EMAIL: &str = "customer_email";

impl Store {
    /// Archived ones are left out unless they are to be shown, or the filter says which are wanted.
    pub async fn list_orders(
        &self,
        listing: &Listing,
        show_archived: bool,
    ) -> Result<Page<Arc<Order>>, StoreError> {
        let mut listing = listing.clone();
        if !show_archived && listing.filter.iter().all(|it| it.field != ARCHIVED) {
            listing.filter.push(Term::equal(ARCHIVED, "false"));
        } else {
            listing.filter = self.and_sealed(listing.filter);
        }
        let (rows, next) = page(&self.look().await?, &ORDERS, &listing).await?;
        Ok((self.orders_in(&rows)?, next))
    }

    /// The same terms, which look for sealed orders as well: these stand under the blind indexes of their e-mail addresses.
    pub fn and_sealed(&self, mut terms: Vec<Term>) -> Vec<Term> {
        let keys = self.inner.order_cache.keys();
        let mut others = Vec::new();
        for term in terms.iter_mut().filter(|it| it.field == EMAIL && !keys.is_empty()) {
            let indexes: Vec<String> =
                term.texts().flat_map(|it| keys.blind_indexes(&caseless(it))).collect();
            match term.compare {
                Compare::NotEqual => {
                    others.extend(indexes.into_iter().map(|it| Term::new(EMAIL, Compare::NotEqual, it)));
                }
                Compare::Equal | Compare::In => {
                    let at = term.at;
                    term.values.extend(indexes.into_iter().map(|text| Operand { text, at }));
                    term.compare = Compare::In;
                }
                // Nobody compares an address so: it is refused.
                Compare::Less
                | Compare::LessOrEqual
                | Compare::Greater
                | Compare::GreaterOrEqual
                | Compare::Has => {}
            }
        }
        terms.extend(others);
        terms
    }

    /// Parts of orders come with their order: what is shown of a part is not all in it.
    pub async fn list_invoices(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, InvoiceId)>, StoreError> {
        self.parts(&INVOICES, listing).await
    }

    pub async fn list_credit_notes(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, CreditNoteId)>, StoreError> {
        self.parts(&CREDIT_NOTES, listing).await
    }

    pub async fn list_payments(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, PaymentId)>, StoreError> {
        self.parts(&PAYMENTS, listing).await
    }

    pub async fn list_refunds(&self, listing: &Listing) -> Result<Page<(Arc<Order>, RefundId)>, StoreError> {
        self.parts(&REFUNDS, listing).await
    }

    pub async fn list_returns(&self, listing: &Listing) -> Result<Page<(Arc<Order>, ReturnId)>, StoreError> {
        self.parts(&RETURNS, listing).await
    }

    pub async fn list_shipments(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, ShipmentId)>, StoreError> {
        self.parts(&SHIPMENTS, listing).await
    }

    pub async fn list_approvals(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, ApprovalId)>, StoreError> {
        self.parts(&APPROVALS, listing).await
    }

    pub async fn list_messages(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, MessageId)>, StoreError> {
        self.parts(&MESSAGES, listing).await
    }

    pub async fn list_follow_ups(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, FollowUpId)>, StoreError> {
        self.parts(&FOLLOW_UPS, listing).await
    }

    /// What customers said of orders, each as the order that has it.
    pub async fn list_feedback(&self, listing: &Listing) -> Result<Page<Arc<Order>>, StoreError> {
        let (rows, next) = page(&self.look().await?, &FEEDBACK, listing).await?;
        Ok((self.orders_in(&rows)?, next))
    }

    /// Orders' reservations and other callers'.
    pub async fn list_reservations(&self, listing: &Listing) -> Result<Page<Reservation>, StoreError> {
        let (rows, next) = page(&self.look().await?, &RESERVATIONS, listing).await?;
        let reservations = rows.iter().map(|it| reservation_of(it.id().into(), &it.shown, 0));
        Ok((reservations.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(), next))
    }

    pub async fn list_replenishments(&self, listing: &Listing) -> Result<Page<Replenishment>, StoreError> {
        self.rows(&REPLENISHMENTS, listing, stock::replenishment).await
    }

    pub async fn list_transfers(&self, listing: &Listing) -> Result<Page<Transfer>, StoreError> {
        self.rows(&TRANSFERS, listing, transfer::read).await
    }

    pub async fn list_products(&self, listing: &Listing) -> Result<Page<Product>, StoreError> {
        self.rows(&PRODUCTS, listing, catalogue::read).await
    }

    pub async fn list_locations(&self, listing: &Listing) -> Result<Page<Location>, StoreError> {
        self.rows(&LOCATIONS, listing, catalogue::read).await
    }

    /// Couriers and their records.
    pub async fn list_couriers(
        &self,
        listing: &Listing,
    ) -> Result<Page<(Courier, CourierRecord)>, StoreError> {
        let (couriers, next): Page<Courier> = self.rows(&COURIERS, listing, catalogue::read).await?;
        let (_, records) = self.couriers().await?;
        let with_record = |it: Courier| {
            let record = records.get(&it.code).copied().unwrap_or_default();
            (it, record)
        };
        Ok((couriers.into_iter().map(with_record).collect(), next))
    }

    pub async fn list_customers(&self, listing: &Listing) -> Result<Page<CustomerAccount>, StoreError> {
        self.rows(&CUSTOMERS, listing, catalogue::read).await
    }

    /// Who was shown whose data.
    pub async fn list_data_reads(&self, listing: &Listing) -> Result<Page<DataRead>, StoreError> {
        self.rows(&DATA_READS, listing, data_read::read).await
    }

    pub async fn list_subscriptions(&self, listing: &Listing) -> Result<Page<EventSubscription>, StoreError> {
        self.rows(&EVENT_SUBSCRIPTIONS, listing, subscription::read).await
    }

    pub(in crate::store) async fn api_keys_page(
        &self,
        listing: &Listing,
    ) -> Result<Page<IssuedKey>, StoreError> {
        self.rows(&API_KEYS, listing, api_key::read).await
    }

    /// Discount codes, and how often each was redeemed.
    pub async fn list_discount_codes(
        &self,
        listing: &Listing,
    ) -> Result<Page<(DiscountCode, DiscountUses)>, StoreError> {
        let (codes, next): Page<DiscountCode> = self.rows(&DISCOUNT_CODES, listing, catalogue::read).await?;
        let uses = self.discount_uses(codes.iter().map(|it| &it.code)).await?;
        let with_uses = |it: DiscountCode| {
            let uses = uses.get(&it.code).copied().unwrap_or_default();
            (it, uses)
        };
        Ok((codes.into_iter().map(with_uses).collect(), next))
    }

    pub async fn list_stock_levels(&self, listing: &Listing) -> Result<Page<StockLevel>, StoreError> {
        self.rows(&STOCK_LEVELS, listing, stock::level).await
    }

    /// Lots, each with its shelf.
    pub async fn list_lots(&self, listing: &Listing) -> Result<Page<(Sku, LocationCode, Lot)>, StoreError> {
        self.rows(&LOTS, listing, stock::lot).await
    }

    pub async fn list_movements(&self, listing: &Listing) -> Result<Page<Movement>, StoreError> {
        self.rows(&MOVEMENTS, listing, stock::movement).await
    }

    /// A page of rows that are shown as they are.
    async fn rows<T>(
        &self,
        resource: &Resource,
        listing: &Listing,
        read: fn(&FoundRow) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let (rows, next) = page(&self.look().await?, resource, listing).await?;
        Ok((rows.iter().map(|it| read(&it.shown)).collect::<Result<_, _>>()?, next))
    }

    /// A page of parts of orders, each with its order.
    async fn parts<I: From<Uuid>>(
        &self,
        resource: &Resource,
        listing: &Listing,
    ) -> Result<Page<(Arc<Order>, I)>, StoreError> {
        let (rows, next) = page(&self.look().await?, resource, listing).await?;
        let orders = self.orders_in(&rows)?;
        Ok((orders.into_iter().zip(rows.iter().map(|it| it.id().into())).collect(), next))
    }

    /// The order of each row. One whose cached state is the stored one is not decoded; a list keeps none, so that those
    /// that are used stay.
    fn orders_in(&self, rows: &[Row]) -> Result<Vec<Arc<Order>>, StoreError> {
        rows.iter().map(|it| self.order_in(&it.shown)).collect()
    }

    /// The order whose document, id, version and time of change the row has.
    pub(super) fn order_in(&self, row: &FoundRow) -> Result<Arc<Order>, StoreError> {
        let (id, version, changed_at): (OrderId, i64, Timestamp) = (row.get(1)?, row.get(2)?, row.get(3)?);
        match self.inner.order_cache.get(id) {
            Some(cached) if cached.version == version && cached.updated_at == changed_at => Ok(cached),
            _ => {
                let stored = row.bytes(0)?;
                match document::whole_order(id, stored, self.inner.order_cache.keys()) {
                    // Its key is not here. A list goes on, and shows what stands in the open, without the index that it is
                    // found by.
                    Err(StoreError::Refused(_)) => {
                        let mut open = document::order(stored)?;
                        open.customer.email.clear();
                        Ok(Arc::new(open))
                    }
                    read => read.map(Arc::new),
                }
            }
        }
    }
}
