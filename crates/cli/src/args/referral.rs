//! The nouns of a sender: offer, referral, consent, clearance.

use std::path::PathBuf;

use brygga_domain::{EmergencyVerdict, ProtectedIdentity, ReferralKind, Relationship, ResidenceBasis, RetractReason};
use brygga_wire::v1::Cell;
use clap::{Args, Subcommand};

use super::{Lang, cell, code};

/// Verbs of an offer.
#[derive(Debug, Subcommand)]
pub enum OfferCommand {
    /// Record that support was offered or not, and her answer
    Record {
        /// The offer, as JSON of RecordOfferRequest; - for the standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
}

/// Verbs of a referral.
#[derive(Debug, Subcommand)]
pub enum ReferralCommand {
    /// Submit referrals: stored, and held until they are cleared
    Submit {
        /// The referrals, each as JSON of SubmitReferralRequest; - for the standard input
        #[arg(required_unless_present = "batch", value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Many referrals, one JSON of SubmitReferralRequest a line; running the file again within 30 days submits nothing twice
        #[arg(long, value_name = "FILE.ndjson", conflicts_with = "files")]
        batch: Option<PathBuf>,
        /// The referral, by reference or id, that the agency has opened and passes on by this one: a disclosure of its own, held until it is cleared
        #[arg(long, value_name = "REFERRAL", conflicts_with = "batch")]
        forwards: Option<String>,
    },
    /// Ask the directory which function a referral goes to, by where the person lives
    Route(RouteArgs),
    /// Check referrals without sending anything
    Validate {
        /// The referrals, each as JSON of SubmitReferralRequest; - for the standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Give sections new content, released anew through the gate, or say anew who is excluded for a conflict of interest
    Amend {
        /// The referral, by reference or id
        referral: String,
        /// The sections, or `excluded`, as JSON of AmendReferralRequest; - for the standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Take a referral back; after a release it is a recall
    Retract {
        /// The referral, by reference or id
        referral: String,
        /// Why
        #[arg(long, value_parser = code::<RetractReason>, value_name = "wrong|report_withdrawn|misdirected")]
        reason: RetractReason,
    },
    /// Show a referral as its sender may see it
    Show {
        /// The referral, by reference or id
        #[arg(required_unless_present = "named")]
        referral: Option<String>,
        /// The sender's own number for it, as JSON of SenderReferenceName; - for the standard input
        #[arg(long, value_name = "FILE", conflicts_with = "referral")]
        named: Option<PathBuf>,
    },
    /// List the agency's own referrals, in the order of submission
    List {
        /// Only those that are not ended
        #[arg(long)]
        open: bool,
        /// Only those of this thread
        #[arg(long, value_name = "ID")]
        thread: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
    },
    /// Follow what becomes of the agency's referrals: transport answers, nothing personal
    Watch {
        /// Only what came after this position of the log
        #[arg(long, default_value_t = 0, value_name = "POSITION")]
        after: u64,
        /// End after so many
        #[arg(long, value_name = "N")]
        count: Option<u64>,
    },
    /// Say what of a referral is blocked, why, and what would make it pass
    Why {
        /// The referral, by reference or id
        #[arg(required_unless_present = "draft")]
        referral: Option<String>,
        /// A referral that was not submitted, as JSON of SubmitReferralRequest; - for the standard input
        #[arg(long, value_name = "FILE", conflicts_with = "referral")]
        draft: Option<PathBuf>,
        /// What is known already, as JSON of Answers: ways that it rules out are left out
        #[arg(long, value_name = "FILE")]
        known: Option<PathBuf>,
        /// The language of the explanations
        #[arg(long, value_enum, default_value_t)]
        lang: Lang,
    },
    /// Deliver the writes that wait in the outbox, what stops a disclosure first
    Resync,
}

/// What a route is found by. Nothing of it is kept.
#[derive(Debug, Args)]
pub struct RouteArgs {
    /// The kind of referral
    #[arg(long, value_parser = code::<ReferralKind>, value_name = "KIND")]
    pub kind: ReferralKind,
    /// Where the person lives: municipality code, with a district after a slash, 0184 or 0180/bromma
    #[arg(long, value_name = "TERRITORY")]
    pub territory: String,
    /// On what that rests; the register only where no registration is protected
    #[arg(long, value_parser = code::<ResidenceBasis>, value_name = "stated_by_person|known_by_agency|population_register")]
    pub residence: ResidenceBasis,
    /// The person's age today, in whole years
    #[arg(long, value_name = "YEARS")]
    pub age: Option<u32>,
    /// The person's relationship to the suspect
    #[arg(long, value_parser = code::<Relationship>, value_name = "RELATIONSHIP")]
    pub relationship: Option<Relationship>,
    /// The strongest protection of personal data among the persons [default: not known]
    #[arg(long, value_parser = code::<ProtectedIdentity>, value_name = "none|confidentiality_marked|protected_population_registration")]
    pub protected_identity: Option<ProtectedIdentity>,
}

/// Verbs of a consent.
#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Record a consent: the person's waiver of their own secrecy
    Record {
        /// The referral, by reference or id
        referral: String,
        /// The consent, as JSON of RecordConsentRequest; - for the standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Show the consents of a referral
    Show {
        /// The referral, by reference or id
        referral: String,
        /// One consent, by id
        #[arg(long, value_name = "ID")]
        consent: Option<String>,
    },
    /// Withdraw a consent: stops what rests on it, and tells those who hold it to stop
    Withdraw {
        /// The referral, by reference or id
        referral: String,
        /// The consent, by id [default: the only one that stands]
        #[arg(long, value_name = "ID")]
        consent: Option<String>,
    },
}

/// Verbs of clearance.
#[derive(Debug, Subcommand)]
pub enum ClearanceCommand {
    /// List what waits to be decided, confirmed or reviewed, what is due first on top
    List {
        /// At most so many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
    },
    /// Decide cells: release on a ground, or withhold
    Decide {
        /// The referral, by reference or id
        referral: String,
        /// The decision, as JSON of DecideClearanceRequest; - for the standard input. A release of a section that was amended names its `revision`. With --template its facts and reasons only
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Take the cells that nobody has decided from this template of the agency; each is its own decision all the same
        #[arg(long, value_name = "FILE")]
        template: Option<PathBuf>,
        /// Let the releases stand for later revisions of their sections, too: RFC 3339 or +90d; clearance revoke ends it
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        standing_until: Option<String>,
    },
    /// Decide as the second officer, without knowing how the first did; where they differ, the cell is withheld
    Confirm {
        /// The referral, by reference or id
        referral: String,
        /// The second officer's own decision, as JSON of ConfirmClearanceRequest, `revision` of amended sections included; - for the standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// It is the word owed on what left of this revision in an emergency and stands no more (SECTION:INTEREST@REVISION of the list)
        #[arg(long, value_name = "REVISION", value_parser = clap::value_parser!(u32).range(1..))]
        owed: Option<u32>,
    },
    /// Take decisions back: to release before it has left, to withhold at any time
    Revoke {
        /// The referral, by reference or id
        referral: String,
        /// A cell
        #[arg(long = "cell", value_parser = cell, value_name = "SECTION:INTEREST", required = true)]
        cells: Vec<Cell>,
    },
    /// Break the glass: for some hours what is decided leaves before a second officer's word, and is reviewed afterwards
    Emergency(EmergencyArgs),
    /// Review an emergency as another officer, which also ends it
    Review {
        /// The referral, by reference or id
        referral: String,
        /// Position of its declaration in the log [default: the only one that waits]
        #[arg(long, value_name = "POSITION")]
        emergency: Option<u64>,
        /// The verdict
        #[arg(long, value_parser = code::<EmergencyVerdict>, value_name = "justified|partly_justified|not_justified")]
        verdict: EmergencyVerdict,
        /// The reasons, as text; - for the standard input
        #[arg(long, value_name = "FILE")]
        reasons: PathBuf,
    },
}

/// What is said of an emergency.
#[derive(Debug, Args)]
pub struct EmergencyArgs {
    /// The referral, by reference or id: the emergency is about it and its recipient alone
    pub referral: String,
    /// After how many hours it ends; 0 where it only records what was told by telephone
    #[arg(long, value_name = "HOURS")]
    pub hours: u32,
    /// Why it cannot wait, as text; - for the standard input. It shortens the procedure and is no ground: every cell needs its own
    #[arg(long, value_name = "FILE")]
    pub reasons: PathBuf,
    /// When something was told by telephone, RFC 3339 or -30m, to record it afterwards
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub telephoned: Option<String>,
}
