//! The broker's server: TLS, layers, gRPC services, telemetry and life cycle round the engine.
//!
//! `main` and the tests start a broker through `app`. This is the only crate that knows everybody.

pub mod app;
pub mod clocks;
pub mod commands;
pub mod config;
pub mod dev;
pub mod directory_file;
mod follow;
pub mod grounds;
pub mod grpc;
pub mod layers;
pub mod lifecycle;
pub mod notices;
mod observer;
pub mod open;
pub mod operator;
pub mod telemetry;
pub mod tls;
