//! What only a development world needs: a throw-away certificate authority and what is built on it.
//!
//! Nothing here may be used by `serve`; the tour, the dev command and tests call it.

pub mod ca;
