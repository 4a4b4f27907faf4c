//! What subscribers of events have been told: up to which position of the feed, and which events wait to be told again.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::sea_query::Value;

use crate::domain::{OrderId, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::subscribers::BEHIND;

/// The time at which a subscriber is due while a worker tells it: at once, should the worker die. Whoever wakes it meanwhile
/// writes another, which stays.
const UNDER_WAY: i64 = 1;

/// A subscriber that one worker may tell until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub name: String,
    /// What has been told, or waits to be told again.
    pub position: i64,
    /// How often in a row it took nothing.
    pub attempts: u32,
    token: i64,
}

/// Outcome of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The feed is done with up to here.
    pub position: i64,
    /// Events up to there that were not taken, or not told because one before it of its order was not.
    pub untold: Vec<Untold>,
    /// Outcome of each event that waited from earlier rounds and was told again.
    pub retold: Vec<Retold>,
    /// How often in a row it took nothing.
    pub attempts: u32,
    /// It took nothing: when it is asked again, and why.
    pub pause: Option<(Timestamp, String)>,
}

/// An event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    pub position: i64,
    pub order: OrderId,
    pub attempts: u32,
    /// None: once no earlier event of its order waits.
    pub run_at: Option<Timestamp>,
    pub error: String,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
}

/// An event that was told once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retold {
    pub position: i64,
    pub order: OrderId,
    /// As it was read: another time means that somebody asked meanwhile for it to be told once more.
    pub since: Timestamp,
    /// None: it was taken.
    pub failed: Option<Failed>,
}

/// Why an event was not taken once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// None: it is given up.
    pub again: Option<Timestamp>,
    pub error: String,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
}

/// An event that waits to be told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub position: i64,
    pub order: OrderId,
    pub attempts: u32,
    /// When it was first told and not taken; when it was put aside, if it was not told yet.
    pub since: Timestamp,
}

pub(in crate::store) enum SubscriberWish {
    /// Begins at `first`, unless it is known already.
    Begin {
        name: String,
        first: i64,
    },
    Claim {
        name: String,
        lease: Duration,
    },
    Settle {
        claimed: Claimed,
        told: Told,
    },
}

pub(in crate::store) enum SubscriberAnswer {
    /// None: it is not its time, or another worker has it.
    Claimed(Option<Claimed>),
    /// Whether anything was written: not if the lease was lost.
    Settled(bool),
}

impl SubscriberWish {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Begin { .. } => "BeginSubscriber",
            Self::Claim { .. } => "ClaimSubscriber",
            Self::Settle { .. } => "SettleSubscriber",
        }
    }

    pub(super) async fn run(&self, db: &Session, now: Timestamp) -> Result<SubscriberAnswer, StoreError> {
        match self {
            Self::Begin { name, first } => Ok(SubscriberAnswer::Settled(begin(db, name, *first).await?)),
            Self::Claim { name, lease } => {
                let claimed = claim(db, name, now, now.plus(*lease)).await?;
                Ok(SubscriberAnswer::Claimed(claimed))
            }
            Self::Settle { claimed, told } => {
                Ok(SubscriberAnswer::Settled(settle(db, claimed, told, now).await?))
            }
        }
    }
}

/// Whether it was new.
async fn begin(db: &Session, name: &str, first: i64) -> Result<bool, StoreError> {
    let sql = "INSERT INTO event_subscribers (name, position, attempts, run_at, lease_token) \
        VALUES ($1, $2, 0, 0, 0) ON CONFLICT (name) DO NOTHING";
    Ok(db.execute(sql, vec![name.into(), first.into()]).await? > 0)
}

pub(in crate::store) async fn claim(
    db: &Session,
    name: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Claimed>, StoreError> {
    let sql = "UPDATE event_subscribers SET lease_token = lease_token + 1, lease_until = $2, run_at = $4 \
        WHERE name = $1 AND retired = FALSE AND run_at <= $3 AND (lease_until IS NULL OR lease_until < $3) \
        RETURNING position, attempts, lease_token";
    let values: Vec<Value> =
        vec![name.into(), until.unix_micros().into(), now.unix_micros().into(), UNDER_WAY.into()];
    let Some(row) = db.query_one(sql, values).await? else { return Ok(None) };
    let attempts: i64 = row.get(1)?;
    Ok(Some(Claimed {
        name: name.to_owned(),
        position: row.get(0)?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        token: row.get(2)?,
    }))
}

/// Writes down what was told, and ends the lease; one that was lost writes nothing.
pub(in crate::store) async fn settle(
    db: &Session,
    claimed: &Claimed,
    told: &Told,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Claimed { name, token, .. } = claimed;
    let failed = told.pause.as_ref();
    let sql = "UPDATE event_subscribers SET lease_until = NULL, position = $3, attempts = $4, \
        run_at = CASE WHEN run_at = $8 THEN $5 ELSE run_at END, error = $6, \
        failing_since = CASE WHEN $4 = 0 THEN NULL ELSE COALESCE(failing_since, $7) END \
        WHERE name = $1 AND lease_token = $2 AND lease_until IS NOT NULL";
    let values: Vec<Value> = vec![
        name.clone().into(),
        (*token).into(),
        told.position.into(),
        i64::from(told.attempts).into(),
        failed.map_or(0, |it| it.0.unix_micros()).into(),
        failed.map(|it| it.1.clone()).into(),
        now.unix_micros().into(),
        UNDER_WAY.into(),
    ];
    if db.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    put_aside(db, name, &told.untold, now).await?;
    for retold in &told.retold {
        note(db, name, retold, now).await?;
    }
    let retold = told.retold.iter().map(|it| it.order);
    let orders: BTreeSet<OrderId> = told.untold.iter().map(|it| it.order).chain(retold).collect();
    for order in orders {
        let_next_follow(db, name, order, now).await?;
    }
    Ok(true)
}

/// Keeps the events that were not taken.
async fn put_aside(db: &Session, name: &str, untold: &[Untold], now: Timestamp) -> Result<(), StoreError> {
    for Untold { position, order, attempts, run_at, error, status } in untold {
        let sql = "INSERT INTO untold_events \
            (subscriber, position, order_id, attempts, since, run_at, error, status, tried_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (subscriber, position) DO NOTHING";
        let tried_at = (*attempts > 0).then(|| now.unix_micros());
        let values: Vec<Value> = vec![
            name.into(),
            (*position).into(),
            order.0.into(),
            i64::from(*attempts).into(),
            now.unix_micros().into(),
            run_at.map_or(BEHIND, Timestamp::unix_micros).into(),
            error.clone().into(),
            status.map(i64::from).into(),
            tried_at.into(),
        ];
        db.execute(sql, values).await?;
    }
    Ok(())
}

/// Writes down how it went with an event that waited. What somebody asked for meanwhile stays to be done.
async fn note(db: &Session, name: &str, retold: &Retold, now: Timestamp) -> Result<(), StoreError> {
    let Retold { position, order: _, since, failed } = retold;
    let mut values: Vec<Value> = vec![name.into(), (*position).into()];
    let sql = match failed {
        None => {
            values.push(since.unix_micros().into());
            "DELETE FROM untold_events WHERE subscriber = $1 AND position = $2 AND since = $3"
        }
        Some(Failed { again, error, status }) => {
            let again = again.map(Timestamp::unix_micros);
            values.extend([
                again.into(),
                error.clone().into(),
                now.unix_micros().into(),
                status.map(i64::from).into(),
                since.unix_micros().into(),
            ]);
            "UPDATE untold_events SET attempts = attempts + 1, run_at = $3, error = $4, tried_at = $5, \
            status = $6, since = CASE WHEN attempts = 0 THEN $5 ELSE since END \
            WHERE subscriber = $1 AND position = $2 AND since = $7"
        }
    };
    db.execute(sql, values).await?;
    Ok(())
}

/// Makes the first event of an order that still waits one whose turn it is, if it waited behind another. So those behind it
/// are not looked at until then.
async fn let_next_follow(db: &Session, name: &str, order: OrderId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE untold_events SET run_at = $3 WHERE subscriber = $1 AND run_at = $4 AND position = \
        (SELECT MIN(position) FROM untold_events WHERE subscriber = $1 AND order_id = $2 AND run_at IS NOT NULL)";
    let values: Vec<Value> = vec![name.into(), order.0.into(), now.unix_micros().into(), BEHIND.into()];
    db.execute(sql, values).await?;
    Ok(())
}
