//! When stored rows that Belvo no longer lists are believed to be gone.
//!
//! A list may be short for many reasons: Belvo writes meanwhile, is loading, or has lost the link.
//! So no list alone removes a row: Belvo is asked for each missing one, and its 404 removes it.
//!
//! A statement may also come again under new ids, and thousands of rows cannot be asked for. Then two
//! complete reads that lack them and agree in every id are one proof, and Belvo's 404 for some of
//! them, drawn by lot, is the other.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::missing_mark::MissingMark;
use super::pending::SyncMode;
use super::schedule::later;
use super::state::Link;
use crate::date_range::DateRange;
use crate::resource::ResourceKind;

/// A list that became empty is believed after this time.
pub(super) const EMPTY_DOUBT: SignedDuration = SignedDuration::from_hours(24);

/// More rows than a bank takes back at once: the list is wrong, or the statement was exchanged.
const MANY_MISSING: usize = 50;

/// Two reads that are to agree are so far apart, so that they do not see the same moment.
const APART: SignedDuration = SignedDuration::from_mins(2);

/// A list that differs at each read is not waited for any longer: each missing row is asked for.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Missing rows that are asked for in the name of all.
const SAMPLE: usize = 20;

/// Rows that a list has lost and that are remembered: more than people close and sell in years.
const MAX_GONE: usize = 300;

/// Stored rows that a read of a list did not give.
#[derive(Clone, Copy, Debug)]
pub struct MissingRows<'a> {
    pub count: usize,
    /// Which movements were read.
    pub days: DateRange,
    /// The ids that the list gave.
    pub given: &'a HashSet<String>,
    /// Rows of the list that cannot be stored. Stored ones may be among them.
    pub rejected_rows: u64,
    /// Whether the list gave no row at all.
    pub list_is_empty: bool,
    /// Whether it gave rows of other links, so that it may not be the list that was asked for.
    pub list_is_mixed: bool,
    /// Whether its rows name the link.
    pub list_names_link: bool,
    /// Whether it gave as many rows as it counts.
    pub list_is_complete: bool,
}

/// What to do about missing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDecision {
    /// Belvo is asked for each of them.
    AskForEach,
    /// Belvo is asked for [some of them](sample); if it has none, all are gone.
    AskForSome,
    /// The empty list is not believed yet.
    DoubtEmpty,
    /// So many at once are not believed before a full read, nor because of a list that holds rows of
    /// other links.
    DoubtMany,
    /// They stay until a later read says the same.
    Wait,
}

impl Link {
    /// Decides about stored rows that a read of the list did not give.
    pub fn judge_missing(
        &mut self,
        kind: ResourceKind,
        missing: MissingRows<'_>,
        now: Timestamp,
    ) -> MissingDecision {
        let run = self.resource(kind).run.as_ref();
        let in_part = run.is_some_and(|it| it.mode != SyncMode::Full);
        let started_at = run.map_or(now, |it| it.started_at);
        if missing.list_is_empty && (in_part || missing.days.is_all()) {
            return match !in_part && self.believes_empty(kind, now) {
                true => MissingDecision::AskForEach,
                false => MissingDecision::DoubtEmpty,
            };
        }
        if missing.count <= MANY_MISSING {
            return MissingDecision::AskForEach;
        }
        if in_part || missing.list_is_mixed {
            return MissingDecision::DoubtMany;
        }
        // It will not be complete two minutes later either, and proves nothing.
        if !missing.list_is_complete {
            return MissingDecision::AskForEach;
        }
        let days = missing.days.to_string();
        let resource = self.resource(kind);
        let earlier = resource.missing.get(&days).cloned();
        let mark = mark_of(missing, earlier.as_ref(), now);
        let is_apart = |it: &MissingMark| started_at.duration_since(it.read_at) >= APART;
        match earlier {
            Some(earlier) if earlier.agrees_with(&mark) && is_apart(&earlier) => {
                let names_link = earlier.names_link && mark.names_link;
                let proves = names_link && missing.rejected_rows == 0 && !earlier.hidden;
                match proves {
                    true => MissingDecision::AskForSome,
                    false => MissingDecision::AskForEach,
                }
            }
            Some(earlier) if now.duration_since(earlier.since) >= LONGEST_WAIT => {
                MissingDecision::AskForEach
            }
            _ => {
                if let Some(run) = &mut resource.run {
                    run.missing.insert(days, mark);
                }
                MissingDecision::Wait
            }
        }
    }

    /// Belvo has one of the rows that two reads of these days lacked, so each is asked for, also by a
    /// later job.
    pub fn observe_hidden(&mut self, kind: ResourceKind, days: DateRange) {
        if let Some(mark) = self.resource(kind).missing.get_mut(&days.to_string()) {
            mark.hidden = true;
        }
    }

    /// From now on until the run ends, rows may be stored beside others that have taken their place.
    /// Says whether readers are still to be told.
    pub fn observe_settling(&mut self, kind: ResourceKind) -> bool {
        let run = self.resource(kind).run.as_mut();
        run.is_some_and(|run| !std::mem::replace(&mut run.settling, true))
    }

    /// When the rows are read again that were missing.
    pub(super) fn next_settling(&self) -> Option<Timestamp> {
        let waiting = self.resources.iter().filter(|(kind, it)| {
            let has_date = it.deferred.is_some() || self.needs_sync(**kind);
            !has_date && it.declined.is_none()
        });
        let last_reads = waiting.filter_map(|(_, it)| {
            let read_at = it.missing.values().map(|mark| mark.read_at);
            read_at.max()
        });
        // The schedule knows whole seconds, and a second too early is too early.
        let after = APART.saturating_add(SignedDuration::from_secs(1));
        last_reads.map(|it| later(it, after)).min()
    }

    /// Its own list has lost these accounts or investments. They are remembered, because other
    /// objects still embed them.
    pub fn observe_gone(&mut self, kind: ResourceKind, ids: &[String]) {
        if !kind.is_embedded() {
            return;
        }
        let gone = &mut self.resource(kind).gone;
        gone.retain(|id| !ids.contains(id));
        gone.extend(ids.iter().cloned());
        let surplus = gone.len().saturating_sub(MAX_GONE);
        gone.drain(..surplus);
    }

    /// What a list gives is not gone.
    pub fn observe_list(&mut self, kind: ResourceKind, given: &HashSet<String>) {
        if let Some(resource) = self.resources.get_mut(&kind) {
            resource.gone.retain(|id| !given.contains(id));
        }
    }

    /// Whether its own list has lost this account or investment.
    pub fn is_gone(&self, kind: ResourceKind, id: &str) -> bool {
        let resource = self.resources.get(&kind);
        resource.is_some_and(|it| it.gone.iter().any(|gone| gone == id))
    }

    /// Whether a list that is empty although rows are stored may be believed: Belvo has announced
    /// that it has no rows, or has listed none for a day.
    fn believes_empty(&mut self, kind: ResourceKind, now: Timestamp) -> bool {
        let resource = self.resource(kind);
        let run = resource.run.as_ref();
        let announced = run.and_then(|it| it.announced.as_ref()?.rows);
        let since = *resource.empty_since.get_or_insert(now);
        announced == Some(0) || now.duration_since(since) >= EMPTY_DOUBT
    }
}

/// What is kept of a read. The first of reads that agree is the one that later ones are compared with.
fn mark_of(missing: MissingRows<'_>, earlier: Option<&MissingMark>, now: Timestamp) -> MissingMark {
    let mut mark = MissingMark {
        since: earlier.map_or(now, |it| it.since),
        read_at: now,
        rows: missing.given.len() as u64 + missing.rejected_rows,
        ids: hash_of(missing.given),
        names_link: missing.list_names_link,
        missing: missing.count as u64,
        hidden: false,
    };
    if let Some(earlier) = earlier.filter(|it| it.agrees_with(&mark)) {
        mark.read_at = earlier.read_at;
        mark.hidden = earlier.hidden;
        mark.names_link &= earlier.names_link;
    }
    mark
}

/// Twenty of these rows, or all if there are fewer, drawn by lot: the seed decides.
pub fn sample(missing: &[String], seed: [u8; 16]) -> Vec<String> {
    let lot = |id: &String| -> [u8; 32] {
        let digest = Sha256::new().chain_update(seed).chain_update(id);
        digest.finalize().into()
    };
    let mut drawn: Vec<&String> = missing.iter().collect();
    drawn.sort_by_cached_key(|id| lot(id));
    drawn.into_iter().take(SAMPLE).cloned().collect()
}

/// Over ids in whatever order.
fn hash_of(ids: &HashSet<String>) -> String {
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort_unstable();
    let mut digest = Sha256::new();
    for id in sorted {
        digest.update((id.len() as u64).to_be_bytes());
        digest.update(id);
    }
    let hash = digest.finalize();
    let digits = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests;
