//! The cost of the system: plays a month of a user's links against the simulated Belvo, counts the
//! units that AWS would bill, and adds them up.
//!
//! `cargo run -p it --bin cost` prints the usage of each part of the month, the bill for 1,000
//! users, and the formula with its inputs; `--help` lists the parameters of the month.
//!
//! Units are counted at the functions' requests (`local_stack::Used`). Units that cannot be counted
//! here follow a rule that AWS documents, each beside its constant in `bill`. Prices are in
//! `prices`, and must be checked. `play` plays, `part` holds the counts, `stored` the stored bytes.

#![allow(clippy::print_stdout)]

mod bill;
mod part;
mod play;
mod prices;
mod show;
mod stored;

use clap::Parser;
use local_stack::{Stack, StackOptions};

/// What a month is made of.
#[derive(Clone, Debug, Parser)]
pub struct Month {
    /// Users.
    #[arg(long, default_value_t = 1_000)]
    pub users: u64,
    /// Banks that each of them has connected.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub links: u64,
    /// Months after which a bank is connected anew or erased.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..))]
    pub months: u64,
    /// DateRange a month on which Belvo announces something new of a link.
    #[arg(long, default_value_t = 20)]
    pub news_days: u64,
    /// DateRange a month on which Belvo reads a bank and finds nothing new.
    #[arg(long, default_value_t = 10)]
    pub quiet_days: u64,
    /// Transactions that are new on a day with news.
    #[arg(long, default_value_t = 3)]
    pub new_transactions: u64,
    /// Visits of each user to the app in a month.
    #[arg(long, default_value_t = 30)]
    pub visits: u64,
    /// How many times as long as here a call takes in Lambda, which gives 256 MB a seventh of a
    /// processor. An assumption, until CloudWatch's Duration is known.
    #[arg(long, default_value_t = 5)]
    pub slower: u64,
    /// Milliseconds in which Belvo answers a request. An assumption.
    #[arg(long, default_value_t = 500)]
    pub belvo_ms: u64,
    /// Open shards of the table's stream: one for each of its partitions. A new table has four.
    #[arg(long, default_value_t = 4)]
    pub shards: u64,
    /// Different banks that users connect: metrics are kept by bank.
    #[arg(long, default_value_t = 10)]
    pub banks: u64,
    /// Another price, such as write=0.9375; the names are in the table of prices.
    #[arg(long = "price", value_name = "NAME=DOLLARS")]
    pub prices: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    if let Some(result) = local_stack::child_main() {
        return result;
    }
    let month = Month::parse();
    let prices = prices::with(&month.prices)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let played = runtime.block_on(play(&month))?;
    let bill = bill::Bill::of(&month, &played)?;
    show::parts(&played);
    show::bill(&month, &bill, &prices);
    show::inputs(&month, &played);
    Ok(())
}

async fn play(month: &Month) -> anyhow::Result<play::Played> {
    let stack = Stack::start(StackOptions::default()).await?;
    let player = play::Player::new(&stack).await?;
    let played = player.play(month.links, month.new_transactions).await?;
    stack.stop().await?;
    Ok(played)
}
