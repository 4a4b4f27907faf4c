//! Whatever is held about a person: the customers that they are, and their orders.

use crate::domain::{CustomerAccount, CustomerId, DataSubject, OrderId, Reason, Refusal, caseless};
use crate::store::archive_keys::{ArchiveKeys, version_of_index};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::handle::Store;
use crate::store::rows::{catalogue, lookup};

/// What a person is known as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    pub customers: Vec<CustomerAccount>,
    /// The oldest first, archived or not.
    pub orders: Vec<OrderId>,
}

/// Orders that name a customer.
const NAMING: &str = "SELECT listed FROM order_terms WHERE field = 'customer' AND term = $1";

/// Orders under an e-mail address.
const UNDER: &str = "SELECT id FROM orders WHERE customer_email = $1";

/// Those of them that name no customer.
const UNDER_NAMING_NOBODY: &str = "SELECT id FROM orders WHERE customer_email = $1 AND NOT EXISTS \
    (SELECT 1 FROM order_terms WHERE order_terms.order_id = orders.id AND order_terms.field = 'customer')";

/// An index between these two of orders that are sealed under a key that is not here. No address is one.
const SEALED_BY_OTHERS: &str = "SELECT customer_email FROM orders WHERE customer_email >= $1 AND customer_email < $2 \
    AND customer_email NOT LIKE '%@%' ORDER BY customer_email LIMIT 1";

const WITH_EMAIL: &str = "SELECT id FROM customers WHERE email = $1 ORDER BY id";

impl Store {
    /// The customers that a person is, and their orders, all at one moment. None: there is no such customer. Refused where orders
    /// are sealed under a key that is not here: whether they are the person's cannot be told.
    pub async fn person(&self, subject: &DataSubject) -> Result<Option<Person>, StoreError> {
        let db = self.snapshot().await?;
        let (customers, email, under) = match subject {
            DataSubject::Customer(id) => {
                let customers = customers(&db, &[*id]).await?;
                let Some(customer) = customers.first() else { return Ok(None) };
                let email = caseless(&customer.contact.email);
                (customers, email, UNDER_NAMING_NOBODY)
            }
            DataSubject::Email(email) => {
                let email = caseless(email);
                let rows = db.query(WITH_EMAIL, vec![email.clone().into()]).await?;
                let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<CustomerId>, _>>()?;
                (customers(&db, &ids).await?, email, UNDER)
            }
        };

        let mut orders = Vec::new();
        for customer in &customers {
            orders.extend(ids(&db, NAMING, customer.id.to_string()).await?);
        }
        if !email.is_empty() {
            // Sealed orders stand under the blind indexes of the address.
            let keys = self.inner.order_cache.keys();
            all_keys_are_here(&db, keys).await?;
            let indexes = keys.blind_indexes(&email);
            for email in [email].into_iter().chain(indexes) {
                orders.extend(ids(&db, under, email).await?);
            }
        }
        orders.sort_unstable();
        orders.dedup();
        Ok(Some(Person { customers, orders }))
    }
}

async fn all_keys_are_here(db: &Session, keys: &ArchiveKeys) -> Result<(), StoreError> {
    for (from, to) in keys.ranges_of_others() {
        if let Some(row) = db.query_one(SEALED_BY_OTHERS, vec![from.into(), to.into()]).await? {
            let index: String = row.get(0)?;
            let version = version_of_index(&index).unwrap_or_default();
            let message = format!(
                "orders are sealed under version {version} of the master key, which is not here: whether they are this \
                person's cannot be told"
            );
            return Err(Refusal::unmet(Reason::ArchiveKeyMissing, message).into());
        }
    }
    Ok(())
}

async fn customers(db: &Session, ids: &[CustomerId]) -> Result<Vec<CustomerAccount>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let asked = lookup::CUSTOMERS.about(lookup::keys(ids.iter().copied()));
    db.exchange(vec![asked]).await?.iter().flatten().map(catalogue::read).collect()
}

async fn ids(db: &Session, sql: &str, value: String) -> Result<Vec<OrderId>, StoreError> {
    db.query(sql, vec![value.into()]).await?.iter().map(|row| row.get(0)).collect()
}
