//! The four accounts of every link: checking, savings, credit card and loan.

use std::sync::Arc;

use crate::{
    clock,
    data::{Profile, Stored, bills, loans, transactions::Transaction},
    json::{Money, Null, Raw, object},
    random::Seed,
};

pub const CHECKING: usize = 0;
pub const SAVINGS: usize = 1;
pub const CARD: usize = 2;
pub const LOAN: usize = 3;

/// The accounts as of the last collection. Balances follow the transactions.
pub fn accounts(
    profile: &Profile,
    [checking, savings]: [i64; 2],
    transactions: &[Transaction],
) -> Vec<Stored> {
    let sums = sums(profile, transactions);
    vec![
        deposit(profile, CHECKING, checking.saturating_add(sums[CHECKING])),
        deposit(profile, SAVINGS, savings.saturating_add(sums[SAVINGS])),
        card(profile, sums[CARD].saturating_neg()),
        loan(profile),
    ]
}

/// An additional savings account with only the fields that the test gave.
pub fn another(profile: &Profile) -> Stored {
    let balance = seed(profile, SAVINGS)
        .child("balance")
        .between(20_000, 1_900_000);
    deposit(profile, SAVINGS, balance)
}

/// The Open Finance name of an account type.
pub fn kind(account: &Stored) -> String {
    #[derive(serde::Deserialize)]
    struct Kind {
        r#type: Option<String>,
    }
    let read = serde_json::from_str::<Kind>(&account.text.0).ok();
    read.and_then(|kind| kind.r#type).unwrap_or_default()
}

/// Opening balance of the deposit accounts, which makes today's balance plausible.
pub fn openings(profile: &Profile, history: &[Transaction]) -> [i64; 2] {
    let sums = sums(profile, history);
    [CHECKING, SAVINGS].map(|account| {
        let balance = seed(profile, account)
            .child("balance")
            .between(20_000, 1_900_000);
        balance.saturating_sub(sums[account])
    })
}

/// Sum of each account's transactions; for the card, only those of the open period.
fn sums(profile: &Profile, transactions: &[Transaction]) -> [i64; 4] {
    let mut sums = [0_i64; 4];
    let open_since = bills::last_closing(clock::day(profile.collected_at));
    for transaction in transactions {
        let account = usize::from(transaction.account);
        let counts = account != CARD || transaction.value_date.is_none_or(|day| day > open_since);
        if let (true, Some(sum)) = (counts, sums.get_mut(account)) {
            *sum = sum.saturating_add(transaction.signed_cents());
        }
    }
    sums
}

/// The last four digits of the card.
pub fn card_number(profile: &Profile) -> String {
    profile.seed.child("card number").digits(4)
}

fn deposit(profile: &Profile, position: usize, balance: i64) -> Stored {
    let (category, kind) = match position {
        SAVINGS => ("SAVINGS_ACCOUNT", "CONTA_POUPANCA"),
        _ => ("CHECKING_ACCOUNT", "CONTA_DEPOSITO_A_VISTA"),
    };
    let seed = seed(profile, position);
    let number = seed.child("number").digits(8);
    // Belvo writes balances without a sign; a negative balance shows as used overdraft.
    let overdraft = object! {
        "arranged": Money(100_000),
        "used": Money(balance.min(0).saturating_neg()),
        "unarranged": Money(0),
    };
    let rest = Rest {
        category,
        balance_type: "ASSET",
        overdraft: (position == CHECKING).then_some(overdraft),
        kind,
        subtype: "INDIVIDUAL",
        name: None,
        balance: object! {
            "current": Money(balance.max(0)),
            "available": Money(balance.max(0).saturating_add(100_000)),
            "blocked": Money(0),
            "automatically_invested": Money(0),
        },
        identification: ("AGENCY/NUMBER", format!("0417/{number}")),
        number,
        credit_data: None,
        loan_data: None,
    };
    account(profile, seed, rest)
}

fn card(profile: &Profile, spent: i64) -> Stored {
    let seed = seed(profile, CARD);
    let (last_four, spent) = (card_number(profile), spent.max(0));
    let limit = 1_200_000_i64.max(spent);
    let limits = if profile.quirks {
        // Belvo's own sample has another enum value and another key than its schema.
        object! {
            "type": "LIMITE_CREDITO_TOTAL",
            "line_name": "CREDITO_A_VISTA",
            "card_number": last_four,
            "used_amount": Money(spent),
            "credit_limit": Money(limit),
            "available_amount": Money(limit - spent),
            "is_limit_flexible": true,
            "consolidation_type": "CONSOLIDADO",
            "line_name_additional_info": "NA",
        }
    } else {
        object! {
            "identification_number": last_four,
            "credit_limit": Money(limit),
            "used_amount": Money(spent),
            "available_amount": Money(limit - spent),
            "is_limit_flexible": false,
            "type": "TOTAL_LIMIT",
            "consolidation_type": "CONSOLIDADO",
            "line_name": "CREDITO_A_VISTA",
            "line_name_additional_info": Null,
        }
    };
    let credit_data = object! {
        "collected_at": clock::micros(profile.collected_at),
        "credit_limit": Money(limit),
        "limits": [limits],
        "cutting_date": Null,
        "minimum_payment": Null,
        "network": seed.child("network").pick(&["VISA", "MASTERCARD", "ELO"], "ELO"),
        "network_additional_info": Null,
        "cards": [object! { "is_multiple": false, "identification_number": last_four }],
        "next_payment_date": Null,
        "no_interest_payment": Null,
        "interest_rate": Null,
        "monthly_payment": Null,
        "last_payment_date": Null,
    };
    let rest = Rest {
        category: "CREDIT_CARD",
        balance_type: "LIABILITY",
        overdraft: None,
        kind: "GOLD",
        subtype: "Cartão Ouro",
        name: Some("Cartão Ouro"),
        balance: object! {
            "current": Money(spent),
            "available": Money(limit - spent),
            "blocked": Money(0),
            "automatically_invested": Money(0),
        },
        identification: ("CREDIT_CARD_NUMBER", last_four.clone()),
        number: last_four,
        credit_data: Some(credit_data),
        loan_data: None,
    };
    account(profile, seed, rest)
}

fn loan(profile: &Profile) -> Stored {
    let seed = seed(profile, LOAN);
    let installment = seed.child("installment").between(18_000, 95_000);
    let paid = seed.child("paid").between(2, 20);
    let (total, left) = (installment * 24, installment * (24 - paid));
    let start = clock::days_from(clock::day(profile.created_at), -30 * paid);
    let (tax, rate, period) = if profile.quirks {
        ("NOMINAL_TAX", "SIMPLE_RATE", "AA")
    } else {
        ("NOMINAL", "SIMPLE", "MONTHLY")
    };
    let number = seed.child("contract").digits(12);
    let rest = Rest {
        category: "LOAN_ACCOUNT",
        balance_type: "LIABILITY",
        overdraft: None,
        kind: "EMPRESTIMOS",
        subtype: "CREDITO_PESSOAL_SEM_CONSIGNACAO",
        name: Some("Crédito pessoal"),
        balance: object! { "current": Money(left), "available": Null, "blocked": Money(0), "automatically_invested": Money(0) },
        identification: ("LOAN_CONTRACT_NUMBER", number.clone()),
        credit_data: None,
        loan_data: Some(loans::loan_data(
            profile,
            &number,
            start,
            [total, left, installment, paid],
            [tax, rate, period],
        )),
        number,
    };
    account(profile, seed, rest)
}

/// The fields in which the account types differ.
struct Rest {
    category: &'static str,
    balance_type: &'static str,
    overdraft: Option<Raw>,
    kind: &'static str,
    subtype: &'static str,
    name: Option<&'static str>,
    number: String,
    balance: Raw,
    identification: (&'static str, String),
    credit_data: Option<Raw>,
    loan_data: Option<Raw>,
}

fn account(profile: &Profile, seed: Seed, rest: Rest) -> Stored {
    let id = profile.row_id(seed);
    let (identification_name, identification_value) = rest.identification;
    let text = object! {
        "id": id,
        "link": profile.link_id,
        "institution": object! { "name": profile.bank.name, "type": "bank" },
        "collected_at": clock::millis_with_offset(profile.collected_at),
        "created_at": clock::micros(profile.created_at),
        "last_accessed_at": clock::millis(profile.collected_at),
        "category": rest.category,
        "balance_type": rest.balance_type,
        "overdraft": rest.overdraft,
        "type": rest.kind,
        "subtype": rest.subtype,
        "name": rest.name,
        "number": rest.number,
        "agency": "0417",
        "check_digit": seed.child("digit").digits(1),
        "balance": rest.balance,
        "currency": "BRL",
        "public_identification_name": identification_name,
        "public_identification_value": identification_value,
        "internal_identification": seed.child("internal").hex(),
        "credit_data": rest.credit_data,
        "loan_data": rest.loan_data,
        "funds_data": Null,
    };
    Stored {
        id,
        created_at: profile.created_at,
        parent: None,
        text: Arc::new(text),
    }
}

fn seed(profile: &Profile, position: usize) -> Seed {
    profile.seed.child("account").at(position as u64)
}
