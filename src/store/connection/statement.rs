//! Statements that are made once and never depend on the data: each about any number of rows.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Bool,
    Int,
    BigInt,
    Text,
    Bytes,
    Uuid,
}

impl Kind {
    /// PostgreSQL's name for it.
    fn scalar(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "integer",
            Self::BigInt => "bigint",
            Self::Text => "text",
            Self::Bytes => "bytea",
            Self::Uuid => "uuid",
        }
    }

    /// PostgreSQL's name for an array of it.
    pub(in crate::store) fn array(self) -> &'static str {
        match self {
            Self::Bool => "boolean[]",
            Self::Int => "integer[]",
            Self::BigInt => "bigint[]",
            Self::Text => "text[]",
            Self::Bytes => "bytea[]",
            Self::Uuid => "uuid[]",
        }
    }
}

/// What a statement does with the rows that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Effect {
    /// Reads what the rows name.
    Read,
    /// Writes; how many rows it found does not matter.
    Write,
    /// Writes, and each given row must find its own: one that does not is a lost race.
    WriteEach,
}

/// Rows that PostgreSQL gets one by one, each with a statement about one row: to unpack an array for each column costs
/// more than a few statements.
const ONE_BY_ONE_MAX: usize = 2;

/// One statement as both engines have it. PostgreSQL gets an array for each column of the given rows, or a few rows one
/// by one; SQLite, which is in this process, runs it once for each row.
#[derive(Debug)]
pub(in crate::store) struct FixedStatement {
    pub(super) sqlite: String,
    /// About any number of rows.
    pub(super) postgres: String,
    /// About one row.
    pub(super) postgres_one: String,
    /// The columns of the row that it takes, in the order of its parameters.
    pub(super) one_columns: Vec<usize>,
    /// At most so many rows go one by one.
    pub(super) one_by_one_max: usize,
    pub(super) columns: Vec<Kind>,
    pub(super) effect: Effect,
}

impl FixedStatement {
    /// `sqlite` numbers its parameters `?1`, …; `postgres` is said with `{bound}` where the rows are a table named
    /// `bound` with columns `c1`, ….
    pub(in crate::store) fn new(
        effect: Effect,
        columns: impl Into<Vec<Kind>>,
        sqlite: impl Into<String>,
        postgres: &str,
    ) -> Self {
        let columns = columns.into();
        let arrays = (1..).zip(&columns).map(|(index, it)| format!("${index}::{}", it.array()));
        let names: Vec<_> = (1..=columns.len()).map(|it| format!("c{it}")).collect();
        let bound =
            format!("UNNEST({}) AS bound({})", arrays.collect::<Vec<_>>().join(", "), names.join(", "));
        let sqlite = sqlite.into();
        let mut postgres = postgres.replace("{bound}", &bound);
        let (mut postgres_one, one_columns) = about_one(&sqlite, &columns);
        if effect == Effect::WriteEach {
            let ensured = |sql: &str, expected: &str| {
                format!(
                    "WITH done AS ({sql} RETURNING 1) SELECT ensure_rows((SELECT COUNT(*) FROM done), {expected})"
                )
            };
            postgres = ensured(&postgres, &format!("${}::bigint", columns.len() + 1));
            postgres_one = ensured(&postgres_one, "1");
        }
        Self { sqlite, postgres, postgres_one, one_columns, one_by_one_max: ONE_BY_ONE_MAX, columns, effect }
    }

    /// The same with what PostgreSQL adds to it to lock the rows that it reads.
    pub(in crate::store) fn locking(mut self, lock: &str) -> Self {
        self.postgres = format!("{} {lock}", self.postgres);
        self.postgres_one = format!("{} {lock}", self.postgres_one);
        self
    }

    /// The same, but never for several rows one by one: they would not be locked in the order of their keys.
    pub(in crate::store) fn together(mut self) -> Self {
        self.one_by_one_max = 1;
        self
    }

    /// The same, where the engines are asked different things.
    pub(super) fn each_its_own(mut self) -> Self {
        self.one_by_one_max = 0;
        self
    }

    /// As PostgreSQL gets it: about one row, and about many.
    pub(in crate::store) fn postgres_texts(&self) -> [&str; 2] {
        [&self.postgres_one, &self.postgres]
    }

    /// The statement about these rows.
    pub(in crate::store) fn about(&'static self, rows: Vec<Vec<Value>>) -> Ask {
        Ask { statement: self, rows }
    }

    #[cfg(test)]
    pub(in crate::store) fn text(&self, backend: DbBackend) -> &str {
        match backend {
            DbBackend::Sqlite => &self.sqlite,
            _ => &self.postgres,
        }
    }
}

/// A statement of SQLite's for PostgreSQL: its parameters, each with its type, are numbered anew, as PostgreSQL wants to
/// see each of them used. Beside it the columns that they are.
fn about_one(sqlite: &str, columns: &[Kind]) -> (String, Vec<usize>) {
    let mut parts = sqlite.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut used: Vec<usize> = Vec::new();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        let column = number.parse::<usize>().unwrap_or(0).saturating_sub(1);
        let parameter = used.iter().position(|it| *it == column).unwrap_or_else(|| {
            used.push(column);
            used.len() - 1
        });
        let kind = columns.get(column).map_or("text", |it| it.scalar());
        text.push_str(&format!("${}::{kind}{rest}", parameter + 1));
    }
    (text, used)
}

/// A statement with the rows it is about.
#[derive(Debug)]
pub(in crate::store) struct Ask {
    pub(super) statement: &'static FixedStatement,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Backend of a statement whose text is made at run time: numbered parameters read `$1` on both engines.
pub(super) fn spelled(backend: DbBackend, sql: &str) -> String {
    match backend {
        DbBackend::Sqlite => sql.replace('$', "?"),
        _ => sql.to_owned(),
    }
}
