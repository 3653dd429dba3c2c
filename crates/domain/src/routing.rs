//! Where a referral has to go: whom a function is there for, and on what it rests that somebody lives in its territory.
//!
//! Called by `submit` and by whoever asks the directory for a route. The sender states all of it; nothing here is kept but what the
//! residence rests on, and no refusal says where anybody lives.

use crate::codes::{AgencyKind, ProtectedIdentity, ReferralKind, Relationship, ResidenceBasis, Role};
use crate::command::Submission;
use crate::directory::{Directory, Function};
use crate::event::PersonName;
use crate::grounds::KindRule;
use crate::refusal::{Detail, Reason, Refusal};

/// What a sender states so that its referral goes to the right function.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// Where the person lives, as the directory names its territories.
    pub territory: Option<String>,
    /// On what that rests.
    pub basis: Option<ResidenceBasis>,
    /// Whom the referral is about.
    pub whom: Whom,
}

impl std::fmt::Debug for Routing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Routing(..)")
    }
}

/// What a target group asks of a person. What is not stated rules nobody out.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Whom {
    /// Age today, in whole years.
    pub age_years: Option<u32>,
    /// The person's relationship to the suspect.
    pub relationship: Option<Relationship>,
}

impl std::fmt::Debug for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Whom(..)")
    }
}

/// Whom a function is there for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetGroup {
    /// From which age, in whole years.
    pub age_from: Option<u32>,
    /// Up to and with which age, in whole years.
    pub age_to: Option<u32>,
    /// Relationships to the suspect; empty: all.
    pub relationships: Vec<Relationship>,
}

impl TargetGroup {
    /// Whether it is everybody.
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the person may belong to it.
    pub fn takes(&self, whom: Whom) -> bool {
        let old_enough = whom.age_years.zip(self.age_from).is_none_or(|(age, from)| age >= from);
        let young_enough = whom.age_years.zip(self.age_to).is_none_or(|(age, to)| age <= to);
        let related = self.relationships.is_empty() || whom.relationship.is_none_or(|relationship| self.relationships.contains(&relationship));
        old_enough && young_enough && related
    }
}

/// A territory, and the municipality that it lies in.
fn municipality(territory: &str) -> &str {
    territory.split_once('/').map_or(territory, |(municipality, _)| municipality)
}

impl Function {
    /// Whether it takes a kind of referral.
    pub fn takes(&self, kind: ReferralKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether it serves a territory: that one, the municipality around it, or some district of it. One without territories serves all.
    pub fn serves(&self, territory: &str) -> bool {
        let covers = |served: &String| served == territory || served == municipality(territory) || municipality(served) == territory;
        self.territories.is_empty() || self.territories.iter().any(covers)
    }
}

impl Directory {
    /// The function that serves a territory for a kind of referral about somebody: one that names the kind goes before one that takes all.
    /// Who serves the whole municipality serves its districts, where no function has one of them to itself.
    pub fn route(&self, territory: &str, kind: ReferralKind, whom: Whom) -> Option<&Function> {
        self.serving(territory, kind, whom).or_else(|| self.serving(municipality(territory), kind, whom))
    }

    fn serving(&self, place: &str, kind: ReferralKind, whom: Whom) -> Option<&Function> {
        let serving = || self.functions().filter(|function| function.territories.iter().any(|served| served == place) && function.target.takes(whom));
        serving().find(|function| function.kinds.contains(&kind)).or_else(|| serving().find(|function| function.kinds.is_empty()))
    }
}

/// The person for whom the population register cannot say where to send a referral, if it is the register that it rests on.
///
/// A protected registration is wrong or old on purpose (folkbokföringslagen 16 §), whoever has it: the place where a suspect or a custodian
/// is registered may be hers. Of a victim or a child whose grade is not known it may be protected; who has asked the register knows.
pub fn register_misleads(basis: Option<ResidenceBasis>, persons: impl IntoIterator<Item = (PersonName, ProtectedIdentity)>) -> Option<PersonName> {
    match basis {
        Some(ResidenceBasis::PopulationRegister) => {}
        Some(ResidenceBasis::StatedByPerson | ResidenceBasis::KnownByAgency) | None => return None,
    }
    let misleads = |role: Role, held: ProtectedIdentity| match held {
        ProtectedIdentity::ProtectedPopulationRegistration => true,
        ProtectedIdentity::Unknown => matches!(role, Role::Victim | Role::Child),
        ProtectedIdentity::NotProtected | ProtectedIdentity::ConfidentialityMarked => false,
    };
    persons.into_iter().find(|(name, held)| misleads(name.role, *held)).map(|(name, _)| name)
}

fn has_hidden_registration(held: ProtectedIdentity) -> bool {
    match held {
        ProtectedIdentity::ProtectedPopulationRegistration => true,
        ProtectedIdentity::NotProtected | ProtectedIdentity::ConfidentialityMarked | ProtectedIdentity::Unknown => false,
    }
}

/// Whether a function is chosen by where somebody lives. On what that rests must be said of who has a protected registration: what is not said may
/// rest on the register.
fn goes_by_residence(function: &Function, directory: &Directory) -> bool {
    !function.territories.is_empty() && directory.agency(&function.host).is_some_and(|host| host.kind == AgencyKind::SocialBoard)
}

/// Whether a submission goes where the sender's own statement leads.
pub(crate) fn check(submission: &Submission, function: &Function, rule: &KindRule, directory: &Directory) -> Result<(), Refusal> {
    let Routing { territory, basis, whom } = &submission.routing;
    // First of all: where a protected person is concerned no answer may depend on where she is said to live.
    let persons = || submission.persons.iter().map(|person| (person.name, person.protected_identity));
    let unstated = || goes_by_residence(function, directory).then(|| persons().find(|(_, held)| basis.is_none() && has_hidden_registration(*held)))?;
    if let Some(person) = register_misleads(*basis, persons()).or_else(|| unstated().map(|(name, _)| name)) {
        return Err(Refusal::about(Reason::ResidenceFromRegister, Detail::Person(person)));
    }
    // The right function is named only to who has stated the territory, and so could ask for the route.
    let right = || {
        let found = territory.as_ref().and_then(|territory| directory.route(territory, rule.kind, *whom));
        let may_have = |found: &&Function| found.id != function.id && directory.agency(&found.host).is_some_and(|host| rule.to.contains(&host.kind));
        found.filter(may_have).map_or(Detail::None, |found| Detail::Function(found.id.clone()))
    };
    if !function.target.takes(*whom) {
        return Err(Refusal::about(Reason::OutsideTargetGroup, right()));
    }
    if territory.as_ref().is_some_and(|territory| !function.serves(territory)) {
        return Err(Refusal::about(Reason::TerritoryNotServed, right()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Code;

    #[test]
    fn a_target_group_rules_out_only_what_is_stated() {
        let rvc = TargetGroup { age_from: Some(18), age_to: None, relationships: vec![Relationship::Spouse] };
        let young = TargetGroup { age_from: Some(15), age_to: Some(17), relationships: Vec::new() };
        let of = |age_years, relationship| Whom { age_years, relationship };
        for (group, whom, takes) in [
            (&rvc, of(None, None), true),
            (&rvc, of(Some(17), None), false),
            (&rvc, of(Some(18), Some(Relationship::Spouse)), true),
            (&rvc, of(Some(18), Some(Relationship::OtherRelationship)), false),
            (&young, of(Some(14), None), false),
            (&young, of(Some(17), Some(Relationship::OtherRelationship)), true),
            (&young, of(Some(18), None), false),
        ] {
            assert_eq!(group.takes(whom), takes, "{group:?}");
        }
        assert!(TargetGroup::default().is_everybody() && !rvc.is_everybody());
    }

    #[test]
    fn the_register_misleads_where_a_registration_is_or_may_be_protected() {
        let person = |role| PersonName { role, number: 1 };
        for role in Role::ALL {
            for held in ProtectedIdentity::ALL {
                let hidden = *held == ProtectedIdentity::ProtectedPopulationRegistration;
                let unknown = *held == ProtectedIdentity::Unknown && matches!(role, Role::Victim | Role::Child);
                let persons = [(person(Role::Victim), ProtectedIdentity::NotProtected), (person(*role), *held)];
                let found = register_misleads(Some(ResidenceBasis::PopulationRegister), persons);
                assert_eq!(found, (hidden || unknown).then(|| person(*role)), "{role} {held}");
                for basis in [None, Some(ResidenceBasis::StatedByPerson), Some(ResidenceBasis::KnownByAgency)] {
                    assert_eq!(register_misleads(basis, persons), None);
                }
            }
        }
    }

    #[test]
    fn nothing_that_is_stated_is_shown_in_a_debug_text() {
        let routing = Routing { territory: Some(String::from("0184")), basis: None, whom: Whom { age_years: Some(44), relationship: None } };
        assert_eq!(format!("{routing:?} {:?}", routing.whom), "Routing(..) Whom(..)");
    }
}
