//! The words of the system: ids, tax documents, resources, events, sessions and jobs.
//!
//! Nothing here talks to the world: no I/O, no clock, no randomness. What depends on them takes a
//! time or random bytes as an argument, so that every rule can be read and tested on its own.
//!
//! Start with [`job`]: it lists everything that travels over the queue. [`event`] reads Belvo's
//! webhooks, [`outcome`] reads the widget's redirects, and [`session`] is what ties a redirect to
//! the user it belongs to.

pub mod attempt;
pub mod code;
pub mod days;
pub mod event;
pub mod id;
pub mod identity;
pub mod job;
pub mod key;
pub mod outcome;
pub mod resource;
pub mod return_url;
pub mod session;
pub mod tax_id;

pub use attempt::{AccessMode, Attempt};
pub use code::{Code, InstitutionName, RequestId};
pub use days::Days;
pub use event::{Event, EventKind};
pub use id::{ConsentId, ExternalId, LinkId, SessionId};
pub use identity::{Company, FullName, Identity, Person};
pub use job::Job;
pub use key::SigningKeys;
pub use outcome::{CallbackKind, Outcome};
pub use resource::{ResourceKind, ResourceSet};
pub use return_url::{ReturnUrl, ReturnUrls};
pub use session::Session;
pub use tax_id::{Cnpj, Cpf, Document, DocumentHash};
