//! Parses evaluated JSON into types, with errors that name the place.

use anyhow::anyhow;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::Value;

/// Parses `value`; a member that `T` lacks is an error.
pub(super) fn read<T: DeserializeOwned>(value: &Value, place: &str) -> anyhow::Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        match error.path().to_string().as_str() {
            "." => anyhow!("{place}: {}", error.inner()),
            path => anyhow!("{place}.{path}: {}", error.inner()),
        }
    })
}

/// A whole number; a `Ref` of a parameter gives it as text.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => text
            .parse()
            .map_err(|_| D::Error::custom(format!("{text:?} is not a whole number"))),
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| D::Error::custom(format!("{number} is not a whole number of 32 bits"))),
        other => Err(D::Error::custom(format!("{other} is not a number"))),
    }
}

/// [`number`], for a property that may be absent.
pub(super) fn optional_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    number(deserializer).map(Some)
}

/// A flag that may be absent; a `Ref` of a parameter gives it as text.
pub(super) fn optional_flag<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(flag) => Ok(Some(flag)),
        Value::String(text) => text
            .parse()
            .map(Some)
            .map_err(|_| D::Error::custom(format!("{text:?} is neither true nor false"))),
        other => Err(D::Error::custom(format!(
            "{other} is neither true nor false"
        ))),
    }
}
