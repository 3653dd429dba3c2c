//! Commands that are kept until the broker has proved that it has them.
//!
//! A command is on this machine's disk before it is sent, and leaves it only after its receipt was verified; what the broker
//! refuses for good is moved aside with the reason. The bytes are those that are sent each time, so that a repeat after a crash
//! is known as one. The files hold content: the folder is for its owner alone, and no name in it says anything.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use brygga_wire::contract::WriteRequest;
use brygga_wire::v1;
use sha2::{Digest, Sha256};

use crate::client::{Answer, Client};
use crate::error::ClientError;
use crate::pin::{beside, make_private_folder, sync_folder, write_private};
use crate::random;
use crate::verify::Verified;
use crate::write::Write;

/// Most commands that wait.
pub const OUTBOX_COMMANDS_MAX: usize = 10_000;

/// What the names of kept commands end with.
const SUFFIX: &str = ".command";
/// What the names of files end with until they are whole.
const HALF_WRITTEN: &str = ".new";
/// First line of a kept command.
const FORMAT: &str = "brygga-outbox 1";
/// Digits of the number that keeps the order.
const SEQUENCE_DIGITS: usize = 20;

/// Why the outbox can't keep or deliver.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// A file can't be read, written or moved.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is full: nothing was kept, nothing was sent.
    #[error("{OUTBOX_COMMANDS_MAX} commands wait already")]
    Full,
    /// The request's id is not a UUID in its usual form.
    #[error("the request's id is not a UUID")]
    RequestId,
    /// Another process is delivering.
    #[error("another process is delivering from {}", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The command is kept and was not delivered.
    #[error("the command is kept and was not delivered")]
    Client(#[source] ClientError),
    /// The task that wrote the file ended.
    #[error("the outbox's writer stopped")]
    Stopped,
}

/// A command that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the order of keeping.
    pub sequence: u64,
    /// Its id.
    pub request_id: String,
    path: PathBuf,
}

/// What became of one command.
#[derive(Debug)]
pub struct Delivery {
    /// Its id.
    pub request_id: String,
    /// The method's path; empty when the file can't be read.
    pub method: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a command.
#[derive(Debug)]
pub enum Outcome {
    /// Delivered, its receipt verified, and removed.
    Delivered(Box<Verified>),
    /// Refused for good, and moved to `refused/` with the reason.
    Refused(ClientError),
    /// Not delivered, and kept.
    Waiting(ClientError),
    /// Not tried, because the one before could not be delivered; kept.
    NotTried,
    /// The file is damaged, or another agency's; it stays where it is.
    Damaged,
}

/// A write that may wait. Not those whose answer is the point: opening, and questions to the log.
pub trait Keep: Write {
    /// Whether it goes before all others: it stops a disclosure.
    const FIRST: bool;
}

macro_rules! kept {
    ($($request:ident $first:literal;)*) => {
        $(impl Keep for v1::$request {
            const FIRST: bool = $first;
        })*

        /// Whether a method's commands go before all others; `None`: not a method whose commands are kept.
        fn goes_first(method: &str) -> Option<bool> {
            $(if method == v1::$request::PATH {
                return Some($first);
            })*
            None
        }

        /// Sends the bytes of a kept command; `None` when they are not what was written.
        async fn send(client: &Client, method: &str, body: &[u8]) -> Option<Result<Verified, ClientError>> {
            $(if method == v1::$request::PATH {
                return Some(Box::pin(client.write(exactly::<v1::$request>(body)?)).await.map(|answer| answer.proof));
            })*
            None
        }
    };
}

kept! {
    WithdrawConsentRequest true;
    RetractReferralRequest true;
    RecordOfferRequest false;
    SubmitReferralRequest false;
    AmendReferralRequest false;
    RecordConsentRequest false;
    DecideClearanceRequest false;
    ConfirmClearanceRequest false;
    RevokeClearanceRequest false;
    DeclareEmergencyRequest false;
    ReviewEmergencyRequest true;
    ClaimReferralRequest false;
    AcknowledgeDeliveryRequest false;
    ConfirmImportRequest false;
    AcceptReferralRequest false;
    DeclineReferralRequest false;
    ReturnReferralRequest false;
    RecordContactRequest false;
    CloseReferralRequest false;
    AcknowledgeStopUseRequest false;
    AcknowledgeRecallRequest false;
}

/// The message of these bytes, if it is sent as exactly these bytes again.
fn exactly<W: Write>(body: &[u8]) -> Option<W> {
    W::decode(body).ok().filter(|request| request.encode_to_vec() == body && random::is_request_id(request.request_id()))
}

/// A folder of commands.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Opens a folder, or makes it. What a crash left half written is removed: it was never sent.
    pub fn open(folder: &Path) -> Result<Self, OutboxError> {
        let outbox = Self { folder: folder.to_owned() };
        for folder in [folder, &outbox.refused_folder()] {
            let owned = || fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
            make_private_folder(folder).and_then(|()| owned()).map_err(|source| failed("making", folder, source))?;
        }
        let lock = outbox.lock(".keeping")?;
        for name in outbox.names()?.iter().filter(|name| name.strip_suffix(HALF_WRITTEN).is_some()) {
            let path = outbox.folder.join(name);
            fs::remove_file(&path).map_err(|source| failed("removing", &path, source))?;
        }
        drop(lock);
        Ok(outbox)
    }

    /// Where refused commands lie, each with its reason beside it.
    pub fn refused_folder(&self) -> PathBuf {
        self.folder.join("refused")
    }

    /// The commands that wait, in the order in which they were kept.
    pub fn waiting(&self) -> Result<Vec<Kept>, OutboxError> {
        let mut kept: Vec<Kept> = self.names()?.iter().filter_map(|name| self.parse_name(name)).collect();
        kept.sort_by_key(|kept| kept.sequence);
        Ok(kept)
    }

    /// Gives a command its id and keeps it; on the disk when this returns. The same id is kept once.
    pub fn keep<W: Keep>(&self, client: &Client, request: &mut W) -> Result<Kept, OutboxError> {
        client.prepare(request).map_err(OutboxError::Client)?;
        let request_id = request.request_id().to_owned();
        if !random::is_request_id(&request_id) {
            return Err(OutboxError::RequestId);
        }
        let lock = self.lock(".keeping")?;
        let waiting = self.waiting()?;
        if let Some(kept) = waiting.iter().find(|kept| kept.request_id == request_id) {
            return Ok(kept.clone());
        }
        if waiting.len() >= OUTBOX_COMMANDS_MAX {
            return Err(OutboxError::Full);
        }
        let sequence = waiting.last().map_or(1, |last| last.sequence.saturating_add(1));
        let path = self.folder.join(format!("{sequence:0SEQUENCE_DIGITS$}-{request_id}{SUFFIX}"));
        let bytes = command_bytes(W::PATH, client.agency().as_str(), &request.encode_to_vec());
        write_private(&path, &bytes).map_err(|source| failed("writing", &path, source))?;
        drop(lock);
        Ok(Kept { sequence, request_id, path })
    }

    /// Keeps a command, sends it, and gives the verified answer. When it can't be delivered it stays kept.
    pub async fn deliver<W: Keep>(&self, client: &Client, mut request: W) -> Result<Answer<W::Response>, OutboxError> {
        let (outbox, keeper) = (self.clone(), client.clone());
        let keeping = move || outbox.keep(&keeper, &mut request).map(|kept| (kept, request));
        let (kept, request) = tokio::task::spawn_blocking(keeping).await.map_err(|_| OutboxError::Stopped)??;
        match Box::pin(client.write(request)).await {
            Ok(answer) => {
                remove(&kept)?;
                Ok(answer)
            }
            Err(error) => {
                if is_definite(&error) {
                    self.set_aside(&kept, &error)?;
                }
                Err(OutboxError::Client(error))
            }
        }
    }

    /// Delivers what waits, what stops a disclosure first, and else in the order of keeping. Stops at the first command that
    /// can't be delivered for a reason that is not its own.
    pub async fn deliver_all(&self, client: &Client) -> Result<Vec<Delivery>, OutboxError> {
        let path = self.folder.join(".delivering.lock");
        let lock = open_lock(&path)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => OutboxError::Busy { path: self.folder.clone() },
            fs::TryLockError::Error(source) => failed("locking", &path, source),
        })?;
        let mut commands: Vec<(Kept, Option<Command>)> = Vec::new();
        for kept in self.waiting()? {
            let command = read(&kept, client.agency().as_str())?;
            commands.push((kept, command));
        }
        let rank = |command: &Option<Command>| command.as_ref().is_none_or(|command| !command.first);
        commands.sort_by_key(|(kept, command)| (rank(command), kept.sequence));
        let mut deliveries = Vec::with_capacity(commands.len());
        let mut stopped = false;
        for (kept, command) in commands {
            let method = command.as_ref().map(|command| command.method.clone()).unwrap_or_default();
            let outcome = match command {
                None => Outcome::Damaged,
                Some(_) if stopped => Outcome::NotTried,
                Some(command) => self.deliver_one(client, &kept, &command).await?,
            };
            stopped |= matches!(outcome, Outcome::Waiting(_));
            deliveries.push(Delivery { request_id: kept.request_id, method, outcome });
        }
        drop(lock);
        Ok(deliveries)
    }

    async fn deliver_one(&self, client: &Client, kept: &Kept, command: &Command) -> Result<Outcome, OutboxError> {
        match send(client, &command.method, &command.body).await {
            None => Ok(Outcome::Damaged),
            Some(Ok(proof)) => {
                remove(kept)?;
                Ok(Outcome::Delivered(Box::new(proof)))
            }
            Some(Err(error)) if is_definite(&error) => {
                self.set_aside(kept, &error)?;
                Ok(Outcome::Refused(error))
            }
            Some(Err(error)) => Ok(Outcome::Waiting(error)),
        }
    }

    /// Moves a command to `refused/`. The reason is written first: what lies there always says why.
    fn set_aside(&self, kept: &Kept, error: &ClientError) -> Result<(), OutboxError> {
        let Some(name) = kept.path.file_name() else { return Ok(()) };
        let target = self.refused_folder().join(name);
        let why = beside(&target, ".reason.json");
        write_private(&why, reason(kept, error).as_bytes()).map_err(|source| failed("writing", &why, source))?;
        fs::rename(&kept.path, &target).map_err(|source| failed("moving", &kept.path, source))?;
        sync_folder(&target).and_then(|()| sync_folder(&kept.path)).map_err(|source| failed("syncing the folder of", &target, source))
    }

    fn names(&self) -> Result<Vec<String>, OutboxError> {
        let reading = |source| failed("reading", &self.folder, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(reading)? {
            names.extend(entry.map_err(reading)?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn parse_name(&self, name: &str) -> Option<Kept> {
        let (sequence, request_id) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        let sequence = sequence.parse().ok().filter(|_| sequence.len() == SEQUENCE_DIGITS)?;
        random::is_request_id(request_id).then(|| Kept { sequence, request_id: request_id.to_owned(), path: self.folder.join(name) })
    }

    fn lock(&self, name: &str) -> Result<File, OutboxError> {
        let path = self.folder.join(format!("{name}.lock"));
        let file = open_lock(&path)?;
        file.lock().map_err(|source| failed("locking", &path, source))?;
        Ok(file)
    }
}

fn remove(kept: &Kept) -> Result<(), OutboxError> {
    match fs::remove_file(&kept.path) {
        Ok(()) => {}
        // Another process of this agency has delivered the same command.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("removing", &kept.path, source)),
    }
    sync_folder(&kept.path).map_err(|source| failed("syncing the folder of", &kept.path, source))
}

/// The command of a file; `None` when it is damaged or another agency's.
fn read(kept: &Kept, agency: &str) -> Result<Option<Command>, OutboxError> {
    let bytes = fs::read(&kept.path).map_err(|source| failed("reading", &kept.path, source))?;
    Ok(Command::parse(&bytes, agency))
}

fn open_lock(path: &Path) -> Result<File, OutboxError> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(|source| failed("opening", path, source))
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> OutboxError {
    OutboxError::Io { doing, path: path.to_owned(), source }
}

/// Whether sending the same command again can never help.
fn is_definite(error: &ClientError) -> bool {
    error.answered().is_some_and(crate::error::Answered::is_definite)
}

/// Why a command was refused, for whoever finds it.
fn reason(kept: &Kept, error: &ClientError) -> String {
    let violations: Vec<_> = error.violations().iter().map(|fault| serde_json::json!({ "field": fault.field, "description": fault.description })).collect();
    let text = error.answered().map_or_else(String::new, |answered| answered.text.clone());
    let reason = serde_json::json!({ "request_id": kept.request_id, "reason": error.name(), "text": text, "violations": violations });
    format!("{reason:#}\n")
}

/// A kept command: four lines, an empty one, and the request's bytes.
struct Command {
    method: String,
    first: bool,
    body: Vec<u8>,
}

fn command_bytes(method: &str, agency: &str, body: &[u8]) -> Vec<u8> {
    let digest = hex::encode(Sha256::digest(body));
    let mut bytes = format!("{FORMAT}\n{method}\n{agency}\n{digest}\n\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Command {
    fn parse(bytes: &[u8], agency: &str) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, body) = bytes.split_at_checked(end)?;
        let body = body.get(2..)?;
        let mut lines = str::from_utf8(head).ok()?.split('\n');
        let (format, method, owner, digest) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
        let first = goes_first(method)?;
        let whole = format == FORMAT && owner == agency && digest == hex::encode(Sha256::digest(body)) && lines.next().is_none();
        whole.then(|| Self { method: method.to_owned(), first, body: body.to_owned() })
    }
}
