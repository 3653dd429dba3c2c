//! What a route is found by.

use std::fmt;

use super::Code;

codes! {
    /// The victim's relationship to the suspect, gender-neutral.
    Relationship {
        /// Spouse.
        Spouse = 1 "spouse",
        /// Cohabitant.
        Cohabitant = 2 "cohabitant",
        /// Partner who lives elsewhere.
        Partner = 3 "partner",
        /// Former spouse.
        FormerSpouse = 4 "former_spouse",
        /// Former cohabitant.
        FormerCohabitant = 5 "former_cohabitant",
        /// Former partner.
        FormerPartner = 6 "former_partner",
        /// They have a child together.
        CommonChild = 7 "common_child",
        /// Relative.
        Relative = 8 "relative",
        /// Other.
        OtherRelationship = 9 "other_relationship",
    }
    /// On what it rests that somebody lives where a referral is sent. It is residence that decides (SoL 29:1).
    ResidenceBasis {
        /// The person has said so.
        StatedByPerson = 1 "stated_by_person",
        /// The agency knows it from its own work.
        KnownByAgency = 2 "known_by_agency",
        /// The population register, which is wrong on purpose for whoever has a protected registration (folkbokföringslagen 16 §).
        PopulationRegister = 3 "population_register",
    }
}
