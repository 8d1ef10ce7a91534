//! Connections: none that dawdles, and an end that waits for what is under way. How many there may be says `admission`.

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

use super::admission::{Activity, Connections, Phase, Place, Refused};

/// Callers that wait because they have enough places; more are sent away.
const WAITING: usize = 64;
/// How long the end waits for requests that are under way.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a caller may take for the head of a request. It fits into one packet, so this is for slow networks.
const HEAD: Duration = Duration::from_secs(5);
/// What is said to those who are sent away; their request was not read.
const BUSY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A caller that has waited, and its place.
type Waited = Option<(Place, TcpStream)>;

/// Answers until `stop`; the number of connections that had to be cut.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    patience: Duration,
    stop: impl Future<Output = ()>,
) -> usize {
    let connections = Connections::new(listener.local_addr().is_ok_and(|at| at.ip().is_loopback()));
    let graceful = GracefulShutdown::new();
    let mut waiting: JoinSet<Waited> = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (place, stream) = tokio::select! { biased;
            () = &mut stop => break,
            Some(waited) = waiting.join_next() => match waited {
                Ok(Some(admitted)) => admitted,
                _ => continue,
            },
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => match connections.admit(from.ip()) {
                    Ok(place) => (place, stream),
                    // The others stay in the system's queue meanwhile.
                    Err(Refused::Full) => tokio::select! { biased;
                        () = &mut stop => break,
                        place = connections.wait(from.ip()) => (place, stream),
                    },
                    Err(Refused::Enough) => {
                        wait(&mut waiting, &connections, stream, from, patience);
                        continue;
                    }
                },
                Err(error) => {
                    // such as too many open files: passes when others close
                    log::warn!("a connection could not be taken: {error}");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        serve(place, stream, &router, patience, &graceful);
    }
    drop((listener, waiting));
    match timeout(FAREWELL, graceful.shutdown()).await {
        Ok(()) => 0,
        Err(_) => connections.count(),
    }
}

/// Lets a caller wait for a place, unless too many do.
fn wait(
    waiting: &mut JoinSet<Waited>,
    connections: &Connections,
    stream: TcpStream,
    from: SocketAddr,
    patience: Duration,
) {
    if waiting.len() >= WAITING {
        // No word: who has no place gets no task either.
        return log::warn!("too many connections; one from {} was closed", from.ip());
    }
    let connections = connections.clone();
    waiting.spawn(async move { place_for(&connections, from.ip(), stream, patience).await });
}

async fn place_for(connections: &Connections, from: IpAddr, mut stream: TcpStream, patience: Duration) -> Waited {
    if let Ok(place) = timeout(patience, connections.wait(from)).await {
        return Some((place, stream));
    }
    log::warn!("too many connections; one from {from} was sent away");
    let answer = async {
        stream.write_all(BUSY).await?;
        stream.shutdown().await?;
        // To close on what has not been read would take the answer back.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _not_vital = timeout(Duration::from_secs(1), answer).await;
    None
}

/// Answers the requests of one connection, in a task of its own.
fn serve(place: Place, stream: TcpStream, router: &Router, patience: Duration, graceful: &GracefulShutdown) {
    let Place { activity, .. } = &place;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let stream = Patient { stream, patience, stalled: None, activity: activity.clone() };
    let connection = http.serve_connection(TokioIo::new(stream), followed(router.clone(), activity.clone()));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        let mut place = place;
        let activity = place.activity.clone();
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    log::debug!("a connection ended: {error}");
                }
            }
            _ = &mut place.closed => log::debug!("a connection was closed for another one"),
            () = late(&activity, HEAD.min(patience)) => log::debug!("a connection was closed: its request did not come"),
        }
    });
}

/// Ends when a request's head has not come in time. Between two requests hyper's own limit holds.
async fn late(activity: &Activity, within: Duration) {
    loop {
        let doing = activity.now();
        match doing.phase {
            Phase::New | Phase::Head if doing.since.elapsed() >= within => return,
            Phase::New | Phase::Head => sleep_until(doing.since + within).await,
            _ => sleep(within / 2).await,
        }
    }
}

/// The routes, with a note of what the connection is doing for whoever may have to close it.
fn followed(
    router: Router,
    activity: Activity,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> + Send + 'static {
    let routes = TowerToHyperService::new(router);
    service_fn(move |request: Request<Incoming>| {
        activity.begins(Phase::Body);
        let activity = activity.clone();
        let answer = routes.call(request.map(|body| Body::new(Followed::new(body, activity.clone()))));
        async move {
            let answer = answer.await;
            activity.begins(Phase::Answer);
            answer
        }
    })
}

/// A request's body, whose end is noted.
struct Followed {
    body: Incoming,
    activity: Activity,
}

impl Followed {
    fn new(body: Incoming, activity: Activity) -> Self {
        let followed = Self { body, activity };
        followed.note();
        followed
    }

    fn note(&self) {
        if self.body.is_end_stream() && self.activity.now().phase == Phase::Body {
            self.activity.begins(Phase::Busy);
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.activity.begins(Phase::Busy),
            Some(_) => self.note(),
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

/// A connection whose other side has to take what it is sent.
struct Patient {
    stream: TcpStream,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    activity: Activity,
}

impl Patient {
    /// Fails where writing has been stuck for too long.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
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

impl AsyncWrite for Patient {
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
