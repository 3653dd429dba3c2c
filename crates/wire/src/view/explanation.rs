//! Why something is blocked and what would make it pass, as messages. The texts are the domain's and the ground table's.

use brygga_domain::event::Interest;
use brygga_domain::gate::{self, Block, ConsentLack, Way, Why};
use brygga_domain::grounds::{Ground, Unlawful};
use brygga_domain::referral::Referral;
use brygga_domain::refusal::Reason;
use brygga_domain::{Code, GroundTable, Time};

use super::interest;
use crate::v1;

/// The stable reason behind a block.
pub fn block_reason(why: &Why) -> Reason {
    match why {
        Why::NoProtectedInterest | Why::Undecided | Why::SecondOfficerMissing | Why::Withheld(_) => Reason::NotCleared,
        Why::Consent(ConsentLack::Missing) => Reason::ConsentMissing,
        Why::Consent(ConsentLack::OtherPerson) => Reason::ConsentOfAnother,
        Why::Consent(ConsentLack::OtherRecipient) => Reason::ConsentOtherRecipient,
        Why::Consent(ConsentLack::OtherCategory) => Reason::ConsentOtherCategory,
        Why::Consent(ConsentLack::Expired) => Reason::ConsentExpired,
        Why::Consent(ConsentLack::Withdrawn) => Reason::ConsentWithdrawn,
        Why::Ground(Unlawful::Unknown) => Reason::GroundUnknown,
        Why::Ground(Unlawful::NotInForce) => Reason::GroundNotInForce,
        Why::Ground(Unlawful::OtherDirection | Unlawful::OtherCategory) => Reason::GroundNotForThis,
        Why::Ground(Unlawful::DoesNotLift(_)) => Reason::GroundDoesNotLift,
    }
}

/// Code and sentence of a block. What no refusal has a code for has one here: the states that a clearance passes through.
fn lack(why: &Why) -> (&'static str, &'static str, &'static str) {
    match why {
        Why::NoProtectedInterest => {
            ("NO_PROTECTED_INTEREST", "Avsnittet anger ingen vars sekretess kan prövas.", "The section names nobody whose secrecy could be asked about.")
        }
        Why::Undecided => ("UNDECIDED", "Ingen har prövat uppgiften ännu.", "Nobody has decided yet."),
        Why::SecondOfficerMissing => ("SECOND_OFFICER_MISSING", "En andra handläggare har inte bekräftat beslutet.", "A second officer has not agreed yet."),
        Why::Withheld(_) => ("WITHHELD", "Det är beslutat att uppgiften inte lämnas ut.", "It was decided that it stays."),
        Why::Consent(_) | Why::Ground(_) => {
            let reason = block_reason(why);
            (reason.code(), reason.swedish(), reason.english())
        }
    }
}

fn text(sv: &str, en: &str) -> v1::Text {
    v1::Text { sv: sv.to_owned(), en: en.to_owned() }
}

/// One block, with every lawful way around it today.
pub fn explanation(referral: &Referral, block: &Block, table: &GroundTable, now: Time) -> v1::Explanation {
    let (code, sv, en) = lack(&block.why);
    let interested = block.interest;
    let secrecies = interested.into_iter().flat_map(|interest| table.secrecies(referral.from, block.category, interest));
    let ways = interested.map_or_else(Vec::new, |interest| gate::ways(referral, block.category, interest, table, now));
    v1::Explanation {
        section: block.section,
        category: block.category.number(),
        interest: interested.map_or_else(String::new, |held| interest(referral, held)),
        code: code.to_owned(),
        why: Some(text(sv, en)),
        provisions: secrecies.map(|secrecy| secrecy.code.clone()).collect(),
        ways: ways.iter().filter_map(|way| shown(way, table, now)).collect(),
    }
}

/// Every block of a referral, section by section, and the numbers of the sections that would pass now.
pub fn explanations(referral: &Referral, sees: impl Fn(Interest) -> bool, table: &GroundTable, now: Time) -> (Vec<u32>, Vec<v1::Explanation>) {
    let mut passing = Vec::new();
    let mut blocked = Vec::new();
    for section in referral.sections.iter().filter(|section| section.cells.is_empty() || section.cells.iter().any(|cell| sees(cell.interest))) {
        match gate::pass(referral, section, table, now) {
            Ok(cleared) => passing.push(cleared.section()),
            Err(blocks) => {
                let own = blocks.iter().filter(|block| block.interest.is_none_or(&sees));
                blocked.extend(own.map(|block| explanation(referral, block, table, now)));
            }
        }
    }
    (passing, blocked)
}

fn shown(way: &Way, table: &GroundTable, now: Time) -> Option<v1::Way> {
    let date = now.date();
    let in_force = |ground: &&Ground| ground.valid_from.as_str() <= date.as_str() && ground.valid_to.as_deref().is_none_or(|end| date.as_str() < end);
    let ground = table.grounds().filter(in_force).find(|ground| ground.code == way.ground)?;
    Some(v1::Way {
        ground: ground.code.to_string(),
        provision: ground.provision.clone(),
        conditions: ground.conditions.iter().map(ToString::to_string).collect(),
        needs_consent: way.consent.is_some(),
        consent_state: i32::from(consent_state(way.consent)),
        second_officer: way.second_officer,
        text: Some(text(&ground.text.sv, &ground.text.en)),
    })
}

fn consent_state(consent: Option<Result<(), ConsentLack>>) -> v1::ConsentState {
    match consent {
        None => v1::ConsentState::Unspecified,
        Some(Ok(())) => v1::ConsentState::Carries,
        Some(Err(ConsentLack::Missing)) => v1::ConsentState::Missing,
        Some(Err(ConsentLack::OtherPerson)) => v1::ConsentState::OtherPerson,
        Some(Err(ConsentLack::OtherRecipient)) => v1::ConsentState::OtherRecipient,
        Some(Err(ConsentLack::OtherCategory)) => v1::ConsentState::OtherCategory,
        Some(Err(ConsentLack::Expired)) => v1::ConsentState::Expired,
        Some(Err(ConsentLack::Withdrawn)) => v1::ConsentState::Withdrawn,
    }
}
