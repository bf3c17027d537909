//! What every text of a checked form has in common.

/// Lets a checked text be seen, written, and read back from JSON by its own `parse`.
macro_rules! checked_text {
    ($name:ident, $error:ty) => {
        impl $name {
            /// The text as it was read.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }
    };
}

pub(crate) use checked_text;
