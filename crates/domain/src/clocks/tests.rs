use super::calendar::Calendar;
use super::*;
use crate::grounds::SHIPPED as TABLES;
use crate::routing::TargetGroup;

fn table() -> GroundTable {
    GroundTable::load(TABLES).unwrap()
}

fn at(text: &str) -> Time {
    Time::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn refused(piece: &str, by: &str) -> ClockError {
    assert!(SHIPPED.contains(piece), "{piece}");
    let clocks: ClockTable = serde_json::from_str(&SHIPPED.replacen(piece, by, 1)).unwrap();
    clocks.check().unwrap_err()
}

#[test]
fn swedish_holidays_are_closed_and_the_days_beside_them_are_not() {
    let table = table();
    let clocks = table.clocks();
    let calendar = Calendar { holidays: &clocks.holidays };
    let open = |day: &str| calendar.is_open(&clocks.office_hours, at(&format!("{day}T10:00:00Z")));
    for day in [
        "2026-01-01",
        "2026-01-06",
        "2026-04-03",
        "2026-04-06",
        "2026-05-01",
        "2026-05-14",
        "2026-06-19",
        "2026-12-24",
        "2026-12-25",
        "2026-12-31",
        "2027-03-26",
        "2027-03-29",
        "2027-05-06",
        "2027-06-25",
        "2028-04-14",
        "2029-06-06",
        "2038-04-26",
    ] {
        assert!(!open(day), "{day}");
    }
    // The days around them, a Friday before All Saints', and the national day on a Sunday.
    for day in ["2026-01-02", "2026-01-05", "2026-04-02", "2026-04-07", "2026-05-13", "2026-06-18", "2026-10-30", "2026-12-23", "2026-12-30", "2027-06-07"] {
        assert!(open(day), "{day}");
    }
}

#[test]
fn office_hours_are_those_on_the_wall_on_both_sides_of_a_change_of_clocks() {
    let table = table();
    let clocks = table.clocks();
    let calendar = Calendar { holidays: &clocks.holidays };
    let minutes = |count: i64| count * 60_000_000;
    // Friday 16:00 to Monday 08:30, over the change to summer time on 2026-03-29 and the one to winter time on 2026-10-25.
    for (from, to) in [("2026-03-27T15:00:00Z", "2026-03-30T06:30:00Z"), ("2026-10-23T14:00:00Z", "2026-10-26T07:30:00Z")] {
        assert_eq!(calendar.after_open(at(from), minutes(60), &clocks.office_hours), at(to));
    }
    let always: Opening = serde_json::from_str(
        r#"{"hours": [{"days": ["monday","tuesday","wednesday","thursday","friday","saturday","sunday"], "from": "00:00", "to": "24:00"}], "holidays": true}"#,
    )
    .unwrap();
    assert_eq!(calendar.after_open(at("2026-03-28T23:00:00Z"), minutes(23 * 60), &always), at("2026-03-29T22:00:00Z"), "a day of 23 hours");
    assert_eq!(calendar.after_open(at("2026-10-24T22:00:00Z"), minutes(25 * 60), &always), at("2026-10-25T23:00:00Z"), "a day of 25 hours");
    let never: Opening = serde_json::from_str(r#"{"hours": []}"#).unwrap();
    assert!(!never.is_sound());
    assert_eq!(calendar.after_open(at("2026-03-28T23:00:00Z"), minutes(60), &never), at("2026-03-29T00:00:00Z"), "without hours, by the clock");
}

#[test]
fn days_end_at_midnight_of_a_working_day() {
    let table = table();
    let calendar = Calendar { holidays: &table.clocks().holidays };
    for (from, days, end) in [
        // A Monday, and a Saturday that is counted from.
        ("2026-03-02T09:00:00Z", &[14][..], "2026-03-16T23:00:00Z"),
        ("2026-03-07T23:30:00Z", &[14], "2026-03-23T23:00:00Z"),
        // Fourteen days end on Good Friday, so with the Tuesday after Easter; the week is counted from there.
        ("2026-03-20T09:00:00Z", &[14], "2026-04-07T22:00:00Z"),
        ("2026-03-20T09:00:00Z", &[14, 7], "2026-04-14T22:00:00Z"),
        // Christmas: from the 24th to Monday the 28th.
        ("2026-12-10T09:00:00Z", &[14], "2026-12-28T23:00:00Z"),
    ] {
        assert_eq!(calendar.after_days(at(from), days), Some(at(end)), "{from} {days:?}");
    }
}

#[test]
fn a_table_that_tells_a_sender_too_much_or_leaves_a_stage_unwatched_is_refused() {
    assert!(matches!(refused(r#""level": "second", "percent": 80"#, r#""level": "second", "percent": 40"#), ClockError::Marks(_)));
    assert!(matches!(refused(r#""level": "overdue", "percent": 100"#, r#""level": "overdue", "percent": 99"#), ClockError::Marks(_)));
    assert!(matches!(refused(r#""tells": "overdue""#, r#""tells": "closed""#), ClockError::Status(_)));
    assert!(matches!(refused(r#""ladder": "own""#, r#""ladder": "transport""#), ClockError::Tells(ClockName::Board)));
    assert!(matches!(refused(r#""ladder": "own""#, r#""ladder": "nobody""#), ClockError::Ladder(ClockName::Board, _)));
    assert!(matches!(refused(r#"{"minutes": 60}"#, r#"{"minutes": 0}"#), ClockError::Lasts(ClockName::Leave)));
    assert!(matches!(refused(r#""stages": ["ready", "opened", "accepted"]"#, r#""stages": ["held"]"#), ClockError::Start(ClockName::Board)));
    assert!(matches!(refused(r#""from": "08:00""#, r#""from": "17:00""#), ClockError::Hours));
    let decide = r#"{"office_minutes": 2550}"#;
    let without = SHIPPED.split(decide).next().unwrap().rsplit_once("\"clock\": \"decide\"").unwrap().0.len();
    let mut text = SHIPPED.to_owned();
    text.replace_range(without..without + r#""clock": "decide""#.len(), r#""clock": "decide", "kinds": ["support"]"#);
    let clocks: ClockTable = serde_json::from_str(&text).unwrap();
    assert!(matches!(clocks.check(), Err(ClockError::Unwatched(_, "opened"))));
    assert!(GroundTable::load(&TABLES.replacen("\"office_minutes\"", "\"office_hour\"", 1)).is_err());
}

#[test]
fn the_clocks_that_ship_serve_where_a_table_brings_none() {
    let clocks = TABLES.find("{\n \"version\": \"2026-11-27\"").unwrap();
    let without = GroundTable::load(&TABLES[..clocks]).unwrap();
    assert_eq!(without.clocks().version, table().clocks().version);
    assert!(without.hash() != table().hash());
}

mod who_is_told {
    use super::*;
    use crate::codes::{AgencyKind, Category, ReferralKind, Urgency};
    use crate::directory::OnDuty;
    use crate::event::{Interest, Outcome, SectionContent};
    use crate::exclusion::Excluded;
    use crate::ids::{Commitment, Position, Reference, ReferralId, ThreadId};
    use crate::referral::{Cell, CellState, Consent, Decision, Section, Stage};

    fn function(id: &str, host: &str, duty: OnDuty) -> Function {
        Function {
            id: id.parse().unwrap(),
            host: host.parse().unwrap(),
            name: id.to_owned(),
            territories: Vec::new(),
            kinds: Vec::new(),
            target: TargetGroup::default(),
            telephone: None,
            duty,
        }
    }

    fn directory() -> Directory {
        let mut directory = Directory::default();
        let named = |id: &str| Some(id.parse().unwrap());
        directory.put_function(function("polis-bops", "polis", OnDuty { clears: true, ..OnDuty::default() }));
        directory.put_function(function("rvc", "solna", OnDuty { deputy: named("mottagning"), out_of_hours: named("jour"), ..OnDuty::default() }));
        directory.put_function(function("mottagning", "solna", OnDuty { out_of_hours: named("annan"), ..OnDuty::default() }));
        directory.put_function(function("jour", "solna", OnDuty::default()));
        directory.put_function(function("annan", "ekero", OnDuty::default()));
        directory
    }

    fn undecided() -> Section {
        let content = SectionContent { section: 1, revision: 1, commitment: Commitment([0; 32]) };
        Section { kept: Vec::new(), ..Section::undecided(Category::Offence, content, [Interest::Investigation], Time::from_micros(0)) }
    }

    fn consent(at: u64, withdrawn: Option<Position>) -> Consent {
        let given = crate::event::ConsentGiven {
            referral: ReferralId::from_bytes(&[1; 16]).unwrap(),
            consent: crate::ids::ConsentId::from_bytes(&[3; 16]).unwrap(),
            person: crate::ids::PersonId::from_bytes(&[4; 16]).unwrap(),
            categories: Vec::new(),
            recipient: "rvc".parse().unwrap(),
            purpose: crate::codes::Purpose::Protection,
            given_at: Time::from_micros(0),
            valid_until: Time::from_micros(0),
            form: crate::codes::ConsentForm::Oral,
            language: None,
            interpreter: false,
            gdpr_basis: crate::codes::GdprBasis::PublicTask,
            given_by: crate::codes::ConsentGiver::Person,
            asked_by: None,
            interpreter_reference: None,
        };
        Consent { at: Position(at), given, withdrawn }
    }

    fn referral(stage: Stage, since: Time) -> Referral {
        Referral {
            id: ReferralId::from_bytes(&[1; 16]).unwrap(),
            reference: Reference::from_random(7),
            thread: ThreadId::from_bytes(&[2; 16]).unwrap(),
            kind: ReferralKind::CaseHandover,
            sender: "polis".parse().unwrap(),
            from: AgencyKind::Police,
            to: AgencyKind::SocialBoard,
            recipient: "rvc".parse().unwrap(),
            host: "solna".parse().unwrap(),
            leader: "polis".parse().unwrap(),
            urgency: Urgency::Immediate,
            reported_at: None,
            contact_due_at: None,
            contacted_at: None,
            submitted_at: since,
            received_at: Some(since),
            stage_since: since,
            marks: Vec::new(),
            first: Position(1),
            last: Position(1),
            offered_at: Some(Position(1)),
            stage,
            claimed_by: None,
            inherited: Vec::new(),
            owed: Vec::new(),
            persons: Vec::new(),
            sections: if stage == Stage::Held { vec![undecided()] } else { Vec::new() },
            consents: Vec::new(),
            emergencies: Vec::new(),
            revealing: None,
            excluded: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// The marks of an immediate referral an hour after its stage began.
    fn told(stage: Stage, since: &str) -> Vec<(ClockLevel, Option<String>)> {
        let (table, directory, since) = (table(), directory(), at(since));
        let due = Duty { table: &table, directory: &directory }.due(&referral(stage, since), since.plus_minutes(60));
        due.into_iter().map(|due| (due.level, due.to.map(|to| to.to_string()))).collect()
    }

    #[test]
    fn an_excluded_unit_is_passed_over() {
        let (table, directory) = (table(), directory());
        let told = |stage, since: &str, unit: &str| {
            let since = at(since);
            let waiting = Referral { excluded: vec![Excluded::Function(unit.parse().unwrap())], ..referral(stage, since) };
            let due = Duty { table: &table, directory: &directory }.due(&waiting, since.plus_minutes(60));
            due.into_iter().map(|due| (due.level, due.to.map(|to| to.to_string()))).collect::<Vec<_>>()
        };
        assert_eq!(told(Stage::Ready, "2026-11-23T09:00:00Z", "mottagning"), levels(["rvc", "rvc", "rvc"]), "the deputy");
        assert_eq!(told(Stage::Ready, "2026-11-22T09:00:00Z", "jour"), levels(["rvc", "mottagning", "mottagning"]), "the out-of-hours function");
        let nobody = vec![(ClockLevel::Overdue, None)];
        assert_eq!(told(Stage::Held, "2026-11-23T09:00:00Z", "polis-bops"), nobody, "the function that clears");
    }

    fn levels(names: [&str; 3]) -> Vec<(ClockLevel, Option<String>)> {
        let [first, second, overdue] = names.map(|name| Some(name.to_owned()));
        vec![(ClockLevel::First, first), (ClockLevel::Second, second), (ClockLevel::Overdue, overdue)]
    }

    #[test]
    fn the_owner_then_its_deputy_and_out_of_hours_whoever_is_there() {
        assert_eq!(told(Stage::Ready, "2026-11-23T09:00:00Z"), levels(["rvc", "mottagning", "mottagning"]), "on a Monday morning");
        // The deputy's out-of-hours function is another agency's and learns nothing; the owner's is there.
        assert_eq!(told(Stage::Ready, "2026-11-22T09:00:00Z"), levels(["jour", "jour", "jour"]), "on a Sunday");
        assert_eq!(told(Stage::Held, "2026-11-23T09:00:00Z"), levels(["polis-bops", "polis-bops", "polis-bops"]), "the sender's, while it is held");
        assert_eq!(told(Stage::Accepted, "2026-11-23T09:00:00Z"), []);
    }

    #[test]
    fn nothing_is_early_and_what_was_made_is_not_made_again() {
        let (table, directory, since) = (table(), directory(), at("2026-11-23T09:00:00Z"));
        let duty = Duty { table: &table, directory: &directory };
        let mut waiting = referral(Stage::Ready, since);
        assert_eq!(duty.next_look(&waiting, since), Some(since.plus_minutes(30)));
        assert_eq!(duty.due(&waiting, Time::from_micros(since.plus_minutes(30).micros() - 1)), []);
        assert_eq!(duty.due(&waiting, since.plus_minutes(30)).len(), 1);
        waiting.marks.push(Mark { clock: ClockName::Open, level: ClockLevel::First });
        assert_eq!(duty.next_look(&waiting, since), Some(since.plus_minutes(48)));
        assert_eq!((Duty::recipients_level(&table, &waiting), Duty::senders_level(&table, &waiting)), (Some(ClockLevel::First), None));
        waiting.marks.extend([ClockLevel::Second, ClockLevel::Overdue].map(|level| Mark { clock: ClockName::Open, level }));
        assert_eq!((duty.next_look(&waiting, since), duty.due(&waiting, NEVER)), (Some(NEVER), Vec::new()));
        assert_eq!(Duty::alarm(&table, &waiting), Some(SenderStatus::Overdue));
        // Once opened, that time has run out holds no more, and another clock runs.
        let opened = Referral { stage: Stage::Opened, ..waiting };
        assert_eq!((Duty::alarm(&table, &opened), Duty::recipients_level(&table, &opened)), (None, None));
        assert!(duty.next_look(&opened, since).unwrap() < NEVER);
        let ended = Referral { stage: Stage::Declined(crate::codes::DeclineReason::NoCapacity), ..opened };
        assert_eq!(duty.next_look(&ended, since), None);
    }

    #[test]
    fn clearing_ends_with_the_last_decision_and_begins_anew_when_its_consent_does_not_stand() {
        let since = at("2026-11-23T09:00:00Z");
        let due = |outcome: Outcome, second_officer: bool, confirmed: bool| {
            let mut held = referral(Stage::Held, since);
            let confirmed = confirmed.then_some(Position(8));
            let decision = Decision { at: Position(7), officer: None, outcome, second_officer, confirmed, standing_until: None, carried: None };
            held.sections[0].cells[0].state = CellState::Decided(decision);
            held.consents = vec![consent(5, None), consent(6, Some(Position(9)))];
            Duty { table: &table(), directory: &directory() }.due(&held, since.plus_minutes(60)).len()
        };
        let release = |consent: Option<u64>| Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: consent.map(Position) };
        let withhold = Outcome::Withhold { reason: crate::codes::WithholdReason::NotNeeded, nameable: false };
        assert_eq!((due(withhold, false, false), due(release(None), false, false), due(release(Some(5)), false, false)), (0, 0, 0));
        assert_eq!((due(release(None), true, false), due(release(None), true, true)), (3, 0), "until the second officer has decided");
        assert_eq!(due(release(Some(6)), false, false), 3, "what it was decided on was withdrawn");
    }

    #[test]
    fn of_what_ran_out_since_it_was_offered_nobody_is_reminded_and_the_sender_is_told() {
        let (table, directory, since) = (table(), directory(), at("2026-11-23T09:00:00Z"));
        let duty = Duty { table: &table, directory: &directory };
        let mut accepted = referral(Stage::Accepted, since);
        let her = accepted_person(&mut accepted);
        let mut given = consent(5, None);
        (given.given.person, given.given.categories, given.given.valid_until) = (her, vec![Category::Offence], since.plus_minutes(45));
        accepted.consents = vec![given];
        let outcome = Outcome::Release { ground: "CONSENT".parse().unwrap(), consent: Some(Position(5)) };
        let decision = Decision { at: Position(7), officer: None, outcome, second_officer: false, confirmed: None, standing_until: None, carried: None };
        accepted.sections[0].cells = vec![Cell { interest: Interest::Person(her), state: CellState::Decided(decision) }];
        assert_eq!(duty.next_look(&accepted, since), Some(since.plus_minutes(30)), "while it passes");
        assert_eq!(duty.due(&accepted, since.plus_minutes(40)).len(), 1);
        // The broker was away over the end of the consent: what was due before is not said of what cannot be opened now.
        assert_eq!(
            (duty.due(&accepted, since.plus_minutes(50)), duty.next_look(&accepted, since.plus_minutes(50))),
            (Vec::new(), Some(since.plus_minutes(60)))
        );
        let overdue = duty.due(&accepted, since.plus_minutes(70)).into_iter().map(|due| (due.clock, due.level, due.to, due.tells));
        assert_eq!(overdue.collect::<Vec<_>>(), [(ClockName::Supplement, ClockLevel::Overdue, None, Some(SenderStatus::Overdue))]);
        accepted.marks = vec![Mark { clock: ClockName::Supplement, level: ClockLevel::Overdue }];
        assert_eq!(
            (duty.due(&accepted, since.plus_minutes(70)), duty.next_look(&accepted, since.plus_minutes(70))),
            (Vec::new(), Some(since.plus_minutes(30 * 24 * 60)))
        );
        accepted.marks.clear();
        // What is offered now waits from now, whatever waits besides.
        let mut later = accepted.sections[0].clone();
        (later.number, later.kept[0].since) = (2, since.plus_minutes(100));
        accepted.consents[0].given.valid_until = since.plus_minutes(600);
        accepted.sections.push(later);
        assert_eq!(duty.next_look(&accepted, since.plus_minutes(100)), Some(since.plus_minutes(130)));
        assert_eq!((Duty::senders_level(&table, &accepted), Duty::recipients_level(&table, &accepted)), (None, None));
        accepted.marks.push(Mark { clock: ClockName::Supplement, level: ClockLevel::First });
        assert_eq!((Duty::senders_level(&table, &accepted), Duty::recipients_level(&table, &accepted)), (None, Some(ClockLevel::First)));
        accepted.sections[1].offered = false;
        accepted.marks = vec![Mark { clock: ClockName::Keep, level: ClockLevel::Second }];
        assert_eq!(
            (Duty::senders_level(&table, &accepted), Duty::recipients_level(&table, &accepted)),
            (Some(ClockLevel::Second), None),
            "of what the sender holds"
        );
    }

    /// Somebody about whom an offered section is that nobody has opened.
    fn accepted_person(referral: &mut Referral) -> crate::ids::PersonId {
        let id = crate::ids::PersonId::from_bytes(&[4; 16]).unwrap();
        let name = crate::event::PersonName { role: crate::codes::Role::Victim, number: 1 };
        referral.persons = vec![crate::event::Person { id, name, protected_identity: crate::codes::ProtectedIdentity::NotProtected }];
        let mut section = undecided();
        section.kept = vec![crate::content::Kept { revision: 1, since: referral.stage_since, left: false }];
        section.offered = true;
        referral.sections = vec![section];
        id
    }

    #[test]
    fn without_anybody_to_remind_time_runs_out_all_the_same() {
        let (table, since) = (table(), at("2026-11-23T09:00:00Z"));
        let directory = Directory::default();
        let due = Duty { table: &table, directory: &directory }.due(&referral(Stage::Held, since), since.plus_minutes(60));
        assert_eq!(
            due.iter().map(|due| (due.level, due.to.clone(), due.tells)).collect::<Vec<_>>(),
            [(ClockLevel::Overdue, None, Some(SenderStatus::Overdue))]
        );
    }
}
