//! The members of a JSON object of Belvo's, each read by itself.
//!
//! One value that JSON libraries refuse, such as half of a surrogate pair, would otherwise spoil the
//! whole object. Members that no caller asks for are never looked at, so a long list costs nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A JSON object whose values are still text.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// `None` if this is no JSON object.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.value(name)
    }

    /// A text of a form.
    pub(crate) fn parsed<T, E>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(&self.text(name)?).ok()
    }

    /// A number of things, written as a number or as a text.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        let number = self.value(name);
        number.or_else(|| self.text(name)?.trim().parse().ok())
    }

    /// An object.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::read(self.0.get(name)?.get())
    }

    /// The objects of a list; other elements are left out.
    pub(crate) fn list(&self, name: &str) -> Vec<Self> {
        let elements: Vec<&'a RawValue> = self.value(name).unwrap_or_default();
        let objects = elements.into_iter();
        objects.filter_map(|it| Self::read(it.get())).collect()
    }

    fn value<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }
}
