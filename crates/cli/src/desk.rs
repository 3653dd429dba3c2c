//! What every command works at: where it prints, who acts, and how a write is sent.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use brygga_client::outbox::Keep;
use brygga_client::{Answer, Client, Outbox};
use brygga_domain::Position;
use brygga_wire::contract::WriteRequest;
use brygga_wire::v1;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use crate::args::{Common, Format};
use crate::failure::Failure;
use crate::local::{self, Checked};
use crate::message::{self, Known};
use crate::render::table;
use crate::settings::{self, Settings};

/// How long a command may say nothing.
const QUIET: Duration = Duration::from_secs(2);
/// Largest file that is read as a request.
pub const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// One command's place of work.
pub struct Desk<'a> {
    /// For data.
    pub out: &'a mut (dyn Write + Send),
    /// For everything else.
    pub err: &'a mut (dyn Write + Send),
    /// What every command may be told.
    pub common: Common,
    /// The moment of the command.
    pub now: Timestamp,
}

/// A list as every format shows it.
pub struct List {
    /// Heads of the columns.
    pub heads: &'static [&'static str],
    /// The rows, one text for each column.
    pub rows: Vec<Vec<String>>,
    /// The same, whole.
    pub items: Vec<Value>,
    /// What is said when there is nothing.
    pub empty: &'static str,
}

impl Desk<'_> {
    /// Prints a line of data.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", text.trim_end()).map_err(|_| Failure::closed())
    }

    /// Prints a line of talk.
    pub fn talk(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.err, "{text}").map_err(|_| Failure::closed())
    }

    /// Tells what may stand in the wrong place, so that its sender looks at it once more; `about` names which of several requests it is.
    pub fn warn(&mut self, about: &str, warnings: &[v1::Warning]) -> Result<(), Failure> {
        warnings.iter().try_for_each(|warning| {
            let why = warning.text.as_ref().map_or("", |text| text.en.as_str());
            self.talk(&format!("warning    {about}{}: {why}", warning.field))
        })
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.common.output
    }

    /// Shows one answer: lines for people, or the whole for programs.
    pub fn answer(&mut self, lines: &[String], whole: Value) -> Result<(), Failure> {
        match self.format() {
            Format::Table => lines.iter().try_for_each(|line| self.line(line)),
            Format::Json => self.line(&format!("{:#}", versioned(whole))),
            Format::Ndjson => self.line(&versioned(whole).to_string()),
            Format::Csv => Err(Failure::usage("csv is for lists; use -o json")),
        }
    }

    /// Shows a list.
    pub fn list(&mut self, list: List) -> Result<(), Failure> {
        match self.format() {
            Format::Table if list.rows.is_empty() => self.talk(list.empty),
            Format::Table => table::aligned(list.heads, &list.rows).iter().try_for_each(|line| self.line(line)),
            Format::Csv => table::csv(list.heads, &list.rows).iter().try_for_each(|line| self.line(line)),
            Format::Json => self.line(&format!("{:#}", versioned(json!({ "items": list.items.into_iter().map(message::masked).collect::<Vec<_>>() })))),
            Format::Ndjson => list.items.into_iter().try_for_each(|item| self.line(&versioned(item).to_string())),
        }
    }

    /// One item of a stream, as it comes.
    pub fn item(&mut self, line: &str, whole: Value) -> Result<(), Failure> {
        match self.format() {
            Format::Table | Format::Csv => self.line(line)?,
            Format::Json | Format::Ndjson => self.line(&versioned(whole).to_string())?,
        }
        self.out.flush().map_err(|_| Failure::closed())
    }

    /// The settings of the agency that acts.
    pub fn settings(&self) -> Result<Settings, Failure> {
        let common = &self.common;
        let path = settings::locate(common.config.as_deref(), common.agency.as_deref(), common.world.as_deref())?;
        let mut settings = settings::load(&path)?;
        if let Some(outbox) = &common.outbox {
            settings.outbox = Some(outbox.clone());
        }
        Ok(settings)
    }

    /// A client of the agency that acts.
    pub fn client(&self) -> Result<(Client, Settings), Failure> {
        let settings = self.settings()?;
        let client = Client::connect(&settings.client).map_err(|error| Failure::client(&error))?;
        Ok((client, settings))
    }

    /// The text of a file, or of the standard input for `-`.
    pub fn file(path: &Path) -> Result<String, Failure> {
        let mut text = String::new();
        let read = if path == Path::new("-") {
            std::io::stdin().lock().take(FILE_BYTES_MAX).read_to_string(&mut text)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
        };
        read.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))?;
        Ok(text)
    }

    /// A text that is written down as it is: reasons.
    pub fn text(path: &Path) -> Result<String, Failure> {
        Ok(Self::file(path)?.trim().to_owned())
    }

    /// A request from a file.
    pub fn request<M: Known>(&self, path: &Path) -> Result<M, Failure> {
        let text = Self::file(path)?;
        message::read(&text, self.now).map_err(|fault| Failure::input(&path.display().to_string(), &fault))
    }

    /// The officer who reads, empty where none is named: some referrals exist to certain officers only.
    pub fn reader(&self, settings: &Settings) -> String {
        self.common.officer.as_ref().or(settings.officer.as_ref()).cloned().unwrap_or_default()
    }

    /// Gives a request its id and its officer. The pin's size stays 0, so that the same command given again has the same bytes.
    pub fn head<W: WriteRequest>(&self, request: &mut W, officer: &str, settings: Option<&Settings>) -> Result<(), Failure> {
        let officer = self.common.officer.as_deref().or(Some(officer).filter(|officer| !officer.is_empty()));
        let officer = officer.or_else(|| settings.and_then(|settings| settings.officer.as_deref()));
        let officer = officer.ok_or_else(|| Failure::usage("the officer who acts is not named").with_try("--officer ID"))?.to_owned();
        let id = match (&self.common.request_id, request.request_id()) {
            (Some(id), _) => id.as_hyphenated().to_string(),
            (None, "") => fresh_id()?,
            (None, id) => id.to_owned(),
        };
        request.head(id, officer, 0);
        Ok(())
    }

    /// Sends a write that may be kept, or only checks it here.
    pub async fn write<W>(&mut self, mut request: W, officer: &str) -> Result<Option<Answer<W::Response>>, Failure>
    where
        W: Keep + Checked,
    {
        if self.common.dry_run {
            return self.dry_run(request, officer);
        }
        let (client, settings) = self.client()?;
        self.head(&mut request, officer, Some(&settings))?;
        // Told before it is sent or kept; whether it is taken is the broker's to say.
        if let Ok(warnings) = local::check(request.clone(), Some(&settings.client.agency)) {
            self.warn("", &warnings)?;
        }
        let answer = match &settings.outbox {
            Some(folder) => {
                let outbox = Outbox::open(folder).map_err(|error| Failure::outbox(&error))?;
                self.patiently(outbox.deliver(&client, request)).await?.map_err(|error| Failure::outbox(&error))?
            }
            None => self.patiently(client.write(request)).await?.map_err(|error| Failure::client(&error))?,
        };
        Ok(Some(answer))
    }

    /// Sends a write whose answer is the point, so that it is never kept.
    pub async fn ask<W>(&mut self, mut request: W) -> Result<Option<Answer<W::Response>>, Failure>
    where
        W: brygga_client::Write + Checked,
    {
        if self.common.dry_run {
            return self.dry_run(request, "");
        }
        let (client, settings) = self.client()?;
        self.head(&mut request, "", Some(&settings))?;
        self.patiently(client.write(request)).await?.map(Some).map_err(|error| Failure::client(&error))
    }

    /// Waits for an answer, and says so once when it takes its time.
    async fn patiently<T>(&mut self, answer: impl Future<Output = T> + Send) -> Result<T, Failure> {
        let mut answer = Box::pin(answer);
        if let Ok(answer) = timeout(QUIET, &mut answer).await {
            return Ok(answer);
        }
        self.talk("waiting    for the broker; the same request is sent again until it answers")?;
        Ok(answer.await)
    }

    fn dry_run<W: Checked, A>(&mut self, mut request: W, officer: &str) -> Result<Option<A>, Failure> {
        let settings = self.settings().ok();
        self.head(&mut request, officer, settings.as_ref())?;
        let warnings = local::check(request, settings.as_ref().map(|settings| &settings.client.agency))?;
        self.warn("", &warnings)?;
        let said = String::from("checked    here only: the broker was not asked and nothing was sent");
        self.answer(&[said], json!({ "checked": true, "sent": false }))?;
        Ok(None)
    }
}

/// A fresh request id.
fn fresh_id() -> Result<String, Failure> {
    brygga_client::request_id().ok_or_else(|| Failure::io("no random bytes for the request's id", &std::io::Error::other("the system gives none")))
}

/// Reads a request id.
pub fn request_id(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).ok().filter(|id| !id.is_nil() && text.len() == 36).ok_or_else(|| String::from("must be a UUID of 36 characters"))
}

fn versioned(whole: Value) -> Value {
    match message::masked(whole) {
        Value::Object(mut object) => {
            object.insert(String::from("output_version"), message::OUTPUT_VERSION.into());
            Value::Object(object)
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            json!({ "output_version": message::OUTPUT_VERSION, "value": other })
        }
    }
}

/// An answer as JSON, with what its receipt proves.
pub fn whole<R: Known>(answer: &Answer<R>) -> Value {
    let mut whole = message::show(&answer.response);
    if let Value::Object(object) = &mut whole {
        let entries: Vec<Value> = answer.proof.events().iter().map(|(at, event)| json!({ "position": at.0, "kind": event.fact.name() })).collect();
        object.insert(String::from("log"), Value::Array(entries));
        object.insert(String::from("request_id"), Value::String(answer.request_id.clone()));
    }
    whole
}

/// A line with the positions of the events that a command made, on the right.
pub fn logged<R>(text: &str, answer: &Answer<R>) -> String {
    let positions: Vec<Position> = answer.proof.events().keys().copied().collect();
    table::with_log(text, &positions)
}
