//! The words of the system: ids, tax documents, resources, events, sessions and jobs.
//!
//! Nothing here talks to the world: no I/O, no clock, no randomness. What depends on them takes a
//! time or random bytes as an argument, so that every rule can be read and tested on its own.
//!
//! Start with [`job`]: it lists everything that travels over the queue. [`mod@link`] is the home of a
//! link and of every rule that changes it. [`event`] reads Belvo's
//! webhooks, [`widget_outcome`] reads the widget's redirects, and [`session`] is what ties a redirect to
//! the user it belongs to. [`principal`] says whose request it is, and [`mod@guidance`] is what
//! users are told.

pub mod attempt;
pub mod callback_id;
mod checked_text;
pub mod code;
pub mod date_range;
pub mod dedup_id;
pub mod event;
pub mod guidance;
pub mod id;
pub mod identity;
pub mod job;
pub mod json;
pub mod key;
pub mod link;
mod moment;
pub mod month;
pub mod owner_document;
mod personal_numbers;
pub mod principal;
pub mod quota;
pub mod resource;
pub mod return_url;
pub mod session;
pub mod tax_id;
pub mod widget_outcome;

pub use attempt::{AccessMode, Attempt, AttemptRecord};
pub use callback_id::CallbackId;
pub use code::{Code, InstitutionName, RequestId};
pub use date_range::DateRange;
pub use dedup_id::dedup_id;
pub use event::{Event, EventKind};
pub use guidance::{Action, Guidance, Text, guidance};
pub use id::{ConsentId, ExternalId, LinkId, ReceiptId, RefreshId, SessionId};
pub use identity::{Company, FullName, Holder, Identity, Person};
pub use job::Job;
pub use key::SigningKeys;
pub use link::Link;
pub use moment::{end, moment};
pub use month::{Month, day_in_brasilia};
pub use owner_document::OwnerDocument;
pub use principal::{Claims, UserScope};
pub use quota::{Limits, Quota};
pub use resource::{ResourceKind, ResourceSet};
pub use return_url::{ReturnUrl, ReturnUrls};
pub use session::{Session, SessionKind};
pub use tax_id::{Cnpj, Cpf, Document, DocumentHash};
pub use widget_outcome::{CallbackKind, WidgetOutcome};
