//! What the broker knows of the log beside the write path: how far it has grown, whom that concerns, and who takes part.
//!
//! The committer tells it what it committed, the follower what other brokers say that they did; neither takes it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brygga_domain::Directory;
use tokio::sync::{Notify, watch};

use crate::bells::{Bells, News};
use crate::rows::Blob;

/// The present; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    head: watch::Sender<u64>,
    /// With the head of the log that it was read at: an older one never replaces a newer, and another log of the same size is another one.
    directory: watch::Sender<(Head, Arc<Directory>)>,
    bells: Bells,
    proof: Arc<Proof>,
}

/// Size and root of a log.
pub(crate) type Head = (u64, Blob);

/// Whether the committer is to commit something, which proves what is there.
#[derive(Debug, Default)]
struct Proof {
    wanted: AtomicBool,
    asked: Notify,
}

impl Current {
    pub(crate) fn new(head: Head, directory: Arc<Directory>) -> Self {
        let size = head.0;
        Self { head: watch::Sender::new(size), directory: watch::Sender::new((head, directory)), bells: Bells::new(size), proof: Arc::default() }
    }

    /// How far the log has grown, as far as that is durable.
    pub(crate) fn size(&self) -> u64 {
        *self.head.borrow()
    }

    /// For whoever waits for the log to grow.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Who takes part.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory.borrow().1)
    }

    /// The log has that size now, at least, and a commit has shown that it keeps it.
    pub(crate) fn grown(&self, size: u64) {
        self.head.send_if_modified(|known| {
            let grown = size > *known;
            *known = size.max(*known);
            grown
        });
    }

    /// The head of the log that the directory was read at.
    pub(crate) fn directory_head(&self) -> Head {
        self.directory.borrow().0.clone()
    }

    /// Whom a stretch of the log concerns; the log has its size already.
    pub(crate) fn heard(&self, news: &News) {
        self.bells.heard(news);
    }

    /// Whoever is to be told of anything was told, or is now.
    pub(crate) fn caught_up(&self) {
        self.bells.seen(self.size());
    }

    /// Has the committer commit something, which proves what is there, and look whom nobody told.
    pub(crate) fn want_proof(&self) {
        self.proof.wanted.store(true, Ordering::Release);
        self.proof.asked.notify_one();
    }

    /// Comes back when it should, if no batch has done so before.
    pub(crate) async fn proof_wanted(&self) {
        while !self.proof.wanted.load(Ordering::Acquire) {
            self.proof.asked.notified().await;
        }
    }

    /// Whether it should, for the batch that does.
    pub(crate) fn take_proof_wanted(&self) -> bool {
        self.proof.wanted.swap(false, Ordering::AcqRel)
    }

    /// Who is woken.
    pub(crate) fn bells(&self) -> &Bells {
        &self.bells
    }

    /// The directory of a log with that head. One of a size that was only seen gives way to any of what is durable.
    pub(crate) fn entered(&self, head: Head, directory: Arc<Directory>) {
        self.directory.send_if_modified(|known| {
            let newer = head.0 >= known.0.0.min(self.size());
            if newer {
                *known = (head, directory);
            }
            newer
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_durable_does_not_go_back() {
        let (old, new) = (Arc::new(Directory::default()), Arc::new(Directory::default()));
        let head = |size| (size, Blob::default());
        let current = Current::new(head(5), Arc::clone(&old));
        let mut watching = current.watch();
        current.grown(4);
        assert!(current.size() == 5 && !watching.has_changed().unwrap());
        current.grown(7);
        assert!(current.size() == 7 && *watching.borrow_and_update() == 7);
        current.entered(head(7), Arc::clone(&new));
        current.entered(head(6), Arc::clone(&old));
        assert!(Arc::ptr_eq(&current.directory(), &new));
        // What was seen beyond and is lost does not stay.
        current.entered(head(9), old);
        current.entered(head(8), Arc::clone(&new));
        assert!(Arc::ptr_eq(&current.directory(), &new));
    }
}
