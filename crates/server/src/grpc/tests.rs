//! The services against a whole engine in memory: requests pass the digest layer and the generated routes, as they do in a broker.

mod access;
mod commands;
mod departures;
mod draft;
mod lists;
mod story;
mod world;
