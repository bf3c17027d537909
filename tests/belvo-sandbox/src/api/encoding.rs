//! Bodies that are compressed on their way, well or badly.

use std::io::{self, Read as _, Write as _};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

use crate::faults::Encoding;

/// Blanks behind the body of a bomb: more than any answer of Belvo's has.
const BLANKS: u64 = 65 * 1024 * 1024;

/// The answer with its body in this encoding.
pub async fn encoded(answer: Response, encoding: Option<Encoding>) -> Response {
    let Some(encoding) = encoding else {
        return answer;
    };
    let (mut parts, body) = answer.into_parts();
    let bytes = to_bytes(body, usize::MAX).await;
    let bytes = bytes.map_err(io::Error::other);
    let Ok(body) = bytes.and_then(|bytes| encode(&bytes, encoding)) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let name = match encoding {
        Encoding::Deflate => "deflate",
        Encoding::Unknown => "br",
        _ => "gzip",
    };
    let name = HeaderValue::from_static(name);
    parts.headers.insert(header::CONTENT_ENCODING, name);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

fn encode(body: &[u8], encoding: Encoding) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    match encoding {
        Encoding::FalseGzip => Ok(body.to_vec()),
        Encoding::Unknown => Ok(body.iter().rev().copied().collect()),
        Encoding::Deflate => {
            let mut deflate = ZlibEncoder::new(Vec::new(), Compression::fast());
            deflate.write_all(body)?;
            deflate.finish()
        }
        Encoding::Gzip => {
            gzip.write_all(body)?;
            gzip.finish()
        }
        Encoding::HalfGzip => {
            gzip.write_all(body)?;
            let mut whole = gzip.finish()?;
            whole.truncate(whole.len() / 2);
            Ok(whole)
        }
        Encoding::GzipBomb => {
            gzip.write_all(body)?;
            io::copy(&mut io::repeat(b' ').take(BLANKS), &mut gzip)?;
            gzip.finish()
        }
    }
}
