//! The record of who was shown customers' personal data: written in batches, listed, and forgotten in time.

use crate::domain::{DataRead, Timestamp};
use crate::store::connection::error::StoreError;
use crate::store::handle::Store;
use crate::store::writer::chore::Wish;

impl Store {
    pub async fn note_reads(&self, reads: Vec<DataRead>) -> Result<(), StoreError> {
        self.run_chore(Wish::NoteReads(reads)).await.map(drop)
    }

    /// Removes records from before this moment. Gives back how many.
    pub async fn forget_reads(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            match self.run_chore(Wish::ForgetReads { before }).await?.rows() {
                0 => return Ok(removed),
                some => removed += some,
            }
        }
    }
}
