//! Why something is blocked and what would make it pass, as messages. The texts are the domain's and the ground table's.

use brygga_domain::event::Interest;
use brygga_domain::explain::{self, Explanation, Question, Way};
use brygga_domain::gate::{ConsentLack, Why};
use brygga_domain::grounds::{Condition, Ground, Text, Unlawful};
use brygga_domain::referral::Referral;
use brygga_domain::refusal::Reason;
use brygga_domain::{Code as _, WithholdReason};

use super::interest;
use crate::v1;

/// The stable reason behind a block.
pub fn block_reason(why: &Why) -> Reason {
    match why {
        Why::NoProtectedInterest | Why::Undecided | Why::SecondOfficerMissing | Why::Withheld(_) => Reason::NotCleared,
        Why::Destroyed => Reason::ContentDestroyed,
        Why::Consent(ConsentLack::Missing) => Reason::ConsentMissing,
        Why::Consent(ConsentLack::OtherPerson) => Reason::ConsentOfAnother,
        Why::Consent(ConsentLack::OtherRecipient) => Reason::ConsentOtherRecipient,
        Why::Consent(ConsentLack::OtherCategory) => Reason::ConsentOtherCategory,
        Why::Consent(ConsentLack::OtherPurpose) => Reason::ConsentOtherPurpose,
        Why::Consent(ConsentLack::Expired) => Reason::ConsentExpired,
        Why::Consent(ConsentLack::Withdrawn) => Reason::ConsentWithdrawn,
        Why::Ground(Unlawful::Unknown) => Reason::GroundUnknown,
        Why::Ground(Unlawful::NotInForce) => Reason::GroundNotInForce,
        Why::Ground(Unlawful::NeverClears) => Reason::GroundNeverClears,
        Why::Ground(Unlawful::OtherDirection | Unlawful::OtherCategory | Unlawful::Barred(_)) => Reason::GroundNotForThis,
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
        Why::Withheld(reason) if *reason != WithholdReason::OfficersDiffer => (
            "WITHHELD",
            "Det är beslutat att uppgiften inte lämnas ut; återkalla det beslutet innan ett nytt fattas.",
            "It was decided that it stays; revoke that decision before another is made.",
        ),
        Why::Withheld(_) => ("WITHHELD", "Det är beslutat att uppgiften inte lämnas ut.", "It was decided that it stays."),
        Why::Destroyed | Why::Consent(_) | Why::Ground(_) => {
            let reason = block_reason(why);
            (reason.code(), reason.swedish(), reason.english())
        }
    }
}

fn text(sv: &str, en: &str) -> v1::Text {
    v1::Text { sv: sv.to_owned(), en: en.to_owned() }
}

/// One block, with every lawful way around it today.
pub fn explanation(referral: &Referral, explained: &Explanation<'_>) -> v1::Explanation {
    let Explanation { block, secrecies, ways } = explained;
    let (code, sv, en) = lack(&block.why);
    v1::Explanation {
        section: block.section,
        category: block.category.number(),
        interest: block.interest.map_or_else(String::new, |held| interest(referral, held)),
        code: code.to_owned(),
        why: Some(text(sv, en)),
        provisions: secrecies.iter().map(|secrecy| secrecy.code.clone()).collect(),
        ways: ways.iter().map(way).collect(),
        protections: secrecies.iter().map(|secrecy| shown(&secrecy.text)).collect(),
    }
}

/// Every block of a referral, section by section, and the numbers of the sections that would pass now.
pub fn explanations(referral: &Referral, sees: impl Fn(Interest) -> bool, question: Question<'_, '_>) -> (Vec<u32>, Vec<v1::Explanation>) {
    let mut passing = Vec::new();
    let mut blocked = Vec::new();
    for section in referral.sections.iter().filter(|section| section.cells.is_empty() || section.cells.iter().any(|cell| sees(cell.interest))) {
        match explain::section(referral, section.number, question) {
            None => passing.push(section.number),
            Some(explained) => {
                // What holds for the section as a whole, as that its content is gone, depends on everybody's cells.
                let whole = section.cells.iter().all(|cell| sees(cell.interest));
                let own = explained.iter().filter(|explained| explained.block.interest.map_or(whole, &sees));
                blocked.extend(own.map(|explained| explanation(referral, explained)));
            }
        }
    }
    (passing, blocked)
}

fn shown(words: &Text) -> v1::Text {
    text(&words.sv, &words.en)
}

fn way(way: &Way<'_>) -> v1::Way {
    match way {
        Way::Ground { ground, consent, purposes, two_officers, open } => {
            let kind = if consent.is_some() {
                v1::WayKind::Consent
            } else if ground.is_duty() {
                v1::WayKind::Duty
            } else {
                v1::WayKind::Ground
            };
            let purposes = purposes.iter().map(|purpose| purpose.number()).collect();
            let (needs_consent, consent_state) = (consent.is_some(), consent_state(*consent).into());
            v1::Way { needs_consent, consent_state, purposes, ..on(ground, (open, *two_officers), kind) }
        }
        Way::OtherReferral { ground, kind, two_officers, open } => {
            v1::Way { referral_kind: kind.number(), ..on(ground, (open, *two_officers), v1::WayKind::OtherReferral) }
        }
        Way::SecondOfficer => v1::Way { kind: v1::WayKind::SecondOfficer.into(), second_officer: true, ..v1::Way::default() },
        Way::BreakGlass(rule) => v1::Way { kind: v1::WayKind::BreakGlass.into(), text: Some(shown(&rule.text)), ..v1::Way::default() },
        Way::Strip => v1::Way { kind: v1::WayKind::Strip.into(), ..v1::Way::default() },
    }
}

fn on(ground: &Ground, (open, second_officer): (&[&Condition], bool), kind: v1::WayKind) -> v1::Way {
    v1::Way {
        ground: ground.code.to_string(),
        provision: ground.provision.clone(),
        conditions: open.iter().map(ToString::to_string).collect(),
        second_officer,
        text: Some(shown(&ground.text)),
        kind: kind.into(),
        needs: open.iter().map(|condition| shown(&condition.text())).collect(),
        verified: ground.verified,
        legal_question: ground.legal_question.as_ref().map(shown),
        deadline: ground.deadline.as_ref().map(|deadline| shown(&deadline.text)),
        documents: ground.document.iter().map(shown).collect(),
        ..v1::Way::default()
    }
}

fn consent_state(consent: Option<Result<(), ConsentLack>>) -> v1::ConsentState {
    match consent {
        None => v1::ConsentState::Unspecified,
        Some(Ok(())) => v1::ConsentState::Carries,
        Some(Err(ConsentLack::Missing)) => v1::ConsentState::Missing,
        Some(Err(ConsentLack::OtherPerson)) => v1::ConsentState::OtherPerson,
        Some(Err(ConsentLack::OtherRecipient)) => v1::ConsentState::OtherRecipient,
        Some(Err(ConsentLack::OtherCategory)) => v1::ConsentState::OtherCategory,
        Some(Err(ConsentLack::OtherPurpose)) => v1::ConsentState::OtherPurpose,
        Some(Err(ConsentLack::Expired)) => v1::ConsentState::Expired,
        Some(Err(ConsentLack::Withdrawn)) => v1::ConsentState::Withdrawn,
    }
}
