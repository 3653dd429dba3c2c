//! What an officer asserts, in words of both languages. The codes are the contract's; the words are for people.

use super::{DisclosurePurpose, FactCode};

macro_rules! words {
    ($list:ident { $($code:ident: $sv:literal, $en:literal;)* }) => {
        impl $list {
            /// In Swedish.
            pub fn swedish(self) -> &'static str {
                match self { $(Self::$code => $sv,)* }
            }

            /// In English.
            pub fn english(self) -> &'static str {
                match self { $(Self::$code => $en,)* }
            }
        }
    };
}

words! {
    FactCode {
        HarmExcluded: "det står klart att ingen skada eller men uppstår", "it is clear that no harm follows";
        NecessaryForOwnTask: "nödvändigt för den egna verksamheten", "necessary for the own task";
        BalanceObvious: "intresset av utlämnande har uppenbart företräde", "it is obvious that the interest in disclosure outweighs";
        NotContraryToStatute: "ingen lag eller förordning hindrar", "no statute stands against it";
        ImportantForInvestigation: "av betydelse för utredningen om ett begånget brott", "it matters for the investigation of a committed crime";
        ChildMayFareBadly: "ett barn far illa eller misstänks fara illa", "a child fares badly or may do so";
        IndividualAssessment: "individuell bedömning", "individual assessment";
        SecrecyDoesNotOutweigh: "övervägande skäl talar inte för sekretess", "no preponderant reasons favour secrecy";
        ConcreteRisk: "konkreta omständigheter talar för att brott kommer att begås", "concrete circumstances that an offence will be committed";
        RiskToClosePerson: "det befarade brottet riktas mot en närstående", "the feared offence is against a close person";
        NotUnsuitable: "utlämnandet är inte olämpligt", "the disclosure is not unsuitable";
        CommittedCrime: "det gäller misstanke om ett begånget brott", "it is about suspicion of a committed crime";
        FoundInDangerOrCaught: "påträffad i överhängande allvarlig risk eller på bar gärning", "found in imminent serious risk or in the act";
        NeedsPoliceAtOnce: "polisen behöver ingripa genast", "the police must intervene at once";
        Requested: "mottagaren har begärt uppgiften", "the recipient has asked for it";
        ChildInquiryOpened: "nämnden har inlett en utredning om barnet", "the board has opened an inquiry about the child";
        LawEnforcementPurpose: "för brottsbekämpande verksamhet", "for law enforcement";
        NoExceptionalReasons: "synnerliga skäl talar inte för sekretess", "no exceptional reasons favour secrecy";
        ReasonableSuspicion: "skälig misstanke", "reasonable suspicion";
        SocialActionNeeded: "förhållandet bör leda till en åtgärd av socialtjänsten", "the circumstances should lead to action by social services";
        NecessaryCare: "behövs för nödvändig vård, behandling eller stöd", "needed for necessary care, treatment or support";
        SubstanceAbuse: "pågående missbruk", "ongoing substance abuse";
        CompulsoryCare: "vård enligt LPT eller LRV", "compulsory psychiatric care";
        ProtectsUnbornChild: "till skydd för ett väntat barn", "to protect an expected child";
        CustodiansConsent: "vårdnadshavarna samtycker", "the custodians consent";
        ChildMature: "barnet har nått sådan ålder och mognad att dess egen vilja krävs", "the child's age and maturity ask for its own will";
        ChildAgrees: "barnet samtycker", "the child agrees";
        NoDetrimentToChild: "barnet kan inte antas lida betydande men", "no considerable harm to the child can be assumed";
        SupervisionNeeded: "behövs för tillsyn eller revision", "needed for supervision or audit";
        DangerToLife: "fara för liv eller hälsa", "danger to life or health";
        TechnicalProcessingOnly: "mottagaren bearbetar eller lagrar bara tekniskt", "the recipient only processes or stores technically";
    }
}

words! {
    DisclosurePurpose {
        PreventCrime: "förebygga, förhindra eller upptäcka brottslig verksamhet", "to prevent, stop or detect criminal activity";
        InvestigateCrime: "utreda brott", "to investigate crime";
        CorrectPayments: "rätta utbetalningar, skatter och avgifter", "correct benefits, taxes and charges";
        DetectIncorrectPayments: "upptäcka eller utreda felaktiga utbetalningar, skatter och avgifter", "to detect or investigate incorrect benefits, taxes and charges";
        FraudAndRuleViolations: "bekämpa fusk och regelöverträdelser", "to fight fraud and rule violations";
        VictimSupport: "stöd till den utsatta", "support to the victim";
    }
}
