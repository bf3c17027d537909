//! Attempts to connect: who tried, how it ended, and which an erasure makes void or removes.

use domain::{Attempt, AttemptRecord, CallbackId, ExternalId, SessionId, WidgetOutcome};
use jiff::Timestamp;
use table::Consistency::AsOfNow;
use table::item::{expiry, number, number_of, text};
use table::record::attempt::{self, KEPT};
use table::{Result, Update};

use crate::stores::ConnectionStore;

/// The most callbacks of a session that are taken. A visit can have four: a warning, an exit, a
/// refusal and a success. Each outweighs the ones before, so a success always finds room.
const MAX_CALLBACKS: i64 = 5;

impl ConnectionStore {
    /// Records that an attempt began.
    pub async fn put_started(&self, attempt: &Attempt) -> Result<()> {
        let update = facts(attempt)
            .set_once("outcome", text("started"))
            .set_once("outcome_rank", number(0));
        let recorded = self.table.update(update, "recording an attempt").await;
        recorded.map(|_| ())
    }

    /// Records how an attempt ended, and says whether the callback is taken.
    ///
    /// A later callback never undoes a stronger one: a warning may be followed by a success, but a
    /// success is followed by nothing else, and by no other link. Otherwise one session could lead
    /// to a look at any number of links. Of what remains, the same callback is taken once, and at
    /// most five different ones of a session are.
    ///
    /// A callback that names a link is done only once the link was looked at: until
    /// [`put_callback_done`](Self::put_callback_done) it is taken again, so that a job that dies
    /// in between leads to a look when SQS delivers it again, or when an operator sends it back
    /// from the dead letters under another message id.
    pub async fn put_ended(&self, attempt: &Attempt, outcome: &WidgetOutcome) -> Result<bool> {
        let (rank, institution) = match outcome {
            WidgetOutcome::Exit {
                code: None,
                institution: None,
                step: None,
            } => (1, None),
            WidgetOutcome::Warning { .. } => (2, None),
            // The app may still report why.
            WidgetOutcome::Exit {
                code: None,
                institution,
                ..
            } => (3, institution.as_ref()),
            WidgetOutcome::Error { .. } => (4, None),
            WidgetOutcome::Exit { institution, .. } => (4, institution.as_ref()),
            WidgetOutcome::Success { institution, .. } => (5, institution.as_ref()),
        };
        let callback = text(CallbackId::of_outcome(&attempt.session_id, outcome));
        let update = facts(attempt)
            .set("outcome", text(outcome.name()))
            .set("outcome_rank", number(rank))
            .set("code", outcome.code().map(|it| text(it.as_str())))
            .set("institution", institution.map(|it| text(it.as_str())))
            .set("linked", outcome.link().map(text));
        let stronger = "attribute_not_exists(#outcome_rank) OR #outcome_rank < :outcome_rank";
        let (update, counts) = match outcome.link() {
            Some(_) => (update, format!("{stronger} OR #linked = :linked")),
            // There is no link to look at, so the callback is done with this write.
            None => {
                let update = update.append("callbacks", callback.clone());
                (update, stronger.to_owned())
            }
        };
        let fits = "attribute_not_exists(callbacks) OR \
                    (size(callbacks) < :most AND NOT contains(callbacks, :callback))";
        let update = update
            .when(format!("({counts}) AND ({fits})"))
            .value("most", number(MAX_CALLBACKS))
            .value("callback", callback);
        self.table.update(update, "recording an attempt").await
    }

    /// Notes that a callback of an attempt is done. Does nothing if it was noted before, or if the
    /// attempt was erased meanwhile.
    pub async fn put_callback_done(
        &self,
        user: &ExternalId,
        session_id: &SessionId,
        callback: CallbackId,
    ) -> Result<()> {
        let update = Update::of(attempt::key(user, session_id))
            .append("callbacks", text(callback))
            .when("attribute_exists(session_id) AND NOT contains(callbacks, :callback)")
            .value("callback", text(callback));
        let noted = self.table.update(update, "noting that a callback is done");
        noted.await.map(|_| ())
    }

    /// One attempt of a user, as of now.
    pub async fn attempt(
        &self,
        user: &ExternalId,
        session_id: &SessionId,
    ) -> Result<Option<AttemptRecord>> {
        let key = attempt::key(user, session_id);
        self.table
            .find(key, attempt::KIND, "reading an attempt")
            .await
    }

    /// The attempts of a user that began at `since` or later, as of now.
    pub async fn attempts(
        &self,
        user: &ExternalId,
        since: Timestamp,
    ) -> Result<Vec<AttemptRecord>> {
        attempt::find_since(&self.table, user, since).await
    }

    /// Notes that a user was erased: attempts that began before are void.
    pub async fn put_user_erased(&self, user: &ExternalId, at: Timestamp) -> Result<()> {
        let update = Update::of(attempt::erased_key(user))
            .set("erased_at", number(at.as_second()))
            .set("expires_at", expiry(at, KEPT))
            // An erasure that is repeated after a restore may be older than the last one.
            .when("attribute_not_exists(erased_at) OR erased_at < :erased_at");
        let noted = self.table.update(update, "noting that a user was erased");
        noted.await.map(|_| ())
    }

    /// Whether an attempt began before its user was erased. Its browser may still come back.
    pub async fn is_void(&self, attempt: &Attempt) -> Result<bool> {
        let key = attempt::erased_key(&attempt.external_id);
        let item = self.table.get(key, AsOfNow, "looking for an erased user");
        let at = item
            .await?
            .and_then(|it| number_of::<i64>(&it, "erased_at"));
        Ok(at.is_some_and(|at| attempt.started_at.as_second() <= at))
    }

    /// Removes the attempts of a user that are meant.
    pub async fn remove_attempts(
        &self,
        user: &ExternalId,
        are_meant: impl Fn(&AttemptRecord) -> bool,
    ) -> Result<()> {
        let attempts = self.attempts(user, Timestamp::MIN).await?;
        let meant = attempts.iter().filter(|it| are_meant(it));
        let keys = meant.map(|it| attempt::key(user, &it.attempt.session_id));
        self.table.delete_all(user.as_str(), keys.collect()).await
    }
}

/// An update that holds all facts of the attempt: whichever job comes first creates the record.
fn facts(attempt: &Attempt) -> Update {
    let company = attempt.company.as_ref();
    Update::of(attempt::key(&attempt.external_id, &attempt.session_id))
        .set("started_at", text(attempt.started_at))
        .set("expires_at", expiry(attempt.started_at, KEPT))
        .set("person", text(attempt.person.as_str()))
        .set("company", company.map(|it| text(it.as_str())))
}
