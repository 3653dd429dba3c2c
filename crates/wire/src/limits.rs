//! What one request may hold. Each limit is named with its unit last; a request over one is answered with the field's name.

/// Sections of one referral.
pub const SECTIONS_MAX: usize = 32;
/// Persons of one referral.
pub const PERSONS_MAX: usize = 32;
/// Consents of one submission; with the acts of decision its events still fit one receipt.
pub const CONSENTS_MAX: usize = 30;
/// Officers and functions that are excluded from one referral.
pub const EXCLUSIONS_MAX: usize = 32;
/// Bytes of what names an interpreter.
pub const INTERPRETER_REFERENCE_BYTES_MAX: usize = 64;
/// Acts of decision of one submission; an act makes up to two events, for what may leave and for what stays.
pub const DECISIONS_MAX: usize = 15;
/// Cells of one act.
pub const CELLS_MAX: usize = 256;
/// Content of one section.
pub const SECTION_BYTES_MAX: usize = 256 * 1024;
/// Documented reasons of one act.
pub const REASONS_BYTES_MAX: usize = 8192;
/// A template's name.
pub const TEMPLATE_BYTES_MAX: usize = 64;
/// Hours of one emergency: a week. The ground table allows far fewer.
pub const EMERGENCY_HOURS_MAX: u32 = 168;
/// An officer's identifier.
pub const OFFICER_BYTES_MAX: usize = 64;
/// A sender's own number for a case.
pub const SENDER_REFERENCE_BYTES_MAX: usize = 64;
/// A territory's name.
pub const DISTRICT_BYTES_MAX: usize = 64;
/// The purpose that an auditor states.
pub const PURPOSE_BYTES_MAX: usize = 1024;
/// An auditor's case number.
pub const CASE_NUMBER_BYTES_MAX: usize = 64;
/// Kinds of entries in one filter.
pub const FILTER_KINDS_MAX: usize = 64;
/// Name of a kind of entry.
pub const FILTER_KIND_BYTES_MAX: usize = 64;
/// Entries of one page.
pub const PAGE_ENTRIES_MAX: u32 = 500;
/// Entries of a page when the client names no number.
pub const PAGE_ENTRIES_DEFAULT: u32 = 50;
/// A page token.
pub const PAGE_TOKEN_BYTES_MAX: usize = 128;
/// Keys of a page token.
pub const PAGE_TOKEN_KEYS_MAX: usize = 5;
/// Age that an officer may assert, or a sender state for the route.
pub const SUBJECT_AGE_YEARS_MAX: u32 = 130;
/// Faults named in one answer: more would not fit into the headers of a reply.
pub const VIOLATIONS_MAX: usize = 50;
