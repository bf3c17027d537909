//! The body of `POST /portal`.

use domain::LinkId;
use runtime::Problem;

use crate::fields::Fields;
use crate::identity::Who;

/// What the app wants My Belvo Portal for.
#[derive(Clone, Debug)]
pub(crate) enum PortalRequest {
    /// All consents the user has given through Belvo. The portal itself asks who the user is.
    Public,
    /// The consents given to this company.
    Manage(Who),
    /// One consent, to be renewed.
    Renew(LinkId, Who),
}

#[derive(Clone, Copy)]
enum Mode {
    Public,
    Manage,
    Renew,
}

impl PortalRequest {
    /// Reads a body. The problem names every field that is wrong.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::read(body)?;
        // The mode decides which other fields are valid.
        let Some(mode) = fields.required_text("mode", mode) else {
            return Err(fields.into_problem());
        };
        let request = match mode {
            Mode::Public => Some(Self::Public),
            Mode::Manage => Some(Self::Manage(Who::read(&mut fields))),
            Mode::Renew => {
                let link = fields.required_text("link_id", |text| {
                    LinkId::parse(text).map_err(|rule| rule.to_string())
                });
                let who = Who::read(&mut fields);
                link.map(|link| Self::Renew(link, who))
            }
        };
        fields.finish(request)
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "public" => Ok(Mode::Public),
        "manage" => Ok(Mode::Manage),
        "renew" => Ok(Mode::Renew),
        _ => Err("must be public, manage or renew".to_owned()),
    }
}
