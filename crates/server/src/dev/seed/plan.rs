//! What becomes of each report: decided from the seed before anything is sent.

use brygga_domain::{NotOfferedReason, OfferAnswer, Relationship, Urgency};

use super::chance::{BLOCK_REPORTS, Chance, deal};
use super::people::{DISTRICTS, District, Tongue, district, tongue};

const MINUTES_PER_DAY: i64 = 24 * 60;

/// What is known of the offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// She said yes, and a contact request follows.
    Request(Course),
    /// She said yes; the request is not written yet.
    YesNotYet,
    /// She said no.
    No,
    /// She wants to think about it.
    Later,
    /// It was not offered.
    NotOffered(NotOfferedReason),
}

/// How far a contact request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Held: she has not consented yet.
    NoConsent,
    /// Held: the leader of the investigation has not decided.
    Undecided,
    /// The envelope waits in the inbox.
    Waiting,
    /// Opened, not answered.
    Opened,
    /// Declined from the envelope: no capacity.
    NoCapacity,
    /// Declined from the envelope: conflict of interest.
    Conflict,
    /// Returned: another function is responsible, or something is missing.
    Returned,
    /// A minor: goes to her board of residence, and is accepted there.
    Minor,
    /// Accepted; she was called and did not answer.
    Attempted,
    /// Reached within 48 hours of the report.
    Reached,
    /// Reached later.
    ReachedLate,
    /// Support was given and the referral closed.
    Supported,
    /// Support was given through the trial and the referral closed.
    SupportedLong,
    /// Closed: she declined, or could not be reached safely.
    Ended,
    /// She withdrew her consent after it was opened.
    Withdrawn,
    /// The police took it back.
    Retracted,
}

/// A supplement about others than her.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supplement {
    /// Offence and suspect; the prosecutor who leads has not decided: blocked.
    SuspectUndecided,
    /// Offence, suspect and measures; necessary for the police's own task.
    SuspectCleared,
    /// The risk assessment, under the general clause with a second officer.
    Risk,
    /// The children: the mother's consent is tried, refused, and then the section is withheld.
    Children,
}

/// What becomes of a child concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// An inquiry was opened.
    Opened,
    /// None was opened.
    NotOpened,
    /// One was running.
    Running,
    /// Returned to the sender: another board.
    WrongBoard,
    /// Not opened yet.
    Waiting,
}

/// What becomes of a case handed over to the prosecution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// Taken.
    Accepted,
    /// Taken and noted.
    Noted,
    /// Not opened yet.
    Waiting,
}

/// What the prosecution tells the RVC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// A hearing, later moved.
    HearingMoved,
    /// A hearing.
    Hearing,
    /// A decision in the case.
    Decision,
    /// Release from custody, or a contact ban.
    Custody,
}

/// What social services send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// That support is given, to the prosecution.
    Support,
    /// A risk, to the police.
    Risk,
    /// Contact data, to the prosecution.
    ContactData,
    /// Handed over to the board where she moves.
    Moved,
}

/// One report and what becomes of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Number of the report, from 0.
    pub number: usize,
    /// Minutes before the anchor at which it was reported.
    pub reported_ago: i64,
    /// Where she lives.
    pub district: &'static District,
    /// Her language.
    pub tongue: &'static Tongue,
    /// Her relationship to the suspect.
    pub relationship: Relationship,
    /// How fast it must go.
    pub urgency: Urgency,
    /// What became of the offer.
    pub fate: Fate,
    /// A supplement.
    pub supplement: Option<Supplement>,
    /// A child concern.
    pub concern: Option<Concern>,
    /// A case handed over to the prosecution.
    pub handover: Option<Handover>,
    /// What the prosecution tells.
    pub notice: Option<Notice>,
    /// What social services send.
    pub reply: Option<Reply>,
    /// Decides what is left open: names, hours, forms.
    pub chance: Chance,
}

impl Case {
    /// The number of its block, for what alternates.
    pub fn block(&self) -> usize {
        self.number / BLOCK_REPORTS
    }

    /// The answer to the offer, as it is recorded.
    pub fn answer(&self) -> Result<OfferAnswer, NotOfferedReason> {
        match self.fate {
            Fate::Request(_) | Fate::YesNotYet => Ok(OfferAnswer::Yes),
            Fate::No => Ok(OfferAnswer::No),
            Fate::Later => Ok(OfferAnswer::Later),
            Fate::NotOffered(reason) => Err(reason),
        }
    }
}

const FATES: &[(Fate, usize)] = &[
    (Fate::No, 6),
    (Fate::YesNotYet, 1),
    (Fate::Later, 3),
    (Fate::NotOffered(NotOfferedReason::NotReached), 1),
    (Fate::NotOffered(NotOfferedReason::NotSafeToAsk), 1),
    (Fate::NotOffered(NotOfferedReason::HasSupport), 1),
    (Fate::NotOffered(NotOfferedReason::OtherReason), 1),
    (Fate::Request(Course::NoConsent), 1),
    (Fate::Request(Course::Undecided), 1),
    (Fate::Request(Course::Waiting), 1),
    (Fate::Request(Course::Opened), 1),
    (Fate::Request(Course::NoCapacity), 1),
    (Fate::Request(Course::Conflict), 1),
    (Fate::Request(Course::Returned), 1),
    (Fate::Request(Course::Minor), 1),
    (Fate::Request(Course::Attempted), 1),
    (Fate::Request(Course::Reached), 1),
    (Fate::Request(Course::ReachedLate), 1),
    (Fate::Request(Course::Supported), 1),
    (Fate::Request(Course::SupportedLong), 1),
    (Fate::Request(Course::Ended), 1),
    (Fate::Request(Course::Withdrawn), 1),
    (Fate::Request(Course::Retracted), 1),
];

const RELATIONSHIPS: &[(Relationship, usize)] = &[
    (Relationship::Spouse, 6),
    (Relationship::Cohabitant, 6),
    (Relationship::FormerCohabitant, 5),
    (Relationship::FormerSpouse, 4),
    (Relationship::Partner, 3),
    (Relationship::FormerPartner, 3),
    (Relationship::CommonChild, 1),
    (Relationship::Relative, 1),
    (Relationship::OtherRelationship, 1),
];

const URGENCIES: &[(Urgency, usize)] = &[(Urgency::Routine, 17), (Urgency::Urgent, 10), (Urgency::Immediate, 3)];

/// The case of a report.
pub fn case(seed: u64, number: usize) -> Case {
    let fate = deal(seed, 1, FATES, number, Fate::No);
    let mut chance = Chance::new(seed, 0x5eed_0000_u64.wrapping_add(u64::try_from(number).unwrap_or(0)));
    let places: Vec<(usize, usize)> = DISTRICTS.iter().enumerate().map(|(place, known)| (place, known.share)).collect();
    let reported_ago = reported_ago(fate, &mut chance);
    Case {
        number,
        reported_ago,
        district: district(deal(seed, 2, &places, number, 0)),
        tongue: tongue(seed, number),
        relationship: deal(seed, 4, RELATIONSHIPS, number, Relationship::Spouse),
        urgency: deal(seed, 5, URGENCIES, number, Urgency::Routine),
        fate,
        supplement: supplement(fate),
        concern: concern(fate, number),
        handover: handover(fate, number),
        notice: notice(fate),
        reply: reply(fate),
        chance,
    }
}

/// What still waits is young; what has ended, or was late, has had its time.
fn reported_ago(fate: Fate, chance: &mut Chance) -> i64 {
    match fate {
        Fate::Request(Course::Waiting | Course::Opened | Course::NoConsent | Course::Undecided) | Fate::YesNotYet => chance.between(180, 2 * MINUTES_PER_DAY),
        Fate::Request(_) => chance.between(5 * MINUTES_PER_DAY, 30 * MINUTES_PER_DAY),
        Fate::No | Fate::Later | Fate::NotOffered(_) => chance.between(180, 30 * MINUTES_PER_DAY),
    }
}

fn supplement(fate: Fate) -> Option<Supplement> {
    let Fate::Request(course) = fate else { return None };
    match course {
        Course::Attempted => Some(Supplement::SuspectUndecided),
        Course::Reached => Some(Supplement::SuspectCleared),
        Course::ReachedLate => Some(Supplement::Risk),
        Course::Supported => Some(Supplement::Children),
        Course::NoConsent
        | Course::Undecided
        | Course::Waiting
        | Course::Opened
        | Course::NoCapacity
        | Course::Conflict
        | Course::Returned
        | Course::Minor
        | Course::SupportedLong
        | Course::Ended
        | Course::Withdrawn
        | Course::Retracted => None,
    }
}

/// The duty to report a child's concern does not ask what her mother answered.
fn concern(fate: Fate, number: usize) -> Option<Concern> {
    const OUTCOMES: [Concern; 5] = [Concern::Opened, Concern::NotOpened, Concern::Running, Concern::WrongBoard, Concern::Waiting];
    let order = match fate {
        Fate::NotOffered(NotOfferedReason::NotSafeToAsk) => 0,
        Fate::Request(Course::NoCapacity) => 1,
        Fate::Request(Course::Attempted) => 2,
        Fate::Request(_) | Fate::YesNotYet | Fate::No | Fate::Later | Fate::NotOffered(_) => return None,
    };
    OUTCOMES.get((number / BLOCK_REPORTS * 3 + order) % OUTCOMES.len()).copied()
}

fn handover(fate: Fate, number: usize) -> Option<Handover> {
    match fate {
        Fate::Request(Course::Attempted) => Some(Handover::Waiting),
        Fate::Request(Course::Reached | Course::ReachedLate) => Some(Handover::Accepted),
        Fate::Request(Course::Supported | Course::SupportedLong) => Some(Handover::Noted),
        // A prosecutor gets cases whether or not she wants support.
        Fate::No if number.is_multiple_of(3) => Some(Handover::Accepted),
        Fate::Request(_) | Fate::YesNotYet | Fate::No | Fate::Later | Fate::NotOffered(_) => None,
    }
}

/// The prosecution tells the RVC of those whom the RVC supports, and of nobody else.
fn notice(fate: Fate) -> Option<Notice> {
    match fate {
        Fate::Request(Course::Reached) => Some(Notice::HearingMoved),
        Fate::Request(Course::ReachedLate) => Some(Notice::Decision),
        Fate::Request(Course::Supported) => Some(Notice::Custody),
        Fate::Request(Course::SupportedLong) => Some(Notice::Hearing),
        Fate::Request(_) | Fate::YesNotYet | Fate::No | Fate::Later | Fate::NotOffered(_) => None,
    }
}

fn reply(fate: Fate) -> Option<Reply> {
    match fate {
        Fate::Request(Course::Reached) => Some(Reply::Risk),
        Fate::Request(Course::ReachedLate) => Some(Reply::Moved),
        Fate::Request(Course::Supported) => Some(Reply::Support),
        Fate::Request(Course::SupportedLong) => Some(Reply::ContactData),
        Fate::Request(_) | Fate::YesNotYet | Fate::No | Fate::Later | Fate::NotOffered(_) => None,
    }
}
