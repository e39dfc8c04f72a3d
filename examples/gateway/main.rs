//! The gateway: 136 jobs, one metered API, not one violation. The whole library on one page.
//!
//! A real HTTP client works through a file of video jobs against a real HTTP server on a loopback port, which enforces a
//! plan (requests in any minute, tasks at once) by books of its own and is the judge of the run. On a bad day it refuses
//! what did nothing wrong, in ten dialects. Start with `client.rs`, then `limits.rs`; the server's list is in `refusals.rs`.
//!
//! ```text
//! cargo run --release --example gateway
//! cargo run --release --example gateway -- --plan pro --seed 7
//! cargo run --release --example gateway -- --state DIR         # kill it, start it again: it ends with the same books
//! cargo run --release --example gateway -- --careless          # nobody counts: see the server complain
//! cargo run --release --example gateway -- --serve 8080        # the server alone, for the firmware's client
//! ```
//!
//! Exit codes: 0 no violation, 1 at least one or a bill that differs from our books, 2 bad input (nothing was sent), 3 not finished in time or another failure.

mod api;
mod bill;
mod books;
mod client;
mod clock;
mod jobs;
mod limits;
mod money;
mod picture;
mod plan;
mod refusals;
mod report;
mod run;
mod serve;
mod server;
mod state;
mod understood;

use std::error::Error;
use std::io::IsTerminal;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration as Real;

use clap::{Parser, ValueEnum};
use embedded_storage::nor_flash::NorFlash;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::net::TcpListener;
use tollgate::Clock;
use tollgate_std::testing::Flash;

use crate::api::Api;
use crate::client::Client;
use crate::jobs::Job;
use crate::limits::Clip;
use crate::money::Purse;
use crate::plan::PlanName;
use crate::report::Report;
use crate::server::Server;
use crate::state::{State, keeper};

/// Sends a file of video jobs to a metered API, within its limits.
#[derive(Debug, Parser)]
#[command(name = "gateway")]
struct Args {
    /// The jobs: a JSON array, one object each.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/jobs.json"))]
    jobs: PathBuf,
    /// What was bought.
    #[arg(long, value_enum, default_value = "standard")]
    plan: PlanName,
    /// Decides which requests the server refuses without a reason, in which words, and the client's jitter.
    #[arg(long, default_value_t = 3)]
    seed: u64,
    /// Where `report.json` and `run.svg` go.
    #[arg(long, value_name = "DIR", default_value = "target/gateway")]
    out: PathBuf,
    /// Virtual seconds in a real one.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    speed: u32,
    /// Give up after so many real seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    deadline: u64,
    /// Leave out one of the limits, to see that the server notices.
    #[arg(long, value_name = "LIMIT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "window")]
    careless: Option<Careless>,
    /// Keep the state of client and server here: killed and started again, the run goes on.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Be the server and nothing else, until the standard input ends or the deadline comes (0: any free port).
    #[arg(long, value_name = "PORT", conflicts_with_all = ["jobs", "out", "careless", "state"])]
    serve: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Careless {
    /// Nobody counts the requests: neither the window nor the bucket in front of it.
    Window,
    /// Nobody counts the tasks.
    Slots,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(port) = args.serve {
        return exit(serve::alone(port, &args));
    }
    // Checked as a whole before there is even a server to send anything to.
    let jobs = match jobs::load(&args.jobs) {
        Ok(jobs) => jobs,
        Err(bad) => {
            eprintln!("{}: {bad}", args.jobs.display());
            return ExitCode::from(2);
        }
    };
    if let Err(error) = std::fs::create_dir_all(&args.out) {
        eprintln!("{}: cannot be written to: {error}", args.out.display());
        return ExitCode::from(2);
    }
    let report = match args.state.as_deref().map(State::open) {
        None => run(&args, jobs, State::default(), <Flash>::new(128 * 1024)),
        Some(Ok((state, journal))) => run(&args, jobs, state, journal),
        Some(Err(error)) => {
            eprintln!("gateway: {error}");
            return ExitCode::from(2);
        }
    };
    exit(report.and_then(|report| save(&report, &args.out)))
}

/// By how often the plan was broken.
fn exit(violations: Result<u64, Box<dyn Error>>) -> ExitCode {
    match violations {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::from(3)
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn run<F: NorFlash + 'static>(
    args: &Args,
    jobs: Vec<Job>,
    state: State,
    journal: F,
) -> Result<Report, Box<dyn Error>> {
    let (plan, resumed) = (args.plan.plan(), state.resumed);
    let server = Server::open(state.server, args)?;
    let clock = server.clock();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(server.serve(listener));

    let counts = match args.careless {
        None => [1, 1],
        Some(Careless::Window) => [0, 1],
        Some(Careless::Slots) => [1, 0],
    };
    let (api, now, count) = (Api::new(address)?, clock.now(), jobs.len());
    let (purse, money) = Purse::of(&jobs, now)?;
    let gate = limits::of(plan, money, now, resumed)?;
    let kept = (keeper(journal, gate, purse.accounts())?, state.ended);
    let orders = jobs.into_iter().map(|job| Clip::order(job, &purse, counts, now)).collect::<Result<Vec<_>, _>>()?;
    let bar = progress(count)?;
    let client = Client::new(clock, api.clone(), purse, kept, args.seed);
    let work = tokio::time::timeout(Real::from_secs(args.deadline), client.work(orders, bar.clone())).await;
    bar.finish_and_clear();
    let run = work.map_err(|_| format!("not finished after {} s: given up", args.deadline))??;
    let real = clock.real();
    let books = tokio::time::timeout(Real::from_secs(10), api.books()).await??;
    let bill = tokio::time::timeout(Real::from_secs(10), api.bill()).await??;
    serving.abort();
    Ok(Report { plan, seed: args.seed, speed: args.speed, jobs: count, run, books, bill, real, resumed })
}

/// A bar on a terminal, and nothing elsewhere.
fn progress(jobs: usize) -> Result<ProgressBar, Box<dyn Error>> {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{elapsed:>4} [{bar:40}] {pos}/{len} jobs  {msg}")?.progress_chars("=> ");
    Ok(ProgressBar::with_draw_target(Some(jobs as u64), target).with_style(style))
}

/// Prints the table, writes the files, and tells how often the plan was broken, a bill that differs included.
fn save(report: &Report, out: &Path) -> Result<u64, Box<dyn Error>> {
    let (json, picture) = (out.join("report.json"), out.join("run.svg"));
    std::fs::write(&json, format!("{:#}\n", report.json()))?;
    picture::draw(report, &picture)?;
    print!("{report}");
    println!("{:<20}{}, {}", "see", json.display(), picture.display());
    Ok(report.books.violations() + u64::from(!report.bill_agrees()))
}
