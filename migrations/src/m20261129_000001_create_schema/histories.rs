//! Which history the rows tell: every restore of an older copy begins the next, and leaves out the numbers that the one
//! before may have given since.

use super::{DbErr, Schema, Shape};

pub(super) async fn create(schema: &Schema<'_>) -> Result<(), DbErr> {
    // The feed up to `shared_position` is the same as in the history before.
    schema
        .table(
            "histories",
            Shape::Narrow,
            "number BIGINT NOT NULL PRIMARY KEY CHECK (number > 0),
             id UUID NOT NULL UNIQUE,
             begun_at BIGINT NOT NULL,
             shared_position BIGINT NOT NULL CHECK (shared_position >= 0)",
        )
        .await?;
    schema.append_only("histories").await?;

    // The numbers of a counter that nobody gets in this history.
    schema
        .table(
            "number_gaps",
            Shape::Narrow,
            "counter TEXT NOT NULL,
             first_number BIGINT NOT NULL CHECK (first_number > 0),
             last_number BIGINT NOT NULL CHECK (last_number >= first_number),
             history BIGINT NOT NULL REFERENCES histories (number),
             PRIMARY KEY (counter, first_number)",
        )
        .await?;
    schema.append_only("number_gaps").await?;

    let (id, now) = match schema.sqlite {
        true => ("randomblob(16)", "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"),
        false => ("gen_random_uuid()", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"),
    };
    schema
        .run(&format!(
            "INSERT INTO histories (number, id, begun_at, shared_position) VALUES (1, {id}, {now}, 0)"
        ))
        .await
}
