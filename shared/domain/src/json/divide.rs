//! Where values begin and end, whether they are JSON or not.
//!
//! A quote inside a text that should have been escaped turns inside and outside over for all that
//! follows. So a text counts only where one may begin and end; otherwise what follows cannot be told
//! apart, and nobody guesses where it ends.

/// The elements of an array as far as they can be told apart, and the rest, if there is one.
pub fn elements(array: &str) -> (Vec<&str>, Option<&str>) {
    let mut found = Vec::new();
    let Some(mut rest) = array.trim_start().strip_prefix('[').map(str::trim_start) else {
        return (found, Some(array));
    };
    loop {
        if let Some(behind) = rest.strip_prefix(']') {
            let behind = behind.trim();
            return (found, (!behind.is_empty()).then_some(behind));
        }
        let Some((element, behind)) = value(rest) else {
            return (found, Some(rest));
        };
        let behind = behind.trim_start();
        match behind.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if behind.starts_with(']') => rest = behind,
            None => return (found, Some(rest)),
        }
        found.push(element);
    }
}

/// The text, if it is one object and nothing else.
pub fn whole(object: &str) -> Option<&str> {
    let (object, behind) = value(object).filter(|(it, _)| it.starts_with('{'))?;
    behind.trim_start().is_empty().then_some(object)
}

/// The value that a text begins with, and what is behind it.
pub(super) fn value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let length = match text.bytes().next()? {
        b'"' => text_length(text)?,
        b'{' | b'[' => nested_length(text)?,
        _ => {
            let ends = |it: char| matches!(it, ',' | ':' | ']' | '}') || it.is_whitespace();
            text.find(ends).unwrap_or(text.len())
        }
    };
    text.split_at_checked(length)
        .filter(|(it, _)| !it.is_empty())
}

/// How long the text in quotes is that something begins with.
fn text_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let closes = |(_, byte): &(usize, u8)| {
        let closes = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    };
    let (at, _) = text.bytes().enumerate().skip(1).find(closes)?;
    Some(at + 1)
}

/// How long the object or array is that a text begins with.
fn nested_length(text: &str) -> Option<usize> {
    let mut open = Vec::new();
    let mut at = 0;
    // Whether a text may begin here: behind a bracket, a comma or a colon.
    let mut may_begin = true;
    loop {
        match text.as_bytes().get(at)? {
            b'"' if !may_begin => return None,
            b'"' => {
                at += text_length(text.get(at..)?)?;
                let behind = text.get(at..)?.trim_start();
                if !behind.starts_with([',', ':', ']', '}']) {
                    return None;
                }
                may_begin = false;
            }
            byte => {
                at += 1;
                match byte {
                    b'{' => open.push(b'}'),
                    b'[' => open.push(b']'),
                    b'}' | b']' if open.pop() != Some(*byte) => return None,
                    _ => {}
                }
                let is_blank = byte.is_ascii_whitespace();
                may_begin = matches!(byte, b'{' | b'[' | b',' | b':') || (may_begin && is_blank);
            }
        }
        if open.is_empty() {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_divided_where_its_elements_end() {
        let check = |array: &str, expected: &[&str], rest: Option<&str>| {
            assert_eq!(elements(array), (expected.to_vec(), rest), "{array}");
        };
        check("[]", &[], None);
        check(" [ 1 , true ] ", &["1", "true"], None);
        let (spoiled, nested) = (r#"{"a":NaN,"b":["]"]}"#, r#"{"a":"}\\\"]" , "b" : {}}"#);
        check(
            &format!("[{nested},{spoiled},{{}}]"),
            &[nested, spoiled, "{}"],
            None,
        );
        check("[undefined]", &["undefined"], None);
        check("[1] x", &["1"], Some("x"));
        for (broken, found, rest) in [
            ("[", &[][..], ""),
            ("[1", &[], "1"),
            ("[1,2", &["1"], "2"),
            ("[1 2]", &[], "1 2]"),
            (r#"["a]"#, &[], r#""a]"#),
            ("[{]", &[], "{]"),
            ("[,]", &[], ",]"),
            (r#"[{},{"a":[1},{}]"#, &["{}"], r#"{"a":[1},{}]"#),
        ] {
            check(broken, found, Some(rest));
        }
        for other in ["", "{}", "null"] {
            check(other, &[], Some(other));
        }
    }

    #[test]
    fn a_stray_quote_makes_no_row_of_those_behind_it() {
        let good = r#"{"id":"a"}"#;
        for stray in [
            r#"{"id":"b","text":"TV 50" LG"}"#,
            r#"{"id":"b","text":"TV, 50", LG"}"#,
            r#"{"id":"b","text":"TV" 50" LG"}"#,
            r#"{"id":"b","text":"TV"LG"}"#,
            r#"{"id":"b","x":{"text":["TV 50" LG"]}}"#,
            r#"{"id":"b","text":TV 50"}"#,
        ] {
            let rest = format!("{stray},{good},{stray},{good}]");
            let array = format!("[{good},{rest}");
            assert_eq!(elements(&array), (vec![good], Some(&*rest)), "{stray}");
        }
    }

    #[test]
    fn an_object_is_whole_if_it_ends_where_the_text_does() {
        let object = r#"{"id":"a","amount":NaN}"#;
        assert_eq!(whole(&format!(" {object}\n")), Some(object));
        for other in [
            "",
            "[]",
            "NaN",
            r#"{"id":"a""#,
            r#"{"id":"a}"#,
            "{} {}",
            "{]",
        ] {
            assert_eq!(whole(other), None, "{other}");
        }
    }
}
