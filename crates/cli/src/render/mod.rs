//! How answers look as text: aligned columns, one or two lines for an answer.

pub mod blocks;
pub mod sections;
pub mod table;
