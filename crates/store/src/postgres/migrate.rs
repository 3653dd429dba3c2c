//! Roles and schema: made and brought up to date by an operator's command, under a lock, never by a broker.

use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Executor as _, Row as _, SqlSafeStr as _};

use super::error::Trouble;
use super::link::{Link, Role, answered};
use super::statements::{BECOME_OWNER, HAS_SCHEMA, MIGRATION_LIMITS, READ_SCHEMA_VERSION, TAKE_TURN};
use super::{OpenError, PostgresOptions};

/// The schema that this program knows.
pub const SCHEMA_KNOWN: i64 = 4;
/// How often a migration tries to get its locks, each time for two seconds, before it gives up.
const LOCK_TRIES_MAX: u32 = 30;
/// How long it lets brokers work between two tries.
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// The schema's steps, in order. A step that has been released never changes.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "journal", include_str!("../migrations/postgres/0001_journal.sql")),
    (2, "noticed", include_str!("../migrations/postgres/0002_noticed.sql")),
    (3, "more parts", include_str!("../migrations/postgres/0003_more_parts.sql")),
    (SCHEMA_KNOWN, "open sent", include_str!("../migrations/postgres/0004_open_sent.sql")),
];

const ROLES: &str = include_str!("../migrations/postgres/roles.sql");
const GRANTS: &str = include_str!("../migrations/postgres/grants.sql");

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The schema before; 0: there was none.
    pub from: i64,
    /// The schema now.
    pub to: i64,
}

/// Makes the roles and the schema that holds everything; a second run changes nothing. Run as somebody who may create roles.
pub async fn make_roles(options: &PostgresOptions) -> Result<(), OpenError> {
    let failed = |source| OpenError::Roles { place: options.to_string(), source };
    let mut link = Link::new(options, Role::Migration, std::sync::Arc::default());
    let connection = link.connection().await.map_err(failed)?;
    connection.execute(ROLES).await.map_err(|error| failed(Trouble::from(error).into()))?;
    Ok(())
}

/// Brings the schema up to date and gives the roles their rights. Run as somebody who may become the owner.
///
/// Two at once queue behind an advisory lock; a lock that a broker holds is waited for briefly, again and again.
pub async fn migrate(options: &PostgresOptions) -> Result<Migrated, OpenError> {
    let failed = |source| OpenError::Migrate { place: options.to_string(), source };
    let mut link = Link::new(options, Role::Migration, std::sync::Arc::default());
    let mut tries = 1;
    loop {
        let connection = link.connection().await.map_err(failed)?;
        match step(options, connection).await {
            Err(Step::Trouble(trouble)) if trouble.is_lock_timeout() && tries < LOCK_TRIES_MAX => {
                tries += 1;
                link.give_up();
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(Step::Trouble(trouble)) => return Err(failed(trouble.into())),
            Err(Step::Refused(refused)) => return Err(refused),
            Ok(done) => return Ok(done),
        }
    }
}

/// Why one try came to nothing.
enum Step {
    Trouble(Trouble),
    Refused(OpenError),
}

impl From<Trouble> for Step {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

async fn step(options: &PostgresOptions, connection: &mut PgConnection) -> Result<Migrated, Step> {
    connection.execute(MIGRATION_LIMITS).await.map_err(Trouble::from)?;
    connection.execute(TAKE_TURN).await.map_err(Trouble::from)?;
    connection.execute(BECOME_OWNER).await.map_err(Trouble::from)?;
    let (from, needs) = version(connection).await?;
    if from > SCHEMA_KNOWN {
        return Err(Step::Refused(OpenError::NewerSchema { place: options.to_string(), found: from, needs, known: SCHEMA_KNOWN }));
    }
    let steps = MIGRATIONS.map(|(version, name, sql)| Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false));
    let mut migrator = Migrator::with_migrations(steps.into());
    migrator.set_locking(false);
    migrator.run_direct(None, connection, false).await.map_err(trouble)?;
    connection.execute(GRANTS).await.map_err(Trouble::from)?;
    Ok(Migrated { from, to: SCHEMA_KNOWN })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's list is open, and the rest is passed on in its words")]
fn trouble(error: sqlx::migrate::MigrateError) -> Trouble {
    match error {
        sqlx::migrate::MigrateError::Execute(error) | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => error.into(),
        other => Trouble::Other(other.to_string()),
    }
}

/// The database's schema, and the one that a program must know to work on it; zeros where there is none.
async fn version(connection: &mut PgConnection) -> Result<(i64, i64), Trouble> {
    let there: bool = answered(sqlx::query_scalar(HAS_SCHEMA).fetch_one(&mut *connection)).await?;
    if !there {
        return Ok((0, 0));
    }
    let row = answered(sqlx::query(READ_SCHEMA_VERSION).fetch_one(connection)).await?;
    Ok((row.try_get("found").map_err(Trouble::from)?, row.try_get("needs").map_err(Trouble::from)?))
}

/// Whether this program may work on the database: its schema is there, and nothing that this program needs was taken away.
pub(super) async fn check(options: &PostgresOptions, connection: &mut PgConnection) -> Result<(), OpenError> {
    let (found, needs) = version(connection).await.map_err(|trouble| OpenError::Connect { place: options.to_string(), source: trouble.into() })?;
    if needs > SCHEMA_KNOWN {
        return Err(OpenError::NewerSchema { place: options.to_string(), found, needs, known: SCHEMA_KNOWN });
    }
    if found < SCHEMA_KNOWN { Err(OpenError::OlderSchema { place: options.to_string(), found, known: SCHEMA_KNOWN }) } else { Ok(()) }
}
