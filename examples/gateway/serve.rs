//! The server alone, for a client that is another program: `http_gateway` of `examples/firmware`, on an emulated chip.
//!
//! It listens on a loopback port until its standard input ends, or until the deadline if that comes first; then it prints
//! its books and its bill. So it never outlives whoever started it.

use std::error::Error;
use std::io::{Write, copy, sink, stdin, stdout};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration as Real;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::Args;
use crate::server::Server;

/// Serves, prints, and tells how often the plan was broken.
#[tokio::main(worker_threads = 2)]
pub(crate) async fn alone(port: u16, args: &Args) -> Result<u64, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    stdout().flush()?;

    let server = Server::open(None, args)?;
    let serving = tokio::spawn(Arc::clone(&server).serve(listener));
    let _ = tokio::time::timeout(Real::from_secs(args.deadline), end_of_input()).await;
    serving.abort();
    Ok(print(&server))
}

/// Whoever started this has gone, or wants to see the books.
async fn end_of_input() {
    let (ended, wait) = oneshot::channel();
    // A thread of its own, which nobody joins: a runtime would wait for the input before it ends.
    std::thread::spawn(move || {
        let _ = copy(&mut stdin(), &mut sink());
        let _ = ended.send(());
    });
    let _ = wait.await;
}

/// What hangs on when a request arrived goes to the errors: the rest is the same for every client that does its work.
fn print(server: &Server) -> u64 {
    let (books, bill, refused) = server.accounts();
    eprintln!("{:<20}{}", "requests", books.arrivals.len());
    eprintln!("{:<20}{} requests in any minute, the plan allows {}", "at most", books.peak_requests, books.per_minute);
    eprintln!("{:<20}{} tasks at once, the plan allows {}", "at most", books.peak_tasks, books.concurrent);
    for (label, count) in refused {
        eprintln!("{label:<28}{count:>3} times");
        println!("{:<20}{label}", "refused");
    }
    println!("{:<20}{} ({} too fast, {} too many)", "violations", books.violations(), books.too_fast, books.too_many);
    let spent = bill.by_project.get("").copied().unwrap_or_default();
    let [credits, dollars] = [spent.credits, spent.dollars].map(|n| format!("{}.{:06}", n / 1_000_000, n % 1_000_000));
    println!("{:<20}{credits} credits, {dollars} dollars", "bill");
    books.violations()
}
