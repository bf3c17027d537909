//! Writes JSON as text, so that money never passes through a binary float.
//!
//! `serde_json::Value` keeps `0.1` as a float unless a feature is enabled, which would apply to the
//! whole workspace. This crate therefore writes its objects as text, field by field, with
//! [`object!`].

use std::{collections::BTreeMap, sync::Arc};

use jiff::civil::Date;
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub String);

/// An amount of money in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(pub i64);

/// A number: `units` times ten to the power of minus `scale`.
#[derive(Debug, Clone, Copy)]
pub struct Decimal(pub i64, pub u32);

#[derive(Debug, Clone, Copy)]
pub struct Null;

/// The fields of an object, each as finished JSON text.
pub type Fields = BTreeMap<String, String>;

/// A value that can write itself as JSON.
pub trait Put {
    fn put(&self, out: &mut String);
}

/// An object under construction.
pub struct Object(String);

/// Writes a JSON object: `object! { "id": id, "amount": Money(125) }`.
macro_rules! object {
    ($($key:literal : $value:expr),* $(,)?) => {{
        let mut object = $crate::json::Object::new();
        $( object.field($key, &$value); )*
        object.finish()
    }};
}
pub(crate) use object;

impl Object {
    pub fn new() -> Self {
        Self(String::from("{"))
    }

    pub fn field(&mut self, key: &str, value: &impl Put) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        key.put(&mut self.0);
        self.0.push(':');
        value.put(&mut self.0);
    }

    pub fn finish(mut self) -> Raw {
        self.0.push('}');
        Raw(self.0)
    }
}

impl Decimal {
    fn text(self) -> String {
        let Self(units, scale) = self;
        let sign = if units < 0 { "-" } else { "" };
        let digits = format!(
            "{:0width$}",
            units.unsigned_abs(),
            width = scale as usize + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
        match fraction.trim_end_matches('0') {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        }
    }
}

/// The object with its fields replaced or added.
pub fn with_fields(text: &str, fields: &Fields) -> String {
    let mut all = top_level(text);
    all.extend(fields.clone());
    write_fields(&all)
}

/// The object with only these fields.
pub fn only_fields(text: &str, wanted: &[String]) -> String {
    let mut all = top_level(text);
    all.retain(|key, _| wanted.contains(key));
    write_fields(&all)
}

/// The object without these fields.
pub fn without_fields(text: &str, unwanted: &[String]) -> String {
    let mut all = top_level(text);
    all.retain(|key, _| !unwanted.contains(key));
    write_fields(&all)
}

fn top_level(text: &str) -> Fields {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
    fields
        .into_iter()
        .map(|(key, value)| (key, value.get().to_owned()))
        .collect()
}

fn write_fields(fields: &Fields) -> String {
    let mut object = Object::new();
    for (key, value) in fields {
        object.field(key, &Raw(value.clone()));
    }
    object.finish().0
}

impl Put for str {
    fn put(&self, out: &mut String) {
        // Nearly all texts and keys need no escaping.
        if self
            .bytes()
            .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
        {
            out.push('"');
            out.push_str(self);
            out.push('"');
            return;
        }
        // Writing a string cannot fail; the fallback is never reached.
        let quoted = serde_json::to_string(self).unwrap_or_else(|_| String::from("\"\""));
        out.push_str(&quoted);
    }
}

impl Put for Raw {
    fn put(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Put for Null {
    fn put(&self, out: &mut String) {
        out.push_str("null");
    }
}

impl Put for Money {
    fn put(&self, out: &mut String) {
        out.push_str(&Decimal(self.0, 2).text());
    }
}

impl Put for Decimal {
    fn put(&self, out: &mut String) {
        out.push_str(&self.text());
    }
}

impl Put for bool {
    fn put(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Put for i64 {
    fn put(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }
}

impl Put for String {
    fn put(&self, out: &mut String) {
        self.as_str().put(out);
    }
}

impl Put for Uuid {
    fn put(&self, out: &mut String) {
        self.to_string().put(out);
    }
}

impl Put for Date {
    fn put(&self, out: &mut String) {
        self.to_string().put(out);
    }
}

/// Finished text that many objects share, such as the account that thousands of transactions embed.
impl Put for Arc<Raw> {
    fn put(&self, out: &mut String) {
        self.as_ref().put(out);
    }
}

impl<T: Put + ?Sized> Put for &T {
    fn put(&self, out: &mut String) {
        (**self).put(out);
    }
}

impl<T: Put> Put for Option<T> {
    fn put(&self, out: &mut String) {
        match self {
            Some(value) => value.put(out),
            None => Null.put(out),
        }
    }
}

impl<T: Put, const N: usize> Put for [T; N] {
    fn put(&self, out: &mut String) {
        put_all(self, out);
    }
}

impl<T: Put> Put for Vec<T> {
    fn put(&self, out: &mut String) {
        put_all(self, out);
    }
}

fn put_all<T: Put>(values: &[T], out: &mut String) {
    out.push('[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        value.put(out);
    }
    out.push(']');
}
