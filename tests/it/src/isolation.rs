//! Two users: every route with every mix of own and foreign ids, cursors and sessions.

use serde_json::{Value, json};

use crate::links::body;
use crate::world::{User, World};

/// A user, and everything of theirs that another user could try.
struct Party {
    user: User,
    link_id: String,
    receipt_id: String,
    /// `next_cursor` of a link's transactions, of all transactions, and of the export.
    cursors: [String; 3],
    /// Entity tag of the link's transactions.
    tag: String,
    /// The success redirect of a visit that an app has caught.
    caught: String,
}

impl Party {
    async fn new(world: &World) -> Self {
        let user = world.individual().await;
        let erased = world.connected(&user).await.link_id;
        let receipt = world.delete(&user, &format!("/links/{erased}")).await;
        let receipt_id = text(&body(receipt).await["receipt_id"]);
        let connected = world.connected(&user).await;
        let rows = format!("/links/{}/transactions", connected.link_id);
        let cursor = async |path: &str| {
            let page = world.get(&user, &format!("{path}?limit=5")).await;
            text(&body(page).await["next_cursor"])
        };
        let cursors = [
            cursor(&rows).await,
            cursor("/transactions").await,
            cursor("/export").await,
        ];
        let answer = world.get(&user, &rows).await;
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        let by_app = json!({"callback": "app", "return_url": "acmeapp://connected"});
        let minted = world.mint_with(&user, &by_app).await;
        let caught = world.connect(&user, &minted).await.redirect_url;
        Self {
            user,
            link_id: connected.link_id,
            receipt_id,
            cursors,
            tag,
            caught,
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// What a request is made with: whose id, whose cursor, whose tag, whose session.
#[derive(Clone, Copy)]
struct With<'a> {
    id: &'a Party,
    cursor: &'a Party,
}

/// A route: how it is asked, what answers it when everything is the user's own, and what when the
/// id, or else the cursor, is another user's; `None` where there is none.
struct Route {
    name: &'static str,
    ask: fn(With<'_>) -> Ask,
    own: u16,
    foreign_id: Option<u16>,
    foreign_cursor: Option<u16>,
}

struct Ask {
    method: &'static str,
    path: String,
    body: Value,
}

fn get(path: String) -> Ask {
    Ask {
        method: "GET",
        path,
        body: Value::Null,
    }
}

fn routes() -> Vec<Route> {
    fn read(name: &'static str, ask: fn(With<'_>) -> Ask) -> Route {
        change(name, 200, 404, ask)
    }
    fn change(name: &'static str, own: u16, foreign_id: u16, ask: fn(With<'_>) -> Ask) -> Route {
        Route {
            name,
            ask,
            own,
            foreign_id: Some(foreign_id),
            foreign_cursor: None,
        }
    }
    fn paged(name: &'static str, own: u16, ask: fn(With<'_>) -> Ask) -> Route {
        Route {
            name,
            ask,
            own,
            foreign_id: None,
            foreign_cursor: Some(400),
        }
    }
    vec![
        read("a link", |it| get(format!("/links/{}", it.id.link_id))),
        read("owners", |it| {
            get(format!("/links/{}/owners", it.id.link_id))
        }),
        read("accounts", |it| {
            get(format!("/links/{}/accounts", it.id.link_id))
        }),
        read("bills", |it| get(format!("/links/{}/bills", it.id.link_id))),
        read("investments", |it| {
            get(format!("/links/{}/investments", it.id.link_id))
        }),
        read("movements of investments", |it| {
            get(format!("/links/{}/investment-transactions", it.id.link_id))
        }),
        read("a receipt", |it| {
            get(format!("/receipts/{}", it.id.receipt_id))
        }),
        Route {
            foreign_cursor: Some(400),
            ..read("transactions", |it| {
                let cursor = &it.cursor.cursors[0];
                get(format!(
                    "/links/{}/transactions?cursor={cursor}",
                    it.id.link_id
                ))
            })
        },
        paged("all transactions", 200, |it| {
            get(format!("/transactions?cursor={}", it.cursor.cursors[1]))
        }),
        paged("the export", 200, |it| {
            get(format!("/export?cursor={}", it.cursor.cursors[2]))
        }),
        paged("the export with a cursor of transactions", 400, |it| {
            get(format!("/export?cursor={}", it.cursor.cursors[1]))
        }),
        change("the portal to renew", 201, 404, |it| Ask {
            method: "POST",
            path: "/portal".to_owned(),
            body: json!({"mode": "renew", "link_id": it.id.link_id}),
        }),
        change("a caught redirect", 202, 403, |it| Ask {
            method: "POST",
            path: "/callback".to_owned(),
            body: json!({"url": it.id.caught}),
        }),
        change("a refresh", 202, 404, |it| Ask {
            method: "POST",
            path: format!("/links/{}/refresh", it.id.link_id),
            body: json!({}),
        }),
        change("an erasure", 202, 404, |it| Ask {
            method: "DELETE",
            path: format!("/links/{}", it.id.link_id),
            body: Value::Null,
        }),
    ]
}

async fn ask(world: &World, user: &User, ask: &Ask) -> (u16, String) {
    let answer = match ask.method {
        "GET" => world.get(user, &ask.path).await,
        "DELETE" => world.delete(user, &ask.path).await,
        _ => world.post(user, &ask.path, &ask.body).await,
    };
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_a_users_own_answers() {
    let world = World::start().await;
    let (ana, rui) = (Party::new(&world).await, Party::new(&world).await);
    for route in routes() {
        for (own, other) in [(&ana, &rui), (&rui, &ana)] {
            let mut cells = vec![(own, own, route.own)];
            if let Some(status) = route.foreign_cursor {
                cells.push((own, other, status));
            }
            if let Some(status) = route.foreign_id {
                cells.push((other, own, status));
                cells.push((other, other, status));
            }
            // What is the user's own comes last: some routes change it.
            for (id, cursor, expected) in cells.into_iter().rev() {
                let request = (route.ask)(With { id, cursor });
                let (status, text) = ask(&world, &own.user, &request).await;
                assert_eq!(status, expected, "{}: {text}", route.name);
                for foreign in [&other.link_id, &other.user.external_id, &other.receipt_id] {
                    assert!(!text.contains(foreign.as_str()), "{}", route.name);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_is_the_users_own_and_a_foreign_tag_is_none() {
    let world = World::start().await;
    let (ana, rui) = (Party::new(&world).await, Party::new(&world).await);
    for (party, other) in [(&ana, &rui), (&rui, &ana)] {
        for path in ["/links", "/transactions?limit=500", "/export?limit=500"] {
            let answer = world.get(&party.user, path).await;
            assert_eq!(answer.status(), 200, "{path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains("link_id"), "{path}");
            assert!(!text.contains(&other.link_id), "{path}");
            assert!(!text.contains(&other.user.external_id), "{path}");
        }
        let rows = format!("/links/{}/transactions", party.link_id);
        let foreign = [("if-none-match", other.tag.as_str())];
        let answer = world.get_with(&party.user, &rows, &foreign).await;
        assert_eq!(answer.status(), 200);
        let rows = format!("/links/{}/transactions", other.link_id);
        let answer = world.get_with(&party.user, &rows, &foreign).await;
        assert_eq!(answer.status(), 404, "not even that nothing has changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_without_a_token() {
    let world = World::start().await;
    let ana = Party::new(&world).await;
    for route in routes() {
        let Ask { method, path, body } = (route.ask)(With {
            id: &ana,
            cursor: &ana,
        });
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = world.http.request(method, world.url(&path)).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{}", route.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_erases_everything_takes_nothing_of_anybody_else() {
    let world = World::start().await;
    let (ana, rui) = (Party::new(&world).await, Party::new(&world).await);
    world.settle().await;
    assert_eq!(world.delete(&ana.user, "/me").await.status(), 202);
    world.settle().await;
    world
        .assert_complete(&rui.link_id, &rui.user.external_id)
        .await;
    let (status, _) = ask(&world, &rui.user, &get(format!("/links/{}", rui.link_id))).await;
    assert_eq!(status, 200);
}
