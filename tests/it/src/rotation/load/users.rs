//! The callers that are people: users who connect, return, report and read; and strangers.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Connected, Load};
use crate::rotation::call::Call;

/// Belvo's token is valid for ten minutes; a user who takes longer starts again.
const TOKEN: SignedDuration = SignedDuration::from_mins(9);

/// A user in the widget.
struct Visit {
    user: String,
    access_token: String,
    report_session: String,
    begun_at: Timestamp,
}

impl Load<'_> {
    /// A user requests a token.
    async fn begin(&self, slot: usize) -> Visit {
        let user = format!("user-{}", uuid::Uuid::new_v4().simple());
        let begun_at = self.site.time.now();
        let call = Call::new("POST /token", "/token").of(&user).with(json!({}));
        let minted = self.call("token", slot, &call, 201).await;
        Visit {
            access_token: text(&minted["access_token"]),
            report_session: text(&minted["report_session"]),
            user,
            begun_at,
        }
    }

    /// The user connects a bank and returns.
    async fn end(&self, kind: &'static str, slot: usize, visit: &Visit) {
        let wish = json!({
            "access_token": visit.access_token,
            "external_id": visit.user,
            "transactions": 20,
        });
        let connected = self.site.world.sandbox("connect", &wish).await;
        self.connected.lock().unwrap().push(Connected {
            link_id: text(&connected["link_id"]),
            user: visit.user.clone(),
            ready: false,
        });
        let url = url::Url::parse(&text(&connected["redirect_url"])).unwrap();
        let call = Call {
            query: url.query().unwrap_or_default(),
            ..Call::new("GET /callback/{session}/{outcome}", url.path())
        };
        self.call(kind, slot, &call, 200).await;
    }

    pub(super) async fn visit_again_and_again(&self) {
        let mut slot = 0;
        while !*self.closing.borrow() {
            slot = 1 - slot;
            let visit = {
                let _in_the_widget = self.jump.read().await;
                let visit = self.begin(slot).await;
                self.end("redirect", 1 - slot, &visit).await;
                visit
            };
            // The next user starts some time after this one has all data.
            while !self.is_ready(slot, &visit.user).await {
                self.go_on(20).await;
            }
            self.go_on(100).await;
        }
        std::future::pending().await
    }

    async fn is_ready(&self, slot: usize, user: &str) -> bool {
        let call = Call::new("GET /links", "/links").of(user);
        let overview = self.call("overview", slot, &call, 200).await;
        let ready = overview["links"][0]["status"] == "ready";
        let mut connected = self.connected.lock().unwrap();
        let mine = connected.iter_mut().filter(|it| it.user == user);
        mine.for_each(|it| it.ready = ready);
        ready
    }

    /// A token from before a step; the user connects, returns and reports after it.
    pub(super) async fn come_back_late(&self, slot: usize) {
        let other = 1 - slot;
        let mut round = self.round.subscribe();
        round.mark_changed();
        while !*self.closing.borrow() {
            let mut visit = self.begin(slot).await;
            round.changed().await.unwrap();
            let _in_the_widget = self.jump.read().await;
            if self.site.time.now().duration_since(visit.begun_at) > TOKEN {
                visit = self.begin(slot).await;
            }
            self.end("redirect of the round before", other, &visit)
                .await;
            let report = json!({"session": visit.report_session, "code": "risk_analysis_denied"});
            let call = Call::new("POST /connection-reports", "/connection-reports").with(report);
            self.call("report of the round before", other, &call, 202)
                .await;
        }
        std::future::pending().await
    }

    /// A link that can be read.
    pub(super) async fn ready_link(&self) -> Connected {
        loop {
            let ready = {
                let connected = self.connected.lock().unwrap();
                connected.iter().rev().find(|it| it.ready).cloned()
            };
            match ready {
                Some(link) => return link,
                None => self.go_on(1).await,
            }
        }
    }

    pub(super) async fn read(&self, slot: usize) {
        loop {
            let user = self.ready_link().await.user;
            let first = Call {
                query: "limit=5",
                ..Call::new("GET /transactions", "/transactions").of(&user)
            };
            let page = self.call("statement", slot, &first, 200).await;
            let query = next(&page);
            let second = Call {
                query: &query,
                ..first
            };
            self.call("next page", 1 - slot, &second, 200).await;
            self.go_on(10).await;
        }
    }

    /// A cursor from before a step, used after it.
    pub(super) async fn read_on_late(&self, slot: usize) {
        let mut round = self.round.subscribe();
        round.mark_changed();
        loop {
            let link = self.ready_link().await;
            let path = format!("/links/{}/transactions", link.link_id);
            let first = Call {
                query: "limit=5",
                ..Call::new("GET /links/{link_id}/transactions", &path).of(&link.user)
            };
            let page = self.call("page", slot, &first, 200).await;
            let query = next(&page);
            let second = Call {
                query: &query,
                ..first
            };
            round.changed().await.unwrap();
            let kind = "next page of the round before";
            self.call(kind, 1 - slot, &second, 200).await;
        }
    }

    /// Each of these makes a process check whether its secret is still valid.
    pub(super) async fn try_what_is_wrong(&self, slot: usize) {
        loop {
            let webhook = Call {
                authorization: Some("Basic d3Jvbmc6d3Jvbmc="),
                ..Call::new("POST /webhook", "/webhook")
            };
            self.call("wrong webhook", slot, &webhook, 401).await;
            let callback = "GET /callback/{session}/{outcome}";
            let callback = Call::new(callback, "/callback/e30.AAAA/exit");
            self.call("wrong session", slot, &callback, 400).await;
            let cursor = Call {
                query: "cursor=e30.AAAA",
                ..Call::new("GET /transactions", "/transactions").of("stranger")
            };
            self.call("wrong cursor", slot, &cursor, 400).await;
            self.note("stranger", slot);
            self.go_on(20).await;
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The query of the next page.
fn next(page: &Value) -> String {
    let cursor = page["next_cursor"].as_str().unwrap_or_default();
    format!("limit=5&cursor={cursor}")
}
