//! The program `local-stack` as a developer starts it.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{process, world::LIMIT};

/// The running program, and its ready file.
pub struct Program {
    child: std::process::Child,
    pub env_file: PathBuf,
    ready_file: PathBuf,
    pub ready: Value,
}

impl Program {
    /// Starts it on a free port and waits for its ready file.
    async fn start() -> Program {
        Program::with(&[]).await
    }

    /// The same with more arguments.
    pub async fn with(arguments: &[&str]) -> Program {
        let name = format!("local-stack-{}", uuid::Uuid::new_v4());
        let env_file = std::env::temp_dir().join(format!("{name}.env"));
        let ready_file = std::env::temp_dir().join(format!("{name}.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_local-stack"))
            .args(["--port", "0", "--env-file"])
            .arg(&env_file)
            .arg("--ready-file")
            .arg(&ready_file)
            .args(arguments)
            .env_remove("BELVO_SECRET_ID")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut program = Program {
            child,
            env_file,
            ready: Value::Null,
            ready_file,
        };
        program.ready = program.until(|program| read(&program.ready_file)).await;
        program
    }

    async fn until<T>(&mut self, mut condition: impl FnMut(&mut Program) -> Option<T>) -> T {
        let attempt = async {
            let mut interval = tokio::time::interval(Duration::from_millis(20));
            loop {
                interval.tick().await;
                if let Some(value) = condition(self) {
                    return value;
                }
            }
        };
        tokio::time::timeout(LIMIT, attempt)
            .await
            .expect("the program did not get there")
    }

    /// The processes it started.
    fn children(&self) -> Vec<Value> {
        let pid = self.child.id();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let lists = tasks
            .map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap());
        lists
            .flat_map(|list| {
                list.split_whitespace()
                    .map(|pid| json!(pid.parse::<u32>().unwrap()))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    async fn ended(&mut self) -> ExitStatus {
        self.until(|program| program.child.try_wait().unwrap())
            .await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has already ended unless the test failed.
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_file(&self.ready_file).ok();
        std::fs::remove_file(&self.env_file).ok();
    }
}

/// The file exists either whole or not at all.
fn read(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn the_ready_file_names_everything_and_everything_answers() {
    let mut program = Program::start().await;
    let mut names: Vec<&str> = program
        .ready
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "api_url",
            "belvo_secret_id",
            "belvo_secret_password",
            "belvo_url",
            "connection_table",
            "dead_letter_queue_url",
            "dynamodb_url",
            "issuer_url",
            "link_table",
            "queue_url",
            "region",
            "resource_table",
            "secretsmanager_url",
            "sqs_url",
            "webhook_authorization",
        ]
    );
    assert!(
        program
            .ready
            .as_object()
            .unwrap()
            .values()
            .all(|value| !value.as_str().unwrap().is_empty())
    );
    for url in [
        "api_url",
        "belvo_url",
        "issuer_url",
        "dynamodb_url",
        "sqs_url",
        "secretsmanager_url",
    ] {
        reqwest::get(program.ready[url].as_str().unwrap())
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
    }
    program.signal("-TERM");
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_signal_stops_it_and_its_functions_cleanly() {
    for signal in ["-INT", "-TERM"] {
        let mut program = Program::start().await;
        let children = program.children();
        assert!(
            children.len() >= 4,
            "one process of every function: {children:?}"
        );
        program.signal(signal);
        assert!(program.ended().await.success(), "{signal}");
        for child in &children {
            process::gone(child).await;
        }
        for file in [&program.ready_file, &program.env_file] {
            assert!(
                !file.exists(),
                "{} names a stack that is gone",
                file.display()
            );
        }
    }
}

#[tokio::test]
async fn no_function_survives_its_sudden_death() {
    let mut program = Program::start().await;
    let children = program.children();
    assert!(!children.is_empty());
    program.signal("-KILL");
    assert!(!program.ended().await.success());
    for child in &children {
        process::gone(child).await;
    }
}

#[test]
fn an_unknown_parameter_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_local-stack"))
        .args(["--port", "0", "--parameter", "Nonsense=1"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("Parameters.Nonsense: the template has no such parameter"),
        "{error}"
    );
}
