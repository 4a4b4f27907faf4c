//! Lists, with the API's filters as they are.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::desk::Desk;
use crate::console::visitors::Visitor;

/// What a list is asked for.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    filter: Option<String>,
    #[serde(default)]
    page: String,
}

impl ListQuery {
    /// The filter, or what is usually looked for.
    fn filter_or(&self, usual: &str) -> String {
        self.filter.clone().unwrap_or_else(|| usual.to_owned()).trim().to_owned()
    }
}

/// With what it was asked for, for the form and the next page.
fn listed(list: Value, filter: String) -> Value {
    json!({ "list": list, "filter": filter })
}

/// The pages of one list each: the list, and what is usually looked for.
macro_rules! pages {
    ($($page:ident: $list:ident, $usual:literal;)+) => { $(
        pub(super) async fn $page(
            State(desk): State<Arc<Desk>>,
            visitor: Visitor,
            Query(asked): Query<ListQuery>,
        ) -> Response {
            let filter = asked.filter_or($usual);
            let found = async {
                let list = desk.api(&visitor)?.$list(filter.clone(), asked.page).await?;
                Ok(listed(list, filter))
            };
            desk.page(&visitor, concat!(stringify!($page), ".html"), found.await)
        }
    )+ };
}

pages! {
    orders: list_orders, "";
    approvals: list_approvals, "state = PENDING";
    shipments: list_shipments, "";
    messages: list_messages, "state = FAILED";
    returns: list_returns, "state = REQUESTED";
}

/// Levels, with what is proposed to be bought above them.
pub(super) async fn stock(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    Query(asked): Query<ListQuery>,
) -> Response {
    let filter = asked.filter_or("");
    let found = async {
        let api = desk.api(&visitor)?;
        let (levels, proposals) = tokio::join!(
            api.list_stock_levels(filter.clone(), asked.page),
            api.list_replenishments("state = PROPOSED".to_owned(), String::new()),
        );
        let mut found = listed(levels?, filter);
        found["proposals"] = proposals?;
        Ok(found)
    };
    desk.page(&visitor, "stock.html", found.await)
}
