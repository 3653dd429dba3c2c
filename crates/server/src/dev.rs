//! What only a development world needs: a throw-away certificate authority, the world built on it, the tour and the seed.
//!
//! Nothing here may be used by `serve`; the tour, the dev command and tests call it.

pub mod ca;
pub mod seed;
pub mod tour;
pub mod world;

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use crate::lifecycle::{Lifecycle, stop_signals};

/// Asks the broker to stop when its standard input ends, so that no test leaves one behind; signals count as well.
pub fn until_input_ends(lifecycle: &Lifecycle) -> io::Result<mpsc::Receiver<()>> {
    let mut signals = stop_signals(lifecycle)?;
    let (ask, asked) = mpsc::channel(1);
    let drain = lifecycle.drain();
    lifecycle.tracker().spawn(async move {
        let mut buffer = [0; 64];
        let mut input = tokio::io::stdin();
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                _ = signals.recv() => break,
                read = input.read(&mut buffer) => if matches!(read, Ok(0) | Err(_)) { break },
            }
        }
        if ask.try_send(()).is_err() {
            tracing::debug!("a stop was asked for already");
        }
    });
    Ok(asked)
}
