//! Made-up people: small invented lists of names, the districts, the languages, and numbers that belong to nobody.
//!
//! No name here is a person's. Personal numbers are a few that were published for tests; everybody else goes by the sending system's
//! own name. Telephone numbers are from the series that the Swedish telecom authority keeps free for fiction.

use super::chance::{Chance, deal};

/// A territory of the RVC.
#[derive(Debug)]
pub struct District {
    /// As the directory names it.
    pub code: &'static str,
    /// Municipality, as registers number it.
    pub municipality: &'static str,
    /// A part of it.
    pub part: &'static str,
    /// The board of residence: agency.
    pub board: &'static str,
    /// The board of residence: function.
    pub function: &'static str,
    /// Reports of thirty.
    pub share: usize,
}

/// The seven territories.
pub const DISTRICTS: [District; 7] = [
    District { code: "0184", municipality: "0184", part: "Huvudsta", board: "solna-soc", function: "solna-mottagning", share: 6 },
    District { code: "0183", municipality: "0183", part: "Hallonbergen", board: "sundbyberg-soc", function: "sundbyberg-mottagning", share: 4 },
    District { code: "0125", municipality: "0125", part: "Stenhamra", board: "ekero-soc", function: "ekero-mottagning", share: 2 },
    District { code: "0180/bromma", municipality: "0180", part: "Bromma", board: "stockholm-bromma-soc", function: "stockholm-bromma-mottagning", share: 4 },
    District {
        code: "0180/hasselby-vallingby",
        municipality: "0180",
        part: "Hässelby",
        board: "stockholm-hasselby-vallingby-soc",
        function: "stockholm-hasselby-vallingby-mottagning",
        share: 5,
    },
    District {
        code: "0180/rinkeby-kista",
        municipality: "0180",
        part: "Kista",
        board: "stockholm-rinkeby-kista-soc",
        function: "stockholm-rinkeby-kista-mottagning",
        share: 5,
    },
    District {
        code: "0180/spanga-tensta",
        municipality: "0180",
        part: "Tensta",
        board: "stockholm-spanga-tensta-soc",
        function: "stockholm-spanga-tensta-mottagning",
        share: 4,
    },
];

/// The district at a place of the list.
pub fn district(place: usize) -> &'static District {
    const FIRST: &District = &DISTRICTS[0];
    DISTRICTS.get(place).unwrap_or(FIRST)
}

/// A language with names that go with it.
#[derive(Debug)]
pub struct Tongue {
    /// ISO 639-3.
    pub code: &'static str,
    /// Whether an interpreter takes part.
    pub interpreter: bool,
    /// Reports of thirty.
    share: usize,
    women: &'static [&'static str],
    families: &'static [&'static str],
}

const TONGUES: [Tongue; 9] = [
    Tongue {
        code: "swe",
        interpreter: false,
        share: 17,
        women: &["Exempla", "Provia", "Mallina", "Testa", "Fiktiva", "Påhitta"],
        families: &["Exempelsson", "Påhittad", "Provdotter", "Mallgren", "Testberg"],
    },
    Tongue { code: "ara", interpreter: true, share: 4, women: &["Mithala", "Namudaja"], families: &["Exempelsson", "al-Mithal"] },
    Tongue { code: "som", interpreter: true, share: 3, women: &["Tusaala", "Muunada"], families: &["Tusaale", "Exempelsson"] },
    Tongue { code: "tir", interpreter: true, share: 1, women: &["Abnetta"], families: &["Provdotter"] },
    Tongue { code: "fas", interpreter: true, share: 1, women: &["Nemuna"], families: &["Mesal"] },
    Tongue { code: "pol", interpreter: true, share: 1, women: &["Przyklada"], families: &["Wzorowska"] },
    Tongue { code: "tur", interpreter: true, share: 1, women: &["Orneka"], families: &["Ornekci"] },
    Tongue { code: "kmr", interpreter: true, share: 1, women: &["Minaka"], families: &["Mallgren"] },
    Tongue { code: "eng", interpreter: false, share: 1, women: &["Samplia"], families: &["Specimen"] },
];

/// The language of a report.
pub fn tongue(seed: u64, report: usize) -> &'static Tongue {
    const FIRST: &Tongue = &TONGUES[0];
    let places: Vec<(usize, usize)> = TONGUES.iter().enumerate().map(|(place, known)| (place, known.share)).collect();
    TONGUES.get(deal(seed, 3, &places, report, 0)).unwrap_or(FIRST)
}

/// Numbers that were published for tests, each given to one victim only.
const TEST_NUMBERS: [&str; 3] = ["19121212-1212", "19821105-9954", "20001209-9891"];
const MEN: &[&str] = &["Testin", "Exempel", "Provus", "Mallfred", "Fiktor", "Påhitte"];
const CHILDREN: &[&str] = &["Nour", "Provis", "Mini", "Lilltest", "Exi"];
/// 070-174 06 05 to 070-174 06 99 are kept free for fiction.
const FICTION_FIRST: i64 = 5;
const FICTION_END: i64 = 100;

/// Who the sections of one report speak of.
#[derive(Debug, Clone)]
pub struct People {
    /// Her given name.
    pub given: &'static str,
    /// Her family name.
    pub family: &'static str,
    /// Her number, if she has one.
    pub number: Option<&'static str>,
    /// Her telephone.
    pub telephone: String,
    /// The suspect's given name.
    pub suspect: &'static str,
    /// The suspect's family name.
    pub suspect_family: &'static str,
    /// The child's given name.
    pub child: &'static str,
    /// The child's age.
    pub child_age: u32,
}

/// The people of a report.
pub fn people(report: usize, tongue: &Tongue, chance: &mut Chance) -> People {
    People {
        given: chance.one_of(tongue.women, "Exempla"),
        family: chance.one_of(tongue.families, "Exempelsson"),
        number: TEST_NUMBERS.get(report).copied(),
        telephone: format!("070-174 06 {:02}", chance.between(FICTION_FIRST, FICTION_END)),
        suspect: chance.one_of(MEN, "Testin"),
        suspect_family: chance.one_of(tongue.families, "Påhittad"),
        child: chance.one_of(CHILDREN, "Nour"),
        child_age: u32::try_from(chance.between(1, 17)).unwrap_or(7),
    }
}
