//! The environment of a function's process: the template's variables, and Lambda's own.

use std::collections::BTreeMap;

use anyhow::ensure;

use super::child::FUNCTION_VARIABLE;
use crate::{
    aws::{CREDENTIALS, REGION},
    template::Function,
};

/// The addresses of the emulated services.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) dynamodb_url: String,
    pub(crate) sqs_url: String,
    pub(crate) secretsmanager_url: String,
}

impl Surroundings {
    /// All variables of a process of `function`. It inherits no other variable of this machine.
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
        // The access key is the function's name, which identifies the caller.
        variables.extend(self.aws(&function.name));
        variables
    }

    /// The variables for a process outside the stack, which may run any of `functions`.
    pub(crate) fn variables_of_any(
        &self,
        functions: &[Function],
    ) -> anyhow::Result<BTreeMap<String, String>> {
        let mut variables = BTreeMap::new();
        for (name, value) in functions.iter().flat_map(|it| &it.variables) {
            let before = variables.insert(name.clone(), value.clone());
            ensure!(
                before.is_none_or(|before| before == *value),
                "{name} differs between functions"
            );
        }
        variables.extend(self.aws(CREDENTIALS));
        Ok(variables)
    }

    /// The addresses of AWS, and the caller's keys.
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
