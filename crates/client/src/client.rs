//! An agency's client: one connection, one pin, and no answer that was not verified.

use std::sync::Arc;

use brygga_domain::{AgencyId, FunctionId};
use brygga_merkle::{Checkpoint, NoteKey};
use brygga_wire::contract::WriteResponse;
use brygga_wire::v1;
use bytes::Bytes;
use prost::Message;
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus};

use crate::call;
use crate::chain::Chain;
use crate::config::{ClientConfig, Deadlines};
use crate::error::{ClientError, ConfigError};
use crate::notes::Notes;
use crate::pin::PinFile;
use crate::random;
use crate::refused::Refused;
use crate::transport;
use crate::verify::{self, Verified};
use crate::write::{Caller, Write};

/// A verified answer to a write.
#[derive(Clone)]
pub struct Answer<R> {
    /// What the broker answered. Its receipt can be exported.
    pub response: R,
    /// What its receipt proves.
    pub proof: Verified,
    /// The request's id, under which the same answer can be had again.
    pub request_id: String,
}

/// A client. Cloning is cheap; clones share the connection and the pin.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    officer: Option<Arc<str>>,
}

struct Shared {
    channel: Channel,
    deadlines: Deadlines,
    caller: Caller,
    notes: Notes,
    chain: Chain,
}

impl Client {
    /// Checks the settings and reads the pin. The connection is made when it is first needed. Needs a running Tokio runtime.
    pub fn connect(config: &ClientConfig) -> Result<Self, ClientError> {
        let key = NoteKey::parse(config.log_key.trim()).map_err(|source| ClientError::Config(ConfigError::LogKey(source)))?;
        let channel = transport::channel(config).map_err(ClientError::Config)?;
        let pin = PinFile::open(&config.pin, &key).map_err(ClientError::Pin)?;
        let caller = Caller::new(config.agency.clone(), config.functions.clone()).map_err(|source| ClientError::Config(ConfigError::Grounds(source)))?;
        let shared = Shared { channel, deadlines: config.deadlines, caller, notes: Notes::new(key), chain: Chain::new(pin) };
        Ok(Self { shared: Arc::new(shared), officer: None })
    }

    /// The same client with the officer who is named in every write that names none.
    #[must_use]
    pub fn as_officer(&self, officer: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), officer: Some(Arc::from(officer)) }
    }

    /// The agency.
    pub fn agency(&self) -> &AgencyId {
        &self.shared.caller.agency
    }

    /// Its functions, where they were given.
    pub fn functions(&self) -> &[FunctionId] {
        &self.shared.caller.functions
    }

    /// The log's key.
    pub fn log_key(&self) -> &NoteKey {
        self.shared.notes.key()
    }

    /// How long it waits.
    pub fn deadlines(&self) -> &Deadlines {
        &self.shared.deadlines
    }

    /// The head of the log that is pinned; `None`: nothing was verified yet.
    pub fn pin(&self) -> Option<Checkpoint> {
        self.shared.chain.pin()
    }

    /// The pin's signed note.
    pub fn pinned_note(&self) -> Option<Bytes> {
        self.shared.chain.note()
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.shared.channel
    }

    /// Gives a request its officer, its id and the pin.
    ///
    /// A request that has an id already is a repeat: the broker knows it by its bytes, so nothing but a missing officer is
    /// filled in, and that is the same each time.
    pub fn prepare<W: Write>(&self, request: &mut W) -> Result<(), ClientError> {
        let head = request.head_mut();
        if let (true, Some(officer)) = (head.officer.is_empty(), &self.officer) {
            officer.as_ref().clone_into(head.officer);
        }
        if head.request_id.is_empty() {
            *head.request_id = random::request_id().ok_or(ClientError::Random)?;
            *head.pinned_size = self.shared.chain.latest().map_or(0, |head| head.size);
        }
        Ok(())
    }

    /// Writes: one id over all tries, then the receipt is verified and the pin moved, and only then the answer is given.
    pub async fn write<W: Write>(&self, mut request: W) -> Result<Answer<W::Response>, ClientError> {
        self.prepare(&mut request)?;
        let request_id = request.request_id().to_owned();
        let response: W::Response = call::unary(self.channel(), self.deadlines(), (W::PATH, &request_id), &request).await?;
        let proof = self.accept(&request, &response).await?;
        Ok(Answer { response, proof, request_id })
    }

    /// Verifies an answer and moves the pin.
    pub(crate) async fn accept<W: Write>(&self, request: &W, response: &W::Response) -> Result<Verified, ClientError> {
        let request_id = request.request_id();
        let refused = |refused| ClientError::refused(refused, request_id);
        let proof = verify::receipt_under(response.receipt(), self.log_key(), |note| self.open_note(note)).map_err(refused)?;
        self.link((proof.checkpoint(), proof.note()), response.consistency(), request_id).await?;
        request.check(response, &proof, &self.shared.caller).map_err(refused)?;
        Ok(proof)
    }

    /// Opens a signed note under the log's key; one that was verified before is not verified again.
    pub(crate) fn open_note(&self, note: &Bytes) -> Result<Checkpoint, Refused> {
        self.shared.notes.open(note)
    }

    /// Shows that a head and the pin are of one history. The pin moves when an answer under that head is accepted.
    pub(crate) async fn link_head(&self, head: (&Checkpoint, &Bytes), offered: Option<&v1::ConsistencyProof>, request_id: &str) -> Result<(), ClientError> {
        let fetch = |from_size, to_size| self.fetch_consistency(from_size, to_size);
        self.shared.chain.link_head(head, offered, &fetch, request_id).await
    }

    /// Shows that a head and the pin are of one history, and moves the pin.
    pub(crate) async fn link(&self, head: (&Checkpoint, &Bytes), offered: Option<&v1::ConsistencyProof>, request_id: &str) -> Result<(), ClientError> {
        let fetch = |from_size, to_size| self.fetch_consistency(from_size, to_size);
        self.shared.chain.link(head, offered, fetch, request_id).await
    }

    /// A log that says no has no such proof; a log that can't be reached may have one later.
    async fn fetch_consistency(&self, from_size: u64, to_size: u64) -> Result<Option<v1::ConsistencyProof>, ClientError> {
        match self.get_consistency_proof(v1::GetConsistencyProofRequest { from_size, to_size }).await {
            Ok(answer) => Ok(answer.consistency),
            Err(ClientError::Answered(answered)) if answered.is_definite() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads, and repeats what may pass.
    pub(crate) async fn read<Q, R>(&self, path: &'static str, request: Q) -> Result<R, ClientError>
    where
        Q: Message + Clone + 'static,
        R: Message + Default + 'static,
    {
        call::unary(self.channel(), self.deadlines(), (path, ""), &request).await
    }

    /// The latest head of the log, verified against the pin, which moves there.
    pub async fn checkpoint(&self) -> Result<Checkpoint, ClientError> {
        let pinned_size = self.pin().map_or(0, |pin| pin.size);
        let answer = self.get_checkpoint(v1::GetCheckpointRequest { pinned_size }).await?;
        let checkpoint = self.open_note(&answer.checkpoint).map_err(|refused| ClientError::refused(refused, ""))?;
        self.link((&checkpoint, &answer.checkpoint), answer.consistency.as_ref(), "").await?;
        Ok(checkpoint)
    }

    /// Whether a service of the broker says that it serves; an empty name asks about the broker as a whole.
    pub async fn is_serving(&self, service: &str) -> Result<bool, ClientError> {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer: HealthCheckResponse = self.read("/grpc.health.v1.Health/Check", request).await?;
        Ok(answer.status() == ServingStatus::Serving)
    }
}
