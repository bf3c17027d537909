//! Where a reader of a list goes on.
//!
//! A cursor is signed, and made for one user and one list: sent by somebody else, or with another
//! path or filter, it is refused. What it says is the user's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::key::Purpose;
use domain::{ExternalId, LinkId, SigningKeys};
use runtime::{Problem, ProblemKind};
use serde::{Deserialize, Serialize};

use crate::handler::{Asked, Handler};

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

impl Handler {
    /// Writes a cursor of this list.
    pub(crate) async fn cursor(
        &self,
        asked: &Asked<'_>,
        list: &str,
        position: &Position,
    ) -> Result<String, Problem> {
        let keys = self.keys.get().await;
        let keys = keys.map_err(|error| asked.no_key(&error))?;
        sign(&keys, &asked.user, list, position).map_err(|error| asked.unavailable(&error))
    }

    /// Reads a cursor back, once more with fresh keys if this process may not have seen the key it
    /// was signed with.
    pub(crate) async fn position(
        &self,
        asked: &Asked<'_>,
        list: &str,
        cursor: &str,
    ) -> Result<Position, Problem> {
        let keys = self.keys.get().await;
        let keys = keys.map_err(|error| asked.no_key(&error))?;
        if let Some(position) = verify(&keys, &asked.user, list, cursor) {
            return Ok(position);
        }
        let keys = self.keys.reread().await;
        let keys = keys.map_err(|error| asked.no_key(&error))?;
        verify(&keys, &asked.user, list, cursor).ok_or_else(|| {
            let rule = "must be the next_cursor of a page of this very list";
            asked
                .problem(ProblemKind::InvalidRequest)
                .at("query cursor", rule)
        })
    }
}

fn sign(
    keys: &SigningKeys,
    user: &ExternalId,
    list: &str,
    position: &Position,
) -> Result<String, serde_json::Error> {
    let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(position)?);
    let signature = keys.sign(Purpose::Cursor, &message(user, list, &content));
    Ok(format!("{content}.{signature}"))
}

fn verify(keys: &SigningKeys, user: &ExternalId, list: &str, cursor: &str) -> Option<Position> {
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
            assert_eq!(verify(&keys("a"), &user("user-1"), "list", bad), None);
        }
    }
}
