//! A world whose every party remembers all that it was ever told, and the checks at the end of a story.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use brygga_client::{Answer, Client, ClientError, Write, v1};
use brygga_domain::{Event, Fact, Reason, ReferralId, SenderStatus};
use brygga_merkle::NoteKey;
use brygga_verify::{Auditor, Expected, Trust, Verdict};
use brygga_wire::contract::WriteRequest;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tempfile::TempDir;

use crate::harness::{Broker, bryggad};
use crate::made_up::MARKER;
use crate::wire::{channel, within};

/// The agencies that a story plays with.
pub const PARTIES: [&str; 6] = ["vasterort-polis", "vasterort-aklagare", "solna-soc", "ekero-soc", "sundbyberg-soc", "stockholm-bromma-soc"];
/// Their functions.
pub const INBOXES: [(&str, &str); 6] = [
    ("vasterort-polis", "vasterort-polis-brottsoffer"),
    ("vasterort-aklagare", "vasterort-aklagare-kammare"),
    ("solna-soc", "solna-rvc"),
    ("solna-soc", "solna-mottagning"),
    ("ekero-soc", "ekero-mottagning"),
    ("sundbyberg-soc", "sundbyberg-mottagning"),
];
/// The agency that audits.
const AUDITOR: &str = "imy";
/// How the services begin whose answers go to recipients, who may know what they said themselves.
const INBOX_SERVICE: &str = "/brygga.v1.InboxService/";
/// What only the recipient of a referral may read: personal answers, and how a stop-use notice was answered.
const PERSONAL: [&str; 8] =
    ["CLOSING_OUTCOME_", "CONTACT_OUTCOME_", "DECLINE_REASON_", "SAFE_CHANNEL_", "STOP_USE_ANSWER_", "SUPPORT_KIND_", "SUPPORT_PHASE_", "contactedAt"];

/// What an agency was told: by which method, and what.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The agency.
    pub agency: String,
    /// The method.
    pub path: String,
    /// The message as JSON, or the refusal.
    pub text: String,
}

impl Heard {
    /// Whether it came as an answer to a recipient.
    pub fn as_recipient(&self) -> bool {
        self.path.starts_with(INBOX_SERVICE)
    }
}

/// The personal answers that a text holds.
pub fn personal(text: &str) -> Vec<&'static str> {
    PERSONAL.into_iter().filter(|word| text.contains(word)).collect()
}

/// A message of the contract as JSON.
///
/// # Panics
/// When the contract has no such method.
pub fn json(path: &str, message: &impl Message) -> String {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    let pool = POOL.get_or_init(|| DescriptorPool::decode(brygga_wire::DESCRIPTORS).unwrap());
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap();
    let service = pool.get_service_by_name(service).unwrap();
    let method = service.methods().find(|found| found.name() == method).unwrap();
    let whole = DynamicMessage::decode(method.output(), message.encode_to_vec().as_slice()).unwrap();
    serde_json::to_string(&whole).unwrap()
}

/// A running broker, its parties, and what they were told.
pub struct Desk {
    /// The broker; `None` while it is stopped.
    broker: Option<Broker>,
    clients: BTreeMap<&'static str, Client>,
    heard: Mutex<Vec<Heard>>,
    world: PathBuf,
    _folder: TempDir,
}

impl Desk {
    /// A fresh world.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("brygga-story-").tempdir().unwrap();
        let world = folder.path().join("world");
        let mut desk = Self { broker: None, clients: BTreeMap::new(), heard: Mutex::default(), world, _folder: folder };
        desk.open().await;
        desk
    }

    /// Starts the broker on the world as it lies there.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open(&mut self) {
        let broker = Broker::start(&self.world, "\n[telemetry]\nlog_level = \"warn\"\n").await;
        self.clients = PARTIES.into_iter().chain([AUDITOR]).map(|agency| (agency, broker.client(agency, "nobody"))).collect();
        self.broker = Some(broker);
    }

    /// Stops the broker in order.
    ///
    /// # Panics
    /// When it does not end with 0.
    pub async fn close(&mut self) {
        self.clients.clear();
        assert_eq!(self.broker.take().unwrap().stop().await, Some(0));
    }

    /// The broker.
    ///
    /// # Panics
    /// When it is stopped.
    pub fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    /// The folder of the world.
    pub fn world(&self) -> &Path {
        &self.world
    }

    /// The client of `agency/officer`.
    ///
    /// # Panics
    /// When the story has no such party.
    pub fn client(&self, who: &str) -> Client {
        let (agency, officer) = who.split_once('/').unwrap_or((who, "nobody"));
        self.clients[agency].as_officer(officer)
    }

    /// The officer of `agency/officer`, empty where none is named: the agency's own system reads.
    fn reader(who: &str) -> String {
        who.split_once('/').map_or_else(String::new, |(_, officer)| officer.to_owned())
    }

    fn remember(&self, who: &str, path: &str, text: String) {
        let agency = who.split('/').next().unwrap_or_default().to_owned();
        self.heard.lock().unwrap().push(Heard { agency, path: path.to_owned(), text });
    }

    /// Everything that was told so far.
    ///
    /// # Panics
    /// When a test has panicked meanwhile.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn told<T: Message>(&self, who: &str, path: &str, answer: Result<T, ClientError>) -> Result<T, ClientError> {
        let text = match &answer {
            Ok(message) => json(path, message),
            Err(error) => format!("{error:?}"),
        };
        self.remember(who, path, text);
        answer
    }

    /// Writes, and remembers what came back. A receipt's leaves are never another agency's doing.
    ///
    /// # Errors
    /// What the client says.
    ///
    /// # Panics
    /// When a sender's receipt shows what another agency did.
    pub async fn try_write<W: Write>(&self, who: &str, request: W) -> Result<Answer<W::Response>, ClientError> {
        let answer = self.client(who).write(request).await;
        let path = <W as WriteRequest>::PATH;
        if let (Ok(answer), false) = (&answer, path.starts_with(INBOX_SERVICE)) {
            let agency = who.split('/').next().unwrap_or_default();
            for event in answer.proof.events().values() {
                assert_eq!(event.agency.as_str(), agency, "{path} shows {}", event.fact.name());
            }
        }
        let proof = answer.as_ref().map(|answer| (answer.proof.clone(), answer.request_id.clone())).ok();
        let response = self.told(who, path, answer.map(|answer| answer.response))?;
        let (proof, request_id) = proof.unwrap();
        Ok(Answer { response, proof, request_id })
    }

    /// Writes what must pass.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn write<W: Write>(&self, who: &str, request: W) -> W::Response {
        let path = <W as WriteRequest>::PATH;
        self.try_write(who, request).await.unwrap_or_else(|error| panic!("{path} as {who}: {error} {error:?}")).response
    }

    /// Writes what must be refused, and gives the reason.
    ///
    /// # Panics
    /// When it passes.
    pub async fn refused<W: Write>(&self, who: &str, request: W) -> Reason {
        let path = <W as WriteRequest>::PATH;
        match self.try_write(who, request).await {
            Ok(_) => panic!("{path} as {who} must be refused"),
            Err(error) => error.reason().unwrap_or_else(|| panic!("{path} as {who}: {error:?}")),
        }
    }

    /// A referral as its sender sees it.
    ///
    /// # Panics
    /// When the sender does not find it.
    pub async fn referral(&self, who: &str, id: &str) -> v1::SenderReferral {
        let name = Some(v1::get_referral_request::Name::Referral(id.to_owned()));
        let answer = self.client(who).get_referral(v1::GetReferralRequest { name, officer: Self::reader(who) }).await;
        self.told(who, "/brygga.v1.ReferralService/GetReferral", answer).unwrap().referral.unwrap()
    }

    /// What an agency has to clear.
    ///
    /// # Panics
    /// When it cannot be listed.
    pub async fn pending(&self, who: &str) -> Vec<v1::ClearanceReferral> {
        let answer = self.client(who).list_pending_clearances(v1::ListPendingClearancesRequest { officer: Self::reader(who), ..Default::default() }).await;
        self.told(who, "/brygga.v1.ClearanceService/ListPendingClearances", answer).unwrap().referrals
    }

    /// What blocks a referral.
    ///
    /// # Panics
    /// When it cannot be assessed.
    pub async fn assess(&self, who: &str, id: &str) -> v1::AssessReferralResponse {
        let answer =
            self.client(who).assess_referral(v1::AssessReferralRequest { referral: id.to_owned(), officer: Self::reader(who), ..Default::default() }).await;
        self.told(who, "/brygga.v1.ClearanceService/AssessReferral", answer).unwrap()
    }

    /// The envelope of a referral in an inbox, with what has ended.
    ///
    /// # Panics
    /// When the inbox cannot be listed.
    pub async fn envelope(&self, who: &str, function: &str, id: &str) -> Option<v1::Envelope> {
        let mut all = self.envelopes(who, function, id, true).await;
        assert!(all.len() < 2, "an envelope is listed once");
        all.pop()
    }

    /// Whether a referral is in the list of what waits for a function.
    ///
    /// # Panics
    /// When the inbox cannot be listed.
    pub async fn waits(&self, who: &str, function: &str, id: &str) -> bool {
        !self.envelopes(who, function, id, false).await.is_empty()
    }

    async fn envelopes(&self, who: &str, function: &str, id: &str, include_ended: bool) -> Vec<v1::Envelope> {
        let mut request =
            v1::ListInboxRequest { function: function.to_owned(), page_size: 500, include_ended, officer: Self::reader(who), ..Default::default() };
        let mut found = Vec::new();
        loop {
            let answer = self.client(who).list_inbox(request.clone()).await;
            let page = self.told(who, "/brygga.v1.InboxService/ListInbox", answer).unwrap();
            found.extend(page.envelopes.into_iter().filter(|envelope| envelope.id == id));
            if page.next_page_token.is_empty() {
                return found;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Size of the log.
    ///
    /// # Panics
    /// When there is no checkpoint.
    pub async fn size(&self) -> u64 {
        self.clients[AUDITOR].checkpoint().await.unwrap().size
    }

    /// The status stream of an agency from after a position up to where it has caught up with the log.
    ///
    /// # Panics
    /// When the stream breaks.
    pub async fn statuses(&self, agency: &str, after: u64) -> Vec<v1::StatusEntry> {
        use v1::watch_referrals_response::Item;
        let size = self.size().await;
        let mut client = v1::referral_service_client::ReferralServiceClient::new(channel(&self.broker().config(agency)));
        let mut stream = client.watch_referrals(v1::WatchReferralsRequest { after }).await.unwrap().into_inner();
        let mut entries = Vec::new();
        loop {
            let message = within("a status", stream.message()).await.unwrap().unwrap();
            self.remember(agency, "/brygga.v1.ReferralService/WatchReferrals", json("/brygga.v1.ReferralService/WatchReferrals", &message));
            match message.item {
                Some(Item::Entry(entry)) => entries.push(entry),
                Some(Item::Heartbeat(heartbeat)) if heartbeat.position + 1 >= size => return entries,
                Some(Item::Heartbeat(_)) | None => {}
            }
        }
    }

    /// The statuses of one referral, in their order.
    ///
    /// # Panics
    /// When the stream breaks.
    pub async fn statuses_of(&self, who: &str, id: &str) -> Vec<v1::StatusEntry> {
        let agency = who.split('/').next().unwrap_or_default();
        self.statuses(agency, 0).await.into_iter().filter(|entry| entry.referral == id).collect()
    }

    /// The inbox stream of a function from after a position up to where it has caught up with the log.
    ///
    /// # Panics
    /// When the stream breaks.
    pub async fn inbox(&self, agency: &str, function: &str, after: u64) -> Vec<v1::InboxEntry> {
        use v1::watch_inbox_response::Item;
        let size = self.size().await;
        let mut client = v1::inbox_service_client::InboxServiceClient::new(channel(&self.broker().config(agency)));
        let mut stream = client.watch_inbox(v1::WatchInboxRequest { function: function.to_owned(), after }).await.unwrap().into_inner();
        let mut entries = Vec::new();
        loop {
            let message = within("an inbox entry", stream.message()).await.unwrap().unwrap();
            self.remember(agency, "/brygga.v1.InboxService/WatchInbox", json("/brygga.v1.InboxService/WatchInbox", &message));
            match message.item {
                Some(Item::Entry(entry)) => entries.push(entry),
                Some(Item::Heartbeat(heartbeat)) if heartbeat.position + 1 >= size => return entries,
                Some(Item::Heartbeat(_)) | None => {}
            }
        }
    }

    /// Every entry of the log, audited on the way.
    ///
    /// # Panics
    /// When the auditor does not say VERIFIED.
    pub async fn audited(&self) -> Vec<Event> {
        use v1::tail_entries_response::Item;
        let note = self.clients[AUDITOR].get_checkpoint(v1::GetCheckpointRequest::default()).await.unwrap().checkpoint;
        let key = NoteKey::parse(self.broker().ready()["log_key"].as_str().unwrap()).unwrap();
        let size = brygga_merkle::open(&note, &key).unwrap().size;
        let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(key), pin: None, tables: Vec::new() });
        let mut client = v1::disclosure_log_service_client::DisclosureLogServiceClient::new(channel(&self.broker().config(AUDITOR)));
        let mut stream = client.tail_entries(v1::TailEntriesRequest::default()).await.unwrap().into_inner();
        let mut events = Vec::new();
        while auditor.size() < size {
            let message = within("an entry of the log", stream.message()).await.unwrap().unwrap();
            if let Some(Item::Entry(entry)) = message.item {
                assert_eq!(entry.position, auditor.size());
                auditor.leaf(&entry.leaf);
                events.push(brygga_journal::decode(&entry.leaf).unwrap());
            }
        }
        let report = auditor.report(&note);
        assert_eq!(report.verdict, Verdict::Verified, "{report:#?}");
        events
    }

    /// Ends a story: everybody reads all that is there for them; nobody was told what is not theirs; the log verifies; the rows are
    /// the journal's.
    ///
    /// # Panics
    /// When one of these does not hold.
    pub async fn finish(mut self) {
        for agency in PARTIES {
            let listed = self.client(agency).list_referrals(v1::ListReferralsRequest { page_size: 500, ..Default::default() }).await;
            let listed = self.told(agency, "/brygga.v1.ReferralService/ListReferrals", listed).unwrap();
            assert!(listed.next_page_token.is_empty());
            for referral in &listed.referrals {
                assert_eq!(self.referral(agency, &referral.id).await, *referral);
            }
        }
        let mut told = Vec::new();
        for agency in PARTIES {
            told.extend(self.statuses(agency, 0).await.into_iter().map(|entry| (agency, entry)));
        }
        let events = self.audited().await;
        senders_hear_transport_answers_only(&self.heard(), &told, &events);
        let replay = tokio::process::Command::new(bryggad()).arg("replay").arg("--config").arg(self.world.join("bryggad.toml")).output();
        let replay = within("the replay", replay).await.unwrap();
        assert_eq!(replay.status.code(), Some(0), "{}{}", String::from_utf8_lossy(&replay.stdout), String::from_utf8_lossy(&replay.stderr));
        self.close().await;
    }
}

/// Walks every message that any sender received.
fn senders_hear_transport_answers_only(heard: &[Heard], told: &[(&str, v1::StatusEntry)], events: &[Event]) {
    let as_sender: Vec<&Heard> = heard.iter().filter(|heard| !heard.as_recipient()).collect();
    assert!(!as_sender.is_empty());
    for heard in as_sender {
        assert_eq!(personal(&heard.text), Vec::<&str>::new(), "{heard:?}");
        assert!(!heard.text.contains(MARKER), "content came back to its sender: {heard:?}");
    }
    let submitted: BTreeMap<ReferralId, (&str, bool)> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Fact::ReferralSubmitted(new) => Some((new.referral, (event.agency.as_str(), new.kind == brygga_domain::ReferralKind::ChildConcern))),
            _ => None,
        })
        .collect();
    let inquiry = [SenderStatus::InquiryOpened, SenderStatus::InquiryNotOpened, SenderStatus::InquiryAlreadyRunning];
    let mut positions = BTreeSet::new();
    for (agency, entry) in told {
        let (sender, child_concern) = submitted[&entry.referral.parse().unwrap()];
        assert_eq!(sender, *agency, "a status went to another than its sender");
        let status: SenderStatus = brygga_domain::Code::from_number(entry.status).unwrap();
        assert!(child_concern || !inquiry.contains(&status), "{entry:?}");
        assert!(positions.insert(entry.position), "one event, one status: {entry:?}");
        let event = &events[usize::try_from(entry.position).unwrap()];
        let silent = matches!(event.fact, Fact::ContactRecorded(_) | Fact::ReferralClaimed { .. } | Fact::DisclosureRefused { .. });
        assert!(!silent, "{} was told to the sender", event.fact.name());
        if let Fact::ReferralClosed(closing) = &event.fact {
            let said = if child_concern { closing.outcome.sender_status() } else { SenderStatus::Closed };
            assert_eq!(status, said);
        }
    }
    // What the recipients know of contacts and closings is there to be found, so that the walk above can find it.
    let known = |heard: &&Heard| heard.as_recipient() && !personal(&heard.text).is_empty();
    let has_contact =
        events.iter().any(|event| matches!(&event.fact, Fact::ContactRecorded(contact) if contact.outcome == brygga_domain::ContactOutcome::Reached));
    assert!(!has_contact || heard.iter().any(|heard| known(&heard)), "the walk finds nothing where something is");
}
