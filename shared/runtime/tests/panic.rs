//! What the logs say of a panic. This executable starts itself again, to panic as a function would.

use std::process::Command;

use serde_json::Value;

/// Set where the panic is to happen.
const PANICS: &str = "THIS_PROCESS_PANICS";

/// What a panic's text may hold.
const DATA: &str = "76109277673";

#[test]
fn a_panic_is_one_line_that_says_where_and_never_what() {
    if std::env::var_os(PANICS).is_some() {
        runtime::start_logs();
        panic!("not a number: {DATA}");
    }
    let this = "a_panic_is_one_line_that_says_where_and_never_what";
    let mut process = Command::new(std::env::current_exe().unwrap());
    let process = process.args(["--exact", this, "--nocapture"]);
    let output = process.env(PANICS, "yes").output().unwrap();
    assert!(!output.status.success());

    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "");
    assert!(!stdout.contains(DATA), "{stdout}");
    // The test's name may stand in front of the line.
    let json = stdout.lines().filter_map(|line| line.split_once('{'));
    let lines: Vec<Value> = json
        .filter_map(|(_, rest)| serde_json::from_str(&format!("{{{rest}")).ok())
        .collect();
    let [line] = &lines[..] else {
        panic!("{stdout}");
    };
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "a function has panicked");
    let location = line["location"].as_str().unwrap();
    let place: Vec<&str> = location.split(':').collect();
    assert_eq!(place[0], file!());
    assert!(place[1..].iter().all(|it| it.parse::<u32>().is_ok()) && place.len() == 3);
}
