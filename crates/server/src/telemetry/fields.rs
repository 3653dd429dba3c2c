//! The names of fields that may leave the process, in log lines and in spans.
//!
//! A field that is not here is dropped, whoever writes it. Identifiers, codes and counts only: a name whose value could be content, or
//! could say who somebody is, must never be added.

/// Every allowed name, sorted.
pub const ALLOWED: &[&str] = &[
    "address",
    "agency",
    "agency.id",
    "batch.commands",
    "batch.events",
    "connections.cut",
    "connections.open",
    "count",
    "error",
    "event.name",
    "function.id",
    "listener",
    "log.origin",
    "log.position",
    "log.size",
    "message",
    "panic.location",
    "position",
    "reason",
    "referral.id",
    "request.id",
    "rpc.code",
    "rpc.method",
    "schema.version",
    "signal",
    "statement",
    "table.hash",
    "table.version",
    "task",
    "took_ms",
    "version",
    "waiting",
];

/// Longest value that is written, in bytes; the rest is cut off.
pub const VALUE_BYTES_MAX: usize = 1024;

/// Whether a field may be written.
pub fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok()
}

/// A value within the limit.
pub(super) fn cut(mut value: String) -> String {
    if value.len() > VALUE_BYTES_MAX {
        let end = (0..=VALUE_BYTES_MAX).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
        value.truncate(end);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_it_can_be_searched() {
        assert!(ALLOWED.is_sorted());
        assert!(ALLOWED.iter().all(|name| is_allowed(name)));
        assert!(!is_allowed("name") && !is_allowed(""));
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let cut = cut("ö".repeat(VALUE_BYTES_MAX) + "x");
        assert!(cut.len() <= VALUE_BYTES_MAX && cut.chars().all(|character| character == 'ö'));
    }
}
