//! Users, invented: who they are, what they have begun, and what they own.

use jiff::Timestamp;
use serde_json::{Value, json};

/// What every name begins with.
pub const NAME: &str = "Pessoa Inventada";

/// A user of the app, who is one person.
#[derive(Clone, Debug)]
pub struct Person {
    pub external_id: String,
    pub cpf: String,
    pub name: String,
    /// The company for which they connect, if it is one.
    pub company: Option<Company>,
    pub visits: Vec<Visit>,
    /// The receipts of what they have had erased.
    pub receipts: Vec<String>,
    /// Those of everything.
    pub erasures: Vec<String>,
    /// When they have had everything erased last: visits of before lead to nothing.
    pub erased_at: Option<Timestamp>,
}

/// A company that a user acts for.
#[derive(Clone, Debug)]
pub struct Company {
    pub cnpj: String,
    pub name: String,
}

/// A visit to the widget that may not have ended.
#[derive(Clone, Debug)]
pub struct Visit {
    pub session_id: String,
    pub access_token: String,
    pub begun_at: Timestamp,
    pub outcome: Option<Outcome>,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a link, and whether the browser came back.
    Success { returned: bool },
    /// Without one, and whether the browser came back.
    Other { returned: bool },
}

/// A link that a user has made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Whose it is.
    pub person: usize,
    pub session_id: String,
    /// Whether the owner at the bank is the person whose document the token has.
    pub owner_is_theirs: bool,
    /// Whether Belvo has forgotten who made it: a signed callback and the owner say so.
    pub names_nobody: bool,
    /// Whether the app has posted the proof that the user came back.
    pub proven: bool,
    /// Whether its user has had it erased.
    pub erased: bool,
    /// Whether Belvo has deleted it for a reason of its own.
    pub deleted_at_belvo: bool,
    /// The link it continues: a consent was renewed, and Belvo has made a new link of it that names
    /// nobody.
    pub continues: Option<String>,
}

impl Person {
    /// Number so and so.
    pub fn invented(number: usize) -> Self {
        Self {
            external_id: format!("user-{number}"),
            cpf: cpf(number),
            name: format!("{NAME} {}", word(number)),
            company: (number % 4 == 3).then(|| Company {
                cnpj: cnpj(number),
                name: format!("{NAME} {} Ltda", word(number)),
            }),
            visits: Vec::new(),
            receipts: Vec::new(),
            erasures: Vec::new(),
            erased_at: None,
        }
    }
}

impl Person {
    /// What names them to Belvo.
    pub fn identification(&self) -> Value {
        let mut members = json!({"cpf": self.cpf, "name": self.name});
        if let Some(company) = &self.company {
            members["cnpj"] = json!(company.cnpj);
            members["company_name"] = json!(company.name);
        }
        members
    }

    /// Their own document, and that of their company.
    pub fn documents(&self) -> impl Iterator<Item = &String> {
        [&self.cpf]
            .into_iter()
            .chain(self.company.as_ref().map(|it| &it.cnpj))
    }
}

impl Made {
    /// Whether Belvo says whose it is.
    pub fn is_named(&self) -> bool {
        self.continues.is_none() && !self.names_nobody
    }
}

impl Person {
    /// Somebody else, whose account this person uses.
    pub fn account_holder_of(person: usize) -> Self {
        Self::invented(10_000 + person)
    }
}

/// Letters for a number, because a name has no digits.
fn word(mut number: usize) -> String {
    let mut word = String::from("A");
    while number > 0 {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    word
}

/// An invented CPF with valid check digits.
fn cpf(number: usize) -> String {
    with_check_digits(731_000_000 + number * 7919, 9, 11)
}

/// An invented CNPJ with valid check digits.
fn cnpj(number: usize) -> String {
    with_check_digits((41_000_000 + number * 7919) * 10_000 + 1, 12, 9)
}

/// Two check digits behind so many digits. The weights grow from the right, from two to the heaviest,
/// and begin again.
fn with_check_digits(number: usize, length: usize, heaviest: usize) -> String {
    let digits = format!("{number:0length$}");
    let mut digits: Vec<u32> = digits.bytes().map(|it| u32::from(it - b'0')).collect();
    for _ in 0..2 {
        let weights = (2..=heaviest as u32).cycle();
        let sum: u32 = digits
            .iter()
            .rev()
            .zip(weights)
            .map(|(digit, weight)| digit * weight)
            .sum();
        digits.push(match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        });
    }
    digits.iter().map(u32::to_string).collect()
}
