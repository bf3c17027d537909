//! Tests of the whole system: real functions in their own processes, real HTTP, real AWS clients,
//! and Belvo's other side simulated.
//!
//! `world` has the verbs (sign in, mint, finish the widget, settle, look into the tables), and
//! `canonical` compares JSON without losing a digit; `pipe` plays the pipe of the template. The rest are the claims:
//!
//! | module | claims about |
//! |---|---|
//! | `end_to_end` | everything in one go, for a person and for a company |
//! | `token_request` | what Belvo is asked for |
//! | `portal` | My Belvo Portal, and what Belvo is asked for it |
//! | `renewal` | consents that are renewed instead of given again |
//! | `client` | what our client asks of Belvo besides reading |
//! | `callbacks` | how visits to the widget end |
//! | `repeated_callbacks` | callbacks that come again and again |
//! | `reporting` | attempts that come back nowhere |
//! | `metrics` | what is counted of attempts, banks and codes |
//! | `webhooks` | every event of Belvo's catalogue |
//! | `ownership` | whose data is stored |
//! | `fetching` | pages, batches, order, retries |
//! | `syncing` | whatever changes at the bank |
//! | `doubting` | when a list is believed, and when a row goes |
//! | `gateway` | answers that something in front of Belvo gives instead of it |
//! | `waiting` | links that wait: for their user, for Belvo, for a date |
//! | `sweeping` | what is due, what webhooks did not tell, what operators ask for |
//! | `links` | what app front ends read |
//! | `next_action` | what a user is told to do next |
//! | `isolation` | two users, and every mix of what is whose |
//! | `changes` | what other services are told |
//! | `erasing` | what is left when a user has something erased |
//! | `cost_units` | what the most frequent things cost, in units |
//! | `refreshing` | asking Belvo for fresh data, and what that spends |
//! | `bad_input` | what each function answers to nonsense, and what it logs |
//! | `rotation` | secrets that change while functions run |
//! | `records` | what other releases have stored |
//! | `missing_secrets` | secrets that have no value yet, or a wrong one |
//! | `simulation` | what is stored after anything, in one process under simulated time |
//! | `openapi` | the description of the HTTP API, and every answer |
//! | `guidance` | what users are told about each code |
//! | `layout` | the structure of this repository |

mod bad_input;
mod bank;
mod callbacks;
mod canonical;
mod changes;
mod client;
mod cost_units;
mod end_to_end;
mod erasing;
mod fetching;
mod gateway;
mod guidance;
mod isolation;
mod layout;
mod links;
mod metrics;
mod missing_secrets;
mod next_action;
mod openapi;
mod ownership;
mod pipe;
mod portal;
mod records;
mod refreshing;
mod removals;
mod renewal;
mod repeated_callbacks;
mod reporting;
mod rotation;
mod simulation;
mod sweeping;
mod syncing;
mod template;
mod token_request;
mod waiting;
mod webhooks;
mod world;
