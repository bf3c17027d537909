//! The person and the company who consent: from the verified token's claims or, if the customer
//! opted in, from the body.

use domain::{Claims, Cnpj, Company, Cpf, FullName, Holder, Identity, Person};
use runtime::{Problem, ProblemKind};
use serde_json::{Map, Value};

use crate::config::{ClaimNames, IdentitySource};
use crate::fields::Fields;

/// The members of a request about who consents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Who {
    pub(crate) holder: Option<Holder>,
    pub(crate) identification: Option<Map<String, Value>>,
}

impl Who {
    /// Takes `holder` and `identification` out of a request.
    pub(crate) fn read(fields: &mut Fields) -> Self {
        Self {
            holder: fields.word(
                "holder",
                &[
                    ("individual", Some(Holder::Individual)),
                    ("company", Some(Holder::Company)),
                ],
            ),
            identification: fields.object("identification"),
        }
    }
}

/// Finds the identity of a request, or says which part is missing or wrong.
pub(crate) fn identify(
    source: &IdentitySource,
    sandbox: bool,
    claims: &Claims,
    who: &Who,
) -> Result<Identity, Problem> {
    let parts = match (source, &who.identification) {
        (IdentitySource::Claims(_), Some(_)) => {
            return Err(Problem::new(ProblemKind::InvalidRequest).at(
                "/identification",
                "must not be sent: CPF, CNPJ and names come from the token",
            ));
        }
        (IdentitySource::Claims(names), None) => Parts::from_claims(claims, names),
        (IdentitySource::Body, identification) => {
            Parts::from_body(identification.clone().unwrap_or_default())
        }
    };
    parts.check(sandbox, who.holder)
}

/// The four texts of an identification, each with its name in the claims or in the body.
struct Parts {
    cpf: Part,
    name: Part,
    cnpj: Part,
    company_name: Part,
    strangers: Vec<String>,
    kind: ProblemKind,
    /// How a CPF and a CNPJ are read. An identity provider may keep them as numbers; what a user types
    /// must be whole, so that a missing digit is noticed.
    forms: Forms,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    Any,
    Whole,
}

struct Part {
    pointer: String,
    text: Option<String>,
}

impl Parts {
    fn from_claims(claims: &Claims, names: &ClaimNames) -> Self {
        let part = |name: &String| Part {
            pointer: format!("claim {name}"),
            text: domain::principal::claim(claims, name).map(str::to_owned),
        };
        Self {
            cpf: part(&names.cpf),
            name: part(&names.name),
            cnpj: part(&names.cnpj),
            company_name: part(&names.company_name),
            strangers: Vec::new(),
            // The app cannot mend its user's token: the request is valid, the user may not do this.
            kind: ProblemKind::Forbidden,
            forms: Forms::Any,
        }
    }

    fn from_body(mut members: Map<String, Value>) -> Self {
        let mut part = |name: &str| Part {
            pointer: format!("/identification/{name}"),
            text: match members.remove(name) {
                None | Some(Value::Null) => None,
                // A number would have lost its leading zeros: the empty text fails every check.
                Some(value) => Some(value.as_str().unwrap_or_default().to_owned()),
            },
        };
        let (cpf, name) = (part("cpf"), part("name"));
        let (cnpj, company_name) = (part("cnpj"), part("company_name"));
        Self {
            cpf,
            name,
            cnpj,
            company_name,
            strangers: members.keys().take(10).cloned().collect(),
            kind: ProblemKind::InvalidRequest,
            forms: Forms::Whole,
        }
    }

    fn check(self, sandbox: bool, holder: Option<Holder>) -> Result<Identity, Problem> {
        let mut errors = Vec::new();
        let parse_cnpj = match sandbox {
            true => Cnpj::parse_in_sandbox,
            false => Cnpj::parse,
        };
        // A user with a company connects as the company, unless they say otherwise.
        let company_wanted = match holder {
            Some(Holder::Individual) => false,
            Some(Holder::Company) => true,
            None => self.cnpj.text.is_some() || self.company_name.text.is_some(),
        };
        let forms = self.forms;
        let parse_cpf = match forms {
            Forms::Any => Cpf::lenient,
            Forms::Whole => Cpf::parse,
        };
        let cnpj = |text: &str| match forms {
            Forms::Any => Cnpj::lenient(text, parse_cnpj),
            Forms::Whole => parse_cnpj(text),
        };
        let cpf = self.cpf.parse(parse_cpf, &mut errors);
        let name = self.name.parse(FullName::parse, &mut errors);
        let company = company_wanted.then(|| {
            let cnpj = self.cnpj.parse(cnpj, &mut errors);
            let name = self.company_name.parse(FullName::parse, &mut errors);
            Some(Company {
                cnpj: cnpj?,
                name: name?,
            })
        });
        for name in self.strangers {
            errors.push((
                format!(
                    "/identification/{}",
                    name.replace('~', "~0").replace('/', "~1")
                ),
                "is not a field of this request".to_owned(),
            ));
        }
        match (cpf, name, company) {
            (Some(cpf), Some(name), company) if errors.is_empty() => Ok(Identity {
                person: Person { cpf, name },
                company: company.flatten(),
            }),
            _ => {
                let problem = Problem::new(self.kind);
                Err(errors
                    .into_iter()
                    .fold(problem, |problem, (pointer, rule)| {
                        problem.at(pointer, rule)
                    }))
            }
        }
    }
}

impl Part {
    fn parse<T, E: ToString>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
        errors: &mut Vec<(String, String)>,
    ) -> Option<T> {
        let result = match &self.text {
            Some(text) => parse(text).map_err(|rule| rule.to_string()),
            None => Err("is missing".to_owned()),
        };
        result
            .map_err(|rule| errors.push((self.pointer.clone(), rule)))
            .ok()
    }
}
