//! The HTTP API without a server: what a request becomes, for tests that call handlers themselves.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::event::{self, Context};
use super::routes::Routes;
use crate::template::System;

/// The routes of the API that the template describes.
#[derive(Debug)]
pub struct Doorway {
    api_id: String,
    routes: Routes,
}

/// A request that was let in.
#[derive(Debug)]
pub struct Entrance {
    /// The function's name.
    pub function: String,
    /// The event that invokes it.
    pub event: Value,
}

impl Doorway {
    /// Reads the routes.
    pub fn new(system: &System) -> Self {
        Self {
            api_id: system.api.id.to_lowercase(),
            routes: Routes::new(&system.functions),
        }
    }

    /// The event of a request, if there is such a route. `claims` are those of a verified token; a
    /// route that wants one is closed without them.
    pub fn enter(
        &self,
        request: Request<Bytes>,
        claims: Option<&Map<String, Value>>,
        request_id: &str,
        now: Timestamp,
    ) -> Option<Entrance> {
        let (parts, body) = request.into_parts();
        let found = self.routes.find(parts.method.as_str(), parts.uri.path())?;
        let claims = match found.target.authorized {
            true => Some(claims?),
            false => None,
        };
        let context = Context {
            api_id: &self.api_id,
            request_id,
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 80,
            now,
            claims,
        };
        Some(Entrance {
            function: found.target.function.clone(),
            event: event::event(&parts, &body, &found, &context),
        })
    }
}
