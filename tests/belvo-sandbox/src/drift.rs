//! Lists that change while a reader pages through them: right after a page, rows come, change or
//! vanish.
//!
//! Lists are sorted by creation. A vanished row moves later rows up, so that the next page skips
//! one; a row added with an early `created_at` moves them down, so that the next page repeats one.

use serde::Deserialize;
use serde_json::{json, value::RawValue};
use uuid::Uuid;

use crate::{collect, data::changes::Changes, world::World};

/// Changes that happen after a certain page was read.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Wish")]
pub struct Drift {
    path: String,
    page: u64,
    changes: Changes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    path: String,
    page: u64,
    add: Option<Box<RawValue>>,
    update: Option<Box<RawValue>>,
    delete: Option<Box<RawValue>>,
}

impl TryFrom<Wish> for Drift {
    type Error = String;

    fn try_from(wish: Wish) -> Result<Self, String> {
        let changes = Changes::read(
            wish.add.as_deref(),
            wish.update.as_deref(),
            wish.delete.as_deref(),
        )?;
        Ok(Self {
            path: wish.path,
            page: wish.page,
            changes,
        })
    }
}

/// Makes the changes of this page, each once, and logs their results.
pub fn strike(world: &World, path: &str, page: u64, link_id: Uuid) {
    let mut inner = world.lock();
    let waits = |drift: &mut Drift| drift.page == page && path.contains(&drift.path);
    let due: Vec<Drift> = inner.faults.drift.extract_if(.., waits).collect();
    for drift in due {
        let request_id = inner.next_seed(world.seed, "drift").uuid().to_string();
        let round = collect::Round {
            link_id,
            request_id: &request_id,
            webhooks: false,
        };
        let note = match collect::change(world, &mut inner, round, drift.changes) {
            Ok(touched) => json!({
                "link_id": link_id,
                "path": path,
                "page": page,
                "added": touched.added,
                "updated": touched.updated,
                "deleted": touched.deleted,
            }),
            Err(why) => json!({ "link_id": link_id, "path": path, "page": page, "error": why }),
        };
        inner.drifts.push(note);
    }
}
