//! Addresses in writing: who it comes from, and where it goes as that country writes it.

use crate::domain::documents::text::line;
use crate::domain::model::address::Address;
use crate::domain::model::location::Location;
use crate::domain::model::order::Order;
use crate::domain::model::policy::Rules;
use crate::domain::model::postal_form::{PostalForm, country_name};
use crate::domain::model::shipment::Shipment;

/// Where a shipment goes: address and phone number. Sent on to another address, it goes there.
pub(in crate::domain) fn addressee(order: &Order, shipment: &Shipment) -> Vec<String> {
    let mut all = written(shipment.new_address().unwrap_or(&order.shipping_address), order);
    if !order.customer.phone.is_empty() {
        all.push(format!("Phone {}", line(&order.customer.phone_in_words())));
    }
    all
}

/// An address of the order's customer, whose name is the recipient's where none is given.
pub(in crate::domain) fn written(address: &Address, order: &Order) -> Vec<String> {
    written_to(address, &order.customer.name)
}

/// An address whose recipient is this one where it names none.
pub(in crate::domain) fn written_to(address: &Address, name: &str) -> Vec<String> {
    let recipient = line(&address.recipient);
    let recipient = if recipient.is_empty() { line(name) } else { recipient };
    postal_lines(address, &recipient)
}

/// Where a shipment comes from: the company at the location's address, or as much as is known of it.
pub(in crate::domain) fn sender(rules: &Rules, location: &Location) -> Vec<String> {
    if let Some(address) = &location.address {
        let mut address = address.clone();
        if address.organization.trim().is_empty() {
            address.organization.clone_from(&rules.company_name);
        }
        let recipient = line(&address.recipient);
        let recipient = if recipient.is_empty() { line(&location.name) } else { recipient };
        return postal_lines(&address, &recipient);
    }
    let mut all = vec![line(&rules.company_name), line(&location.name), country_line(&location.country)];
    all.retain(|it| !it.is_empty());
    all
}

/// The lines of an address, the country last.
fn postal_lines(address: &Address, recipient: &str) -> Vec<String> {
    let format = PostalForm::of(&address.country).format(address);
    let mut all = Vec::new();
    for form in format.split("%n") {
        match form {
            "%A" => all.extend(address.lines.iter().map(|it| line(it))),
            form => all.push(filled(form, |field| value(address, recipient, field))),
        }
    }

    // What the customer wrote is printed, also where the country's format has no place for it.
    let written = all.join("\n").to_lowercase();
    let is_left_out = |field: &char| {
        let value = value(address, recipient, *field);
        !format.contains(&format!("%{field}")) && !written.contains(&value.to_lowercase())
    };
    let left_out: Vec<_> = ['C', 'S', 'Z'].into_iter().filter(is_left_out).collect();
    let more: Vec<_> = left_out.into_iter().map(|it| value(address, recipient, it)).collect();
    // A format that begins with the recipient goes from the small to the large.
    let index = if format.starts_with("%N") || format.starts_with("%O") { all.len() } else { 0 };
    all.insert(index, more.join(" "));

    all.push(country_line(&address.country));
    all.retain(|it| !it.is_empty());
    all
}

fn value(address: &Address, recipient: &str, field: char) -> String {
    match field {
        'N' => recipient.to_owned(),
        'O' => line(&address.organization),
        'A' => line(&address.lines.join(", ")),
        'C' => line(&address.city),
        'S' => line(&address.area),
        'Z' => line(&address.postal_code),
        // Districts and sorting codes, which orders do not know.
        _ => String::new(),
    }
}

/// One line of a format. What stands between fields is printed where both are there, and what stands before the first
/// one if it says something, such as `CH-`.
fn filled(form: &str, value: impl Fn(char) -> String) -> String {
    let mut pieces = form.split('%');
    let mut mark = pieces.next().unwrap_or_default();
    let mut text = if form.contains('%') { String::new() } else { mark.to_owned() };
    for piece in pieces {
        let mut rest = piece.chars();
        let value = rest.next().map(&value).unwrap_or_default();
        if !value.is_empty() {
            let is_said = value.to_uppercase().starts_with(mark.trim());
            let says = mark.chars().any(|it| it.is_alphanumeric() || it == '〒') && !is_said;
            if says || !text.is_empty() {
                text.push_str(mark);
            }
            text.push_str(&value);
        }
        mark = rest.as_str();
    }
    text
}

fn country_line(code: &str) -> String {
    match country_name(code) {
        Some(name) => format!("{} ({code})", name.to_uppercase()),
        None => code.to_owned(),
    }
}

#[cfg(test)]
mod tests;
