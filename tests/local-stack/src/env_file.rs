//! Variables in the format of `cargo lambda watch --env-file`: one on each line, with the value in
//! quotes.

use std::collections::BTreeMap;

use anyhow::Context;

/// The reader knows three kinds of quotes. `"` is not used, because a backslash at the end of a
/// value would escape the closing one.
const QUOTES: [char; 2] = ['\'', '`'];

/// The file's text; an error names a variable whose value the reader would change.
pub(crate) fn text(variables: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let lines = variables.iter().map(|(name, value)| {
        let value = quoted(value);
        let value = value.with_context(|| format!("{name} does not fit into an env file"))?;
        Ok(format!("{name}={value}\n"))
    });
    lines.collect()
}

fn quoted(value: &str) -> Option<String> {
    // The reader ends a line at these two characters, whatever the quotes.
    if value.contains(r"\n") {
        return None;
    }
    let quote = QUOTES.into_iter().find(|quote| !value.contains(*quote))?;
    Some(format!("{quote}{value}{quote}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        let variables = BTreeMap::from([("NAME".to_owned(), value.to_owned())]);
        assert_eq!(text(&variables).ok().as_deref(), expected, "{value}");
    }

    #[test]
    fn a_value_is_read_as_it_was_written() {
        check("plain", Some("NAME='plain'\n"));
        check("", Some("NAME=''\n"));
        check(
            "two words # and more",
            Some("NAME='two words # and more'\n"),
        );
        check(r#"[{"key":"a=b"}]"#, Some("NAME='[{\"key\":\"a=b\"}]'\n"));
        check("it's", Some("NAME=`it's`\n"));
        check(r"C:\", Some("NAME='C:\\'\n"));
    }

    #[test]
    fn a_value_that_would_be_changed_is_refused() {
        check(r"C:\new", None);
        check("it's a `quote`", None);
    }
}
