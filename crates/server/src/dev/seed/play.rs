//! Plays one report: the offer, the contact request, and what the RVC answers.

use anyhow::Context as _;
use brygga_client::v1;
use brygga_domain::{Category, ClosingOutcome, Code, ContactOutcome, DeclineReason, Purpose, ReferralKind, RetractReason, ReturnReason, SafeChannel};
use brygga_domain::{StopUseAnswer, SupportKind, SupportPhase, Time};

use super::cast::{Cast, POLICE, SOLNA, Sent, Who};
use super::letter::{Asserted, HARMLESS, Letter, after, on_consent};
use super::others;
use super::paper::{Pen, minutes_before, stamp};
use super::people::people;
use super::plan::{Case, Course, Fate};

/// The officer of the police who records, submits and clears.
pub const KLARA: Who = (POLICE, "klara");
/// The officer of the RVC.
pub const SARA: Who = (SOLNA, "sara");
/// The RVC.
pub const RVC: &str = "solna-rvc";

const MINUTES_PER_HOUR: u32 = 60;

/// Everything that is needed to act in one case.
pub struct Scene<'a> {
    /// Who acts.
    pub cast: &'a Cast,
    /// Writes what is said.
    pub pen: &'a Pen<'a>,
    /// The seed's own mark.
    pub mark: u64,
}

impl Scene<'_> {
    /// The key of one write of this case.
    pub fn key(&self, step: &str) -> String {
        format!("{} {step}", self.pen.case.number)
    }
}

/// Plays a whole report.
pub async fn report(cast: &Cast, mark: u64, anchor: Time, told: Case) -> anyhow::Result<()> {
    let mut chance = told.chance.clone();
    let mut people = people(told.number, told.tongue, &mut chance);
    if told.fate == Fate::Request(Course::Minor) {
        // The published numbers belong to grown-ups.
        people.number = None;
    }
    let pen = Pen { case: &told, people: &people, reported_at: minutes_before(anchor, told.reported_ago) };
    let scene = Scene { cast, pen: &pen, mark };
    let offer = offer(&scene).await?;
    let request = match told.fate {
        Fate::Request(course) => Some(contact_request(&scene, course, &offer, chance.between(4, 40)).await?),
        Fate::YesNotYet | Fate::No | Fate::Later | Fate::NotOffered(_) => None,
    };
    others::play(&scene, request.as_ref()).await
}

async fn offer(scene: &Scene<'_>) -> anyhow::Result<String> {
    let case = scene.pen.case;
    let result = match case.answer() {
        Ok(answer) => v1::offer::Result::Answer(answer.number()),
        Err(reason) => v1::offer::Result::NotOffered(reason.number()),
    };
    let offer = v1::Offer {
        result: Some(result),
        language: case.tongue.code.to_owned(),
        interpreter: case.tongue.interpreter,
        relationship: case.relationship.number(),
        district: case.district.code.to_owned(),
        reported_at: Some(stamp(scene.pen.reported_at)),
    };
    let request = v1::RecordOfferRequest { offer: Some(offer), ..Default::default() };
    Ok(scene.cast.write(KLARA, &scene.key("offer"), request).await?.offer_id)
}

async fn contact_request(scene: &Scene<'_>, course: Course, offer: &str, hours: i64) -> anyhow::Result<Sent> {
    let pen = scene.pen;
    let (host, recipient) = if course == Course::Minor { (pen.case.district.board, pen.case.district.function) } else { (SOLNA, RVC) };
    let victim = &["victim-1"];
    let mut letter = Letter::new(ReferralKind::ContactRequest, pen, scene.mark).person(pen, "victim-1").after_offer(offer);
    letter = letter.section(victim, false, pen.victim()).section(victim, false, pen.safe_contact()).section(victim, true, pen.heading());
    if pen.case.tongue.interpreter {
        letter = letter.section(victim, false, pen.interpreter());
    }
    if pen.case.number.is_multiple_of(2) {
        letter = letter.section(victim, false, Pen::needs());
    }
    if course != Course::NoConsent {
        let terms = letter.her_terms(pen, recipient, Purpose::Support);
        letter = letter.with_consent(terms);
    }
    if !matches!(course, Course::NoConsent | Course::Undecided) {
        let reasons = "She asks for support and consents; the heading alone harms no step of the investigation.";
        let decision = letter.decision(Asserted::new(HARMLESS, reasons), on_consent);
        letter = letter.with_decision(decision);
    }
    let sent = scene.cast.submit(KLARA, &scene.key("contact request"), host, letter.to(recipient)).await?;
    let by = if host == SOLNA { SARA } else { (host, "bo") };
    answer(scene, course, (&sent, by), u32::try_from(hours).unwrap_or(4)).await?;
    Ok(sent)
}

/// What the recipient does with a contact request.
async fn answer(scene: &Scene<'_>, course: Course, to: (&Sent, Who), hours: u32) -> anyhow::Result<()> {
    match course {
        Course::NoConsent | Course::Undecided | Course::Waiting => Ok(()),
        Course::Opened => open(scene, to).await,
        Course::NoCapacity => decline(scene, to, DeclineReason::NoCapacity).await,
        Course::Conflict => decline(scene, to, DeclineReason::ConflictOfInterest).await,
        Course::Returned => send_back(scene, to).await,
        Course::Minor => accept(scene, to).await,
        Course::Attempted => {
            accept(scene, to).await?;
            contact(scene, to, (ContactOutcome::Attempted, "attempt"), 30).await
        }
        Course::Reached => reached(scene, to, hours).await,
        Course::ReachedLate => {
            accept(scene, to).await?;
            contact(scene, to, (ContactOutcome::Attempted, "attempt"), 30).await?;
            contact(scene, to, (ContactOutcome::Reached, "contact"), hours + 48).await
        }
        Course::Supported => supported(scene, to, hours, &[SupportPhase::BeforeTrial]).await,
        Course::SupportedLong => supported(scene, to, hours, &[SupportPhase::BeforeTrial, SupportPhase::DuringTrial, SupportPhase::AfterTrial]).await,
        Course::Ended => ended(scene, to, hours).await,
        Course::Withdrawn => withdrawn(scene, to).await,
        Course::Retracted => retracted(scene, to).await,
    }
}

async fn open(scene: &Scene<'_>, (sent, by): (&Sent, Who)) -> anyhow::Result<()> {
    scene.cast.open(by, &scene.key("open contact request"), sent).await
}

async fn accept(scene: &Scene<'_>, to: (&Sent, Who)) -> anyhow::Result<()> {
    open(scene, to).await?;
    let (sent, by) = to;
    let request = v1::AcceptReferralRequest { referral: sent.id.clone(), ..Default::default() };
    scene.cast.write(by, &scene.key("accept contact request"), request).await?;
    scene.cast.tally("accepted");
    Ok(())
}

async fn decline(scene: &Scene<'_>, (sent, by): (&Sent, Who), reason: DeclineReason) -> anyhow::Result<()> {
    let request = v1::DeclineReferralRequest { referral: sent.id.clone(), reason: reason.number(), ..Default::default() };
    scene.cast.write(by, &scene.key("decline"), request).await?;
    scene.cast.tally(&format!("declined {reason}"));
    Ok(())
}

async fn send_back(scene: &Scene<'_>, to: (&Sent, Who)) -> anyhow::Result<()> {
    let incomplete = !scene.pen.case.block().is_multiple_of(2);
    let (reason, missing) = if incomplete { (ReturnReason::Incomplete, vec![Category::SupportNeeds.number()]) } else { (ReturnReason::WrongFunction, vec![]) };
    if incomplete {
        open(scene, to).await?;
    }
    let (sent, by) = to;
    let request = v1::ReturnReferralRequest { referral: sent.id.clone(), reason: reason.number(), missing, ..Default::default() };
    scene.cast.write(by, &scene.key("return"), request).await?;
    scene.cast.tally(&format!("returned {reason}"));
    Ok(())
}

async fn contact(scene: &Scene<'_>, (sent, by): (&Sent, Who), how: (ContactOutcome, &str), hours: u32) -> anyhow::Result<()> {
    let (outcome, step) = how;
    let minutes = hours.saturating_mul(MINUTES_PER_HOUR);
    let contact = v1::Contact {
        outcome: outcome.number(),
        at: Some(after(scene.pen.reported_at, minutes)),
        channel: SafeChannel::Telephone.number(),
        interpreter: scene.pen.case.tongue.interpreter,
        next_try_at: (outcome == ContactOutcome::Attempted).then(|| after(scene.pen.reported_at, minutes.saturating_add(12 * MINUTES_PER_HOUR))),
    };
    let request = v1::RecordContactRequest { referral: sent.id.clone(), contact: Some(contact), ..Default::default() };
    scene.cast.write(by, &scene.key(step), request).await?;
    scene.cast.tally(match outcome {
        ContactOutcome::Attempted => "contact attempted",
        ContactOutcome::Reached if hours <= 48 => "reached within 48 h",
        ContactOutcome::Reached => "reached later",
        ContactOutcome::EndedDeclined => "contact ended: she declined",
        ContactOutcome::EndedUnsafe => "contact ended: not safely",
    });
    Ok(())
}

async fn reached(scene: &Scene<'_>, to: (&Sent, Who), hours: u32) -> anyhow::Result<()> {
    accept(scene, to).await?;
    contact(scene, to, (ContactOutcome::Reached, "contact"), hours).await
}

async fn supported(scene: &Scene<'_>, to: (&Sent, Who), hours: u32, phases: &[SupportPhase]) -> anyhow::Result<()> {
    reached(scene, to, hours).await?;
    let mut support = vec![SupportKind::CrisisTalks.number(), SupportKind::LegalInformation.number()];
    if phases.len() > 1 {
        support.extend([SupportKind::Accompaniment.number(), SupportKind::PracticalHelp.number()]);
    }
    let phases = phases.iter().map(|phase| phase.number()).collect();
    close(scene, to, v1::Closing { outcome: ClosingOutcome::Supported.number(), phases, support }).await
}

async fn close(scene: &Scene<'_>, (sent, by): (&Sent, Who), closing: v1::Closing) -> anyhow::Result<()> {
    let outcome = ClosingOutcome::from_number(closing.outcome).context("an outcome without a number")?;
    let request = v1::CloseReferralRequest { referral: sent.id.clone(), closing: Some(closing), ..Default::default() };
    scene.cast.write(by, &scene.key("close"), request).await?;
    scene.cast.tally(&format!("closed {outcome}"));
    Ok(())
}

async fn ended(scene: &Scene<'_>, to: (&Sent, Who), hours: u32) -> anyhow::Result<()> {
    let (contacted, outcome) = if scene.pen.case.block().is_multiple_of(2) {
        (ContactOutcome::EndedDeclined, ClosingOutcome::DeclinedByHer)
    } else {
        (ContactOutcome::EndedUnsafe, ClosingOutcome::NotReachedSafely)
    };
    accept(scene, to).await?;
    contact(scene, to, (contacted, "contact"), hours).await?;
    close(scene, to, v1::Closing { outcome: outcome.number(), ..Default::default() }).await
}

async fn withdrawn(scene: &Scene<'_>, to: (&Sent, Who)) -> anyhow::Result<()> {
    const ANSWERS: [StopUseAnswer; 3] = [StopUseAnswer::Stopped, StopUseAnswer::NotYetUsed, StopUseAnswer::ContinuesOnOwnProvision];
    accept(scene, to).await?;
    let (sent, by) = to;
    let police = scene.cast.client(POLICE)?;
    let consents = police.list_consents(v1::ListConsentsRequest { referral: sent.id.clone(), ..Default::default() }).await?;
    let consent_id = consents.consents.into_iter().next().context("no consent is on record")?.id;
    let request = v1::WithdrawConsentRequest { referral: sent.id.clone(), consent_id, ..Default::default() };
    scene.cast.write(KLARA, &scene.key("withdraw"), request).await?;
    scene.cast.tally("consent withdrawn");
    let name = Some(v1::get_referral_request::Name::Referral(sent.id.clone()));
    let view = police.get_referral(v1::GetReferralRequest { name, ..Default::default() }).await?.referral.context("an answer without a referral")?;
    for notice in view.notices {
        let answer = ANSWERS.get(scene.pen.case.block() % ANSWERS.len()).copied().unwrap_or(StopUseAnswer::Stopped);
        let request = v1::AcknowledgeStopUseRequest { referral: sent.id.clone(), notice: notice.position, answer: answer.number(), ..Default::default() };
        scene.cast.write(by, &scene.key("stop use"), request).await?;
        scene.cast.tally(&format!("stop-use {answer}"));
    }
    Ok(())
}

async fn retracted(scene: &Scene<'_>, to: (&Sent, Who)) -> anyhow::Result<()> {
    let (sent, by) = to;
    let recall = scene.pen.case.block().is_multiple_of(2);
    let reason = if recall { RetractReason::ReportWithdrawn } else { RetractReason::Misdirected };
    if recall {
        open(scene, to).await?;
    }
    let request = v1::RetractReferralRequest { referral: sent.id.clone(), reason: reason.number(), ..Default::default() };
    scene.cast.write(KLARA, &scene.key("retract"), request).await?;
    scene.cast.tally(&format!("retracted {reason}"));
    if recall {
        let request = v1::AcknowledgeRecallRequest { referral: sent.id.clone(), ..Default::default() };
        scene.cast.write(by, &scene.key("recall"), request).await?;
        scene.cast.tally("recall confirmed");
    }
    Ok(())
}
