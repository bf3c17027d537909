//! The members of an object, each read by itself.
//!
//! Members that no caller asks for are never looked at, so a long list costs nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::divide::{elements, value, whole};

/// An object whose values are still text.
#[derive(Debug, Default)]
pub struct Members<'a> {
    /// Those that can be told apart. Of two with one name the last one counts.
    known: BTreeMap<String, &'a str>,
    /// The first one that cannot be told from what is behind it.
    broken: Option<(String, &'a str)>,
}

impl<'a> Members<'a> {
    /// `None` if this is no object.
    pub fn read(text: &'a str) -> Option<Self> {
        Some(Self::of(whole(text)?))
    }

    /// The same of an object that may not come to its end; `None` if nothing of it can be read.
    pub fn beginning(text: &'a str) -> Option<Self> {
        let members = Self::of(text);
        let is_read = !members.known.is_empty() || members.broken.is_some();
        (is_read || whole(text).is_some()).then_some(members)
    }

    fn of(text: &'a str) -> Self {
        let mut members = Self::default();
        let mut rest = text.trim_start().strip_prefix('{').unwrap_or_default();
        let mut last: Option<(String, &'a str)> = None;
        while let Some((name, behind)) = value(rest) {
            let name: Option<String> = serde_json::from_str(name).ok();
            match behind.trim_start().strip_prefix(':') {
                Some(from) => {
                    let Some((text, behind)) = value(from) else {
                        members.broken = name.map(|name| (name, from));
                        break;
                    };
                    if let Some(name) = name.clone() {
                        members.known.insert(name, text);
                    }
                    last = name.map(|name| (name, from.trim_start()));
                    rest = behind;
                }
                // No member, but what a comma inside of a number leaves of it. It belongs to the one
                // before, which is no number then.
                None => {
                    if let Some((name, from)) = &last
                        && let Some(text) = from.get(..from.len().saturating_sub(behind.len()))
                    {
                        members.known.insert(name.clone(), text);
                    }
                    rest = behind;
                }
            }
            rest = rest.trim_start().strip_prefix(',').unwrap_or_default();
        }
        members
    }

    /// The value as it is written.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.known.get(name).copied()
    }

    /// The text from the value on, if it is the first one that cannot be told from what is behind it.
    pub fn broken(&self, name: &str) -> Option<&'a str> {
        let (broken, text) = self.broken.as_ref()?;
        (broken == name).then_some(*text)
    }

    /// The members that are JSON.
    pub fn readable(&self) -> BTreeMap<&str, &'a RawValue> {
        let members = self.known.iter();
        let readable = members.filter_map(|(name, _)| Some((name.as_str(), self.value(name)?)));
        readable.collect()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name)
    }

    /// A text of a form.
    pub fn parsed<T, E>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        parse(&self.text(name)?).ok()
    }

    /// A number of things, written as a number or as a text.
    pub fn count(&self, name: &str) -> Option<u64> {
        let number = self.value(name);
        number.or_else(|| self.text(name)?.trim().parse().ok())
    }

    /// An object.
    pub fn object(&self, name: &str) -> Option<Self> {
        Self::read(self.raw(name)?)
    }

    /// The objects of a list; other elements are left out.
    pub fn list(&self, name: &str) -> Vec<Self> {
        self.elements(name)
            .into_iter()
            .filter_map(Self::read)
            .collect()
    }

    /// The texts of a list; other elements are left out.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let elements = self.elements(name).into_iter();
        elements
            .filter_map(|it| serde_json::from_str(it).ok())
            .collect()
    }

    fn elements(&self, name: &str) -> Vec<&'a str> {
        let (elements, _) = elements(self.raw(name).unwrap_or("[]"));
        elements
    }

    fn value<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let members = Members::beginning(text).unwrap();
        let known: Vec<(&str, &str)> = members.known.iter().map(|(k, v)| (&**k, *v)).collect();
        assert_eq!(known, expected, "{text}");
    }

    #[test]
    fn each_member_is_told_from_the_next_one() {
        check("{}", &[]);
        check(
            r#"{"id":"a","x":NaN, "n" : {"x":[1]}}"#,
            &[("id", r#""a""#), ("n", r#"{"x":[1]}"#), ("x", "NaN")],
        );
        check(r#"{"id":7,"id":"b"}"#, &[("id", r#""b""#)]);
        let comma = [("amount", "12,5"), ("id", r#""a""#)];
        check(r#"{"amount": 12,5 ,"id":"a"}"#, &comma);
        check(r#"{"id":"a","amount":12,5}"#, &comma);
        check(r#"{5,"id":"a"}"#, &[("id", r#""a""#)]);
        // A name that is no text is nobody's.
        check(r#"{'x':1,y:2,"z\q":3,"id":"a"}"#, &[("id", r#""a""#)]);
    }

    #[test]
    fn a_value_that_does_not_end_breaks_its_object() {
        let text = r#"{"count":1,"results":[{"a":"x" y"}],"next":null}"#;
        check(text, &[("count", "1")]);
        let members = Members::beginning(text).unwrap();
        assert_eq!(members.broken("results"), text.get(21..));
        assert_eq!(members.broken("count"), None);
        assert!(Members::read(text).is_none());
        for other in ["", "{", "[1]", "7", r#"{"a""#, r#"{"a""b":1"#] {
            assert!(Members::beginning(other).is_none(), "{other}");
        }
    }

    #[test]
    fn only_what_is_of_the_form_is_given() {
        let text = r#"{"a":"7","b":7,"c":-1,"d":1e999,"e":[{"x":1},2,"y",NaN],"f":"\q"}"#;
        let members = Members::read(text).unwrap();
        assert_eq!((members.count("a"), members.count("b")), (Some(7), Some(7)));
        assert_eq!((members.count("c"), members.count("d")), (None, None));
        assert_eq!(members.texts("e"), ["y"]);
        assert_eq!(members.list("e").len(), 1);
        assert_eq!((members.text("f"), members.text("b")), (None, None));
        let readable: Vec<&str> = members.readable().into_keys().collect();
        assert_eq!(readable, ["a", "b", "c", "d"]);
    }
}
