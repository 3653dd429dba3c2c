//! Tools of a forger who holds the signing key, and what the auditor says to the result.

use brygga_domain::event::{ClearanceDecision, ConsentGiven, Event, Fact, Outcome, Submitted};
use brygga_domain::gate::{Released, ReleasedSection};
use brygga_verify::{Auditor, Code, Expected, Report, Trust, Verdict};

use crate::story::{Story, position, story};
use crate::world::{key, leaves, note, rechain};

/// The report on leaves under a trusted key.
pub fn audit(leaves: &[Vec<u8>], note: &[u8]) -> Report {
    let mut auditor = Auditor::new(Expected { trust: Trust::Pinned(key()), pin: None, tables: Vec::new() });
    for leaf in leaves {
        auditor.leaf(leaf);
    }
    auditor.report(note)
}

/// The report on events, encoded and signed with the true key.
pub fn audit_events(events: &[Event]) -> Report {
    let leaves = leaves(events);
    audit(&leaves, &note(&leaves))
}

/// Whether a finding of that code stands at that position.
pub fn names(report: &Report, code: Code, at: usize) -> bool {
    let at = u64::try_from(at).unwrap();
    report.findings.iter().any(|finding| finding.code == code && finding.position == Some(at))
}

/// A forgery: changes the story, and says which codes must stand at which positions.
pub type Forge = fn(&mut Story) -> Vec<(Code, usize)>;

/// Forges each row anew, signs it with the true key, and looks for the findings.
pub fn check(table: &[(&str, Forge)]) {
    for (what, forge) in table {
        let mut story = story();
        let expected = forge(&mut story);
        rechain(&mut story.events);
        let report = audit_events(&story.events);
        assert_eq!(report.verdict, Verdict::Failed, "{what}");
        assert!(!expected.is_empty(), "{what}");
        for (code, at) in expected {
            assert!(names(&report, code, at), "{what}: {code} at {at} is not among {:#?}", report.findings);
        }
    }
}

/// Where the story's release stands; sections 1 to 4 are its places 0 to 3.
pub fn release(story: &Story) -> usize {
    story.at("SectionsReleased")
}

/// The n-th decision.
pub fn decision(story: &mut Story, n: usize) -> &mut ClearanceDecision {
    let at = story.nth("ClearanceDecided", n);
    let Fact::ClearanceDecided(decision) = &mut story.event(at).fact else { panic!("no decision") };
    decision
}

/// Changes what the release says of its sections.
pub fn leaving(story: &mut Story, change: impl FnOnce(&mut Vec<ReleasedSection>)) {
    let at = release(story);
    let Fact::SectionsReleased { released, .. } = &mut story.event(at).fact else { panic!("no release") };
    let mut sections = released.sections().to_vec();
    change(&mut sections);
    *released = Released::read_back(sections);
}

/// The consent.
pub fn consent(story: &mut Story) -> &mut ConsentGiven {
    let at = story.at("ConsentRecorded");
    let Fact::ConsentRecorded(given) = &mut story.event(at).fact else { panic!("no consent") };
    given
}

/// The referral as submitted.
pub fn submitted(story: &mut Story) -> &mut Submitted {
    let at = story.at("ReferralSubmitted");
    let Fact::ReferralSubmitted(submitted) = &mut story.event(at).fact else { panic!("no submission") };
    submitted
}

/// Whether a released section has that number.
pub fn section_named(number: u32) -> impl Fn(&&mut ReleasedSection) -> bool {
    move |section| section.section == number
}

/// Puts a later position for an earlier one, as a forger does who moves what something rests on.
pub fn rest_on(story: &mut Story, old: usize, new: usize) {
    let (old, new) = (position(old), position(new));
    for event in &mut story.events {
        if let Fact::ClearanceDecided(decision) = &mut event.fact {
            for cell in &mut decision.cells {
                if let Outcome::Release { consent: Some(consent), .. } = &mut cell.outcome
                    && *consent == old
                {
                    *consent = new;
                }
            }
        }
    }
    leaving(story, |sections| {
        for section in sections {
            section.basis.iter_mut().filter(|at| **at == old).for_each(|at| *at = new);
            section.basis.sort_unstable();
        }
    });
}
