//! The environment a function's process gets: what the template says, and what Lambda adds.

use std::collections::BTreeMap;

use anyhow::ensure;

use super::child::FUNCTION_VARIABLE;
use crate::{
    aws::{CREDENTIALS, REGION},
    template::Function,
};

/// Where a function finds the emulated services.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) dynamodb_url: String,
    pub(crate) sqs_url: String,
    pub(crate) secretsmanager_url: String,
}

impl Surroundings {
    /// Everything a process of `function` is told; nothing else of this machine reaches it.
    pub(super) fn variables(
        &self,
        function: &Function,
        runtime_api: &str,
        stream: &str,
    ) -> BTreeMap<String, String> {
        let mut variables = function.variables.clone();
        let mut set = |name: &str, value: &str| {
            variables.insert(name.to_owned(), value.to_owned());
        };
        set(FUNCTION_VARIABLE, &function.name);
        set("AWS_LAMBDA_RUNTIME_API", runtime_api);
        set("AWS_LAMBDA_FUNCTION_NAME", &function.name);
        set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        set(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            &function.memory.to_string(),
        );
        set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        set(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            &format!("/aws/lambda/{}", function.name),
        );
        set("AWS_LAMBDA_LOG_STREAM_NAME", stream);
        if let Some(format) = &function.log_format {
            set("AWS_LAMBDA_LOG_FORMAT", format);
        }
        if let Some(level) = &function.log_level {
            set("AWS_LAMBDA_LOG_LEVEL", level);
        }
        set("TZ", ":UTC");
        // By its access key, whoever is called knows the caller.
        variables.extend(self.aws(&function.name));
        variables
    }

    /// What a process is told that somebody else starts, as whichever of `functions`.
    pub(crate) fn variables_of_any(
        &self,
        functions: &[Function],
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        for (name, value) in functions.iter().flat_map(|it| &it.variables) {
            let before = variables.insert(name.clone(), value.clone());
            ensure!(
                before.is_none_or(|before| before == *value),
                "{name} does not say the same to all functions"
            );
        }
        variables.extend(self.aws(CREDENTIALS));
        Ok(variables)
    }

    /// Where AWS is, and who calls it.
    fn aws(&self, access_key: &str) -> impl Iterator<Item = (String, String)> {
        [
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", access_key),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb_url),
            ("AWS_ENDPOINT_URL_SQS", &self.sqs_url),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.secretsmanager_url),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
    }
}
