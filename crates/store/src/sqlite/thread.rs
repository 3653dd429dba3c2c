//! A thread that owns what it is given, and does what it is asked one after the other.
//!
//! SQLite blocks while it reads, writes and syncs, so each connection lives on a thread of its own; callers only send and wait. A
//! caller that goes away changes nothing: what was sent is done to its end before the next question.

use std::io;
use std::panic::resume_unwind;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

/// Questions that wait: one caller has at most one that it still waits for, and some that it gave up.
const WAITING_MAX: usize = 4;

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// A thread, and the way to it. Dropping it waits until what was sent is done and the thread has dropped what it owns.
#[derive(Debug)]
pub(super) struct Thread<T> {
    jobs: Option<mpsc::Sender<Job<T>>>,
    running: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Thread<T> {
    /// Starts a thread of that name, which owns `owned`.
    pub(super) fn start(name: &str, mut owned: T) -> io::Result<Self> {
        let (jobs, mut waiting) = mpsc::channel::<Job<T>>(WAITING_MAX);
        let work = move || {
            while let Some(job) = waiting.blocking_recv() {
                job(&mut owned);
            }
        };
        let running = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { jobs: Some(jobs), running: Some(running) })
    }

    /// Has `question` answered on the thread. A panic there goes on here.
    pub(super) async fn ask<A: Send + 'static>(&mut self, question: impl FnOnce(&mut T) -> A + Send + 'static) -> A {
        let (tell, told) = oneshot::channel();
        // Nobody may be there any more to be told.
        let job: Job<T> = Box::new(move |owned| drop(tell.send(question(owned))));
        if let Some(jobs) = &self.jobs
            && jobs.send(job).await.is_ok()
            && let Ok(answer) = told.await
        {
            return answer;
        }
        resume_unwind(self.end().unwrap_or_else(|| Box::new("the thread of a connection has ended")))
    }

    /// Ends the thread; gives what it panicked with.
    fn end(&mut self) -> Option<Box<dyn std::any::Any + Send>> {
        self.jobs = None;
        self.running.take()?.join().err()
    }
}

impl<T> Drop for Thread<T> {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(running) = self.running.take()
            && running.join().is_err()
        {
            tracing::error!("the thread of a connection has panicked");
        }
    }
}
