//! The client on a chip, in five worlds: a server that judges it, one that never answers, one that answers nonsense, one
//! that never comes to an end, and none.
//!
//! ```text
//! chip in the emulator ──> 10.0.2.2 ──> a port of this machine's loopback ──> one of these servers
//! ```
//! Time is real here, on both sides. So of the log, whose lines start with a time, only the words are compared, in the
//! order of the jobs; what the chip and the server conclude at the end is the same in every run. In every world the chip
//! keeps to the plan, waits longer before each retry, and ends with books that agree. Every server ends with its run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::emulator::in_real_time;
use crate::firmware::Board;
use crate::shell::cargo;

/// The server with the plan that the firmware keeps, as fast as the firmware takes it to be, for two minutes at most.
const SERVER: &[&str] = &["gateway", "--", "--serve", "0", "--plan", "pro", "--speed", "30", "--deadline", "120"];
/// As many videos as it takes to meet every kind of refusal.
const MANY: usize = 128;
/// Where nothing can be made: fewer than have slots.
const FEW: usize = 3;
const USER: &str = "user";

/// Runs the binary in each world; what chip and servers conclude.
pub(crate) fn run(board: &Board, binary: &Path) -> Result<String> {
    let chip = |port: u16, jobs: usize, network: &str| {
        let words = format!("enable=on,target=native,chardev=console,arg={port},arg={jobs}");
        in_real_time(board, binary, &["-nic", network, "-semihosting-config", &words])
    };
    let mut server = Judge::start()?;
    let heard = chip(server.port, MANY, USER);
    let books = server.end()?;
    let judged = conclusion(&heard?);
    let bill = |text: &str| text.lines().find(|line| line.starts_with("bill ")).map(str::to_owned);
    ensure!(bill(&judged).is_some() && bill(&judged) == bill(&books), "the bills differ:\n{judged}\n{books}");

    let mut worlds = format!("== a server that keeps books\n{judged}-- the server's books\n{books}");
    for (name, answer, jobs) in [
        ("a server that never answers", silence as Answer, FEW),
        ("a server that answers nonsense", nonsense, NONSENSE.len()),
        ("a server that never comes to an end", no_end, NO_END),
    ] {
        let server = Stranger::start(answer)?;
        worlds += &world(name, &chip(server.port, jobs, USER)?)?;
        server.judge().context(name)?;
    }
    let alone = chip(1, FEW, "none")?;
    ensure!(alone.contains("no network"), "it does not say that there is no network:\n{alone}");
    Ok(worlds + &world("no network", &alone)?)
}

/// A world that makes nothing: what the chip concludes, and the words of its log.
fn world(name: &str, text: &str) -> Result<String> {
    backs_off(text).context(name.to_owned())?;
    ensure!(text.contains("\nbill                0.000000 credits"), "{name}: it paid for nothing:\n{text}");
    let mut words: Vec<&str> =
        text.lines().filter_map(|line| Some(line.strip_prefix('[')?.split_once("] ")?.1)).collect();
    words.sort_unstable();
    words.dedup();
    Ok(format!("== {name}\n{}-- its log\n{}\n", conclusion(text), words.join("\n")))
}

/// The first retry of an order comes after two seconds of the server's time at the earliest, the second after four.
fn backs_off(log: &str) -> Result<()> {
    let mut earlier: Vec<(&str, Vec<f64>)> = Vec::new();
    for line in log.lines() {
        let Some((time, words)) = line.strip_prefix('[').and_then(|line| line.split_once(" s] job ")) else { continue };
        let (job, time) = (words.split(':').next().unwrap_or_default(), time.parse()?);
        match earlier.iter_mut().find(|(other, _)| *other == job) {
            Some((_, times)) => times.push(time),
            None => earlier.push((job, vec![time])),
        }
    }
    for (job, times) in &earlier {
        for (pair, least) in times.windows(2).zip([2.0, 4.0, f64::INFINITY]) {
            ensure!(pair[1] - pair[0] >= least, "job {job} was ordered at {times:?} s:\n{log}");
        }
    }
    Ok(())
}

/// Without the lines of the log.
fn conclusion(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with('[')).collect()
}

/// What job 1, 2 and so on is answered, always: no HTTP, cut short, too much, contradictory, or not to be believed.
const NONSENSE: [&str; 7] = [
    "\x00\x01\x02 this is no HTTP at all\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"code\":0,\"data\":{\"task_status\":\"succeed\",\"duration_s\":3}}",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{\"code\":0}",
    "HTTP/1.1 429 Too Many\r\nRetry-After: 99999999999999999999\r\nRateLimit: ;;;=\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nRetry-After: -5\r\nx-should-retry: false\r\nContent-Length: -1\r\n\r\n",
    // Longer than any room for it, and nested deeper than any stack.
    "HTTP/1.1 200 OK\r\nX-Endless: ",
    "HTTP/1.1 200 OK\r\n\r\n{\"data\":",
];

/// How a server answers the request with this text; `None` keeps the connection open and says nothing more.
type Answer = fn(&str, &mut TcpStream) -> Option<()>;

/// The job that a request is about.
fn job(request: &str) -> Option<usize> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok();
    ["external_task_id\":", "/v1/videos/"].iter().find_map(|mark| digits(request.split_once(mark)?.1))
}

fn silence(_: &str, _: &mut TcpStream) -> Option<()> {
    None
}

fn nonsense(request: &str, stream: &mut TcpStream) -> Option<()> {
    let job = job(request)?;
    let answer = NONSENSE.get(job.checked_sub(1)?)?;
    stream.write_all(answer.as_bytes()).ok()?;
    match job {
        6 => stream.write_all(&[b'x'; 10_000]).ok(),
        7 => stream.write_all(&[b'['; 1_500]).ok(),
        _ => Some(()),
    }
}

/// As many jobs as have slots, which are kept until somebody knows whether they run.
const NO_END: usize = 5;

/// Heads and bodies that go on for ever, a byte now and then, and ends that are none.
fn no_end(request: &str, stream: &mut TcpStream) -> Option<()> {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n";
    const MADE: &str = r#"{"code":0,"data":{"task_status":"succeed","duration_s":3}}"#;
    let chunked = |length| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length}{MADE}").into_bytes();
    let mut endless = |first: &[u8], piece: &[u8], pause: Duration| {
        stream.write_all(first).ok()?;
        // Until the other side has had enough.
        while stream.write_all(piece).is_ok() {
            thread::sleep(pause);
        }
        Some(())
    };
    match job(request)? {
        1 => endless(HEAD, b"X-Filler: 1\r\n", Duration::from_millis(1)),
        2 => endless(HEAD, b"X-Filler: 1\r\n", Duration::from_millis(200)),
        3 => endless(b"HTTP/1.1 200 OK\r\n\r\n", &[b' '; 100], Duration::from_millis(1)),
        // What it says must not be believed: the length is no number, or there is none.
        4 if request.starts_with("POST") => stream.write_all(&chunked("FFFFFFFFFFFFFFFFFF\r\n")).ok(),
        4 => stream.write_all(&chunked("")).ok(),
        _ => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Len").ok(),
    }
}

/// A server that reads a request of each connection and leaves the answer to a function. It serves for as long as this
/// program runs.
struct Stranger {
    port: u16,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Stranger {
    fn start(answer: Answer) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port on the loopback")?;
        let (port, asked) = (listener.local_addr()?.port(), Arc::<Mutex<Vec<Instant>>>::default());
        let times = Arc::clone(&asked);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                times.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                thread::spawn(move || {
                    let mut request = [0; 1_024];
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                    let length = stream.read(&mut request).unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..length]).into_owned();
                    if answer(&request, &mut stream).is_none() {
                        // Until the other side gives up.
                        let _ = stream.read(&mut [0; 1]);
                    }
                });
            }
        });
        Ok(Self { port, asked })
    }

    /// Whether the plan was kept: so many requests in any minute of this server, which takes two seconds.
    fn judge(&self) -> Result<()> {
        const PLAN: usize = 60;
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(!asked.is_empty(), "nobody has asked for anything");
        let over = asked.windows(PLAN + 1).any(|some| some[PLAN] - some[0] < Duration::from_secs(2));
        ensure!(!over, "more than {PLAN} requests in a minute");
        Ok(())
    }
}

/// The gateway example's server, which keeps books.
struct Judge {
    child: Child,
    said: BufReader<ChildStdout>,
    port: u16,
}

impl Judge {
    fn start() -> Result<Self> {
        let mut command = cargo(&["run", "--quiet", "--release", "--package", "tollgate-examples", "--example"]);
        command.args(SERVER).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("cannot start the server")?;
        let mut said = BufReader::new(child.stdout.take().ok_or_else(|| anyhow!("the server has no output"))?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        let port = line.trim_end().rsplit(':').next().unwrap_or_default().parse();
        Ok(Self { child, said, port: port.with_context(|| format!("the server did not name its port: {line:?}"))? })
    }

    /// Closes the server's input, which asks it for its books, and waits for them.
    fn end(&mut self) -> Result<String> {
        drop(self.child.stdin.take());
        let mut books = String::new();
        self.said.read_to_string(&mut books)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the plan was broken, or the server failed ({status}); it said:\n{books}");
        Ok(books)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // Ended already, unless something failed on the way; without input the server ends, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_that_comes_too_soon_is_found() {
        let log =
            |others: &str, times: [&str; 3]| times.map(|at| format!("[{at} s] job 7: no answer\n{others}")).concat();
        assert!(backs_off(&log("", ["0.5", "2.6", "6.7"])).is_ok());
        assert!(backs_off(&log("", ["0.5", "2.4", "6.7"])).is_err());
        assert!(backs_off(&log("", ["0.5", "2.6", "6.5"])).is_err());
        assert!(backs_off(&log("[9.0 s] job 8: 503\n", ["0.5", "2.6", "6.7"])).is_err(), "job 8, three times at once");
        assert!(backs_off("[0.0 s] no network\nbill 0\n").is_ok());
    }
}
