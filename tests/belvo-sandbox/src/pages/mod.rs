//! The pages a user sees: Belvo's widget, My Belvo Portal, and where a bank's refusal ends. Plain forms, no scripts, nothing from elsewhere.

pub mod html;
pub mod portal;
pub mod refused;
pub mod widget;

use std::sync::Arc;

use axum::{Router, routing::get};

use crate::world::World;

/// The routes of both.
pub fn router(world: &Arc<World>) -> Router {
    Router::new()
        .route("/", get(html::start))
        .route(refused::PATH, get(refused::show))
        .route("/widget/", get(widget::show).post(widget::act))
        .route("/portal/", get(portal::show).post(portal::act))
        .with_state(world.clone())
}
