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

/// Binds, and says what to do when that cannot be. `is_open`: there are no API keys.
pub async fn listen(address: SocketAddr, is_open: bool) -> Result<TcpListener> {
    if is_open && !address.ip().is_loopback() {
        return Err(Error::OpenToTheWorld { address });
    }
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
