//! How the scalars of the domain are written into columns: ids as UUIDs, words and codes as text, instants as
//! microseconds. A text that is none of its type's is an error that names the type.

use std::str::FromStr;
use std::sync::Arc;

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use uuid::Uuid;

use crate::domain::{
    Actor, ApprovalId, ApprovalState, Channel, CourierCode, CreditNoteId, Currency, CustomerId, DiscountKey,
    EventKind, FeedbackReason, FeedbackState, FollowUpId, FollowUpState, FulfillmentStatus, Gate, HoldId,
    HoldReason, HoldState, InvoiceId, InvoiceState, JobId, KeyId, LocationCode, Machine, MessageId,
    MessageKind, MessageState, Method, MovementId, MovementKind, OnShortage, OrderId, OrderState, PaymentId,
    PaymentState, PaymentStatus, ProviderRequest, RefundId, RefundState, RegionCode, ReplenishmentId,
    ReplenishmentState, ReservationId, ReservationState, ReturnId, ReturnState, Risk, SellerId, ServiceLevel,
    ShipmentId, ShipmentState, Sku, StuckGate, SubscriptionId, SubscriptionState, Timestamp, TrackingStatus,
    TransferId, TransferState,
};

/// Makes types columns of another type: `Type: Stored = into, back;` with `back` giving a result.
macro_rules! columns {
    ($stored:ty, $variant:ident, $column:expr, $into:expr, $back:expr => $($name:ident,)+) => { $(
        impl From<$name> for Value {
            fn from(it: $name) -> Self {
                let into: fn($name) -> $stored = $into;
                into(it).into()
            }
        }

        impl TryGetable for $name {
            fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
                let back: fn($stored) -> Result<Self, DbErr> = $back;
                back(<$stored>::try_get_by(row, index)?).map_err(TryGetError::DbErr)
            }
        }

        impl ValueType for $name {
            fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
                let back: fn($stored) -> Result<Self, DbErr> = $back;
                back(<$stored as ValueType>::try_from(value)?).map_err(|_| ValueTypeErr)
            }

            fn type_name() -> String {
                stringify!($name).to_owned()
            }

            fn array_type() -> ArrayType {
                ArrayType::$variant
            }

            fn column_type() -> ColumnType {
                $column
            }
        }

        impl Nullable for $name {
            fn null() -> Value {
                Value::$variant(None)
            }
        }

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+ };
}

columns! { Uuid, Uuid, ColumnType::Uuid, |it| it.0, |it| Ok(it.into()) =>
    ApprovalId, CreditNoteId, CustomerId, FollowUpId, HoldId, InvoiceId, JobId, KeyId, MessageId, MovementId, OrderId, PaymentId, RefundId, ReplenishmentId, ReservationId, ReturnId, SellerId, ShipmentId, SubscriptionId, TransferId,
}

columns! { String, String, ColumnType::String(StringLen::None), |it| it.as_str().to_owned(), |it| parsed(&it) =>
    ApprovalState, ProviderRequest, Channel, Currency, EventKind, FeedbackReason, FeedbackState, FollowUpState, FulfillmentStatus, Gate, HoldReason, HoldState, InvoiceState,
    Machine, MessageKind, MessageState, Method, MovementKind, OnShortage, OrderState, PaymentState, PaymentStatus, RefundState,
    ReplenishmentState, ReservationState, ReturnState, Risk, ServiceLevel, ShipmentState, StuckGate, SubscriptionState,
    TrackingStatus, TransferState,
}

columns! { String, String, ColumnType::String(StringLen::None), String::from, |it| parsed(&it) =>
    CourierCode, DiscountKey, LocationCode, RegionCode, Sku,
}

// Also the name of the system itself, which no caller may use: it was told apart before it was stored.
columns! { String, String, ColumnType::String(StringLen::None), |it| it.as_str().to_owned(), |it| Ok(Actor::stored(it)) =>
    Actor,
}

columns! { i64, BigInt, ColumnType::BigInteger, |it| it.unix_micros(), |it| Ok(Timestamp::from_unix_micros(it)) =>
    Timestamp,
}

fn parsed<T>(text: &str) -> Result<T, DbErr>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|refused| DbErr::TryIntoErr {
        from: "text of a row",
        into: std::any::type_name::<T>(),
        source: Arc::new(refused),
    })
}
