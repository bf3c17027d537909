//! A local stack can be checked with its ready file alone.

use std::{fs, path::Path};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_local_stack_passes_with_its_ready_file_alone() {
    let world = World::start().await;
    let answer = world.ask(&world.local()).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
    assert_eq!(answer.with("fail"), [""; 0]);
    let passed = [
        "1", "2", "3", "4a", "4b", "5", "6b", "17a", "17b", "17c", "22a", "28", "29a", "B", "C",
        "H", "J",
    ];
    assert_eq!(answer.with("pass"), passed);
    assert_eq!(answer.with("not_applicable"), ["27", "29b", "A", "K"]);
    for number in ["D", "E", "F", "G"] {
        let (verdict, seen) = answer.row(number);
        assert_eq!(verdict, "by_hand");
        assert!(
            seen.starts_with("not reachable from the local stack"),
            "{seen}"
        );
    }
    assert_eq!(answer.evidence["verdict"], "pass");
    assert_eq!(answer.evidence["environment"], "sandbox");
    assert!(answer.text.contains("0 fail, 17 pass"), "{}", answer.text);

    let named = world
        .local()
        .parameter("CompanyIconUrl", &world.pages.url("/icon.svg"))
        .parameter("CompanyLogoUrl", &world.pages.url("/logo.svg"))
        .parameter("TermsAndConditionsUrl", &world.pages.url("/terms"))
        .parameter("CompanyTermsUrl", "https://www.example.com/terms");
    let answer = world.ask(&named).await;
    assert_eq!(answer.code, 0, "{}", answer.text);
    assert_eq!(answer.row("D"), ("pass", "an SVG of 48 × 48"));
    assert_eq!(answer.row("E"), ("pass", "an SVG of 120 × 48"));
    assert_eq!(answer.row("F").0, "pass");
    let beyond = "www.example.com is not reachable from the local stack";
    assert_eq!(answer.row("G"), ("by_hand", beyond));
}

/// The table has all of Belvo's numbers, and every test it names exists.
#[tokio::test(flavor = "multi_thread")]
async fn every_item_of_the_list_has_its_row() {
    let world = World::start().await;
    let answer = world.ask(&world.local()).await;
    let rows = answer.evidence["rows"].as_array().unwrap();
    let numbers = rows.iter().map(|row| row["number"].as_str().unwrap());
    let mut numbers: Vec<u32> = numbers
        .filter_map(|it| it.trim_end_matches(char::is_alphabetic).parse().ok())
        .collect();
    assert!(numbers.is_sorted());
    numbers.dedup();
    assert_eq!(numbers, Vec::from_iter(1..=32));

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for number in answer.with("in_tests") {
        let seen = answer.row(number).1;
        let named = seen.strip_prefix("cargo test -p ").unwrap();
        let (package, test) = named.split_once(' ').unwrap();
        let folder = match package {
            "it" => root.join("tests/it/src"),
            _ => root.join("shared").join(package).join("src"),
        };
        let found = contains(&folder, &format!("fn {test}()"));
        assert!(found, "{number}: {package} has no test {test}");
    }
}

/// Whether a file in the folder, or below it, has this text.
fn contains(folder: &Path, text: &str) -> bool {
    let mut paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    paths.any(|path| match path.is_dir() {
        true => contains(&path, text),
        false => fs::read_to_string(path).unwrap().contains(text),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_file_of_another_belvo_is_refused() {
    let world = World::start().await;
    for (member, value, said) in [
        ("belvo_url", "https://sandbox.belvo.com", "--env sandbox"),
        (
            "issuer_url",
            "https://issuer.example.com",
            "on this machine",
        ),
    ] {
        let question = world.local_with(|ready| ready[member] = value.into());
        let answer = world.ask(&question).await;
        assert_eq!(answer.code, 2, "{}", answer.text);
        assert!(answer.text.contains(said), "{}", answer.text);
    }
    let elsewhere = world.local().parameter("ApiUrl", "https://api.example.com");
    let answer = world.ask(&elsewhere).await;
    assert_eq!(answer.code, 1);
    assert_eq!(
        answer.row("4a"),
        ("fail", "api.example.com is not on this machine")
    );
}
