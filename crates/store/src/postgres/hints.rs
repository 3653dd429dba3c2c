//! Says and hears that a broker has committed, and whom that concerns. A hint and nothing else: whoever waits for the log to grow asks for it
//! as well.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use brygga_engine::bells::{News, Told};
use brygga_engine::store::Batch;
use sqlx::postgres::{PgListener, PgPoolOptions};

use super::PostgresOptions;
use super::error::Trouble;
use super::link::{ConnectError, Writing, answered, connect_options};
use super::statements::CHANNEL;

/// How long a new connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Bytes of a hint; the server takes less than 8000.
const HINT_BYTES_MAX: usize = 7999;
/// What stands for whom a commit concerns where that would be too long.
const ANYBODY: &str = "*";

/// A connection that hears of commits.
#[derive(Debug)]
pub struct PostgresHints {
    options: PostgresOptions,
    writing: Arc<Writing>,
    listener: Listener,
}

/// The connection: kept while it comes about, for whoever waits for it may stop waiting.
enum Listener {
    None,
    Connecting(Pin<Box<dyn Future<Output = Result<PgListener, ConnectError>> + Send>>),
    Open(PgListener),
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Connecting(_) => "Connecting",
            Self::Open(_) => "Open",
        })
    }
}

impl PostgresHints {
    pub(super) fn new(options: &PostgresOptions, writing: Arc<Writing>) -> Self {
        Self { options: options.clone(), writing, listener: Listener::None }
    }

    /// Waits for the next commit of another broker. After an error the next call connects
    /// again; the caller waits a moment before it.
    pub async fn next(&mut self) -> Result<News, ConnectError> {
        let writing = Arc::clone(&self.writing);
        let listener = self.listening().await?;
        loop {
            // A connection that is lost is given up: what was said meanwhile is not made good by the listener but by its caller.
            let heard = match listener.try_recv().await {
                Ok(Some(heard)) => heard,
                Ok(None) => return self.lost(Trouble::Other(String::from("the connection was lost"))),
                Err(error) => return self.lost(error.into()),
            };
            if let (Some(news), false) = (parsed(heard.payload()), writing.is_own(heard.process_id())) {
                return Ok(news);
            }
        }
    }

    /// Drops an open connection: it may be to a server that nobody works on any more, or through a network that is cut and does not say so.
    pub fn give_up(&mut self) {
        if let Listener::Open(_) = &self.listener {
            self.listener = Listener::None;
        }
    }

    async fn listening(&mut self) -> Result<&mut PgListener, ConnectError> {
        if let Listener::None = &self.listener {
            self.listener = Listener::Connecting(Box::pin(listen(self.options.clone())));
        }
        if let Listener::Connecting(connecting) = &mut self.listener {
            let connected = connecting.await;
            self.listener = Listener::None;
            self.listener = Listener::Open(connected?);
        }
        match &mut self.listener {
            Listener::Open(listener) => Ok(listener),
            Listener::None | Listener::Connecting(_) => Err(Trouble::Other(String::from("nothing listens")).into()),
        }
    }

    fn lost(&mut self, trouble: Trouble) -> Result<News, ConnectError> {
        self.give_up();
        Err(trouble.into())
    }
}

/// The library listens on a connection out of a pool only; this pool has one, and nobody else uses it.
async fn listen(options: PostgresOptions) -> Result<PgListener, ConnectError> {
    let options = connect_options(&options)?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_MAX).connect_lazy_with(options);
    let listening = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    };
    Ok(answered(listening).await?)
}

/// The hint of a batch: the sizes of the log before and after it, its functions with `i:`, its senders with `s:`.
pub(super) fn hint(batch: &Batch) -> String {
    let Some(head) = &batch.head else { return String::new() };
    let from = batch.events.first().map_or(head.size, |event| event.position);
    let told = Told::of(&batch.inbox, &batch.statuses);
    let names = told.functions.iter().map(|name| format!(" i:{name}")).chain(told.senders.iter().map(|name| format!(" s:{name}")));
    let whole = names.fold(format!("{from} {}", head.size), |hint, name| hint + &name);
    if whole.len() > HINT_BYTES_MAX { format!("{from} {} {ANYBODY}", head.size) } else { whole }
}

/// `None` for what no broker says.
fn parsed(hint: &str) -> Option<News> {
    let mut words = hint.split(' ');
    let (from, size) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let mut told = Told::default();
    for word in words {
        match word.split_once(':') {
            Some(("i", name)) => told.functions.insert(name.to_owned()),
            Some(("s", name)) => told.senders.insert(name.to_owned()),
            _ if word == ANYBODY => return Some(News { from, size, told: None }),
            _ => return None,
        };
    }
    Some(News { from, size, told: Some(told) })
}

#[cfg(test)]
mod tests {
    use brygga_engine::rows::{Blob, EventRow, HeadRow, InboxRow, StatusRow};

    use super::*;

    fn batch(functions: usize) -> Batch {
        let inbox = |number| InboxRow { function: format!("function-{number}"), position: 7, referral: Blob::default(), kind: String::from("offered") };
        let status = StatusRow { agency: String::from("polisen"), position: 6, referral: Blob::default(), status: String::from("stored"), at: 1 };
        Batch {
            head: Some(HeadRow { size: 8, ..HeadRow::default() }),
            events: vec![EventRow { position: 6, bytes: Blob::default(), leaf_hash: Blob::default() }],
            inbox: (0..functions).map(inbox).collect(),
            statuses: vec![status],
            ..Batch::default()
        }
    }

    #[test]
    fn a_hint_tells_whom_a_commit_concerns() {
        let batch = batch(2);
        let news = News { from: 6, size: 8, told: Some(Told::of(&batch.inbox, &batch.statuses)) };
        assert_eq!((hint(&batch).as_str(), parsed(&hint(&batch))), ("6 8 i:function-0 i:function-1 s:polisen", Some(news)));
    }

    #[test]
    fn a_hint_that_would_be_too_long_concerns_anybody() {
        assert_eq!(parsed(&hint(&batch(1000))), Some(News { from: 6, size: 8, told: None }));
    }

    #[test]
    fn what_no_broker_says_is_passed_over() {
        for said in ["", "8", "6 x", "6 8 q:polisen", "6 8 polisen"] {
            assert_eq!(parsed(said), None, "{said}");
        }
    }
}
