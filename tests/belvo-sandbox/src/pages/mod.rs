//! The pages a user sees: Belvo's widget, My Belvo Portal, and the page after a bank's refusal.
//! They are plain forms without scripts or foreign resources.

pub mod html;
pub mod portal;
pub mod refused;
pub mod widget;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::world::World;

pub fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/", get(html::start))
        .route(refused::PATH, get(refused::show))
        .route("/widget/", get(widget::show).post(widget::act))
        .route("/portal/", get(portal::show).post(portal::act))
        .with_state(world.clone())
}
