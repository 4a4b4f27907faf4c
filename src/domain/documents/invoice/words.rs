//! The words of invoices, a table for each language. A word in braces is filled in.

use crate::domain::documents::letters::language::Language;

/// What an invoice says beside names and numbers.
pub(super) struct Words {
    pub invoice: &'static str,
    pub number: &'static str,
    pub date: &'static str,
    pub order: &'static str,
    pub order_date: &'static str,
    /// The customer's own number of the order.
    pub their_reference: &'static str,
    pub their_tax_number: &'static str,
    pub due: &'static str,
    pub at_once: &'static str,
    pub deliver_to: &'static str,

    pub position: &'static str,
    pub item: &'static str,
    pub quantity: &'static str,
    pub unit_price: &'static str,
    pub discount: &'static str,
    pub tax: &'static str,
    pub amount: &'static str,

    pub subtotal: &'static str,
    pub shipping: &'static str,
    pub net_total: &'static str,
    pub total: &'static str,
    pub tax_within: &'static str,
    pub tax_rate: &'static str,
    pub net: &'static str,
    pub gross: &'static str,
    pub prices_with_tax: &'static str,
    pub prices_without_tax: &'static str,

    pub payment: &'static str,
    pub nothing_due: &'static str,
    /// `{amount}`, `{code}`
    pub paid_by_credit: &'static str,
    /// `{amount}`, `{number}`
    pub paid_by_exchange: &'static str,
    /// `{total}`
    pub pay_at_once: &'static str,
    /// `{total}`, `{date}`
    pub pay_until: &'static str,
    pub by_transfer: &'static str,
    /// `{order}`
    pub by_card: &'static str,
    /// `{order}`
    pub by_paypal: &'static str,
    pub in_cash: &'static str,
    pub holder: &'static str,
    pub iban: &'static str,
    pub bic: &'static str,
    pub bank: &'static str,
    pub reference: &'static str,
    pub creditor_reference: &'static str,
    pub scan: &'static str,

    pub vat_id: &'static str,
    pub tax_number: &'static str,
    /// `{page}`, `{pages}`
    pub page: &'static str,
}

pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
        Language::Russian => &RUSSIAN,
    }
}

/// A form with its values.
pub(super) fn filled(form: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(form.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

static ENGLISH: Words = Words {
    invoice: "Invoice",
    number: "Invoice number",
    date: "Invoice date",
    order: "Order",
    order_date: "Order date",
    their_reference: "Your reference",
    their_tax_number: "Your tax number",
    due: "Due",
    at_once: "at once",
    deliver_to: "Delivery to",

    position: "No.",
    item: "Item",
    quantity: "Quantity",
    unit_price: "Unit price",
    discount: "Discount",
    tax: "Tax",
    amount: "Amount",

    subtotal: "Subtotal",
    shipping: "Shipping",
    net_total: "Net total",
    total: "Total",
    tax_within: "Includes tax of",
    tax_rate: "Tax rate",
    net: "Net",
    gross: "Gross",
    prices_with_tax: "Prices include tax.",
    prices_without_tax: "Prices are without tax.",

    payment: "Payment",
    nothing_due: "Nothing is left to pay.",
    paid_by_credit: "{amount} is paid with store credit {code}.",
    paid_by_exchange: "{amount} is paid with goods returned from order {number}.",
    pay_at_once: "Please pay {total} at once.",
    pay_until: "Please pay {total} by {date}.",
    by_transfer: "By bank transfer to this account, with the reference below:",
    by_card: "By card: in our shop, under order {order}.",
    by_paypal: "By PayPal: in our shop, under order {order}.",
    in_cash: "In cash: at our counter, with this invoice.",
    holder: "Account holder",
    iban: "IBAN",
    bic: "BIC",
    bank: "Bank",
    reference: "Reference",
    creditor_reference: "RF reference",
    scan: "Scan to pay with your bank’s app",

    vat_id: "VAT ID",
    tax_number: "Tax number",
    page: "Page {page} of {pages}",
};

static GERMAN: Words = Words {
    invoice: "Rechnung",
    number: "Rechnungsnummer",
    date: "Rechnungsdatum",
    order: "Bestellung",
    order_date: "Bestelldatum",
    their_reference: "Ihr Zeichen",
    their_tax_number: "Ihre Steuernummer",
    due: "Fällig",
    at_once: "sofort",
    deliver_to: "Lieferung an",

    position: "Pos.",
    item: "Artikel",
    quantity: "Menge",
    unit_price: "Einzelpreis",
    discount: "Rabatt",
    tax: "Steuer",
    amount: "Betrag",

    subtotal: "Zwischensumme",
    shipping: "Versand",
    net_total: "Nettobetrag",
    total: "Gesamtbetrag",
    tax_within: "darin enthaltene Steuer",
    tax_rate: "Steuersatz",
    net: "Netto",
    gross: "Brutto",
    prices_with_tax: "Alle Preise enthalten die Steuer.",
    prices_without_tax: "Alle Preise verstehen sich ohne Steuer.",

    payment: "Zahlung",
    nothing_due: "Es ist nichts mehr zu bezahlen.",
    paid_by_credit: "{amount} sind mit dem Guthaben {code} bezahlt.",
    paid_by_exchange: "{amount} sind mit der Rücksendung zur Bestellung {number} verrechnet.",
    pay_at_once: "Bitte bezahlen Sie {total} sofort.",
    pay_until: "Bitte bezahlen Sie {total} bis zum {date}.",
    by_transfer: "Per Überweisung auf dieses Konto, mit diesem Verwendungszweck:",
    by_card: "Per Karte: in unserem Shop unter der Bestellung {order}.",
    by_paypal: "Per PayPal: in unserem Shop unter der Bestellung {order}.",
    in_cash: "Bar: an unserer Kasse, mit dieser Rechnung.",
    holder: "Kontoinhaber",
    iban: "IBAN",
    bic: "BIC",
    bank: "Bank",
    reference: "Verwendungszweck",
    creditor_reference: "RF-Referenz",
    scan: "Mit der Banking-App scannen und bezahlen",

    vat_id: "USt-IdNr.",
    tax_number: "Steuernummer",
    page: "Seite {page} von {pages}",
};

static RUSSIAN: Words = Words {
    invoice: "Счёт",
    number: "Номер счёта",
    date: "Дата счёта",
    order: "Заказ",
    order_date: "Дата заказа",
    their_reference: "Ваш номер",
    their_tax_number: "Ваш налоговый номер",
    due: "Срок оплаты",
    at_once: "сразу",
    deliver_to: "Доставка",

    position: "№",
    item: "Товар или услуга",
    quantity: "Количество",
    unit_price: "Цена",
    discount: "Скидка",
    tax: "Налог",
    amount: "Сумма",

    subtotal: "Итого без доставки",
    shipping: "Доставка",
    net_total: "Итого без налога",
    total: "Итого",
    tax_within: "в том числе налог",
    tax_rate: "Ставка налога",
    net: "Без налога",
    gross: "С налогом",
    prices_with_tax: "Цены включают налог.",
    prices_without_tax: "Цены указаны без налога.",

    payment: "Оплата",
    nothing_due: "Платить ничего не нужно.",
    paid_by_credit: "{amount} оплачено со счёта в магазине ({code}).",
    paid_by_exchange: "{amount} зачтено за товар, возвращённый по заказу {number}.",
    pay_at_once: "Пожалуйста, оплатите {total} сразу.",
    pay_until: "Пожалуйста, оплатите {total} до {date}",
    by_transfer: "Банковским переводом на этот счёт; укажите назначение платежа:",
    by_card: "Картой: в нашем магазине, заказ {order}.",
    by_paypal: "Через PayPal: в нашем магазине, заказ {order}.",
    in_cash: "Наличными: в нашей кассе, с этим счётом.",
    holder: "Получатель",
    iban: "IBAN",
    bic: "BIC",
    bank: "Банк",
    reference: "Назначение платежа",
    creditor_reference: "Номер платежа (RF)",
    scan: "Отсканируйте, чтобы оплатить в приложении банка",

    vat_id: "Номер плательщика НДС",
    tax_number: "Налоговый номер",
    page: "Страница {page} из {pages}",
};
