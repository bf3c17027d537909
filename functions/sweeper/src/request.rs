//! Requests to the sweeper, from the schedules or from an operator.

use domain::{Code, LinkId, Month};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::{Map, Value};

/// A reread of all links is spread over a month at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// One sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// `{"sweep":"due"}`: links that are due now, or that will be by `until`.
    Due {
        /// Only this link.
        link_id: Option<LinkId>,
        /// A time in the future brings links forward, such as after an outage.
        until: Option<Timestamp>,
    },
    /// `{"sweep":"links"}`: a page of Belvo's links against ours.
    Links {
        /// The page number, from 1. Without it, the time decides.
        page: Option<u32>,
    },
    /// `{"sweep":"replay","link_id":"…"}`: the webhook log of a link.
    Replay {
        /// The link.
        link_id: LinkId,
    },
    /// `{"sweep":"erased","month":"2026-11"}`: what was erased in a month is erased again: after a
    /// restore from a backup it is back.
    Erased {
        /// The month, as Brasília counts it.
        month: Month,
        /// The last link of the previous answer.
        after: Option<LinkId>,
    },
    /// `{"sweep":"reread","link_id":"…"}`: a full read of a link.
    Reread { link_id: LinkId },
    /// `{"sweep":"reread","all":true}`: a full read of all links, one page of links a request.
    RereadAll {
        /// The page number, from 1.
        page: u32,
        /// How many links the pages have that are counted so. Without it, what Belvo gives at once.
        size: Option<u32>,
        /// The time all pages together may take. Without it, Belvo's rate decides.
        over: Option<SignedDuration>,
        /// The time of the first page's request. Without it, now.
        from: Option<Timestamp>,
    },
}

/// The request is not a sweep. The text names the field and the rule, and repeats no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is wrong: {field} {rule}")]
pub struct InvalidRequest {
    /// Which.
    pub field: Code,
    pub rule: &'static str,
}

impl Sweep {
    /// Reads an event; it may hold nothing that we do not know.
    pub fn read(event: &Value) -> Result<Self, InvalidRequest> {
        let members = event
            .as_object()
            .ok_or_else(|| invalid("event", "must be a JSON object"))?;
        let mut fields = Fields {
            left: members.clone(),
        };
        let rule = "must be one of due, links, replay, erased, reread";
        let kind = fields.required("sweep", rule, |value| value.as_str().map(str::to_owned))?;
        let sweep = match kind.as_str() {
            "due" => Self::Due {
                link_id: fields.optional("link_id", LINK, link)?,
                until: fields.optional("until", TIME, time)?,
            },
            "links" => Self::Links {
                page: fields.optional("page", PAGE, page)?,
            },
            "replay" => Self::Replay {
                link_id: fields.required("link_id", LINK, link)?,
            },
            "erased" => Self::Erased {
                month: fields.required("month", MONTH, month)?,
                after: fields.optional("after", LINK, link)?,
            },
            "reread" if fields.left.contains_key("all") => {
                fields.required("all", "must be true, or absent", |all| {
                    all.as_bool().filter(|all| *all)
                })?;
                Self::RereadAll {
                    page: fields.optional("page", PAGE, page)?.unwrap_or(1),
                    size: fields.optional("size", PAGE, page)?,
                    over: fields.optional("over", OVER, duration)?,
                    from: fields.optional("from", TIME, time)?,
                }
            }
            "reread" => Self::Reread {
                link_id: fields.required("link_id", LINK, link)?,
            },
            _ => return Err(invalid("sweep", rule)),
        };
        fields.finish()?;
        Ok(sweep)
    }

    /// The sweep's name in logs and metrics. The schedules' sweeps have names of their own, so that an
    /// operator's sweep does not hide that a schedule has stopped.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Due {
                link_id: None,
                until: None,
            } => "due",
            Self::Due { .. } => "due_by_hand",
            Self::Links { page: None } => "links",
            Self::Links { page: Some(_) } => "links_by_hand",
            Self::Replay { .. } => "replay",
            Self::Erased { .. } => "erased",
            Self::Reread { .. } => "reread",
            Self::RereadAll { .. } => "reread_all",
        }
    }
}

const LINK: &str = "must be a UUID such as 2f8ca7a1-c28f-46f2-bb41-21633099a280";
const TIME: &str = "must be a time such as 2026-12-01T00:00:00Z";
const MONTH: &str = "must be a month such as 2026-11";
const PAGE: &str = "must be a whole number from 1";
const OVER: &str = "must be an ISO 8601 duration of up to 31 days, such as PT6H";

fn link(value: &Value) -> Option<LinkId> {
    LinkId::parse(value.as_str()?).ok()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn month(value: &Value) -> Option<Month> {
    Month::parse(value.as_str()?)
}

fn page(value: &Value) -> Option<u32> {
    let number = u32::try_from(value.as_u64()?).ok()?;
    Some(number).filter(|number| *number > 0)
}

fn duration(value: &Value) -> Option<SignedDuration> {
    let span: Span = value.as_str()?.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(duration).filter(|it| !it.is_negative() && *it <= LONGEST)
}

/// The members of an event that were not read yet.
struct Fields {
    left: Map<String, Value>,
}

impl Fields {
    fn optional<T>(
        &mut self,
        name: &str,
        rule: &'static str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, InvalidRequest> {
        let Some(value) = self.left.remove(name) else {
            return Ok(None);
        };
        parse(&value).map(Some).ok_or_else(|| invalid(name, rule))
    }

    fn required<T>(
        &mut self,
        name: &str,
        rule: &'static str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, InvalidRequest> {
        let value = self.optional(name, rule, parse)?;
        value.ok_or_else(|| invalid(name, rule))
    }

    fn finish(self) -> Result<(), InvalidRequest> {
        match self.left.keys().next() {
            Some(name) => Err(invalid(name, "is not a field of this sweep")),
            None => Ok(()),
        }
    }
}

fn invalid(field: &str, rule: &'static str) -> InvalidRequest {
    InvalidRequest {
        field: Code::lenient(field),
        rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "2f8ca7a1-c28f-46f2-bb41-21633099a280";

    fn check(event: Value, expected: Sweep) {
        assert_eq!(Sweep::read(&event).unwrap(), expected, "{event}");
    }

    fn refused(event: Value, field: &str, rule: &str) {
        let error = Sweep::read(&event).unwrap_err().to_string();
        let expected = format!("the event is wrong: {field} {rule}");
        assert_eq!(error, expected, "{event}");
    }

    #[test]
    fn every_sample_is_a_sweep() {
        let link_id = LinkId::parse(ID).unwrap();
        let until: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let all = |page, size, over, from| Sweep::RereadAll {
            page,
            size,
            over,
            from,
        };
        let due = |link_id, until| Sweep::Due { link_id, until };
        for (text, expected) in [
            (
                include_str!("../../../events/sweeper/due.json"),
                due(None, None),
            ),
            (
                include_str!("../../../events/sweeper/due_after_an_outage.json"),
                due(None, Some(until)),
            ),
            (
                include_str!("../../../events/sweeper/due_of_one_link.json"),
                due(Some(link_id), Some(until)),
            ),
            (
                include_str!("../../../events/sweeper/links.json"),
                Sweep::Links { page: None },
            ),
            (
                include_str!("../../../events/sweeper/links_of_one_page.json"),
                Sweep::Links { page: Some(1) },
            ),
            (
                include_str!("../../../events/sweeper/replay.json"),
                Sweep::Replay { link_id },
            ),
            (
                include_str!("../../../events/sweeper/erased.json"),
                Sweep::Erased {
                    month: Month::of(until - SignedDuration::from_hours(24)),
                    after: None,
                },
            ),
            (
                include_str!("../../../events/sweeper/reread.json"),
                Sweep::Reread { link_id },
            ),
            (
                include_str!("../../../events/sweeper/reread_all.json"),
                all(1, None, None, None),
            ),
            (
                include_str!("../../../events/sweeper/reread_all_continued.json"),
                all(
                    2,
                    Some(1000),
                    Some(SignedDuration::from_hours(6)),
                    Some(until),
                ),
            ),
        ] {
            check(serde_json::from_str(text).unwrap(), expected);
        }
    }

    #[test]
    fn a_wrong_event_names_field_and_rule() {
        let kinds = "must be one of due, links, replay, erased, reread";
        refused(json!([]), "event", "must be a JSON object");
        refused(json!({}), "sweep", kinds);
        refused(json!({"sweep": "floor"}), "sweep", kinds);
        refused(json!({"sweep": 7}), "sweep", kinds);
        // What EventBridge sends from a schedule without input.
        refused(
            json!({"version": "0", "detail-type": "Scheduled Event", "detail": {}}),
            "sweep",
            kinds,
        );
        refused(json!({"sweep": "due", "until": "tomorrow"}), "until", TIME);
        refused(json!({"sweep": "due", "until": null}), "until", TIME);
        refused(
            json!({"sweep": "due", "link_id": "76109277673"}),
            "link_id",
            LINK,
        );
        refused(json!({"sweep": "links", "page": 0}), "page", PAGE);
        refused(json!({"sweep": "links", "page": 1.5}), "page", PAGE);
        refused(
            json!({"sweep": "links", "page": 4_294_967_296_u64}),
            "page",
            PAGE,
        );
        refused(json!({"sweep": "replay"}), "link_id", LINK);
        refused(json!({"sweep": "reread"}), "link_id", LINK);
        refused(json!({"sweep": "erased"}), "month", MONTH);
        refused(json!({"sweep": "erased", "month": "11"}), "month", MONTH);
        refused(
            json!({"sweep": "reread", "all": false}),
            "all",
            "must be true, or absent",
        );
        for over in ["6h30", "-PT6H", "P32D", "P1M", ""] {
            refused(
                json!({"sweep": "reread", "all": true, "over": over}),
                "over",
                OVER,
            );
        }
        let unknown = "is not a field of this sweep";
        refused(
            json!({"sweep": "reread", "all": true, "link_id": ID}),
            "link_id",
            unknown,
        );
        refused(json!({"sweep": "due", "page": 1}), "page", unknown);
        refused(
            json!({"sweep": "due", "761.092.776-73": 1}),
            "unrecognized",
            unknown,
        );
    }

    #[test]
    fn days_and_hours_are_durations() {
        let over = |text: &str| duration(&json!(text)).map(|it| it.as_hours());
        assert_eq!(over("PT6H"), Some(6));
        assert_eq!(over("P2DT1H"), Some(49));
        assert_eq!(over("P31D"), Some(744));
    }
}
