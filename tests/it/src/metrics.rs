//! Metrics of attempts, banks and codes.

use serde_json::{Value, json};

use crate::world::World;

/// The log lines of a metric, reduced to its dimensions and values.
pub fn counted(world: &World, metric: &str) -> Vec<Value> {
    let logs = world.stack.logs();
    let lines = logs.iter().filter_map(|line| {
        let (_, json) = line.split_once('{')?;
        let mut line: Value = serde_json::from_str(&format!("{{{json}")).ok()?;
        let header = line.as_object_mut()?.remove("_aws")?;
        line[metric].as_u64()?;
        line["dimensions"] = header["CloudWatchMetrics"][0]["Dimensions"].clone();
        Some(line)
    });
    lines.collect()
}

/// The pairs of institution and code among them.
fn at_banks(lines: &[Value]) -> Vec<(&str, &str)> {
    let at = lines.iter().filter(|it| it.get("institution").is_some());
    let pairs = at.map(|line| {
        assert_eq!(
            line["dimensions"],
            json!([["institution"], ["institution", "code"]])
        );
        let text = |name: &str| line[name].as_str().unwrap();
        (text("institution"), text("code"))
    });
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_are_counted_by_bank() {
    let world = World::start().await;
    let user = world.individual().await;
    for outcome in [
        "success",
        "exit_error:login_error",
        "exit_error:never_heard_of",
    ] {
        let minted = world.mint(&user).await;
        let how = json!({"outcome": outcome, "institution": "ofmockbank_br_retail"});
        let connected = world.connect_with(&user, &minted, how).await;
        assert_eq!(world.follow(&connected.redirect_url).await.status(), 200);
    }
    world.settle().await;
    let lines = counted(&world, "AttemptEnded");
    let bank = "ofmockbank_br_retail";
    let expected = [(bank, "login_error"), (bank, "other"), (bank, "success")];
    assert_eq!(at_banks(&lines), expected);
    let by_code = lines.iter().filter(|it| it.get("institution").is_none());
    let mut codes: Vec<_> = by_code.map(|it| it["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["login_error", "other", "success"]);
}

/// The redirect's query can hold any text, and each new name would be a billed metric.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_bank_is_not_counted() {
    let world = World::start().await;
    let user = world.individual().await;
    let link = uuid::Uuid::new_v4();
    for (kind, query) in [
        (
            "exit",
            "meta_data_institution_name=erebor_mx_retail".to_owned(),
        ),
        // Only Belvo's record names the bank of a link, and Belvo does not know this link.
        (
            "success",
            format!("link={link}&institution=ofinvented_br_retail"),
        ),
        (
            "event",
            "error=login_error&institution=ofinvented_br_retail".to_owned(),
        ),
    ] {
        world.mint(&user).await;
        let session = world.session(kind).await;
        let url = world.url(&format!("/callback/{session}/{kind}?{query}"));
        assert_eq!(world.follow(&url).await.status(), 200, "{kind}");
        world.settle().await;
    }
    let lines = counted(&world, "AttemptEnded");
    assert_eq!(lines.len(), 3);
    assert_eq!(at_banks(&lines), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_without_guidance_are_counted_and_never_a_dimension() {
    let world = World::start().await;
    let user = world.individual().await;
    let unknown = || counted(&world, "CodeUnknown").len();

    // A code with guidance is not counted.
    let minted = world.mint(&user).await;
    let refuse = |code: &str| {
        let fail = json!({"count": 1, "status": 403, "code": code, "path": "/api/bills/"});
        json!({"fail_next": fail})
    };
    let known = refuse("access_to_resource_denied");
    world.sandbox("faults", &known).await;
    let connected = world.connect(&user, &minted).await;
    world.follow(&connected.redirect_url).await;
    world.settle().await;
    assert_eq!(unknown(), 0);

    // In an error of a list.
    world.sandbox("faults", &refuse("never_heard_of_a")).await;
    let path = format!("links/{}/status", connected.link_id);
    world.sandbox(&path, &json!({"refresh": true})).await;
    world.settle().await;
    assert_eq!(unknown(), 1);

    // In a webhook.
    let body = json!({
        "webhook_id": "1", "webhook_type": "ACCOUNTS", "webhook_code": "historical_update",
        "link_id": connected.link_id,
        "data": {"errors": [{"code": "never_heard_of_b"}, {"code": "login_error"}]},
    });
    world.post_webhook(&body).await;
    world.settle().await;
    assert_eq!(unknown(), 2);

    // In a redirect.
    let minted = world.mint(&user).await;
    let how = json!({"outcome": "exit_error:never_heard_of_c"});
    let left = world.connect_with(&user, &minted, how).await;
    world.follow(&left.redirect_url).await;
    world.settle().await;
    assert_eq!(unknown(), 3);

    for line in counted(&world, "CodeUnknown") {
        assert_eq!(line, json!({"CodeUnknown": 1, "dimensions": [[]]}));
    }
    // The logs name the codes.
    for code in ["never_heard_of_a", "never_heard_of_b", "never_heard_of_c"] {
        let said = |line: &String| line.contains("a code without guidance") && line.contains(code);
        assert!(world.stack.logs().iter().any(said), "{code}");
    }
}
