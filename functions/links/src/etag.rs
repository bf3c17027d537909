//! Answers with an entity tag, and answers that have not changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lambda_http::Request;
use lambda_http::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use lambda_http::http::{HeaderValue, Response, StatusCode};
use runtime::Problem;
use sha2::{Digest, Sha256};

use crate::handler::Answer;

/// What an answer is made of, in short.
///
/// It is weak: two answers of one tag say the same, but for how old it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// Over parts that together decide what is answered, and to whom.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // The length keeps ("a", "bc") and ("ab", "c") apart.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let short: Vec<u8> = digest.finalize().into_iter().take(16).collect();
        Self(format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(short)))
    }

    /// Whether the client has the answer already (RFC 9110, 13.1.2).
    fn is_known_to(&self, request: &Request) -> bool {
        let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let ours = weak(&self.0);
        let known = request.headers().get_all(IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|value| value.to_str().ok());
        known.any(|list| {
            list.split(',')
                .any(|tag| tag.trim() == "*" || weak(tag) == ours)
        })
    }
}

/// 304, or the body, which is made only then. Without a tag, the answer may change while it is made.
pub(crate) async fn unless_known(
    request: &Request,
    tag: Option<&Tag>,
    retry_after: Option<u32>,
    body: impl Future<Output = Result<String, Problem>>,
) -> Answer {
    let mut response = match tag.is_some_and(|it| it.is_known_to(request)) {
        true => {
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        false => gateway::json_text(StatusCode::OK, body.await?),
    };
    let headers = response.headers_mut();
    if let Some(Ok(tag)) = tag.map(|it| HeaderValue::try_from(&it.0)) {
        headers.insert(ETAG, tag);
    }
    // The user's own browser may keep it, and must ask whether it still holds.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_recognised_in_every_way_it_is_sent_back() {
        let tag = Tag::of(["a", "bc"]);
        let text = tag.0.clone();
        let strong = text.trim_start_matches("W/").to_owned();
        let check = |sent: &str, expected: bool| {
            let request = lambda_http::http::Request::builder();
            let request = request.header(IF_NONE_MATCH, sent).body(().into()).unwrap();
            assert_eq!(tag.is_known_to(&request), expected, "{sent}");
        };
        check(&text, true);
        check(&strong, true);
        check(&format!("\"x\", {text}"), true);
        check("*", true);
        check("\"x\"", false);
        check("", false);
        assert_ne!(tag, Tag::of(["ab", "c"]));
    }
}
