//! Process: rules across all capabilities, such as automatic steps, due dates, and how far
//! an order is. The states themselves stand in `model/states.rs`.
//!
//! | file | what it has |
//! |---|---|
//! | `actions` | the actions that are legal now, by the name of the RPC, and refusals that list them |
//! | `advance` | automatic steps of an order, up to the next gate |
//! | `decide` | a command as a whole: its decision, and what follows from it by itself |
//! | `redeliver` | events that people have subscribers told once more |
//! | `rest_letters` | what the customer hears of units that wait while others go: when they are expected, each date once |
//! | `schedule` | due times of an order, and its outbound tasks |
//! | `slips` | slips: what goes wrong without anybody saying so, when it is noticed, and when it is over |
//! | `status` | derived state, never stored: how far an order is paid and fulfilled |
//! | `stuck` | what an order waits for: the gate it stands at, what would open it, and who could |
//! | `subscribe` | subscriptions to events are made, changed, disabled, enabled and deleted |
//! | `timeline` | all twenty steps of one order |
//! | `unavailable` | the calls that are not legal now, each with the reason in words, so that a page can grey a button and say why |

mod actions;
pub(super) mod advance;
pub(super) mod decide;
pub(super) mod redeliver;
mod rest_letters;
pub(super) mod schedule;
mod slips;
pub(super) mod status;
pub(super) mod stuck;
pub(super) mod subscribe;
pub(super) mod timeline;
pub(super) mod unavailable;
