//! An invocation of the fetcher: with a deadline, in a process that may be lost at any await,
//! sometimes twice, and while other things happen.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use fetcher::Fetcher;
use futures::future::join;
use jiff::{SignedDuration, Timestamp};

use crate::random::Random;
use crate::sides::queue::Batch;
use crate::story::play;
use crate::system::{Setup, TIMEOUT};
use crate::world::World;

/// How an invocation goes.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Time until the deadline that the fetcher is told. Lambda kills it then.
    pub patience: SignedDuration,
    /// The process is lost when it waits for the so many-th time.
    pub lost_at: Option<u64>,
    pub other: Other,
}

/// What else happens meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    None,
    /// AWS has invoked a second process with the same batch.
    Twice,
    /// The same, but it stops when it has waited so often, and goes on when the first is done, a habit
    /// of this name was played, and later jobs were processed: nothing says that two machines are
    /// equally fast.
    Straggling(u64, &'static str),
    /// A second process works on another batch.
    Beside,
    /// When it has waited so often, a habit of this name is played before it goes on.
    Interrupted(u64, &'static str),
}

impl How {
    /// One process with all its time.
    pub const USUAL: Self = Self {
        patience: TIMEOUT,
        lost_at: None,
        other: Other::None,
    };

    /// The same, with nothing else.
    fn alone(self) -> Self {
        Self {
            lost_at: None,
            other: Other::None,
            ..self
        }
    }
}

impl Setup {
    /// How an invocation goes in this world if nothing happens.
    pub fn usual(&self) -> How {
        How {
            patience: self.patience(),
            ..How::USUAL
        }
    }
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

async fn invoke(world: &mut World, how: How, random: &mut Random) -> Worked {
    let Some(batch) = receive(world, random) else {
        return Worked::Nothing;
    };
    let first = Invocation::begin(world, 0, &batch.event, how);
    if matches!(how.other, Other::Twice | Other::Straggling(..)) {
        let bodies = batch
            .event
            .records
            .iter()
            .filter_map(|it| it.body.as_deref());
        let bodies = bodies.collect::<String>();
        let links = world.links.keys().filter(|id| bodies.contains(id.as_str()));
        world.overlapped.extend(links.cloned());
    }
    let handled = match how.other {
        Other::None => first.run().await,
        Other::Twice => {
            let second = Invocation::begin(world, 1, &batch.event, how.alone());
            let (handled, other) = join(first.run(), second.run()).await;
            // A message is done if either of them has done it.
            settle(world, &batch, other.as_ref());
            handled
        }
        Other::Beside => match receive(world, random) {
            Some(other) => {
                let second = Invocation::begin(world, 1, &other.event, how.alone());
                let (handled, done) = join(first.run(), second.run()).await;
                settle(world, &other, done.as_ref());
                handled
            }
            None => first.run().await,
        },
        Other::Straggling(waits, habit) => {
            let second = Invocation::begin(world, 1, &batch.event, how.alone());
            let deadline = second.deadline;
            let mut second = pin!(second.run());
            let done = until(Some(waits), second.as_mut()).await;
            let handled = first.run().await;
            settle(world, &batch, handled.as_ref());
            play_meanwhile(world, habit, random).await;
            work_later_batches(world, random).await;
            if done.is_none() && world.deadline(SignedDuration::ZERO) < deadline {
                second.await;
            }
            handled
        }
        Other::Interrupted(waits, habit) => interrupted(world, first, (waits, habit), random).await,
    };
    settle(world, &batch, handled.as_ref());
    match handled {
        Some(_) => Worked::Done,
        None => Worked::Lost,
    }
}

/// A habit is played in the middle of an invocation, which is killed if that takes too long.
async fn interrupted(
    world: &mut World,
    first: Invocation,
    (waits, habit): (u64, &str),
    random: &mut Random,
) -> Option<SqsBatchResponse> {
    let deadline = first.deadline;
    let mut first = pin!(first.run());
    if let Some(handled) = until(Some(waits), first.as_mut()).await {
        return handled;
    }
    play_meanwhile(world, habit, random).await;
    match world.deadline(SignedDuration::ZERO) < deadline {
        true => first.await,
        false => None,
    }
}

async fn play_meanwhile(world: &mut World, habit: &str, random: &mut Random) {
    world.note(&format!("in the middle of a batch: {habit}"));
    play(world, habit, random).await;
    world.collect_mail().await;
}

async fn work_later_batches(world: &World, random: &mut Random) {
    for _ in 0..LATER_BATCHES {
        let Some(later) = receive(world, random) else {
            break;
        };
        let invocation = Invocation::begin(world, 0, &later.event, world.setup.usual());
        let handled = invocation.run().await;
        settle(world, &later, handled.as_ref());
    }
}

/// Batches that are processed while another process straggles.
const LATER_BATCHES: usize = 3;

fn receive(world: &World, random: &mut Random) -> Option<Batch> {
    let now = world.time.now();
    world.queue.lock().unwrap().receive(now, random)
}

/// A process with a batch.
struct Invocation {
    fetcher: Rc<Fetcher>,
    event: SqsEvent,
    deadline: Timestamp,
    how: How,
    /// Whether no call takes so long that it cannot be waited for.
    calm: bool,
}

impl Invocation {
    fn begin(world: &World, process: usize, event: &SqsEvent, how: How) -> Self {
        Self {
            fetcher: Rc::clone(&world.functions.fetchers[process]),
            event: event.clone(),
            deadline: world.deadline(how.patience),
            how,
            calm: world.network.is_calm(),
        }
    }

    async fn run(self) -> Option<SqsBatchResponse> {
        let handling = Box::pin(self.fetcher.handle(self.event, self.deadline));
        let patience = Duration::try_from(self.how.patience).unwrap_or_default();
        let handling = tokio::time::timeout(patience, handling);
        let handled = until(self.how.lost_at, handling).await?;
        let in_time = handled.is_ok() || !self.calm;
        assert!(
            in_time,
            "the fetcher has overrun its deadline: {:?}",
            self.how
        );
        handled.ok()
    }
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
