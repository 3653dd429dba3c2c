//! What both sides read alike: a referral with all its rows, and what an error of SQLite means.

use brygga_engine::rows::{Blob, ReferralRow, ReferralRows};
use brygga_engine::store::{Corrupt, StoreError};
use rusqlite::Error;
use rusqlite::ffi::ErrorCode;

use super::columns::{Part, only};
use super::link::{Connection, Failed, Prepared};
use super::statements::{self, READ_CELLS, READ_CONSENTS, READ_EMERGENCIES, READ_PERSONS, READ_SECTIONS, READ_STOP_USES};

/// The questions for the rows that hang on a referral.
pub(super) struct Whole<'c> {
    persons: Prepared<'c>,
    sections: Prepared<'c>,
    cells: Prepared<'c>,
    consents: Prepared<'c>,
    stop_uses: Prepared<'c>,
    emergencies: Prepared<'c>,
}

impl<'c> Whole<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, Failed> {
        Ok(Self {
            persons: connection.prepare(READ_PERSONS)?,
            sections: connection.prepare(READ_SECTIONS)?,
            cells: connection.prepare(READ_CELLS)?,
            consents: connection.prepare(READ_CONSENTS)?,
            stop_uses: connection.prepare(READ_STOP_USES)?,
            emergencies: connection.prepare(READ_EMERGENCIES)?,
        })
    }

    /// All rows of the referral.
    pub(super) fn read(&mut self, referral: ReferralRow) -> Result<ReferralRows, Failed> {
        let (id, origin) = (&referral.id, referral.first_position);
        Ok(ReferralRows {
            persons: parts(&mut self.persons, id, origin)?,
            sections: parts(&mut self.sections, id, origin)?,
            cells: parts(&mut self.cells, id, origin)?,
            consents: parts(&mut self.consents, id, origin)?,
            stop_uses: parts(&mut self.stop_uses, id, origin)?,
            emergencies: parts(&mut self.emergencies, id, origin)?,
            referral,
        })
    }
}

fn parts<R: Part>(question: &mut Prepared<'_>, referral: &Blob, origin: i64) -> Result<Vec<R>, Failed> {
    question.rows([origin], |row| R::take(referral, row))
}

/// All rows of each referral.
pub(super) fn whole(connection: &Connection, referrals: Vec<ReferralRow>) -> Result<Vec<ReferralRows>, Failed> {
    if referrals.is_empty() {
        return Ok(Vec::new());
    }
    let mut whole = Whole::prepare(connection)?;
    referrals.into_iter().map(|referral| whole.read(referral)).collect()
}

/// The first position of the referral of that id.
pub(super) fn origin_of(connection: &Connection, id: &Blob) -> Result<Option<i64>, Failed> {
    connection.prepare(statements::FIND_BY_ID)?.first([id.0.as_slice()], only)
}

/// What a failed statement means: damage, or no answer.
impl From<Failed> for StoreError {
    fn from(Failed { statement, source }: Failed) -> Self {
        if is_damage(&source) {
            // The source stays in the log of the broker: it names no value, only what SQLite or the decoder found wrong.
            tracing::error!(statement = statements::name(statement), error = %source, "damaged data");
            return Corrupt { table: "database", row: statements::name(statement).to_owned(), column: "*" }.into();
        }
        unavailable(statement, source)
    }
}

pub(super) fn unavailable(statement: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { statement: statements::name(statement), source: source.into() }
}

/// Whether SQLite finds its file damaged, or a column is not of the kind that it must be.
fn is_damage(error: &Error) -> bool {
    let unreadable = matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
            | Error::InvalidColumnType(..)
            | Error::QueryReturnedNoRows
    );
    unreadable || matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether an error of COMMIT itself says that the WAL holds no commit: the lock was not there, a constraint was checked before
/// anything was written, or the disk was full before the last frame, which is the one that commits.
pub(super) fn never_written(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::ConstraintViolation | ErrorCode::DiskFull))
}
