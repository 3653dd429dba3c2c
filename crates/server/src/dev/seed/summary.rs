//! What a seeded world holds, as the broker tells it to those who may see it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use brygga_client::v1;
use brygga_domain::{Code as _, SenderStatus};
use serde::Serialize;

use super::Options;
use super::cast::{Cast, Sent};
use super::plan::Case;

/// The format of the JSON; fields are only ever added.
const FORMAT: &str = "brygga-seed/1";
const PAGE_SIZE: u32 = 500;

/// Counts by name.
pub type Counts = BTreeMap<String, u64>;

/// What was seeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The format.
    pub format: &'static str,
    /// The seed.
    pub seed: u64,
    /// Reports.
    pub reports: usize,
    /// Offers by answer.
    pub offers: Counts,
    /// Reports by territory.
    pub districts: Counts,
    /// Reports by language.
    pub languages: Counts,
    /// Reports by relationship.
    pub relationships: Counts,
    /// Reports by urgency.
    pub urgencies: Counts,
    /// Referrals by kind.
    pub referrals: Counts,
    /// Referrals by stage.
    pub stages: Counts,
    /// What recipients, senders and victims answered.
    pub answers: Counts,
    /// Writes that are new.
    pub written: u64,
    /// Writes that were there already.
    pub found: u64,
    /// Writes that the rules refused, as they should.
    pub refused: u64,
    /// Entries that the log has gained.
    pub entries_added: u64,
}

fn count(names: impl IntoIterator<Item = String>) -> Counts {
    names.into_iter().fold(Counts::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}

fn offer(case: &Case) -> String {
    match case.answer() {
        Ok(answer) => answer.to_string(),
        Err(reason) => format!("not offered: {reason}"),
    }
}

/// Asks the broker how everything that was sent stands now.
pub async fn read(cast: &Cast, options: Options, cases: &[Case]) -> anyhow::Result<Summary> {
    let (referrals, answers): (Vec<Sent>, Counts) = {
        let written = cast.written();
        (written.referrals.values().cloned().collect(), written.answers.clone())
    };
    let inboxes = inboxes(cast, &referrals).await?;
    let mut stages = Counts::new();
    for sent in &referrals {
        let stage = match inboxes.get(&sent.id) {
            Some(stage) => stage.clone(),
            None => not_offered(cast, sent).await?,
        };
        *stages.entry(stage).or_default() += 1;
    }
    let head = cast.client(super::cast::POLICE)?.checkpoint().await?;
    let (written, found, refused) = cast.counts();
    Ok(Summary {
        format: FORMAT,
        seed: options.seed,
        reports: options.reports,
        offers: count(cases.iter().map(offer)),
        districts: count(cases.iter().map(|case| case.district.code.to_owned())),
        languages: count(cases.iter().map(|case| case.tongue.code.to_owned())),
        relationships: count(cases.iter().map(|case| case.relationship.to_string())),
        urgencies: count(cases.iter().map(|case| case.urgency.to_string())),
        referrals: count(referrals.iter().map(|sent| sent.kind.to_string())),
        stages,
        answers,
        written,
        found,
        refused,
        entries_added: head.size.saturating_sub(cast.log_size()),
    })
}

/// The stage of every envelope that the recipients see.
async fn inboxes(cast: &Cast, referrals: &[Sent]) -> anyhow::Result<BTreeMap<String, String>> {
    let functions: BTreeMap<&str, &str> = referrals.iter().map(|sent| (sent.recipient, sent.host)).collect();
    let mut found = BTreeMap::new();
    for (function, host) in functions {
        let mut page_token = String::new();
        loop {
            let request = v1::ListInboxRequest { function: function.to_owned(), page_size: PAGE_SIZE, page_token, include_ended: true, ..Default::default() };
            let page = cast.client(host)?.list_inbox(request).await?;
            found.extend(page.envelopes.iter().map(|envelope| (envelope.id.clone(), stage(envelope))));
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
    }
    Ok(found)
}

fn stage(envelope: &v1::Envelope) -> String {
    envelope.stage().as_str_name().trim_start_matches("STAGE_").to_ascii_lowercase()
}

/// What its sender sees of a referral that was never offered.
async fn not_offered(cast: &Cast, sent: &Sent) -> anyhow::Result<String> {
    let name = Some(v1::get_referral_request::Name::Referral(sent.id.clone()));
    let answer = cast.client(sent.sender)?.get_referral(v1::GetReferralRequest { name, ..Default::default() }).await?;
    let view = answer.referral.context("an answer without a referral")?;
    Ok(match SenderStatus::from_number(view.status) {
        Some(SenderStatus::Retracted) => String::from("retracted"),
        Some(_) | None => String::from("held"),
    })
}

impl Summary {
    /// The summary for people.
    pub fn table(&self) -> Result<String, std::fmt::Error> {
        let mut text = format!("seed {}, {} reports\n", self.seed, self.reports);
        let blocks = [
            ("offers", &self.offers),
            ("districts", &self.districts),
            ("languages", &self.languages),
            ("urgencies", &self.urgencies),
            ("referrals by kind", &self.referrals),
            ("referrals by stage", &self.stages),
            ("answers", &self.answers),
        ];
        for (title, counts) in blocks {
            writeln!(text, "\n{title:<44}{:>6}", counts.values().sum::<u64>())?;
            for (name, number) in counts {
                writeln!(text, "  {name:<42}{number:>6}")?;
            }
        }
        let Self { written, found, refused, entries_added, .. } = self;
        write!(
            text,
            "\n{written} writes, {found} found as sent before, {refused} refused by the rules as they should be; the log has {entries_added} entries more"
        )?;
        if *written == 0 {
            write!(text, "\neverything was there already: nothing was added")?;
        }
        Ok(text)
    }
}
