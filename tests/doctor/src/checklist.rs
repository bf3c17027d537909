//! The list: Belvo's items under Belvo's numbers, then further requirements under letters.
//!
//! An item for a person says how to check it. A built-in item names the test that proves it.

use crate::{
    Site,
    checks::{
        access, api, belvo, branding, callbacks, pages, portal, tokens, tokens::Minted, webhook,
    },
    row::{Other, Row, Rows, Seen, by_hand, in_tests, not_applicable},
};

/// Checks every item.
pub(crate) async fn examine(site: &Site) -> Vec<Row> {
    let mut rows = Rows::default();
    let person = tokens::for_a_person(site).await;
    connecting(site, &person, &mut rows).await;
    calling(&mut rows);
    listening(site, &mut rows).await;
    living(site, &mut rows).await;
    evolving(&mut rows);
    going_live(site, &person, &mut rows).await;
    elsewhere(site, &mut rows).await;
    rows.into_vec()
}

/// 1 to 6: users and the widget.
async fn connecting(site: &Site, person: &Result<Minted, Other>, rows: &mut Rows) {
    let company = tokens::for_a_company(site).await;
    let callbacks = callbacks::ours(site).await;
    let reports = callbacks::reports(site).await;
    rows.add(
        "1",
        "Users sign in before they connect",
        api::closed(site).await,
    );
    rows.add(
        "2",
        "external_id is used",
        tokens::external_id(site, person),
    );
    rows.add(
        "3",
        "Single links name what to fetch",
        tokens::single(site, person),
    );
    rows.add("4a", "A token for a person", tokens::widget(person));
    rows.add("4b", "A token for a company", tokens::widget(&company));
    rows.add("5", "Callback addresses are ours", callbacks);
    rows.add(
        "6a",
        "Every end of a visit is handled",
        built_in("every_sample_redirect_has_its_outcome"),
    );
    rows.add("6b", "Refusals at the bank can be reported", reports);
}

/// 7 to 13: requests to Belvo.
fn calling(rows: &mut Rows) {
    for (number, item, test) in [
        (
            "7",
            "400 and 401 are handled",
            "a_400_and_a_401_are_handled_and_logged_with_their_request_ids",
        ),
        (
            "8",
            "500 is handled",
            "a_500_is_handled_and_logged_with_its_request_id",
        ),
        (
            "9",
            "Timeouts are handled",
            "a_timeout_is_handled_and_logged_with_its_request_id",
        ),
        (
            "10",
            "200, 201 and 202 are handled",
            "a_refresh_is_made_once_and_announced_under_its_id",
        ),
        (
            "11",
            "Deletion is handled",
            "any_number_of_links_is_deleted_and_a_gone_one_stays_gone",
        ),
        (
            "12",
            "All pages are read",
            "every_resource_follows_what_belvo_holds",
        ),
        (
            "13",
            "Objects are stored once",
            "a_transaction_that_moves_to_another_day_is_there_once",
        ),
    ] {
        rows.add(number, item, built_in(test));
    }
}

/// 14 to 18: webhooks.
async fn listening(site: &Site, rows: &mut Rows) {
    rows.add("14", "The webhook is registered", webhook::registered(site));
    rows.add(
        "15",
        "The refresh rate is agreed",
        look("ask Belvo's sales which refresh rate your recurrent links have"),
    );
    rows.add(
        "16",
        "Data is read after its webhook",
        built_in("data_is_read_after_its_webhook_and_not_before"),
    );
    rows.add(
        "17a",
        "The webhook refuses strangers",
        webhook::refuses(site).await,
    );
    rows.add(
        "17b",
        "The webhook answers Belvo in 5 s",
        webhook::accepts(site, "").await,
    );
    let unknown = r#"{"webhook_type":"DOCTOR","webhook_code":"doctor"}"#;
    rows.add(
        "17c",
        "The webhook answers unknown events",
        webhook::accepts(site, unknown).await,
    );
    rows.add(
        "18",
        "Only Belvo's addresses may call it",
        webhook::addresses(site),
    );
}

/// 19 to 23: links and consents over time.
async fn living(site: &Site, rows: &mut Rows) {
    rows.add(
        "19",
        "Duplicate links are avoided",
        built_in("a_user_who_connects_the_same_bank_again_is_told_to_renew"),
    );
    rows.add(
        "20a",
        "Links that need their user are found",
        built_in("a_link_that_turns_bad_without_a_word_has_advice_for_its_user"),
    );
    rows.add(
        "20b",
        "Their users are told",
        look("see that your app shows the next_action of GET /links"),
    );
    rows.add("21", "The network's limits are known", belvo::limits(site));
    rows.add(
        "22a",
        "There is a link to My Belvo Portal",
        portal::public(site).await,
    );
    rows.add(
        "22b",
        "Users find it",
        look("see that your app shows it where users look for their connected banks"),
    );
    rows.add(
        "23",
        "Expired consents are handled",
        built_in("an_expired_consent_is_renewed_in_the_portal_and_the_link_heals"),
    );
}

/// 24 to 27: changes that Belvo may make without notice.
fn evolving(rows: &mut Rows) {
    let test = "objects_that_break_belvos_schema_are_stored";
    rows.add("24", "New and reordered fields are fine", built_in(test));
    rows.add("25", "Longer texts are fine", built_in(test));
    let test = in_tests("table", "times_are_read_in_every_form_belvo_writes_them");
    rows.add("26", "Times are read in every form", Err(test));
    let nothing = not_applicable("nothing depends on there being no others");
    rows.add("27", "New endpoints are fine", Err(nothing));
}

/// 28 to 32: production.
async fn going_live(site: &Site, person: &Result<Minted, Other>, rows: &mut Rows) {
    rows.add(
        "28",
        "The right Belvo is called",
        belvo::environment(site, person),
    );
    rows.add(
        "29a",
        "Belvo accepts the keys",
        belvo::accepts_keys(site).await,
    );
    rows.add(
        "29b",
        "Its other environment refuses them",
        belvo::refuses_keys_elsewhere(site).await,
    );
    for (number, item, how) in [
        (
            "30",
            "The keys are kept safe",
            "see that Secrets Manager alone holds them: no file, repository or CI",
        ),
        (
            "31",
            "API status is subscribed to",
            "subscribe at Belvo's status page",
        ),
        (
            "32",
            "Institution status is subscribed to",
            "subscribe at Belvo's dashboard",
        ),
    ] {
        rows.add(number, item, look(how));
    }
}

/// Requirements of Belvo's guides, of its certification and of browsers.
async fn elsewhere(site: &Site, rows: &mut Rows) {
    rows.add("A", "Everything is called over TLS", api::tls(site));
    rows.add(
        "B",
        "Pages of your origins may call, no others",
        api::cors(site).await,
    );
    rows.add("C", "Users read their links", api::reads(site).await);
    rows.add("D", "The icon is a square SVG", branding::icon(site).await);
    rows.add("E", "The logo is an SVG", branding::logo(site).await);
    let terms = pages::there(site, "TermsAndConditionsUrl").await;
    rows.add("F", "Terms and conditions are there", terms);
    let company_terms = pages::there(site, "CompanyTermsUrl").await;
    rows.add("G", "The terms under the logo are there", company_terms);
    rows.add(
        "H",
        "Return addresses are there",
        pages::return_urls(site).await,
    );
    rows.add(
        "I",
        "Belvo has certified the integration",
        look("book a certification with Belvo; it precedes production keys"),
    );
    let refused = access::refuses_others(site).await;
    rows.add("J", "Tokens for another API are refused", refused);
    rows.add("K", "Users' tokens have the scope", access::scope(site));
}

fn look(how: &str) -> Seen {
    Err(by_hand(how))
}

fn built_in(test: &str) -> Seen {
    Err(in_tests("it", test))
}
