//! The closed lists of codes.
//!
//! A code's number is its number in `proto/brygga/journal/v1/codes.proto`, its text is what rows and people see; a test in the
//! journal crate holds the two lists equal. Numbers are never reused.

#[macro_use]
mod list;
mod answers;
mod clocks;
mod consent;
mod content;
mod facts;
mod routes;

pub use clocks::{ClockLevel, ClockName};
pub use consent::{ConsentForm, ConsentGiver};
pub use content::DestructionCause;
pub use list::Code;
pub use routes::{Relationship, ResidenceBasis};

use std::fmt;

/// Every list with its codes as (number, text), by the list's name: for the test that holds them equal to the protobuf enumerations.
pub fn all_lists() -> Vec<(&'static str, Vec<(i32, &'static str)>)> {
    let mut all = [lists(), clocks::lists(), consent::lists(), content::lists(), routes::lists()].concat();
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

codes! {
    /// What an agency is (myndighet).
    AgencyKind {
        /// A police district.
        Police = 1 "police",
        /// A prosecution chamber.
        Prosecution = 2 "prosecution",
        /// A social board.
        SocialBoard = 3 "social_board",
        /// A supervisor who reads the log under a mandate.
        Supervisor = 4 "supervisor",
    }
    /// What one section is about: the unit that is cleared.
    Category {
        /// Who the victim is.
        VictimIdentity = 1 "victim_identity",
        /// How she can be reached safely.
        SafeContact = 2 "safe_contact",
        /// Language and interpreter.
        Interpreter = 3 "interpreter",
        /// The heading of the offence, no more.
        OffenceHeading = 4 "offence_heading",
        /// The offence in full.
        Offence = 5 "offence",
        /// A structured risk assessment.
        RiskAssessment = 6 "risk_assessment",
        /// Children of the family.
        Children = 7 "children",
        /// The suspect.
        Suspect = 8 "suspect",
        /// Measures taken: arrest, contact ban, alarm.
        Measures = 9 "measures",
        /// Wishes and needs of support.
        SupportNeeds = 10 "support_needs",
        /// The parties of a criminal case.
        CaseParties = 11 "case_parties",
        /// An application for a contact ban.
        ContactBanRequest = 12 "contact_ban_request",
        /// What the victim wants to be told.
        InformationWish = 13 "information_wish",
        /// A prosecutor's or court's decision.
        CourtDecision = 14 "court_decision",
        /// A hearing: scheduled, moved, cancelled.
        HearingNotice = 15 "hearing_notice",
        /// Custody or contact ban: begins, changes, ends.
        CustodyNotice = 16 "custody_notice",
        /// That support is given, and how far it has come.
        SupportStatus = 17 "support_status",
        /// A risk that the social board has learnt of.
        RiskNotice = 18 "risk_notice",
        /// Contact data on a statutory request.
        ContactData = 19 "contact_data",
        /// The child that a concern is about.
        Child = 20 "child",
        /// The child's custodians.
        Custodians = 21 "custodians",
        /// What the concern is.
        Concern = 22 "concern",
        /// Danger that cannot wait.
        ImmediateDanger = 23 "immediate_danger",
        /// Where she stays.
        Whereabouts = 24 "whereabouts",
    }
    /// What a closing says of the support.
    ClosingOutcome {
        /// Support was given.
        Supported = 1 "supported",
        /// She declined.
        DeclinedByHer = 2 "declined_by_her",
        /// She could not be reached safely.
        NotReachedSafely = 3 "not_reached_safely",
        /// Handed over to another function.
        HandedOver = 4 "handed_over",
        /// Other.
        OtherOutcome = 5 "other_outcome",
        /// For a child concern: an inquiry was opened.
        InquiryOpened = 6 "inquiry_opened",
        /// For a child concern: no inquiry was opened.
        InquiryNotOpened = 7 "inquiry_not_opened",
        /// For a child concern: an inquiry was running already.
        InquiryAlreadyRunning = 8 "inquiry_already_running",
        /// What was sent has been taken note of; nothing more is due.
        Noted = 9 "noted",
    }
    /// How contact with the victim went.
    ContactOutcome {
        /// Tried, not reached.
        Attempted = 1 "attempted",
        /// Reached: the clock stops.
        Reached = 2 "reached",
        /// A coded end: she declines.
        EndedDeclined = 3 "ended_declined",
        /// A coded end: she cannot be reached safely.
        EndedUnsafe = 4 "ended_unsafe",
    }
    /// Why a recipient declines. Those that tell about a person are refused as an answer to the sender.
    DeclineReason {
        /// No capacity.
        NoCapacity = 1 "no_capacity",
        /// Outside the function's target group as the envelope shows it.
        OutsideTargetGroup = 2 "outside_target_group",
        /// Conflict of interest.
        ConflictOfInterest = 3 "conflict_of_interest",
        /// She declined: a personal answer.
        SubjectDeclined = 4 "subject_declined",
        /// She cannot be reached safely: a personal answer.
        CannotReachSafely = 5 "cannot_reach_safely",
        /// Under 18: known from the content only.
        Under18 = 6 "under_18",
        /// The same sender has sent it before: known from the content only. Of another sender's referral nothing is ever said.
        Duplicate = 7 "duplicate",
        /// The recipient doubts that it may have what it received: the sender looks at its clearance again.
        ClearanceDisputed = 8 "clearance_disputed",
    }
    /// What a disclosure is made for, where a ground asks.
    DisclosurePurpose {
        /// To prevent, stop or detect criminal activity.
        PreventCrime = 1 "prevent_crime",
        /// To investigate crime.
        InvestigateCrime = 2 "investigate_crime",
        /// For correct benefits, taxes and charges.
        CorrectPayments = 3 "correct_payments",
        /// To detect or investigate incorrect benefits, taxes and charges.
        DetectIncorrectPayments = 4 "detect_incorrect_payments",
        /// To fight fraud and violations of rules.
        FraudAndRuleViolations = 5 "fraud_and_rule_violations",
        /// To support the victim: no purpose that a ground of this list serves.
        VictimSupport = 6 "victim_support",
    }
    /// What an officer asserts when a ground asks for it.
    FactCode {
        /// It is clear, or for a straight test there is no reason to assume otherwise, that no harm follows.
        HarmExcluded = 1 "harm_excluded",
        /// The disclosing agency cannot do its own task without it.
        NecessaryForOwnTask = 2 "necessary_for_own_task",
        /// It is obvious that the interest in disclosure outweighs.
        BalanceObvious = 3 "balance_obvious",
        /// No statute is set aside by the disclosure.
        NotContraryToStatute = 4 "not_contrary_to_statute",
        /// It matters for the investigation of a committed crime.
        ImportantForInvestigation = 5 "important_for_investigation",
        /// A child fares badly, or it is suspected.
        ChildMayFareBadly = 6 "child_may_fare_badly",
        /// The case was assessed on its own, not as a routine.
        IndividualAssessment = 7 "individual_assessment",
        /// No preponderant reasons favour secrecy.
        SecrecyDoesNotOutweigh = 8 "secrecy_does_not_outweigh",
        /// Concrete circumstances say that an offence will be committed.
        ConcreteRisk = 9 "concrete_risk",
        /// The feared offence is against a close person (närstående).
        RiskToClosePerson = 10 "risk_to_close_person",
        /// With measures planned or under way, the disclosure is not unsuitable.
        NotUnsuitable = 11 "not_unsuitable",
        /// It is about suspicion of a crime that was committed.
        CommittedCrime = 12 "committed_crime",
        /// Found in obvious imminent serious risk, or caught in the act.
        FoundInDangerOrCaught = 13 "found_in_danger_or_caught",
        /// The police must intervene at once.
        NeedsPoliceAtOnce = 14 "needs_police_at_once",
        /// The recipient has asked for it.
        Requested = 15 "requested",
        /// The board has decided to open an inquiry about a child.
        ChildInquiryOpened = 16 "child_inquiry_opened",
        /// It is for law enforcement.
        LawEnforcementPurpose = 17 "law_enforcement_purpose",
        /// No exceptional reasons (synnerliga skäl) favour secrecy.
        NoExceptionalReasons = 18 "no_exceptional_reasons",
        /// There is reasonable suspicion (skälig misstanke).
        ReasonableSuspicion = 19 "reasonable_suspicion",
        /// The circumstances should lead to action by social services.
        SocialActionNeeded = 20 "social_action_needed",
        /// It is needed for necessary care, treatment or support.
        NecessaryCare = 21 "necessary_care",
        /// Ongoing abuse of alcohol, drugs or solvents.
        SubstanceAbuse = 22 "substance_abuse",
        /// Compulsory psychiatric care (LPT, LRV).
        CompulsoryCare = 23 "compulsory_care",
        /// It protects an expected child.
        ProtectsUnbornChild = 24 "protects_unborn_child",
        /// Those who have custody consent for the child.
        CustodiansConsent = 25 "custodians_consent",
        /// The child has the age and maturity to have a say.
        ChildMature = 26 "child_mature",
        /// The child agrees.
        ChildAgrees = 27 "child_agrees",
        /// The child cannot be assumed to suffer considerable harm (betydande men).
        NoDetrimentToChild = 28 "no_detriment_to_child",
        /// It is needed for supervision or audit.
        SupervisionNeeded = 29 "supervision_needed",
        /// There is danger to life or health.
        DangerToLife = 30 "danger_to_life",
        /// The recipient only processes or stores on the discloser's behalf.
        TechnicalProcessingOnly = 31 "technical_processing_only",
    }
    /// What a review of an emergency comes to.
    EmergencyVerdict {
        /// It was justified.
        Justified = 1 "justified",
        /// Some of what left under it was, some was not.
        PartlyJustified = 2 "partly_justified",
        /// It was not justified.
        NotJustified = 3 "not_justified",
    }
    /// The GDPR basis of the processing: another thing than the waiver of secrecy.
    GdprBasis {
        /// Art. 6.1 c.
        LegalObligation = 1 "legal_obligation",
        /// Art. 6.1 e.
        PublicTask = 2 "public_task",
        /// Processing under the law on crime data.
        CrimeData = 3 "crime_data",
    }
    /// What waits in an inbox, and why.
    InboxKind {
        /// A referral is offered.
        Offered = 1 "offered",
        /// More sections are offered.
        SectionsOffered = 2 "sections_offered",
        /// The offer was taken back.
        OfferWithdrawn = 3 "offer_withdrawn",
        /// The sender retracted it.
        Retracted = 4 "retracted",
        /// A consent was withdrawn: stop using what rests on it.
        StopUse = 5 "stop_use",
        /// A reminder.
        Reminder = 6 "reminder",
        /// Content was destroyed.
        ContentDestroyed = 7 "content_destroyed",
    }
    /// Why support was not offered.
    NotOfferedReason {
        /// She could not be reached.
        NotReached = 1 "not_reached",
        /// It was not safe to ask.
        NotSafeToAsk = 2 "not_safe_to_ask",
        /// She has support already.
        HasSupport = 3 "has_support",
        /// Other.
        OtherReason = 4 "other_reason",
    }
    /// Her answer to the offer.
    OfferAnswer {
        /// Yes.
        Yes = 1 "yes",
        /// No.
        No = 2 "no",
        /// Later.
        Later = 3 "later",
    }
    /// How the broker knows the officer.
    OfficerProof {
        /// The agency names the officer.
        Asserted = 1 "asserted",
        /// The agency's signed token names the officer.
        TokenProved = 2 "token_proved",
    }
    /// Which protection of personal data somebody has. There is no code for an assumed identity: who has one looks ordinary, and must.
    ProtectedIdentity {
        /// None.
        NotProtected = 1 "none",
        /// Confidentiality marking (sekretessmarkering).
        ConfidentialityMarked = 2 "confidentiality_marked",
        /// Protected population registration (skyddad folkbokföring).
        ProtectedPopulationRegistration = 3 "protected_population_registration",
        /// Not said, or asked and not known.
        Unknown = 4 "unknown",
    }
    /// What a consent is given for.
    Purpose {
        /// Support to the victim.
        Support = 1 "support",
        /// Protection.
        Protection = 2 "protection",
        /// The criminal proceedings.
        Proceedings = 3 "proceedings",
    }
    /// The kinds of referral.
    ReferralKind {
        /// Police to social services: the ordinary one, with her own data only.
        ContactRequest = 1 "contact_request",
        /// Police to social services: the supplement about the reported offence.
        ReportedOffence = 2 "reported_offence",
        /// Police to prosecution.
        CaseHandover = 3 "case_handover",
        /// Prosecution to social services or police.
        Decision = 4 "decision",
        /// Prosecution to social services or police.
        Hearing = 5 "hearing",
        /// Prosecution to social services or police.
        CustodyOrBan = 6 "custody_or_ban",
        /// Social services to police or prosecution.
        Support = 7 "support",
        /// Social services to police or prosecution.
        Risk = 8 "risk",
        /// Social services to police or prosecution.
        ContactReply = 9 "contact_reply",
        /// Any to social services (orosanmälan).
        ChildConcern = 10 "child_concern",
        /// Social services to social services, by residence.
        Handover = 11 "handover",
    }
    /// Why a sender takes a referral back.
    RetractReason {
        /// It was wrong.
        Wrong = 1 "wrong",
        /// The report was withdrawn.
        ReportWithdrawn = 2 "report_withdrawn",
        /// It went to the wrong place.
        Misdirected = 3 "misdirected",
    }
    /// Why a recipient returns a referral.
    ReturnReason {
        /// Another function is responsible.
        WrongFunction = 1 "wrong_function",
        /// Something is missing: known from the content only.
        Incomplete = 2 "incomplete",
        /// For a child concern: another board is responsible.
        WrongBoard = 3 "wrong_board",
    }
    /// What a person is in a referral.
    Role {
        /// Victim (målsägande, våldsutsatt).
        Victim = 1 "victim",
        /// Suspect (misstänkt).
        Suspect = 2 "suspect",
        /// Child (barn).
        Child = 3 "child",
        /// Custodian (vårdnadshavare).
        Custodian = 4 "custodian",
        /// Reporter (anmälare).
        Reporter = 5 "reporter",
        /// Witness (vittne).
        Witness = 6 "witness",
    }
    /// A channel that was safe to use.
    SafeChannel {
        /// Telephone.
        Telephone = 1 "telephone",
        /// Text message.
        TextMessage = 2 "text_message",
        /// E-mail.
        Email = 3 "email",
        /// Meeting.
        Meeting = 4 "meeting",
        /// Through a safe third person.
        ThirdPerson = 5 "third_person",
    }
    /// What a sender is told of its referral: transport answers, nothing personal.
    SenderStatus {
        /// Stored.
        Stored = 1 "stored",
        /// Everything is decided and nothing passes.
        NothingPasses = 2 "nothing_passes",
        /// Offered to the recipient.
        Offered = 3 "offered",
        /// The offer was taken back.
        OfferWithdrawn = 4 "offer_withdrawn",
        /// The recipient confirms that content arrived.
        Delivered = 5 "delivered",
        /// Opened.
        Opened = 6 "opened",
        /// Answered: the recipient has taken it.
        Answered = 7 "answered",
        /// Returned: something is missing.
        ReturnedIncomplete = 8 "returned_incomplete",
        /// Returned: another function is responsible.
        WrongFunction = 9 "wrong_function",
        /// No capacity.
        NoCapacity = 10 "no_capacity",
        /// Outside the target group.
        OutsideTargetGroup = 11 "outside_target_group",
        /// Conflict of interest.
        ConflictOfInterest = 12 "conflict_of_interest",
        /// Closed.
        Closed = 13 "closed",
        /// Taken back by the sender.
        Retracted = 14 "retracted",
        /// A holder confirmed a recall.
        RecallConfirmed = 15 "recall_confirmed",
        /// A holder confirmed a stop-use notice.
        StopUseConfirmed = 16 "stop_use_confirmed",
        /// Child concern: an inquiry was opened.
        InquiryOpened = 17 "inquiry_opened",
        /// Child concern: no inquiry was opened.
        InquiryNotOpened = 18 "inquiry_not_opened",
        /// Child concern: an inquiry was running already.
        InquiryAlreadyRunning = 19 "inquiry_already_running",
        /// Time has run out, here or at the recipient.
        Overdue = 20 "overdue",
        /// It has not left in time: telephone the recipient.
        Telephone = 21 "telephone",
        /// Content was destroyed.
        ContentDestroyed = 22 "content_destroyed",
        /// An emergency was declared at the sending side: it waits for its review.
        EmergencyDeclared = 25 "emergency_declared",
        /// The recipient has it from the same sender already.
        Duplicate = 26 "duplicate",
        /// The recipient doubts that it may have it: look at its clearance again.
        ClearanceDisputed = 27 "clearance_disputed",
    }
    /// How a holder answers a stop-use notice.
    StopUseAnswer {
        /// It had not been used.
        NotYetUsed = 1 "not_yet_used",
        /// Use has stopped.
        Stopped = 2 "stopped",
        /// Use goes on under the holder's own provision.
        ContinuesOnOwnProvision = 3 "continues_on_own_provision",
    }
    /// A kind of support given.
    SupportKind {
        /// Crisis talks.
        CrisisTalks = 1 "crisis_talks",
        /// Advice.
        Advice = 2 "advice",
        /// Information on the legal process.
        LegalInformation = 3 "legal_information",
        /// Contacts with others.
        Contacts = 4 "contacts",
        /// Practical help.
        PracticalHelp = 5 "practical_help",
        /// Accompaniment.
        Accompaniment = 6 "accompaniment",
    }
    /// A phase of the proceedings in which support was given.
    SupportPhase {
        /// Before the trial.
        BeforeTrial = 1 "before_trial",
        /// During the trial.
        DuringTrial = 2 "during_trial",
        /// After the trial.
        AfterTrial = 3 "after_trial",
    }
    /// How fast it must go.
    Urgency {
        /// In the ordinary order.
        Routine = 1 "routine",
        /// Before the ordinary.
        Urgent = 2 "urgent",
        /// At once.
        Immediate = 3 "immediate",
    }
    /// Why a cell is withheld.
    WithholdReason {
        /// Harm cannot be excluded.
        HarmNotExcluded = 1 "harm_not_excluded",
        /// The person does not consent.
        ConsentRefused = 2 "consent_refused",
        /// The recipient does not need it.
        NotNeeded = 3 "not_needed",
        /// The investigation would be harmed.
        InvestigationAtRisk = 4 "investigation_at_risk",
        /// Two officers came to different results.
        OfficersDiffer = 5 "officers_differ",
    }
}
