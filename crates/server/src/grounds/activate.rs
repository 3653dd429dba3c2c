//! Two officers of the broker's operator put another ground table into force.
//!
//! Each of them runs `bryggad grounds activate`; who has agreed so far stands in a file beside the signer state. A broker that starts
//! with a table that is not in force reads it, writes the event that names both, and serves. Nobody does it alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use brygga_domain::TableHash;
use brygga_engine::store::Reader as _;
use brygga_wire::door::is_officer;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::open;

/// The file's name; it lies beside the signer state.
const FILE_NAME: &str = "ground-table-approval.json";

/// Who has agreed to which table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    /// SHA-256 of the table, in hex.
    table: String,
    /// The officers, in the order in which they agreed.
    officers: Vec<String>,
}

fn path(config: &Config) -> PathBuf {
    config.storage.signer_state.with_file_name(FILE_NAME)
}

fn read(path: &Path) -> anyhow::Result<Option<Approval>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(serde_json::from_str(&text).with_context(|| format!("{} is not an approval; delete it and begin again", path.display()))?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

fn write(path: &Path, approval: &Approval) -> anyhow::Result<()> {
    let mut file = tempfile_beside(path)?;
    file.0.write_all(serde_json::to_string_pretty(approval)?.as_bytes())?;
    file.0.sync_all()?;
    std::fs::rename(&file.1, path).with_context(|| format!("writing {}", path.display()))
}

fn tempfile_beside(path: &Path) -> anyhow::Result<(std::fs::File, PathBuf)> {
    let beside = path.with_extension("new");
    let file = std::fs::File::create(&beside).with_context(|| format!("writing {}", beside.display()))?;
    Ok((file, beside))
}

/// One officer agrees to the configured table; gives what is to be said.
pub(super) async fn approve(config: &Config, officer: &str) -> anyhow::Result<String> {
    if !is_officer(officer) {
        bail!("an officer is named by 1 to 64 of a-z, 0-9, '.', '_' and '-'");
    }
    let table = open::ground_table(config)?;
    let head = open::beside(&config.storage.place).await?.head().await?;
    if head.events() == 0 {
        bail!("{} holds no log yet; run: bryggad init", config.storage.place);
    }
    let (hash, path) = (table.hash(), path(config));
    if head.grounds.0 == hash.0 {
        return Ok(format!("in force   table {hash}; there is nothing to do"));
    }
    let mut approval = read(&path)?.filter(|found| found.table == hash.to_string() && found.officers.len() < 2);
    let agreed = approval.get_or_insert_with(|| Approval { table: hash.to_string(), officers: Vec::new() });
    if agreed.officers.iter().any(|agreed| agreed == officer) {
        bail!("{officer} has put the table forward; another officer must agree");
    }
    agreed.officers.push(officer.to_owned());
    write(&path, agreed)?;
    Ok(match agreed.officers.as_slice() {
        [_] => format!("1 of 2     table {hash}; another officer looks at `bryggad grounds diff` and runs this command, too"),
        _ => format!("2 of 2     table {hash}; it comes into force when the broker starts: bryggad serve"),
    })
}

/// The two officers who have agreed to that table: who put it forward, and who agreed.
pub fn approved(config: &Config, table: TableHash) -> anyhow::Result<Option<(String, String)>> {
    let found = read(&path(config))?.filter(|found| found.table == table.to_string());
    Ok(found.and_then(|approval| match <[String; 2]>::try_from(approval.officers) {
        Ok([first, second]) if first != second => Some((first, second)),
        Ok(_) | Err(_) => None,
    }))
}

/// Forgets who agreed, once the log knows it.
pub fn spent(config: &Config) {
    let path = path(config);
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::warn!(error = %error, "the approval of the ground table stays where it was, and does no harm there");
    }
}
