//! Whose a link is, before anything of it is stored.
//!
//! The rules are in [`domain::link`]; here Belvo and the tables are asked for the facts they need:
//! Belvo for the link, its owners, and other links of the same person at the same bank, and the
//! table for the attempts of the user Belvo names.
//!
//! A user could mint a token for another person's CPF and talk them into consenting at the bank.
//! OWNERS is read into memory for that comparison, and dropped.

use std::collections::BTreeSet;

use belvo::BelvoError;
use domain::id::InvalidId;
use domain::link::{LinkStatus, NamedOwner, OwnerCheck, OwnerEvidence, OwnerVerdict, predecessor};
use domain::{Attempt, AttemptRecord, ExternalId, Link, LinkId};
use runtime::Metric;

use crate::error::Result;
use crate::fetcher::Fetcher;
use crate::origin::Asked;
use crate::owners;

/// Reads Belvo's record of the link. If it is not settled yet whose the link is, that is settled
/// as far as it can be. Writes nothing.
pub(crate) async fn check(fetcher: &Fetcher, link: &mut Link) -> Result<()> {
    let before = link.status;
    match fetcher.belvo.link(link.link_id).await {
        Ok(record) => {
            link.observe_record(record.facts());
            if link.fetch_resources.is_empty() {
                // Belvo's record does not say it.
                link.fetch_resources = link.requested(&fetcher.config.policy).into_iter().collect();
            }
            if !link.is_bound() {
                settle(fetcher, link, record.user).await?;
            }
        }
        Err(BelvoError::NotFound { .. }) => link.lose(),
        Err(error) => return Err(error.into()),
    }
    link.pending.link = false;
    link.checked_at = Some(fetcher.clock.now()).filter(|_| !link.is_bound());
    if link.status != before {
        report(fetcher, link);
    }
    Ok(())
}

/// Settles whose a link is that is not bound, by the user Belvo names and the attempts of theirs
/// that can have made the link.
async fn settle(
    fetcher: &Fetcher,
    link: &mut Link,
    user: Option<std::result::Result<ExternalId, InvalidId>>,
) -> Result<()> {
    let policy = &fetcher.config.policy;
    if link.regain(policy) {
        return Ok(());
    }
    let Some(user) = user else {
        return match hear_witnesses(fetcher, link).await? {
            true => Ok(()),
            false => continue_predecessor(fetcher, link).await,
        };
    };
    let Ok(external_id) = user else {
        // It is not an id of ours.
        link.leave_unclaimed();
        return Ok(());
    };
    let now = fetcher.clock.now();
    let (since, _) = link.attempt_window(now);
    let attempts = fetcher.connections.attempts(&external_id, since).await?;
    let attempts = link.likely_attempts(attempts, now);
    match link.claim(&external_id, &attempts, policy, now) {
        true => compare_owner(fetcher, link, external_id, &attempts).await,
        false => Ok(()),
    }
}

/// Says once what an operator should look at.
fn report(fetcher: &Fetcher, link: &Link) {
    let metric = match link.status {
        LinkStatus::Quarantined => Metric::LinkQuarantined,
        LinkStatus::Unclaimed => Metric::LinkUnclaimed,
        LinkStatus::Gone => Metric::LinkGone,
        LinkStatus::Announced | LinkStatus::AwaitingOwner | LinkStatus::Bound => return,
    };
    runtime::count(metric, fetcher.clock.now());
    let status: &str = link.status.into();
    tracing::warn!(link.id = %link.link_id, status, "a link is not read");
}

/// Compares the owners Belvo names with the attempts of the user, and decides about the link.
async fn compare_owner(
    fetcher: &Fetcher,
    link: &mut Link,
    external_id: ExternalId,
    attempts: &[AttemptRecord],
) -> Result<()> {
    let named = owners::named(Asked {
        fetcher,
        link,
        user: Some(&external_id),
    });
    let evidence = evidence(fetcher, attempts, &named.await?).await?;
    let (policy, now) = (&fetcher.config.policy, fetcher.clock.now());
    let before = link.owner_verdict;
    link.observe_owner(external_id, evidence, policy, now);
    if link.owner_verdict != before && link.owner_verdict == Some(OwnerVerdict::Unclear) {
        runtime::count(Metric::OwnerUnclear, now);
        tracing::warn!(link.id = %link.link_id, "the owner of a link cannot be compared");
    }
    Ok(())
}

/// What the owners say about the attempts. Those may have been hashed with a key that this process
/// has not read yet, so the keys are read once more before they are given up.
async fn evidence<'a>(
    fetcher: &Fetcher,
    attempts: &'a [AttemptRecord],
    named: &[NamedOwner],
) -> Result<OwnerEvidence<'a>> {
    let keys = fetcher.session_keys.get().await?;
    let evidence = OwnerEvidence::of(named, attempts, &keys);
    if evidence.is_theirs() || named.is_empty() {
        return Ok(evidence);
    }
    let keys = fetcher.session_keys.reread().await?;
    Ok(OwnerEvidence::of(named, attempts, &keys))
}

/// Settles whose a link is for which Belvo names no user, by the attempts whose callbacks have named
/// it, if its owner holds the very document of one of them. Says whether that settles it: a link that
/// fits attempts of two users is neither's.
async fn hear_witnesses(fetcher: &Fetcher, link: &mut Link) -> Result<bool> {
    let (policy, now) = (&fetcher.config.policy, fetcher.clock.now());
    if !link.witnesses_can_be_heard(policy, now) {
        return Ok(false);
    }
    let mut attempts = Vec::new();
    for named_by in &link.named_by {
        let attempt = fetcher
            .connections
            .attempt(&named_by.external_id, &named_by.session_id);
        // A session that led to another link says nothing about this one.
        attempts.extend(attempt.await?.filter(|it| it.linked == Some(link.link_id)));
    }
    let attempts = link.likely_attempts(attempts, now);
    let named = owners::named(Asked {
        fetcher,
        link,
        user: None,
    });
    let named = named.await?;
    let mut fitting: Vec<&Attempt> = Vec::new();
    for attempt in &attempts {
        let evidence = evidence(fetcher, std::slice::from_ref(attempt), &named);
        if let OwnerEvidence::Matches(attempt) = evidence.await? {
            fitting.push(attempt);
        }
    }
    let Some(attempt) = fitting.first().copied() else {
        return Ok(false);
    };
    match fitting
        .iter()
        .all(|it| it.external_id == attempt.external_id)
    {
        true => {
            let (user, evidence) = (&attempt.external_id, OwnerEvidence::Matches(attempt));
            link.observe_owner(user.clone(), evidence, policy, now);
        }
        false => link.leave_unclaimed(),
    }
    Ok(true)
}

/// Gives a link for which Belvo names no user to the user of its predecessor, if it has one.
///
/// Belvo gives the links of one person at one bank the same `institution_user_id`. If those that
/// are stored belong to one user, and the new link has the same owner, so does the new link. Partners
/// of a company share its accounts; then it is that of the one who has just opened the portal.
async fn continue_predecessor(fetcher: &Fetcher, link: &mut Link) -> Result<()> {
    match find_predecessor(fetcher, link).await? {
        Some(predecessor) if have_same_owner(fetcher, link, &predecessor).await? => {
            link.continue_link(predecessor, fetcher.clock.now());
        }
        _ => link.leave_unclaimed(),
    }
    Ok(())
}

async fn find_predecessor(fetcher: &Fetcher, link: &Link) -> Result<Option<Link>> {
    let person = link.institution_user_id.as_deref();
    let Some(person) = person.filter(|person| !person.is_empty()) else {
        return Ok(None);
    };
    let listed = fetcher.belvo.links_of(person).await?;
    // Belvo filters the list; that it did is checked here.
    let same = |it: &&belvo::Link| it.institution_user_id.as_deref() == Some(person);
    let others = listed.iter().filter(same).filter_map(|it| it.id);
    let others: BTreeSet<LinkId> = others.filter(|id| *id != link.link_id).collect();
    let others: Vec<_> = others.into_iter().collect();
    let known = fetcher.links.find_many(&others).await?;
    Ok(predecessor(known, link.created_at))
}

/// Whether both links name one document.
async fn have_same_owner(fetcher: &Fetcher, link: &mut Link, other: &Link) -> Result<bool> {
    if fetcher.config.policy.owner_check == OwnerCheck::Off {
        return Ok(true);
    }
    if !link.owners_can_be_read(fetcher.clock.now()) {
        return Ok(false);
    }
    // Each must name its own link: an owner that names the other's would match itself.
    let user = None;
    let named = owners::named(Asked {
        fetcher,
        link,
        user,
    });
    let named = named.await?;
    let known = owners::named(Asked {
        fetcher,
        link: other,
        user,
    });
    let known = known.await?;
    let known: Vec<_> = known.iter().filter_map(|it| it.document.as_ref()).collect();
    let mut documents = named.iter().filter_map(|it| it.document.as_ref());
    Ok(documents.any(|it| known.iter().any(|known| it.is_same(known))))
}
