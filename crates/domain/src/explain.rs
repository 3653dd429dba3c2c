//! Why a cell is blocked, and every lawful way from there.
//!
//! It asks the same gate and the same tables as a release does, so it can promise nothing that the gate would refuse. A ground of
//! which something known says that its conditions cannot hold is left out. Called for assessments, of drafts too.

use crate::codes::{Category, Code as _, ConsentGiver, Purpose, ReferralKind};
use crate::emergency;
use crate::event::Interest;
use crate::gate::{self, Block, ConsentLack, Why};
use crate::grounds::{Answers, Condition, Direction, EmergencyRule, Ground, GroundTable, Holds, Secrecy, Whose};
use crate::ids::AgencyId;
use crate::referral::Referral;
use crate::time::Time;

/// One block with the provisions behind it and the ways from it.
#[derive(Debug, Clone)]
pub struct Explanation<'t> {
    /// What is blocked, and what is missing.
    pub block: Block,
    /// The secrecies that protect it.
    pub secrecies: Vec<&'t Secrecy>,
    /// The lawful ways.
    pub ways: Vec<Way<'t>>,
}

/// One lawful way.
#[derive(Debug, Clone)]
pub enum Way<'t> {
    /// The ground carries the cell once its open conditions are said to hold.
    Ground {
        /// The ground.
        ground: &'t Ground,
        /// Where it rests on the person's consent: whether one on record carries the cell.
        consent: Option<Result<(), ConsentLack>>,
        /// For which of these purposes that consent must have been given; none where it rests on no consent.
        purposes: Vec<Purpose>,
        /// Whether a second officer must come to the same result.
        two_officers: bool,
        /// What would still have to be said.
        open: Vec<&'t Condition>,
    },
    /// A duty that goes as a referral of its own.
    OtherReferral {
        /// The duty.
        ground: &'t Ground,
        /// The kind of that referral.
        kind: ReferralKind,
        /// Whether a second officer must come to the same result.
        two_officers: bool,
        /// What would still have to be said.
        open: Vec<&'t Condition>,
    },
    /// The decision stands once a second officer agrees.
    SecondOfficer,
    /// In an emergency it leaves before the second officer's word.
    BreakGlass(&'t EmergencyRule),
    /// The section is left out, and the rest can still go.
    Strip,
}

/// What asks: the law, the time and what is known already.
#[derive(Debug, Clone, Copy)]
pub struct Question<'t, 'a> {
    /// The law.
    pub table: &'t GroundTable,
    /// The day.
    pub now: Time,
    /// What is known already.
    pub known: &'a Answers,
    /// The agency that asks, if the review of an emergency of its own is overdue in whatever referral: then it may declare none.
    pub barred: Option<&'a AgencyId>,
}

/// Explains everything that blocks a section; `None` when it passes.
pub fn section<'t>(referral: &Referral, number: u32, question: Question<'t, '_>) -> Option<Vec<Explanation<'t>>> {
    let section = referral.section(number)?;
    let blocks = gate::pass(referral, section, question.table, question.now).err()?;
    Some(blocks.into_iter().map(|block| explanation(referral, block, question)).collect())
}

/// Explains one block.
pub fn explanation<'t>(referral: &Referral, block: Block, question: Question<'t, '_>) -> Explanation<'t> {
    let secrecies = block.interest.map_or_else(Vec::new, |interest| {
        let protecting = question.table.secrecies(referral.from, block.category, referral.protected(interest), question.now);
        protecting.collect()
    });
    let mut ways = match (&block.why, block.interest) {
        (Why::NoProtectedInterest | Why::Destroyed, _) | (_, None) => Vec::new(),
        (Why::SecondOfficerMissing, Some(interest)) => {
            let clearer = referral.clearer(interest);
            let barred = question.barred == Some(clearer) || !emergency::may_declare(referral, clearer, question.now);
            [Some(Way::SecondOfficer), (!barred).then(|| Way::BreakGlass(question.table.emergency()))].into_iter().flatten().collect()
        }
        (Why::Undecided | Why::Withheld(_) | Why::Consent(_) | Why::Ground(_), Some(interest)) => {
            let mut ways = grounds(referral, block.category, interest, question);
            ways.extend(other_referrals(referral, block.category, interest, question));
            ways
        }
    };
    if referral.sections.len() > 1 {
        ways.push(Way::Strip);
    }
    Explanation { block, secrecies, ways }
}

/// Every ground that can carry the cell in this direction on this day, and of which nothing known says otherwise.
fn grounds<'t>(referral: &Referral, category: Category, interest: Interest, question: Question<'t, '_>) -> Vec<Way<'t>> {
    let Question { table, now, .. } = question;
    let (whose, protected) = (whose(referral, interest), referral.protected(interest));
    let mut seen = std::collections::BTreeSet::new();
    let codes = table.grounds().map(|ground| &ground.code).filter(|code| seen.insert(*code)).collect::<Vec<_>>();
    let lawful = codes.into_iter().filter_map(|code| table.lawful(code, gate::direction(referral), (category, protected), now).ok());
    let way = |ground: &'t Ground| {
        let consent = ground.needs_consent().then(|| gate::consent_for(referral, (category, interest), (table, now)).map(|_| ()));
        let two_officers = table.two_officers().are_due(&ground.code, protected);
        let serves = |purpose: &Purpose| consent.is_some() && table.kind(referral.kind).is_some_and(|kind| kind.serves(*purpose));
        let purposes = Purpose::ALL.iter().copied().filter(serves).collect();
        Some(Way::Ground { ground, consent, purposes, two_officers, open: open(ground, whose, question)? })
    };
    lawful.filter_map(way).collect()
}

/// Duties that carry this cell in a referral of another kind: asked of that kind as the gate would ask.
fn other_referrals<'t>(referral: &Referral, category: Category, interest: Interest, question: Question<'t, '_>) -> Vec<Way<'t>> {
    let Question { table, now, .. } = question;
    let (whose, protected) = (whose(referral, interest), referral.protected(interest));
    let Some(role) = whose.role else { return Vec::new() };
    let date = now.date();
    let duties = table.grounds().filter(|ground| ground.in_force(&date) && ground.own_referral_for.contains(&role));
    let ways = duties.flat_map(|ground| {
        let carries = move |kind: &ReferralKind| {
            let other = table.kind(*kind).filter(|other| other.from.contains(&referral.from))?;
            let carried = other.carries_as(category)?;
            let lawful = |to| {
                table
                    .lawful(&ground.code, Direction { from: referral.from, to, kind: *kind }, (carried, protected), now)
                    .is_ok_and(|found| std::ptr::eq(found, ground))
            };
            other.to.iter().any(|to| lawful(*to)).then_some(*kind)
        };
        let kinds = ground.kinds.iter().flatten().filter(|kind| **kind != referral.kind).filter_map(carries);
        let two_officers = table.two_officers().are_due(&ground.code, protected);
        kinds.filter_map(move |kind| Some(Way::OtherReferral { ground, kind, two_officers, open: open(ground, whose, question)? }))
    });
    ways.collect()
}

/// The conditions that are not fulfilled yet; `None` when something known says that one never is.
fn open<'t>(ground: &'t Ground, whose: Whose, question: Question<'t, '_>) -> Option<Vec<&'t Condition>> {
    let Question { table, now, known, .. } = question;
    let mut open = Vec::new();
    for condition in table.conditions(ground, whose, known) {
        match condition.holds(known, table, now) {
            Holds::Yes => {}
            Holds::NotSaid => open.push(condition),
            Holds::No => return None,
        }
    }
    Some(open)
}

/// Whose cell an interest is: a custodian who has consented once, whatever became of that, says that the person is a minor.
pub fn whose(referral: &Referral, interest: Interest) -> Whose {
    let own = referral.consents.iter().filter(|consent| Interest::Person(consent.given.person) == interest);
    let by_custodian = own.into_iter().any(|consent| consent.given.given_by != ConsentGiver::Person);
    Whose { role: referral.person_of(interest).map(|name| name.role), by_custodian }
}
