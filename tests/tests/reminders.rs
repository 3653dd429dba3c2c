//! Reminders and notices of the real broker: what is overdue already when it is offered is told within a few ticks, to those who may know it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brygga_client::v1;
use brygga_domain::{ClockLevel, Code as _, InboxKind, SenderStatus};
use brygga_tests::desk::json;
use brygga_tests::harness::{Broker, on_postgres};
use brygga_tests::requests::{self, BOARD, POLICE, RVC, minutes_ago};
use brygga_tests::wire::within;
use brygga_wire::view::timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Notices that wait to be looked at.
const CAME_MAX: usize = 64;

/// What came in from outside, whole.
type Came = mpsc::Receiver<String>;

/// A listener that serves each connection with `serve`.
async fn listen<F, W>(serve: F) -> u16
where
    F: Fn(TcpStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    port
}

/// How often a webhook still fails before it takes what comes.
type Failures = Arc<Mutex<u32>>;

/// A webhook that fails so often first.
async fn webhook(failures: u32) -> (u16, Came, Failures) {
    let (tell, came) = mpsc::channel(CAME_MAX);
    let left = Arc::new(Mutex::new(failures));
    let failures = Arc::clone(&left);
    let port = listen(move |stream| {
        let (tell, failures) = (tell.clone(), Arc::clone(&failures));
        async move {
            let mut stream = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let fails = {
                let mut left = failures.lock().unwrap();
                let fails = *left > 0;
                *left = left.saturating_sub(1);
                fails
            };
            let status = if fails { "503 Service Unavailable" } else { "204 No Content" };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
            tell.send(format!("{head}\n{}", String::from_utf8(body).unwrap())).await.unwrap();
        }
    })
    .await;
    (port, came, left)
}

/// A mail server that takes every mail.
async fn mail_server() -> (u16, Came) {
    let (tell, came) = mpsc::channel(CAME_MAX);
    let port = listen(move |stream| {
        let tell = tell.clone();
        async move {
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 here\r\n").await.unwrap();
            let (mut mail, mut in_data) = (String::new(), false);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
                mail.push_str(&line);
                let answer = match line.trim_end() {
                    "." if in_data => {
                        in_data = false;
                        tell.send(std::mem::take(&mut mail)).await.unwrap();
                        "250 taken\r\n"
                    }
                    _ if in_data => "",
                    "DATA" => {
                        in_data = true;
                        "354 go on\r\n"
                    }
                    "QUIT" => "221 bye\r\n",
                    _ => "250 good\r\n",
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
                line.clear();
            }
        }
    })
    .await;
    (port, came)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_overdue_is_told_to_the_recipient_and_outside_only_that_something_waits() {
    let ((hook, mut posts, _), (smtp, mut mails)) = (webhook(1).await, mail_server().await);
    let more = format!(
        "\n[notices.smtp]\nhost = \"127.0.0.1\"\nport = {smtp}\ntls = \"none\"\nfrom = \"brygga@brygga.example\"\n\n[notices.functions.solna-rvc]\n\
         mail = [\"rvc@solna.example\"]\nwebhook = \"http://127.0.0.1:{hook}/waits\"\n"
    );
    let folder = tempfile::Builder::new().prefix("brygga-reminders-").tempdir().unwrap();
    let broker = Broker::start(&folder.path().join("world"), &more).await;
    let (police, board) = (broker.client(POLICE, "po-1"), broker.client(BOARD, "sos-1"));
    let reported_at = Some(timestamp(minutes_ago(100 * 60)));
    let submitted = police.write(v1::SubmitReferralRequest { reported_at, ..requests::submission() }).await.unwrap().response.referral.unwrap();

    let mut inbox = board.watch_inbox(&RVC.parse().unwrap(), 1);
    let offered = within("the offer", inbox.next()).await.unwrap();
    let reminder = within("a reminder", inbox.next()).await.unwrap();
    assert_eq!((offered.kind, reminder.kind, &reminder.referral), (InboxKind::Offered.number(), InboxKind::Reminder.number(), &submitted.id));
    // The 48 hours have passed: the deputy is told of the other two marks.
    let mut deputy = board.watch_inbox(&"solna-mottagning".parse().unwrap(), 1);
    let told = [within("a reminder", deputy.next()).await.unwrap(), within("a reminder", deputy.next()).await.unwrap()];
    assert!(told.iter().all(|entry| entry.kind == InboxKind::Reminder.number() && entry.referral == submitted.id), "{told:?}");

    let listed = board.list_inbox(v1::ListInboxRequest { function: RVC.to_owned(), ..Default::default() }).await.unwrap();
    assert_eq!(listed.envelopes[0].reminded, ClockLevel::Overdue.number());
    // Whether she was reached is nothing for the sender: no alarm, and no status.
    let name = Some(v1::get_referral_request::Name::Referral(submitted.id.clone()));
    let seen = police.get_referral(v1::GetReferralRequest { name, ..Default::default() }).await.unwrap();
    assert_eq!(seen.referral.as_ref().unwrap().alarm, 0);
    assert!(!json("/brygga.v1.ReferralService/GetReferral", &seen).contains("OVERDUE"));
    let mut statuses = police.watch_referrals(0);
    let heard = [within("a status", statuses.next()).await.unwrap().status, within("a status", statuses.next()).await.unwrap().status];
    assert_eq!(heard, [SenderStatus::Stored.number(), SenderStatus::Offered.number()]);

    let first = within("a notice", posts.recv()).await.unwrap();
    let again = within("the notice once more", posts.recv()).await.unwrap();
    assert_eq!(first, again, "what failed is tried again");
    let mail = within("a mail", mails.recv()).await.unwrap();
    assert!(again.starts_with("POST /waits HTTP/1.1") && again.ends_with("{\"function\":\"solna-rvc\",\"waits\":true}"), "{again}");
    assert!(mail.contains("rvc@solna.example") && mail.contains("solna-rvc"), "{mail}");
    for said in [&again, &mail] {
        let quiet = [submitted.id.as_str(), submitted.reference.as_str(), "Amal", "contact", "victim", "overdue"];
        assert!(quiet.iter().all(|word| !said.contains(word)), "{said}");
    }
    assert_eq!(broker.stop().await, Some(0));
}

/// The name of a notice, as the webhook was told it.
fn named(post: &str) -> String {
    post.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("idempotency-key:").map(|name| name.trim().to_owned())).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_that_a_killed_broker_owed_comes_after_the_restart_and_once() {
    let (hook, mut posts, failures) = webhook(u32::MAX).await;
    let more = format!("\n[notices.functions.solna-rvc]\nwebhook = \"http://127.0.0.1:{hook}/waits\"\n");
    let folder = tempfile::Builder::new().prefix("brygga-owed-").tempdir().unwrap();
    let world = folder.path().join("world");
    // The broker has to have been told once that it tells: only then does it owe what comes.
    assert_eq!(Broker::start(&world, &more).await.stop().await, Some(0));
    let broker = Broker::start(&world, "").await;
    let submitted = broker.client(POLICE, "po-1").write(requests::submission()).await.unwrap().response.referral.unwrap();
    let owed = within("a notice that fails", posts.recv()).await.unwrap();
    broker.kill().await;
    while posts.try_recv().is_ok() {}

    *failures.lock().unwrap() = 0;
    let broker = Broker::start(&world, "").await;
    if on_postgres() {
        // Another broker on the log may be about to tell it: this one leaves it until its second look.
        assert!(tokio::time::timeout(Duration::from_secs(1), posts.recv()).await.is_err());
        assert_eq!(broker.stop().await, Some(0));
        return;
    }
    let told = within("the notice that was owed", posts.recv()).await.unwrap();
    assert_eq!(named(&told), named(&owed), "it is the same one");
    assert!(told.ends_with("{\"function\":\"solna-rvc\",\"waits\":true}"), "{told}");
    assert_eq!(broker.stop().await, Some(0));

    // What it was told of is on record: neither a restart nor what has no news for it brings another notice.
    let broker = Broker::start(&world, "").await;
    let police = broker.client(POLICE, "po-1");
    let name = Some(v1::get_referral_request::Name::Referral(submitted.id.clone()));
    police.get_referral(v1::GetReferralRequest { name, ..Default::default() }).await.unwrap();
    let second = police.write(requests::submission()).await.unwrap().response.referral.unwrap();
    let next = within("the next notice", posts.recv()).await.unwrap();
    assert_ne!(second.id, submitted.id);
    assert!(named(&next) != named(&told) && named(&next) != named(&owed), "each notice has a name of its own: {owed}\n{told}\n{next}");
    assert_eq!(broker.stop().await, Some(0));
    assert!(posts.try_recv().is_err(), "that was all");
}
