//! Which callback of a session it is. Equal callbacks are one, however often they come.
//!
//! The address of a callback can be called by whoever has it, any number of times, for as long as
//! its session lives. So the id follows from the content: SQS drops repetitions by it, and the
//! attempt's row remembers which callbacks are done.

use std::fmt;

use crate::dedup_id::dedup_id;
use crate::guidance::guidance;
use crate::id::{LinkId, SessionId};
use crate::widget_outcome::WidgetOutcome;

/// The id of a callback: 16 bytes of a hash, shown as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId([u8; 16]);

impl CallbackId {
    /// The id of a visit's end.
    ///
    /// Its link and its code count, and which details there are. A link scanner may load the address
    /// without its query before the user's browser does: that is an exit without details, so it is
    /// another callback. What a caller can choose at will does not count, so that one address makes
    /// no more jobs than there are codes.
    pub fn of_outcome(session_id: &SessionId, outcome: &WidgetOutcome) -> Self {
        let link = outcome.link().map(|link| link.to_string());
        let code = outcome.code().map(|code| match guidance(code.as_str()) {
            advice if advice.known => code.as_str(),
            _ => "other",
        });
        let step = matches!(outcome, WidgetOutcome::Exit { step: Some(_), .. });
        let institution = outcome.institution().is_some();
        // A code is never empty, so an empty part is one that is absent.
        Self(dedup_id(&[
            "outcome",
            session_id.as_str(),
            outcome.name(),
            link.as_deref().unwrap_or_default(),
            code.unwrap_or_default(),
            if institution { "institution" } else { "" },
            if step { "step" } else { "" },
        ]))
    }

    /// The id of the proof that a session's user came back with this link.
    pub fn of_proof(session_id: &SessionId, link_id: LinkId) -> Self {
        let link = link_id.to_string();
        Self(dedup_id(&["proof", session_id.as_str(), &link]))
    }

    /// The bytes, as a deduplication id of the queue.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for CallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::widget_outcome::CallbackKind;

    const LINK: &str = "cb65f82c-dc93-4d3e-8270-9a27528397f5";

    fn session(byte: u8) -> SessionId {
        SessionId::from_random([byte; 16])
    }

    fn id(session_id: &SessionId, query: &str) -> String {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let outcome = WidgetOutcome::from_query(CallbackKind::Success, pairs).unwrap();
        CallbackId::of_outcome(session_id, &outcome).to_string()
    }

    #[test]
    fn callbacks_that_say_the_same_have_one_id() {
        let check = |a: &str, b: &str| assert_eq!(id(&session(7), a), id(&session(7), b), "{b}");
        let query = format!("link={LINK}&institution=ofmockbank_br_retail");
        check(&query, &query);
        check(
            &query,
            &format!("institution=ofmockbank_br_retail&link={LINK}&x=1"),
        );
        check(&query, &query.replace(LINK, &LINK.to_uppercase()));
        check(&query, &query.replace("mockbank", "another"));
        check("error=made_up_1", "error=made_up_2");
        check("meta_data_step=one", "meta_data_step=two");
        check("", "link=&error=");
        assert_eq!(id(&session(7), "").len(), 32);
    }

    #[test]
    fn callbacks_that_differ_in_link_code_or_kind_of_details_have_different_ids() {
        let other = LINK.replace('c', "d");
        let queries = [
            String::new(),
            format!("link={LINK}"),
            format!("link={other}"),
            format!("link={LINK}&institution=ofmockbank_br_retail"),
            "error=login_error".to_owned(),
            "warning=login_error".to_owned(),
            "warning=institution_down".to_owned(),
            "last_encountered_error_code=login_error".to_owned(),
            "meta_data_institution_name=login_error".to_owned(),
            "meta_data_step=login_error".to_owned(),
            "meta_data_step=login_error&meta_data_institution_name=login_error".to_owned(),
            "meta_data_step=login_error&last_encountered_error_code=login_error".to_owned(),
        ];
        let sessions = [session(7), session(8)];
        let ids = sessions
            .iter()
            .flat_map(|session| queries.iter().map(move |query| id(session, query)));
        let proofs = sessions.iter().flat_map(|session| {
            [LINK, &other].map(|link| {
                let link = LinkId::parse(link).unwrap();
                CallbackId::of_proof(session, link).to_string()
            })
        });
        let all: BTreeSet<String> = ids.chain(proofs).collect();
        assert_eq!(all.len(), 2 * (queries.len() + 2));
    }
}
