//! The frame of every page, and escaped text inside it.

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};

const STYLE: &str = "
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #eef1f6; color: #16202e; font: 17px/1.5 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; background: #fff; min-height: 100vh; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: .2rem 0 .6rem; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
.tag { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; background: #fff3cd; color: #5c4300; font-size: .85rem; }
fieldset { border: 1px solid #c6cede; border-radius: .6rem; padding: .6rem 1rem 1rem; margin: 1rem 0; }
legend { font-weight: 600; padding: 0 .3rem; }
label.row { display: flex; gap: .7rem; align-items: center; padding: .45rem 0; cursor: pointer; }
input[type=radio] { width: 1.2rem; height: 1.2rem; flex: none; }
select { font: inherit; padding: .45rem .6rem; border: 1px solid #8a96ab; border-radius: .4rem; background: #fff; color: inherit; width: 100%; }
button { font: inherit; padding: .75rem 1rem; border-radius: .5rem; border: 1px solid #0b57d0; background: #fff; color: #0b46a8; width: 100%; margin-top: .6rem; cursor: pointer; }
button.main { background: #0b46a8; color: #fff; font-weight: 600; }
button:focus-visible, input:focus-visible, select:focus-visible, a:focus-visible, summary:focus-visible { outline: 3px solid #f2a600; outline-offset: 2px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { color: #4c5a70; } dd { margin: 0; }
article { border: 1px solid #c6cede; border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
details { margin-top: 1.5rem; } summary { cursor: pointer; }
";

/// A whole page in Portuguese; `body` is HTML.
pub fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"pt-BR\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <p><span class=\"tag\">Ambiente de testes: bancos e dados inventados</span></p>\n\
         <h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    // The address holds a token, so the page must be neither cached nor named in a Referer.
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, Html(html)).into_response()
}

/// A page with a title and a text only.
pub fn notice(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, title, &format!("<p>{}</p>", escape(text)))
}

/// Redirects the browser to any scheme, so that an app can receive it.
pub fn redirect(url: &str) -> Response {
    let headers = [
        (header::LOCATION, url),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::FOUND, headers).into_response()
}

/// Text that is escaped for use between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A hidden field.
pub fn hidden(name: &str, value: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"{}\" value=\"{}\">\n",
        escape(name),
        escape(value)
    )
}

/// The start page of the sandbox.
pub async fn start() -> Response {
    page(
        StatusCode::OK,
        "Belvo de mentira",
        "<p>Este servidor faz o papel da Belvo em testes. A API está em <code>/api/</code>, o widget em \
         <code>/widget/</code>, o controle em <code>/_sandbox/</code>.</p>\
         <p><a href=\"/portal/?mode=landing\">Meu Portal</a></p>",
    )
}
