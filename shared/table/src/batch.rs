//! Many writes in few calls.

use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use futures::{StreamExt, TryStreamExt};

use crate::error::{Result, StoreError, incomplete};
use crate::item::Item;
use crate::pace::CALLS;
use crate::retry::{Backoff, is_throttling};
use crate::table::Table;

/// AWS, `BatchWriteItem`: at most 25 requests in a call.
const BATCH: usize = 25;

impl Table {
    /// Writes all items, none of which may share a key with another, and all of which are of this
    /// partition.
    ///
    /// # Errors
    /// [`StoreError::Throttled`] when DynamoDB leaves some of them out for longer than a job waits.
    pub async fn put_all(&self, partition: &str, items: Vec<Item>) -> Result<()> {
        let puts = items.into_iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item)).build();
            let put = put.map_err(incomplete)?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        self.write_all(partition, puts).await
    }

    /// Removes the items of all these keys, which are different ones and of this partition.
    ///
    /// # Errors
    /// As [`put_all`](Self::put_all).
    pub async fn delete_all(&self, partition: &str, keys: Vec<Item>) -> Result<()> {
        let deletions = keys.into_iter().map(|key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            let delete = delete.map_err(incomplete)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        });
        self.write_all(partition, deletions).await
    }

    async fn write_all(
        &self,
        partition: &str,
        requests: impl Iterator<Item = Result<WriteRequest>>,
    ) -> Result<()> {
        let requests: Vec<WriteRequest> = requests.collect::<Result<_, _>>()?;
        let calls = self.pace.of(partition);
        let batches: Vec<Vec<WriteRequest>> = requests.chunks(BATCH).map(<[_]>::to_vec).collect();
        futures::stream::iter(batches)
            .map(async |batch| {
                // The semaphore is never closed, and without a permit nothing worse than haste follows.
                let _permit = calls.acquire().await.ok();
                self.write_some(batch).await
            })
            .buffer_unordered(CALLS)
            .try_collect()
            .await
    }

    /// Repeats what DynamoDB left unprocessed, ever more slowly.
    async fn write_some(&self, mut batch: Vec<WriteRequest>) -> Result<()> {
        let mut pauses = Backoff::Job.pauses();
        loop {
            let call = self.client.batch_write_item();
            let call = call.request_items(&self.name, batch.clone());
            match call.send().await {
                Ok(answer) => {
                    let left = answer.unprocessed_items.unwrap_or_default();
                    batch = left.into_values().flatten().collect();
                    if batch.is_empty() {
                        return Ok(());
                    }
                }
                // When nothing of a batch is taken, DynamoDB does not list what is left.
                Err(error) if is_throttling(&error) => {}
                Err(error) => return Err(StoreError::failed("writing rows")(error)),
            }
            let pause = pauses.next().ok_or(StoreError::Throttled)?;
            tokio::time::sleep(pause).await;
        }
    }
}
