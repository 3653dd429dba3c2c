//! Follows what other brokers append to the same log: woken by the database's hint, and by a poll that never relies on it.

use std::sync::Arc;
use std::time::Duration;

use brygga_engine::Broker;
use brygga_engine::readers::AskError;
use brygga_engine::store::Reader;
use brygga_store::PostgresHints;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often the store is asked for a head that another broker may have moved.
const POLL: Duration = Duration::from_secs(1);

/// Follows until the broker stops.
pub async fn follow<R: Reader>(broker: Arc<Broker<R>>, mut hints: PostgresHints, stop: CancellationToken) {
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut listening, mut deaf, mut answers) = (true, false, true);
    let mut polled = Polled::default();
    loop {
        let news = tokio::select! {
            () = stop.cancelled() => return,
            heard = hints.next(), if listening => match heard {
                Ok(news) => {
                    deaf = false;
                    Some(news)
                }
                Err(error) => {
                    if !deaf {
                        tracing::warn!(error = %error, "commits of other brokers are not heard of; they are polled for");
                    }
                    // The next tick tries again: a server that is down is not asked without a pause.
                    (listening, deaf) = (false, true);
                    continue;
                }
            },
            _ = poll.tick() => {
                listening = true;
                None
            }
        };
        let looked = match &news {
            Some(news) => broker.heard(news).await,
            None => poll_once(&broker, &mut polled, &mut hints).await,
        };
        match looked {
            Ok(()) => answers = true,
            // Told once, not each second: what asks for itself says it too.
            Err(error) if answers => {
                tracing::warn!(error = %error, "what other brokers appended cannot be read");
                answers = false;
            }
            Err(_) => {}
        }
    }
}

/// What was there at the poll before and that nobody has told of since is looked into; a hint that is on its way is given that time. A broker in
/// doubt proves nothing: it goes by hints.
async fn poll_once<R: Reader>(broker: &Broker<R>, polled: &mut Polled, hints: &mut PostgresHints) -> Result<(), AskError> {
    let told = broker.told();
    if polled.seen > told && broker.doubt().is_none() {
        // Once: while nothing can be committed, nothing is missed.
        if polled.missed != Some(told) {
            hints.give_up();
            polled.missed = Some(told);
        }
        broker.prove();
    }
    polled.seen = broker.look().await?;
    Ok(())
}

/// What the poll before has left.
#[derive(Default)]
struct Polled {
    /// The size of the log as it was seen.
    seen: u64,
    /// Up to where all was told of when a hint was missed last.
    missed: Option<u64>,
}
