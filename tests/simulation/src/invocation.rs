//! An invocation of the fetcher: with a deadline, in a process that may be lost at any await, and
//! sometimes twice.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use fetcher::Fetcher;
use jiff::{SignedDuration, Timestamp};

use crate::random::Random;
use crate::sides::queue::Batch;
use crate::world::World;

/// Lambda kills the fetcher after this time.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How an invocation goes.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Time until the deadline that the fetcher is told.
    pub patience: SignedDuration,
    /// The process is lost when it waits for the so many-th time.
    pub lost_at: Option<u64>,
    pub other: Other,
}

/// What a second process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    None,
    /// AWS has invoked it with the same batch.
    Twice,
    /// The same, but it stops when it has waited so often, and goes on when the first is done and
    /// later jobs were processed: nothing says that two machines are equally fast.
    Straggling(u64),
    /// It works on another batch.
    Beside,
}

impl How {
    /// Lambda's time limit.
    pub const USUAL: Self = Self {
        patience: SignedDuration::from_secs(300),
        lost_at: None,
        other: Other::None,
    };
}

/// The result of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    Nothing,
    Done,
    /// The process was lost, and the whole batch comes back.
    Lost,
}

/// The fetcher processes a batch, if there is one.
pub async fn work(world: &mut World, how: How, random: &mut Random) -> Worked {
    let worked = invoke(world, how, random).await;
    if worked == Worked::Lost {
        world.functions.restart_fetcher(0);
    }
    worked
}

async fn invoke(world: &World, how: How, random: &mut Random) -> Worked {
    let Some(batch) = receive(world, random) else {
        return Worked::Nothing;
    };
    let other = match how.other {
        Other::None => None,
        Other::Twice | Other::Straggling(_) => Some(batch.event.clone()),
        Other::Beside => receive(world, random).map(|it| it.event),
    };
    let deadline = world.deadline(how.patience);
    let mut second = pin!(async {
        match other {
            Some(event) => run(&world.functions.fetchers[1], event, deadline, None).await,
            None => None,
        }
    });
    let first = &world.functions.fetchers[0];
    let first = run(first, batch.event.clone(), deadline, how.lost_at);
    let handled = match how.other {
        Other::Straggling(waits) => {
            let done = until(Some(waits), second.as_mut()).await;
            let handled = first.await;
            settle(world, &batch, handled.as_ref());
            for _ in 0..LATER_BATCHES {
                let Some(later) = receive(world, random) else {
                    break;
                };
                let fetcher = &world.functions.fetchers[0];
                let handled = run(fetcher, later.event.clone(), deadline, None).await;
                settle(world, &later, handled.as_ref());
            }
            if done.is_none() {
                second.await;
            }
            handled
        }
        _ => {
            let (handled, other) = futures::future::join(first, second).await;
            if how.other == Other::Twice {
                // A message is done if either of them has done it.
                settle(world, &batch, other.as_ref());
            }
            settle(world, &batch, handled.as_ref());
            handled
        }
    };
    match handled {
        Some(_) => Worked::Done,
        None => Worked::Lost,
    }
}

/// Batches that are processed while another process straggles.
const LATER_BATCHES: usize = 3;

fn receive(world: &World, random: &mut Random) -> Option<Batch> {
    let now = world.time.now();
    world.queue.lock().unwrap().receive(now, random)
}

async fn run(
    fetcher: &Fetcher,
    event: SqsEvent,
    deadline: Timestamp,
    lost_at: Option<u64>,
) -> Option<SqsBatchResponse> {
    let handling = Box::pin(fetcher.handle(event, deadline));
    let handling = tokio::time::timeout(TIMEOUT, handling);
    until(lost_at, handling).await.and_then(Result::ok)
}

fn settle(world: &World, batch: &Batch, response: Option<&SqsBatchResponse>) {
    if let Some(response) = response {
        world.queue.lock().unwrap().done(batch, response);
    }
}

/// Runs something until it has waited so often, and drops it then.
pub async fn until<T>(waits: Option<u64>, running: impl Future<Output = T>) -> Option<T> {
    let mut running = pin!(running);
    let mut left = waits;
    poll_fn(|context| match running.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => match &mut left {
            Some(0 | 1) => Poll::Ready(None),
            Some(left) => {
                *left -= 1;
                Poll::Pending
            }
            None => Poll::Pending,
        },
    })
    .await
}
