//! Everything that readers can tell: what stores are compared by, and held against what they told before.

use brygga_engine::store::{DuePage, Reader};
use serde_json::{Value, json};

use super::sqlite::Sqlite;
use super::suite::{ALL, Backend as _, commit, script_of};

/// Everything that readers can tell, as JSON.
pub async fn dump(reader: &mut impl Reader) -> Value {
    let head = reader.head().await.unwrap();
    let referrals = reader.all_referrals(ALL).await.unwrap();
    let mut contents = Vec::new();
    for rows in &referrals {
        contents.extend(reader.contents(&rows.referral.id, &[(1, 1), (2, 1), (3, 1), (4, 1), (1, 2)]).await.unwrap());
    }
    let mut in_flight = Vec::new();
    for rows in &referrals {
        in_flight.extend(reader.in_flight(rows.referral.first_position).await.unwrap());
    }
    let mut openings = Vec::new();
    for position in 0..head.size {
        openings.extend(reader.openings(position).await.unwrap());
    }
    let mut told = Vec::new();
    for number in 0..3 {
        told.push(json!([
            reader.inbox(&format!("rvc-{number}"), ALL).await.unwrap(),
            reader.open_inbox(&format!("rvc-{number}"), ALL).await.unwrap(),
            reader.statuses(&format!("polis-{number}"), ALL).await.unwrap(),
            reader.sent_by(&format!("polis-{number}"), ALL).await.unwrap(),
            reader.open_sent_by(&format!("polis-{number}"), ALL).await.unwrap(),
            reader.pending_clearances(&format!("polis-{number}"), ALL).await.unwrap(),
        ]));
    }
    json!({
        "head": head,
        "events": reader.events(0, head.size).await.unwrap(),
        "leaf_hashes": reader.leaf_hashes(0, head.size).await.unwrap(),
        "tiles": reader.tree_hashes(8, 0, head.size).await.unwrap(),
        "checkpoint": reader.checkpoint(None).await.unwrap(),
        "referrals": referrals,
        "contents": contents,
        "content_names": reader.content_names(-1, i64::MAX).await.unwrap(),
        "in_flight": in_flight,
        "noticed": reader.noticed("rvc-1").await.unwrap(),
        "due": reader.due(DuePage { until: i64::MAX, after: i64::MIN, after_position: -1, limit: 1000 }).await.unwrap(),
        "openings": openings,
        "told": told,
        "pending_of_leader": reader.pending_clearances("aklagare-1", ALL).await.unwrap(),
        "directory": reader.directory().await.unwrap(),
    })
}

/// A table's rows, one a line; of long bytes the beginning and how many there are.
fn lines(name: &str, rows: &Value) -> Vec<String> {
    let rows = rows.as_array().map_or(std::slice::from_ref(rows), Vec::as_slice);
    rows.iter().map(|row| format!("{name} {}", shortened(row))).collect()
}

fn shortened(row: &Value) -> Value {
    match row {
        Value::String(text) if text.len() > 64 => json!(format!("{}… {}", text.chars().take(16).collect::<String>(), text.len())),
        Value::Array(inner) => inner.iter().map(shortened).collect(),
        Value::Object(inner) => inner.iter().map(|(name, value)| (name.clone(), shortened(value))).collect(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => row.clone(),
    }
}

/// The other stores are held equal to this one, so that what it tells is what all of them do.
#[tokio::test]
async fn rows_come_back_as_they_did_before() {
    let (_backend, mut store, mut reader) = Sqlite::fresh().await;
    for batch in script_of(3) {
        commit(&mut store, &batch).await;
    }
    let told = dump(&mut reader).await;
    let tables = ["head", "events", "checkpoint", "referrals", "contents", "in_flight", "noticed", "due", "openings", "directory"];
    let told: Vec<String> = tables.iter().flat_map(|table| lines(table, &told[table])).collect();
    insta::assert_snapshot!("rows", told.join("\n"));
}
