//! What the door finds in content and the rules hold against the referral. Nothing of it is kept.

use std::collections::BTreeSet;

use crate::codes::{Category, ProtectedIdentity, Role};
use crate::event::PersonName;

/// What content tells of persons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether it says where somebody is settled.
    pub residence: bool,
    /// Whom it identifies.
    pub identified: Vec<Identified>,
}

/// Somebody whom content identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identified {
    /// The name among the parties, where the content gives it.
    pub name: Option<PersonName>,
    /// Which protection of personal data the content says that the person has.
    pub protected_identity: ProtectedIdentity,
}

impl Told {
    /// Whether everybody whom it identifies can be one of the section's persons, for nobody else's secrecy is asked about: those with a name
    /// are, and of the others there are no more than persons left. Who stands in a section on children is there as a child, so that
    /// the custodians' word is asked for.
    pub fn is_about(&self, category: Category, persons: &[PersonName]) -> bool {
        let as_child = matches!(category, Category::Child | Category::Children);
        let fits = |person: &PersonName| !as_child || person.role == Role::Child;
        let named: BTreeSet<PersonName> = self.identified.iter().filter_map(|person| person.name).collect();
        let unnamed = self.identified.iter().filter(|person| person.name.is_none()).count();
        let left = persons.iter().filter(|person| fits(person) && !named.contains(person)).count();
        named.iter().all(|person| persons.contains(person) && fits(person)) && unnamed <= left
    }

    /// Whether whoever has a protected identity in the content has the same one in the referral: what may leave about that person depends on it.
    pub fn agrees_with(&self, persons: &[(PersonName, ProtectedIdentity)]) -> bool {
        let is_protected = |person: &&Identified| match person.protected_identity {
            ProtectedIdentity::ConfidentialityMarked | ProtectedIdentity::ProtectedPopulationRegistration => true,
            ProtectedIdentity::NotProtected | ProtectedIdentity::Unknown => false,
        };
        let is_said = |person: &Identified| persons.iter().any(|(name, held)| *held == person.protected_identity && person.name.is_none_or(|own| own == *name));
        self.identified.iter().filter(is_protected).all(is_said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn first(role: Role) -> PersonName {
        PersonName { role, number: 1 }
    }

    const VICTIM: PersonName = first(Role::Victim);
    const SUSPECT: PersonName = first(Role::Suspect);
    const CHILD: PersonName = first(Role::Child);
    const CUSTODIAN: PersonName = first(Role::Custodian);

    fn is_about(category: Category, identified: &[Option<PersonName>], persons: &[PersonName]) -> bool {
        let identified = identified.iter().map(|name| Identified { name: *name, protected_identity: ProtectedIdentity::Unknown }).collect();
        Told { residence: false, identified }.is_about(category, persons)
    }

    #[test]
    fn nobody_is_identified_who_is_not_asked_about() {
        let suspect = |identified: &[Option<PersonName>], persons: &[PersonName]| is_about(Category::Suspect, identified, persons);
        assert!(suspect(&[Some(SUSPECT)], &[SUSPECT]) && suspect(&[None], &[SUSPECT]) && suspect(&[], &[]));
        assert!(!suspect(&[Some(SUSPECT)], &[VICTIM]) && !suspect(&[None], &[]));
        // Parents have other names among the parties.
        let custodians = |identified: &[Option<PersonName>], persons: &[PersonName]| is_about(Category::Custodians, identified, persons);
        assert!(custodians(&[Some(VICTIM), None], &[VICTIM, SUSPECT]));
        assert!(!custodians(&[Some(VICTIM), None], &[VICTIM]) && !custodians(&[None, None], &[VICTIM]));
    }

    #[test]
    fn a_child_is_named_as_one() {
        let second = PersonName { number: 2, ..CHILD };
        for category in [Category::Child, Category::Children] {
            assert!(is_about(category, &[Some(CHILD), None], &[CHILD, second, CUSTODIAN]));
            assert!(!is_about(category, &[Some(VICTIM)], &[VICTIM]));
            assert!(!is_about(category, &[Some(CHILD), None], &[CHILD, CUSTODIAN]));
        }
    }
}
