//! Questions to the log: each is a write, because reading it leaves an entry.

use brygga_domain::command::{Action, LogQuery, LogQueryKind};
use brygga_domain::{AgencyId, Position, ReferralName, Time};
use bytes::Bytes;
use prost::Message;

use super::check::{Check, head};
use super::read::{Page, page};
use super::{Asked, Malformed};
use crate::door::Door;
use crate::limits::{CASE_NUMBER_BYTES_MAX, FILTER_KIND_BYTES_MAX, FILTER_KINDS_MAX, PURPOSE_BYTES_MAX};
use crate::v1;

/// Which entries a search asks for; what is absent asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntriesWanted {
    /// Those of one referral.
    pub referral: Option<ReferralName>,
    /// Those that one agency caused.
    pub agency: Option<AgencyId>,
    /// Those of these kinds; none: all.
    pub kinds: Vec<String>,
    /// From this position on.
    pub from: Option<Position>,
    /// Up to but without this one.
    pub to: Option<Position>,
    /// From this time on.
    pub from_time: Option<Time>,
    /// Up to but without this one.
    pub to_time: Option<Time>,
}

/// `SearchEntries`: the question to record, what is wanted, and which page of it.
pub fn search_entries(request: v1::SearchEntriesRequest, door: &Door, agency: &AgencyId) -> Result<(Asked, EntriesWanted, Page), Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    stated(&mut check, request.purpose.as_ref());
    let filter = request.filter.clone().unwrap_or_default();
    let wanted = wanted(&mut check, &filter);
    let page = page(&mut check, request.page_size, &request.page_token);
    let purpose = committed(request.purpose.clone(), v1::stated_query::Question::Filter(filter));
    let (asked, (wanted, page)) = check.asked_with(&head, Some(query(LogQueryKind::Search, purpose)), wanted.zip(page))?;
    Ok((asked, wanted, page))
}

/// `GetEntry`: the question to record, and the entry that is wanted.
pub fn get_entry(request: v1::GetEntryRequest, door: &Door, agency: &AgencyId) -> Result<(Asked, Position), Malformed> {
    let mut check = Check::default();
    let head = head!(request, door, agency);
    stated(&mut check, request.purpose.as_ref());
    if i64::try_from(request.position).is_err() {
        check.fault("position", "must be a position of the log");
    }
    let purpose = committed(request.purpose.clone(), v1::stated_query::Question::Position(request.position));
    let asked = check.asked(&head, Some(query(LogQueryKind::Entry, purpose)))?;
    Ok((asked, Position(request.position)))
}

fn query(kind: LogQueryKind, purpose: Bytes) -> Action {
    Action::QueryLog(LogQuery { query: kind, purpose })
}

fn stated(check: &mut Check, purpose: Option<&v1::StatedPurpose>) {
    let Some(purpose) = check.message("purpose", purpose) else { return };
    check.text("purpose.purpose", &purpose.purpose, 1..=PURPOSE_BYTES_MAX, "must be text of 1 to 1,024 bytes");
    check.label("purpose.case_number", &purpose.case_number, 1..=CASE_NUMBER_BYTES_MAX, "must be text of 1 to 64 bytes");
}

/// What the entry of the question commits to.
fn committed(purpose: Option<v1::StatedPurpose>, question: v1::stated_query::Question) -> Bytes {
    Bytes::from(v1::StatedQuery { purpose, question: Some(question) }.encode_to_vec())
}

fn wanted(check: &mut Check, filter: &v1::EntryFilter) -> Option<EntriesWanted> {
    let referral = if filter.referral.is_empty() { Some(None) } else { check.referral("filter.referral", &filter.referral).map(Some) };
    let agency = if filter.agency.is_empty() { Some(None) } else { check.slug("filter.agency", &filter.agency).map(Some) };
    check.count("filter.kinds", filter.kinds.len(), 0..=FILTER_KINDS_MAX)?;
    for (index, kind) in filter.kinds.iter().enumerate() {
        if !(1..=FILTER_KIND_BYTES_MAX).contains(&kind.len()) || !kind.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            check.fault(format_args!("filter.kinds[{index}]"), "must be the name of a kind of entry");
        }
    }
    let from_time = check.optional_time("filter.from_time", filter.from_time.as_ref());
    let to_time = check.optional_time("filter.to_time", filter.to_time.as_ref());
    let position = |position: u64| (position > 0).then_some(Position(position));
    Some(EntriesWanted {
        referral: referral?,
        agency: agency?,
        kinds: filter.kinds.clone(),
        from: position(filter.from_position),
        to: position(filter.to_position),
        from_time: from_time?,
        to_time: to_time?,
    })
}
