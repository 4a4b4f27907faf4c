//! What the store keeps for itself: answered requests, counters and the jobs that are due.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    schema
        .table(
            "requests",
            Shape::Apart,
            "actor TEXT NOT NULL,
             method TEXT NOT NULL,
             request_id TEXT NOT NULL CHECK (length(request_id) BETWEEN 8 AND 128),
             fingerprint BYTEA NOT NULL CHECK (length(fingerprint) = 32),
             answer BYTEA NOT NULL,
             created_at BIGINT NOT NULL,
             PRIMARY KEY (actor, method, request_id)",
        )
        .await?;

    schema
        .table(
            "counters",
            Shape::InKey,
            "name TEXT NOT NULL PRIMARY KEY,
             value BIGINT NOT NULL CHECK (value >= 0)",
        )
        .await?;

    // One job per order or other caller's reservation, under the subject's own id. Nothing due: no run_at.
    schema
        .table(
            "jobs",
            Shape::InKey,
            "id UUID NOT NULL PRIMARY KEY,
             kind TEXT NOT NULL CHECK (kind IN ('ORDER', 'RESERVATION')),
             run_at BIGINT,
             attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
             lease_token BIGINT NOT NULL DEFAULT 0 CHECK (lease_token >= 0),
             lease_until BIGINT",
        )
        .await?;

    schema
        .indexes(&[
            "CREATE INDEX requests_created_at ON requests (created_at)",
            "CREATE INDEX jobs_due ON jobs (run_at) WHERE run_at IS NOT NULL",
        ])
        .await
}
