//! Invented people and companies. The check digits are valid; as far as we know, no person or
//! company has these numbers.

use serde_json::{Value, json};

/// A person who can sign in to a demo.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    pub cpf: &'static str,
    pub name: &'static str,
    /// CNPJ and name of the company the person acts for.
    pub company: Option<(&'static str, &'static str)>,
}

/// All people who can sign in to a demo.
pub const PEOPLE: [Person; 7] = [
    person("48291530750", "Marina Duarte Falcão"),
    person("07531864207", "Joaquim Prado Nogueira"),
    person("91360274804", "Tainá Ribeiro Sá"),
    person("26487015911", "Otávio Lemos Arantes"),
    director(
        "35194702680",
        "Helena Brito Vasconcelos",
        "48392017000168",
        "Padaria Aurora do Campo Ltda",
    ),
    director(
        "60821379577",
        "Caetano Moura Diniz",
        "59173628000131",
        "Oficina Três Rodas ME",
    ),
    // Registered after July 2026: the new kind of CNPJ, with letters.
    director(
        "12745983032",
        "Iara Campos Teles",
        "27KX9M4P000136",
        "Verdejar Jardins Ltda",
    ),
];

/// Names of payers, payees and parents.
pub const OTHERS: [&str; 10] = [
    "Beatriz Nunes Leal",
    "Rafael Sampaio Góes",
    "Lúcia Amaral Pires",
    "Davi Torres Quintana",
    "Sônia Bastos Meireles",
    "Enzo Furtado Rocha",
    "Clara Siqueira Mattos",
    "Murilo Paiva Antunes",
    "Renata Coelho Vidal",
    "Tomás Andrade Freire",
];

const fn person(cpf: &'static str, name: &'static str) -> Person {
    Person {
        cpf,
        name,
        company: None,
    }
}

const fn director(
    cpf: &'static str,
    name: &'static str,
    cnpj: &'static str,
    company_name: &'static str,
) -> Person {
    Person {
        cpf,
        name,
        company: Some((cnpj, company_name)),
    }
}

/// The name of a CPF or CNPJ on the list.
pub fn name_of(document: &str) -> Option<&'static str> {
    PEOPLE.iter().find_map(|person| match person.company {
        _ if person.cpf == document => Some(person.name),
        Some((cnpj, name)) if cnpj == document => Some(name),
        _ => None,
    })
}

/// The list in the form of the control interface.
pub fn list() -> Value {
    PEOPLE
        .iter()
        .map(|person| match person.company {
            None => json!({ "kind": "individual", "cpf": person.cpf, "name": person.name }),
            Some((cnpj, company_name)) => json!({
                "kind": "company",
                "cpf": person.cpf,
                "name": person.name,
                "cnpj": cnpj,
                "company_name": company_name,
            }),
        })
        .collect()
}
