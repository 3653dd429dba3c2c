//! What the door finds in content and the rules hold against the referral. Nothing of it is kept.

use crate::codes::{ProtectedIdentity, Role};
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
    /// What the person can be among them, by where in the content it stands.
    pub may_be: &'static [Role],
    /// Which protection of personal data the content says that the person has.
    pub protected_identity: ProtectedIdentity,
}

/// Somebody whom a section names, and the protection that is on record.
pub type OnRecord = (PersonName, ProtectedIdentity);

impl Told {
    /// Whether everybody whom it identifies is one of the section's persons, each another one, for nobody else's secrecy is asked about.
    pub fn is_about(&self, persons: &[OnRecord]) -> bool {
        self.each_is_one_of(persons, |_, _| true)
    }

    /// Whether that can be with the protections on record, where the content states one: what may leave about a person depends on it.
    pub fn agrees_with(&self, persons: &[OnRecord]) -> bool {
        self.each_is_one_of(persons, |stated, held| stated == ProtectedIdentity::Unknown || stated == held)
    }

    fn each_is_one_of(&self, persons: &[OnRecord], agree: impl Fn(ProtectedIdentity, ProtectedIdentity) -> bool) -> bool {
        let (mut left, mut identified) = (persons.to_vec(), self.identified.clone());
        // Of whom more is said chooses first: the others fit wherever those do.
        identified.sort_by_key(|person| (person.name.is_none(), person.protected_identity == ProtectedIdentity::Unknown));
        identified.iter().all(|person| {
            let fits = |(name, held): &OnRecord| {
                person.name.is_none_or(|own| own == *name) && person.may_be.contains(&name.role) && agree(person.protected_identity, *held)
            };
            left.iter().position(fits).map(|place| left.swap_remove(place)).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProtectedIdentity::{ConfidentialityMarked, NotProtected, Unknown};

    const fn first(role: Role) -> PersonName {
        PersonName { role, number: 1 }
    }

    const VICTIM: PersonName = first(Role::Victim);
    const SUSPECT: PersonName = first(Role::Suspect);
    const CHILD: PersonName = first(Role::Child);
    const SECOND: PersonName = PersonName { role: Role::Child, number: 2 };

    fn told(may_be: &'static [Role], identified: &[(Option<PersonName>, ProtectedIdentity)]) -> Told {
        let identified = identified.iter().map(|(name, protected_identity)| Identified { name: *name, may_be, protected_identity: *protected_identity });
        Told { residence: false, identified: identified.collect() }
    }

    fn is_about(may_be: &'static [Role], identified: &[Option<PersonName>], persons: &[PersonName]) -> bool {
        let identified: Vec<_> = identified.iter().map(|name| (*name, Unknown)).collect();
        told(may_be, &identified).is_about(&persons.iter().map(|name| (*name, Unknown)).collect::<Vec<_>>())
    }

    #[test]
    fn nobody_is_identified_who_is_not_asked_about() {
        let suspect = |identified: &[Option<PersonName>], persons: &[PersonName]| is_about(&[Role::Suspect], identified, persons);
        assert!(suspect(&[Some(SUSPECT)], &[SUSPECT]) && suspect(&[None], &[SUSPECT]) && suspect(&[None], &[VICTIM, SUSPECT]) && suspect(&[], &[]));
        assert!(!suspect(&[Some(SUSPECT)], &[VICTIM]) && !suspect(&[None], &[]));
        assert!(!suspect(&[None], &[VICTIM]) && !suspect(&[Some(VICTIM)], &[VICTIM]), "his name would leave on her consent");
        let parents = |identified: &[Option<PersonName>], persons: &[PersonName]| is_about(&[Role::Victim, Role::Suspect], identified, persons);
        assert!(parents(&[Some(VICTIM), Some(SUSPECT)], &[VICTIM, SUSPECT]));
        assert!(!parents(&[Some(VICTIM), Some(VICTIM)], &[VICTIM]), "one name is one person's");
    }

    #[test]
    fn a_child_is_named_as_one() {
        let children = |identified: &[Option<PersonName>], persons: &[PersonName]| is_about(&[Role::Child], identified, persons);
        assert!(children(&[Some(CHILD), None], &[VICTIM, CHILD, SECOND]) && children(&[None, Some(SECOND)], &[CHILD, SECOND]));
        assert!(!children(&[Some(VICTIM)], &[VICTIM]) && !children(&[Some(CHILD), None], &[CHILD, VICTIM]) && !children(&[None], &[VICTIM]));
    }

    #[test]
    fn a_protection_that_is_stated_is_the_one_on_record() {
        let agrees = |stated, held| told(&[Role::Victim], &[(Some(VICTIM), stated)]).agrees_with(&[(VICTIM, held)]);
        assert!(agrees(ConfidentialityMarked, ConfidentialityMarked) && agrees(NotProtected, NotProtected) && agrees(Unknown, ConfidentialityMarked));
        assert!(!agrees(ConfidentialityMarked, NotProtected) && !agrees(ConfidentialityMarked, Unknown));
        assert!(!agrees(NotProtected, ConfidentialityMarked), "her address would be taken for an open one");
        // One who is marked on record stands for one in the content.
        let both = |record: &[OnRecord]| told(&[Role::Child], &[(None, ConfidentialityMarked), (Some(CHILD), ConfidentialityMarked)]).agrees_with(record);
        assert!(both(&[(CHILD, ConfidentialityMarked), (SECOND, ConfidentialityMarked)]));
        assert!(!both(&[(CHILD, ConfidentialityMarked), (SECOND, NotProtected)]));
        assert!(told(&[Role::Child], &[(None, Unknown), (None, ConfidentialityMarked)]).agrees_with(&[(CHILD, ConfidentialityMarked), (SECOND, NotProtected)]));
    }
}
