//! Papers are drawn beside the threads that serve calls, few at once: each takes milliseconds and more.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::documents::{PrintError, Printed};

/// A slot for each paper that is being drawn. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Drawings(Arc<Semaphore>);

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    #[error(transparent)]
    Print(#[from] PrintError),
    #[error("the drawing was broken off")]
    BrokenOff,
}

impl Drawings {
    pub fn new(at_once: u32) -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(at_once).unwrap_or(usize::MAX))))
    }

    /// Waits for a slot, and for the paper.
    pub async fn draw(
        &self,
        draw: impl FnOnce() -> Result<Printed, PrintError> + Send + 'static,
    ) -> Result<Printed, DrawError> {
        let slot = self.0.clone().acquire_owned().await.map_err(|_| DrawError::BrokenOff)?;
        let drawing = spawn_blocking(move || {
            // A caller who gives up leaves its drawing under way, and the slot taken.
            let _slot = slot;
            draw()
        });
        Ok(drawing.await.map_err(|_| DrawError::BrokenOff)??)
    }
}
