//! Addresses in rows that Belvo may sign anew at every read.

use local_stack::What;
use serde_json::{Value, json};

use crate::bank::Bank;
use crate::world::World;

/// Gives the merchants of all movements a logo with this signature.
async fn sign(bank: &Bank, signature: &str) {
    let logo = format!(
        "https://cdn.example.com/logos/padaria.svg?Expires={signature}&X-Amz-Signature={signature}"
    );
    merchants(bank, json!({"name": "Padaria", "logo": logo})).await;
}

async fn merchants(bank: &Bank, merchant: Value) {
    let ids = bank.by_date().await;
    let rows: Vec<Value> = ids
        .iter()
        .map(|id| json!({"id": id, "merchant": merchant}))
        .collect();
    let changes = json!({"update": rows, "webhooks": false});
    bank.control("changes", &changes).await;
    bank.all_news().await;
}

/// The units written to the table of rows so far.
fn written(bank: &Bank) -> u64 {
    let used = bank.world.stack.used();
    let rows = used
        .iter()
        .filter(|(it, _)| it.of == "ResourceTable" && it.what == What::HalfWriteUnits);
    rows.map(|(_, amount)| *amount).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_changes_at_every_read_is_no_change_of_a_row() {
    let world = World::start().await;
    world.stream().await;
    let bank = Bank::connected_with(world, json!({"transactions": 20})).await;
    sign(&bank, "1111").await;
    let (units, events) = (written(&bank), bank.told().await);
    sign(&bank, "2222").await;
    assert_eq!(written(&bank), units, "no row is written");
    assert_eq!(bank.told().await, events, "and nobody is told");

    // Another logo is a change; the same one without a signature is none.
    changes(
        &bank,
        &[
            ("mercado.svg?X-Amz-Signature=2222", true),
            ("mercado.svg", false),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_query_says_besides_a_signature_is_content() {
    let bank = Bank::connected_with(World::start().await, json!({"transactions": 20})).await;
    changes(
        &bank,
        &[
            ("img?id=5", true),
            ("img?id=6", true),
            ("img?id=6&sig=1&se=2", false),
            ("img?id=7&sig=1&se=2", true),
        ],
    )
    .await;
}

/// Gives the merchants one logo after the other, and checks which of them are changes.
async fn changes(bank: &Bank, logos: &[(&str, bool)]) {
    for (logo, is_change) in logos {
        let before = written(bank);
        let address = format!("https://cdn.example.com/logos/{logo}");
        merchants(bank, json!({"name": "Padaria", "logo": address})).await;
        assert_eq!(written(bank) > before, *is_change, "{logo}");
    }
}
