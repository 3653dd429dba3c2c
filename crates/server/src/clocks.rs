//! Looks at the clocks of open referrals, and has the marks made that are due.
//!
//! The broker's own clock tells what is due; how often it looks is the machine's. A look that fails is followed by the next one, and what it
//! left undone is still there to be found.

use std::sync::Arc;
use std::time::Duration;

use brygga_domain::AgencyId;
use brygga_engine::store::Reader;
use brygga_engine::{Broker, Timer};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often it looks: a mark is late by no more than this.
pub const CLOCK_TICK: Duration = Duration::from_secs(5);

/// Looks until the broker stops. The first look is at every open referral: this broker may have another table or directory than the last one.
pub async fn watch<R: Reader>(broker: Arc<Broker<R>>, name: AgencyId, stop: CancellationToken) {
    let timer = Timer::new(&broker, &name);
    let mut ticks = tokio::time::interval(CLOCK_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut swept, mut answers) = (false, true);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if broker.doubt().is_some() {
            continue;
        }
        let look = async { if swept { timer.tick().await } else { timer.sweep().await } };
        // What was handed over is made all the same; the rest is with the next look of whichever broker.
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = look => looked,
        };
        match looked {
            Ok(_) => (swept, answers) = (true, true),
            // Told once, not with every look.
            Err(error) if answers && !stop.is_cancelled() => {
                tracing::warn!(error = %error, "clocks could not all be looked at; they are with the next look");
                answers = false;
            }
            Err(_) => {}
        }
    }
}
