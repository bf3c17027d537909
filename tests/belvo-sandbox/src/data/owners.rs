//! The owner of a link's accounts: a person or a company, in Belvo's two shapes.

use std::sync::Arc;

use crate::{
    clock,
    data::{Profile, Stored},
    json::{Money, Null, Raw, object},
    people,
    random::Seed,
};

/// The only owner of a link.
pub fn owner(profile: &Profile) -> Stored {
    let seed = profile.seed.child("owner");
    let id = profile.row_id(seed);
    let text = if profile.is_company() {
        company(profile, seed, &id.to_string())
    } else {
        person(profile, seed, &id.to_string())
    };
    Stored {
        id,
        created_at: profile.created_at,
        parent: None,
        text: Arc::new(text),
    }
}

fn person(profile: &Profile, seed: Seed, id: &str) -> Raw {
    let today = clock::day(profile.created_at);
    let (email, phone) = (email(profile), seed.child("phone").digits(8));
    object! {
        "id": id,
        "link": profile.link_id,
        "internal_identification": seed.child("internal").hex(),
        "collected_at": clock::millis(profile.collected_at),
        "created_at": clock::micros(profile.created_at),
        "display_name": profile.name,
        "social_name": Null,
        "birth_date": clock::days_from(today, -seed.child("age").between(20 * 365, 65 * 365)),
        "marital_status": seed.child("marital").pick(&["SINGLE", "MARRIED", "DIVORCED"], "SINGLE"),
        "marital_status_additional_info": Null,
        "gender": seed.child("gender").pick(&["FEMALE", "MALE"], "OTHER"),
        "companies_id": [profile.bank.cnpj],
        "is_local_resident": true,
        "document_id": object! { "document_type": "CPF", "document_number": profile.document },
        "additional_documents": [object! {
            "type": "DRIVERS_LICENSE",
            "type_additional_info": Null,
            "number": seed.child("license").digits(10),
            "check_digit": seed.child("license digit").digits(1),
            "issue_date": clock::days_from(today, -900),
            "expiration_date": clock::days_from(today, 2700),
            "country_of_issuance": "BRA",
            "additional_info": Null,
        }],
        "nationalities": [object! { "info": "BRA", "documents": Vec::<Raw>::new() }],
        "email": email,
        "emails": [object! { "is_main": true, "email": email }],
        "address": street(seed),
        "addresses": [address(seed)],
        "phone_number": format!("+5511{phone}"),
        "phone_numbers": [phone_number(&phone, "MOBILE")],
        "filiations": [object! {
            "type": "MOTHER",
            "civil_name": seed.child("mother").pick(&people::OTHERS, "Ana Prado"),
            "social_name": Null,
        }],
        "financial_profile": object! {
            "company_id": profile.bank.cnpj,
            "occupation_code": "BRAZIL_OCCUPATION_CODE",
            "occupation_description": seed.child("job").pick(&["2124-05", "2341-10", "5211-10"], "2124-05"),
            "informed_income": object! {
                "frequency": "MONTHLY",
                "amount": Money(seed.child("income").between(210_000, 1_850_000)),
                "currency": "BRL",
                "date": clock::days_from(today, -120),
            },
            "patrimony": object! {
                "amount": Money(seed.child("patrimony").between(1_000_000, 90_000_000)),
                "currency": "BRL",
                "year": i64::from(today.year()) - 1,
            },
        },
        "financial_relation": object! {
            "start_date": clock::seconds(clock::seconds_from(profile.created_at, -1500 * 86_400)),
            "product_services": ["CONTA_DEPOSITO_A_VISTA", "CARTAO_CREDITO"],
            "product_services_additional_info": Null,
            "procurators": Vec::<Raw>::new(),
            "products": [product(profile, seed)],
            "salary_portability_requests": Vec::<Raw>::new(),
            "payroll_accounts": Vec::<Raw>::new(),
        },
    }
}

fn company(profile: &Profile, seed: Seed, id: &str) -> Raw {
    let today = clock::day(profile.created_at);
    let (email, phone) = (email(profile), seed.child("phone").digits(8));
    let founded = clock::days_from(today, -seed.child("age").between(700, 9000));
    let (cpf, name) = profile
        .representative
        .clone()
        .unwrap_or_else(|| (people::PEOPLE[0].cpf.into(), people::PEOPLE[0].name.into()));
    object! {
        "id": id,
        "link": profile.link_id,
        "internal_identification": seed.child("internal").hex(),
        "collected_at": clock::millis(profile.collected_at),
        "created_at": clock::micros(profile.created_at),
        "company_name": profile.name,
        "trade_name": Null,
        "incorporation_date": founded,
        "companies_id": [profile.bank.cnpj],
        "document_id": object! { "document_type": "CNPJ", "document_number": profile.document },
        "additional_documents": [object! {
            "type": "FISCAL_ID",
            "type_additional_info": "Inscrição municipal",
            "number": seed.child("municipal").digits(8),
            "check_digit": "",
            "issue_date": founded,
            "expiration_date": Null,
            "country_of_issuance": "BRA",
            "additional_info": Null,
        }],
        "email": email,
        "emails": [object! { "is_main": true, "email": email }],
        "address": street(seed),
        "addresses": [address(seed)],
        "phone_number": format!("+5511{phone}"),
        "phone_numbers": [phone_number(&phone, "LANDLINE")],
        "parties": [object! {
            "person_type": "INDIVIDUAL",
            "type": "ADMINISTRATOR",
            "display_name": name,
            "social_name": Null,
            "company_name": Null,
            "trade_name": Null,
            "start_date": founded,
            "percentage_type": Raw("0.510000".into()),
            "document_type": "CPF",
            "document_number": cpf,
            "document_issue_date": Null,
            "document_expiration_date": Null,
            "document_country": "BRA",
            "document_additional_info": Null,
        }],
        "financial_profile": object! {
            "economic_activities": [object! { "is_main": true, "code": "4721102" }],
            "informed_revenue": object! {
                "frequency": "ANNUALLY",
                "frequency_additional_info": Null,
                "amount": Money(seed.child("revenue").between(18_000_000, 900_000_000)),
                "currency": "BRL",
                "year": i64::from(today.year()) - 1,
            },
            "patrimony": object! {
                "amount": Money(seed.child("patrimony").between(5_000_000, 300_000_000)),
                "currency": "BRL",
                "date": clock::days_from(today, -300),
            },
        },
        "financial_relation": object! {
            "start_date": clock::seconds(clock::seconds_from(profile.created_at, -600 * 86_400)),
            "product_services": ["CONTA_DEPOSITO_A_VISTA"],
            "procurators": [object! {
                "type": "LEGAL_REPRESENTATIVE",
                "civil_name": name,
                "social_name": Null,
                "document_number": cpf,
            }],
            "products": [product(profile, seed)],
        },
    }
}

fn email(profile: &Profile) -> String {
    // The address must be plain ASCII, so the seed makes it instead of the name.
    let handle = profile.seed.child("email").digits(6);
    format!("titular{handle}@example.com")
}

fn street(seed: Seed) -> String {
    let street = seed.child("street").pick(
        &[
            "Rua das Acácias",
            "Avenida Beira-Rio",
            "Travessa do Engenho",
            "Rua Dona Sinhá",
        ],
        "Rua das Acácias",
    );
    format!("{street}, {}", seed.child("house").between(8, 2400))
}

fn address(seed: Seed) -> Raw {
    object! {
        "is_main": true,
        "address": street(seed),
        "additional_info": Null,
        "district_name": "Centro",
        "town": "São Paulo",
        "town_code": "3550308",
        "state": "SP",
        "postcode": format!("01{}", seed.child("postcode").digits(6)),
        "country_name": "Brasil",
        "country_code": "BRA",
        "latitude": "-23.5475000",
        "longitude": "-46.6361100",
    }
}

fn phone_number(number: &str, kind: &str) -> Raw {
    object! {
        "is_main": true,
        "type": kind,
        "additional_info": Null,
        "number": number,
        "country_code": "55",
        "area_code": "11",
        "extension": Null,
    }
}

fn product(profile: &Profile, seed: Seed) -> Raw {
    object! {
        "type": "CHECKING_ACCOUNT",
        "subtype": "INDIVIDUAL",
        "agency": "0417",
        "clearing_code": profile.bank.clearing_code,
        "number": seed.child("account").digits(8),
        "check_digit": seed.child("account digit").digits(1),
    }
}
