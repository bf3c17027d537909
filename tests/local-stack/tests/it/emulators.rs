//! The promises of SQS and DynamoDB on which the product relies, tested on the emulators through
//! the AWS SDK.
//!
//! If an emulator broke one of them, the product's tests against it would prove nothing.

mod capacity;
mod dynamodb;
mod sqs;
