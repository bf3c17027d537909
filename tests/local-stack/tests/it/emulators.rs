//! What the product rests on, asked of the emulators themselves through the AWS SDK.
//!
//! These are promises of SQS and DynamoDB. Where an emulator broke one, tests of the product
//! against it would prove nothing.

mod capacity;
mod dynamodb;
mod sqs;
