//! The key, and the secrets.

use super::{Rule, Subject, list, number, unless};

pub const RULES: &[Rule] = &[
    Rule {
        name: "the key is rotated, retained, and not shared",
        check: key,
    },
    Rule {
        name: "secrets are made or set, never written down",
        check: secrets,
    },
];

fn key(subject: &Subject) -> Vec<String> {
    let key = &subject.template["Resources"]["DataKey"];
    let properties = &key["Properties"];
    let mut complaints = Vec::new();
    for (holds, complaint) in [
        (key["DeletionPolicy"] == "Retain", "goes with the stack"),
        (key["UpdateReplacePolicy"] == "Retain", "may be replaced"),
        (properties["EnableKeyRotation"] == true, "is never rotated"),
    ] {
        complaints.extend(unless(holds, complaint));
    }
    for statement in list(&properties["KeyPolicy"]["Statement"]) {
        let principal = &statement["Principal"];
        let account = principal["AWS"] == "arn:aws:iam::000000000000:root";
        let service = principal["Service"].as_str().unwrap_or_default();
        let known = ["cloudwatch.amazonaws.com", "logs.sa-east-1.amazonaws.com"];
        let known = account || known.contains(&service);
        complaints.extend(unless(known, format!("is open to {principal}")));
        let all = list(&statement["Action"]).into_iter();
        let mut all = all.filter(|it| it.as_str().is_none_or(|it| it.contains('*')));
        let exact = account || all.next().is_none();
        complaints.extend(unless(exact, format!("does anything for {principal}")));
    }
    complaints
}

fn secrets(subject: &Subject) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, properties) in subject.of_type("AWS::SecretsManager::Secret") {
        let secret = &subject.template["Resources"][name];
        let retained = secret["DeletionPolicy"] == "RetainExceptOnCreate";
        complaints.extend(unless(retained, format!("{name} goes with the stack")));
        // A conditional secret would come back with another value.
        let always = secret.get("Condition").is_none();
        complaints.extend(unless(always, format!("{name} is made under a condition")));
        let key = properties["KmsKeyId"].as_str().unwrap_or_default();
        let ours = key.starts_with("arn:aws:kms:");
        complaints.extend(unless(ours, format!("{name} is not under our key")));
        let written = properties.get("SecretString").is_some();
        complaints.extend(unless(!written, format!("{name} is written down")));
        let generated = &properties["GenerateSecretString"];
        let long = generated.is_null() || number(&generated["PasswordLength"]) >= Some(32);
        complaints.extend(unless(long, format!("{name} is short")));
    }
    complaints
}
