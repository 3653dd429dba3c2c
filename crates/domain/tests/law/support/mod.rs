//! A made-up world in which one cell is decided, and the law stated a second time.

pub mod case;
pub mod chance;
pub mod law;
pub mod world;
