//! The steps of OPERATIONS.md, so that a test does the same as an operator.

use serde_json::Value;

/// The new content of a secret, step by step.
#[derive(Debug)]
pub struct Steps(Vec<String>);

impl Steps {
    /// The contents that the commands of "Rotating secrets" put into this secret, in order: `put
    /// NAME`, and the value on the line below.
    pub fn of(secret: &str) -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../OPERATIONS.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (_, section) = text.split_once("\n## Rotating secrets\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let command = format!("put {secret}");
        let values = section
            .lines()
            .zip(section.lines().skip(1))
            .filter(|(line, _)| line.trim() == command)
            .map(|(_, value)| value.trim().to_owned());
        Self(values.collect())
    }

    /// The values, with the operator's parts filled in.
    pub fn with(&self, filled_in: &[(&str, &str)]) -> Vec<Value> {
        let values = self.0.iter().map(|text| {
            let pairs = filled_in.iter();
            let text = pairs.fold(text.clone(), |text, (name, value)| {
                text.replace(name, value)
            });
            assert!(!text.contains('<'), "an unknown placeholder: {text}");
            serde_json::from_str(&text).unwrap()
        });
        values.collect()
    }
}
