//! What would make a refused command pass, for each reason; and the codes that `explain` knows beside the reasons.

use brygga_domain::Reason;
use brygga_verify::Code as AuditCode;

macro_rules! remedies {
    ($($reason:ident = $en:literal, $sv:literal;)*) => {
        /// What to do, in English.
        pub fn english(reason: Reason) -> &'static str {
            match reason { $(Reason::$reason => $en,)* }
        }

        /// What to do, in Swedish.
        pub fn swedish(reason: Reason) -> &'static str {
            match reason { $(Reason::$reason => $sv,)* }
        }
    };
}

remedies! {
    AgencyNotActive = "the operator registers the dates of agreement and assessment", "driften registrerar datum för avtal och bedömning";
    AlreadyDecided = "brygga clearance revoke, then decide again", "brygga clearance revoke, pröva sedan på nytt";
    AlreadyReleased = "brygga referral retract (a recall)", "brygga referral retract (återkallar det utlämnade)";
    AlreadyWithdrawn = "nothing: it is withdrawn", "inget: det är återkallat";
    CategoryNotAllowed = "send it as another kind of referral", "skicka det som ett annat slag av remiss";
    CellUnknown = "brygga referral show lists sections and interests", "brygga referral show visar delar och skyddade";
    ClaimedByAnother = "brygga inbox claim --takeover", "brygga inbox claim --takeover";
    ConditionUnmet = "assert the ground's conditions in `answers`, if they hold; else use another ground", "ange grundens villkor i `answers` om de är uppfyllda, annars en annan grund";
    ConflictStepDue = "brygga inbox reveal; then brygga inbox open, or leave it to a colleague, or brygga inbox decline --reason conflict_of_interest", "brygga inbox reveal; sedan brygga inbox open, eller lämna den till en kollega, eller brygga inbox decline --reason conflict_of_interest";
    ConsentExpired = "ask for a new consent: brygga consent record", "be om nytt samtycke: brygga consent record";
    ConsentMissing = "brygga consent record, or decide on a ground that needs no consent", "brygga consent record, eller en grund som inte kräver samtycke";
    ConsentOfAnother = "ask the protected person, or decide on a ground that needs no consent", "fråga den skyddade, eller en grund som inte kräver samtycke";
    ConsentOtherCategory = "ask for a consent that covers the category", "be om ett samtycke som omfattar kategorin";
    ConsentOtherPurpose = "ask for a consent for what this referral is for", "be om ett samtycke för det som remissen gäller";
    ConsentOtherRecipient = "ask for a consent for this recipient", "be om ett samtycke för mottagaren";
    ConsentWithdrawn = "respect it; another ground needs a new decision", "respektera det; en annan grund kräver ett nytt beslut";
    ContentDestroyed = "ask the sender to amend the section, or to submit it again", "be avsändaren komplettera delen, eller skicka på nytt";
    ContentIdentifiesOthers = "leave that person out, or send a referral that names the person in the section", "utelämna personen, eller skicka en remiss som anger personen i delen";
    ContentProtectionDiffers = "retract the referral and submit it with the protection that holds now", "återkalla remissen och skicka den med det skydd som gäller nu";
    ContentTellsResidence = "leave the place out, or send a section on whereabouts", "utelämna orten, eller skicka en del om vistelseort";
    CustodianMissing = "record it with given_by custodian, or custodian_and_child", "registrera det med given_by custodian eller custodian_and_child";
    DeadlineExceeded = "run it again with the same request id", "kör igen med samma begäransnummer";
    DuplicateSection = "put both into one section", "lägg båda i en del";
    EmergencyStands = "nothing: it stands; brygga clearance list says until when", "inget: det gäller; brygga clearance list visar hur länge";
    EmergencyUnknown = "brygga clearance list shows what waits for a review", "brygga clearance list visar vad som väntar på granskning";
    FunctionDoesNotTake = "ask the directory for the route: brygga referral route", "fråga katalogen efter rätt väg: brygga referral route";
    GroundDoesNotLift = "brygga referral why lists the grounds that do", "brygga referral why visar vilka grunder som gör det";
    GroundNeverClears = "brygga referral why lists the grounds that do", "brygga referral why visar vilka grunder som gör det";
    GroundNotForThis = "brygga referral why lists the grounds that are", "brygga referral why visar vilka grunder som gäller";
    GroundNotInForce = "use a ground in force", "använd en grund som gäller";
    GroundUnknown = "check the ground's code", "kontrollera grundens kod";
    Internal = "give the trace id to the broker's operator", "lämna spårnumret till driften";
    KeyReused = "leave out --request-id for a new command; a repeat must be the same in every byte, so give the same --now too", "utelämna --request-id för ett nytt kommando; en upprepning måste vara likadan, ange även samma --now";
    LogDoubted = "the operator checks the log: bryggad replay", "driften kontrollerar loggen: bryggad replay";
    MalformedMessage = "correct the fields that are named", "rätta de fält som anges";
    MessageTooLarge = "make it smaller, or send it in several referrals", "gör det mindre, eller skicka i flera remisser";
    NeedsOpening = "brygga inbox open", "brygga inbox open";
    NotCleared = "the sender clears it: brygga referral why", "avsändaren prövar: brygga referral why";
    NotCommitted = "run it again with the same request id", "kör igen med samma begäransnummer";
    NotFound = "check the reference and who you act as (brygga whoami)", "kontrollera referensen och vem du är (brygga whoami)";
    NotOpened = "brygga inbox open", "brygga inbox open";
    NothingToConfirm = "brygga clearance list shows what waits", "brygga clearance list visar vad som väntar";
    NothingToRevoke = "brygga referral show lists what is decided", "brygga referral show visar vad som är prövat";
    OfferDeclined = "nothing: record the offer alone", "inget: registrera bara erbjudandet";
    OfferUnknown = "brygga offer record, or put the offer into the submission", "brygga offer record, eller lägg erbjudandet i remissen";
    OfficerMissing = "--officer ID", "--officer ID";
    OutcomeUnknown = "run it again with the same request id: it is done once only", "kör igen med samma begäransnummer: det görs bara en gång";
    OutsideTargetGroup = "send it to the function that is named; brygga referral route", "skicka till den funktion som anges; brygga referral route";
    OverCapacity = "wait a little, then run it again with the same request id", "vänta lite, kör igen med samma begäransnummer";
    OwnDecision = "another officer confirms: --officer", "en annan handläggare bekräftar: --officer";
    OwnEmergency = "another officer reviews: --officer", "en annan handläggare granskar: --officer";
    PersonUnknown = "name the person in `persons`", "ange personen i `persons`";
    PersonalAnswer = "brygga inbox contact, or brygga inbox close", "brygga inbox contact, eller brygga inbox close";
    ReadFailed = "run it again", "kör igen";
    ReasonNotForKind = "use an answer that this kind of referral has", "använd ett svar som remissens slag har";
    ReceivedNeverDeclined = "brygga inbox return --reason wrong_board, and telephone", "brygga inbox return --reason wrong_board, och ring";
    RecipientExcluded = "choose another recipient, or take the function out of `excluded`", "välj en annan mottagare, eller ta bort funktionen ur `excluded`";
    ReferralFull = "brygga referral submit, with the same thread", "brygga referral submit, med samma tråd";
    ReleaseUnknown = "brygga inbox open names the release", "brygga inbox open anger utlämningen";
    ResidenceFromRegister = "ask her where she is settled and state stated_by_person, or state known_by_agency where the agency knows it from its own work; where nobody knows, telephone a board before anything is sent", "fråga henne var hon är bosatt och ange stated_by_person, eller ange known_by_agency om myndigheten själv vet det; vet ingen det, ring en nämnd innan något skickas";
    ReviewOverdue = "brygga clearance list shows it; then brygga clearance review", "brygga clearance list visar det; sedan brygga clearance review";
    RevisionChanged = "brygga referral show gives the revision that stands; look at it, and name it in the decision (of a word that is owed: the revision that left)", "brygga referral show visar gällande revision; granska den och ange den i beslutet (för en andra bedömning i efterhand: den revision som lämnats)";
    RoutineConcern = "write what was assessed for this child; brygga referral list shows the other one, if it is the same child", "skriv vad som bedömts för barnet; brygga referral list visar den andra, om det är samma barn";
    SenderReferenceTaken = "brygga referral show --named FILE: it was sent before", "brygga referral show --named FIL: den är redan skickad";
    StopUseAnswered = "brygga inbox list shows what waits for an answer", "brygga inbox list visar vad som väntar på svar";
    StopUseStands = "ask for a consent for the new recipient, and submit a referral of its own", "be om ett samtycke för den nya mottagaren, och lämna en egen remiss";
    Stopping = "run it again with the same request id when the broker is back", "kör igen med samma begäransnummer när förmedlaren är tillbaka";
    TableNotActive = "try again, also at another broker; the operator puts the table into force: bryggad grounds activate", "försök igen, även hos en annan förmedlare; driften sätter tabellen i kraft: bryggad grounds activate";
    TemplateNotAllowed = "decide it cell by cell: brygga clearance decide, without --template", "pröva del för del: brygga clearance decide, utan --template";
    TerritoryNotServed = "send it to the function that is named; brygga referral route", "skicka till den funktion som anges; brygga referral route";
    TimeOutOfRange = "correct the time; a report or contact lies not in the future", "rätta tiden; en anmälan eller kontakt ligger inte i framtiden";
    UnknownAgency = "the operator registers the agency and its certificate", "driften registrerar myndigheten och dess certifikat";
    UnknownFunction = "ask the directory for the route", "fråga katalogen efter rätt väg";
    WrongDirection = "use a kind of referral for this direction", "använd ett slag av remiss för den riktningen";
    WrongRole = "act as the agency whose turn it is: --as", "agera som den myndighet vars tur det är: --as";
    WrongStage = "brygga referral show, or brygga inbox list, says where it stands", "brygga referral show, eller brygga inbox list, visar läget";
}

/// States of a cell that block it and are no reason of a refusal: code, English, Swedish, and what would make it pass.
pub const STATES: &[(&str, [&str; 2], [&str; 2])] = &[
    ("UNDECIDED", ["Nobody has decided yet.", "Ingen har prövat uppgiften ännu."], ["brygga clearance decide", "brygga clearance decide"]),
    (
        "SECOND_OFFICER_MISSING",
        ["A second officer has not agreed yet.", "En andra handläggare har inte bekräftat beslutet."],
        ["brygga clearance confirm, by another officer", "brygga clearance confirm, av en annan handläggare"],
    ),
    (
        "WITHHELD",
        ["It was decided that it stays.", "Det är beslutat att uppgiften inte lämnas ut."],
        ["brygga clearance revoke, then decide again, if something has changed", "brygga clearance revoke, pröva sedan på nytt, om något har ändrats"],
    ),
    (
        "NO_PROTECTED_INTEREST",
        ["The section names nobody whose secrecy could be asked about.", "Avsnittet anger ingen vars sekretess kan prövas."],
        ["submit it again with the persons whom it touches", "skicka den igen med de personer som berörs"],
    ),
];

/// The audit's code of a text.
pub fn audit_code(code: &str) -> Option<AuditCode> {
    AuditCode::ALL.iter().copied().find(|known| known.as_str() == code)
}

/// Whether `explain` knows a code.
pub fn is_known(code: &str) -> bool {
    Reason::from_code(code).is_some() || STATES.iter().any(|(known, ..)| *known == code) || audit_code(code).is_some()
}
