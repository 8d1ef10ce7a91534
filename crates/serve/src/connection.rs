//! Connections: timeouts, and a shutdown that waits for requests in progress. `admission` limits how many there are.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, sleep_until, timeout};

use super::admission::{Activity, AdmissionError, ConnectionSlot, Connections, Phase};

/// Maximum clients that wait because their address has too many connections; more are refused.
const WAITING: usize = 64;
/// How long shutdown waits for requests in progress.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// How long a client may take for the head of a request. It fits into one packet, so this is for slow networks.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The response to clients that are refused; their request was not read.
const TOO_MANY_REQUESTS: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A client that has waited, and its slot.
type Admitted = Option<(ConnectionSlot, TcpStream)>;

/// Serves until `stop`; returns the number of connections that had to be closed.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    idle_timeout: Duration,
    stop: impl Future<Output = ()>,
) -> usize {
    let connections = Connections::new(listener.local_addr().is_ok_and(|at| at.ip().is_loopback()));
    let graceful = GracefulShutdown::new();
    let mut waiting: JoinSet<Admitted> = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (slot, stream) = tokio::select! { biased;
            () = &mut stop => break,
            Some(waited) = waiting.join_next() => match waited {
                Ok(Some(admitted)) => admitted,
                _ => continue,
            },
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => match connections.admit(from.ip()) {
                    Ok(slot) => (slot, stream),
                    // Others stay in the system's queue meanwhile.
                    Err(AdmissionError::Full) => tokio::select! { biased;
                        () = &mut stop => break,
                        slot = connections.wait(from.ip()) => (slot, stream),
                    },
                    Err(AdmissionError::TooManyFromAddress) => {
                        wait(&mut waiting, &connections, stream, from, idle_timeout);
                        continue;
                    }
                },
                Err(error) => {
                    // Such as too many open files, until others are closed.
                    log::warn!("a connection could not be accepted: {error}");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        serve(slot, stream, &router, idle_timeout, &graceful);
    }
    drop((listener, waiting));
    match timeout(SHUTDOWN_GRACE, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => connections.count(),
    }
}

/// Lets a client wait for a slot, unless too many do.
fn wait(
    waiting: &mut JoinSet<Admitted>,
    connections: &Connections,
    stream: TcpStream,
    from: SocketAddr,
    idle_timeout: Duration,
) {
    if waiting.len() >= WAITING {
        // Without a response: that would need a task.
        return log::warn!("too many connections; one from {} was closed", from.ip());
    }
    let connections = connections.clone();
    waiting.spawn(async move { wait_for_slot(&connections, from.ip(), stream, idle_timeout).await });
}

async fn wait_for_slot(
    connections: &Connections,
    from: IpAddr,
    mut stream: TcpStream,
    idle_timeout: Duration,
) -> Admitted {
    if let Ok(slot) = timeout(idle_timeout, connections.wait(from)).await {
        return Some((slot, stream));
    }
    log::warn!("too many connections; one from {from} was refused");
    let response = async {
        stream.write_all(TOO_MANY_REQUESTS).await?;
        stream.shutdown().await?;
        // Closing with unread data would discard the response.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _not_vital = timeout(Duration::from_secs(1), response).await;
    None
}

/// Serves one connection in its own task.
fn serve(
    slot: ConnectionSlot,
    stream: TcpStream,
    router: &Router,
    idle_timeout: Duration,
    graceful: &GracefulShutdown,
) {
    let ConnectionSlot { activity, .. } = &slot;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(idle_timeout);
    let stream = TimeoutStream { stream, idle_timeout, stalled_until: None, activity: activity.clone() };
    let connection = http.serve_connection(TokioIo::new(stream), tracked(router.clone(), activity.clone()));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        let mut slot = slot;
        let activity = slot.activity.clone();
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    log::debug!("a connection ended: {error}");
                }
            }
            _ = &mut slot.closed => log::debug!("a connection was closed for another one"),
            () = header_timeout(&activity, HEADER_TIMEOUT.min(idle_timeout)) => log::debug!("a connection was closed: its request did not arrive"),
        }
    });
}

/// Returns when a request's head has not arrived in time. Between two requests hyper's own limit applies.
async fn header_timeout(activity: &Activity, within: Duration) {
    loop {
        let state = activity.now();
        match state.phase {
            Phase::New | Phase::Head if state.since.elapsed() >= within => return,
            Phase::New | Phase::Head => sleep_until(state.since + within).await,
            _ => sleep(within / 2).await,
        }
    }
}

/// The routes, with a record of what the connection is doing for `admission`.
fn tracked(
    router: Router,
    activity: Activity,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> + Send + 'static {
    let routes = TowerToHyperService::new(router);
    service_fn(move |request: Request<Incoming>| {
        activity.enter(Phase::Body);
        let activity = activity.clone();
        let response = routes.call(request.map(|body| Body::new(TrackedBody::new(body, activity.clone()))));
        async move {
            let response = response.await;
            activity.enter(Phase::Response);
            response
        }
    })
}

/// A request's body that records its end.
struct TrackedBody {
    body: Incoming,
    activity: Activity,
}

impl TrackedBody {
    fn new(body: Incoming, activity: Activity) -> Self {
        let tracked = Self { body, activity };
        tracked.record_end();
        tracked
    }

    fn record_end(&self) {
        if self.body.is_end_stream() && self.activity.now().phase == Phase::Body {
            self.activity.enter(Phase::Busy);
        }
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.activity.enter(Phase::Busy),
            Some(_) => self.record_end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose client has to accept what is sent to it.
struct TimeoutStream {
    stream: TcpStream,
    idle_timeout: Duration,
    stalled_until: Option<Pin<Box<Sleep>>>,
    activity: Activity,
}

impl TimeoutStream {
    /// Fails if writing has been blocked for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled_until = None;
            return written;
        }
        let idle_timeout = self.idle_timeout;
        ready!(self.stalled_until.get_or_insert_with(|| Box::pin(sleep(idle_timeout))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for TimeoutStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match buffer.filled().len() - before {
            0 => {}
            bytes => self.activity.received(bytes),
        }
        read
    }
}

impl AsyncWrite for TimeoutStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.activity.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
