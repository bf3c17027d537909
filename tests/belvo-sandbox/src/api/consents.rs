//! `/api/consents/`: the list of a document, and a single consent.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use uuid::Uuid;

use crate::{
    api::{
        paging::{self, List},
        query::{Filter, IS, Kind, Operand, Query},
    },
    errors::{self, Complaint},
    world::World,
};

const FILTERS: &[Filter] = &[("user_document", Kind::Text, IS)];

/// The consents of a CPF or CNPJ.
pub async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Response {
    let query = match Query::read(query.as_deref(), FILTERS) {
        Ok(query) => query,
        Err(answer) => return *answer,
    };
    let document = match query.values("user_document").first() {
        Some(Operand::Text(document)) => document.clone(),
        _ => return errors::bad_request(vec![Complaint::required("user_document")]),
    };
    if !(11..=14).contains(&document.len()) {
        let message = "Ensure this field has between 11 and 14 characters.";
        return errors::bad_request(vec![Complaint::about("user_document", "invalid", message)]);
    }
    let rows: Vec<String> = {
        let inner = world.lock();
        let links = inner.links_by_age().into_iter();
        links
            .filter(|link| !link.gone && link.consent.documents.contains(&document))
            .map(|link| link.write_consent().0)
            .collect()
    };
    let list = List {
        path: "/api/consents/",
        query: &query,
        count: rows.len(),
    };
    paging::page(&world, &list, |position| rows.get(position).cloned())
}

pub async fn detail(State(world): State<Arc<World>>, Path(id): Path<String>) -> Response {
    let id = id.parse::<Uuid>().ok();
    let inner = world.lock();
    match inner
        .links
        .values()
        .find(|link| !link.gone && Some(link.consent.id) == id)
    {
        Some(link) => paging::json_answer(link.write_consent().0),
        None => errors::not_found(),
    }
}
