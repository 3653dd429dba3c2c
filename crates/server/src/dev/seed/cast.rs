//! The agencies of a world, each with its own certificate, and the one way in which the seed writes.
//!
//! Every write has an id that follows from the seed and from what it is for, so that a second run finds what the first one sent.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use brygga_cli::ClientFile;
use brygga_client::{Client, ClientConfig, ClientError, Deadlines, Write, v1};
use brygga_domain::{Code, ReferralKind};
use sha2::{Digest as _, Sha256};

/// The name of the file with an agency's settings.
const CLIENT_FILE: &str = "client.toml";
/// The police.
pub const POLICE: &str = "vasterort-polis";
/// The prosecution.
pub const PROSECUTION: &str = "vasterort-aklagare";
/// The board that hosts the RVC.
pub const SOLNA: &str = "solna-soc";

/// A referral that the seed has sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: ReferralKind,
    /// The agency that sent it.
    pub sender: &'static str,
    /// The agency that it went to.
    pub host: &'static str,
    /// The function that it went to.
    pub recipient: &'static str,
    /// What groups it with others.
    pub thread: String,
}

/// What has been written.
#[derive(Debug, Default)]
pub struct Written {
    /// Referrals, with the key of their submission.
    pub referrals: BTreeMap<String, Sent>,
    /// How often each answer was given.
    pub answers: BTreeMap<String, u64>,
}

/// Who acts: the clients, and what they have written.
pub struct Cast {
    seed: u64,
    clients: BTreeMap<String, Client>,
    log_size: u64,
    new: AtomicU64,
    found: AtomicU64,
    refused: AtomicU64,
    written: Mutex<Written>,
}

/// Who writes: the agency and its officer.
pub type Who = (&'static str, &'static str);

impl Cast {
    /// Connects every agency of the world.
    pub async fn assemble(world: &Path, seed: u64) -> anyhow::Result<Self> {
        let mut clients = BTreeMap::new();
        let agencies = world.join("agencies");
        let folders = std::fs::read_dir(&agencies).with_context(|| format!("no world in {}; start one with `bryggad dev`", world.display()))?;
        for entry in folders {
            let folder = entry?.path();
            if folder.join(CLIENT_FILE).is_file() {
                let config = client_config(&folder)?;
                clients.insert(config.agency.to_string(), Client::connect(&config)?);
            }
        }
        let police = clients.get(POLICE).context("the world has no police; is it one of `bryggad dev`?")?;
        let head = police.checkpoint().await.context("the broker does not answer; start it with `bryggad dev` in another terminal")?;
        let (new, found, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { seed, log_size: head.size, clients, new, found, refused, written: Mutex::default() })
    }

    /// Entries of the log before anything was sent.
    pub fn log_size(&self) -> u64 {
        self.log_size
    }

    /// An agency's client.
    pub fn client(&self, agency: &str) -> anyhow::Result<&Client> {
        self.clients.get(agency).with_context(|| format!("the world has no agency {agency}"))
    }

    /// What has been written so far.
    pub fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes that are new, that were there already, and that the broker refused.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.new.load(Ordering::Relaxed), self.found.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// A UUID that follows from the seed and from what it is for.
    pub fn uuid(&self, key: &str) -> String {
        let digest = Sha256::digest(format!("brygga dev seed {} {key}", self.seed));
        let bytes: [u8; 16] = std::array::from_fn(|place| digest.get(place).copied().unwrap_or_default());
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Writes, under the id of its key.
    pub async fn write<W: Write>(&self, (agency, officer): Who, key: &str, mut request: W) -> anyhow::Result<W::Response> {
        self.prepare(officer, key, &mut request);
        let answer = self.client(agency)?.write(request).await.with_context(|| key.to_owned())?;
        // A repeat gets the receipt of the first time, and that is under an earlier head.
        let counter = if answer.proof.checkpoint().size <= self.log_size { &self.found } else { &self.new };
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(answer.response)
    }

    /// Writes what the rules refuse, as happens in life; it is a fault if they do not.
    pub async fn write_refused<W: Write>(&self, (agency, officer): Who, key: &str, mut request: W) -> anyhow::Result<()> {
        self.prepare(officer, key, &mut request);
        match self.client(agency)?.write(request).await {
            Err(ClientError::Answered(answered)) if answered.is_definite() => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(error).with_context(|| key.to_owned()),
            Ok(_) => bail!("{key}: the broker took what its rules refuse"),
        }
    }

    fn prepare<W: Write>(&self, officer: &str, key: &str, request: &mut W) {
        let head = request.head_mut();
        *head.request_id = self.uuid(key);
        officer.clone_into(head.officer);
    }

    /// Submits, and remembers what was sent.
    pub async fn submit(&self, who: Who, key: &str, host: &'static str, letter: (&'static str, v1::SubmitReferralRequest)) -> anyhow::Result<Sent> {
        let (recipient, mut request) = letter;
        recipient.clone_into(&mut request.recipient);
        let kind = ReferralKind::from_number(request.kind).context("a kind without a number")?;
        let answer = self.write(who, key, request).await?;
        let view = answer.referral.context("an answer without a referral")?;
        let sent = Sent { id: view.id, kind, sender: who.0, host, recipient, thread: view.thread_id };
        self.written().referrals.insert(key.to_owned(), sent.clone());
        Ok(sent)
    }

    /// Opens a referral, once: a repeat would ask the gate again, which may have another answer by now.
    pub async fn open(&self, who: Who, key: &str, sent: &Sent) -> anyhow::Result<()> {
        let name = v1::get_referral_request::Name::Referral(sent.id.clone());
        let view = self
            .client(sent.sender)?
            .get_referral(v1::GetReferralRequest { name: Some(name), ..Default::default() })
            .await?
            .referral
            .context("an answer without a referral")?;
        let waits = |section: &v1::SectionClearance| section.offered && section.released_revision < section.revision;
        let recipient = self.client(who.0)?.get_function(v1::GetFunctionRequest { function: sent.recipient.to_owned() }).await?;
        let checks = recipient.function.is_some_and(|function| function.conflict_step);
        if view.sections.iter().any(waits) {
            let open = v1::OpenReferralRequest { referral: sent.id.clone(), ..Default::default() };
            if checks {
                self.write(who, &format!("{key} names"), v1::OpenReferralRequest { names_only: true, ..open.clone() }).await?;
            }
            self.write(who, key, open).await?;
        } else {
            self.found.fetch_add(1 + u64::from(checks), Ordering::Relaxed);
        }
        self.tally("opened");
        Ok(())
    }

    /// Counts an answer.
    pub fn tally(&self, answer: &str) {
        *self.written().answers.entry(answer.to_owned()).or_default() += 1;
    }
}

/// The settings in an agency's folder.
fn client_config(folder: &Path) -> anyhow::Result<ClientConfig> {
    let path = folder.join(CLIENT_FILE);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let file: ClientFile = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let read = |name: &Path| {
        let path = folder.join(name);
        std::fs::read(&path).with_context(|| path.display().to_string())
    };
    Ok(ClientConfig {
        endpoint: file.endpoint.clone(),
        server_name: file.server_name.clone(),
        ca_pem: read(&file.ca)?,
        cert_pem: read(&file.certificate)?,
        key_pem: read(&file.key)?,
        agency: file.agency.parse().map_err(|_| anyhow::anyhow!("{}: no name of an agency", path.display()))?,
        functions: file.functions.iter().filter_map(|function| function.parse().ok()).collect(),
        log_key: file.log_key.clone(),
        pin: folder.join(&file.pin),
        deadlines: Deadlines::default(),
    })
}
