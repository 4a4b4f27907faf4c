//! When each order or reservation has something to do next, and who is doing it.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::{Lock, StoreError, list, one_of, sorted, upsert};
use crate::domain::{JobId, Lease, Timestamp};

table! {
    "jobs" as jobs (id: JobId) {
        kind: String,
        run_at: Option<Timestamp>,
        attempts: i64,
        lease_token: i64,
        lease_until: Option<Timestamp>,
    }
}

/// Sets when each job runs next, whoever holds its lease. A job that has nothing to do needs no row.
pub(in crate::store) async fn save_jobs<C: ConnectionTrait>(
    conn: &C,
    jobs: &[(JobId, &'static str, Option<Timestamp>)],
) -> Result<(), StoreError> {
    let jobs: BTreeMap<JobId, (&str, Option<Timestamp>)> =
        jobs.iter().map(|(id, kind, run_at)| (*id, (*kind, *run_at))).collect();

    let due = jobs.iter().filter(|(_, (_, run_at))| run_at.is_some());
    let due = due.map(|(id, (kind, run_at))| jobs::Model {
        id: *id,
        kind: (*kind).to_owned(),
        run_at: *run_at,
        attempts: 0,
        lease_token: 0,
        lease_until: None,
    });
    let run_at = r#"ON CONFLICT ("id") DO UPDATE SET "run_at" = "excluded"."run_at"
        WHERE "jobs"."run_at" IS DISTINCT FROM "excluded"."run_at""#;
    upsert::<jobs::Entity, _>(conn, due.collect(), run_at).await?;

    let idle: Vec<JobId> =
        jobs.iter().filter(|(_, (_, run_at))| run_at.is_none()).map(|(id, _)| *id).collect();
    if !idle.is_empty() {
        jobs::Entity::update_many()
            .col_expr(jobs::Column::RunAt, Expr::value(None::<Timestamp>))
            .filter(jobs::Column::Id.is_in(list(&idle)))
            .filter(jobs::Column::RunAt.is_not_null())
            .exec(conn)
            .await?;
    }
    Ok(())
}

/// Ends the leases of jobs that are done. One that is no longer held is a lost race; one whose job is gone
/// left with the order that was archived.
pub(in crate::store) async fn complete_jobs<C: ConnectionTrait>(
    conn: &C,
    leases: &[Lease],
    now: Timestamp,
) -> Result<(), StoreError> {
    if leases.is_empty() {
        return Ok(());
    }

    let held = leases.iter().map(|it| (it.job, it.token).into()).collect();
    let ended = jobs::Entity::update_many()
        .col_expr(jobs::Column::LeaseUntil, Expr::value(None::<Timestamp>))
        .col_expr(jobs::Column::Attempts, Expr::value(0_i64))
        .filter(one_of(&[jobs::Column::Id, jobs::Column::LeaseToken], held))
        .filter(jobs::Column::LeaseUntil.gt(now))
        .exec(conn)
        .await?;
    if ended.rows_affected == leases.len() as u64 {
        return Ok(());
    }

    let ids: Vec<JobId> = leases.iter().map(|it| it.job).collect();
    let there = jobs::Entity::find().filter(jobs::Column::Id.is_in(list(&ids))).count(conn).await?;
    if ended.rows_affected == there { Ok(()) } else { Err(StoreError::LostRace) }
}

/// The tokens of leases that are held at `now`.
pub(in crate::store) async fn leases<C: ConnectionTrait>(
    conn: &C,
    jobs: &[JobId],
    now: Timestamp,
    lock: Lock,
) -> Result<HashMap<JobId, i64>, StoreError> {
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }

    let mut query = jobs::Entity::find()
        .select_only()
        .columns([jobs::Column::Id, jobs::Column::LeaseToken])
        .filter(jobs::Column::Id.is_in(list(&sorted(jobs))))
        .filter(jobs::Column::LeaseUntil.gt(now))
        .order_by_asc(jobs::Column::Id);
    if lock == Lock::Update {
        query = query.lock_exclusive();
    }
    Ok(query.into_tuple::<(JobId, i64)>().all(conn).await?.into_iter().collect())
}
