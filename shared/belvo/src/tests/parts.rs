//! Pages whose rows cannot be told apart, and rows that do not end.

use super::*;
use crate::{Next, Page};

const STRAY: &str = r#"{"id":"stray","description":"TV 50" LG"}"#;
const BRACKET: &str = r#"{"id":"stray","a":[1}"#;

/// A Belvo that holds these rows and gives pages of the size that is asked for, up to `largest`, each
/// cut off after `longest` bytes; and the sizes and numbers of the pages it was asked for.
struct Lists {
    belvo: Belvo,
    asked: Arc<Mutex<Vec<(usize, usize)>>>,
}

fn lists(rows: Vec<String>, largest: usize, longest: usize) -> Lists {
    let asked: Arc<Mutex<Vec<(usize, usize)>>> = Arc::default();
    let noted = Arc::clone(&asked);
    let transport = Transport::from_fn(move |request| {
        let url = Url::parse(&request.uri().to_string()).unwrap();
        let number = |name: &str| {
            let mut values = url.query_pairs().filter(|(it, _)| it == name);
            values.next().unwrap().1.parse::<usize>().unwrap()
        };
        let (size, page) = (number("page_size"), number("page"));
        noted.lock().unwrap().push((size, page));
        let size = size.min(largest);
        let given = rows.iter().skip(size * (page - 1)).take(size);
        let given: Vec<&str> = given.map(String::as_str).collect();
        let next = if size * page < rows.len() {
            "\"more\""
        } else {
            "null"
        };
        let (count, given) = (rows.len(), given.join(","));
        let mut body = format!(r#"{{"count":{count},"next":{next},"results":[{given}]}}"#);
        body.truncate(longest);
        let answer = Ok(Response::new(Bytes::from(body)));
        Box::pin(async { answer })
    });
    let keys = Keys::from_json(r#"{"id": "id", "password": "x"}"#).unwrap();
    let base = "http://127.0.0.1:1".parse().unwrap();
    Lists {
        belvo: Belvo::new(base, transport, KeySource::fixed(keys)),
        asked,
    }
}

/// So many rows, with others in some places.
fn rows(count: usize, odd: &[(usize, &str)]) -> Vec<String> {
    let good = |place: usize| format!(r#"{{"id":"{place}","description":"PIX"}}"#);
    let row = |place: usize| match odd.iter().find(|(it, _)| *it == place) {
        Some((_, text)) => (*text).to_owned(),
        None => good(place),
    };
    (0..count).map(row).collect()
}

impl Lists {
    async fn page(&self, number: u32, size: u32) -> Result<Page, BelvoError> {
        let (kind, days) = (ResourceKind::Bills, domain::DateRange::ALL);
        let size = PageSize::of(size);
        self.belvo.page(kind, link(), days, number, size).await
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_told_from_those_behind_it_is_asked_for_by_itself() {
    for odd in [STRAY, BRACKET] {
        for place in [0, 3, 7, 8, 24] {
            let lists = lists(rows(25, &[(place, odd)]), 1000, usize::MAX);
            let page = lists.page(1, 1000).await.unwrap();
            assert_eq!((page.rows.len(), page.spoiled.len()), (24, 1), "{place}");
            assert_eq!(page.spoiled[0].id().as_deref(), Some("stray"));
            assert!(page.next == Next::End && page.size == PageSize::of(1000));
            assert!(lists.asked() <= 16, "{place}: {}", lists.asked());
        }
        let lists = lists(
            rows(3000, &[(1003, odd), (1004, odd), (1900, odd)]),
            1000,
            usize::MAX,
        );
        let page = lists.page(2, 1000).await.unwrap();
        assert_eq!((page.rows.len(), page.spoiled.len()), (997, 3));
        assert_eq!(page.next, Next::More);
        assert!(lists.asked() <= 60, "{}", lists.asked());
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_always_cut_off_comes_in_parts() {
    let lists = lists(rows(100, &[]), 1000, 500);
    let page = lists.page(1, 1000).await.unwrap();
    assert_eq!((page.rows.len(), page.spoiled.len()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_list_is_not_asked_for_in_parts() {
    for longest in [0, 10, 30] {
        let lists = lists(rows(25, &[]), 1000, longest);
        let error = lists.page(1, 1000).await.err().unwrap();
        assert!(matches!(error, BelvoError::Unexpected { .. }), "{longest}");
        assert_eq!(lists.asked(), 4, "{longest}");
    }
    // Pages of another size than is asked for are numbered by that size, except the first one.
    let lists = lists(rows(25, &[(3, STRAY), (13, STRAY)]), 10, usize::MAX);
    let page = lists.page(1, 1000).await.unwrap();
    assert_eq!((page.rows.len(), page.spoiled.len()), (23, 2));
    assert!(lists.page(2, 1000).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_page_of_links_is_divided_into_parts_whatever_its_size() {
    let page = |rows: usize| {
        let link = json!({"id": link().to_string()});
        (
            200,
            json!({"count": 2000, "next": "more", "results": vec![link; rows]}),
        )
    };
    let sides = sides([(1, Value::Null), page(333), page(333), page(333)]);
    let links = sides.belvo.links(1, PageSize::of(999)).await.unwrap();
    assert_eq!((links.links.len(), links.size.rows()), (999, 999));
    // Each object of a page is one, so that a page is as large as Belvo made it.
    let odd =
        json!({"count": 3, "next": null, "results": [7, {"id": 7}, {"id": link().to_string()}]});
    let sides = self::sides([(200, odd)]);
    let links = sides.belvo.first_links().await.unwrap().links;
    assert_eq!(links.len(), 3);
    assert_eq!(links.iter().filter_map(|it| it.id).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_does_not_end_is_there_all_the_same() {
    let read = async |text: &'static str| {
        let transport = Transport::from_fn(move |_| {
            let answer = Ok(Response::new(Bytes::from(text)));
            Box::pin(async { answer })
        });
        let keys = Keys::from_json(r#"{"id": "id", "password": "x"}"#).unwrap();
        let base = "http://127.0.0.1:1".parse().unwrap();
        let belvo = Belvo::new(base, transport, KeySource::fixed(keys));
        belvo.row(ResourceKind::Bills, "stray").await
    };
    for spoiled in [STRAY, BRACKET, r#"{"id":"stray","amount":NaN}"#] {
        let found = read(spoiled).await;
        assert!(matches!(found, Err(BelvoError::SpoiledRow)), "{spoiled}");
    }
    assert!(read(r#"{"id":7,"id":"stray"}"#).await.is_ok());
    for other in [
        r#"{"description":"TV 50" LG","id":"stray"}"#,
        r#"{"id":"other","description":"TV 50" LG"}"#,
        r#"{"id":"stray","id":"other"}"#,
        "<html>",
    ] {
        let found = read(other).await;
        assert!(
            matches!(found, Err(BelvoError::Unexpected { .. })),
            "{other}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_of_consents_without_end_is_none_and_odd_ones_hide_no_other() {
    let document = domain::Document::from_text("76109277673").unwrap();
    let id = link().to_string();
    let odd = json!([7, null, {"id": 7}, {"id": id, "link_id": id, "status": 7, "expired_at": 7}]);
    let page = |next, count| (200, json!({"count": count, "next": next, "results": odd}));
    let sides = sides([page(Value::Null, 4)]);
    let consents = sides.belvo.consents(&document).await.unwrap();
    assert_eq!(consents.iter().filter(|it| it.id.is_some()).count(), 1);
    let again = |count| self::sides(vec![page(json!("again"), count); 20]).belvo;
    let error = again(5).consents(&document).await.err().unwrap();
    assert!(matches!(error, BelvoError::Unexpected { .. }));
    assert!(again(4).consents(&document).await.is_ok(), "it has ended");
}
