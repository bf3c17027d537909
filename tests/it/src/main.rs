//! Tests of the whole system: real functions in their own processes, real HTTP, real AWS clients,
//! and a simulated Belvo.
//!
//! `world` has the actions and the checks (sign in, mint, finish the widget, settle, read the
//! tables), and `pipe` simulates the template's pipe. Each of the other modules makes claims:
//!
//! | module | claims about |
//! |---|---|
//! | `documents` | DATA.md names every stored member, state, reason and key |
//! | `end_to_end` | a connection from token to tables, for a person and for a company |
//! | `token_request` | the body of the token request to Belvo |
//! | `portal` | My Belvo Portal, and its token request |
//! | `renewal` | consents that are renewed instead of given again |
//! | `client` | the Belvo client's requests other than reads |
//! | `checklist` | items of Belvo's integration checklist that only tests can show |
//! | `claims` | claims of any type and form, and ids that Belvo would drop |
//! | `callbacks` | the end of visits to the widget |
//! | `callback_addresses` | the lengths of callback addresses |
//! | `altered_urls` | callback URLs that mobile libraries have altered |
//! | `repeated_callbacks` | callbacks that come again and again |
//! | `reporting` | attempts that end at the bank without a callback |
//! | `metrics` | metrics of attempts, banks and codes |
//! | `webhooks` | every event of Belvo's catalogue |
//! | `webhook_forms` | webhooks in forms that Belvo does not document |
//! | `repeated_webhooks` | webhooks that say the same again and again, and the log of them once more |
//! | `announcements` | the numbers that webhooks announce, and whether the rows agree with them |
//! | `ownership` | the conditions for storing a link's data |
//! | `owner_documents` | the documents of owners in every form, and related owners |
//! | `witnesses` | whose a link is if Belvo names no user |
//! | `fetching` | pages, batches, order, retries |
//! | `returned_jobs` | jobs that come back, and links that do not wait for each other |
//! | `syncing` | changes at the bank |
//! | `unseen` | changes that leave the number of rows as it was |
//! | `signed_addresses` | addresses in rows that are signed anew at every read |
//! | `foreign_rows` | rows of another link than was asked for, and rows that name none |
//! | `counts` | counts that never agree, and pages that hide rows |
//! | `page_forms` | pages whose `count` and `next` have other forms than documented |
//! | `page_sizes` | pages of another size than was asked for |
//! | `compressed` | answers that are compressed, well or badly |
//! | `spoiled_rows` | values that are not JSON, and halves of characters |
//! | `removals` | when an empty or short list is believed, and when a row is removed |
//! | `exchanges` | a statement that comes again under new ids |
//! | `embedded_rows` | accounts and investments that stand inside other objects |
//! | `gateway` | answers that something in front of Belvo gives instead of it |
//! | `unknown_codes` | refusals of Belvo's with a code that is not known |
//! | `waiting` | links that wait: for their user, for Belvo, for a date |
//! | `never_ours` | what was never ours, or was deleted at Belvo: how long it is asked about and kept |
//! | `sweeping` | scheduled links, lost webhooks, and an operator's sweeps |
//! | `lost_webhooks` | news of which no webhook told, or one of something else |
//! | `hidden_links` | links that Belvo hides while they are erased |
//! | `links` | the data that app front ends read |
//! | `undated` | movements that have no date yet |
//! | `next_action` | the next action that a user is shown |
//! | `isolation` | two users, and every mix of their ids |
//! | `changes` | change events for other services |
//! | `erasing` | the records left after an erasure |
//! | `cost_units` | the billed units of the most frequent operations |
//! | `refreshing` | refreshes on request, and the quota they use |
//! | `bad_input` | invalid input of each function: answers and logs |
//! | `rotation` | secrets that change while functions run |
//! | `records` | records stored by other releases |
//! | `missing_secrets` | secrets without a value, or with a malformed one |
//! | `typed_secrets` | secrets as they are typed and piped |
//! | `openapi` | the description of the HTTP API, and every answer of the tests |
//! | `guidance` | the texts for users about each code |
//! | `layout` | the structure of this repository |

mod altered_urls;
mod announcements;
mod bad_input;
mod bank;
mod callback_addresses;
mod callbacks;
mod changes;
mod checklist;
mod claims;
mod client;
mod compressed;
mod cost_units;
mod counts;
mod documents;
mod embedded_rows;
mod end_to_end;
mod erasing;
mod exchanges;
mod fetching;
mod foreign_rows;
mod gateway;
mod guidance;
mod hidden_links;
mod isolation;
mod layout;
mod links;
mod lost_webhooks;
mod metrics;
mod missing_secrets;
mod never_ours;
mod next_action;
mod openapi;
mod owner_documents;
mod ownership;
mod page_forms;
mod page_sizes;
mod pipe;
mod portal;
mod records;
mod refreshing;
mod removals;
mod renewal;
mod repeated_callbacks;
mod repeated_webhooks;
mod reporting;
mod returned_jobs;
mod revoked_consents;
mod rotation;
mod same_accounts;
mod signed_addresses;
mod spoiled_rows;
mod sweeping;
mod syncing;
mod template;
mod token_request;
mod typed_secrets;
mod undated;
mod unknown_codes;
mod unseen;
mod waiting;
mod webhook_forms;
mod webhooks;
mod witnesses;
mod world;
