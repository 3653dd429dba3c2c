//! Blocks of text that need more than a row: why something is blocked, and how she can be reached safely.

use brygga_wire::content_v1::{ContactWindow, SafeContact};
use brygga_wire::v1;
use jiff::civil::Date;

use crate::args::Lang;
use crate::words;

/// Where the second column begins.
const SUBJECT_WIDTH: usize = 19;
const STATE_WIDTH: usize = 10;

fn chosen(text: Option<&v1::Text>, lang: Lang) -> &str {
    text.map_or("", |text| match lang {
        Lang::En => &text.en,
        Lang::Sv => &text.sv,
    })
}

fn say<'a>(lang: Lang, en: &'a str, sv: &'a str) -> &'a str {
    match lang {
        Lang::En => en,
        Lang::Sv => sv,
    }
}

/// One line of a block: its subject and state, or blanks below them.
fn line(subject: &str, state: &str, text: &str) -> String {
    format!("{subject:<SUBJECT_WIDTH$}{state:<STATE_WIDTH$}{text}")
}

/// Why one cell is blocked, and the lawful ways from there.
pub fn explanation(explanation: &v1::Explanation, lang: Lang) -> Vec<String> {
    let subject = words::category(explanation.category);
    let interest = if explanation.interest.is_empty() { String::from("-") } else { explanation.interest.clone() };
    let provisions = if explanation.provisions.is_empty() { String::new() } else { format!(" ({})", explanation.provisions.join(", ")) };
    let why = chosen(explanation.why.as_ref(), lang);
    let mut lines = vec![line(&subject, say(lang, "blocked", "hindrad"), &format!("{interest}{provisions}: {why} [{}]", explanation.code))];
    let strips = |way: &&v1::Way| way.kind() == v1::WayKind::Strip;
    if explanation.ways.iter().all(|way| strips(&way)) {
        lines.push(line("", "", say(lang, "no ground lets it pass in this direction today", "ingen grund låter den passera i den här riktningen i dag")));
    }
    for (index, way) in explanation.ways.iter().enumerate() {
        let lead = match (strips(&way), index) {
            (false, 0) => say(lang, "passes if", "går om"),
            (true | false, _) => say(lang, "or", "eller"),
        };
        lines.push(line("", lead, &self::way(way, &explanation.interest, lang)));
        for text in [way.text.as_ref(), way.deadline.as_ref(), way.legal_question.as_ref()].into_iter().flatten() {
            lines.push(line("", "", &format!("  {}", chosen(Some(text), lang))));
        }
        if !way.documents.is_empty() {
            let documents: Vec<&str> = way.documents.iter().map(|text| chosen(Some(text), lang)).collect();
            lines.push(line("", "", &format!("  {} {}", say(lang, "document:", "dokumentera:"), documents.join(" "))));
        }
    }
    lines
}

/// One lawful way: ground, provision, what must still be said, what the consents say, and whether two officers are due.
fn way(way: &v1::Way, interest: &str, lang: Lang) -> String {
    let on_ground = || {
        let mut needs: Vec<String> = way.needs.iter().map(|need| chosen(Some(need), lang).to_owned()).collect();
        if way.needs_consent {
            needs.insert(0, consent(way, interest, lang));
        }
        if way.second_officer {
            needs.push(say(lang, "a second officer", "en andra handläggare").to_owned());
        }
        let needs = if needs.is_empty() { String::new() } else { format!(": {}", needs.join("; ")) };
        let read = if way.verified { "" } else { say(lang, " [not verified]", " [inte kontrollerad]") };
        format!("{} ({}){read}{needs}", way.ground, way.provision)
    };
    match way.kind() {
        v1::WayKind::Unspecified | v1::WayKind::Consent | v1::WayKind::Ground => on_ground(),
        v1::WayKind::Duty => format!("{} {}", say(lang, "duty", "skyldighet"), on_ground()),
        v1::WayKind::OtherReferral => {
            let kind = words::kind(way.referral_kind);
            format!("{} {}: {}", say(lang, "as a referral of its own,", "som en egen remiss,"), kind, on_ground())
        }
        v1::WayKind::SecondOfficer => say(lang, "a second officer agrees", "en andra handläggare kommer till samma resultat").to_owned(),
        v1::WayKind::BreakGlass => {
            let (en, sv) =
                ("in an emergency it leaves before that: brygga clearance emergency", "i ett nödläge lämnas det innan dess: brygga clearance emergency");
            say(lang, en, sv).to_owned()
        }
        v1::WayKind::Strip => {
            say(lang, "leave the section out: withhold it, and the rest can go", "utelämna delen: lämna inte ut den, så kan resten gå").to_owned()
        }
    }
}

/// What the consents on record say, and, where another one is needed, for what it must be given.
fn consent(way: &v1::Way, interest: &str, lang: Lang) -> String {
    let purposes: Vec<String> = way.purposes.iter().map(|purpose| words::code::<brygga_domain::Purpose>(*purpose)).collect();
    let wanted = if purposes.is_empty() { String::new() } else { format!(" ({} {})", say(lang, "for", "för"), purposes.join(say(lang, " or ", " eller "))) };
    let text = match way.consent_state() {
        v1::ConsentState::Carries => return say(lang, "the consent on record carries it", "det finns ett samtycke som räcker").to_owned(),
        v1::ConsentState::OtherPerson => {
            let (en, sv) = (
                "the consent on record is another's, and nobody waives another's secrecy (OSL 12:2)",
                "samtycket är en annans, och ingen häver annans sekretess (OSL 12:2)",
            );
            return format!("{interest}: {}{wanted}", say(lang, en, sv));
        }
        v1::ConsentState::Unspecified => say(lang, "consent", "samtycke"),
        v1::ConsentState::Missing => say(lang, "no consent is on record", "inget samtycke finns"),
        v1::ConsentState::OtherRecipient => say(lang, "the consent on record is for another recipient", "samtycket gäller en annan mottagare"),
        v1::ConsentState::OtherCategory => say(lang, "the consent on record is for other categories", "samtycket gäller andra kategorier"),
        v1::ConsentState::OtherPurpose => say(lang, "the consent on record is for another purpose", "samtycket gäller ett annat ändamål"),
        v1::ConsentState::Expired => say(lang, "the consent on record has run out", "samtycket har löpt ut"),
        v1::ConsentState::Withdrawn => say(lang, "the consent on record was withdrawn", "samtycket är återkallat"),
    };
    format!("{text}{wanted}")
}

/// How she can be reached without danger: one line, before everything else.
pub fn safe_contact(contact: &SafeContact, today: Date) -> String {
    let mut parts = Vec::new();
    let channels: Vec<String> = contact.channels.iter().map(|channel| words::code::<brygga_domain::SafeChannel>(*channel)).collect();
    parts.push(match (channels.is_empty(), contact.windows.is_empty()) {
        (true, _) => String::from("NO channel is safe"),
        (false, true) => channels.join(" or "),
        (false, false) => format!("{} {}", channels.join(" or "), contact.windows.iter().map(window).collect::<Vec<_>>().join(", ")),
    });
    for (label, value) in [
        ("", &contact.telephone),
        ("", &contact.email),
        ("may answer: ", &contact.who_may_answer),
        ("code word: ", &contact.code_word),
        ("through: ", &contact.safe_third_person),
    ] {
        if !value.is_empty() {
            parts.push(format!("{label}{value}"));
        }
    }
    parts.push(String::from(if contact.may_leave_message { "a message may be left" } else { "leave NO message" }));
    parts.push(String::from(if contact.may_send_message { "a letter or text may be sent" } else { "send NOTHING" }));
    parts.extend(contact.do_not_contact.iter().map(|way| format!("NOT {way}")));
    format!("SAFE CONTACT  {}{}", parts.join("; "), confirmed(contact, today))
}

fn window(window: &ContactWindow) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let days: Vec<&str> = window.days.iter().filter_map(|day| usize::try_from(*day).ok()?.checked_sub(1)).filter_map(|day| DAYS.get(day).copied()).collect();
    let mut text = format!("{}-{}", window.from, window.until);
    if !days.is_empty() {
        text = format!("{} {text}", days.join(" "));
    }
    if window.setting.is_empty() { text } else { format!("{text} {}", window.setting) }
}

fn confirmed(contact: &SafeContact, today: Date) -> String {
    let days = |date: &str| date.parse::<Date>().ok().and_then(|date| date.until(today).ok()).map(|span| span.get_days());
    let ran_out = days(&contact.valid_until).is_some_and(|days| days > 0);
    let when = match days(&contact.confirmed_on) {
        _ if contact.confirmed_on.is_empty() => String::from("never confirmed"),
        Some(0) => String::from("confirmed today"),
        Some(1) => String::from("confirmed 1 day ago"),
        Some(days) if days > 1 => format!("confirmed {days} days ago"),
        Some(_) | None => format!("confirmed {}", contact.confirmed_on),
    };
    if ran_out { format!("   ({when}; RAN OUT {}: confirm it again first)", contact.valid_until) } else { format!("   ({when})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact() -> SafeContact {
        SafeContact {
            channels: vec![1],
            windows: vec![ContactWindow { from: String::from("09:00"), until: String::from("11:00"), setting: String::from("at work"), days: Vec::new() }],
            do_not_contact: vec![String::from("at home")],
            confirmed_on: String::from("2026-11-22"),
            valid_until: String::from("2026-12-22"),
            ..SafeContact::default()
        }
    }

    #[test]
    fn the_safe_way_comes_first_and_what_is_not_safe_is_loud() {
        let today: Date = "2026-11-23".parse().unwrap();
        assert_eq!(
            safe_contact(&contact(), today),
            "SAFE CONTACT  telephone 09:00-11:00 at work; leave NO message; send NOTHING; NOT at home   (confirmed 1 day ago)"
        );
        let none = SafeContact { channels: Vec::new(), confirmed_on: String::new(), ..contact() };
        assert!(safe_contact(&none, today).starts_with("SAFE CONTACT  NO channel is safe;"));
        assert!(safe_contact(&none, today).ends_with("(never confirmed)"));
        assert!(safe_contact(&contact(), "2026-12-23".parse().unwrap()).ends_with("RAN OUT 2026-12-22: confirm it again first)"));
    }

    #[test]
    fn a_block_says_who_why_and_what_would_help_in_both_languages() {
        let text = |en: &str, sv: &str| Some(v1::Text { en: en.to_owned(), sv: sv.to_owned() });
        let consent = v1::Way {
            ground: String::from("CONSENT"),
            provision: String::from("OSL 10:1, 12:2"),
            kind: v1::WayKind::Consent.into(),
            needs_consent: true,
            consent_state: i32::from(v1::ConsentState::OtherPerson),
            needs: vec![text("the custodians consent", "vårdnadshavarna samtycker").unwrap()],
            verified: true,
            text: text("Waived.", "Hävd."),
            ..v1::Way::default()
        };
        let lacks = |state: v1::ConsentState, lang| {
            let purposes = vec![1, 2];
            super::consent(&v1::Way { consent_state: state.into(), purposes, ..consent.clone() }, "victim-1", lang)
        };
        assert_eq!(lacks(v1::ConsentState::Missing, Lang::En), "no consent is on record (for support or protection)");
        assert!(lacks(v1::ConsentState::OtherPurpose, Lang::En).ends_with("another purpose (for support or protection)"));
        assert!(lacks(v1::ConsentState::OtherPurpose, Lang::Sv).contains("ett annat ändamål (för "));
        let report = v1::Way {
            ground: String::from("DUTY_CHILD_REPORT"),
            provision: String::from("SoL 19:1"),
            kind: v1::WayKind::OtherReferral.into(),
            referral_kind: 10,
            deadline: text("At once.", "Genast."),
            ..v1::Way::default()
        };
        let strip = v1::Way { kind: v1::WayKind::Strip.into(), ..v1::Way::default() };
        let blocked = v1::Explanation {
            section: 1,
            category: 7,
            interest: String::from("child-1"),
            code: String::from("UNDECIDED"),
            why: text("Nobody has decided yet.", "Ingen har prövat uppgiften ännu."),
            provisions: vec![String::from("OSL 35:1")],
            ways: vec![consent, report, strip.clone()],
            ..v1::Explanation::default()
        };
        assert_eq!(
            explanation(&blocked, Lang::En),
            [
                "children           blocked   child-1 (OSL 35:1): Nobody has decided yet. [UNDECIDED]",
                "                   passes if CONSENT (OSL 10:1, 12:2): child-1: the consent on record is another's, and nobody waives another's secrecy (OSL 12:2); the custodians consent",
                "                               Waived.",
                "                   or        as a referral of its own, child concern: DUTY_CHILD_REPORT (SoL 19:1) [not verified]",
                "                               At once.",
                "                   or        leave the section out: withhold it, and the rest can go",
            ]
        );
        let swedish = explanation(&v1::Explanation { ways: vec![strip], ..blocked }, Lang::Sv);
        assert_eq!(swedish.len(), 3);
        assert!(swedish[0].contains("Ingen har prövat uppgiften ännu.") && swedish[1].contains("ingen grund") && swedish[2].contains("utelämna"));
    }
}
