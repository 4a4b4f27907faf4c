//! When each order or reservation has something to do next, and who is doing it.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::domain::{JobId, Lease, Timestamp};
use crate::store::connection::bound_rows::{number, padded, uuid};
use crate::store::connection::error::StoreError;
use crate::store::connection::session::Session;
use crate::store::rows::read::{Lock, sorted};
use crate::store::rows::table::table;
use crate::store::rows::write::{WriteKind, Writes, upsert};
use crate::store::writer::job::JobKind;

table! {
    "jobs" as jobs (id: JobId) {
        kind: String,
        run_at: Option<Timestamp>,
        attempts: i64,
        lease_token: i64,
        lease_until: Option<Timestamp>,
    }
}

/// When each job runs next, if it has anything to do.
pub(in crate::store) type Jobs = BTreeMap<JobId, (JobKind, Option<Timestamp>)>;

/// Sets when each job runs next, under any lease. A job that has nothing to do needs no row.
pub(in crate::store) fn save_jobs(writes: &mut Writes, jobs: &Jobs) {
    let due = jobs.iter().filter_map(|(id, (kind, run_at))| {
        Some(jobs::Model {
            id: *id,
            kind: kind.as_str().to_owned(),
            run_at: Some((*run_at)?),
            attempts: 0,
            lease_token: 0,
            lease_until: None,
        })
    });
    let run_at = r#"ON CONFLICT ("id") DO UPDATE SET "run_at" = "excluded"."run_at"
        WHERE "jobs"."run_at" IS DISTINCT FROM "excluded"."run_at""#;
    upsert::<jobs::Entity>(writes, due.collect(), run_at);

    let idle = jobs.iter().filter(|(_, (_, run_at))| run_at.is_none()).map(|(id, _)| vec![id.0.into()]);
    let nothing =
        "UPDATE jobs SET run_at = NULL FROM bound WHERE jobs.id = bound.id AND jobs.run_at IS NOT NULL";
    writes.put("jobs", WriteKind::Change, [uuid("id")], idle.collect(), nothing);
}

/// Ends the leases of jobs that are done, and sets when each runs next. One that is no longer held is a lost race.
pub(in crate::store) fn complete_jobs(
    writes: &mut Writes,
    done: &[(Lease, Option<Timestamp>)],
    now: Timestamp,
) {
    let row = |(lease, run_at): &(Lease, Option<Timestamp>)| {
        let run_at = run_at.map(Timestamp::unix_micros);
        vec![lease.job.0.into(), lease.token.into(), run_at.into(), now.unix_micros().into()]
    };
    let given = [uuid("id"), number("token"), number("run_at"), number("now")];
    let ended = "UPDATE jobs SET lease_until = NULL, attempts = 0, run_at = bound.run_at FROM bound \
        WHERE jobs.id = bound.id AND jobs.lease_token = bound.token AND jobs.lease_until > bound.now";
    writes.put("jobs", WriteKind::ChangeEach, given, done.iter().map(row).collect(), ended);
}

/// The tokens of leases that are held at `now`.
pub(in crate::store) async fn leases(
    db: &Session,
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
        .filter(jobs::Column::Id.is_in(padded(sorted(jobs))))
        .filter(jobs::Column::LeaseUntil.gt(now))
        .order_by_asc(jobs::Column::Id);
    if lock == Lock::Update {
        query = query.lock_exclusive();
    }
    Ok(query.into_tuple::<(JobId, i64)>().all(db).await?.into_iter().collect())
}
