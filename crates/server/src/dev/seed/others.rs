//! What goes beside a contact request: supplements, child concerns, the prosecution's case and notices, and what social services send.

use brygga_client::content_v1::HearingState;
use brygga_client::{content, v1};
use brygga_domain::{ClosingOutcome, Code, FactCode, Purpose, ReferralKind, ReturnReason, WithholdReason};

use super::cast::{POLICE, PROSECUTION, SOLNA, Sent, Who};
use super::letter::{Asserted, HARMLESS, Letter, on_consent};
use super::paper::Pen;
use super::plan::{Concern, Handover, Notice, Reply, Supplement};
use super::play::{KLARA, RVC, SARA, Scene};

/// The second officer of the police, who also receives.
const NILS: Who = (POLICE, "nils");
/// The prosecutor.
const ASTA: Who = (PROSECUTION, "asta");
const CHAMBER: &str = "vasterort-aklagare-kammare";
const POLICE_FUNCTION: &str = "vasterort-polis-brottsoffer";
const OWN_TASK: &[FactCode] = &[FactCode::NecessaryForOwnTask];
const CHILD_DUTY: &[FactCode] = &[FactCode::ChildMayFareBadly, FactCode::IndividualAssessment];
const BALANCE: &[FactCode] = &[FactCode::BalanceObvious, FactCode::NotContraryToStatute];
const CRIME: &[FactCode] = &[FactCode::ImportantForInvestigation];
/// Gross violation of a woman's integrity (BrB 4:4 a), as the offence table names it.
const CRIME_NAME: &str = "GROV_KVINNOFRIDSKRANKNING";

/// Plays what goes beside the contact request.
pub async fn play(scene: &Scene<'_>, request: Option<&Sent>) -> anyhow::Result<()> {
    let case = scene.pen.case;
    let thread = request.map(|sent| sent.thread.as_str());
    if let Some(kind) = case.supplement {
        supplement(scene, kind, thread).await?;
    }
    if let Some(outcome) = case.concern {
        concern(scene, outcome, thread).await?;
    }
    if let Some(outcome) = case.handover {
        handover(scene, outcome, thread).await?;
    }
    if let Some(kind) = case.notice {
        notice(scene, kind, thread).await?;
    }
    if let Some(kind) = case.reply {
        reply(scene, kind, thread).await?;
    }
    Ok(())
}

async fn take(scene: &Scene<'_>, sent: &Sent, by: Who, step: &str) -> anyhow::Result<()> {
    scene.cast.open(by, &scene.key(&format!("open {step}")), sent).await?;
    let request = v1::AcceptReferralRequest { referral: sent.id.clone(), ..Default::default() };
    scene.cast.write(by, &scene.key(&format!("accept {step}")), request).await?;
    scene.cast.tally("accepted");
    Ok(())
}

async fn close(scene: &Scene<'_>, sent: &Sent, by: Who, outcome: ClosingOutcome) -> anyhow::Result<()> {
    let closing = v1::Closing { outcome: outcome.number(), ..Default::default() };
    let request = v1::CloseReferralRequest { referral: sent.id.clone(), closing: Some(closing), ..Default::default() };
    scene.cast.write(by, &scene.key(&format!("close {}", sent.kind)), request).await?;
    scene.cast.tally(&format!("closed {outcome}"));
    Ok(())
}

async fn supplement(scene: &Scene<'_>, kind: Supplement, thread: Option<&str>) -> anyhow::Result<()> {
    let pen = scene.pen;
    let letter = Letter::new(ReferralKind::ReportedOffence, pen, scene.mark).person(pen, "victim-1").of_thread(thread);
    match kind {
        Supplement::SuspectUndecided => {
            // The prosecutor leads and has not said yet that the investigation bears it: nothing of this leaves.
            let letter = about_suspect(scene, letter).led_by(PROSECUTION);
            let persons = letter.decision(Asserted::new(OWN_TASK, "Needed to keep her safe during the investigation."), but_not_the_investigation);
            let letter = letter.with_decision(persons);
            scene.cast.submit(KLARA, &scene.key("supplement"), SOLNA, letter.to(RVC)).await?;
            scene.cast.tally("supplement blocked: investigation undecided");
        }
        Supplement::SuspectCleared => {
            let letter = about_suspect(scene, letter).led_by(PROSECUTION);
            let reasons = Asserted::new(OWN_TASK, "Needed to keep her safe during the investigation.");
            let (persons, investigation) = (letter.decision(reasons, but_not_the_investigation), letter.decision(reasons, only_the_investigation));
            let sent = scene.cast.submit(KLARA, &scene.key("supplement"), SOLNA, letter.with_decision(persons).to(RVC)).await?;
            let request = v1::DecideClearanceRequest { referral: sent.id.clone(), decision: Some(investigation), ..Default::default() };
            scene.cast.write(ASTA, &scene.key("leader decides"), request).await?;
            take(scene, &sent, SARA, "supplement").await?;
        }
        Supplement::Risk => risk(scene, letter).await?,
        Supplement::Children => children(scene, letter).await?,
    }
    Ok(())
}

fn about_suspect(scene: &Scene<'_>, letter: Letter) -> Letter {
    let (pen, both) = (scene.pen, ["victim-1", "suspect-1"]);
    let letter = letter.person(pen, "suspect-1").section(&both, true, pen.offence());
    letter.section(&["suspect-1"], true, pen.suspect()).section(&both, true, pen.measures())
}

fn but_not_the_investigation(interest: &str) -> Option<&'static str> {
    only_the_investigation(interest).is_none().then_some("NECESSARY_OWN")
}

fn only_the_investigation(interest: &str) -> Option<&'static str> {
    (interest == brygga_wire::view::INVESTIGATION).then_some("NECESSARY_OWN")
}

/// The general clause wants a second officer, who decides before the section leaves.
async fn risk(scene: &Scene<'_>, letter: Letter) -> anyhow::Result<()> {
    let pen = scene.pen;
    let letter = letter.person(pen, "suspect-1").section(&["victim-1", "suspect-1"], true, pen.risk());
    let decision = letter.decision(Asserted::new(BALANCE, "Her life may depend on that the RVC knows of the risk."), |_| Some("GENERAL_CLAUSE"));
    let second = v1::Decision { reasons: String::from("What is at stake for her outweighs, by far."), ..decision.clone() };
    let sent = scene.cast.submit(KLARA, &scene.key("supplement"), SOLNA, letter.to(RVC)).await?;
    let request = v1::DecideClearanceRequest { referral: sent.id.clone(), decision: Some(decision), ..Default::default() };
    scene.cast.write(KLARA, &scene.key("decide risk"), request).await?;
    let request = v1::ConfirmClearanceRequest { referral: sent.id.clone(), decision: Some(second), ..Default::default() };
    scene.cast.write(NILS, &scene.key("confirm risk"), request).await?;
    take(scene, &sent, SARA, "supplement").await?;
    close(scene, &sent, SARA, ClosingOutcome::Noted).await
}

/// The mother's consent never covers the child: the attempt is refused, and the section is withheld.
async fn children(scene: &Scene<'_>, letter: Letter) -> anyhow::Result<()> {
    let pen = scene.pen;
    let letter = letter.person(pen, "child-1").section(&["child-1"], false, pen.children());
    let terms = letter.her_terms(pen, RVC, Purpose::Support);
    let tried = letter.decision(Asserted::new(&[], "Her mother consents."), |_| Some("CONSENT"));
    let sent = scene.cast.submit(KLARA, &scene.key("supplement"), SOLNA, letter.with_consent(terms).to(RVC)).await?;
    let request = v1::DecideClearanceRequest { referral: sent.id.clone(), decision: Some(tried.clone()), ..Default::default() };
    scene.cast.write_refused(KLARA, &scene.key("try the mother's consent"), request).await?;
    let withhold = v1::cell_decision::Outcome::Withhold(v1::WithholdOutcome { reason: WithholdReason::HarmNotExcluded.number(), nameable: false });
    let cells = tried.cells.into_iter().map(|decided| v1::CellDecision { outcome: Some(withhold.clone()), ..decided }).collect();
    let decision =
        v1::Decision { cells, answers: Some(v1::Answers::default()), reasons: String::from("Harm to the child is not excluded."), ..Default::default() };
    let request = v1::DecideClearanceRequest { referral: sent.id.clone(), decision: Some(decision), ..Default::default() };
    scene.cast.write(KLARA, &scene.key("withhold children"), request).await?;
    scene.cast.tally("supplement withheld");
    Ok(())
}

async fn concern(scene: &Scene<'_>, outcome: Concern, thread: Option<&str>) -> anyhow::Result<()> {
    let (pen, district) = (scene.pen, scene.pen.case.district);
    let mut letter = Letter::new(ReferralKind::ChildConcern, pen, scene.mark).person(pen, "child-1").person(pen, "custodian-1").of_thread(thread);
    letter = letter.section(&["child-1"], false, pen.child()).section(&["custodian-1"], false, pen.custodians());
    letter = letter.section(&["child-1", "custodian-1"], true, pen.concern());
    let asserted = Asserted { age: Some(pen.people.child_age), ..Asserted::new(CHILD_DUTY, "The child heard it; assessed on its own.") };
    let decision = letter.decision(asserted, |_| Some("DUTY_CHILD_REPORT"));
    let sent = scene.cast.submit(KLARA, &scene.key("concern"), district.board, letter.with_decision(decision).to(district.function)).await?;
    let by = (district.board, "bo");
    let inquiry = match outcome {
        Concern::Opened => ClosingOutcome::InquiryOpened,
        Concern::NotOpened => ClosingOutcome::InquiryNotOpened,
        Concern::Running => ClosingOutcome::InquiryAlreadyRunning,
        Concern::Waiting => return Ok(()),
        Concern::WrongBoard => {
            let reason = ReturnReason::WrongBoard;
            let request = v1::ReturnReferralRequest { referral: sent.id.clone(), reason: reason.number(), ..Default::default() };
            scene.cast.write(by, &scene.key("wrong board"), request).await?;
            scene.cast.tally(&format!("returned {reason}"));
            return Ok(());
        }
    };
    take(scene, &sent, by, "concern").await?;
    close(scene, &sent, by, inquiry).await
}

async fn handover(scene: &Scene<'_>, outcome: Handover, thread: Option<&str>) -> anyhow::Result<()> {
    let (pen, both) = (scene.pen, ["victim-1", "suspect-1"]);
    let mut letter = Letter::new(ReferralKind::CaseHandover, pen, scene.mark).person(pen, "victim-1").person(pen, "suspect-1").of_thread(thread);
    letter = letter.section(&["victim-1"], false, pen.victim()).section(&both, true, pen.offence());
    letter = letter.section(&both, true, pen.parties()).section(&["victim-1"], false, Pen::wish());
    let decision = letter.decision(Asserted::new(OWN_TASK, "The case goes to the prosecutor who is to lead it."), |_| Some("NECESSARY_OWN"));
    let sent = scene.cast.submit(KLARA, &scene.key("handover"), PROSECUTION, letter.with_decision(decision).to(CHAMBER)).await?;
    match outcome {
        Handover::Waiting => Ok(()),
        Handover::Accepted => take(scene, &sent, ASTA, "handover").await,
        Handover::Noted => {
            take(scene, &sent, ASTA, "handover").await?;
            close(scene, &sent, ASTA, ClosingOutcome::Noted).await
        }
    }
}

async fn notice(scene: &Scene<'_>, notice: Notice, thread: Option<&str>) -> anyhow::Result<()> {
    let (pen, hearing) = (scene.pen, scene.cast.uuid(&scene.key("hearing id")));
    let kind = match notice {
        Notice::Hearing | Notice::HearingMoved => ReferralKind::Hearing,
        Notice::Decision => ReferralKind::Decision,
        Notice::Custody => ReferralKind::CustodyOrBan,
    };
    let mut letter = Letter::new(kind, pen, scene.mark).person(pen, "victim-1").of_thread(thread);
    letter = letter.section(&["victim-1"], false, pen.victim());
    letter = match notice {
        Notice::Hearing | Notice::HearingMoved | Notice::Decision => letter.section(&["victim-1"], true, pen.notice(notice, &hearing)),
        Notice::Custody => letter.person(pen, "suspect-1").section(&["victim-1", "suspect-1"], true, pen.notice(notice, &hearing)),
    };
    let terms = letter.her_terms(pen, RVC, Purpose::Support);
    let decision = letter.decision(Asserted::new(HARMLESS, "She wants the RVC to know; the suspect knows it already."), |interest| {
        on_consent(interest).or((interest == "suspect-1").then_some("NO_HARM"))
    });
    let again = moved_hearing(&decision);
    let letter = letter.with_consent(terms).with_decision(decision);
    let sent = scene.cast.submit(ASTA, &scene.key("notice"), SOLNA, letter.to(RVC)).await?;
    take(scene, &sent, SARA, "notice").await?;
    if notice != Notice::HearingMoved {
        return close(scene, &sent, SARA, ClosingOutcome::Noted).await;
    }
    let moved = v1::AmendedSection { number: 2, content: content::encode(pen.hearing(&hearing, 21, HearingState::Moved)) };
    let request = v1::AmendReferralRequest { referral: sent.id.clone(), sections: vec![moved], ..Default::default() };
    scene.cast.write(ASTA, &scene.key("move the hearing"), request).await?;
    let request = v1::DecideClearanceRequest { referral: sent.id.clone(), decision: Some(again), ..Default::default() };
    scene.cast.write(ASTA, &scene.key("decide the move"), request).await?;
    scene.cast.tally("hearing moved");
    scene.cast.open(SARA, &scene.key("open the move"), &sent).await
}

async fn reply(scene: &Scene<'_>, reply: Reply, thread: Option<&str>) -> anyhow::Result<()> {
    let (pen, victim) = (scene.pen, ["victim-1"]);
    let letter = |kind| Letter::new(kind, pen, scene.mark).person(pen, "victim-1").of_thread(thread).section(&victim, false, pen.victim());
    let (letter, to, by) = match reply {
        Reply::Support => {
            let letter = letter(ReferralKind::Support).section(&victim, false, Pen::support());
            let terms = letter.her_terms(pen, CHAMBER, Purpose::Proceedings);
            let decision = letter.decision(Asserted::new(&[], "She wants the prosecutor to know."), on_consent);
            (letter.with_consent(terms).with_decision(decision), CHAMBER, ASTA)
        }
        Reply::Risk => {
            let letter = letter(ReferralKind::Risk).person(pen, "suspect-1").section(&["victim-1", "suspect-1"], false, Pen::risk_notice());
            let asserted = Asserted { offence: CRIME_NAME, ..Asserted::new(CRIME, "It matters for the investigation of the crime against her.") };
            let decision = letter.decision(asserted, |_| Some("COMMITTED_CRIME_SERIOUS"));
            (letter.with_decision(decision), POLICE_FUNCTION, NILS)
        }
        Reply::ContactData => {
            let letter = letter(ReferralKind::ContactReply).section(&victim, false, pen.contact_data());
            let decision = letter.decision(Asserted::new(HARMLESS, "She has given the number for this."), |_| Some("NO_HARM"));
            (letter.with_decision(decision), CHAMBER, ASTA)
        }
        Reply::Moved => {
            let (board, function) = moved_to(scene);
            let letter = letter(ReferralKind::Handover).section(&victim, false, pen.safe_contact());
            let terms = letter.her_terms(pen, function, Purpose::Support);
            let decision = letter.decision(Asserted::new(&[], "She moves and wants the support to go on."), on_consent);
            (letter.with_consent(terms).with_decision(decision), function, (board, "bo"))
        }
    };
    let sent = scene.cast.submit(SARA, &scene.key("reply"), by.0, letter.to(to)).await?;
    take(scene, &sent, by, "reply").await
}

/// Where she moves: her district's board, or another one if that is the sender itself.
fn moved_to(scene: &Scene<'_>) -> (&'static str, &'static str) {
    let district = scene.pen.case.district;
    if district.board == SOLNA { ("sundbyberg-soc", "sundbyberg-mottagning") } else { (district.board, district.function) }
}

/// The same decision about the hearing's second revision.
fn moved_hearing(decision: &v1::Decision) -> v1::Decision {
    let of_hearing = |decided: &&v1::CellDecision| decided.cell.as_ref().is_some_and(|cell| cell.section == 2);
    let mut cells: Vec<v1::CellDecision> = decision.cells.iter().filter(of_hearing).cloned().collect();
    for decided in &mut cells {
        if let Some(v1::cell_decision::Outcome::Release(release)) = &mut decided.outcome {
            release.revision = 2;
        }
    }
    v1::Decision { cells, ..decision.clone() }
}
