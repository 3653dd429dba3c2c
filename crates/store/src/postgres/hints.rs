//! Hears that a broker has committed. A hint and nothing else: whoever waits for the log to grow asks for it as well.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::PostgresOptions;
use super::error::Trouble;
use super::link::{ConnectError, Writing, connect_options};
use super::statements::CHANNEL;

/// How long a new connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A connection that hears of commits.
#[derive(Debug)]
pub struct PostgresHints {
    options: PostgresOptions,
    writing: Arc<Writing>,
    listener: Option<PgListener>,
}

impl PostgresHints {
    pub(super) fn new(options: &PostgresOptions, writing: Arc<Writing>) -> Self {
        Self { options: options.clone(), writing, listener: None }
    }

    /// Waits for the next commit of another broker and gives the size of the log after it. After an error the next call connects
    /// again; the caller waits a moment before it.
    pub async fn next(&mut self) -> Result<u64, ConnectError> {
        let listener = match &mut self.listener {
            Some(listening) => listening,
            none => none.insert(listen(&self.options).await?),
        };
        loop {
            // A connection that is lost is given up: what was said meanwhile is not made good by the listener but by its caller.
            let heard = match listener.try_recv().await {
                Ok(Some(heard)) => heard,
                Ok(None) => return self.lost(Trouble::Other(String::from("the connection was lost"))),
                Err(error) => return self.lost(error.into()),
            };
            if let (Ok(size), false) = (heard.payload().parse(), self.writing.is_own(heard.process_id())) {
                return Ok(size);
            }
        }
    }

    fn lost(&mut self, trouble: Trouble) -> Result<u64, ConnectError> {
        self.listener = None;
        Err(trouble.into())
    }
}

/// The library listens on a connection out of a pool only; this pool has one, and nobody else uses it.
async fn listen(options: &PostgresOptions) -> Result<PgListener, ConnectError> {
    let options = connect_options(options)?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_MAX).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await.map_err(Trouble::from)?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await.map_err(Trouble::from)?;
    Ok(listener)
}
