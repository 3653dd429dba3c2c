//! The bounded pool of readers. A question runs in a task of its own that owns the connection, so that no handler's future ever
//! holds one: a caller that goes away leaves the question to finish and the connection whole.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::store::{Reader, StoreError};

/// A question's future, which borrows the reader.
pub type Asking<'r, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'r>>;

/// The pool.
#[derive(Debug)]
pub struct ReaderPool<R> {
    idle: Arc<Mutex<Vec<R>>>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl<R> Clone for ReaderPool<R> {
    fn clone(&self) -> Self {
        Self { idle: Arc::clone(&self.idle), permits: Arc::clone(&self.permits), tasks: self.tasks.clone() }
    }
}

/// The pool gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pool is closed.
    #[error("the reader pool is closed")]
    Closed,
}

impl<R: Reader> ReaderPool<R> {
    /// A pool of readers; tasks run under the tracker.
    pub fn new(readers: Vec<R>, tasks: TaskTracker) -> Self {
        let permits = Arc::new(Semaphore::new(readers.len()));
        Self { idle: Arc::new(Mutex::new(readers)), permits, tasks }
    }

    /// Asks a question.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, AskError>
    where
        T: Send + 'static,
        F: for<'r> FnOnce(&'r mut R) -> Asking<'r, T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| AskError::Closed)?;
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(mut reader) = taken else { return Err(AskError::Closed) };
        let (tell, told) = oneshot::channel();
        let idle = Arc::clone(&self.idle);
        self.tasks.spawn(async move {
            let answer = question(&mut reader).await;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            // Order matters: the permit goes back only when the reader has.
            drop(permit);
            drop(tell.send(answer));
        });
        told.await.map_err(|_| AskError::Closed)?.map_err(AskError::Store)
    }
}
