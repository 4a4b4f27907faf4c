//! A table of orders: one row for each line of an order, put together by the order's key.

use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value, json};

use crate::import::row::{Given, Shape, money, truth};

/// The column that says which rows are one order.
pub(super) const KEY: &str = "order";

/// Columns about the line; all others are about the order.
const OF_LINES: [&str; 4] = ["sku", "quantity", "unit_price", "description"];

/// Columns about the order, beside its key.
const OF_ORDERS: [&str; 35] = [
    "channel",
    "external_reference",
    "customer_id",
    "customer.name",
    "customer.email",
    "customer.phone",
    "customer.locale",
    "shipping.recipient",
    "shipping.company",
    "shipping.street",
    "shipping.street_2",
    "shipping.street_3",
    "shipping.city",
    "shipping.state",
    "shipping.postal_code",
    "shipping.country",
    "billing.recipient",
    "billing.company",
    "billing.street",
    "billing.street_2",
    "billing.street_3",
    "billing.city",
    "billing.state",
    "billing.postal_code",
    "billing.country",
    "currency",
    "prices_include_tax",
    "shipping_fee",
    "shipping_service",
    "discount_code",
    "on_shortage",
    "on_late",
    "requested_delivery_time",
    "wait_until",
    "special_instructions",
];

/// The words of an enum, without what they begin with in the API.
const WORDS: [(&str, &str); 4] = [
    ("channel", "CHANNEL_"),
    ("shipping_service", "SERVICE_LEVEL_"),
    ("on_shortage", "ON_SHORTAGE_"),
    ("on_late", "ON_LATE_"),
];

/// How many rows of one order are held.
const ROWS_MAX: usize = 1_000;

/// Why an order is left out whose rows do not stand together, at the first of them and at the others.
const FURTHER_DOWN: &str = "rows of one order stand together, and others of it stand further down";
const FURTHER_UP: &str = "rows of one order stand together, and others of it stand further up";

/// Checks the header of a table of orders.
pub(super) fn check_columns<'a>(columns: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut known = vec![KEY];
    known.extend(OF_LINES);
    known.extend(OF_ORDERS);
    let columns: Vec<&str> = columns.collect();
    if let Some(column) = columns.iter().find(|it| !known.contains(it) && !it.starts_with("labels.")) {
        return Err(format!("column {column:?} is none of {}, labels.KEY", known.join(", ")));
    }
    match columns.contains(&KEY) {
        true => Ok(()),
        false => Err(format!("there is no column {KEY:?}: it says which rows are one order")),
    }
}

/// What comes of the rows: an order at its first line, or why a row cannot be read.
pub(super) type Ready = (u64, Result<Given, String>);

/// The keys of a table, read before any order of it is sent.
#[derive(Default)]
pub(super) struct Keys {
    last: String,
    begun: HashSet<String>,
    torn: HashSet<String>,
}

impl Keys {
    /// The key of the next row; empty: it names no order.
    pub(super) fn take(&mut self, key: &str) {
        if key.is_empty() || key == self.last {
            return;
        }
        if !self.begun.insert(key.to_owned()) {
            self.torn.insert(key.to_owned());
        }
        key.clone_into(&mut self.last);
    }

    /// Those whose rows do not stand together.
    pub(super) fn torn(self) -> HashSet<String> {
        self.torn
    }
}

/// Orders under way.
#[derive(Default)]
pub(super) struct Orders {
    open: Option<Open>,
    /// Keys of orders that were begun: their rows stand together.
    begun: HashSet<String>,
    /// Keys of orders whose rows do not: nothing of them is sent.
    torn: HashSet<String>,
    /// A row could not be read at all, and may be of the next order.
    is_doubtful: bool,
    ready: VecDeque<Ready>,
}

struct Open {
    key: String,
    /// The line of each of its rows.
    lines: Vec<u64>,
    /// The order's cells, each with the line of the file that said it first.
    head: Vec<(String, String, u64)>,
    items: Vec<Value>,
    /// One of its rows cannot be read: it is left out.
    is_bad: bool,
}

impl Orders {
    /// Of a table in which the rows of these do not stand together.
    pub(super) fn with_torn(torn: HashSet<String>) -> Self {
        Self { torn, ..Self::default() }
    }

    /// What is settled by now, the first of it.
    pub(super) fn ready(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    /// Takes a row in; one of another order ends the one before.
    pub(super) fn take(&mut self, shape: &Shape, line: u64, cells: &[(&str, &str)]) {
        let key = cells.iter().find(|it| it.0 == KEY).map_or("", |it| it.1);
        let Some(open) = self.begin(shape, line, key) else { return };
        let is_first = open.lines.is_empty();
        let mut bad = open.add(line, cells);
        if is_first && self.torn.contains(key) {
            bad.insert(0, FURTHER_DOWN.to_owned());
        }
        if !bad.is_empty() {
            self.refuse(line, &bad.join("; "));
        }
    }

    /// A row of this order that cannot be read.
    pub(super) fn take_bad(&mut self, shape: &Shape, line: u64, key: &str, why: &str) {
        if self.begin(shape, line, key).is_some() {
            self.refuse(line, why);
        }
    }

    /// A row that cannot be read at all: of the order under way, or of the next one.
    pub(super) fn take_unknown(&mut self, line: u64, why: &str) {
        self.is_doubtful = true;
        self.refuse(line, why);
    }

    /// No more rows of the order under way.
    pub(super) fn end(&mut self, shape: &Shape) {
        if let Some(open) = self.open.take().filter(|it| !it.is_bad) {
            let line = open.lines.first().copied().unwrap_or_default();
            self.ready.push_back((line, open.whole(shape)));
        }
    }

    /// The order under way, once those before it are ended. None: the row is refused.
    fn begin(&mut self, shape: &Shape, line: u64, key: &str) -> Option<&mut Open> {
        if key.is_empty() {
            self.refuse(line, "order: names no order");
            return None;
        }
        let goes_on = self.open.as_ref().is_some_and(|it| it.key == key);
        let is_doubtful = std::mem::take(&mut self.is_doubtful) && !goes_on;
        if !goes_on {
            self.end(shape);
            let is_new = self.begun.insert(key.to_owned());
            self.open = Some(Open {
                key: key.to_owned(),
                lines: Vec::new(),
                head: Vec::new(),
                items: Vec::new(),
                is_bad: false,
            });
            let why = match (is_new, is_doubtful) {
                (false, _) => Some(FURTHER_UP),
                (true, true) => Some("the row before it cannot be read, and may be of the same order"),
                (true, false) => None,
            };
            if let Some(why) = why {
                self.refuse(line, why);
                return None;
            }
        }
        self.open.as_mut()
    }

    /// Names a bad row; the order under way is left out.
    fn refuse(&mut self, line: u64, why: &str) {
        let left_out = self.open.as_mut().map(|it| {
            it.is_bad = true;
            format!("; order {} is left out", it.key)
        });
        self.ready.push_back((line, Err(format!("{why}{}", left_out.unwrap_or_default()))));
    }
}

impl Open {
    /// Adds a row; gives back everything that is wrong with it.
    fn add(&mut self, line: u64, cells: &[(&str, &str)]) -> Vec<String> {
        let mut bad = Vec::new();
        let mut item = Map::new();
        for (column, cell) in cells.iter().filter(|it| !it.1.is_empty() && it.0 != KEY) {
            let value = match *column {
                "quantity" => whole(cell),
                "unit_price" => money(cell),
                "sku" | "description" => Ok(json!(cell)),
                of_order => {
                    bad.extend(self.tell(line, of_order, cell));
                    continue;
                }
            };
            match value {
                Ok(value) => {
                    item.insert((*column).to_owned(), value);
                }
                Err(why) => bad.push(format!("{column}: {why}")),
            }
        }
        if item.is_empty() && bad.is_empty() {
            bad.push("sku: names no product".to_owned());
        }
        if self.items.len() >= ROWS_MAX {
            bad.push(format!("an order has at most {ROWS_MAX} rows"));
            return bad;
        }
        self.lines.push(line);
        self.items.push(Value::Object(item));
        bad
    }

    /// A cell about the order, which any of its rows may have; they agree.
    fn tell(&mut self, line: u64, column: &str, cell: &str) -> Option<String> {
        if let Some((_, before, at)) = self.head.iter().find(|it| it.0 == column) {
            return (before != cell).then(|| format!("{column}: differs from line {at} of the same order"));
        }
        let bad = value_of(column, cell).err().map(|why| format!("{column}: {why}"));
        self.head.push((column.to_owned(), cell.to_owned(), line));
        bad
    }

    fn whole(self, shape: &Shape) -> Result<Given, String> {
        let mut order = Map::new();
        let mut streets = [Vec::new(), Vec::new()];
        // Sorted, so that the lines of a street stand in their order.
        let mut head = self.head;
        head.sort();
        for (column, cell, _) in &head {
            let value = value_of(column, cell)?;
            let (part, field) = match column.split_once('.') {
                None => {
                    order.insert(column.clone(), value);
                    continue;
                }
                Some(("shipping", field)) => ("shipping_address", field),
                Some(("billing", field)) => ("billing_address", field),
                Some((part, field)) => (part, field),
            };
            if field.starts_with("street") && part.ends_with("_address") {
                streets[usize::from(part == "billing_address")].push(value);
                continue;
            }
            member(&mut order, part).insert(field.to_owned(), value);
        }
        let [shipping, billing] = streets;
        for (part, street) in [("shipping_address", shipping), ("billing_address", billing)] {
            if !street.is_empty() {
                member(&mut order, part).insert("street".to_owned(), Value::Array(street));
            }
        }
        order.insert("lines".to_owned(), Value::Array(self.items));
        order.insert("row_key".to_owned(), json!(self.key));
        let given = shape.of_object(order)?;
        Ok(Given { lines: self.lines, ..given })
    }
}

/// The object of this name in the order, made if it is not there.
fn member<'o>(order: &'o mut Map<String, Value>, name: &str) -> &'o mut Map<String, Value> {
    let value = order.entry(name).or_insert_with(|| Value::Object(Map::new()));
    value.as_object_mut().expect("only objects are put under names with a dot")
}

fn value_of(column: &str, cell: &str) -> Result<Value, String> {
    if let Some((_, begins)) = WORDS.iter().find(|it| it.0 == column) {
        let word = cell.to_ascii_uppercase();
        return Ok(json!(if word.starts_with(begins) { word } else { format!("{begins}{word}") }));
    }
    match column {
        "prices_include_tax" => truth(cell),
        "shipping_fee" => money(cell),
        _ => Ok(json!(cell)),
    }
}

fn whole(cell: &str) -> Result<Value, String> {
    let number: i64 = cell.parse().map_err(|_| format!("must be a whole number, not {cell:?}"))?;
    Ok(json!(number))
}

/// Which row of an order a bad field is about: `order.lines[1].sku` is its second.
pub(super) fn row_of(field: &str) -> Option<usize> {
    field.strip_prefix("order.lines[")?.split_once(']')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Kind;
    use crate::import::row::typed;
    use crate::pb;

    /// An order's key, its lines and what it has, or what is wrong with a row.
    type Read = (u64, Result<(String, Vec<u64>, pb::OrderDraft), String>);

    /// What comes of a table without quotes.
    fn read(table: &str) -> Vec<Read> {
        let shape = Shape::of(Kind::Orders).expect("a shape");
        let mut rows = table.lines();
        let header: Vec<&str> = rows.next().expect("a header").split(',').collect();
        assert_eq!(check_columns(header.iter().copied()), Ok(()));
        let mut keys = Keys::default();
        let named = rows.clone().filter(|it| *it != "?");
        named.for_each(|it| keys.take(it.split(',').next().unwrap_or_default()));
        let mut orders = Orders::with_torn(keys.torn());
        for (line, row) in (2..).zip(rows) {
            let cells: Vec<(&str, &str)> = header.iter().copied().zip(row.split(',')).collect();
            match row {
                "?" => orders.take_unknown(line, "is not UTF-8"),
                _ => orders.take(&shape, line, &cells),
            }
        }
        orders.end(&shape);
        let given = |it: Given| (it.key.expect("a key"), it.lines, typed(&it.message).expect("a draft"));
        std::iter::from_fn(|| orders.ready()).map(|(line, it)| (line, it.map(given))).collect()
    }

    fn told(read: &[Read]) -> Vec<(u64, &str)> {
        read.iter()
            .map(|(line, it)| (*line, it.as_ref().map_or_else(String::as_str, |it| it.0.as_str())))
            .collect()
    }

    #[test]
    fn rows_with_one_key_are_one_order() {
        let table = "order,channel,customer.name,customer.email,shipping.street,shipping.street_2,shipping.city,\
            shipping.country,currency,labels.shop,on_shortage,prices_include_tax,sku,quantity,unit_price,description\n\
            7,phone,Ada,ada@example.com,Invalidenstr. 117,2. OG,Berlin,DE,EUR,north,wait,yes,A-1,2,9.90 EUR,\n\
            7,,,,,,,,,,,,B-2,1,,a blue one\n\
            8,ONLINE,Bob,,,,,,EUR,,,,A-1,1,,";
        let found = read(table);
        let (line, Ok((key, lines, draft))) = &found[0] else { panic!("{found:?}") };
        assert_eq!((*line, key.as_str(), lines.as_slice()), (2, "7", &[2, 3][..]));
        assert_eq!((draft.channel(), draft.on_shortage()), (pb::Channel::Phone, pb::OnShortage::Wait));
        assert!(draft.prices_include_tax);
        let customer = draft.customer.as_ref().expect("a customer");
        assert_eq!((customer.name.as_str(), customer.email.as_str()), ("Ada", "ada@example.com"));
        let address = draft.shipping_address.as_ref().expect("an address");
        assert_eq!(address.street, ["Invalidenstr. 117", "2. OG"]);
        assert_eq!((address.city.as_str(), draft.labels["shop"].as_str()), ("Berlin", "north"));
        assert_eq!(draft.lines.len(), 2);
        assert_eq!((draft.lines[0].quantity, draft.lines[1].description.as_str()), (2, "a blue one"));
        let price = pb::Money { currency_code: "EUR".to_owned(), units: 9, nanos: 900_000_000 };
        assert_eq!(
            (draft.lines[0].unit_price.clone(), draft.lines[1].unit_price.clone()),
            (Some(price), None)
        );
        let (line, Ok((key, _, draft))) = &found[1] else { panic!("{found:?}") };
        assert_eq!((*line, key.as_str(), draft.lines.len()), (4, "8", 1));
        assert!(draft.shipping_address.is_none());
    }

    #[test]
    fn an_order_with_a_bad_row_is_left_out_and_every_bad_row_is_named() {
        let table = "order,currency,sku,quantity,unit_price\n\
            1,EUR,A-1,two,nine\n\
            1,USD,B-2,1,\n\
            1,,,,\n\
            2,EUR,A-1,1,\n\
            1,EUR,C-3,1,\n\
            ,EUR,C-3,1,\n\
            3,EUR,A-1,1,";
        assert_eq!(
            told(&read(table)),
            [
                (
                    2,
                    "rows of one order stand together, and others of it stand further down; quantity: must be a whole \
                    number, not \"two\"; unit_price: must be an amount and a currency, such as 19.90 EUR, not \"nine\"; \
                    order 1 is left out"
                ),
                (3, "currency: differs from line 2 of the same order; order 1 is left out"),
                (4, "sku: names no product; order 1 is left out"),
                (5, "2"),
                (
                    6,
                    "rows of one order stand together, and others of it stand further up; order 1 is left out"
                ),
                (7, "order: names no order; order 1 is left out"),
                (8, "3"),
            ]
        );
    }

    #[test]
    fn of_an_order_whose_rows_do_not_stand_together_nothing_is_sent() {
        assert_eq!(
            told(&read("order,sku,quantity\n7,A-1,1\n8,A-1,1\n7,B-2,1")),
            [
                (
                    2,
                    "rows of one order stand together, and others of it stand further down; order 7 is left out"
                ),
                (3, "8"),
                (
                    4,
                    "rows of one order stand together, and others of it stand further up; order 7 is left out"
                ),
            ]
        );
    }

    #[test]
    fn a_row_that_cannot_be_read_leaves_out_every_order_that_it_may_be_of() {
        let table = "order,sku,quantity\n1,A-1,1\n?\n2,A-1,1\n3,A-1,1\n?\n3,B-2,1\n4,A-1,1";
        assert_eq!(
            told(&read(table)),
            [
                (3, "is not UTF-8; order 1 is left out"),
                (4, "the row before it cannot be read, and may be of the same order; order 2 is left out"),
                (6, "is not UTF-8; order 3 is left out"),
                (8, "4"),
            ]
        );
    }

    #[test]
    fn a_column_that_nobody_knows_is_refused_and_the_key_is_needed() {
        for (header, told) in [
            (["order", "colour"], "column \"colour\" is none of order, sku, quantity,"),
            (["sku", "quantity"], "there is no column \"order\""),
        ] {
            let why = check_columns(header.into_iter()).expect_err(told);
            assert!(why.starts_with(told), "{why}");
        }
        assert!(check_columns(["order", "labels.shop", "shipping.city"].into_iter()).is_ok());
    }

    #[test]
    fn a_bad_field_of_a_line_is_about_a_row() {
        assert_eq!(row_of("order.lines[1].sku"), Some(1));
        assert_eq!(row_of("order.lines"), None);
        assert_eq!(row_of("order.customer.email"), None);
    }
}
