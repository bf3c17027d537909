//! Where a reader of a list goes on.
//!
//! A cursor is signed, and made for one user and one list: sent by another user, or with another
//! path or filter, it is refused. What it says is the user's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::key::Purpose;
use domain::{ExternalId, LinkId, SigningKeys};
use runtime::{Problem, ProblemKind, SecretError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use user_store::StoredRow;

use crate::handler::{Handler, UserRequest};
use crate::query::Query;

/// Longer than any cursor of ours, so that nothing large is decoded.
const MAX_LENGTH: usize = 2048;

/// The last row a reader has: the next page begins behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Its link.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(crate) link_id: Option<LinkId>,
    /// Its sort key.
    #[serde(rename = "r")]
    pub(crate) record: String,
}

impl Position {
    /// Behind this row of whatever link.
    pub(crate) fn behind(row: &StoredRow) -> Self {
        Self {
            link_id: Some(row.link_id),
            record: row.record.clone(),
        }
    }
}

impl Handler {
    /// Writes a cursor of this list, if it goes on.
    pub(crate) async fn cursor(
        &self,
        request: &UserRequest<'_>,
        list: &str,
        position: Option<&impl Serialize>,
    ) -> Result<Option<String>, Problem> {
        let Some(position) = position else {
            return Ok(None);
        };
        let keys = self.keys.get().await.map_err(no_key)?;
        Ok(Some(sign(&keys, request.user(), list, position)?))
    }

    /// Reads the cursor of a query back, once more with fresh keys if this process may not have
    /// seen the key it was signed with.
    pub(crate) async fn position<P: DeserializeOwned>(
        &self,
        request: &UserRequest<'_>,
        list: &str,
        query: &Query,
    ) -> Result<Option<P>, Problem> {
        let Some(cursor) = query.cursor.as_deref() else {
            return Ok(None);
        };
        let keys = self.keys.get().await.map_err(no_key)?;
        if let Some(position) = verify(&keys, request.user(), list, cursor) {
            return Ok(Some(position));
        }
        let keys = self.keys.reread().await.map_err(no_key)?;
        let position = verify(&keys, request.user(), list, cursor).ok_or_else(|| {
            let rule = "must be the next_cursor of a page of this very list";
            Problem::new(ProblemKind::InvalidRequest).at("query cursor", rule)
        });
        position.map(Some)
    }
}

/// Without the key nothing is signed, and no signature is believed.
pub(crate) fn no_key(error: SecretError) -> Problem {
    error.problem("session")
}

fn sign(
    keys: &SigningKeys,
    user: &ExternalId,
    list: &str,
    position: &impl Serialize,
) -> Result<String, serde_json::Error> {
    let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(position)?);
    let signature = keys.sign(Purpose::Cursor, &message(user, list, &content));
    Ok(format!("{content}.{signature}"))
}

fn verify<P: DeserializeOwned>(
    keys: &SigningKeys,
    user: &ExternalId,
    list: &str,
    cursor: &str,
) -> Option<P> {
    let (content, signature) = cursor
        .split_once('.')
        .filter(|_| cursor.len() <= MAX_LENGTH)?;
    if !keys.verify(Purpose::Cursor, &message(user, list, content), signature) {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(content).ok()?;
    serde_json::from_slice(&json).ok()
}

/// None of the three holds a line break.
fn message(user: &ExternalId, list: &str, content: &str) -> Vec<u8> {
    format!("{user}\n{list}\n{content}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> SigningKeys {
        SigningKeys::from_json(&format!(r#"{{"current":"{}"}}"#, text.repeat(40))).unwrap()
    }

    #[test]
    fn a_cursor_serves_one_user_and_one_list() {
        let user = |text: &str| ExternalId::parse(text).unwrap();
        let position = Position {
            link_id: None,
            record: "TRANSACTIONS#2026-11-23#t1".to_owned(),
        };
        let cursor = sign(&keys("a"), &user("user-1"), "list", &position).unwrap();
        let read =
            |key: &str, name: &str, list: &str| verify(&keys(key), &user(name), list, &cursor);
        assert_eq!(read("a", "user-1", "list"), Some(position));
        assert_eq!(read("a", "user-2", "list"), None);
        assert_eq!(read("a", "user-1", "lisT"), None);
        assert_eq!(read("b", "user-1", "list"), None);
        for bad in [
            "",
            ".",
            "a.b",
            "§.§",
            &format!("{cursor}x"),
            &"x".repeat(5000),
        ] {
            let read: Option<Position> = verify(&keys("a"), &user("user-1"), "list", bad);
            assert_eq!(read, None);
        }
    }
}
