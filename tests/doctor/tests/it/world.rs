//! A stack, foreign pages, and the program.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Stdio};

use local_stack::{Stack, StackOptions};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::pages::Pages;

pub const CPF: &str = "76109277673";
pub const CNPJ: &str = "50685362006773";

pub struct World {
    pub stack: Stack,
    pub pages: Pages,
    folder: PathBuf,
}

/// The options and variables of the program.
#[derive(Clone, Default)]
pub struct Question {
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
}

/// The output of the program.
pub struct Answer {
    pub code: i32,
    pub text: String,
    pub evidence: Value,
}

impl World {
    pub async fn start() -> Self {
        Self::with(Pages::start().await, &[]).await
    }

    /// With these template parameters.
    pub async fn with(pages: Pages, parameters: &[(&str, &str)]) -> Self {
        Self::with_options(pages, parameters, StackOptions::default()).await
    }

    /// A stack in which these secrets have no value yet.
    pub async fn without_secrets(pages: Pages, names: &[&str]) -> Self {
        let names = names.iter().map(|name| ((*name).to_owned(), None));
        let options = StackOptions {
            secrets: names.collect(),
            ..StackOptions::default()
        };
        Self::with_options(pages, &[], options).await
    }

    /// A stack whose API accepts every caller.
    pub async fn without_authorizer() -> Self {
        let template = include_str!("../../../../template.yaml");
        let authorizer = "        DefaultAuthorizer: AppUsers\n";
        assert!(template.contains(authorizer));
        let options = StackOptions {
            template: Some(template.replace(authorizer, "")),
            ..StackOptions::default()
        };
        Self::with_options(Pages::start().await, &[], options).await
    }

    async fn with_options(
        pages: Pages,
        parameters: &[(&str, &str)],
        options: StackOptions,
    ) -> Self {
        // The tests mint more tokens than a user may.
        let uncapped = [
            ("AttemptsPerUserPerHour", "1000"),
            ("AttemptsPerDocumentPerHour", "1000"),
        ];
        let parameters = uncapped.iter().chain(parameters);
        let parameters = parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let stack = Stack::start(StackOptions {
            parameters: parameters.collect(),
            arguments: ["functions", "--exact", "--nocapture"]
                .map(str::to_owned)
                .to_vec(),
            ..options
        });
        let folder = std::env::temp_dir().join(format!("doctor-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self {
            stack: stack.await.unwrap(),
            pages,
            folder,
        }
    }

    /// A check of the local stack, by its ready file.
    pub fn local(&self) -> Question {
        self.local_with(|_| {})
    }

    /// A check by a changed ready file.
    pub fn local_with(&self, change: impl FnOnce(&mut Value)) -> Question {
        let mut ready = serde_json::to_value(self.stack.endpoints()).unwrap();
        change(&mut ready);
        let path = self.write("ready.json", &ready);
        Question::default().set("--local", &path)
    }

    /// A check of the same stack as a deployed one, by CloudFormation's description.
    pub async fn deployed(&self) -> Question {
        let endpoints = self.stack.endpoints();
        let api_url = &endpoints.api_url;
        let parameters = json!([
            {"ParameterKey": "BelvoEnvironment", "ParameterValue": "sandbox"},
            {"ParameterKey": "PublicUrl", "ParameterValue": ""},
            {"ParameterKey": "AllowedOrigins", "ParameterValue": api_url},
            {"ParameterKey": "ReturnUrls", "ParameterValue": format!("{api_url}/done")},
            {"ParameterKey": "CompanyIconUrl", "ParameterValue": self.pages.url("/icon.svg")},
            {"ParameterKey": "CompanyLogoUrl", "ParameterValue": self.pages.url("/logo.svg")},
            {"ParameterKey": "TermsAndConditionsUrl", "ParameterValue": self.pages.url("/terms")},
            {"ParameterKey": "CompanyTermsUrl", "ParameterValue": self.pages.url("/moved")},
            {"ParameterKey": "FetchResources", "ParameterValue":
                "ACCOUNTS,TRANSACTIONS,OWNERS,BILLS,INVESTMENTS,INVESTMENT_TRANSACTIONS"},
            {"ParameterKey": "WebhookSourceIps", "ParameterValue": ""},
            {"ParameterKey": "CompanyName", "ParameterValue": "ACME"},
        ]);
        let outputs = json!([
            {"OutputKey": "ApiUrl", "OutputValue": api_url, "Description": "Address of the API for app front ends."},
            {"OutputKey": "WebhookUrl", "OutputValue": format!("{api_url}/webhook")},
            {"OutputKey": "BelvoSecretId", "OutputValue": "BelvoSecret"},
        ]);
        let stack = json!({"StackName": "acme", "Parameters": parameters, "Outputs": outputs});
        let path = self.write("stack.json", &json!({"Stacks": [stack]}));
        let keys = json!({
            "id": endpoints.belvo_secret_id,
            "password": endpoints.belvo_secret_password,
        });
        let person = json!({"sub": "individual", "cpf": CPF, "name": "Ralph Bragg"});
        let company = json!({
            "sub": "company", "cpf": CPF, "name": "Ralph Bragg",
            "cnpj": CNPJ, "company_name": "Bragg Mechanics",
        });
        let foreign = json!({"sub": "individual", "aud": "another-api"});
        let webhook = json!({"current": endpoints.webhook_authorization});
        Question::default()
            .set("--env", "sandbox")
            .set("--stack", &path)
            .set("--belvo-url", &endpoints.belvo_url)
            .variable("BELVO_SECRET", &keys.to_string())
            .variable("WEBHOOK_SECRET", &webhook.to_string())
            .variable("INDIVIDUAL_JWT", &self.sign_in(&person).await)
            .variable("COMPANY_JWT", &self.sign_in(&company).await)
            .variable("FOREIGN_JWT", &self.sign_in(&foreign).await)
    }

    pub async fn sign_in(&self, claims: &Value) -> String {
        let url = format!("{}/token", self.stack.endpoints().issuer_url);
        let answer = reqwest::Client::new().post(url).json(claims).send().await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Runs the program.
    pub async fn ask(&self, question: &Question) -> Answer {
        let path = self.folder.join("evidence.json");
        let output = Command::new(env!("CARGO_BIN_EXE_doctor"))
            .args(&question.arguments)
            .arg("--evidence")
            .arg(&path)
            .env_clear()
            .envs(&question.variables)
            .stdin(Stdio::null())
            .output();
        let output = output.await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        let evidence = fs::read(&path).unwrap_or_else(|_| b"null".to_vec());
        fs::remove_file(&path).ok();
        Answer {
            code: output.status.code().unwrap(),
            text: String::from_utf8(text).unwrap(),
            evidence: serde_json::from_slice(&evidence).unwrap(),
        }
    }

    pub fn write(&self, name: &str, content: &Value) -> String {
        self.write_text(name, &content.to_string())
    }

    pub fn write_text(&self, name: &str, content: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

impl Question {
    pub fn argument(mut self, text: &str) -> Self {
        self.arguments.push(text.to_owned());
        self
    }

    /// Replaces the value of an option.
    pub fn set(mut self, option: &str, value: &str) -> Self {
        if let Some(position) = self.arguments.iter().position(|it| it == option) {
            self.arguments.drain(position..position + 2);
        }
        self.argument(option).argument(value)
    }

    pub fn parameter(self, name: &str, value: &str) -> Self {
        self.argument("--parameter")
            .argument(&format!("{name}={value}"))
    }

    /// Sets a variable; an empty value counts as absent.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// All secrets of the program.
    pub fn secrets(&self) -> impl Iterator<Item = &String> {
        self.variables.values()
    }
}

impl Answer {
    /// Verdict and observation of an item.
    #[track_caller]
    pub fn row(&self, number: &str) -> (&str, &str) {
        let rows = self.evidence["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["number"] == number).unwrap();
        (
            row["verdict"].as_str().unwrap(),
            row["seen"].as_str().unwrap(),
        )
    }

    /// The items with this verdict.
    pub fn with(&self, verdict: &str) -> Vec<&str> {
        let rows = self.evidence["rows"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["verdict"] == verdict);
        rows.map(|row| row["number"].as_str().unwrap()).collect()
    }
}
