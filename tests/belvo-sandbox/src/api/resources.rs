//! The six lists of data, and single rows.

use std::sync::Arc;

use axum::{
    extract::{Path, RawQuery, State},
    response::Response,
};
use uuid::Uuid;

use crate::{
    api::{
        matching,
        paging::{self, List},
        query::{Condition, Filter, IN, IS, Kind, ORDER, Operand, Query},
    },
    data::{LinkData, finder::Positions},
    drift,
    errors::{self, Complaint},
    links::Link,
    random::Tag,
    resources::Resource,
    world::World,
};

const ID: Filter = ("id", Kind::Id, IN);
const LINK: Filter = ("link", Kind::Id, IN);
const CREATED_AT: Filter = ("created_at", Kind::Day, ORDER);

/// The filters of each list, as Belvo's schema has them.
fn filters(resource: Resource) -> &'static [Filter] {
    match resource {
        Resource::Owners => &[
            LINK,
            ID,
            CREATED_AT,
            ("email", Kind::Text, IS),
            ("display_name", Kind::Text, &["icontains"]),
        ],
        Resource::Accounts => &[
            LINK,
            ID,
            CREATED_AT,
            ("category", Kind::Text, IN),
            ("type", Kind::Text, IS),
            ("currency", Kind::Text, IN),
            ("institution", Kind::Text, IN),
            ("name", Kind::Text, &["", "icontains"]),
            ("number", Kind::Text, IN),
            ("public_identification_name", Kind::Text, IS),
            ("public_identification_value", Kind::Text, IS),
            ("balance__available", Kind::Number, ORDER),
            ("balance__current", Kind::Number, ORDER),
        ],
        Resource::Transactions => &[
            LINK,
            // Belvo's schema has no `id` here, but the documentation describes it.
            ID,
            CREATED_AT,
            ("account", Kind::Id, IN),
            ("account_type", Kind::Text, IN),
            ("account__balance__available", Kind::Number, ORDER),
            ("account__balance__current", Kind::Number, ORDER),
            ("accounting_date", Kind::Day, ORDER),
            ("value_date", Kind::Day, ORDER),
            ("amount", Kind::Number, ORDER),
            ("collected_at", Kind::Moment, ORDER),
            ("currency", Kind::Text, IN),
            ("credit_card_data__bill_name", Kind::Text, &["in"]),
            ("reference", Kind::Text, IN),
            ("status", Kind::Text, IN),
            ("type", Kind::Text, IN),
        ],
        Resource::Bills => &[
            LINK,
            ID,
            CREATED_AT,
            ("account", Kind::Id, IN),
            ("due_date", Kind::Day, ORDER),
            (
                "collected_at",
                Kind::Moment,
                &["gt", "gte", "lt", "lte", "range"],
            ),
        ],
        Resource::Investments | Resource::InvestmentTransactions => {
            &[LINK, ID, CREATED_AT, ("type", Kind::Text, IN)]
        }
    }
}

/// Owners and accounts can be listed without a link.
fn needs_link(resource: Resource) -> bool {
    !matches!(resource, Resource::Owners | Resource::Accounts)
}

/// A page of rows.
pub async fn list(
    resource: Resource,
    State(world): State<Arc<World>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match Query::read(query.as_deref(), filters(resource)) {
        Ok(query) => query,
        Err(answer) => return *answer,
    };
    let wanted = query.values("link");
    if wanted.is_empty() && needs_link(resource) {
        return errors::bad_request(vec![Complaint::required("link")]);
    }
    let sources: Vec<Arc<LinkData>> = {
        let mut inner = world.lock();
        let all = wanted.is_empty() || inner.faults.ignores_filter(resource.path());
        let is_wanted = |link: &Link| all || wanted.contains(&&Operand::Id(link.id));
        inner
            .links_by_age()
            .into_iter()
            .filter(|link| is_wanted(link) && link.shows(resource))
            .map(|link| link.data.clone())
            .collect()
    };
    let answer = rows_of(&world, resource, &query, &sources);
    if let Some(data) = sources.first().filter(|_| answer.status().is_success()) {
        let link_id = data.profile.link_id;
        // Dropped before the change, which would otherwise have to copy the rows.
        drop(sources);
        drift::strike(&world, resource.path(), query.page, link_id);
    }
    answer
}

fn rows_of(
    world: &World,
    resource: Resource,
    query: &Query,
    sources: &[Arc<LinkData>],
) -> Response {
    let conditions: Vec<&Condition> = query
        .conditions
        .iter()
        .filter(|condition| condition.field != "link")
        .collect();
    let path = resource.path();
    // A query without filters needs no list of matches, which matters at a million rows.
    if let ([data], true) = (sources, conditions.is_empty()) {
        let list = List {
            path,
            query,
            count: data.count(resource),
        };
        return paging::page(world, &list, |position| data.row(resource, position));
    }
    let matches: Vec<(&Arc<LinkData>, Positions)> = sources
        .iter()
        .map(|data| {
            let name = format!("{resource:?} {conditions:?}");
            let found = data
                .finder
                .answer(name, || matching::positions(data, resource, &conditions));
            (data, found)
        })
        .collect();
    let list = List {
        path,
        query,
        count: matches.iter().map(|(_, found)| found.len()).sum(),
    };
    paging::page(world, &list, |mut position| {
        for (data, found) in &matches {
            match found.get(position) {
                Some(place) => return data.row(resource, usize::try_from(*place).ok()?),
                None => position -= found.len(),
            }
        }
        None
    })
}

pub async fn detail(
    resource: Resource,
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match Query::read(query.as_deref(), &[]) {
        Ok(query) => query,
        Err(answer) => return *answer,
    };
    let Ok(id) = id.parse::<Uuid>() else {
        return errors::not_found();
    };
    let (candidates, other): (Vec<Arc<LinkData>>, _) = {
        let mut inner = world.lock();
        let swaps = inner.faults.swaps_link(resource.path());
        let by_tag = inner
            .tags
            .get(&Tag::in_id(id))
            .and_then(|link| inner.links.get(link));
        // Ids chosen by a test carry no tag of a link.
        let links: Vec<&Link> =
            by_tag.map_or_else(|| inner.links.values().collect(), |link| vec![link]);
        let ready = links.into_iter().filter(|link| link.shows(resource));
        let candidates: Vec<Arc<LinkData>> = ready.map(|link| link.data.clone()).collect();
        let is_other = |link: &&&Link| {
            let own = candidates.iter().map(|data| data.profile.link_id);
            swaps && !own.collect::<Vec<_>>().contains(&link.id)
        };
        let other = inner.links_by_age().iter().find(is_other).map(|it| it.id);
        (candidates, other)
    };
    let row = candidates.iter().find_map(|data| {
        let position = data.position(resource, id)?;
        let row = data.row(resource, position)?;
        Some(match other {
            Some(other) => row.replace(&data.profile.link_id.to_string(), &other.to_string()),
            None => row,
        })
    });
    match row {
        Some(row) => paging::json_answer(paging::select(&query, row)),
        None => errors::not_found(),
    }
}
