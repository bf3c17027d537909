//! Tests of the whole system: real functions in their own processes, real HTTP, real AWS clients,
//! and Belvo's other side simulated.
//!
//! `world` has the verbs (sign in, mint, finish the widget, settle, look into the tables), and
//! `canonical` compares JSON without losing a digit. The rest are the claims:
//!
//! | module | claims about |
//! |---|---|
//! | `story` | everything in one go, for a person and for a company |
//! | `token_request` | what Belvo is asked for |
//! | `callbacks` | how visits to the widget end |
//! | `webhooks` | every event of Belvo's catalogue |
//! | `ownership` | whose data is stored |
//! | `fetching` | pages, batches, order, retries |
//! | `syncing` | whatever changes at the bank |
//! | `doubting` | when a list is believed, and when a row goes |
//! | `waiting` | links that wait: for their user, for Belvo, for a date |
//! | `sweeping` | what is due, what webhooks did not tell, what operators ask for |
//! | `bad_input` | what each function answers to nonsense, and what it logs |
//! | `rotation` | secrets that change while functions run |
//! | `simulation` | what is stored after anything, in one process under simulated time |
//! | `layout` | the structure of this repository |

mod bad_input;
mod bank;
mod callbacks;
mod canonical;
mod doubting;
mod fetching;
mod layout;
mod ownership;
mod rotation;
mod simulation;
mod story;
mod sweeping;
mod syncing;
mod token_request;
mod waiting;
mod webhooks;
mod world;
