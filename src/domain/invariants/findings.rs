//! The laws by name, and their violations.

use std::fmt::Display;

/// One law that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    pub law: &'static str,
    /// What breaks it: an id.
    pub key: String,
    pub expected: String,
    pub actual: String,
}

/// Every law by its id and what it says; of each letter they are numbered from 1 without gap.
///
/// | letter | about |
/// |---|---|
/// | S, W | stock, and who waits for it |
/// | M | money |
/// | C | changes of orders |
/// | R | what comes back |
/// | T | states and their evidence |
/// | L | the log of events, and letters to customers |
/// | E, I | what is to be done, and what was asked for |
/// | F | feedback, and what is done about it |
/// | D, P | documents and their tables, people's secrets |
pub const LAWS: &[(&str, &str)] = &[
    ("S1", "every figure of a stock level is the sum of its movements"),
    ("S2", "reserved units are those of open reservations, and those of the movements"),
    (
        "S3",
        "no figure of a stock level is negative, what is promised or unsaleable is on hand, and no more is missing than is",
    ),
    (
        "S4",
        "of every reserved item 0 ≤ consumed + released ≤ quantity, and all of it once the reservation is over",
    ),
    ("S5", "every consumed unit of a reservation left the shelf in exactly one movement"),
    (
        "S6",
        "an order has at most one open reservation, its last one, and none once it is over; only one that is HELD \
         expires, and has a job that ends it then",
    ),
    (
        "S7",
        "0 ≤ packed ≤ checked ≤ picked ≤ quantity, packages hold what was packed, nothing ships that was not ordered \
         or was cancelled",
    ),
    (
        "S8",
        "the units on order of a stock level are those of its replenishments, and these received no more than arrived",
    ),
    (
        "S9",
        "every unit of a transfer is received, lost, returned or in transit, as its movements say, and on order while it is",
    ),
    (
        "S10",
        "a cart's reservation that an order has taken over is RELEASED, and in the place of it is one of this order, of no other",
    ),
    (
        "S11",
        "a lot has the units that its movements say, and every figure of a stock level with lots is the sum of theirs",
    ),
    (
        "S12",
        "units on pick lists are those that shipments in the house have of their lots, and each of these is there",
    ),
    ("S13", "no unit is handed over after its lot has expired"),
    (
        "W1",
        "an order waits for stock exactly while it is AWAITING_STOCK, or a part of it is set aside and the rest waits",
    ),
    (
        "W2",
        "of a line, what is set aside, sent, waited for and cancelled is what was ordered, and no unit of it twice",
    ),
    (
        "M1",
        "totals are lines − discounts + taxes + shipping to the last minor unit, on the order and on its invoice",
    ),
    (
        "M2",
        "the shares of the order's discount sum to it, and it is what its discount code gives for these goods",
    ),
    (
        "M3",
        "captured is at most what was asked for and invoiced, paid back at most what was captured, of each payment \
         and order",
    ),
    ("M4", "at most one call to a provider is open, and only for a payment that can still change"),
    ("M5", "every open call to a provider, and every refund under way, has a job that asks again"),
    ("M6", "at most one invoice is not void, and it is the last"),
    (
        "M7",
        "orders and invoices are numbered, the invoices of a series from 1 without gap but for what a restore left out",
    ),
    ("M8", "nothing is handed over before the payment is captured and approved"),
    ("M9", "every bank transfer is in the register of references, where each is once"),
    (
        "M10",
        "what an order comes to is its invoice less its credit notes, line by line, and no line is credited beyond \
         what was invoiced; of an order that was paid and ended early all is credited",
    ),
    (
        "M11",
        "what is paid back for units of a line is at most their share of it, and is credited; no more units than were sold",
    ),
    (
        "R1",
        "no more units of a line are in returns than were sold and arrived, declined and cancelled returns aside",
    ),
    (
        "R2",
        "of every unit in a return it is known what became of it once the return is closed, and none is counted twice",
    ),
    (
        "R3",
        "no unit is paid for twice: what RefundPayment paid back of a line comes back first, and its return pays nothing; \
         nor is a shipment, by ResolveException and by its return",
    ),
    (
        "R4",
        "an order made in exchange has of the value of what came back what the return says, and that is kept of what was \
         credited; what it lets go of goes back",
    ),
    (
        "C1",
        "an order has at most one open change; a confirmed one was proposed, and the lines that it added say so",
    ),
    ("T1", "every step of every state machine is in its table"),
    ("T2", "what the log says last of a subject is its state, and its steps join up"),
    ("T3", "the evidence of every gate that was passed is there and older than what followed"),
    ("T4", "nobody approves what they had a hand in, or after it expired"),
    ("T5", "when an order is over nothing of it is left open"),
    ("T6", "tracking events are numbered 1…n, and the shipment's state follows from their set"),
    ("T7", "the order's state fits its reservation, invoice and shipments"),
    ("L1", "the events of an order are numbered from 1 without gap, up to the one it knows as its last"),
    ("L2", "recorded time never falls along an order's events"),
    ("L3", "global positions run from 1 without gap but for what a restore left out, up to the counter"),
    ("L4", "every message has a key of its own, and every letter that the order's events require was queued"),
    ("L5", "of every message that was sent it is known what it said"),
    (
        "L6",
        "the events of an order form a chain of hashes that ends where the order says, in rows that say the same; words are \
         gone from it only before an erasure that it has",
    ),
    ("E1", "every job can be claimed within the hour that a lease lasts at most"),
    ("E2", "every message that is to be sent has a job that sends it"),
    ("E3", "of the events of an order that wait for a subscriber, the first waits for none of the others"),
    ("I1", "every claimed request id has its answer"),
    (
        "F1",
        "feedback says something exactly once it is submitted: ratings of 1 to 5, of lines that the order has, each once",
    ),
    ("F2", "a rating of 2 or less has a task that follows it up, and nothing else has one"),
    (
        "F3",
        "who opted out of feedback is not written to about it, and nobody is asked more often than they may be",
    ),
    ("D1", "the tables around an order say what its document says"),
    (
        "D2",
        "the columns of a product, location, courier, customer, discount code, transfer or another caller's reservation say \
        what its document says, and the table of lots what the stock levels say",
    ),
    ("D3", "a courier's record is the sum of what the orders say that it carried, archived or not"),
    ("D4", "the days of locations and couriers have the shipments that the orders say, archived or not"),
    (
        "D5",
        "a discount code is held by the orders that redeemed it and did not end early, archived or not, and by no more \
         than it says, in all and of each customer; of a store credit no more is drawn than it is worth",
    ),
    ("D6", "what is counted of a caller's own open reservations are those that it has open"),
    ("P1", "no column holds what looks like a card number"),
    (
        "P2",
        "every sealed order opens under its key, in its own row, and what stands of it in the open is what it says sealed",
    ),
];

/// Collects what is broken.
#[derive(Default)]
pub(super) struct Findings(pub(super) Vec<Violation>);

impl Findings {
    pub(super) fn ensure(
        &mut self,
        law: &'static str,
        key: impl Display,
        holds: bool,
        expected: &str,
        actual: impl Display,
    ) {
        if !holds {
            self.0.push(Violation {
                law,
                key: key.to_string(),
                expected: expected.to_owned(),
                actual: actual.to_string(),
            });
        }
    }
}
