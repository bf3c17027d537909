//! Everything around the functions, simulated.
//!
//! | module | content |
//! |---|---|
//! | `time` | the clock of a world, and clocks that differ from it |
//! | `network` | what becomes of each call |
//! | `aws` | DynamoDB, SQS and Secrets Manager behind the real clients |
//! | `dynamodb` | the tables, busy and late |
//! | `queue` | a FIFO queue with groups, visibility and dead letters |
//! | `belvo` | Belvo's sandbox, its banks, and what stands in front of it |
//! | `protection` | what a world can be without, to see that it fails then |

pub mod aws;
pub mod belvo;
pub mod dynamodb;
pub mod network;
pub mod protection;
pub mod queue;
pub mod time;
