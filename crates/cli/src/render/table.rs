//! Columns.

use brygga_domain::Position;

/// Where the positions of the log begin on a line.
const LOG_COLUMN: usize = 100;
/// Blanks between two columns.
const GAP: usize = 2;

/// Rows under their heads, each column as wide as its widest text.
pub fn aligned(heads: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let heads: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&heads).chain(rows).collect();
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let padded = |row: &&Vec<String>| {
        let texts: Vec<String> = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}", width = width + GAP)).collect();
        texts.concat().trim_end().to_owned()
    };
    all.iter().map(padded).collect()
}

/// Rows as RFC 4180 has them.
pub fn csv(heads: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let quoted = |text: &str| {
        // A text that a spreadsheet would take for a formula is kept from being one.
        let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
        if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let line = |row: Vec<&str>| row.into_iter().map(quoted).collect::<Vec<_>>().join(",");
    std::iter::once(line(heads.to_vec())).chain(rows.iter().map(|row| line(row.iter().map(String::as_str).collect()))).collect()
}

/// A line with positions of the log on its right.
pub fn with_log(text: &str, positions: &[Position]) -> String {
    let listed: Vec<String> = positions.iter().map(|position| position.0.to_string()).collect();
    let width = LOG_COLUMN.max(text.chars().count() + GAP);
    format!("{text:<width$}log {}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_text() {
        let rows = vec![vec![String::from("BR-1"), String::from("på väg")], vec![String::from("BR-123"), String::new()]];
        assert_eq!(aligned(&["reference", "state"], &rows), ["REFERENCE  STATE", "BR-1       på väg", "BR-123"]);
    }

    #[test]
    fn csv_is_quoted_and_no_formula() {
        let rows = vec![vec![String::from("a,b"), String::from("=1+1")]];
        assert_eq!(csv(&["x", "y"], &rows), ["x,y", "\"a,b\",'=1+1"]);
    }

    #[test]
    fn positions_stand_on_the_right() {
        let line = with_log("stored     BR-1", &[Position(4), Position(5)]);
        assert!(line.ends_with("  log 4, 5"), "{line}");
        assert!(with_log(&"x".repeat(120), &[Position(1)]).ends_with("x  log 1"));
    }
}
