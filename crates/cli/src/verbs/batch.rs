//! `referral submit --batch`: many submissions over one stream, and nothing twice however often the file is run.
//!
//! The key of a line is drawn from its own bytes, and from how many lines before it are the same: a file that is run again after a
//! break, or with one line mended, repeats what was submitted and submits the rest. So a line must say the same each time: it
//! names moments, never times that count from now, unless `--now` holds them.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use brygga_client::{Answer, ClientError, ReferralStream, v1};
use prost::Message as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::IsTerminal as _;
use tokio::task::JoinHandle;

use super::submit::stored;
use crate::args::Format;
use crate::desk::{Desk, FILE_BYTES_MAX, logged, whole};
use crate::failure::Failure;
use crate::message::InputFault;
use crate::settings::Settings;
use crate::{local, message};

/// Lines that are under way at a time.
const LINES_AT_ONCE_MAX: usize = 256;
/// Where no terminal shows progress, a line of talk tells it after so many.
const TOLD_EVERY_LINES: usize = 1000;
/// Much later than now, at another hour: a line that says the same then says it always.
const LATER_HOURS: i64 = 40 * 24 + 7;
/// Keeps the keys of lines apart from everything else that is hashed.
const KEY_DOMAIN: &[u8] = b"brygga batch line 1\0";
/// Exit code of what may pass when it is tried again; from here on the rest of the file is not tried now.
const EXIT_UNAVAILABLE: u8 = brygga_client::EXIT_UNAVAILABLE;

/// What became of a line.
type Outcome = Result<Reached, Failure>;
/// How far a line came.
enum Reached {
    /// It was checked here, with these warnings, and not sent.
    Door(Vec<v1::Warning>),
    /// It is on record.
    Log(Box<Answer<v1::SubmitReferralResponse>>),
}
/// A line whose turn to be told has not come.
enum Line {
    /// It was refused or checked here.
    Known(Outcome),
    /// It is on its way.
    Sent(JoinHandle<Result<Answer<v1::SubmitReferralResponse>, ClientError>>),
}
/// Lines by their numbers, in order.
type Underway = VecDeque<(usize, Line)>;

/// `referral submit --batch`.
pub async fn submit(desk: &mut Desk<'_>, file: &Path) -> Result<(), Failure> {
    if desk.common.request_id.is_some() {
        return Err(Failure::usage("each line of a batch has its own key; --request-id is for one write"));
    }
    // It is read twice, to be counted and to be sent: a pipe would be empty the second time.
    if !std::fs::metadata(file).map_err(|error| cannot_read(file, &error))?.is_file() {
        return Err(Failure::usage(format!("{} is no file; write the lines into one", file.display())));
    }
    let settings = if desk.common.dry_run { desk.settings().ok() } else { Some(desk.settings()?) };
    let stream = if desk.common.dry_run { None } else { Some(desk.client()?.0.stream_referrals()) };
    let total = lines(file)?.count();
    let mut batch = Batch { file, total, done: 0, refused: 0, worst: 0, assessed_each: HashMap::new(), same: HashMap::new() };
    let progress = super::watch::progress(desk, total, "submitting");
    let mut underway = Underway::new();
    for (number, line) in (1..).zip(lines(file)?) {
        let line = line.map_err(|error| cannot_read(file, &error))?;
        if batch.worst >= EXIT_UNAVAILABLE {
            break;
        }
        let prepared = batch.prepare(desk, &line, settings.as_ref());
        match (prepared, &stream) {
            (Err(failure), _) => underway.push_back((number, Line::Known(Err(failure)))),
            (Ok(None), _) => {}
            (Ok(Some(request)), None) => {
                let checked = local::check(request, settings.as_ref().map(|settings| &settings.client.agency));
                underway.push_back((number, Line::Known(checked.map(Reached::Door))));
            }
            (Ok(Some(request)), Some(stream)) => underway.push_back((number, Line::Sent(begin(stream, request)))),
        }
        if underway.len() >= LINES_AT_ONCE_MAX {
            batch.finish_first(desk, &mut underway).await?;
        }
        progress.set_position(u64::try_from(batch.done).unwrap_or(u64::MAX));
    }
    while !underway.is_empty() {
        batch.finish_first(desk, &mut underway).await?;
        progress.set_position(u64::try_from(batch.done).unwrap_or(u64::MAX));
    }
    progress.finish_and_clear();
    batch.sum_up(desk)
}

fn begin(stream: &ReferralStream, request: v1::SubmitReferralRequest) -> JoinHandle<Result<Answer<v1::SubmitReferralResponse>, ClientError>> {
    let stream = stream.clone();
    #[expect(clippy::disallowed_methods, reason = "every task is joined before the command ends")]
    tokio::spawn(async move { stream.call(request).await })
}

/// The lines of the file, none longer than a file of one submission may be.
fn lines(file: &Path) -> Result<impl Iterator<Item = std::io::Result<Vec<u8>>> + use<>, Failure> {
    let mut reader = BufReader::new(File::open(file).map_err(|error| cannot_read(file, &error))?);
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = reader.by_ref().take(FILE_BYTES_MAX).read_until(b'\n', &mut line);
        match read {
            Ok(0) => None,
            Ok(_) => Some(Ok(line.trim_ascii().to_vec())),
            Err(error) => Some(Err(error)),
        }
    }))
}

fn cannot_read(file: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read: {error}", file.display()))
}

struct Batch<'a> {
    file: &'a Path,
    total: usize,
    done: usize,
    refused: usize,
    worst: u8,
    /// Which kinds are not for a batch, as far as they were asked for.
    assessed_each: HashMap<i32, bool>,
    /// How often each line was there already.
    same: HashMap<[u8; 32], u64>,
}

impl Batch<'_> {
    /// The request of a line; `None`: an empty line.
    fn prepare(&mut self, desk: &Desk<'_>, line: &[u8], settings: Option<&Settings>) -> Result<Option<v1::SubmitReferralRequest>, Failure> {
        if line.is_empty() {
            self.done = self.done.saturating_add(1);
            return Ok(None);
        }
        let key = self.key(line);
        let refused = |what: &str| Failure::input(&self.file.display().to_string(), &InputFault { path: String::new(), what: what.to_owned() });
        let text = str::from_utf8(line).map_err(|_| refused("not UTF-8"))?;
        let mut request: v1::SubmitReferralRequest = read(text, desk.now)?;
        let kind = request.kind;
        if *self.assessed_each.entry(kind).or_insert_with(|| local::is_assessed_each(kind)) {
            return Err(refused("of that kind each is assessed on its own: submit it by itself, without --batch"));
        }
        if desk.common.now.is_none() {
            let later: v1::SubmitReferralRequest = read(text, desk.now.checked_add(jiff::Span::new().hours(LATER_HOURS)).unwrap_or(jiff::Timestamp::MIN))?;
            if later.encode_to_vec() != request.encode_to_vec() {
                return Err(refused("times that count from now say another thing each time; name moments, or give --now"));
            }
        }
        if request.request_id.is_empty() {
            request.request_id = key;
        }
        let officer = request.officer.clone();
        desk.head(&mut request, &officer, settings)?;
        Ok(Some(request))
    }

    /// The key of a line.
    fn key(&mut self, line: &[u8]) -> String {
        let digest: [u8; 32] = Sha256::digest(line).into();
        let before = self.same.entry(digest).or_default();
        let hash: [u8; 32] = Sha256::new().chain_update(KEY_DOMAIN).chain_update(digest).chain_update(before.to_be_bytes()).finalize().into();
        *before = before.saturating_add(1);
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash).for_each(|(slot, byte)| *slot = byte);
        uuid::Builder::from_custom_bytes(bytes).into_uuid().as_hyphenated().to_string()
    }

    async fn finish_first(&mut self, desk: &mut Desk<'_>, underway: &mut Underway) -> Result<(), Failure> {
        let Some((number, line)) = underway.pop_front() else { return Ok(()) };
        let outcome = match line {
            Line::Known(known) => known,
            Line::Sent(answer) => {
                let answer = answer.await.map_err(|error| Failure::io("a line of the batch", &std::io::Error::other(error)))?;
                answer.map(|answer| Reached::Log(Box::new(answer))).map_err(|error| Failure::client(&error))
            }
        };
        self.tell(desk, number, outcome)
    }

    fn tell(&mut self, desk: &mut Desk<'_>, number: usize, outcome: Outcome) -> Result<(), Failure> {
        self.done = self.done.saturating_add(1);
        match outcome {
            Ok(Reached::Log(answer)) => {
                let referral = answer.response.referral.clone().unwrap_or_default();
                desk.warn(&format!("line {number}, "), &answer.response.warnings)?;
                desk.item(&logged(&format!("line {number:<6}{}", stored(&referral)), &answer), numbered(number, whole(&answer)))?;
            }
            Ok(Reached::Door(warnings)) => {
                desk.warn(&format!("line {number}, "), &warnings)?;
                desk.item(&format!("line {number:<6}checked    here only; nothing was sent"), json!({ "line": number, "checked": true, "sent": false }))?;
            }
            Err(failure) => {
                self.refused = self.refused.saturating_add(1);
                self.worst = self.worst.max(failure.exit());
                if desk.format() == Format::Table {
                    let about: Vec<String> = failure.subjects().iter().map(|about| format!("; {about}")).collect();
                    let about = about.concat();
                    desk.talk(&format!("line {number:<6}{} [{}]{about}", failure.happened().trim_end(), failure.code()))?;
                } else {
                    let whole =
                        json!({ "line": number, "code": failure.code(), "happened": failure.happened(), "about": failure.subjects(), "exit": failure.exit() });
                    desk.item("", whole)?;
                }
            }
        }
        let told = self.done.is_multiple_of(TOLD_EVERY_LINES) && desk.format() == Format::Table && !std::io::stderr().is_terminal();
        if told { desk.talk(&format!("submitting {} of {} lines", self.done, self.total)) } else { Ok(()) }
    }

    fn sum_up(&self, desk: &mut Desk<'_>) -> Result<(), Failure> {
        let left = self.total.saturating_sub(self.done);
        if self.worst == 0 {
            return Ok(());
        }
        desk.talk(&format!("{} of {} lines were not submitted", self.refused.saturating_add(left), self.total))?;
        desk.talk("running the same file again, mended or not, submits nothing twice within 30 days")?;
        Err(Failure::said(self.worst))
    }
}

fn read(text: &str, now: jiff::Timestamp) -> Result<v1::SubmitReferralRequest, Failure> {
    message::read(text, now).map_err(|fault| Failure::input("the line", &fault))
}

fn numbered(number: usize, whole: Value) -> Value {
    match whole {
        Value::Object(mut object) => {
            object.insert(String::from("line"), number.into());
            Value::Object(object)
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_key_whatever_stands_around_it() {
        let keys = |lines: &[&str]| {
            let mut batch = Batch { file: Path::new("x"), total: 0, done: 0, refused: 0, worst: 0, assessed_each: HashMap::new(), same: HashMap::new() };
            lines.iter().map(|line| batch.key(line.as_bytes())).collect::<Vec<_>>()
        };
        let first = keys(&["a", "b", "a", "c"]);
        let mended = keys(&["a", "B", "a", "c", "d"]);
        assert_eq!((&first[0], &first[2], &first[3]), (&mended[0], &mended[2], &mended[3]));
        assert_ne!(first[1], mended[1]);
        assert_ne!(first[0], first[2], "a line that stands twice is submitted twice");
        assert!(first.iter().all(|key| crate::desk::request_id(key).is_ok()));
    }
}
