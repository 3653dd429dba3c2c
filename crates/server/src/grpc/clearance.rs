//! `ClearanceService`: the sending agency's own review of secrecy, and the investigation's by its leader.
//!
//! A leader that is not the sender sees the cells of the investigation and nothing of the persons'.

use brygga_domain::event::Interest;
use brygga_domain::explain::Question;
use brygga_domain::{AgencyId, Digest, Facts, Known, Position, Referral, decide};
use brygga_engine::projection::number;
use brygga_engine::store::Reader;
use brygga_wire::convert::read::{self as wanted, Cursor};
use brygga_wire::v1::clearance_service_server::ClearanceService;
use brygga_wire::view::Clearing;
use brygga_wire::{convert, v1, view};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::command::{Done, served};
use super::read::{self, List, Sorted};
use super::status::Failed;

#[tonic::async_trait]
impl<R: Reader> ClearanceService for Rpc<R> {
    async fn list_pending_clearances(&self, request: Request<v1::ListPendingClearancesRequest>) -> Result<Response<v1::ListPendingClearancesResponse>, Status> {
        self.answered(self.pending(&request).await)
    }

    async fn assess_referral(&self, request: Request<v1::AssessReferralRequest>) -> Result<Response<v1::AssessReferralResponse>, Status> {
        self.answered(self.assessed(&request).await)
    }

    async fn decide_clearance(&self, request: Request<v1::DecideClearanceRequest>) -> Result<Response<v1::DecideClearanceResponse>, Status> {
        self.write(request).await
    }

    async fn confirm_clearance(&self, request: Request<v1::ConfirmClearanceRequest>) -> Result<Response<v1::ConfirmClearanceResponse>, Status> {
        self.write(request).await
    }

    async fn revoke_clearance(&self, request: Request<v1::RevokeClearanceRequest>) -> Result<Response<v1::RevokeClearanceResponse>, Status> {
        self.write(request).await
    }

    async fn declare_emergency(&self, request: Request<v1::DeclareEmergencyRequest>) -> Result<Response<v1::DeclareEmergencyResponse>, Status> {
        self.write(request).await
    }

    async fn review_emergency(&self, request: Request<v1::ReviewEmergencyRequest>) -> Result<Response<v1::ReviewEmergencyResponse>, Status> {
        self.write(request).await
    }
}

impl<R: Reader> Rpc<R> {
    async fn pending(&self, request: &Request<v1::ListPendingClearancesRequest>) -> Result<v1::ListPendingClearancesResponse, Failed> {
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let agency = by.agency.clone();
        let page = wanted::list_page(request.get_ref().page_size, &request.get_ref().page_token)?;
        let whose = agency.as_str().to_owned();
        let shows = |referral: &Referral| {
            let clearing = clears(&agency, referral).filter(|_| by.sees(referral))?;
            Some(view::clearance_referral(referral, clearing, self.broker.table()))
        };
        let (referrals, next_page_token) = self.sorted(Sorted { list: List::Pending, whose, page, key: due_first, shows }).await?;
        Ok(v1::ListPendingClearancesResponse { referrals, next_page_token })
    }

    async fn assessed(&self, request: &Request<v1::AssessReferralRequest>) -> Result<v1::AssessReferralResponse, Failed> {
        let by = self.reads(request.extensions(), &request.get_ref().officer)?;
        let asked = request.get_ref();
        let known = convert::known(asked.known.clone())?;
        let barred = self.is_barred(&by.agency).await?.then_some(&by.agency);
        let question = Question { table: self.broker.table(), now: self.broker.now(), known: &known, barred };
        if let Some(draft) = &asked.draft {
            return self.draft_assessed(draft.clone(), &by.agency, question);
        }
        let name = wanted::referral_name(&asked.referral)?;
        let (referral, clearing) = self.referral(read::key(name), &by, |referral| clears(&by.agency, referral)).await?;
        let shown = view::clearance_referral(&referral, clearing, question.table);
        // Of one that has ended nothing passes any more; its emergencies can still be reviewed, and what left in one confirmed.
        if referral.stage.is_ended() {
            return Ok(v1::AssessReferralResponse { referral: Some(shown), ..Default::default() });
        }
        let (passing, blocked) = view::explanations(&referral, |interest| sees(clearing, interest), question);
        let passing = match clearing {
            Clearing::Sender => passing,
            // Whether the persons' cells pass is not the leader's to know: for it a section passes when the investigation's cell does.
            Clearing::Leader => shown.sections.iter().map(|section| section.number).filter(|number| blocked.iter().all(|one| one.section != *number)).collect(),
        };
        Ok(v1::AssessReferralResponse { referral: Some(shown), passing, blocked, warnings: Vec::new() })
    }
}

impl<R: Reader> Rpc<R> {
    /// Whether the agency can declare no emergency, one having waited too long for its review.
    async fn is_barred(&self, agency: &AgencyId) -> Result<bool, Failed> {
        let (agency, now) = (agency.to_string(), self.broker.now().micros());
        let open = self.ask(move |reader| Box::pin(async move { reader.open_reviews(&agency).await })).await?;
        Ok(open.iter().any(|review| review.review_due_at <= now))
    }

    /// Assesses what was not submitted, by the rules of a submission. Nothing is written, and nothing of the draft is kept.
    fn draft_assessed(&self, draft: v1::SubmitReferralRequest, agency: &AgencyId, question: Question<'_, '_>) -> Result<v1::AssessReferralResponse, Failed> {
        let mut asked = convert::draft(draft, &self.door, agency).map_err(|malformed| malformed.within("draft"))?;
        let warnings = std::mem::take(&mut asked.warnings);
        let command = asked.command(agency.clone(), Digest([0; 32]), self.broker.entropy()?);
        let (directory, known) = (self.broker.directory(), Known::default());
        let facts = Facts { now: question.now, next: Position(0), directory: &directory, table: question.table, referral: None, known: &known };
        let referral = decide::draft(&command, facts).map_err(Failed::Refused)?;
        let (passing, blocked) = view::explanations(&referral, |_| true, question);
        let stands =
            v1::ClearanceReferral { id: String::new(), reference: String::new(), ..view::clearance_referral(&referral, Clearing::Sender, question.table) };
        Ok(v1::AssessReferralResponse { referral: Some(stands), passing, blocked, warnings: view::warnings("draft.", &warnings) })
    }
}

/// In which part the agency clears the referral, if it does. A leader has a part only in sections that touch the investigation.
fn clears(agency: &AgencyId, referral: &Referral) -> Option<Clearing> {
    if referral.sender == *agency { Some(Clearing::Sender) } else { referral.is_cleared_by(agency).then_some(Clearing::Leader) }
}

fn sees(clearing: Clearing, interest: Interest) -> bool {
    match (clearing, interest) {
        (Clearing::Sender, Interest::Person(_) | Interest::Investigation) | (Clearing::Leader, Interest::Investigation) => true,
        (Clearing::Leader, Interest::Person(_)) => false,
    }
}

fn due_first(referral: &Referral) -> Cursor {
    Cursor(vec![referral.contact_due_at.map_or(i64::MAX, brygga_domain::Time::micros), number(referral.first.0)])
}

fn stands(done: &Done) -> Result<v1::ClearanceReferral, Failed> {
    let referral = done.referral()?;
    let clearing = clears(&done.agency, referral).ok_or(Failed::Bug("an agency cleared a referral in which it has no part"))?;
    Ok(view::clearance_referral(referral, clearing, &done.table))
}

served! {
    DecideClearanceRequest decide_clearance => |done| Ok(v1::DecideClearanceResponse { referral: Some(stands(done)?), warnings: done.warnings(), ..Default::default() });
    ConfirmClearanceRequest confirm_clearance => |done| Ok(v1::ConfirmClearanceResponse { referral: Some(stands(done)?), warnings: done.warnings(), ..Default::default() });
    RevokeClearanceRequest revoke_clearance => |done| Ok(v1::RevokeClearanceResponse { referral: Some(stands(done)?), ..Default::default() });
    DeclareEmergencyRequest declare_emergency => |done| Ok(v1::DeclareEmergencyResponse { referral: Some(stands(done)?), ..Default::default() });
    ReviewEmergencyRequest review_emergency => |done| Ok(v1::ReviewEmergencyResponse { referral: Some(stands(done)?), ..Default::default() });
}
