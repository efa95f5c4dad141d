//! As much of an HTTP client as it takes to drive a server of ours: one connection that stays
//! open, requests in turn, JSON both ways. No TLS: drive the server, not the proxy before it.

use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);
/// Answers above this are none of ours.
const MAX_BODY: usize = 64 << 20;
const MAX_HEAD_LINE: u64 = 16 << 10;

/// A connection to a server.
pub(crate) struct Client {
    /// Host and port.
    address: String,
    key: Option<String>,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// `url` as `http://127.0.0.1:8700`.
    pub(crate) fn new(url: &str, key: Option<&str>) -> anyhow::Result<Client> {
        let address = url.strip_prefix("http://").with_context(|| {
            format!("--against {url}: give an address such as http://127.0.0.1:8700")
        })?;
        let address = address.trim_end_matches('/');
        anyhow::ensure!(
            !address.is_empty() && !address.contains('/'),
            "--against {url}: give host and port without a path"
        );
        let address =
            if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let key = key.map(str::to_owned);
        anyhow::ensure!(
            key.as_deref().is_none_or(is_plain),
            "--key holds what no key of ours does"
        );
        Ok(Client { address, key, stream: None })
    }

    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.ask("GET", path, "")
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(method, path, &body.to_string())
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
        let is_fresh = self.stream.is_none();
        let answer = match self.try_ask(method, path, body) {
            // A connection that was left open may be closed by now; what we send is idempotent.
            Err(_) if !is_fresh => {
                self.stream = None;
                self.try_ask(method, path, body)
            }
            answer => answer,
        };
        let (status, body) = answer
            .with_context(|| format!("{method} http://{}{path} got no answer", self.address))?;
        let json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if !(200..300).contains(&status) {
            let detail = json["detail"].as_str().unwrap_or("no reason was given");
            bail!("{method} {path} was refused ({status}): {detail}");
        }
        Ok(json)
    }

    fn try_ask(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)
                    .with_context(|| format!("nobody listens at {}", self.address))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                self.stream.insert(BufReader::new(stream))
            }
        };
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {key}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{}\r\n{body}",
            self.address,
            body.len(),
            key.unwrap_or_default()
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = read_answer(stream);
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }
}

/// Status and body.
fn read_answer(stream: &mut impl BufRead) -> anyhow::Result<(u16, Vec<u8>)> {
    let status = read_line(stream)?;
    let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let code = code.with_context(|| format!("this is no HTTP: {status:?}"))?;
    let mut length = None;
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length.context("an answer without its length")?;
    anyhow::ensure!(length <= MAX_BODY, "an answer of {length} bytes");
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((code, body))
}

fn read_line(stream: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = Vec::new();
    stream.take(MAX_HEAD_LINE).read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\n") {
        return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_and_nothing_else_is() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: x\r\nContent-Length: 4\r\n\r\n[1]\nHTTP";
        assert_eq!(read_answer(&mut &answer[..]).expect("sound"), (200, b"[1]\n".to_vec()));
        for bad in [
            &b""[..],
            b"HTTP/1.1 200 OK",
            b"hello\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx",
        ] {
            assert!(read_answer(&mut &bad[..]).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn addresses_that_cannot_be_driven_are_refused() {
        for url in ["https://shop.example", "127.0.0.1:8700", "http://", "http://a/b"] {
            let error = Client::new(url, None).err().expect("refused").to_string();
            assert!(error.contains("--against"), "{error}");
        }
        assert!(Client::new("http://a:1/", Some("k\r\nX: 1")).is_err());
        let client = Client::new("http://shop/", Some("k_1")).expect("sound");
        assert_eq!(client.address, "shop:80");
    }
}
