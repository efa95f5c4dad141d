//! As much of an HTTP client as a benchmark needs: is the server up, and what does it answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const WAIT: Duration = Duration::from_secs(60);

/// A loopback address that nobody listens on.
pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?.to_string())
}

/// Waits until `path` answers 200.
pub(crate) fn wait_until_up(address: &str, method: &str, path: &str) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < WAIT {
        if ask(address, method, path, "").is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{address} does not answer after {} s", WAIT.as_secs())
}

/// The body of a 200 answer.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    // In one piece: a server may answer and close before a second piece arrives.
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    body_of(&answer)
}

fn body_of(answer: &[u8]) -> Result<Vec<u8>> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("no HTTP answer")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let body = &answer[end + 4..];
    if !head.starts_with("http/1.1 200") {
        bail!("{}: {}", head.lines().next().unwrap_or(""), String::from_utf8_lossy(body));
    }
    if head.contains("transfer-encoding: chunked") {
        bail!("a chunked answer, where one with its length was expected");
    }
    Ok(body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_a_good_answer_is_read() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(body_of(answer).unwrap(), b"hi");
        let error = body_of(b"HTTP/1.1 404 Not Found\r\n\r\nno").unwrap_err().to_string();
        assert_eq!(error, "http/1.1 404 not found: no");
        assert!(body_of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(body_of(b"").is_err());
    }

    #[test]
    fn a_server_is_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let n = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nyes").unwrap();
            String::from_utf8_lossy(&request[..n]).into_owned()
        });
        assert_eq!(ask(&address, "POST", "/v1/x", "{}").unwrap(), b"yes");
        let request = server.join().unwrap();
        assert!(
            request.starts_with("POST /v1/x HTTP/1.1\r\n") && request.contains("Length: 2\r\n")
        );
    }
}
