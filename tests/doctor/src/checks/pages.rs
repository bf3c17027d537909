//! Pages to which users are sent.

use url::Url;

use crate::{
    Site,
    row::{Other, Seen, by_hand, fail},
};

/// F and G: a public page.
pub(crate) async fn there(site: &Site, parameter: &str) -> Seen {
    let page = site.outside.page(address(site, parameter)?).await?;
    let page = page.must_be(200).map_err(|it| it.of(parameter))?;
    Ok(format!("200 after {} ms", page.took.as_millis()))
}

/// The address in a parameter. A local stack's addresses count only if given on the command line.
pub(crate) fn address(site: &Site, parameter: &str) -> Result<Url, Other> {
    let stack = &site.config.stack;
    if site.config.on_this_machine && stack.get(parameter).is_none() {
        return Err(by_hand(format!(
            "not reachable from the local stack; give one that is with --parameter {parameter}=…"
        )));
    }
    stack.url(parameter)
}

/// A return address travels in the callback's path, together with the user's id: so many characters fit
/// with every id.
const ALWAYS_FITS: usize = 150;
/// So many fit with an id of 40 characters, such as a UUID.
const USUALLY_FITS: usize = 400;

/// H: an address must fit, and a web page must exist, even if it requires a sign-in. An app's own scheme opens only where
/// the app is installed.
pub(crate) async fn return_urls(site: &Site) -> Seen {
    let addresses = site.config.stack.list("ReturnUrls");
    if addresses.is_empty() {
        return Err(fail("ReturnUrls is not known; give --stack"));
    }
    let (mut of_apps, mut long) = (Vec::new(), Vec::new());
    for text in &addresses {
        let Ok(url) = Url::parse(text) else {
            return Err(fail(format!("{text} is not an address")));
        };
        match url.as_str().len() {
            length if length > USUALLY_FITS => {
                return Err(fail(format!(
                    "an address has {length} characters; POST /token refuses most with more than {USUALLY_FITS}"
                )));
            }
            length if length > ALWAYS_FITS => long.push(*text),
            _ => {}
        }
        if !matches!(url.scheme(), "http" | "https") {
            of_apps.push(*text);
            continue;
        }
        let answer = site.outside.page(url).await.map_err(|it| it.of(text))?;
        if !matches!(answer.status, 200 | 401 | 403) {
            return Err(fail(format!("{text}: {}", answer.what())));
        }
    }
    if !of_apps.is_empty() {
        let how = format!("open {} where the app is installed", of_apps.join(", "));
        return Err(by_hand(how));
    }
    if !long.is_empty() {
        let how = format!(
            "{} answer; of more than {ALWAYS_FITS} characters, and refused to users whose ids have more than 40: {}",
            addresses.len(),
            long.join(", ")
        );
        return Err(by_hand(how));
    }
    Ok(format!("{} answer", addresses.len()))
}
