//! Goods come back: asked for, received, inspected, and answered with money, a code, other goods or nothing.
//!
//! In the order of a return's life, and what stands aside:
//!
//! | file | what it has |
//! |---|---|
//! | `create` | it is asked for: only what arrived comes back, once, and in time |
//! | `decide` | it is authorised or declined, cancelled, on its way, and at last closed |
//! | `receive` | goods arrive, and somebody looks at them: the shelf gets what can be sold |
//! | `arrivals` | goods that never arrive are waited for no longer |
//! | `resolve` | what the customer gets: money, a code, other goods, a repair, or nothing |
//! | `turn` | where it stands: the calls that are open, the units that may still come back |
//! | `exchange` | the order that the customer gets in exchange, which the value of the goods pays for |
//! | `hand_back` | value that such an order does not need any more goes back to the customer |
//! | `undelivered` | shipments that did not reach the customer open their returns by themselves |
//! | `paid_before` | units that were paid back before they came back: nothing more is paid for them |
//! | `papers` | which papers a return has, and where it is to be sent |
//! | `simulate` | what a return would bring the customer; nothing is changed |

mod arrivals;
pub(super) mod create;
pub(super) mod decide;
mod exchange;
pub(super) mod hand_back;
pub(super) mod paid_before;
pub(super) mod papers;
pub(super) mod receive;
pub(super) mod resolve;
pub(super) mod simulate;
pub(super) mod turn;
pub(super) mod undelivered;
