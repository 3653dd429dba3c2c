//! The streams: at least once, in the order of the log, resumed at a cursor, also over a stop of the broker.

use std::collections::BTreeMap;

use brygga_client::v1;
use brygga_domain::{Code as _, InboxKind, SenderStatus};
use brygga_tests::desk::{Desk, INBOXES};
use brygga_tests::made_up::{CASES, CONTACT_REQUEST, SUPPORT};
use brygga_tests::wire::within;

use crate::steps::{delivered, offered};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_resumed_at_any_cursor_gives_the_rest_and_each_entry_once() {
    let desk = Desk::start().await;
    for case in &CASES {
        let id = offered(&desk, case).await.id;
        delivered(&desk, case, &id).await;
        desk.write(case.recipient, v1::AcceptReferralRequest { referral: id, ..Default::default() }).await;
    }
    for (agency, function) in INBOXES {
        let whole = desk.inbox(agency, function, 0).await;
        assert!(whole.is_sorted_by(|before, after| before.position < after.position), "{function}: in the order of the log, each once");
        let asked = whole.len();
        for (taken, entry) in whole.iter().enumerate() {
            assert_eq!(desk.inbox(agency, function, entry.position).await, whole[taken + 1..], "{function} after {}", entry.position);
        }
        assert!(asked > 0, "{function} has got something");
    }
    for agency in ["vasterort-polis", "vasterort-aklagare", "solna-soc"] {
        let whole = desk.statuses(agency, 0).await;
        assert!(whole.is_sorted_by(|before, after| before.position < after.position), "{agency}");
        for (taken, entry) in whole.iter().enumerate() {
            assert_eq!(desk.statuses(agency, entry.position).await, whole[taken + 1..], "{agency} after {}", entry.position);
        }
    }
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_open_sees_what_happens_while_it_is_open() {
    let desk = Desk::start().await;
    let client = desk.client(CONTACT_REQUEST.sender);
    let mut statuses = client.watch_referrals(0);
    let mut inbox = desk.client(CONTACT_REQUEST.recipient).watch_inbox(&"solna-rvc".parse().unwrap(), 0);
    let watched = async {
        let offer = within("the offer", inbox.next()).await.unwrap();
        let mut seen = Vec::new();
        while seen.last() != Some(&SenderStatus::Delivered.number()) {
            seen.push(within("a status", statuses.next()).await.unwrap().status);
        }
        (offer, seen)
    };
    let played = async {
        let id = offered(&desk, &CONTACT_REQUEST).await.id;
        delivered(&desk, &CONTACT_REQUEST, &id).await;
        id
    };
    let ((offer, seen), id) = tokio::join!(watched, played);
    assert_eq!((offer.referral, offer.kind), (id, InboxKind::Offered.number()));
    let way = [SenderStatus::Stored, SenderStatus::Offered, SenderStatus::Opened, SenderStatus::Delivered];
    assert_eq!(seen, way.map(brygga_domain::Code::number));
    desk.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_go_on_after_the_broker_was_stopped_and_started_again() {
    let mut desk = Desk::start().await;
    let case = &CONTACT_REQUEST;
    let first = offered(&desk, case).await.id;
    delivered(&desk, case, &first).await;
    let statuses = desk.statuses("vasterort-polis", 0).await;
    let inbox = desk.inbox("solna-soc", "solna-rvc", 0).await;
    let (status_cursor, inbox_cursor) = (statuses.last().unwrap().position, inbox.last().unwrap().position);
    // A watch that is open when the broker stops: its stream ends, and it is told that nobody answers or goes on by itself.
    let mut open = desk.client("solna-soc/sara").watch_inbox(&"solna-rvc".parse().unwrap(), 0);
    assert_eq!(within("the first offer", open.next()).await.unwrap().position, inbox[0].position);
    let cursor = open.cursor();
    desk.close().await;
    assert!(cursor >= inbox[0].position);
    drop(open);
    desk.open().await;

    // Everything that stood stands, and from the cursors on nothing comes twice.
    assert_eq!(desk.statuses("vasterort-polis", 0).await, statuses);
    assert_eq!(desk.inbox("solna-soc", "solna-rvc", 0).await, inbox);
    assert_eq!(desk.statuses("vasterort-polis", status_cursor).await, []);
    assert_eq!(desk.inbox("solna-soc", "solna-rvc", inbox_cursor).await, []);
    let second = offered(&desk, case).await.id;
    let back = offered(&desk, &SUPPORT).await.id;
    let since = desk.statuses("vasterort-polis", status_cursor).await;
    assert_eq!(since.iter().map(|entry| &entry.referral).collect::<Vec<_>>(), [&second, &second], "{back} is the board's own");
    let mut resumed = desk.client("solna-soc/sara").watch_inbox(&"solna-rvc".parse().unwrap(), cursor);
    assert_eq!(within("the second offer", resumed.next()).await.unwrap().referral, second);

    // A client that has lost its cursor reads all again; by position each is known as one.
    let mut known: BTreeMap<u64, v1::StatusEntry> = statuses.into_iter().map(|entry| (entry.position, entry)).collect();
    for entry in desk.statuses("vasterort-polis", 0).await {
        let had = known.insert(entry.position, entry.clone());
        assert!(had.is_none_or(|had| had == entry), "the same position is the same entry");
    }
    assert_eq!(known.into_values().collect::<Vec<_>>(), desk.statuses("vasterort-polis", 0).await);
    desk.finish().await;
}
