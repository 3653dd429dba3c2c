//! Streams that go on: after a break they are resumed at the cursor, what came twice is given once, and silence is noticed.
//!
//! The broker promises each entry at least once and in the order of the log. A caller keeps [`Watch::cursor`] after it has
//! dealt with an entry and hands it in again after a restart.

use std::time::Duration;

use brygga_domain::FunctionId;
use brygga_wire::v1;
use futures_util::Stream;
use prost::Message;
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;
use tonic::codec::Streaming;

use crate::call;
use crate::client::Client;
use crate::error::{Answered, ClientError};
use crate::random;
use crate::retry::Backoff;
use crate::write::hashes_as_said;

/// Heartbeats that may be missed before a stream is opened anew.
pub const HEARTBEATS_MISSED_MAX: u32 = 3;

/// One item of a stream.
#[derive(Debug, Clone)]
pub enum Item<E> {
    /// An entry and its position.
    Entry(u64, E),
    /// Nothing new; everything up to this position was sent.
    Heartbeat(u64),
    /// Something that this program does not know; it counts as a sign of life.
    Unknown,
}

/// A stream of the contract.
pub trait Watched: Send + Sync + 'static {
    /// What opens it.
    type Request: Message + 'static;
    /// What comes.
    type Response: Message + Default + 'static;
    /// What is given to the caller.
    type Entry: Send + 'static;
    /// The method's path.
    const PATH: &'static str;

    /// The request that resumes after a position; `None`: from the beginning.
    fn request(&self, after: Option<u64>) -> Self::Request;
    /// What an item is.
    fn item(response: Self::Response) -> Item<Self::Entry>;
    /// Whether an entry is what it says that it is.
    fn check(_entry: &Self::Entry) -> Result<(), crate::Refused> {
        Ok(())
    }
}

macro_rules! watched {
    ($($(#[$doc:meta])* $name:ident, $path:literal, $module:ident, $response:ident -> $entry:ident;)*) => {$(
        impl $name {
            const METHOD: &'static str = concat!("/brygga.v1.", $path);

            fn read(response: v1::$response) -> Item<v1::$entry> {
                match response.item {
                    Some(v1::$module::Item::Entry(entry)) => Item::Entry(entry.position, entry),
                    Some(v1::$module::Item::Heartbeat(heartbeat)) => Item::Heartbeat(heartbeat.position),
                    None => Item::Unknown,
                }
            }
        }
    )*};
}

/// What becomes of the agency's own referrals.
#[derive(Debug)]
pub struct OwnReferrals;

/// What comes into one function's inbox.
#[derive(Debug)]
pub struct Inbox(FunctionId);

/// The entries of the log.
#[derive(Debug)]
pub struct Tail;

watched! {
    OwnReferrals, "ReferralService/WatchReferrals", watch_referrals_response, WatchReferralsResponse -> StatusEntry;
    Inbox, "InboxService/WatchInbox", watch_inbox_response, WatchInboxResponse -> InboxEntry;
    Tail, "DisclosureLogService/TailEntries", tail_entries_response, TailEntriesResponse -> LogEntry;
}

impl Watched for OwnReferrals {
    type Request = v1::WatchReferralsRequest;
    type Response = v1::WatchReferralsResponse;
    type Entry = v1::StatusEntry;
    const PATH: &'static str = Self::METHOD;

    fn request(&self, after: Option<u64>) -> Self::Request {
        v1::WatchReferralsRequest { after: after.unwrap_or(0) }
    }

    fn item(response: Self::Response) -> Item<Self::Entry> {
        Self::read(response)
    }
}

impl Watched for Inbox {
    type Request = v1::WatchInboxRequest;
    type Response = v1::WatchInboxResponse;
    type Entry = v1::InboxEntry;
    const PATH: &'static str = Self::METHOD;

    fn request(&self, after: Option<u64>) -> Self::Request {
        v1::WatchInboxRequest { function: self.0.to_string(), after: after.unwrap_or(0) }
    }

    fn item(response: Self::Response) -> Item<Self::Entry> {
        Self::read(response)
    }
}

impl Watched for Tail {
    type Request = v1::TailEntriesRequest;
    type Response = v1::TailEntriesResponse;
    type Entry = v1::LogEntry;
    const PATH: &'static str = Self::METHOD;

    fn request(&self, after: Option<u64>) -> Self::Request {
        v1::TailEntriesRequest { from_position: after.map_or(0, |after| after.saturating_add(1)) }
    }

    fn item(response: Self::Response) -> Item<Self::Entry> {
        Self::read(response)
    }

    fn check(entry: &Self::Entry) -> Result<(), crate::Refused> {
        hashes_as_said(entry).map(|_| ())
    }
}

/// The position up to which a stream was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor(Option<u64>);

impl Cursor {
    /// Moves on for an item and says whether it is new.
    fn takes<E>(&mut self, item: &Item<E>) -> bool {
        let (position, is_entry) = match item {
            Item::Entry(position, _) => (*position, true),
            // Before anything came, a heartbeat at 0 can't say whether the entry at 0 was sent.
            Item::Heartbeat(0) | Item::Unknown => return false,
            Item::Heartbeat(position) => (*position, false),
        };
        let is_new = self.0.is_none_or(|cursor| position > cursor);
        if is_new {
            self.0 = Some(position);
        }
        is_new && is_entry
    }
}

/// A stream that resumes by itself.
pub struct Watch<W: Watched> {
    client: Client,
    watched: W,
    cursor: Cursor,
    stream: Option<Streaming<W::Response>>,
    backoff: Backoff,
    // When the stream began to fail; `None` while it works.
    failing: Option<Instant>,
}

impl<W: Watched> Watch<W> {
    fn new(client: &Client, watched: W, cursor: Option<u64>) -> Self {
        Self { client: client.clone(), watched, cursor: Cursor(cursor), stream: None, backoff: Backoff::new(), failing: None }
    }

    /// Position up to which everything was given; resume here. 0: nothing yet.
    pub fn cursor(&self) -> u64 {
        self.cursor.0.unwrap_or(0)
    }

    /// Waits for the next entry. May be dropped while it waits and called again.
    ///
    /// A break is mended silently. When the broker can't be reached for as long as a call may take, that is told once; a
    /// further call goes on trying. A refusal is told at once.
    pub async fn next(&mut self) -> Result<W::Entry, ClientError> {
        loop {
            match self.receive().await {
                Ok(Some(item)) => {
                    self.failing = None;
                    self.backoff = Backoff::new();
                    if self.cursor.takes(&item)
                        && let Item::Entry(_, entry) = item
                    {
                        W::check(&entry).map_err(|refused| ClientError::refused(refused, ""))?;
                        return Ok(entry);
                    }
                }
                Ok(None) => self.pause(None).await?,
                Err(status) => self.pause(Some(Answered::read(&status, ""))).await?,
            }
        }
    }

    /// The entries as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<W::Entry, ClientError>> + Send {
        futures_util::stream::unfold(self, |mut watch| async move {
            let entry = watch.next().await;
            Some((entry, watch))
        })
    }

    /// The next item; `None` when the stream has ended or was silent for too long.
    async fn receive(&mut self) -> Result<Option<Item<W::Entry>>, Status> {
        let silence: Duration = self.client.deadlines().heartbeat.saturating_mul(HEARTBEATS_MISSED_MAX);
        if self.stream.is_none() {
            let request = self.watched.request(self.cursor.0);
            self.stream = Some(call::stream(self.client.channel(), self.client.deadlines(), W::PATH, request).await?);
        }
        // Borrowed and not taken: a caller that stops waiting and comes back finds the same stream.
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let received = timeout(silence, stream.message()).await;
        received.map_or(Ok(None), |message| message.map(|message| message.map(W::item)))
    }

    /// Waits before the stream is opened anew, or gives up.
    async fn pause(&mut self, why: Option<Answered>) -> Result<(), ClientError> {
        self.stream = None;
        let asked = why.as_ref().and_then(|answered| answered.retry_after);
        if let Some(answered) = why {
            let since = *self.failing.get_or_insert_with(Instant::now);
            if !answered.is_passing() || since.elapsed() >= self.client.deadlines().overall {
                self.failing = None;
                return Err(ClientError::Answered(Box::new(answered)));
            }
        }
        sleep(self.backoff.wait(asked, random::jitter())).await;
        Ok(())
    }
}

impl Client {
    /// What becomes of the agency's referrals: transport answers only. `after` is a kept cursor; 0: from the beginning.
    pub fn watch_referrals(&self, after: u64) -> Watch<OwnReferrals> {
        Watch::new(self, OwnReferrals, (after > 0).then_some(after))
    }

    /// What comes into a function's inbox. `after` is a kept cursor; 0: all open items, then live.
    pub fn watch_inbox(&self, function: &FunctionId, after: u64) -> Watch<Inbox> {
        Watch::new(self, Inbox(function.clone()), (after > 0).then_some(after))
    }

    /// The entries of the log from a position on. Each is held against its leaf hash; the tree is the caller's to rebuild.
    pub fn tail(&self, from_position: u64) -> Watch<Tail> {
        Watch::new(self, Tail, from_position.checked_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_is_given_once_and_never_backwards() {
        let mut cursor = Cursor(Some(4));
        let items = [Item::Entry(4, ()), Item::Entry(5, ()), Item::Entry(5, ()), Item::Heartbeat(7), Item::Entry(6, ()), Item::Unknown, Item::Entry(8, ())];
        let given: Vec<bool> = items.iter().map(|item| cursor.takes(item)).collect();
        assert_eq!(given, [false, true, false, false, false, false, true]);
        assert_eq!(cursor, Cursor(Some(8)));
    }

    #[test]
    fn the_first_entry_of_the_log_is_given_though_its_position_is_0() {
        let mut cursor = Cursor(None);
        assert!(!cursor.takes(&Item::<()>::Heartbeat(0)));
        assert!(cursor.takes(&Item::Entry(0, ())));
        assert!(!cursor.takes(&Item::Entry(0, ())));
    }

    #[test]
    fn streams_resume_after_the_last_entry() {
        assert_eq!(OwnReferrals.request(Some(7)).after, 7);
        assert_eq!(OwnReferrals.request(None).after, 0);
        assert_eq!(Tail.request(Some(7)).from_position, 8);
        assert_eq!(Tail.request(None).from_position, 0);
    }
}
