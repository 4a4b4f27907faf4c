//! Rows and transactions: decisions are queued and committed in groups, reads have connections of their own.
//! Nothing here names tonic or prost, and no rule of the business lives here.

mod api_keys;
mod archive_keys;
mod connection;
mod data_reads;
mod erasures;
mod handle;
mod histories;
mod jobs;
mod query;
mod retention;
mod rows;
mod sealing;
mod subscribers;
mod subscriptions;
#[cfg(test)]
mod tests;
mod writer;

pub use api_keys::{LiveKeys, UsedKey};
pub use archive_keys::ArchiveKeys;
pub use connection::copies::{Copied, CopyError, Existing, NumbersGiven, Restored, back_up, restore};
pub use connection::error::StoreError;
pub use connection::options::{Clock, Database, Engine, Options, TimeSource};
pub use erasures::Erasure;
pub use handle::Store;
pub use jobs::OnOrderVersion;
pub use query::chains::VerifiedChains;
pub use query::deliveries::{Delivery, Failing, Followed, Lag, Redeliverable, Redelivered, ToRedeliver};
pub use query::feed::{EventFilter, EventPage};
pub use query::feedback::{Among, Comment, FeedbackReport, RatedGroup, RatedProduct, RatedRegion, Ratings};
pub use query::figures::{Backlog, Figures, Pressure};
pub use query::find::Availability;
pub use query::integrity::LawResult;
pub use query::listing::{Compare, Cursor, Direction, Listing, Operand, Term};
pub use query::overview::Overview;
pub use query::person::Person;
pub use query::series::{PromiseWeek, Series, StockCover};
pub use query::trend::{Trend, TrendPoint, TrendUnit};
pub use query::whole::ClosedOrder;
pub use subscriptions::LiveSubscriptions;
pub use writer::change::{Changed, Codec, Effect, RequestContext, RequestKey, RequestMode, View};
pub use writer::counts::WriterCounts;
pub use writer::job::{Job, JobKind};
pub use writer::subscribers::{Claimed, Failed, Retold, Told, Untold, Waiting};
