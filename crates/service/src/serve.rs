//! The accept loop: connections, their time limits, and the end.

use crate::edge::PeerAddress;
use crate::error::{Error, Result};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::Service as HyperService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

/// A client that sends its headers slower than this is cut off.
const HEADER_TIME_LIMIT: Duration = Duration::from_secs(15);
/// Requests under way at the end get this long.
const DRAIN_TIME_LIMIT: Duration = Duration::from_secs(20);
/// Connections at once; more wait in the queue of the operating system.
const MAX_CONNECTIONS: usize = 10_000;

/// Without API keys (`is_open`), this machine alone may be served.
pub fn check_address(address: SocketAddr, is_open: bool) -> Result<()> {
    if is_open && !address.ip().is_loopback() {
        return Err(Error::OpenToTheWorld { address });
    }
    Ok(())
}

/// Binds, and says what to do when that cannot be. `is_open`: there are no API keys.
pub async fn listen(address: SocketAddr, is_open: bool) -> Result<TcpListener> {
    check_address(address, is_open)?;
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => Error::AddressInUse { address },
        _ => Error::Listen { address, source },
    })
}

/// Serves until `stop` resolves, then takes no new connection and lets requests finish.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    let mut stop = std::pin::pin!(stop);
    loop {
        let slot = tokio::select! {
            slot = slots.clone().acquire_owned() => slot.expect("the semaphore is never closed"),
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let connection = connection_of(stream, peer, router.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is no event worth a line.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME_LIMIT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish within the drain time and were cut off");
    }
}

/// Out of file handles: waiting helps. Anything else concerns one connection alone.
async fn pause_after(error: &std::io::Error) {
    let is_of_peer = matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    );
    if !is_of_peer {
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn connection_of(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) -> auto::Connection<'static, TokioIo<TcpStream>, Peered, TokioExecutor> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME_LIMIT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEADER_TIME_LIMIT);
    let service = Peered { router, peer: peer.ip() };
    builder.serve_connection(TokioIo::new(stream), service).into_owned()
}

/// The router, told who is at the other end.
#[derive(Clone)]
struct Peered {
    router: Router,
    peer: IpAddr,
}

impl HyperService<Request<Incoming>> for Peered {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = axum::routing::future::RouteFuture<Self::Error>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddress(self.peer));
        self.router.clone().call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestShop;
    use axum::routing::get;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, oneshot};

    const ANY_PORT: &str = "127.0.0.1:0";

    async fn ask(stream: &mut TcpStream, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads up to the end of a body that is known.
    async fn read_until(stream: &mut TcpStream, end: &str) -> String {
        let mut text = String::new();
        let mut buffer = [0; 1_024];
        while !text.ends_with(end) {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                n => text.push_str(std::str::from_utf8(&buffer[..n]).unwrap()),
            }
        }
        text
    }

    #[tokio::test]
    async fn the_world_is_refused_without_keys_and_a_busy_port_is_named() {
        let world = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(listen(world, true).await, Err(Error::OpenToTheWorld { .. })));
        assert!(listen(world, false).await.is_ok());
        let first = listen(ANY_PORT.parse().unwrap(), true).await.unwrap();
        let busy = first.local_addr().unwrap();
        let error = listen(busy, true).await.unwrap_err();
        assert!(error.to_string().contains(&format!("port {}", busy.port())), "{error}");
    }

    #[tokio::test]
    async fn one_connection_carries_many_requests() {
        let shop = TestShop::new();
        let listener = listen(ANY_PORT.parse().unwrap(), true).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = crate::router(shop.state.clone());
        let server = tokio::spawn(serve(listener, router, std::future::pending()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            ask(&mut stream, "/health/live").await;
            let answer = read_until(&mut stream, r#"{"status":"live"}"#).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("x-request-id"));
        }
        server.abort();
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_before_the_end() {
        let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&started), Arc::clone(&go_on));
        let slow = async move || {
            tell.notify_one();
            wait.notified().await;
            "done"
        };
        let listener = listen(ANY_PORT.parse().unwrap(), true).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let end = async { stopped.await.unwrap_or_default() };
        let server = tokio::spawn(serve(listener, Router::new().route("/", get(slow)), end));
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream, "/").await;
        started.notified().await;
        stop.send(()).unwrap();
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
        assert!(read_until(&mut stream, "done").await.starts_with("HTTP/1.1 200 OK"));
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_one_bad_answer_and_no_end() {
        let shop = TestShop::new();
        let broken = async || -> &'static str { panic!("a bug, on purpose") };
        let layer = crate::edge::EdgeLayer { state: shop.state.clone() };
        let router = Router::new().route("/", get(broken)).layer(layer);
        let listener = listen(ANY_PORT.parse().unwrap(), true).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, router, std::future::pending()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        for n in 1..3 {
            ask(&mut stream, "/").await;
            let answer = read_until(&mut stream, "}").await;
            assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
            assert!(!answer.contains("on purpose") && answer.contains("\"internal\""));
            assert_eq!(shop.state.inner.metrics.n_panics.get(), n);
        }
        server.abort();
    }
}
