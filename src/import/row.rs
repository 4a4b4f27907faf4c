//! A row of a file as a message: the JSON of the API, or the columns of a table made into it.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::import::Kind;
use crate::pb;

/// How the rows of a kind are read.
#[derive(Clone)]
pub(super) struct Shape {
    kind: Kind,
    message: MessageDescriptor,
}

/// A row that was read: its key if it names one, what it has, and which fields that are.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) key: Option<String>,
    pub(super) message: DynamicMessage,
    /// The fields' names in the API, those left out not among them.
    pub(super) fields: Vec<String>,
    /// The lines of an order's own rows, if it has several.
    pub(super) lines: Vec<u64>,
}

impl Shape {
    pub(super) fn of(kind: Kind) -> Result<Self, String> {
        let name = match kind {
            Kind::Products => "consign.v1.Product",
            Kind::Stock => "consign.v1.StockCount",
            Kind::Orders => "consign.v1.OrderDraft",
        };
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).map_err(|it| it.to_string())?;
        let message = pool.get_message_by_name(name).ok_or_else(|| format!("{name} is unknown"))?;
        Ok(Self { kind, message })
    }

    /// One line of JSON Lines. `row_key` stands beside the fields of the message.
    pub(super) fn of_json(&self, line: &str) -> Result<Given, String> {
        let value: Value = serde_json::from_str(line).map_err(|it| format!("no JSON: {it}"))?;
        let Value::Object(object) = value else { return Err("must be a JSON object".to_owned()) };
        self.of_object(object)
    }

    pub(super) fn of_object(&self, mut object: Map<String, Value>) -> Result<Given, String> {
        let key = match object.remove("row_key") {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => Some(key),
            Some(Value::Number(key)) => Some(key.to_string()),
            Some(_) => return Err("row_key: must be a text or a number".to_owned()),
        };
        let field = |name: &String| {
            let found = self.message.get_field_by_name(name);
            let found = found.or_else(|| self.message.get_field_by_json_name(name));
            found.map(|it| it.name().to_owned()).ok_or_else(|| format!("{name}: there is no such field"))
        };
        let fields = object.keys().map(field).collect::<Result<Vec<_>, _>>()?;
        let message = DynamicMessage::deserialize(self.message.clone(), Value::Object(object));
        Ok(Given { key, message: message.map_err(|it| it.to_string())?, fields, lines: Vec::new() })
    }

    /// Checks the header of a table.
    pub(super) fn check_columns<'a>(&self, columns: impl Iterator<Item = &'a str>) -> Result<(), String> {
        let known: &[&str] = match self.kind {
            Kind::Products => &[
                "row_key",
                "sku",
                "name",
                "tax_category",
                "unit_price",
                "weight_grams",
                "gtin",
                "dimensions",
                "fragile",
                "dangerous",
                "kind",
                "tracks_lots",
                "shortest_life_days",
            ],
            Kind::Stock => &["row_key", "sku", "location", "counted", "note", "lot", "expire_date"],
            Kind::Orders => return Err("orders have one row for each line".to_owned()),
        };
        let mut unknown = columns.filter(|it| {
            let is_label = self.kind == Kind::Products && it.starts_with("labels.");
            !is_label && !known.contains(it)
        });
        match unknown.next() {
            None => Ok(()),
            Some(column) => Err(format!(
                "column {column:?} is none of {}{}",
                known.join(", "),
                if self.kind == Kind::Products { ", labels.KEY" } else { "" }
            )),
        }
    }

    /// A line of a table. An empty cell leaves its field as it is.
    pub(super) fn of_cells<'a>(
        &self,
        cells: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Given, String> {
        let mut object = Map::new();
        let mut labels = Map::new();
        for (column, cell) in cells.filter(|it| !it.1.is_empty()) {
            let value = match column {
                "unit_price" => money(cell).map_err(|it| format!("unit_price: {it}"))?,
                "dimensions" => dimensions(cell).map_err(|it| format!("dimensions: {it}"))?,
                "expire_date" => date(cell).map_err(|it| format!("expire_date: {it}"))?,
                "weight_grams" | "counted" | "shortest_life_days" => {
                    let number: i64 = cell
                        .parse()
                        .map_err(|_| format!("{column}: must be a whole number, not {cell:?}"))?;
                    json!(number)
                }
                "fragile" | "dangerous" | "tracks_lots" => {
                    truth(cell).map_err(|it| format!("{column}: {it}"))?
                }
                "kind" => json!(kind_word(cell)),
                column => match column.strip_prefix("labels.") {
                    Some(label) => {
                        labels.insert(label.to_owned(), json!(cell));
                        continue;
                    }
                    None => json!(cell),
                },
            };
            object.insert(column.to_owned(), value);
        }
        if !labels.is_empty() {
            object.insert("labels".to_owned(), Value::Object(labels));
        }
        self.of_object(object)
    }
}

/// As a message of its type.
pub(super) fn typed<M: Message + Default>(message: &DynamicMessage) -> Result<M, String> {
    message.transcode_to().map_err(|it| it.to_string())
}

/// `GOODS` as the API writes it.
fn kind_word(cell: &str) -> String {
    let word = cell.to_ascii_uppercase();
    if word.starts_with("PRODUCT_KIND_") { word } else { format!("PRODUCT_KIND_{word}") }
}

pub(super) fn truth(cell: &str) -> Result<Value, String> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(json!(true)),
        "false" | "no" | "0" => Ok(json!(false)),
        _ => Err(format!("must be true or false, not {cell:?}")),
    }
}

/// `2027-03-31`.
fn date(cell: &str) -> Result<Value, String> {
    let wrong = || format!("must be a day, such as 2027-03-31, not {cell:?}");
    let parts: Vec<i32> =
        cell.trim().split('-').map(|it| it.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let [year, month, day] = parts[..] else { return Err(wrong()) };
    Ok(json!({ "year": year, "month": month, "day": day }))
}

/// `19.90 EUR`.
pub(super) fn money(cell: &str) -> Result<Value, String> {
    let wrong = || format!("must be an amount and a currency, such as 19.90 EUR, not {cell:?}");
    let (amount, currency) = cell.trim().split_once(' ').ok_or_else(wrong)?;
    let (units, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !is_number(units) || !is_number(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Ok(json!({ "currency_code": currency.trim(), "units": units, "nanos": nanos }))
}

/// `120x80x95`, in millimetres.
fn dimensions(cell: &str) -> Result<Value, String> {
    let wrong = || format!("must be length x width x height in millimetres, such as 120x80x95, not {cell:?}");
    let sides: Vec<i32> =
        cell.split('x').map(|it| it.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let [length, width, height] = sides[..] else { return Err(wrong()) };
    Ok(json!({ "length_mm": length, "width_mm": width, "height_mm": height }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(cells: &[(&str, &str)]) -> Result<(pb::Product, Vec<String>), String> {
        let shape = Shape::of(Kind::Products).expect("a shape");
        let given = shape.of_cells(cells.iter().copied())?;
        Ok((typed(&given.message).expect("a product"), given.fields))
    }

    #[test]
    fn a_line_of_a_table_has_the_fields_whose_cells_are_filled() {
        let cells = [
            ("sku", "A-1"),
            ("name", "Mug, blue"),
            ("unit_price", "19.90 EUR"),
            ("weight_grams", "300"),
            ("dimensions", "120x80x95"),
            ("fragile", "yes"),
            ("kind", "goods"),
            ("gtin", ""),
            ("labels.season", "spring"),
        ];
        let (product, mut fields) = product(&cells).expect("a product");
        let money = pb::Money { currency_code: "EUR".to_owned(), units: 19, nanos: 900_000_000 };
        assert_eq!((product.name.as_str(), product.unit_price), ("Mug, blue", Some(money)));
        assert_eq!((product.weight_grams, product.fragile, product.kind), (300, true, 1));
        assert_eq!(product.dimensions, Some(pb::Dimensions { length_mm: 120, width_mm: 80, height_mm: 95 }));
        assert_eq!(product.labels["season"], "spring");
        fields.sort();
        let expected =
            ["dimensions", "fragile", "kind", "labels", "name", "sku", "unit_price", "weight_grams"];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_cell_that_cannot_be_read_is_named() {
        for (cells, told) in [
            (("unit_price", "19,90 EUR"), "unit_price: must be an amount and a currency"),
            (("unit_price", "19.90"), "unit_price: must be an amount and a currency"),
            (("unit_price", "-1 EUR"), "unit_price: must be an amount and a currency"),
            (("dimensions", "1x2"), "dimensions: must be length x width x height"),
            (("fragile", "perhaps"), "fragile: must be true or false"),
            (("weight_grams", "heavy"), "weight_grams: must be a whole number"),
        ] {
            let why = product(&[("sku", "A-1"), cells]).expect_err(told);
            assert!(why.starts_with(told), "{why}");
        }
    }

    #[test]
    fn a_line_of_json_is_the_message_of_the_api_with_a_key_beside_it() {
        let shape = Shape::of(Kind::Orders).expect("a shape");
        let line = r#"{"row_key": 7, "channel": "CHANNEL_PHONE", "externalReference": "x-7",
            "lines": [{"sku": "A-1", "quantity": "2"}]}"#;
        let given = shape.of_json(line).expect("a draft");
        assert_eq!(given.key.as_deref(), Some("7"));
        let draft: pb::OrderDraft = typed(&given.message).expect("a draft");
        assert_eq!((draft.channel(), draft.lines[0].quantity), (pb::Channel::Phone, 2));
        assert!(given.fields.contains(&"external_reference".to_owned()));

        for (line, told) in [
            ("{", "no JSON"),
            ("[]", "must be a JSON object"),
            (r#"{"chanel": "x"}"#, "chanel: there is no such field"),
            (r#"{"row_key": []}"#, "row_key: "),
        ] {
            let why = shape.of_json(line).expect_err(told);
            assert!(why.starts_with(told), "{why}");
        }
        assert!(shape.of_json(r#"{"lines": [{"quantity": "many"}]}"#).is_err());
    }

    #[test]
    fn a_column_that_nobody_knows_is_refused_before_anything_is_sent() {
        let products = Shape::of(Kind::Products).expect("a shape");
        assert!(products.check_columns(["sku", "labels.season", "name"].into_iter()).is_ok());
        assert!(products.check_columns(["sku", "colour"].into_iter()).is_err());
        let stock = Shape::of(Kind::Stock).expect("a shape");
        assert!(stock.check_columns(["sku", "labels.season"].into_iter()).is_err());
        let orders = Shape::of(Kind::Orders).expect("a shape");
        assert!(orders.check_columns(["channel"].into_iter()).is_err());
    }
}
