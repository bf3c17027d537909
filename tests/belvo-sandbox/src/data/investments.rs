//! Investments (a deposit certificate, a fund, a treasury bond) and their movements.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    clock,
    data::{Profile, Stored},
    json::{Decimal, Money, Null, Raw, object},
    random::Seed,
};

const PRODUCTS: [(&str, &str, &str); 3] = [
    (
        "FIXED_INCOME_BANKING",
        "CDB Primavera Liquidez Diária",
        "CDI",
    ),
    ("INVESTMENT_FUND", "Serra Azul FI Renda Fixa LP", "CDI"),
    ("TREASURY_BOND", "Tesouro IPCA+ 2035", "IPCA"),
];
const MOVEMENTS_EACH: u64 = 5;
/// Movements are 50 days apart, so that the one with this number falls on the current date.
const LATEST: u64 = 6;

/// The positions of a link and their movements.
pub fn investments(profile: &Profile) -> (Vec<Stored>, Vec<Stored>) {
    let mut positions = Vec::new();
    let mut movements = Vec::new();
    for (index, product) in PRODUCTS.into_iter().enumerate() {
        let seed = profile.seed.child("investment").at(index as u64);
        let text = Arc::new(position(profile, seed, product));
        let id = profile.row_id(seed);
        positions.push(stored(profile, id, None, text.clone()));
        for number in 0..MOVEMENTS_EACH {
            let seed = seed.child("movement").at(number);
            let text = movement(profile, seed, number, &text);
            let row = stored(profile, profile.row_id(seed), Some(id), Arc::new(text));
            movements.push(row);
        }
    }
    positions.sort_by_key(|row| row.id);
    movements.sort_by_key(|row| row.id);
    (positions, movements)
}

/// An additional position.
pub fn another(profile: &Profile) -> Stored {
    let seed = profile.seed;
    let index = seed.child("product").below(PRODUCTS.len() as u64) as usize;
    let product = PRODUCTS.get(index).copied().unwrap_or(PRODUCTS[0]);
    let text = Arc::new(position(profile, seed, product));
    stored(profile, profile.row_id(seed), None, text)
}

/// An additional movement of a position, dated today.
pub fn another_movement(profile: &Profile, investment: &Stored) -> Stored {
    let seed = profile.seed;
    let text = movement(profile, seed, LATEST, &investment.text);
    let id = profile.row_id(seed);
    stored(profile, id, Some(investment.id), Arc::new(text))
}

fn stored(profile: &Profile, id: Uuid, parent: Option<Uuid>, text: Arc<Raw>) -> Stored {
    Stored {
        id,
        created_at: profile.created_at,
        parent,
        text,
    }
}

fn position(profile: &Profile, seed: Seed, (kind, name, indexer): (&str, &str, &str)) -> Raw {
    let today = clock::day(profile.created_at);
    let gross = seed.child("gross").between(50_000, 9_000_000);
    let tax = gross / 40;
    let fixed_term = kind != "INVESTMENT_FUND";
    // Belvo's patterns for these two values stand in curly quotes, which no value can match.
    let debtor =
        object! { "name": "Roberto Sales Marino", "id_document_number": Raw("12345678901".into()) };
    object! {
        "id": profile.row_id(seed),
        "type": kind,
        "issuer_id_number": (kind == "FIXED_INCOME_BANKING").then_some(profile.bank.cnpj),
        "isin_number": profile.quirks.then_some("BRCST4CTF001"),
        "currency": "BRL",
        "product_name": name,
        "is_tax_exempt": false,
        "clearing_code": Null,
        "due_date": fixed_term.then(|| clock::days_from(today, 1200)),
        "issue_date": fixed_term.then(|| clock::days_from(today, -300)),
        "purchase_date": clock::days_from(today, -280),
        "grace_period_date": Null,
        "issue_unit_price": fixed_term.then_some(Money(100_000)),
        "balance": object! {
            "reference_date": clock::seconds(profile.collected_at),
            "gross_value": Money(gross),
            "blocked_amount": Money(0),
            "quantity": Decimal(seed.child("quantity").between(100_000_000, 99_999_999_999), 8),
            "gross_unit_price": Decimal(seed.child("price").between(1_000_000, 1_500_000_000), 6),
            "net_value": Money(gross - tax),
            "withheld_amount": Money(tax),
            "transaction_fee": Null,
            "purchase_unit_price": Money(100_000),
            "pre_fixed_rate": Null,
            "post_fixed_rate": Decimal(1_020_000, 6),
            "penalty_fee": Null,
            "late_payment_fee": Null,
            "closing_price": Null,
            "unit_price_factor": Null,
        },
        "remuneration": object! {
            "pre_fixed_rate": (indexer == "IPCA").then_some(Decimal(58_300, 6)),
            "post_fixed_rate": Decimal(1_020_000, 6),
            "rate_type": "EXPONENCIAL",
            "rate_periodicity": "ANUAL",
            "calculation_base": "DIAS_UTEIS",
            "indexer": indexer,
            "indexer_additional_info": Null,
        },
        "classification_details": (kind == "INVESTMENT_FUND").then(|| object! {
            "category": "RENDA_FIXA",
            "class": "Renda Fixa",
            "subclass": "Duração Livre",
        }),
        "voucher_payment_details": object! {
            "is_voucher_payment": false,
            "periodicity": Null,
            "periodicity_additional_info": Null,
        },
        "debtor_details": profile.quirks.then_some(debtor),
    }
}

fn movement(profile: &Profile, seed: Seed, number: u64, investment: &Arc<Raw>) -> Raw {
    let value = seed.child("value").between(10_000, 800_000);
    let inflow = number == 0 || !seed.child("redemption").one_in(3);
    let days_ago = (280 - i64::try_from(number).unwrap_or(0) * 50).max(0);
    let mut text = object! {
        "id": profile.row_id(seed),
        "link": profile.link_id,
        "collected_at": clock::micros(profile.collected_at),
        "created_at": clock::micros(profile.created_at),
        "investment": investment,
        "internal_identification": seed.child("internal").hex(),
        "value_date": clock::days_from(clock::day(profile.created_at), -days_ago),
        "gross_value": Money(value),
        "net_value": Money(value),
        "value": Money(value),
        "unit_price": Decimal(seed.child("price").between(1_000_000, 1_500_000_000), 6),
        "price_factor": 1_i64,
        "transaction_tax": Money(0),
        "income_tax": Money(if inflow { 0 } else { value / 50 }),
        "quantity": Decimal(seed.child("quantity").between(1_000_000, 9_999_999_999), 8),
        "type": if inflow { "INFLOW" } else { "OUTFLOW" },
        "subtype": if inflow { "APLICACAO" } else { "RESGATE" },
        "indexer_percentage": Decimal(1_020_000, 6),
        "rate": Money(0),
        "exit_fee": Money(0),
        "broker_note_details": Null,
    };
    if profile.quirks {
        // Null although the schema requires a value, as in Belvo's own sample.
        text.0.pop();
        text.0.push_str(",\"subtype_additional_info\":null}");
    }
    text
}
