//! The client on a chip, in four worlds: a server that judges it, one that never answers, one that answers nonsense, none.
//!
//! ```text
//! chip in the emulator ──> 10.0.2.2 ──> a port of this machine's loopback ──> one of these servers
//! ```
//! Time is real here, on both sides. So the log, whose lines start with a time, is left out of what is compared; what the
//! chip and the server conclude at the end is the same in every run. Every server ends with its run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::thread;
use std::time::Duration;

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

    let silent = chip(serve(|_, _| None)?, FEW, USER)?;
    let nonsense = chip(serve(nonsense)?, NONSENSE.len(), USER)?;
    let alone = chip(1, FEW, "none")?;
    ensure!(alone.contains("no network"), "it does not say that there is no network:\n{alone}");
    let worlds = [
        ("a server that keeps books", judged + "-- the server's books\n" + &books),
        ("a server that never answers", conclusion(&silent)),
        ("a server that answers nonsense", conclusion(&nonsense)),
        ("no network", conclusion(&alone)),
    ];
    Ok(worlds.map(|(name, text)| format!("== {name}\n{text}")).concat())
}

/// Without the lines of the log.
fn conclusion(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with('[')).collect()
}

/// What job 1, 2 and so on is answered, always: no HTTP, cut short, too much, contradictory, or not to be believed.
const NONSENSE: [&str; 7] = [
    "\x00\x01\x02 this is no HTTP at all\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"code\":0,\"data\":{\"task_sta",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    "HTTP/1.1 429 Too Many\r\nRetry-After: 99999999999999999999\r\nRateLimit: ;;;=\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nRetry-After: -5\r\nx-should-retry: false\r\nContent-Length: -1\r\n\r\n",
    // Longer than any room for it, and nested deeper than any stack.
    "HTTP/1.1 200 OK\r\nX-Endless: ",
    "HTTP/1.1 200 OK\r\n\r\n{\"data\":",
];

fn nonsense(request: &str, stream: &mut TcpStream) -> Option<()> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok();
    let job = ["external_task_id\":", "/v1/videos/"].iter().find_map(|mark| digits(request.split_once(mark)?.1))?;
    let answer = NONSENSE.get(job.checked_sub(1)?)?;
    stream.write_all(answer.as_bytes()).ok()?;
    match job {
        6 => stream.write_all(&[b'x'; 10_000]).ok(),
        7 => stream.write_all(&[b'['; 1_500]).ok(),
        _ => Some(()),
    }
}

/// A server that reads a request of each connection and leaves the answer to `answer`; `None` keeps the connection open
/// and says nothing. Returns its port. It serves for as long as this program runs.
fn serve(answer: fn(&str, &mut TcpStream) -> Option<()>) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port on the loopback")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
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
    Ok(port)
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
