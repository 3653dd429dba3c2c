//! Refusals: the expected no. Each says what is missing, and what would make it pass.
//!
//! `Reason` is the one table behind codes, texts in both languages, gRPC classes and exit codes.

use std::borrow::Cow;
use std::fmt;

use crate::codes::{Category, ReferralKind};
use crate::event::PersonName;
use crate::gate::ConsentLack;
use crate::grounds::{Condition, GroundCode};
use crate::ids::FunctionId;

/// How a reason is answered over gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// INVALID_ARGUMENT: the request can never pass as it is.
    Malformed,
    /// NOT_FOUND: unknown or not yours, byte for byte the same.
    NotFound,
    /// PERMISSION_DENIED: this kind of agency or this officer may not.
    NotAllowed,
    /// FAILED_PRECONDITION: something must happen before.
    Blocked,
    /// ALREADY_EXISTS: the key or the reference is taken.
    Taken,
    /// RESOURCE_EXHAUSTED: come back later.
    Full,
    /// UNAVAILABLE: nothing is known to be lost; repeat with the same key.
    Unavailable,
    /// DEADLINE_EXCEEDED: the answer did not come in time; repeat with the same key.
    TooLate,
    /// INTERNAL: our fault.
    Broken,
}

macro_rules! reasons {
    ($($name:ident = $code:literal, $class:ident, $en:literal, $sv:literal;)*) => {
        /// Every reason for a no, with its stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $en] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, as ErrorInfo carries it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How it is answered.
            pub fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// What it means, in English.
            pub fn english(self) -> &'static str {
                match self { $(Self::$name => $en,)* }
            }

            /// What it means, in Swedish.
            pub fn swedish(self) -> &'static str {
                match self { $(Self::$name => $sv,)* }
            }
        }
    };
}

reasons! {
    AgencyNotActive = "AGENCY_NOT_ACTIVE", NotAllowed, "The agency has no signed agreement or suitability assessment in force.", "Myndigheten saknar gällande avtal eller lämplighetsbedömning.";
    AlreadyDecided = "ALREADY_DECIDED", Blocked, "The cell is decided; revoke the decision before you decide again.", "Delen är redan prövad; återkalla beslutet innan du prövar på nytt.";
    AlreadyReleased = "ALREADY_RELEASED", Blocked, "It has left; a decision to release can be revoked before that only. Retract the referral to recall it.", "Uppgiften är redan utlämnad; beslutet kan inte återkallas. Återta remissen i stället.";
    AlreadyWithdrawn = "ALREADY_WITHDRAWN", Blocked, "The consent was withdrawn before.", "Samtycket är redan återkallat.";
    CategoryNotAllowed = "CATEGORY_NOT_ALLOWED", Malformed, "This kind of referral does not carry that category.", "Remissens slag får inte innehålla den kategorin.";
    CellUnknown = "CELL_UNKNOWN", Malformed, "The referral has no such section or protected interest.", "Remissen har ingen sådan del eller skyddad person.";
    ClaimedByAnother = "CLAIMED_BY_ANOTHER", Blocked, "Another officer has taken it on; take it over first.", "En annan handläggare har tagit ärendet; ta över det först.";
    ConditionUnmet = "CONDITION_UNMET", Blocked, "A condition of the ground is not asserted.", "Ett villkor för den sekretessbrytande grunden är inte uppfyllt.";
    ConflictStepDue = "CONFLICT_STEP_DUE", Blocked, "This function checks for conflicts of interest first: look at the names, then open it or decline.", "Här prövas jäv först: se vilka den gäller, öppna den sedan eller avböj.";
    ConsentExpired = "CONSENT_EXPIRED", Blocked, "The consent has run out; ask for a new one.", "Samtycket har löpt ut; be om ett nytt.";
    ConsentMissing = "CONSENT_MISSING", Blocked, "No consent of the protected person is on record.", "Det finns inget samtycke från den skyddade personen.";
    CustodianMissing = "CUSTODIAN_MISSING", Blocked, "A child's secrecy is waived by the custodian, alone or together with the child (OSL 12:3).", "Ett barns sekretess hävs av vårdnadshavaren, ensam eller tillsammans med barnet (OSL 12:3).";
    ConsentOfAnother = "CONSENT_OF_ANOTHER", Blocked, "It is another person's consent; nobody waives another's secrecy (OSL 12:2).", "Samtycket är en annan persons; ingen kan häva någon annans sekretess (OSL 12:2).";
    ConsentOtherCategory = "CONSENT_OTHER_CATEGORY", Blocked, "The consent does not cover this category.", "Samtycket omfattar inte kategorin.";
    ConsentOtherPurpose = "CONSENT_OTHER_PURPOSE", Blocked, "The consent is for a purpose that this kind of referral does not serve.", "Samtycket gäller ett ändamål som remissen inte tjänar.";
    ConsentOtherRecipient = "CONSENT_OTHER_RECIPIENT", Blocked, "The consent is for another recipient.", "Samtycket gäller en annan mottagare.";
    ConsentWithdrawn = "CONSENT_WITHDRAWN", Blocked, "The consent was withdrawn.", "Samtycket är återkallat.";
    ContentDestroyed = "CONTENT_DESTROYED", Blocked, "The content was destroyed here: its import was confirmed, or its days were over. Ask the sender to send it again.", "Innehållet har gallrats här: importen bekräftades eller dess dagar var slut. Be avsändaren skicka det på nytt.";
    ContentIdentifiesOthers = "CONTENT_IDENTIFIES_OTHERS", Malformed, "The new content identifies somebody whom the section does not name as what the content says, so nobody would be asked about that person's secrecy.", "Det nya innehållet pekar ut någon som delen inte anger i den rollen, så ingen skulle pröva den personens sekretess.";
    ContentProtectionDiffers = "CONTENT_PROTECTION_DIFFERS", Malformed, "The new content states another protection of personal data than the referral was submitted with.", "Det nya innehållet anger ett annat skydd av personuppgifter än remissen skickades med.";
    ContentTellsResidence = "CONTENT_TELLS_RESIDENCE", Malformed, "The new content says where somebody lives who has a protected identity, or may have one.", "Det nya innehållet säger var någon bor som har skyddade personuppgifter eller kan ha det.";
    DeadlineExceeded = "DEADLINE_EXCEEDED", TooLate, "The answer did not come in time; repeat with the same request id.", "Svaret kom inte i tid; upprepa med samma begäransnummer.";
    DuplicateSection = "DUPLICATE_SECTION", Malformed, "A section of the same category and persons stands twice.", "Samma del förekommer två gånger.";
    EmergencyStands = "EMERGENCY_STANDS", Blocked, "An emergency of this agency stands for the referral already.", "Myndigheten har redan ett nödläge för remissen.";
    EmergencyUnknown = "EMERGENCY_UNKNOWN", Blocked, "No emergency of this agency that waits for a review stands at that position.", "Inget nödläge som väntar på granskning finns på den positionen.";
    FunctionDoesNotTake = "FUNCTION_DOES_NOT_TAKE", Blocked, "The function does not take this kind of referral; ask for the route.", "Funktionen tar inte emot det slaget av remiss; fråga efter rätt väg.";
    GroundDoesNotLift = "GROUND_DOES_NOT_LIFT", Blocked, "The ground does not lift the secrecy that protects this cell.", "Grunden bryter inte den sekretess som skyddar uppgiften.";
    GroundNeverClears = "GROUND_NEVER_CLEARS", Blocked, "The ground never clears a section of a referral.", "Grunden bryter aldrig sekretess för en del av en remiss.";
    GroundNotForThis = "GROUND_NOT_FOR_THIS", Blocked, "The ground is not for this direction, kind or category.", "Grunden gäller inte den här riktningen, remissen eller kategorin.";
    GroundNotInForce = "GROUND_NOT_IN_FORCE", Blocked, "The ground is not in force on this day.", "Grunden gäller inte denna dag.";
    GroundUnknown = "GROUND_UNKNOWN", Malformed, "The ground table knows no such ground.", "Grundtabellen känner inte den grunden.";
    Internal = "INTERNAL", Broken, "Something is wrong in the broker. Give the trace id to its operator.", "Något är fel i förmedlaren. Lämna spårnumret till driften.";
    KeyReused = "KEY_REUSED", Taken, "The request id was used for another request.", "Begäransnumret har använts för en annan begäran.";
    LogDoubted = "LOG_DOUBTED", Unavailable, "The broker doubts its own log and forwards nothing until an operator has looked.", "Förmedlaren litar inte på sin logg och förmedlar inget förrän driften har kontrollerat.";
    MalformedMessage = "MALFORMED_MESSAGE", Malformed, "The message cannot be read, or fields of it are wrong.", "Meddelandet går inte att läsa eller har fel i fält.";
    MessageTooLarge = "MESSAGE_TOO_LARGE", Malformed, "The message is larger than the limit.", "Meddelandet är större än gränsen.";
    NeedsOpening = "NEEDS_OPENING", Blocked, "The envelope does not show that; open the referral first.", "Det framgår inte av kuvertet; öppna remissen först.";
    NotCleared = "NOT_CLEARED", Blocked, "Nothing of it may leave now.", "Inget av innehållet får lämnas ut nu.";
    NotCommitted = "NOT_COMMITTED", Unavailable, "Nothing was written; repeat with the same request id.", "Inget skrevs; upprepa med samma begäransnummer.";
    NotFound = "NOT_FOUND", NotFound, "There is no such thing, or it is not yours.", "Det finns inte, eller är inte ert.";
    NotOpened = "NOT_OPENED", Blocked, "It has not been opened; open it before you accept it or pass it on.", "Remissen är inte öppnad; öppna den innan du tar emot den eller lämnar den vidare.";
    NothingToConfirm = "NOTHING_TO_CONFIRM", Blocked, "No decision of that cell waits for a second officer.", "Inget beslut om den delen väntar på en andra handläggare.";
    NothingToRevoke = "NOTHING_TO_REVOKE", Blocked, "The cell is not decided.", "Delen är inte prövad.";
    OfferDeclined = "OFFER_DECLINED", Blocked, "She said no to the offer; nothing about her is submitted.", "Hon tackade nej; inget om henne lämnas.";
    OfferUnknown = "OFFER_UNKNOWN", Malformed, "The agency has recorded no such offer.", "Myndigheten har inte registrerat något sådant erbjudande.";
    OfficerMissing = "OFFICER_MISSING", Malformed, "The command must name the officer.", "Handläggaren måste anges.";
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unavailable, "It is not known whether it was written; repeat with the same request id.", "Det är inte känt om det skrevs; upprepa med samma begäransnummer.";
    OutsideTargetGroup = "OUTSIDE_TARGET_GROUP", Blocked, "The function is not there for this person: age or relationship lies outside its target group. Send it to the function that is named, or ask for the route.", "Funktionen är inte till för den här personen: ålder eller relation ligger utanför målgruppen. Skicka till den funktion som anges, eller fråga efter rätt väg.";
    OverCapacity = "OVER_CAPACITY", Full, "The broker is full; try again later with the same request id.", "Förmedlaren är full; försök igen senare med samma begäransnummer.";
    OwnDecision = "OWN_DECISION", NotAllowed, "A second officer must be another person than the first.", "Den andra handläggaren måste vara en annan person.";
    OwnEmergency = "OWN_EMERGENCY", NotAllowed, "Another officer than the one who declared the emergency reviews it.", "En annan handläggare än den som anmälde nödläget granskar det.";
    PersonUnknown = "PERSON_UNKNOWN", Malformed, "The referral names no such person.", "Remissen nämner ingen sådan person.";
    PersonalAnswer = "PERSONAL_ANSWER", Blocked, "That is an answer about a person (OSL 26:1) and never goes to the sender; record it as contact or closing.", "Det är ett svar om en person (OSL 26:1) och går inte till avsändaren; registrera det som kontakt eller avslut.";
    ReasonNotForKind = "REASON_NOT_FOR_KIND", Blocked, "That answer is not for this kind of referral.", "Svaret passar inte remissens slag.";
    ReceivedNeverDeclined = "RECEIVED_NEVER_DECLINED", Blocked, "A child concern is received, never declined and never passed on; return it as wrong board if another board is responsible.", "En orosanmälan tas emot, avböjs aldrig och lämnas aldrig vidare; återsänd den om fel nämnd fått den.";
    ReadFailed = "READ_FAILED", Unavailable, "It could not be read now; ask again.", "Det gick inte att läsa just nu; fråga igen.";
    RecipientExcluded = "RECIPIENT_EXCLUDED", Blocked, "The function is excluded for a conflict of interest, so the referral cannot go there.", "Funktionen är undantagen på grund av jäv, så remissen kan inte gå dit.";
    ReferralFull = "REFERRAL_FULL", Blocked, "The referral holds as many of these as one can. Submit another one in its thread.", "Remissen rymmer inte fler av dessa. Lämna en ny remiss i samma tråd.";
    ReleaseUnknown = "RELEASE_UNKNOWN", Blocked, "No release stands at that position.", "Ingen utlämning finns på den positionen.";
    ResidenceFromRegister = "RESIDENCE_FROM_REGISTER", Blocked, "The population register does not say where to send it: a protected registration is wrong or old on purpose (folkbokföringslagen 16 §), and where the grade is not known it may be protected. Ask the person where she is settled (SoL 29:1), or use what the agency knows from its own work.", "Folkbokföringen visar inte vart den ska: en skyddad folkbokföring är avsiktligt fel eller gammal (folkbokföringslagen 16 §), och är graden okänd kan den vara skyddad. Fråga personen var hon är bosatt (SoL 29:1), eller använd det myndigheten själv vet.";
    ReviewOverdue = "REVIEW_OVERDUE", Blocked, "An earlier emergency of the agency was not reviewed in time; review it first.", "Ett tidigare nödläge har inte granskats i tid; granska det först.";
    RevisionChanged = "REVISION_CHANGED", Blocked, "The section has another revision than the one that was decided about.", "Delen har en annan revision än den som beslutet gäller.";
    RoutineConcern = "ROUTINE_CONCERN", Blocked, "The same assessment stands in another child concern to this recipient: each child is assessed on its own.", "Samma bedömning finns i en annan orosanmälan till mottagaren: varje barn bedöms för sig.";
    SenderReferenceTaken = "SENDER_REFERENCE_TAKEN", Taken, "A referral with this sender reference, kind, recipient and person exists.", "Det finns redan en remiss med denna referens, detta slag, denna mottagare och person.";
    StopUseAnswered = "STOP_USE_ANSWERED", Blocked, "There is no unanswered stop-use notice at that position.", "Det finns ingen obesvarad underrättelse på den positionen.";
    StopUseStands = "STOP_USE_STANDS", Blocked, "A consent that it rested on was withdrawn, and use has stopped; what stopped is not passed on.", "Ett samtycke som den vilade på är återkallat och användningen har upphört; det lämnas inte vidare.";
    Stopping = "STOPPING", Unavailable, "The broker is stopping; nothing was written. Repeat with the same request id when it is back.", "Förmedlaren stannar; inget skrevs. Upprepa med samma begäransnummer när den är tillbaka.";
    TableNotActive = "TABLE_NOT_ACTIVE", Unavailable, "This broker has another ground table than the one in force; repeat with the same request id, also at another broker.", "Förmedlaren har en annan grundtabell än den som gäller; upprepa med samma begäransnummer, även hos en annan förmedlare.";
    TemplateNotAllowed = "TEMPLATE_NOT_ALLOWED", Blocked, "No template decides that: a child concern is assessed on its own, and a second officer comes to a result of their own.", "Ingen mall avgör det: en orosanmälan bedöms för sig, och den andra handläggaren kommer till ett eget resultat.";
    TerritoryNotServed = "TERRITORY_NOT_SERVED", Blocked, "The function does not serve the territory that is stated. Send it to the function that is named, or ask for the route.", "Funktionen har inte det område som anges. Skicka till den funktion som anges, eller fråga efter rätt väg.";
    TimeOutOfRange = "TIME_OUT_OF_RANGE", Malformed, "A time lies outside what it may be.", "En tid ligger utanför tillåtet intervall.";
    UnknownAgency = "UNKNOWN_AGENCY", Malformed, "The directory has no such agency.", "Katalogen har ingen sådan myndighet.";
    UnknownFunction = "UNKNOWN_FUNCTION", Malformed, "The directory has no such function.", "Katalogen har ingen sådan funktion.";
    WrongDirection = "WRONG_DIRECTION", Blocked, "This kind of referral does not go from this kind of agency to that one.", "Remissens slag går inte mellan dessa myndigheter.";
    WrongRole = "WRONG_ROLE", NotAllowed, "This agency may not do that.", "Myndigheten får inte göra det.";
    WrongStage = "WRONG_STAGE", Blocked, "The referral is in another stage.", "Remissen är i ett annat läge.";
}

impl Reason {
    /// Exit code of the command-line tools.
    pub fn exit_code(self) -> u8 {
        match self.class() {
            Class::Malformed => 2,
            Class::NotAllowed => 4,
            Class::NotFound => 5,
            Class::Taken => 6,
            Class::Blocked => 7,
            Class::Full | Class::Unavailable | Class::TooLate => 8,
            Class::Broken => 1,
        }
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

/// A refusal: the reason, and the codes that say what exactly. Nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What it is about.
    pub detail: Detail,
}

/// What a refusal is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// Nothing more to say.
    None,
    /// A field of the request.
    Field(Cow<'static, str>),
    /// A category in a kind of referral.
    Category(Category, ReferralKind),
    /// A cell, as parties name it.
    Cell(u32, Option<PersonName>),
    /// A section.
    Section(u32),
    /// A person.
    Person(PersonName),
    /// A ground on a cell.
    Ground(GroundCode, u32, Option<PersonName>),
    /// A ground's conditions.
    Conditions(GroundCode, Vec<Condition>),
    /// A provision that the ground does not lift.
    Provision(GroundCode, String),
    /// A provision that keeps the category from the recipient on this ground.
    Barred(GroundCode, String),
    /// The stage that it is in.
    Stage(&'static str),
    /// The function that is right.
    Function(FunctionId),
}

impl Refusal {
    /// A refusal with nothing more to say.
    pub fn new(reason: Reason) -> Self {
        Self { reason, detail: Detail::None }
    }

    /// A refusal with what it is about.
    pub fn about(reason: Reason, detail: Detail) -> Self {
        Self { reason, detail }
    }

    /// A refusal of a field of the request.
    pub fn field(reason: Reason, name: &'static str) -> Self {
        Self::about(reason, Detail::Field(Cow::Borrowed(name)))
    }

    /// The same, about the part of the request that lies at the path: rules know a field by its place in what they are about.
    pub(crate) fn within(self, path: impl fmt::Display) -> Self {
        if let Detail::Field(name) = &self.detail { Self::about(self.reason, Detail::Field(Cow::Owned(format!("{path}.{name}")))) } else { self }
    }

    /// The refusal of a consent that does not carry a cell.
    pub fn consent(lack: ConsentLack, section: u32, person: Option<PersonName>) -> Self {
        let reason = match lack {
            ConsentLack::Missing => Reason::ConsentMissing,
            ConsentLack::OtherPerson => Reason::ConsentOfAnother,
            ConsentLack::OtherRecipient => Reason::ConsentOtherRecipient,
            ConsentLack::OtherCategory => Reason::ConsentOtherCategory,
            ConsentLack::OtherPurpose => Reason::ConsentOtherPurpose,
            ConsentLack::Expired => Reason::ConsentExpired,
            ConsentLack::Withdrawn => Reason::ConsentWithdrawn,
        };
        Self::about(reason, Detail::Cell(section, person))
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

fn interest(person: Option<&PersonName>) -> String {
    person.map_or_else(|| String::from("the investigation"), ToString::to_string)
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Field(field) => write!(f, "field {field}"),
            Self::Category(category, kind) => write!(f, "{category} in {kind}"),
            Self::Cell(section, person) => write!(f, "section {section}, {}", interest(person.as_ref())),
            Self::Section(section) => write!(f, "section {section}"),
            Self::Person(person) => write!(f, "{person}"),
            Self::Ground(ground, section, person) => write!(f, "{ground} for section {section}, {}", interest(person.as_ref())),
            Self::Conditions(ground, conditions) => {
                write!(f, "{ground} needs: ")?;
                for (index, condition) in conditions.iter().enumerate() {
                    write!(f, "{}{condition}", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Provision(ground, provision) => write!(f, "{ground} does not lift {provision}"),
            Self::Barred(ground, provision) => write!(f, "{ground} does not carry it there: {provision}"),
            Self::Stage(stage) => write!(f, "it is {stage}"),
            Self::Function(function) => write!(f, "it goes to {function}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.english())?;
        if self.detail == Detail::None { Ok(()) } else { write!(f, " ({})", self.detail) }
    }
}

impl std::error::Error for Refusal {}
