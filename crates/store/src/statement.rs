//! What every statement of every back end has: a name, which is also what errors and metrics call it.

/// The name that a statement starts with.
pub(crate) fn name(statement: &'static str) -> &'static str {
    statement.lines().next().and_then(|line| line.strip_prefix("-- ")).unwrap_or(statement)
}
