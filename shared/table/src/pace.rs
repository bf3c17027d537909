//! How many writes a partition takes at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

/// Calls under way at once for one partition key, whichever of a user's links they are for.
///
/// DynamoDB takes 1,000 write units a second for one partition key. Four calls are a tenth of that;
/// what they ask for beyond it, DynamoDB leaves unprocessed, and `Backoff::Job` slows them down.
pub(crate) const CALLS: usize = 4;

/// The calls under way for each partition, as far as this process makes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace(Arc<Mutex<HashMap<String, Weak<Semaphore>>>>);

impl Pace {
    /// The permits of a partition, one for each call.
    pub(crate) fn of(&self, partition: &str) -> Arc<Semaphore> {
        let mut partitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(calls) = partitions.get(partition).and_then(Weak::upgrade) {
            return calls;
        }
        partitions.retain(|_, calls| calls.strong_count() > 0);
        let calls = Arc::new(Semaphore::new(CALLS));
        partitions.insert(partition.to_owned(), Arc::downgrade(&calls));
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_one_user_share_a_pace_and_idle_ones_are_forgotten() {
        let pace = Pace::default();
        let (first, second) = (pace.of("user-1"), pace.of("user-1"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(!Arc::ptr_eq(&first, &pace.of("user-2")));
        drop((first, second));
        let _third = pace.of("user-3");
        assert_eq!(pace.0.lock().unwrap().len(), 1);
    }
}
