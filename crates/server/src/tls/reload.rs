//! The TLS settings in force, and how they change while the broker runs.
//!
//! A reload swaps the settings as a whole and cuts every open connection that the new ones would not let in. It must never leave
//! the broker without settings: files that can't be used leave the old ones in force. `main` builds one [`Tls`] and spawns [`watch_files`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::files::{TlsError, TlsFiles, TlsState};

/// How often the files are looked at for a change.
const RELOAD_POLL: Duration = Duration::from_secs(2);

type Chain = Vec<CertificateDer<'static>>;

#[derive(Debug)]
struct Open {
    chain: Chain,
    cut: CancellationToken,
}

/// The settings in force and the connections made under them.
pub struct Tls {
    files: TlsFiles,
    state: ArcSwap<TlsState>,
    open: Arc<Mutex<HashMap<u64, Open>>>,
    next: AtomicU64,
    cut_all: CancellationToken,
    reloads: watch::Sender<u64>,
}

/// What a reload did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloaded {
    /// Connections that the new settings would not let in, cut.
    pub cut: usize,
}

/// A connection's entry in the list of open ones; leaves it when dropped.
#[derive(Debug)]
pub(super) struct Registered {
    number: u64,
    open: Arc<Mutex<HashMap<u64, Open>>>,
    pub(super) cut: CancellationToken,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Tls {
    /// Loads the files. `cut_all` ends every connection at once: the hard stop.
    pub fn load(files: TlsFiles, cut_all: CancellationToken) -> Result<Self, TlsError> {
        let state = TlsState::load(&files)?;
        Ok(Self { files, state: ArcSwap::from_pointee(state), open: Arc::default(), next: AtomicU64::new(0), cut_all, reloads: watch::Sender::new(0) })
    }

    pub(super) fn state(&self) -> Arc<TlsState> {
        self.state.load_full()
    }

    /// How many reloads succeeded so far; changes after the settings are in force and the refused connections are cut.
    pub fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Enters a connection whose handshake was made under `state`. A reload may have happened since, so the chain is asked again
    /// under the settings now in force; `None` when those refuse it.
    pub(super) fn register(&self, chain: Chain) -> Option<Registered> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let cut = self.cut_all.child_token();
        let entry = Open { chain: chain.clone(), cut: cut.clone() };
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, entry);
        let registered = Registered { number, open: Arc::clone(&self.open), cut };
        // Order matters: entered first, asked second, so that a reload in between either sees the entry or is seen here.
        holds(&self.state.load(), &chain).then_some(registered)
    }

    /// Reads the files again. Settings that can't be built change nothing.
    pub fn reload(&self) -> Result<Reloaded, TlsError> {
        let state = Arc::new(TlsState::load(&self.files)?);
        self.state.store(Arc::clone(&state));
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let refused: Vec<&Open> = open.values().filter(|entry| !holds(&state, &entry.chain)).collect();
        for entry in &refused {
            entry.cut.cancel();
        }
        self.reloads.send_modify(|count| *count = count.saturating_add(1));
        Ok(Reloaded { cut: refused.len() })
    }

    /// What is compared to see that a file was replaced.
    fn fingerprint(&self) -> Vec<Option<(SystemTime, u64)>> {
        let stamp = |path| std::fs::metadata(path).ok().and_then(|found| Some((found.modified().ok()?, found.len())));
        self.files.all().map(stamp).collect()
    }
}

/// Whether settings would let a chain in now.
fn holds(state: &TlsState, chain: &[CertificateDer<'_>]) -> bool {
    let now: Option<UnixTime> = state.server.time_provider.current_time();
    match (chain.split_first(), now) {
        (Some((leaf, others)), Some(now)) => state.verifier.verify_client_cert(leaf, others, now).is_ok(),
        (None, _) | (_, None) => false,
    }
}

/// Reloads on SIGHUP and when a file changes, until `stop`.
pub async fn watch_files(tls: Arc<Tls>, stop: CancellationToken) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut tick = tokio::time::interval(RELOAD_POLL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = tls.fingerprint();
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            received = hangup.recv() => received.is_some(),
            _ = tick.tick() => false,
        };
        let found = tls.fingerprint();
        if !asked && found == seen {
            continue;
        }
        seen = found;
        match tls.reload() {
            Ok(reloaded) => tracing::info!(connections.cut = reloaded.cut, "TLS files reloaded"),
            Err(error) => tracing::error!(error = %chain_of(&error), "TLS files can't be used, the old ones stay in force"),
        }
    }
}

/// An error with its causes, for one log line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
