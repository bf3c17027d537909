//! A stack's parameters and outputs, as CloudFormation describes them.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use url::Url;

use crate::row::{Other, fail};

/// The parameters and outputs that the checks use, by their names in `template.yaml`.
const NAMES: [&str; 17] = [
    "AllowedOrigins",
    "ApiUrl",
    "BelvoEnvironment",
    "CompanyIconUrl",
    "CompanyLogoUrl",
    "CompanyTermsUrl",
    "ExternalIdMode",
    "FetchResources",
    "IdentitySource",
    "JwtScope",
    "OpenFinanceLimits",
    "PortalUrl",
    "PublicUrl",
    "ReturnUrls",
    "TermsAndConditionsUrl",
    "WebhookSourceIps",
    "WebhookUrl",
];

/// Parameters and outputs of a stack.
#[derive(Clone, Debug, Default)]
pub struct Stack(BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    stacks: Vec<Described>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    #[serde(default)]
    parameters: Vec<Parameter>,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    #[serde(default)]
    parameter_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

impl Stack {
    /// Parses the output of `aws cloudformation describe-stacks`.
    pub fn described(text: &str) -> anyhow::Result<Self> {
        let description: Description =
            serde_json::from_str(text).context("expected what describe-stacks prints")?;
        let [stack] = <[Described; 1]>::try_from(description.stacks)
            .ok()
            .context("expected one stack: describe it with --stack-name")?;
        let parameters = stack.parameters.into_iter();
        let parameters = parameters.map(|it| (it.parameter_key, it.parameter_value));
        let outputs = stack.outputs.into_iter();
        let outputs = outputs.map(|it| (it.output_key, it.output_value));
        let known = |(name, _): &(String, String)| NAMES.contains(&name.as_str());
        Ok(Self(parameters.chain(outputs).filter(known).collect()))
    }

    /// Sets one value. An unused name is an error, because it is a mistake of the operator.
    pub fn set(&mut self, name: &str, value: String) -> anyhow::Result<()> {
        if !NAMES.contains(&name) {
            bail!(
                "{name} is not used by any check; these are: {}",
                NAMES.join(", ")
            );
        }
        ensure!(!value.is_empty(), "{name} is empty");
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    /// Sets one value, unless it has one already.
    pub(crate) fn set_if_missing(&mut self, name: &str, value: String) -> anyhow::Result<()> {
        match self.get(name) {
            Some(_) => Ok(()),
            None => self.set(name, value),
        }
    }

    /// A value; an empty value counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|it| !it.is_empty())
    }

    /// The elements of a comma-separated list.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let list = self.get(name).unwrap_or_default();
        let elements = list.split(',').map(str::trim);
        elements.filter(|it| !it.is_empty()).collect()
    }

    /// A required address.
    pub(crate) fn url(&self, name: &str) -> Result<Url, Other> {
        let Some(text) = self.get(name) else {
            return Err(fail(format!("{name} is not known; give --stack")));
        };
        Url::parse(text).map_err(|_| fail(format!("{name} is not an address")))
    }

    /// An address below the API's.
    pub(crate) fn api(&self, path: &str) -> Result<Url, Other> {
        below(&self.url("ApiUrl")?, path)
    }

    /// An address below that of the widget's redirects.
    pub(crate) fn public(&self, path: &str) -> Result<Url, Other> {
        match self.get("PublicUrl") {
            Some(_) => below(&self.url("PublicUrl")?, path),
            None => self.api(path),
        }
    }

    /// The address for Belvo's webhooks.
    pub(crate) fn webhook(&self) -> Result<Url, Other> {
        match self.get("WebhookUrl") {
            Some(_) => self.url("WebhookUrl"),
            None => self.api("/webhook"),
        }
    }
}

/// A custom domain may have a prefix before the path.
pub(crate) fn below(base: &Url, path: &str) -> Result<Url, Other> {
    let address = format!("{}{path}", base.as_str().trim_end_matches('/'));
    Url::parse(&address).map_err(|_| fail("the address has no path to add to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this test, a misspelt name would stay without a value for ever.
    #[test]
    fn every_name_is_a_parameter_or_an_output_of_the_template() {
        let template = include_str!("../../../template.yaml");
        let section = |name: &'static str| {
            let lines = template
                .lines()
                .skip_while(move |line| *line != name)
                .skip(1);
            lines.take_while(|line| line.is_empty() || line.starts_with([' ', '#']))
        };
        let lines = section("Parameters:").chain(section("Outputs:"));
        let keys = lines.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
        let keys: Vec<_> = keys.filter(|key| !key.starts_with(' ')).collect();
        for name in NAMES {
            assert!(keys.contains(&name), "{name} is not in the template");
        }
    }
}
