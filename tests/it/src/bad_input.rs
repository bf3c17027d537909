//! Invalid input of each function: its answer, and logs without private data.

use aws_sdk_sqs::types::QueueAttributeName;
use domain::{CallbackKind, Session, SessionKind, SigningKeys};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{CPF, User, World, event};

const DONE: &str = "https://app.example.com/done";

/// Sends a body to `POST /token` and checks status, type and the named fields.
async fn check_token(world: &World, user: &User, body: &[u8], status: u16, pointers: &[&str]) {
    let answer = world.post_bytes(user, "/token", body.to_vec()).await;
    let text = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
    assert_eq!(answer.status(), status, "{text}");
    assert_eq!(
        answer.headers()["content-type"],
        "application/problem+json",
        "{text}"
    );
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status, "{text}");
    let named: Vec<&str> = problem["errors"]
        .as_array()
        .map(|errors| {
            errors
                .iter()
                .map(|it| it["pointer"].as_str().unwrap())
                .collect()
        })
        .unwrap_or_default();
    assert_eq!(named, pointers, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_token_request_is_refused_with_field_and_rule() {
    let world = World::start().await;
    let user = world.individual().await;
    let large = format!(r#"{{"access_mode":"{}"}}"#, "x".repeat(20_000));
    let many: Vec<String> = (0..51).map(|n| format!("bank_{n}")).collect();
    let many = json!({"institutions": many}).to_string();
    let cases: [(&[u8], u16, &[&str]); 22] = [
        (b"{", 400, &[""]),
        (b"[]", 400, &[""]),
        (b"null", 400, &[""]),
        (b"\"text\"", 400, &[""]),
        (b"\xff\xfe{\x00}\x00", 400, &[""]),
        (b"{\"a\":1,}", 400, &[""]),
        (large.as_bytes(), 413, &[""]),
        (br#"{"access_mode":"daily"}"#, 400, &["/access_mode"]),
        (br#"{"access_mode":7}"#, 400, &["/access_mode"]),
        (
            br#"{"institutions":"ofmockbank_br_retail"}"#,
            400,
            &["/institutions"],
        ),
        (
            br#"{"institutions":["ok_bank","../x",3]}"#,
            400,
            &["/institutions/1", "/institutions/2"],
        ),
        (many.as_bytes(), 400, &["/institutions"]),
        (br#"{"callback":"phone"}"#, 400, &["/callback"]),
        (br#"{"callback":"app"}"#, 400, &["/return_url"]),
        (
            br#"{"return_url":"https://evil.example.com/"}"#,
            400,
            &["/return_url"],
        ),
        (
            br#"{"return_url":"javascript:alert(1)"}"#,
            400,
            &["/return_url"],
        ),
        (br#"{"return_url":{}}"#, 400, &["/return_url"]),
        (
            br#"{"application_link":"https://evil.example.com/"}"#,
            400,
            &["/application_link"],
        ),
        (br#"{"holder":"both"}"#, 400, &["/holder"]),
        (br#"{"identification":[]}"#, 400, &["/identification"]),
        (
            br#"{"identification":{"cpf":"76109277673"}}"#,
            400,
            &["/identification"],
        ),
        (br#"{"a/b~c":1,"access_mode":null}"#, 400, &["/a~1b~0c"]),
    ];
    for (body, status, pointers) in cases {
        check_token(&world, &user, body, status, pointers).await;
    }
    let sample = event("token", "wrong_in_many_places", &[]);
    let answer = world.stack.invoke("token", sample).await.unwrap();
    assert_eq!(answer["statusCode"], 400);
    let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4);
    assert_nothing_private(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_valid_sample_is_accepted() {
    let app = "https://app.example.com/belvo,acmeapp://connected";
    let world = World::with(&[("ReturnUrls", app)]).await;
    for name in crate::world::events("token") {
        let answer = world
            .stack
            .invoke("token", event("token", &name, &[]))
            .await
            .unwrap();
        let expected = match name.as_str() {
            "wrong_in_many_places" | "identification_in_the_body" => 400,
            // This link does not exist; `portal` tests an existing one.
            "portal_renew" => 404,
            _ => 201,
        };
        assert_eq!(answer["statusCode"], expected, "{name}: {}", answer["body"]);
    }
    let world = World::with(&[("IdentitySource", "body"), ("ReturnUrls", DONE)]).await;
    let sample = event("token", "identification_in_the_body", &[]);
    assert_eq!(
        world.stack.invoke("token", sample).await.unwrap()["statusCode"],
        201
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_identity_is_refused() {
    let world = World::start().await;
    for (claims, pointers) in [
        (json!({"name": "Ralph Bragg"}), vec!["claim cpf"]),
        (
            json!({"cpf": "12345678900", "name": "Ralph Bragg"}),
            vec!["claim cpf"],
        ),
        (
            json!({"cpf": "11111111111", "name": "  "}),
            vec!["claim cpf", "claim name"],
        ),
        (json!({"cpf": CPF}), vec!["claim name"]),
        (
            json!({"cpf": CPF, "name": "R", "cnpj": "11222333000182", "company_name": "B"}),
            vec!["claim cnpj"],
        ),
        (
            json!({"cpf": CPF, "name": "R", "cnpj": "11222333000181"}),
            vec!["claim company_name"],
        ),
    ] {
        let user = world.sign_in(claims).await;
        check_token(&world, &user, b"{}", 403, &pointers).await;
    }
    for sub in ["76109277673", "ana@example.com", "a"] {
        let claims = json!({"sub": sub, "cpf": CPF, "name": "Ralph Bragg"});
        let user = world.sign_in(claims).await;
        check_token(&world, &user, b"{}", 403, &["claims"]).await;
    }
    assert_nothing_private(&world);

    let world = World::with(&[("IdentitySource", "body"), ("ReturnUrls", DONE)]).await;
    let user = world.sign_in(json!({})).await;
    let at = |name: &str| format!("/identification/{name}");
    let (cpf, name, cnpj) = (at("cpf"), at("name"), at("cnpj"));
    let (company, stranger) = (at("company_name"), at("nickname"));
    for (identification, pointers) in [
        (json!({}), vec![cpf.as_str(), &name]),
        (json!({"cpf": 76109277673_u64, "name": "R"}), vec![&cpf]),
        (
            json!({"cpf": CPF, "name": "R", "cnpj": "12ABC34501DE36"}),
            vec![&cnpj, &company],
        ),
        (
            json!({"cpf": CPF, "name": "R", "nickname": "x"}),
            vec![&stranger],
        ),
    ] {
        let body = json!({"identification": identification, "return_url": DONE}).to_string();
        check_token(&world, &user, body.as_bytes(), 400, &pointers).await;
    }
    let body = json!({"identification": {"cpf": CPF, "name": "R"}}).to_string();
    check_token(&world, &user, body.as_bytes(), 400, &["/return_url"]).await;
    assert_nothing_private(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandboxs_company_is_refused_in_production() {
    let world = World::with(&[
        ("BelvoEnvironment", "production"),
        ("CompanyName", "Ipê"),
        ("TermsAndConditionsUrl", "https://ipe.example.com/termos"),
        ("CompanyIconUrl", "https://ipe.example.com/icon.svg"),
        ("CompanyLogoUrl", "https://ipe.example.com/logo.svg"),
        ("AlarmEmail", "night@ipe.example.com"),
    ])
    .await;
    let user = world.company().await;
    check_token(&world, &user, b"{}", 403, &["claim cnpj"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_of_the_issuer_no_function_is_called() {
    let world = World::start().await;
    for path in ["/token", "/portal", "/callback"] {
        let bare = world.http.post(world.url(path)).json(&json!({}));
        assert_eq!(world.send(bare).await.status(), 401, "{path}");
        let wrong = world.http.post(world.url(path)).bearer_auth("a.b.c");
        assert_eq!(world.send(wrong).await.status(), 401, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unauthorized_webhook_is_refused_and_an_unknown_one_acknowledged() {
    let world = World::start().await;
    let authorization = world.stack.endpoints().webhook_authorization.clone();
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(65 * 1024));
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let cases: [(&[u8], u16); 14] = [
        (b"", 200),
        (b"  \n", 200),
        (b"{}", 200),
        (br#"{"link_id":"../../x"}"#, 200),
        (br#"{"link_id":7,"data":"x","webhook_code":[]}"#, 200),
        (br#"{"link_id":"2f8ca7a1c28f46f2bb4121633099a280"}"#, 200),
        (b"[]", 400),
        (b"null", 400),
        (b"7", 400),
        (b"{", 400),
        (b"not json", 400),
        (b"\xff\xfe", 400),
        (deep.as_bytes(), 400),
        (large.as_bytes(), 200),
    ];
    let send = async |body: &[u8], authorization: &str| {
        let request = world.http.post(world.url("/webhook")).body(body.to_vec());
        let request = request.header("authorization", authorization);
        world.send(request).await.status().as_u16()
    };
    for (body, status) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(send(body, &authorization).await, status, "{shown}");
        assert_eq!(send(body, "Basic d3Jvbmc6d3Jvbmc=").await, 401, "{shown}");
    }
    let bare = world.http.post(world.url("/webhook")).body("{}");
    assert_eq!(world.send(bare).await.status(), 401);
    world.settle().await;
    let jobs = world
        .stack
        .logs()
        .iter()
        .filter(|line| line.contains("job done"))
        .count();
    assert_eq!(jobs, 0, "none of these names a link");
    assert_nothing_private(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_callback_post_is_refused_with_its_rule() {
    let world = World::start().await;
    let user = world.individual().await;
    world.mint(&user).await;
    let (session, exit) = (world.session("success").await, world.session("exit").await);
    let bad_link = format!("acmeapp://x/{session}/success?link=7");
    let listed = format!(
        "acmeapp://x/{session}/success?link={}",
        uuid::Uuid::new_v4()
    );
    let link_elsewhere = format!("acmeapp://x/{exit}/exit?link={}", uuid::Uuid::new_v4());
    let proof = json!({"link_id": "7", "proof": "x"});
    let large = format!(r#"{{"url":"{}"}}"#, "x".repeat(20_000));
    for (body, status) in [
        (String::new(), 400),
        ("{".to_owned(), 400),
        ("[]".to_owned(), 400),
        (json!([listed]).to_string(), 400),
        ("{}".to_owned(), 400),
        (r#"{"url":7}"#.to_owned(), 400),
        (r#"{"url":"acmeapp://x"}"#.to_owned(), 400),
        (r#"{"url":"acmeapp://x/session/success"}"#.to_owned(), 400),
        (json!({"url": bad_link}).to_string(), 400),
        (json!({"url": link_elsewhere}).to_string(), 400),
        (
            r#"{"url":"acmeapp://x/a.b/success","more":1}"#.to_owned(),
            400,
        ),
        (proof.to_string(), 400),
        (large, 413),
    ] {
        let answer = world
            .post_bytes(&user, "/callback", body.clone().into_bytes())
            .await;
        assert_eq!(answer.status(), status, "{body:.80}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert_nothing_private(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_report_is_refused_with_its_rule() {
    let world = World::start().await;
    let user = world.individual().await;
    let minted = world.post(&user, "/token", &json!({})).await;
    let minted: Value = minted.json().await.unwrap();
    let session = &minted["report_session"];
    let (content, _) = session.as_str().unwrap().split_once('.').unwrap();
    let forged = format!("{content}.AAAA");
    let refused = "https://x.example/#error_description=risk_analysis_denied";
    let large = "x".repeat(20_000);
    let (request, invalid) = ("/problems/invalid-request", "/problems/invalid-session");
    for (body, status, kind, pointer) in [
        (String::new(), 400, request, ""),
        ("{".to_owned(), 400, request, ""),
        ("[]".to_owned(), 400, request, ""),
        (json!([session, refused]).to_string(), 400, request, ""),
        (json!({"session": session}).to_string(), 400, request, ""),
        (json!({"url": refused}).to_string(), 400, request, ""),
        (
            json!({"session": 7, "url": refused}).to_string(),
            400,
            request,
            "",
        ),
        (
            json!({"session": session, "url": 7}).to_string(),
            400,
            request,
            "",
        ),
        (
            json!({"session": session, "code": 7}).to_string(),
            400,
            request,
            "",
        ),
        (
            json!({"session": session, "url": refused, "code": "x"}).to_string(),
            400,
            request,
            "",
        ),
        (
            json!({"session": session, "url": "https://x.example/?a=b#c"}).to_string(),
            400,
            request,
            "/url",
        ),
        (
            json!({"session": session, "url": CPF}).to_string(),
            400,
            request,
            "/url",
        ),
        (
            json!({"session": "x", "url": refused}).to_string(),
            400,
            invalid,
            "session",
        ),
        (
            json!({"session": forged, "url": refused}).to_string(),
            400,
            invalid,
            "session",
        ),
        (
            json!({"session": session, "code": large}).to_string(),
            413,
            "/problems/too-large",
            "",
        ),
    ] {
        let call = world.http.post(world.url("/connection-reports"));
        let answer = world.send(call.body(body.clone())).await;
        assert_eq!(answer.status(), status, "{body:.80}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], kind, "{body:.80}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body:.80}");
    }
    world.settle().await;
    let attempts = world.attempts(&user).await;
    let attempt = attempts.values().next().unwrap();
    assert_eq!(attempt["outcome"].text(), "started");
    assert_nothing_private(&world);
}

/// Each is set apart, so it is on the queue again, and comes back from there.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_job_is_set_apart_and_never_lost() {
    let world = World::start().await;
    let bodies = [
        json!("?"),
        json!("{"),
        json!("[]"),
        json!(r#"{"job":"webhook_received.v99"}"#),
        json!(r#"{"job":"webhook_received.v1","link_id":"../x","event":{}}"#),
        json!(r#"{"job":"attempt_started.v1","attempt":{"external_id":"76109277673"}}"#),
    ];
    for (n, body) in bodies.iter().enumerate() {
        let id = format!("message-{n}");
        for (group, failed) in [
            ("g", json!([])),
            ("unreadable-g", json!([{"itemIdentifier": id}])),
        ] {
            let attributes = json!({"MessageGroupId": group});
            let record = json!({"messageId": id, "body": body, "attributes": attributes});
            let batch = json!({"Records": [record]});
            let answer = world.stack.invoke("fetcher", batch).await.unwrap();
            assert_eq!(answer["batchItemFailures"], failed, "{body} of {group}");
        }
    }
    assert_eq!(on_the_queue(&world).await, bodies.len());
    let empty = world
        .stack
        .invoke("fetcher", json!({"Records": []}))
        .await
        .unwrap();
    assert_eq!(empty["batchItemFailures"], json!([]));
    assert_nothing_private(&world);
}

/// How many messages wait, or are with a fetcher.
async fn on_the_queue(world: &World) -> usize {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let asked = world.stack.sqs().get_queue_attributes();
    let asked = asked.queue_url(&world.stack.endpoints().queue_url);
    let answer = asked.set_attribute_names(Some(names.to_vec())).send().await;
    let counts = answer.unwrap().attributes.unwrap();
    counts.values().map(|it| it.parse::<usize>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_logs_no_private_data() {
    let world = World::start().await;
    let user = world.company().await;
    let minted = world.mint(&user).await;
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    world
        .sandbox("faults", &json!({"path": "/api/", "http_5xx": 20}))
        .await;
    world.post(&user, "/token", &json!({})).await;
    let link = format!("/links/{}", connected.link_id);
    for path in [
        "/links",
        &format!("{link}/owners"),
        "/transactions",
        "/export",
    ] {
        assert_eq!(world.get(&user, path).await.status(), 200);
    }
    world
        .post(&user, &format!("{link}/refresh"), &json!({}))
        .await;
    world.stack.settle().await.unwrap();
    let logs = world.stack.logs();
    assert!(
        logs.iter().any(|line| line.contains("resource synced")),
        "something is logged: {logs:#?}"
    );
    let endpoints = world.stack.endpoints();
    let truth = world
        .ask_sandbox(&format!("links/{}/truth", connected.link_id))
        .await;
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let mut private = vec![
        minted.access_token.clone(),
        world.session("success").await,
        world.session("exit").await,
        endpoints.belvo_secret_password.clone(),
        endpoints.webhook_authorization.clone(),
    ];
    for pointer in [
        "/owners/0/company_name",
        "/owners/0/document_id/document_number",
        "/accounts/0/number",
        "/accounts/0/internal_identification",
        "/transactions/0/description",
        "/transactions/1/internal_identification",
        "/investments/0/product_name",
    ] {
        let value = truth
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer}"));
        private.push(value.as_str().unwrap().to_owned());
    }
    let manage = json!({"mode": "manage"});
    world.post(&user, "/portal", &manage).await;
    world.delete(&user, &link).await;
    world.settle().await;
    let logs = [logs, world.stack.logs()].concat();
    for value in private {
        let line = logs.iter().find(|line| line.contains(&value));
        assert_eq!(line, None, "{value} is logged");
    }
    assert_nothing_private(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_succeeds_whose_job_is_not_on_the_queue() {
    let world = World::without_queue().await;
    let user = world.individual().await;
    let answer = world.post(&user, "/token", &json!({})).await;
    assert_eq!(answer.status(), 503);
    let body = answer.text().await.unwrap();
    assert!(
        !body.contains("access_token") && !body.contains("widget"),
        "{body}"
    );

    let session = world.session("exit").await;
    let page = world
        .follow(&world.url(&format!("/callback/{session}/exit")))
        .await;
    assert_eq!(page.status(), 503);

    // Without a token there is no session for a report either, so the test signs one.
    let body = json!({"session": report_session(&world, &session).await, "code": "x"});
    let call = world.http.post(world.url("/connection-reports"));
    let answer = world.send(call.json(&body)).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));

    let authorization = &world.stack.endpoints().webhook_authorization;
    let body = json!({"link_id": uuid::Uuid::new_v4().to_string()}).to_string();
    let request = world.http.post(world.url("/webhook")).body(body);
    let request = request.header("authorization", authorization);
    assert_eq!(world.send(request).await.status(), 503);
}

/// The session of an exit URL, signed for reports.
async fn report_session(world: &World, exit: &str) -> String {
    let name = world.secret_name("Session").await;
    let secret = world.stack.secretsmanager().get_secret_value();
    let secret = secret.secret_id(name).send().await.unwrap();
    let keys = SigningKeys::from_json(secret.secret_string().unwrap()).unwrap();
    let session = Session::verify(exit, CallbackKind::Exit, &keys, Timestamp::now()).unwrap();
    session.sign(SessionKind::Report, &keys).unwrap()
}

/// No log line of a function has a document or a name.
fn assert_nothing_private(world: &World) {
    let names = ["Ralph", "Bragg"];
    for line in world.stack.logs() {
        let name = names.iter().find(|name| line.contains(**name));
        assert_eq!(name, None, "{line}");
        let documents = [CPF, "12345678900", "11222333000182", crate::world::CNPJ];
        let document = documents.iter().find(|document| line.contains(**document));
        assert_eq!(document, None, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_paths_and_queries_get_an_answer_too() {
    let world = World::start().await;
    for (path, query) in [
        ("/callback/a b/exit", ""),
        ("/callback/a?b#c/exit", "x=1"),
        ("/callback/é\u{202e}%/exit", ""),
        ("/callback/a/exit", "a=\"<>{}|\\^`"),
        ("/callback/a/exit", "a=é"),
        ("/callback/a/exit", "%zz=%&&&=="),
        ("/callback//exit", ""),
    ] {
        let mut event = event("callback", "exit", &[]);
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!(query);
        let answer = world.stack.invoke("callback", event).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path} {query}: {error:?}"));
        assert_eq!(answer["statusCode"], 400, "{path} {query}");
    }
}
