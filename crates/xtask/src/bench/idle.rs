//! Streams that are open and have nothing to tell: what an inbox is most of the day.

use std::time::Duration;

use anyhow::Context as _;
use brygga_client::watch::Inbox;
use brygga_client::{Client, Watch};
use brygga_domain::FunctionId;
use tokio::task::JoinSet;

use super::broker::Broker;

/// Who watches; the load goes to another agency's function.
const AGENCY: &str = "vasterort-aklagare";
const FUNCTION: &str = "vasterort-aklagare-kammare";
/// Streams of one connection, below what the broker allows.
const STREAMS_A_CONNECTION: usize = 100;
/// How often a stream that is being opened is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const OPEN_DEADLINE: Duration = Duration::from_mins(2);

/// What the broker must allow for so many streams.
pub fn limits(streams: usize) -> String {
    let (places, connections) = (4096 + 4 * streams, 256 + 2 * streams.div_ceil(STREAMS_A_CONNECTION));
    format!("\n[limits]\nstreams_at_once = {places}\nconnections_per_address = {connections}\nconnections_per_agency = {connections}\n")
}

/// Open streams; they end when this is dropped.
pub struct Idle(JoinSet<()>);

impl Idle {
    /// Opens so many streams and waits until each has heard from the broker.
    pub async fn open(broker: &Broker, streams: usize) -> anyhow::Result<Self> {
        let function: FunctionId = FUNCTION.parse().map_err(|_| anyhow::anyhow!("no name of a function"))?;
        let mut opening = JoinSet::new();
        for connection in 0..streams.div_ceil(STREAMS_A_CONNECTION) {
            let client = Client::connect(&broker.config(AGENCY, &[FUNCTION], connection)?)?.as_officer("nils");
            for _ in 0..STREAMS_A_CONNECTION.min(streams - connection * STREAMS_A_CONNECTION) {
                opening.spawn(opened(client.watch_inbox(&function, 0), LOOK_EVERY));
            }
        }
        let mut open = JoinSet::new();
        let all = async {
            while let Some(watch) = opening.join_next().await {
                let mut watch = watch??;
                open.spawn(async move { while watch.next().await.is_ok() {} });
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(OPEN_DEADLINE, all).await.context("the streams do not open in time")??;
        Ok(Self(open))
    }

    /// How many are still open.
    pub fn count(&mut self) -> usize {
        while self.0.try_join_next().is_some() {}
        self.0.len()
    }
}

/// Waits until a stream of an inbox in which nothing waits has caught up with the log, to the millisecond.
pub async fn caught_up(watch: Watch<Inbox>) -> anyhow::Result<()> {
    opened(watch, Duration::from_millis(1)).await.map(drop)
}

/// The stream once it has heard from the broker. Nothing comes into the inbox, so only a heartbeat moves the cursor.
async fn opened(mut watch: Watch<Inbox>, look_every: Duration) -> anyhow::Result<Watch<Inbox>> {
    while watch.cursor() == 0 {
        if let Ok(entry) = tokio::time::timeout(look_every, watch.next()).await {
            anyhow::bail!("an inbox that nothing was sent to has an entry at {}", entry?.position);
        }
    }
    Ok(watch)
}
