//! Icon and logo. The widget accepts SVG only and shows its own picture otherwise.

use crate::{
    Site,
    checks::{pages::address, svg},
    row::{Other, Seen, fail},
};

/// D: a square.
pub(crate) async fn icon(site: &Site) -> Seen {
    let (width, height) = size(site, "CompanyIconUrl").await?;
    if width != height {
        return Err(fail(format!(
            "an SVG of {width} × {height}, which is not square"
        )));
    }
    Ok(format!("an SVG of {width} × {height}"))
}

/// E: any shape, though a horizontal one looks best.
pub(crate) async fn logo(site: &Site) -> Seen {
    let (width, height) = size(site, "CompanyLogoUrl").await?;
    Ok(format!("an SVG of {width} × {height}"))
}

async fn size(site: &Site, parameter: &str) -> Result<(f64, f64), Other> {
    let answer = site
        .outside
        .page(address(site, parameter)?)
        .await?
        .must_be(200)?;
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if kind != "image/svg+xml" {
        let image = kind.starts_with("image/");
        let kind = if image {
            kind.as_str()
        } else {
            "something else"
        };
        return Err(fail(format!("{kind}, not image/svg+xml")));
    }
    let text = String::from_utf8_lossy(&answer.body);
    let Some(root) = svg::root(&text) else {
        return Err(fail("image/svg+xml, but its content is not an SVG"));
    };
    svg::size(root).ok_or_else(|| fail("an SVG whose viewBox gives no size"))
}
