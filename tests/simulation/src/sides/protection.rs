//! What keeps the data right, each replaced by nothing in a world that is to fail.
//!
//! The product has no switch for any of these: a world takes one away on the other side, where the
//! product relies on it. So a test can show that the simulation notices its absence.

/// Something that must not be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// The queue keeps the jobs of a link in order, and one at a time.
    Grouping,
    /// A job that was received and not done comes back.
    Visibility,
    /// The queue keeps the jobs that the fetcher returns.
    PartialFailures,
    /// DynamoDB refuses changes of rows and of LINK by a job that a later one has overtaken.
    Fence,
    /// What a job could not finish is written on LINK.
    Checkpoint,
    /// Belvo's answer for a single row is a proof that it is gone.
    RemovalProof,
    /// The owner is compared with the document of the token.
    OwnerCheck,
    /// The sweeper runs.
    Sweep,
}

impl Protection {
    pub const ALL: [Self; 8] = [
        Self::Grouping,
        Self::Visibility,
        Self::PartialFailures,
        Self::Fence,
        Self::Checkpoint,
        Self::RemovalProof,
        Self::OwnerCheck,
        Self::Sweep,
    ];
}
