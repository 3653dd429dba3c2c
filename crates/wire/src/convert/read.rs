//! What only reads: names, pages and cursors. Nothing here becomes a command.

use std::fmt;
use std::str::FromStr;

use brygga_domain::{AgencyId, ConsentId, FunctionId, LookupHash, OfficerPseudonym, ReferralName, ThreadId};

use super::Malformed;
use super::check::Check;
use super::referral::named_by_sender;
use crate::door::Door;
use crate::limits::{PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX, PAGE_TOKEN_BYTES_MAX, PAGE_TOKEN_KEYS_MAX};
use crate::v1;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many entries.
    pub entries: u32,
    /// Where the page before ended; absent: the first page.
    pub after: Option<Cursor>,
}

/// The sort keys of the last entry of a page; a client treats its text as opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<i64>);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            write!(f, "{}{key}", if index == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a page token")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > PAGE_TOKEN_BYTES_MAX {
            return Err(CursorError);
        }
        let keys: Vec<i64> = text.split('.').map(|key| key.parse().map_err(|_| CursorError)).collect::<Result<_, _>>()?;
        if keys.len() > PAGE_TOKEN_KEYS_MAX { Err(CursorError) } else { Ok(Self(keys)) }
    }
}

pub(super) fn page(check: &mut Check, size: u32, token: &str) -> Option<Page> {
    let entries = if size == 0 { PAGE_ENTRIES_DEFAULT } else { size.min(PAGE_ENTRIES_MAX) };
    if token.is_empty() {
        return Some(Page { entries, after: None });
    }
    let after: Option<Cursor> = token.parse().ok();
    if after.is_none() {
        check.fault("page_token", "must be a next_page_token of the same list");
    }
    Some(Page { entries, after: Some(after?) })
}

/// The page that a list request asks for.
pub fn list_page(size: u32, token: &str) -> Result<Page, Malformed> {
    let mut check = Check::default();
    let page = page(&mut check, size, token);
    check.finish(page)
}

/// A referral, by id or reference.
pub fn referral_name(text: &str) -> Result<ReferralName, Malformed> {
    let mut check = Check::default();
    let name = check.referral("referral", text);
    check.finish(name)
}

/// The officer who reads, where one is named.
pub fn reading_officer(officer: &str, door: &Door, agency: &AgencyId) -> Result<Option<OfficerPseudonym>, Malformed> {
    let mut check = Check::default();
    let officer = check.asking_officer("officer", officer, (door, agency));
    check.finish(officer)
}

/// A function.
pub fn function_name(text: &str) -> Result<FunctionId, Malformed> {
    let mut check = Check::default();
    let name = check.slug("function", text);
    check.finish(name)
}

/// How `GetReferral` names a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// By id or reference.
    Referral(ReferralName),
    /// By the keyed hash of the sender's own number.
    SenderReference(LookupHash),
}

/// `GetReferral`.
pub fn get_referral(request: &v1::GetReferralRequest, door: &Door, agency: &AgencyId) -> Result<Named, Malformed> {
    use v1::get_referral_request::Name;
    let mut check = Check::default();
    let named = match check.message("name", request.name.as_ref()) {
        Some(Name::Referral(text)) => check.referral("referral", text).map(Named::Referral),
        Some(Name::SenderReference(name)) => named_by_sender(&mut check, name, (door, agency)).map(Named::SenderReference),
        None => None,
    };
    check.finish(named)
}

/// Which of its referrals an agency lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralsWanted {
    /// Those of one thread.
    pub thread: Option<ThreadId>,
    /// Only those that have not ended.
    pub open_only: bool,
    /// Which page.
    pub page: Page,
}

/// `ListReferrals`.
pub fn list_referrals(request: &v1::ListReferralsRequest) -> Result<ReferralsWanted, Malformed> {
    let mut check = Check::default();
    let page = page(&mut check, request.page_size, &request.page_token);
    let thread = check.optional_uuid("thread_id", &request.thread_id);
    check.finish((|| Some(ReferralsWanted { thread: thread?, open_only: request.open_only, page: page? }))())
}

/// `GetConsent`.
pub fn get_consent(request: &v1::GetConsentRequest) -> Result<(ReferralName, ConsentId), Malformed> {
    let mut check = Check::default();
    let referral = check.referral("referral", &request.referral);
    let consent = check.uuid("consent_id", &request.consent_id);
    check.finish(referral.zip(consent))
}

/// `ListConsents`.
pub fn list_consents(request: &v1::ListConsentsRequest) -> Result<(ReferralName, Page), Malformed> {
    let mut check = Check::default();
    let referral = check.referral("referral", &request.referral);
    let page = page(&mut check, request.page_size, &request.page_token);
    check.finish(referral.zip(page))
}

/// `ListInbox`.
pub fn list_inbox(request: &v1::ListInboxRequest) -> Result<(FunctionId, Page), Malformed> {
    let mut check = Check::default();
    let function = check.slug("function", &request.function);
    let page = page(&mut check, request.page_size, &request.page_token);
    check.finish(function.zip(page))
}
