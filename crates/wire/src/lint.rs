//! Finds addresses, telephone numbers and personal numbers in labels, and in the free text of sections where they do not belong.
//!
//! Anything that reaches the file of an investigation can reach the suspect, so what tells where she is stands in sections of its own,
//! which have clearances of their own. Rules are data; a finding names the field, never what stands in it. Called at the broker's door and,
//! before anything is sent, by the command line.

mod find;
mod text;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::content::section_of;
use crate::content_v1::content::Section;

/// The rules that ship with Brygga.
const SHIPPED: &str = include_str!("../data/lint.json");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[expect(dead_code, reason = "the file names its version for its readers")]
    version: String,
    #[expect(dead_code, reason = "the file says what it is for its readers")]
    about: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    finds: Pattern,
    /// Fields that are made for it.
    fields: BTreeSet<String>,
    act: Act,
    /// What follows where it stands in a label: a number, a name or a mark that is shown without the section.
    in_labels: Act,
    text: Words,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// A personal or coordination number whose check digit is right.
    PersonalNumber,
    /// A Swedish telephone number.
    Telephone,
    /// An e-mail address.
    Email,
    /// A street with a number.
    StreetAddress,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// The section is refused.
    Refuse,
    /// Whoever sends it is told.
    Warn,
}

/// A sentence in two languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Swedish.
    pub sv: String,
    /// English.
    pub en: String,
}

/// Something that stands where it does not belong. It does not say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The field of the content.
    pub field: &'static str,
    /// What was found.
    pub pattern: Pattern,
    /// What follows.
    pub act: Act,
    /// Why.
    pub words: &'static Words,
}

// Rules that cannot be read would let everything pass, so a test reads them.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| serde_json::from_str::<RuleFile>(SHIPPED).map(|file| file.rules).unwrap_or_default());

/// What does not belong into encoded content; nothing for bytes that are no content.
pub fn findings(content: &[u8]) -> Vec<Finding> {
    section_of(content).map_or_else(Vec::new, |section| findings_in(&section))
}

/// What does not belong into a section.
pub(crate) fn findings_in(section: &Section) -> Vec<Finding> {
    let mut found = Vec::new();
    for (field, text) in text::of(section) {
        let breaks = |rule: &&'static Rule| !rule.fields.contains(field) && find::stands_in(rule.finds, text);
        found.extend(RULES.iter().filter(breaks).map(|rule| Finding { field, pattern: rule.finds, act: rule.act, words: &rule.text }));
    }
    found
}

/// The field that a finding in a label names.
const LABEL: &str = "label";

/// What does not belong into a label.
pub fn findings_in_label(label: &str) -> Vec<Finding> {
    let rules = RULES.iter().filter(|rule| find::stands_in(rule.finds, label));
    rules.map(|rule| Finding { field: LABEL, pattern: rule.finds, act: rule.in_labels, words: &rule.text }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content_v1::{ContactData, Identity, OffenceHeading, SafeContact, VictimIdentity, Whereabouts};

    fn found(section: Section) -> Vec<(&'static str, Pattern, Act)> {
        findings_in(&section).into_iter().map(|finding| (finding.field, finding.pattern, finding.act)).collect()
    }

    fn heading(text: &str) -> Section {
        Section::OffenceHeading(OffenceHeading { heading: text.to_owned(), ..Default::default() })
    }

    #[test]
    fn the_rules_can_be_read_and_there_is_one_for_each_pattern() {
        let file: RuleFile = serde_json::from_str(SHIPPED).unwrap();
        let patterns: Vec<Pattern> = file.rules.iter().map(|rule| rule.finds).collect();
        assert_eq!(patterns, [Pattern::PersonalNumber, Pattern::Telephone, Pattern::Email, Pattern::StreetAddress]);
        assert!(file.rules.iter().all(|rule| !rule.fields.is_empty() && !rule.text.sv.is_empty() && !rule.text.en.is_empty()));
    }

    #[test]
    fn what_tells_where_she_is_stands_in_the_fields_that_are_made_for_it() {
        let contact = SafeContact { telephone: "070-174 06 05".into(), email: "amal@example.org".into(), ..Default::default() };
        assert_eq!(found(Section::SafeContact(contact)), []);
        let identity = Identity { personal_number: "19821105-9954".into(), ..Default::default() };
        assert_eq!(found(Section::VictimIdentity(VictimIdentity { identity: Some(identity), ..Default::default() })), []);
        assert_eq!(found(Section::Whereabouts(Whereabouts { address: "Storgatan 14 B".into(), ..Default::default() })), []);
        assert_eq!(found(Section::ContactData(ContactData { postal_address: "Storgatan 14".into(), ..Default::default() })), []);
    }

    #[test]
    fn elsewhere_it_is_found_and_the_finding_does_not_repeat_it() {
        assert_eq!(found(heading("Misshandel, ring 070-174 06 05")), [("heading", Pattern::Telephone, Act::Refuse)]);
        assert_eq!(found(heading("Misshandel av 821105-9954")), [("heading", Pattern::PersonalNumber, Act::Refuse)]);
        assert_eq!(found(heading("Misshandel, amal.e@example.org")), [("heading", Pattern::Email, Act::Refuse)]);
        assert_eq!(found(heading("Misshandel på Storgatan 14")), [("heading", Pattern::StreetAddress, Act::Warn)]);
        let identity = Identity { given_name: "Amal 070-174 06 05".into(), ..Default::default() };
        let victim = Section::VictimIdentity(VictimIdentity { identity: Some(identity), ..Default::default() });
        assert_eq!(found(victim), [("given_name", Pattern::Telephone, Act::Refuse)]);
        assert_eq!(found(heading("Grov kvinnofridskränkning, K 1234-26")), []);
        assert_eq!(findings(b"\xff\xff"), []);
    }

    #[test]
    fn a_label_may_look_like_a_telephone_number_and_is_none_of_the_others() {
        let found = |label| findings_in_label(label).into_iter().map(|finding| (finding.pattern, finding.act)).collect::<Vec<_>>();
        for label in ["5000-K123456-26", "AM-12345-26", "Dnr 2026/00123", "BVC-standard", "T-4711"] {
            assert_eq!(found(label), [], "{label}");
        }
        assert_eq!(found("K1-26 19821105-9954"), [(Pattern::PersonalNumber, Act::Refuse)]);
        assert_eq!(found("amal.e@example.org"), [(Pattern::Email, Act::Refuse)]);
        // A diary number of digits alone may look like one, and a report that is refused for its number would be lost.
        assert_eq!(found("0184-2026-0012"), [(Pattern::Telephone, Act::Warn)]);
        assert_eq!(found("Storgatan 14"), [(Pattern::StreetAddress, Act::Warn)]);
    }
}
