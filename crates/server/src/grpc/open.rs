//! `OpenReferral` after its commit: the content of exactly the committed release.
//!
//! A section whose bytes are gone is never left out silently: then nothing leaves.

use std::collections::BTreeMap;

use brygga_domain::{AgencyId, Event, Fact, Position, Reason, Referral};
use brygga_engine::delivery;
use brygga_engine::projection::number;
use brygga_engine::readers::AskError;
use brygga_engine::rows::ContentRow;
use brygga_engine::store::{Corrupt, Reader, StoreError};
use brygga_wire::convert::{Asked, Malformed};
use brygga_wire::{Door, convert, v1, view};
use bytes::Bytes;

use super::Rpc;
use super::command::{Done, Served};
use super::status::Failed;

/// Events of a referral that are looked through for earlier releases.
const EARLIER_SCAN_EVENTS_MAX: usize = 512;

/// Stored content by section and revision.
type Contents = BTreeMap<(i64, i64), ContentRow>;

impl Served for v1::OpenReferralRequest {
    fn convert(self, door: &Door, agency: &AgencyId) -> Result<Asked, Malformed> {
        convert::open_referral(self, door, agency)
    }

    async fn show<R: Reader>(rpc: &Rpc<R>, done: &mut Done) -> Result<v1::OpenReferralResponse, Failed> {
        let mut contents: Contents = std::mem::take(&mut done.delivery.contents).into_iter().map(|row| ((row.section, row.revision), row)).collect();
        let (release, event) = done.event(|fact| matches!(fact, Fact::SectionsReleased { .. }))?;
        let referral = done.referral()?;
        let sections = done.committed.released.iter().map(|released| section(referral, *released, &mut contents)).collect::<Result<Vec<_>, _>>()?;
        let renewed: Vec<(u32, u32)> = done.committed.released.iter().copied().filter(|(_, revision)| *revision > 1).collect();
        let envelope = Some(view::envelope(referral, &done.table, done.now));
        let supersedes = rpc.earlier(event, renewed).await?;
        Ok(v1::OpenReferralResponse { envelope, sections, release: release.0, supersedes, ..Default::default() })
    }
}

impl<R: Reader> Rpc<R> {
    /// The latest release of an earlier revision of each section, found along the referral's own chain of events.
    async fn earlier(&self, release: Event, sections: Vec<(u32, u32)>) -> Result<Vec<v1::EarlierRelease>, Failed> {
        if sections.is_empty() {
            return Ok(Vec::new());
        }
        let question = self.broker.readers().ask(move |reader| Box::pin(async move { earlier(reader, release.previous, sections).await }));
        question.await.map_err(Failed::Delivery)
    }
}

/// One section of the release, with its bytes as they were submitted.
fn section(referral: &Referral, released: (u32, u32), contents: &mut Contents) -> Result<v1::ReleasedSection, Failed> {
    let (number, revision) = released;
    let row = contents.remove(&(i64::from(number), i64::from(revision))).ok_or(Failed::from(Reason::ContentDestroyed))?;
    let section = referral.section(number).ok_or(Failed::Bug("a section was released that the referral does not have"))?;
    let corrupt = |_| {
        Failed::Delivery(AskError::Store(StoreError::Corrupt(Corrupt {
            table: "section_content",
            row: format!("{number} of {}", referral.id),
            column: "salt",
        })))
    };
    let salt: [u8; 32] = row.salt.0.as_slice().try_into().map_err(corrupt)?;
    Ok(view::released(referral, section, revision, Bytes::from(row.bytes.0), &salt))
}

async fn earlier<R: Reader>(reader: &mut R, mut at: Option<Position>, mut sections: Vec<(u32, u32)>) -> Result<Vec<v1::EarlierRelease>, StoreError> {
    let mut found = Vec::new();
    for _ in 0..EARLIER_SCAN_EVENTS_MAX {
        let Some(position) = at.filter(|_| !sections.is_empty()) else { break };
        let event = event(reader, position).await?;
        at = event.previous;
        let Fact::SectionsReleased { released, .. } = &event.fact else { continue };
        for left in released.sections() {
            let wanted = sections.iter().position(|(section, revision)| *section == left.section && *revision > left.revision);
            if let Some(index) = wanted {
                sections.swap_remove(index);
                found.push(v1::EarlierRelease { section: left.section, revision: left.revision, position: position.0 });
            }
        }
    }
    found.sort_by_key(|earlier| earlier.section);
    Ok(found)
}

/// One event of the log, held against its hash.
pub(super) async fn event<R: Reader>(reader: &mut R, position: Position) -> Result<Event, StoreError> {
    let bytes = delivery::leaf(reader, position).await?;
    brygga_journal::decode(&bytes).map_err(|_| StoreError::Corrupt(Corrupt { table: "event", row: number(position.0).to_string(), column: "bytes" }))
}

impl Done {
    /// The position of the question that a query of the log makes.
    pub(super) fn asked_at(&self) -> Result<Position, Failed> {
        self.event(|fact| matches!(fact, Fact::LogQueried { .. })).map(|(at, _)| at)
    }
}
