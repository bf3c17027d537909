//! What is asked of Belvo, and how its answers are taken.

mod parts;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::{
    Cnpj, Company, ConsentId, Cpf, ExternalId, FullName, Identity, LinkId, Person, ResourceKind,
};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Belvo, BelvoError, Deletion, KeySource, Keys, PageSize, PortalToken, Retry, Transport,
    TransportError, Wait,
};

/// A Belvo that answers as it is told and remembers what it was asked.
struct Sides {
    belvo: Belvo,
    asked: Arc<Mutex<Vec<Request<Bytes>>>>,
}

/// Status and body; status 0 is no answer at all, and 1 one that does not come in time.
type Answer = (u16, Value);

fn sides(answers: impl IntoIterator<Item = Answer>) -> Sides {
    let answers: Mutex<VecDeque<Answer>> = Mutex::new(answers.into_iter().collect());
    let asked: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let transport = Transport::from_fn(move |request| {
        noted.lock().unwrap().push(request);
        let (status, body) = answers.lock().unwrap().pop_front().unwrap();
        let answer = match status {
            0 => Err(TransportError::NoAnswer(Arc::new(std::io::Error::other(
                "gone",
            )))),
            1 => Err(TransportError::TimedOut),
            _ => Ok(Response::builder()
                .status(status)
                .body(body.to_string().into())
                .unwrap()),
        };
        Box::pin(async { answer })
    });
    // As after a rotation: the cached keys are old.
    let keys = |password: &str| {
        let text = json!({"id": "id", "password": password}).to_string();
        Arc::new(Keys::from_json(&text).unwrap())
    };
    let (old, new) = (keys("old"), keys("new"));
    let keys = KeySource::new(move |rejected| {
        let keys = match rejected {
            false => Arc::clone(&old),
            true => Arc::clone(&new),
        };
        std::future::ready(Ok::<_, std::convert::Infallible>(keys))
    });
    let belvo = Belvo::new("http://127.0.0.1:1".parse().unwrap(), transport, keys);
    Sides { belvo, asked }
}

impl Sides {
    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let line = |it: &Request<Bytes>| format!("{} {}", it.method(), it.uri());
        asked.iter().map(line).collect()
    }

    fn last(&self) -> Request<Bytes> {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn last_body(&self) -> Value {
        serde_json::from_slice(self.last().body()).unwrap()
    }
}

fn link() -> LinkId {
    LinkId::parse("3d3364b7-0175-483d-a58b-b471f251e533").unwrap()
}

const REQUEST_ID: &str = "4363b08b51eb43509c745df5ac92a7f6";

#[tokio::test]
async fn a_portal_token_asks_for_what_the_guide_prints_and_nothing_else() {
    let sides = sides([(200, json!({"refresh": "r", "access": "a"}))]);
    let name = |text| FullName::parse(text).unwrap();
    let identity = Identity {
        person: Person {
            cpf: Cpf::parse("761.092.776-73").unwrap(),
            name: name("Ralph Bragg"),
        },
        company: Some(Company {
            cnpj: Cnpj::parse_in_sandbox("50685362006773").unwrap(),
            name: name("Bragg Mechanics"),
        }),
    };
    let terms = Url::parse("https://www.example.com/termos").unwrap();
    let token = PortalToken {
        identity: &identity,
        terms_and_conditions_url: &terms,
    };
    let token = sides.belvo.create_portal_token(&token).await.unwrap();
    assert_eq!(token.expose(), "a");
    assert_eq!(sides.asked(), ["POST http://127.0.0.1:1/api/token/"]);
    assert_eq!(
        sides.last_body(),
        json!({
            "id": "id",
            "password": "old",
            "scopes": "read_consents,write_consents,write_consent_callback",
            "widget": {
                "openfinance_feature": "consent_management",
                "consent": {
                    "terms_and_conditions_url": "https://www.example.com/termos",
                    "permissions": ["REGISTER", "ACCOUNTS", "CREDIT_CARDS", "CREDIT_OPERATIONS"],
                    "identification_info": [
                        {"type": "CPF", "number": "76109277673", "name": "Ralph Bragg"},
                        {"type": "CNPJ", "number": "50685362006773", "name": "Bragg Mechanics"},
                    ],
                },
            },
        })
    );
}

#[tokio::test]
async fn a_refresh_is_for_some_resources_or_for_all() {
    let accepted = json!({"request_id": REQUEST_ID});
    let kinds = [ResourceKind::Bills, ResourceKind::InvestmentTransactions];
    let named = json!({"fetch_resources": ["BILLS", "INVESTMENT_TRANSACTIONS"]});
    for (kinds, body) in [(&kinds[..], named), (&[], json!({}))] {
        let sides = sides([(202, accepted.clone())]);
        let id = sides.belvo.refresh(link(), kinds).await.unwrap().unwrap();
        assert_eq!(id.as_str(), REQUEST_ID);
        let url = format!("POST http://127.0.0.1:1/api/links/{}/refresh/", link());
        assert_eq!(sides.asked(), [url]);
        assert_eq!(sides.last_body(), body);
        assert_eq!(sides.last().headers()["content-type"], "application/json");
        assert!(sides.last().headers().contains_key("authorization"));
    }
}

#[tokio::test]
async fn a_refresh_is_accepted_only_in_belvos_form() {
    let odd = json!({"request_id": "no uuid"});
    let sides = sides([(202, odd)]);
    assert_eq!(sides.belvo.refresh(link(), &[]).await.unwrap(), None);
    let page = json!("<html>ok</html>");
    for answer in [
        page,
        json!({}),
        json!({"request_id": 7}),
        json!([REQUEST_ID]),
    ] {
        let sides = self::sides([(202, answer.clone()), (202, json!({}))]);
        let error = sides.belvo.refresh(link(), &[]).await.unwrap_err();
        assert!(matches!(error, BelvoError::Unexpected { .. }), "{answer}");
        assert_eq!(sides.asked().len(), 1, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_may_have_been_made_is_never_repeated() {
    for status in [0, 408, 500, 502, 503, 504, 429, 403, 400, 404] {
        let sides = sides([(status, json!("")), (202, json!({}))]);
        assert!(sides.belvo.refresh(link(), &[]).await.is_err(), "{status}");
        assert_eq!(sides.asked().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_refresh_turned_away_at_the_door_is_repeated_with_fresh_keys() {
    let rejected = json!([{"code": "authentication_failed"}]);
    let sides = sides([(401, rejected), (202, json!({"request_id": REQUEST_ID}))]);
    assert!(sides.belvo.refresh(link(), &[]).await.unwrap().is_some());
    assert_eq!(sides.asked().len(), 2);
}

#[tokio::test]
async fn a_refresh_soon_after_another_is_told_so() {
    let sides = sides([(409, json!([{"code": "link_refreshed"}]))]);
    let error = sides.belvo.refresh(link(), &[]).await.unwrap_err();
    assert_eq!(error.api_error().unwrap().code.as_str(), "link_refreshed");
    assert_eq!(error.retry(), Retry::Later(Wait::Minutes));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_asynchronous_and_may_be_repeated() {
    let gone = json!([{"code": "not_found"}]);
    for (answers, expected) in [
        (
            vec![(202, json!({"request_id": REQUEST_ID}))],
            Deletion::Requested,
        ),
        // Whether it was Belvo that answered, it does not say.
        (vec![(204, json!(""))], Deletion::Requested),
        (vec![(404, gone.clone())], Deletion::Gone),
        (vec![(0, json!("")), (404, gone)], Deletion::Gone),
    ] {
        let calls = answers.len();
        let sides = sides(answers);
        assert_eq!(sides.belvo.delete(link()).await.unwrap(), expected);
        let url = format!("DELETE http://127.0.0.1:1/api/links/{}/", link());
        assert_eq!(sides.asked(), vec![url; calls]);
        assert_eq!(sides.last().headers()["x-belvo-request-mode"], "async");
    }
    let sides = sides([(429, json!([{"code": "throttled"}]))]);
    let error = sides.belvo.delete(link()).await.unwrap_err();
    assert!(
        matches!(error, BelvoError::Unavailable { status, .. } if status == StatusCode::TOO_MANY_REQUESTS)
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_confirmed_only_in_belvos_form() {
    let page = || json!("<html>ok</html>");
    for answer in [
        (200, page()),
        (200, json!({"request_id": REQUEST_ID})),
        (202, page()),
        (202, json!({})),
        (404, page()),
        (404, json!({"detail": "Not found."})),
        (404, json!([{"code": "expired_credentials"}])),
        (410, json!([])),
    ] {
        let sides = sides(vec![answer.clone(); 4]);
        assert!(sides.belvo.delete(link()).await.is_err(), "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_form_or_about_something_else_is_none() {
    let id = link().to_string();
    let other = "2f8ca7a1-c28f-46f2-bb41-21633099a280";
    let page = || json!("<html>ok</html>");
    for (answer, expected) in [
        (json!({"id": id, "link_id": id}), true),
        (json!({"id": other}), false),
        (json!({"id": 7}), false),
        (json!({}), false),
        (json!({"message": "ok"}), false),
        (json!([{"id": id}]), false),
        (
            json!([id, null, null, null, null, null, null, null, null]),
            false,
        ),
        (json!([]), false),
        (Value::Null, false),
        (page(), false),
    ] {
        let sides = || self::sides(vec![(200, answer.clone()); 4]);
        let row = sides().belvo.row(ResourceKind::Bills, &id).await;
        let link = sides().belvo.link(link()).await;
        let consent = ConsentId::parse(&id).unwrap();
        let consent = sides().belvo.consent(consent).await;
        let found = (row.is_ok(), link.is_ok(), consent.is_ok());
        assert_eq!(found, (expected, expected, expected), "{answer}");
        let errors = [row.err(), link.err(), consent.err()];
        let other = |it: &BelvoError| !matches!(it, BelvoError::Unexpected { .. });
        assert!(!errors.iter().flatten().any(other), "{answer}");
    }
    for answer in [
        json!([0, null, []]),
        json!([]),
        json!({"message": "ok"}),
        json!({"count": 0, "next": null, "results": null}),
        page(),
    ] {
        let sides = || self::sides(vec![(200, answer.clone()); 4]);
        let days = domain::DateRange::ALL;
        let kind = ResourceKind::Bills;
        let rows = sides()
            .belvo
            .page(kind, link(), days, 1, PageSize::of(1000))
            .await;
        let links = sides().belvo.first_links().await;
        assert!(rows.is_err() && links.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn all_links_of_a_user_are_theirs() {
    let page = |next: Value, external_ids: &[&str]| {
        let link = |id: &&str| json!({"id": link().to_string(), "external_id": id});
        let results: Vec<Value> = external_ids.iter().map(link).collect();
        (200, json!({"count": 4, "next": next, "results": results}))
    };
    let sides = sides([
        page(json!("http://elsewhere/"), &["user-1", "User-1"]),
        page(Value::Null, &["user-2", "user-1"]),
    ]);
    let user = ExternalId::parse("user-1").unwrap();
    let links = sides.belvo.links_of_user(&user).await.unwrap();
    assert_eq!(links.len(), 2);
    assert!(links.iter().all(|it| it.user == Some(Ok(user.clone()))));
    let url = "GET http://127.0.0.1:1/api/links/?external_id=user-1&page_size=1000&page=";
    assert_eq!(sides.asked(), [format!("{url}1"), format!("{url}2")]);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_a_users_links_without_end_is_none() {
    let page = (200, json!({"count": 1, "next": "again", "results": []}));
    let sides = sides(vec![page; 101]);
    let user = ExternalId::parse("user-1").unwrap();
    let error = sides.belvo.links_of_user(&user).await.unwrap_err();
    assert!(matches!(error, BelvoError::Unexpected { .. }));
    assert_eq!(sides.asked().len(), 1);

    let links = json!([{"id": link().to_string(), "external_id": "user-1"}]);
    let again = (200, json!({"count": 1, "next": "again", "results": links}));
    let sides = self::sides(vec![again; 2]);
    let found = sides.belvo.links_of_user(&user).await.unwrap();
    assert!(!found.is_empty(), "it has ended, whatever it says");
}

/// The sizes of the pages that were asked for.
fn sizes(sides: &Sides) -> Vec<u32> {
    let asked = sides.asked.lock().unwrap();
    let size = |it: &Request<Bytes>| {
        let query = it.uri().query().unwrap().split('&');
        let mut sizes = query.filter_map(|it| it.strip_prefix("page_size=")?.parse().ok());
        sizes.next().unwrap()
    };
    asked.iter().map(size).collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_for_its_size_is_asked_for_in_a_smaller_one() {
    let good = || (200, json!({"count": 0, "next": null, "results": []}));
    let page = || json!("<html>");
    for (answers, expected) in [
        (vec![good()], vec![1000]),
        (vec![(1, page()), good()], vec![1000, 200]),
        (vec![(1, page()), (1, page()), good()], vec![1000, 200, 40]),
        // Where the size may not be why, the same is tried once more.
        (vec![(504, page()), good()], vec![1000, 1000]),
        (
            vec![(504, page()), (504, page()), good()],
            vec![1000, 1000, 200],
        ),
        (
            vec![(500, page()), (500, page()), good()],
            vec![1000, 1000, 1000],
        ),
        (
            vec![(0, page()), (0, page()), good()],
            vec![1000, 1000, 1000],
        ),
    ] {
        let sides = sides(answers);
        let size = PageSize::of(1000);
        let days = domain::DateRange::ALL;
        let page = sides
            .belvo
            .first_page(ResourceKind::Bills, link(), days, size);
        let page = page.await.unwrap();
        assert_eq!(sizes(&sides), expected);
        assert_eq!(page.size.rows(), *expected.last().unwrap());
    }
    // Where no size helps, it is an outage.
    let sides = sides(vec![(1, page()); 4]);
    assert!(sides.belvo.first_links().await.is_err());
    assert_eq!(sizes(&sides), [1000, 200, 40, 8]);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_links_that_fails_for_its_size_comes_in_parts() {
    let page = |next: bool, rows: u64| {
        let link = json!({"id": link().to_string()});
        let next = next.then_some("more");
        let rows = vec![link; usize::try_from(rows).unwrap()];
        (200, json!({"count": 1200, "next": next, "results": rows}))
    };
    let sides = sides([(1, Value::Null), page(true, 200), page(false, 17)]);
    let links = sides.belvo.links(2, PageSize::of(1000)).await.unwrap();
    assert_eq!((links.links.len(), links.has_next), (217, false));
    let url = "GET http://127.0.0.1:1/api/links/?page_size=";
    let asked = ["1000&page=2", "200&page=6", "200&page=7"];
    assert_eq!(sides.asked(), asked.map(|it| format!("{url}{it}")));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_takes_long_is_waited_for_and_not_asked_for_twice() {
    let identity = Identity {
        person: Person {
            cpf: Cpf::parse("761.092.776-73").unwrap(),
            name: FullName::parse("Ralph Bragg").unwrap(),
        },
        company: None,
    };
    let terms = Url::parse("https://www.example.com/termos").unwrap();
    for (seconds, expected) in [(0, 2), (3, 2), (5, 1), (20, 1)] {
        let asked: Arc<Mutex<usize>> = Arc::default();
        let counted = Arc::clone(&asked);
        let transport = Transport::from_fn(move |_| {
            *counted.lock().unwrap() += 1;
            Box::pin(async move {
                tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                Err(TransportError::TimedOut)
            })
        });
        let keys = Keys::from_json(r#"{"id": "id", "password": "x"}"#).unwrap();
        let base = "http://127.0.0.1:1".parse().unwrap();
        let belvo = Belvo::new(base, transport, KeySource::fixed(keys));
        let token = PortalToken {
            identity: &identity,
            terms_and_conditions_url: &terms,
        };
        assert!(belvo.create_portal_token(&token).await.is_err());
        assert_eq!(*asked.lock().unwrap(), expected, "{seconds} s");
    }
}
