//! The law by hand: what may leave, read from the statutes once more. Nothing here looks at the tables.

use brygga_domain::*;

use AgencyKind::{Police, Prosecution, SocialBoard};
use Category::*;
use FactCode::*;
use ProtectedIdentity::{ConfidentialityMarked, ProtectedPopulationRegistration};

use super::case::{Case, Consent, Emergency, Second};

/// A kind of referral: from whom, to whom, with what.
pub type Kind = (ReferralKind, &'static [AgencyKind], &'static [AgencyKind], &'static [Category]);

/// The kinds of referral.
pub const KINDS: [Kind; 11] = [
    (ReferralKind::ContactRequest, &[Police], &[SocialBoard], &[VictimIdentity, SafeContact, Interpreter, OffenceHeading, SupportNeeds]),
    (
        ReferralKind::ReportedOffence,
        &[Police],
        &[SocialBoard],
        &[Offence, OffenceHeading, VictimIdentity, SafeContact, RiskAssessment, Children, Suspect, Measures, SupportNeeds, Interpreter],
    ),
    (
        ReferralKind::CaseHandover,
        &[Police],
        &[Prosecution],
        &[Offence, VictimIdentity, Suspect, CaseParties, RiskAssessment, ContactBanRequest, InformationWish, Measures, Interpreter],
    ),
    (ReferralKind::Decision, &[Prosecution], &[SocialBoard, Police], &[VictimIdentity, CourtDecision]),
    (ReferralKind::Hearing, &[Prosecution], &[SocialBoard, Police], &[VictimIdentity, HearingNotice, SupportNeeds]),
    (ReferralKind::CustodyOrBan, &[Prosecution], &[SocialBoard, Police], &[VictimIdentity, CustodyNotice, Suspect]),
    (ReferralKind::Support, &[SocialBoard], &[Police, Prosecution], &[VictimIdentity, SupportStatus]),
    (ReferralKind::Risk, &[SocialBoard], &[Police, Prosecution], &[VictimIdentity, RiskNotice, Offence, Suspect]),
    (ReferralKind::ContactReply, &[SocialBoard], &[Police, Prosecution], &[VictimIdentity, ContactData, SafeContact, Whereabouts]),
    (
        ReferralKind::ChildConcern,
        &[Police, Prosecution, SocialBoard],
        &[SocialBoard],
        &[Child, Custodians, Concern, ImmediateDanger, Suspect, Interpreter, SafeContact],
    ),
    (
        ReferralKind::Handover,
        &[SocialBoard],
        &[SocialBoard],
        &[VictimIdentity, SafeContact, Interpreter, Children, RiskAssessment, SupportNeeds, SupportStatus, Whereabouts],
    ),
];

/// The grounds that clear something, by name.
pub const CLEARING: [&str; 16] = [
    "COMMITTED_CRIME_OTHER",
    "COMMITTED_CRIME_SERIOUS",
    "CONSENT",
    "CRIME_AGAINST_CHILD",
    "CRIME_PURPOSES",
    "DUTY_CHILD_INQUIRY",
    "DUTY_CHILD_REPORT",
    "DUTY_CONTACT_DATA",
    "DUTY_YOUNG_SUSPECT",
    "GENERAL_CLAUSE",
    "IMMEDIATE_MINOR",
    "NECESSARY_OWN",
    "NO_HARM",
    "RISK_IPV",
    "RISK_UNDER21",
    "SOCIAL_TO_SOCIAL",
];

/// Every name that a case may give, the last of them unknown.
pub const GROUNDS: [&str; 23] = [
    "COMMITTED_CRIME_OTHER",
    "COMMITTED_CRIME_SERIOUS",
    "CONSENT",
    "CRIME_AGAINST_CHILD",
    "CRIME_PURPOSES",
    "DUTY_CHILD_INQUIRY",
    "DUTY_CHILD_REPORT",
    "DUTY_CONTACT_DATA",
    "DUTY_YOUNG_SUSPECT",
    "GENERAL_CLAUSE",
    "IMMEDIATE_MINOR",
    "NECESSARY_OWN",
    "NO_HARM",
    "RISK_IPV",
    "RISK_UNDER21",
    "SOCIAL_TO_SOCIAL",
    "TECH_PROCESSOR",
    "CHILD_REPORT_FEEDBACK",
    "DUTY_MUNICIPALITY",
    "DUTY_POLICE_NOTIFY",
    "SUPERVISION",
    "EMERGENCY",
    "NO_SUCH_GROUND",
];

/// Offences: name, chapter, least months now and in 2015, where they existed then. All have imprisonment in their scale.
pub const OFFENCES: [(&str, &str, u16, Option<u16>); 9] = [
    ("OFREDANDE", "4", 0, Some(0)),
    ("GROVT_OLAGA_HOT", "4", 9, None),
    ("GROV_KVINNOFRIDSKRANKNING", "4", 12, Some(9)),
    ("SEXUELLT_OVERGREPP", "6", 6, None),
    ("VALDTAKT", "6", 36, None),
    ("GROV_MISSHANDEL", "3", 18, None),
    ("SKADEGORELSE", "12", 0, None),
    ("KONSSTYMPNING", "1982:316", 24, Some(24)),
    ("NO_SUCH_OFFENCE", "", 0, None),
];

/// The kind of referral that a narrow ground is for, so that random cases come near it.
pub fn home(ground: &str) -> Option<ReferralKind> {
    match ground {
        "RISK_UNDER21" | "RISK_IPV" | "IMMEDIATE_MINOR" | "CRIME_AGAINST_CHILD" | "COMMITTED_CRIME_SERIOUS" => Some(ReferralKind::Risk),
        "DUTY_CHILD_REPORT" => Some(ReferralKind::ChildConcern),
        "DUTY_CHILD_INQUIRY" | "DUTY_YOUNG_SUSPECT" => Some(ReferralKind::ReportedOffence),
        "DUTY_CONTACT_DATA" => Some(ReferralKind::ContactReply),
        "SOCIAL_TO_SOCIAL" => Some(ReferralKind::Handover),
        _ => None,
    }
}

/// The facts that a ground is made of, so that random cases come near it.
pub fn facts_of(ground: &str) -> impl Iterator<Item = FactCode> {
    let facts: &[FactCode] = match ground {
        "CONSENT" => &[CustodiansConsent, NoDetrimentToChild, ChildAgrees, ChildMature],
        "NO_HARM" => &[HarmExcluded],
        "NECESSARY_OWN" => &[NecessaryForOwnTask],
        "GENERAL_CLAUSE" => &[BalanceObvious, NotContraryToStatute],
        "CRIME_PURPOSES" => &[SecrecyDoesNotOutweigh],
        "RISK_UNDER21" => &[ConcreteRisk, NotUnsuitable],
        "RISK_IPV" => &[ConcreteRisk, RiskToClosePerson, NotUnsuitable],
        "IMMEDIATE_MINOR" => &[FoundInDangerOrCaught, NeedsPoliceAtOnce],
        "CRIME_AGAINST_CHILD" => &[CommittedCrime],
        "COMMITTED_CRIME_SERIOUS" => &[ImportantForInvestigation],
        "COMMITTED_CRIME_OTHER" => &[CommittedCrime, ImportantForInvestigation],
        "DUTY_CHILD_REPORT" => &[ChildMayFareBadly, IndividualAssessment],
        "DUTY_CHILD_INQUIRY" => &[Requested, ChildInquiryOpened],
        "DUTY_CONTACT_DATA" => &[Requested, LawEnforcementPurpose, NoExceptionalReasons],
        "DUTY_YOUNG_SUSPECT" => &[ReasonableSuspicion],
        "SOCIAL_TO_SOCIAL" => &[NecessaryCare],
        _ => FactCode::ALL,
    };
    facts.iter().copied()
}

/// What must be denied, likewise.
pub fn denials_of(ground: &str) -> impl Iterator<Item = FactCode> {
    let facts: &[FactCode] = match ground {
        "CRIME_PURPOSES" | "RISK_UNDER21" | "RISK_IPV" => &[CommittedCrime],
        _ => &[],
    };
    facts.iter().copied()
}

/// Whether the section leaves.
pub fn passes(case: &Case) -> bool {
    let goes = KINDS
        .iter()
        .any(|(kind, from, to, carries)| *kind == case.kind && from.contains(&case.from) && to.contains(&case.to) && carries.contains(&case.category));
    if !goes {
        return false;
    }
    // A section that names nobody can be about the case alone.
    let of_the_case = matches!(case.category, OffenceHeading | Offence | Measures | ContactBanRequest | CourtDecision | HearingNotice | CustodyNotice);
    if case.role.is_none() && !of_the_case {
        return false;
    }
    // What can reach a suspect as a party's insight goes to the investigation on the protected person's own word only.
    let to_investigation = matches!(case.to, Police | Prosecution);
    if to_investigation && matches!(case.category, SafeContact | Whereabouts) && case.ground != "CONSENT" {
        return false;
    }
    let falls = lifted(case.ground);
    secrecies(case).iter().all(|secrecy| falls.contains(secrecy)) && allows(case) && formalities(case)
}

/// The secrecies that protect the cell at its sender.
fn secrecies(case: &Case) -> Vec<&'static str> {
    if case.role.is_none() {
        return vec!["18:1"];
    }
    let mut found = vec![if case.from == SocialBoard { "26:1" } else { "35:1" }];
    if matches!(case.category, SafeContact | Whereabouts | ContactData) {
        found.push("21:3");
        // 21:3a is about a protected registration; where nothing is said of a person, it is taken to hold.
        if matches!(case.protection, ProtectedPopulationRegistration | ProtectedIdentity::Unknown) {
            found.push("21:3a");
        }
    }
    if case.from != SocialBoard && case.day >= "2026-01-15" && matches!(case.category, Child | Custodians | Concern | ImmediateDanger) {
        found.push("40:7g");
    }
    found
}

/// What a ground makes fall.
fn lifted(ground: &str) -> &'static [&'static str] {
    match ground {
        "CONSENT" => &["26:1", "35:1", "21:3", "21:3a", "40:7g"],
        "NO_HARM" | "NECESSARY_OWN" => &["18:1", "26:1", "35:1", "21:3", "21:3a", "40:7g"],
        // 10:27 names 26:1 among what it never lifts.
        "GENERAL_CLAUSE" => &["18:1", "35:1", "21:3", "21:3a", "40:7g"],
        // 10:15a: chapters 21 to 40, so never 18:1.
        "CRIME_PURPOSES" => &["26:1", "35:1", "21:3", "21:3a", "40:7g"],
        "RISK_UNDER21" | "RISK_IPV" | "IMMEDIATE_MINOR" | "CRIME_AGAINST_CHILD" | "COMMITTED_CRIME_SERIOUS" | "SOCIAL_TO_SOCIAL" => &["26:1"],
        "COMMITTED_CRIME_OTHER" => &["35:1", "21:3", "21:3a", "40:7g"],
        "DUTY_CHILD_REPORT" | "DUTY_CHILD_INQUIRY" => &["18:1", "35:1", "26:1", "40:7g"],
        "DUTY_CONTACT_DATA" => &["26:1", "35:1", "21:3", "21:3a"],
        "DUTY_YOUNG_SUSPECT" => &["18:1", "35:1"],
        _ => &[],
    }
}

/// Whether the ground's own words are fulfilled.
fn allows(case: &Case) -> bool {
    let Case { from, to, kind, category, day, .. } = case;
    let yes = |facts: &[FactCode]| facts.iter().all(|fact| case.asserted.contains(fact));
    let no = |fact: FactCode| case.denied.contains(&fact);
    let under = |age: Option<u8>, years: u8| age.is_some_and(|age| age < years);
    let board_to_investigation = *from == SocialBoard && matches!(to, Police | Prosecution);
    let board_to_police = *from == SocialBoard && *to == Police;
    let to_board = matches!(from, Police | Prosecution) && *to == SocialBoard;
    let risk = *kind == ReferralKind::Risk;
    match case.ground {
        "CONSENT" => minor_consents(case),
        "NO_HARM" => yes(&[HarmExcluded]),
        "NECESSARY_OWN" => yes(&[NecessaryForOwnTask]),
        "GENERAL_CLAUSE" => *from != SocialBoard && yes(&[BalanceObvious, NotContraryToStatute]),
        "CRIME_PURPOSES" => crime_purposes(case) && yes(&[SecrecyDoesNotOutweigh]),
        "RISK_UNDER21" => {
            *day >= "2025-04-01" && board_to_police && risk && under(case.subject_age, 21) && yes(&[ConcreteRisk, NotUnsuitable]) && no(CommittedCrime)
        }
        "RISK_IPV" => {
            let feared = offence(case).is_some_and(|(chapter, months)| ["3", "4", "6"].contains(&chapter) && months >= 12) && !case.attempted;
            *day >= "2025-04-01" && board_to_police && risk && feared && yes(&[ConcreteRisk, RiskToClosePerson, NotUnsuitable]) && no(CommittedCrime)
        }
        "IMMEDIATE_MINOR" => board_to_police && risk && under(case.subject_age, 18) && yes(&[FoundInDangerOrCaught, NeedsPoliceAtOnce]),
        "CRIME_AGAINST_CHILD" => {
            let of_chapter = offence(case).is_some_and(|(chapter, _)| ["3", "4", "6", "1982:316"].contains(&chapter));
            *day >= "2025-12-01" && board_to_investigation && risk && of_chapter && under(case.victim_age, 18) && yes(&[CommittedCrime])
        }
        "COMMITTED_CRIME_SERIOUS" => {
            let (completed, attempted) = if *day >= "2025-04-01" { (6, 12) } else { (12, 24) };
            let least = if case.attempted { attempted } else { completed };
            board_to_investigation && risk && offence(case).is_some_and(|(_, months)| months >= least) && yes(&[ImportantForInvestigation])
        }
        "COMMITTED_CRIME_OTHER" => {
            let importance = yes(&[CommittedCrime, ImportantForInvestigation]);
            *day >= "2025-04-01" && matches!(to, Police | Prosecution) && offence(case).is_some() && importance
        }
        "DUTY_CHILD_REPORT" => {
            let named = if *day >= "2026-01-15" { true } else { *day >= "2025-07-01" && *from != Prosecution };
            let covered = matches!(category, Child | Custodians | Concern | ImmediateDanger | Suspect | Interpreter);
            let concern = *kind == ReferralKind::ChildConcern && *to == SocialBoard;
            named && concern && covered && under(case.subject_age, 18) && yes(&[ChildMayFareBadly, IndividualAssessment])
        }
        "DUTY_CHILD_INQUIRY" => {
            let covered = matches!(
                category,
                Child | Children | Custodians | Concern | ImmediateDanger | Suspect | RiskAssessment | Measures | OffenceHeading | Offence | CustodyNotice
            );
            *day >= "2025-07-01" && to_board && about_a_family(*kind) && covered && under(case.subject_age, 18) && yes(&[Requested, ChildInquiryOpened])
        }
        "DUTY_CONTACT_DATA" => {
            let reply = *kind == ReferralKind::ContactReply && *category == ContactData;
            *day >= "2025-04-01" && board_to_investigation && reply && yes(&[Requested, LawEnforcementPurpose, NoExceptionalReasons])
        }
        "DUTY_YOUNG_SUSPECT" => {
            let covered = matches!(category, Suspect | OffenceHeading | Measures | CourtDecision | CustodyNotice);
            to_board && about_a_family(*kind) && covered && under(case.suspect_age, 18) && offence(case).is_some() && yes(&[ReasonableSuspicion])
        }
        "SOCIAL_TO_SOCIAL" => {
            let special = [SubstanceAbuse, CompulsoryCare, ProtectsUnbornChild].into_iter().any(|fact| case.asserted.contains(&fact));
            *kind == ReferralKind::Handover && yes(&[NecessaryCare]) && (under(case.subject_age, 18) || special)
        }
        // A reason to refer, a defence, and what carries other things than referrals.
        _ => false,
    }
}

/// The kinds in which police and prosecution tell a board about a case with young people in it.
fn about_a_family(kind: ReferralKind) -> bool {
    matches!(kind, ReferralKind::ReportedOffence | ReferralKind::Decision | ReferralKind::CustodyOrBan | ReferralKind::ChildConcern)
}

/// OSL 10:15a: never support; and for social services, conservatively, what has not been committed yet.
fn crime_purposes(case: &Case) -> bool {
    use DisclosurePurpose::{PreventCrime, VictimSupport};
    let kind = matches!(
        case.kind,
        ReferralKind::ReportedOffence
            | ReferralKind::CaseHandover
            | ReferralKind::Decision
            | ReferralKind::CustodyOrBan
            | ReferralKind::Risk
            | ReferralKind::ContactReply
    );
    let support = matches!(case.category, SafeContact | Whereabouts | SupportNeeds | SupportStatus | HearingNotice | InformationWish);
    let purpose = match case.purpose {
        None | Some(VictimSupport) => false,
        Some(purpose) => case.from != SocialBoard || (purpose == PreventCrime && case.denied.contains(&CommittedCrime)),
    };
    case.day >= "2025-12-01" && kind && !support && purpose
}

/// OSL 12:3: a minor's secrecy is the custodians', with the child where it is mature, and never to its detriment.
fn minor_consents(case: &Case) -> bool {
    let under = |age: Option<u8>| age.is_some_and(|age| age < 18);
    let minor = match case.role {
        Some(Role::Child) => true,
        Some(Role::Victim) => under(case.victim_age),
        Some(Role::Suspect) => under(case.suspect_age),
        _ => false,
    };
    let child_is_asked = case.denied.contains(&ChildMature) || case.asserted.contains(&ChildAgrees);
    !minor || (case.asserted.contains(&CustodiansConsent) && case.asserted.contains(&NoDetrimentToChild) && child_is_asked)
}

/// Chapter and least months of the offence that was named, on its day.
fn offence(case: &Case) -> Option<(&'static str, u16)> {
    let (_, chapter, now, then) = OFFENCES.into_iter().find(|(name, ..)| Some(*name) == case.offence && *name != "NO_SUCH_OFFENCE")?;
    let months = if case.offence_on.is_some() { then? } else { now };
    Some((chapter, months))
}

/// Whether what a person consented for is what a kind of referral is for: a case is handed over to be prosecuted, she is referred to be supported.
fn serves(kind: ReferralKind, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Support => !matches!(kind, ReferralKind::CaseHandover | ReferralKind::Risk | ReferralKind::ContactReply),
        Purpose::Protection => true,
        Purpose::Proceedings => {
            !matches!(kind, ReferralKind::ContactRequest | ReferralKind::ReportedOffence | ReferralKind::ChildConcern | ReferralKind::Handover)
        }
    }
}

/// Consent where the ground rests on one, and two officers where the ground or the person's protection wants them.
fn formalities(case: &Case) -> bool {
    let protected = case.role.is_some() && matches!(case.protection, ConfidentialityMarked | ProtectedPopulationRegistration);
    let hurried = case.emergency != Emergency::Undeclared;
    let two = case.ground == "GENERAL_CLAUSE" || ((protected || hurried) && case.ground != "DUTY_CHILD_REPORT");
    // An emergency puts the second officer off while it stands, and does nothing else; one who has differed is not put off.
    let put_off = case.emergency == Emergency::Stands && case.second == Second::Nobody;
    (case.ground != "CONSENT" || (case.consent == Consent::Carries && serves(case.kind, case.consented_for)))
        && (!two || case.second == Second::Another || put_off)
}

/// The same case before and after the law changed.
pub struct Turning {
    /// The case.
    pub case: Case,
    /// Whether it passed on the day before.
    pub passes_before: bool,
    /// Whether it passes from the day on.
    pub passes_after: bool,
}

fn plain(ground: &'static str, way: (AgencyKind, AgencyKind), kind: ReferralKind, category: Category) -> Case {
    Case {
        ground,
        from: way.0,
        to: way.1,
        kind,
        category,
        role: Some(Role::Suspect),
        protection: ProtectedIdentity::NotProtected,
        day: "2026-11-23",
        asserted: facts_of(ground).collect(),
        denied: denials_of(ground).collect(),
        offence: Some("GROVT_OLAGA_HOT"),
        offence_on: None,
        attempted: false,
        purpose: Some(DisclosurePurpose::PreventCrime),
        subject_age: Some(9),
        victim_age: Some(9),
        suspect_age: Some(44),
        consent: Consent::Absent,
        consented_for: Purpose::Protection,
        second: Second::Nobody,
        emergency: Emergency::Undeclared,
    }
}

/// What changed, a case that shows it, the last day before and the first day after.
pub fn turning_days() -> Vec<(&'static str, Turning, &'static str, &'static str)> {
    let risk = |ground| plain(ground, (SocialBoard, Police), ReferralKind::Risk, RiskNotice);
    let report = |from| plain("DUTY_CHILD_REPORT", (from, SocialBoard), ReferralKind::ChildConcern, Concern);
    let turns = |case, passes_before| Turning { case, passes_before, passes_after: true };
    vec![
        ("10:23: six months instead of twelve", turns(risk("COMMITTED_CRIME_SERIOUS"), false), "2025-03-31", "2025-04-01"),
        ("10:18c in its new wording", turns(Case { offence: Some("GROV_MISSHANDEL"), ..risk("RISK_IPV") }, false), "2025-03-31", "2025-04-01"),
        (
            "10:15a from police to a board",
            turns(plain("CRIME_PURPOSES", (Police, SocialBoard), ReferralKind::ReportedOffence, RiskAssessment), false),
            "2025-11-30",
            "2025-12-01",
        ),
        ("10:15a from a board to police", turns(risk("CRIME_PURPOSES"), false), "2025-11-30", "2025-12-01"),
        ("10:21 in its new wording", turns(risk("CRIME_AGAINST_CHILD"), false), "2025-11-30", "2025-12-01"),
        ("SoL 19:1 names the prosecution", turns(report(Prosecution), false), "2026-01-14", "2026-01-15"),
        ("SoL 19:1 named the police before", turns(report(Police), true), "2026-01-14", "2026-01-15"),
    ]
}
