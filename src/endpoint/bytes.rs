//! A request written byte for byte: for targets that every URL library would rewrite. One connection each, plain HTTP only.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::Trouble;
use crate::exchange::Method;

/// The most headers that an answer may have.
const MOST_HEADERS: usize = 128;

/// An answer before it is recorded.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends one request with its target as it is, and reads the answer to the end of the connection.
///
/// # Errors
/// No connection, no HTTP, more than `most` bytes, or a base URL with TLS, over which nothing is sent this way.
pub(super) async fn exchange(
    base: &Url,
    method: Method,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
    most: usize,
) -> Result<Answer, Trouble> {
    if base.scheme() != "http" {
        return Err(Trouble::Protocol { detail: "a target is sent as it is over plain http only".to_owned() });
    }
    let host = base.host_str().unwrap_or_default();
    let unreachable = |error: std::io::Error| Trouble::Unreachable { detail: error.to_string() };
    let address = (host.trim_matches(['[', ']']), base.port_or_known_default().unwrap_or(80));
    let mut stream = TcpStream::connect(address).await.map_err(unreachable)?;
    let mut bytes =
        format!("{method} {target} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", authority(base)).into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    if !body.is_empty() {
        bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    stream.write_all(&bytes).await.map_err(unreachable)?;
    let mut answer = Vec::new();
    let limit = most as u64 + (64 << 10);
    match stream.take(limit).read_to_end(&mut answer).await {
        // A server that has said all and closes hard has still answered.
        Err(error) if answer.is_empty() => Err(unreachable(error)),
        Ok(0) => Err(Trouble::Unreachable { detail: "the connection was closed without an answer".to_owned() }),
        _ => read(&answer, method, most),
    }
}

fn authority(base: &Url) -> String {
    let host = base.host_str().unwrap_or_default();
    base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The answer that these bytes are (RFC 9112).
fn read(bytes: &[u8], method: Method, most: usize) -> Result<Answer, Trouble> {
    let cut = |detail: &str| Trouble::Truncated { detail: detail.to_owned() };
    let mut space = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut space);
    let end = match head.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Err(cut("the head is not complete")),
        Err(error) => return Err(Trouble::Protocol { detail: format!("no HTTP answer: {error}") }),
    };
    let status = head.code.unwrap_or_default();
    let mut headers = HeaderMap::new();
    for header in head.headers.iter() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(header.name), HeaderValue::from_bytes(header.value)) {
            headers.append(name, value);
        }
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let rest = &bytes[end..];
    let chunked = text("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let length = text("content-length").and_then(|value| value.parse::<usize>().ok());
    let body = match (method, chunked, length) {
        (Method::Head, ..) => Vec::new(),
        (_, true, _) => chunks(rest).ok_or_else(|| cut("the last chunk is missing"))?,
        (_, false, Some(length)) => {
            rest.get(..length).ok_or_else(|| cut("the body is shorter than announced"))?.to_vec()
        }
        (_, false, None) => rest.to_vec(),
    };
    if body.len() > most {
        return Err(Trouble::TooLarge { limit: most });
    }
    Ok(Answer { status, headers, body })
}

/// A chunked body put together (RFC 9112 section 7.1); nothing if it does not end.
fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((begin, length)) = httparse::parse_chunk_size(rest).ok()? else { return None };
        if length == 0 {
            return Some(body);
        }
        let end = begin.checked_add(usize::try_from(length).ok()?)?;
        body.extend_from_slice(rest.get(begin..end)?);
        rest = rest.get(end..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &str) -> Result<String, Trouble> {
        let read = read(answer.as_bytes(), Method::Get, 20)?;
        Ok(format!("{} {}", read.status, String::from_utf8_lossy(&read.body)))
    }

    #[test]
    fn answers_are_read_however_they_are_framed() {
        assert_eq!(body("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd").unwrap(), "200 ab");
        assert_eq!(body("HTTP/1.0 404 No\r\n\r\nabcd").unwrap(), "404 abcd");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n";
        assert_eq!(body(chunked).unwrap(), "200 abc");
        for (answer, short) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcd", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab", true),
            ("HTTP/1.1 200 OK\r\nCont", true),
            ("SSH-2.0-OpenSSH\r\n\r\n", false),
        ] {
            assert_eq!(matches!(body(answer), Err(Trouble::Truncated { .. })), short, "{answer:?}");
        }
        let large = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(21));
        assert_eq!(body(&large), Err(Trouble::TooLarge { limit: 20 }));
    }
}
