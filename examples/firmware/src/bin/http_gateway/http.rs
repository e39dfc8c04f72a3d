//! HTTP for a chip: one request on one connection, a response of at most two kilobytes, and what it says about limits.
//!
//! Fixed buffers, and a deadline on all of it. What is cut short, too long or no HTTP at all is no answer: the request
//! may have arrived, and the caller has to find out. Chunked bodies are not read, only their heads.

use core::net::Ipv4Addr;

use embassy_net::{Stack, tcp::TcpSocket};
use embassy_time::{Duration, with_timeout};
use httparse::Status;
use tollgate::Failure;
use tollgate::headers::dialects::KLING;
use tollgate::headers::{Feedback, FeedbackReader};

use crate::video::{DIALECT, Page};

/// The most header lines of a response, and the deepest body.
const LINES: usize = 32;
const DEEPEST: u32 = 4;

/// Room for one exchange at a time.
pub(crate) struct Room {
    rx: [u8; 512],
    tx: [u8; 512],
    text: [u8; 2048],
}

impl Room {
    pub(crate) const EMPTY: Self = Self { rx: [0; 512], tx: [0; 512], text: [0; 2048] };
}

/// What the server said, about limits and in its body as far as that could be read; or why there is no answer.
pub(crate) type Heard<'a> = Result<(Feedback, Option<Page<'a>>), Failure>;

/// The server, and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) stack: Stack<'static>,
    pub(crate) address: (Ipv4Addr, u16),
}

/// How long we wait for a network, for a connection, and for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Sends a request, and waits for the answer.
pub(crate) async fn exchange<'a>(server: Server, request: &str, room: &'a mut Room) -> Heard<'a> {
    let Room { rx, tx, text } = room;
    let mut socket = TcpSocket::new(server.stack, rx, tx);
    // Without an address of our own there is no connection either.
    let connected = with_timeout(PATIENCE, socket.connect(server.address)).await;
    let answered = match connected {
        Ok(Ok(())) => {
            let talk = with_timeout(PATIENCE, talk(&mut socket, request.as_bytes(), text)).await;
            talk.ok().flatten().ok_or(Failure::Broken)
        }
        _ => Err(Failure::NotSent),
    };
    // Whatever is still under way is not wanted any more: reset, so that it does not arrive later.
    socket.abort();
    let _ = with_timeout(PATIENCE, socket.flush()).await;
    answered.and_then(|len| understand(text.get(..len).unwrap_or_default()))
}

/// The length of the response, head and body; `None` if it broke off before its head was over, or has no end.
async fn talk(socket: &mut TcpSocket<'_>, request: &[u8], text: &mut [u8]) -> Option<usize> {
    let mut rest = request;
    while !rest.is_empty() {
        let sent = socket.write(rest).await.ok()?;
        rest = rest.get(sent..)?;
    }
    let mut len = 0;
    loop {
        // Full, and not whole: longer than anything that this server has to say.
        let free = text.get_mut(len..).filter(|free| !free.is_empty())?;
        let read = socket.read(free).await.unwrap_or(0);
        len += read;
        match measure(text.get(..len)?)? {
            Status::Complete((head, body)) if read == 0 || body.is_some_and(|body| body <= len - head) => break,
            Status::Partial if read == 0 => return None,
            _ => {}
        }
    }
    Some(len)
}

/// The lengths of head and body, as soon as the head is over; `None` if this is no HTTP.
fn measure(text: &[u8]) -> Option<Status<(usize, Option<usize>)>> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut response = httparse::Response::new(&mut lines);
    let Status::Complete(head) = response.parse(text).ok()? else { return Some(Status::Partial) };
    Some(Status::Complete((head, length(response.headers))))
}

/// The length that a head names for its body, if it names one; one that is no number is longer than any body.
fn length(lines: &[httparse::Header<'_>]) -> Option<usize> {
    let line = lines.iter().find(|line| line.name.eq_ignore_ascii_case("content-length"))?;
    Some(core::str::from_utf8(line.value).ok().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX))
}

/// What a response says, in whatever dialect: the lines of its head, and the code in its body.
fn understand(text: &[u8]) -> Heard<'_> {
    let mut lines = [httparse::EMPTY_HEADER; LINES];
    let mut response = httparse::Response::new(&mut lines);
    let Ok(Status::Complete(head)) = response.parse(text) else { return Err(Failure::Broken) };
    let mut reader = FeedbackReader::of(&DIALECT);
    for line in response.headers.iter() {
        reader.line(line.name.as_bytes(), line.value);
    }
    // In chunks or packed otherwise it is not what it looks like, and a part of it may say anything.
    let plain = !response.headers.iter().any(|line| line.name.eq_ignore_ascii_case("transfer-encoding"));
    let whole = |body: &[u8]| length(response.headers).is_none_or(|len| len <= body.len());
    let body = text.get(head..).filter(|body| plain && whole(body) && is_shallow(body));
    let page = body.and_then(|body| serde_json_core::from_slice::<Page>(body).ok()).map(|(page, _)| page);
    if let Some(cause) = page.and_then(|page| KLING.cause(page.code?)) {
        reader.cause(cause);
    }
    // Announcements (1xx) are none of a server's answers to this client.
    let status = response.code.filter(|status| *status >= 200).ok_or(Failure::Broken)?;
    // Dates are compared to the answer's own: the chip has no calendar.
    Ok((reader.finish(status, None), page))
}

/// Whether the parser's recursion stays small. Brackets in strings count too, which only refuses more.
fn is_shallow(body: &[u8]) -> bool {
    let mut depth = 0_u32;
    body.iter().all(|byte| {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= DEEPEST
    })
}
