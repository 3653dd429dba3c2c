//! A recipient's inbox.

use brygga_client::outbox::Keep;
use brygga_client::{Answer, Client};
use brygga_domain::{Code, ContactOutcome, FunctionId, InboxKind, SafeChannel, SenderStatus};
use brygga_wire::v1;
use jiff::Timestamp;
use serde_json::Value;

use crate::args::ContactArgs;
use crate::args::{Format, InboxCommand};
use crate::desk::{Desk, List, logged, whole};
use crate::failure::Failure;
use crate::local::Checked;
use crate::message::moment::{micros, moment};
use crate::message::{self, Known};
use crate::verbs::{open, watch};
use crate::words;

/// `inbox`.
pub async fn run(desk: &mut Desk<'_>, verb: InboxCommand) -> Result<(), Failure> {
    match verb {
        InboxCommand::List { function, all, limit } => list(desk, function, (all, limit)).await,
        InboxCommand::Watch { function, after, count } => follow(desk, function, (after, count)).await,
        InboxCommand::Reveal { of } => Box::pin(open::reveal(desk, of.referral)).await,
        InboxCommand::Open { of, out, confirm_import, brief } => Box::pin(open::open(desk, of.referral, open::Opening { out, confirm_import, brief })).await,
        InboxCommand::Contact(contact) => Box::pin(self::contact(desk, contact)).await,
        act @ (InboxCommand::Claim { .. }
        | InboxCommand::Delivered { .. }
        | InboxCommand::Import { .. }
        | InboxCommand::Accept { .. }
        | InboxCommand::Decline { .. }
        | InboxCommand::Return { .. }
        | InboxCommand::Close { .. }
        | InboxCommand::StopUse { .. }
        | InboxCommand::Recall { .. }) => Box::pin(acts(desk, act)).await,
    }
}

/// The acts whose answer is one line about the envelope.
async fn acts(desk: &mut Desk<'_>, verb: InboxCommand) -> Result<(), Failure> {
    match verb {
        InboxCommand::Claim { of, takeover } => {
            act(desk, (of.referral.clone(), v1::ClaimReferralRequest { referral: of.referral, takeover, ..Default::default() }), "claimed").await
        }
        InboxCommand::Delivered { of, release } => {
            act(desk, (of.referral.clone(), v1::AcknowledgeDeliveryRequest { referral: of.referral, release, ..Default::default() }), "delivered").await
        }
        InboxCommand::Import { of, release } => {
            act(desk, (of.referral.clone(), v1::ConfirmImportRequest { referral: of.referral, release, ..Default::default() }), "imported").await
        }
        InboxCommand::Accept { of } => {
            act(desk, (of.referral.clone(), v1::AcceptReferralRequest { referral: of.referral, ..Default::default() }), "accepted").await
        }
        InboxCommand::Decline { of, reason, duplicate_of } => {
            let duplicate_of = duplicate_of.unwrap_or_default();
            let request = v1::DeclineReferralRequest { referral: of.referral.clone(), reason: reason.number(), duplicate_of, ..Default::default() };
            act(desk, (of.referral, request), "declined").await
        }
        InboxCommand::Return { of, reason, missing, right_function } => {
            let missing = missing.into_iter().map(Code::number).collect();
            let (referral, right_function) = (of.referral.clone(), right_function.unwrap_or_default());
            let request = v1::ReturnReferralRequest { referral, reason: reason.number(), missing, right_function, ..Default::default() };
            act(desk, (of.referral, request), "returned").await
        }
        InboxCommand::Close { of, outcome, phases, support } => {
            let (phases, support) = (phases.into_iter().map(Code::number).collect(), support.into_iter().map(Code::number).collect());
            let closing = Some(v1::Closing { outcome: outcome.number(), phases, support });
            act(desk, (of.referral.clone(), v1::CloseReferralRequest { referral: of.referral, closing, ..Default::default() }), "closed").await
        }
        InboxCommand::StopUse { of, notice, answer } => {
            let request = v1::AcknowledgeStopUseRequest { referral: of.referral.clone(), notice, answer: answer.number(), ..Default::default() };
            act(desk, (of.referral, request), "stop-use").await
        }
        InboxCommand::Recall { of } => {
            act(desk, (of.referral.clone(), v1::AcknowledgeRecallRequest { referral: of.referral, ..Default::default() }), "recall").await
        }
        InboxCommand::List { .. } | InboxCommand::Watch { .. } | InboxCommand::Reveal { .. } | InboxCommand::Open { .. } | InboxCommand::Contact(_) => Ok(()),
    }
}

/// An answer that shows the envelope, and what the act says of it.
trait OfEnvelope: Known + Clone {
    fn envelope(&self) -> v1::Envelope;
    /// What happens next, for the officer who acted.
    fn next(&self) -> String;
    /// Whether the sender wants back what it sent: then whoever passed it on has something to take back, too.
    const WANTED_BACK: bool;
}

macro_rules! of_envelope {
    ($($response:ident $next:literal $wanted_back:literal;)*) => {$(
        impl OfEnvelope for v1::$response {
            const WANTED_BACK: bool = $wanted_back;

            fn envelope(&self) -> v1::Envelope {
                self.envelope.clone().unwrap_or_default()
            }

            fn next(&self) -> String {
                $next.to_owned()
            }
        }
    )*};
}

of_envelope! {
    ClaimReferralResponse "yours until another officer takes it over" false;
    AcknowledgeDeliveryResponse "the sender learns that the content arrived" false;
    ConfirmImportResponse "the content is destroyed at the broker, and the sender learns that it is" false;
    AcceptReferralResponse "the sender learns that it is answered, no more" false;
    DeclineReferralResponse "the sender learns the transport answer, no more" false;
    ReturnReferralResponse "the sender learns the transport answer, no more" false;
    CloseReferralResponse "the sender learns that it is closed, no more" false;
    AcknowledgeStopUseResponse "the sender learns that it is confirmed, no more" true;
    AcknowledgeRecallResponse "the sender learns that it is confirmed" true;
    RecordContactResponse "" false;
}

async fn act<W>(desk: &mut Desk<'_>, (referral, request): (String, W), done: &str) -> Result<(), Failure>
where
    W: Keep + Checked,
    W::Response: OfEnvelope,
{
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(referral))? else { return Ok(()) };
    let envelope = answer.response.envelope();
    let text = format!("{done:<11}{}; {}{}", envelope.reference, answer.response.next(), clock(&envelope, desk.now));
    let (done, mut shown) = (logged(&text, &answer), whole(&answer));
    if !W::Response::WANTED_BACK {
        return desk.answer(&[done], shown);
    }
    // Told at once: the act is done, whatever comes of the question that follows.
    if desk.format() == Format::Table {
        desk.line(&done)?;
    }
    let mut lines = Vec::new();
    match sent_on(desk, envelope.thread_id).await {
        Ok(sent) => {
            lines.extend(sent.iter().map(to_take_back));
            if let Value::Object(object) = &mut shown {
                object.insert(String::from("sent_on"), sent.iter().map(message::show).collect());
            }
        }
        // Left out, for none would mean that there is nothing to take back.
        Err(failure) => desk.talk(&format!("warning    what was sent on in this thread could not be read: {}", failure.happened().trim_end()))?,
    }
    desk.answer(&lines, shown)
}

/// What the agency itself sent in the same thread, and could take back.
async fn sent_on(desk: &mut Desk<'_>, thread_id: String) -> Result<Vec<v1::SenderReferral>, Failure> {
    let (client, settings) = desk.client()?;
    let mut request = v1::ListReferralsRequest { thread_id, page_size: PAGE_ENTRIES, officer: desk.reader(&settings), ..Default::default() };
    let mut sent = Vec::new();
    loop {
        let page = client.list_referrals(request.clone()).await.map_err(|error| Failure::client(&error))?;
        sent.extend(page.referrals.into_iter().filter(can_be_taken_back));
        if page.next_page_token.is_empty() {
            return Ok(sent);
        }
        request.page_token = page.next_page_token;
    }
}

/// Whether it was not taken back yet. What was declined may have been looked at for conflicts, so it is among these.
fn can_be_taken_back(sent: &v1::SenderReferral) -> bool {
    [SenderStatus::Retracted, SenderStatus::RecallConfirmed].iter().all(|status| status.number() != sent.status)
}

fn to_take_back(sent: &v1::SenderReferral) -> String {
    let (reference, status) = (&sent.reference, words::status(sent.status));
    format!("sent on    {reference} to {}, {status}: if it rests on this, brygga referral retract {reference}", sent.recipient)
}

/// Referrals of one page.
const PAGE_ENTRIES: u32 = 500;

/// How long until first contact is due, while nobody has reached her.
fn clock(envelope: &v1::Envelope, now: Timestamp) -> String {
    let open = matches!(envelope.stage(), v1::Stage::Ready | v1::Stage::Opened | v1::Stage::Accepted);
    if !open || envelope.contact_due_at.is_none() || envelope.contacted_at.is_some() {
        return String::new();
    }
    format!("; first contact due {}", words::due(envelope.contact_due_at.as_ref(), now))
}

async fn contact(desk: &mut Desk<'_>, args: ContactArgs) -> Result<(), Failure> {
    let outcome = match (args.reached, args.attempted, args.declined) {
        (true, _, _) => ContactOutcome::Reached,
        (_, true, _) => ContactOutcome::Attempted,
        (_, _, true) => ContactOutcome::EndedDeclined,
        (false, false, false) => ContactOutcome::EndedUnsafe,
    };
    let contact = v1::Contact {
        outcome: outcome.number(),
        at: Some(time(args.at.as_deref().unwrap_or("+0s"), desk.now)?),
        channel: args.safe_channel.map_or(0, SafeChannel::number),
        interpreter: args.interpreter,
        next_try_at: args.next_try.as_deref().map(|text| time(text, desk.now)).transpose()?,
    };
    let referral = args.of.referral;
    let request = v1::RecordContactRequest { referral: referral.clone(), contact: Some(contact), ..Default::default() };
    let Some(answer) = desk.write(request, "").await.map_err(|failure| failure.about(referral))? else { return Ok(()) };
    desk.answer(&[logged(&contacted(&answer, outcome), &answer)], whole(&answer))
}

fn contacted(answer: &Answer<v1::RecordContactResponse>, outcome: ContactOutcome) -> String {
    let envelope = answer.response.envelope();
    let (reached, due) = (words::stamp(envelope.contacted_at.as_ref()), words::stamp(envelope.contact_due_at.as_ref()));
    let clock = match (reached, due) {
        (Some(at), Some(due)) if at <= due => format!("; the clock stops {} before the deadline", words::span(words::minutes_between(at, due))),
        (Some(at), Some(due)) => format!("; the clock stops {} after the deadline", words::span(words::minutes_between(due, at))),
        (Some(_) | None, None) => String::new(),
        (None, Some(_)) => String::from("; the clock goes on"),
    };
    format!("contact    {}: {}{clock}; the sender is told nothing of it", envelope.reference, words::words(outcome.as_str()))
}

/// A time from the command line.
pub fn time(text: &str, now: Timestamp) -> Result<prost_types::Timestamp, Failure> {
    let stamp = moment(text, now).ok_or_else(|| Failure::usage("a time must be as in RFC 3339, or counted from now, for example -30m"))?;
    let stamp = micros(stamp);
    Ok(prost_types::Timestamp { seconds: stamp.as_second(), nanos: stamp.subsec_nanosecond() })
}

/// The function whose inbox is meant: named, or the agency's only one.
fn function(client: &Client, named: Option<String>) -> Result<FunctionId, Failure> {
    if let Some(named) = named {
        return named.parse().map_err(|_| Failure::usage("--function takes the name of a function, for example solna-rvc"));
    }
    match client.functions() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::usage("no function is known here").with_try("--function NAME, or functions = […] in client.toml")),
        several => Err(several
            .iter()
            .fold(Failure::usage("the agency has several functions; say which"), |failure, function| failure.with_try(format!("--function {function}")))),
    }
}

async fn list(desk: &mut Desk<'_>, named: Option<String>, (include_ended, limit): (bool, u32)) -> Result<(), Failure> {
    let (client, settings) = desk.client()?;
    let officer = desk.reader(&settings);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut request = v1::ListInboxRequest { function: function(&client, named)?.to_string(), include_ended, officer, ..Default::default() };
    let mut envelopes: Vec<v1::Envelope> = Vec::new();
    loop {
        let page = client.list_inbox(request.clone()).await.map_err(|error| Failure::client(&error).about(request.function.clone()))?;
        envelopes.extend(page.envelopes);
        if page.next_page_token.is_empty() || envelopes.len() >= limit {
            break;
        }
        request.page_token = page.next_page_token;
    }
    envelopes.truncate(limit);
    let now = desk.now;
    desk.list(List {
        heads: &["reference", "kind", "from", "urgency", "stage", "contact due", "sections", "withheld", "waits for"],
        rows: envelopes.iter().map(|envelope| row(envelope, now)).collect(),
        items: envelopes.iter().map(message::show).collect(),
        empty: "the inbox is empty",
    })
}

fn row(envelope: &v1::Envelope, now: Timestamp) -> Vec<String> {
    let due = match words::stamp(envelope.contacted_at.as_ref()) {
        Some(at) => format!("reached {}", words::local(at)),
        None => words::due(envelope.contact_due_at.as_ref(), now),
    };
    let categories: Vec<i32> = envelope.sections.iter().map(|section| section.category).collect();
    let mut waits: Vec<String> =
        envelope.notices.iter().filter(|notice| notice.answer == 0).map(|notice| format!("stop-use answer (notice {})", notice.position)).collect();
    if envelope.recall.is_some() && !envelope.recall_confirmed {
        waits.push(String::from("recall to be confirmed"));
    }
    if envelope.sections.iter().any(|section| section.opened_revision > 0 && section.opened_revision < section.revision) {
        waits.push(String::from("a newer revision to open"));
    }
    waits.extend(words::reminded(envelope.reminded).map(String::from));
    vec![
        envelope.reference.clone(),
        words::kind(envelope.kind),
        envelope.sender.clone(),
        words::urgency(envelope.urgency),
        words::stage(envelope.stage()).to_owned(),
        due,
        words::categories(&categories),
        words::categories(&envelope.withheld),
        waits.join("; "),
    ]
}

async fn follow(desk: &mut Desk<'_>, named: Option<String>, (after, count): (u64, Option<u64>)) -> Result<(), Failure> {
    let (client, _) = desk.client()?;
    let function = function(&client, named)?;
    let each = |entry: v1::InboxEntry| {
        let kind = words::code::<InboxKind>(entry.kind);
        let line = format!("{:<8}{}  {}  {kind}", entry.position, words::time(entry.time.as_ref()), entry.reference);
        desk.item(&line, message::show(&entry))
    };
    watch::follow(client.watch_inbox(&function, after), count, each).await
}
