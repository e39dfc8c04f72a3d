//! A gate whose limits are a document in flash: read, refused with the path of the field, changed while the gate runs, and
//! its figures as JSON. No heap: the sixteen kilobytes of a micro:bit are enough.

#![no_std]
#![no_main]

use board::{exit, println};
use tollgate::config::{ConfigError, ConfiguredGate, GateConfig};
use tollgate::{AccountId, Amount, AskError, Credits, Instant, JobId, Line};

/// Two accounts at most.
type Config = GateConfig<2>;
/// Their gate: four jobs, two requests on their way, one amount a job, 13 slices of an hour.
type Upstream<'c> = ConfiguredGate<'c, 2, 4, 2, 1, 13>;

static DOCUMENT: &str = r#"{
  "requests": { "units": 6, "per": "1m", "burst": 3 },
  "slots": { "limit": 3, "lease": "10m" },
  "accounts": [
    { "name": "credits", "unit": "credits", "limit": "66", "period": "day", "utc_offset_min": 60, "thresholds": ["1/2", "1"] },
    { "name": "any hour", "unit": "airtime", "limit": "36", "period": "rolling", "length": "1h", "slices": 12 }
  ],
  "breaker": { "failures": 3, "open_for": "30s" }
}"#;
/// What may come over the air one day.
static SLIP: &str = r#"{ "slots": { "limit": 2, "laese": "5m" } }"#;

const T0: Instant = Instant::ORIGIN;

#[board::entry]
fn main() -> ! {
    if let Err(error) = Config::parse(SLIP) {
        println!("refused as a whole: {error}");
    }
    match run() {
        Ok(()) => exit(0),
        Err(error) => {
            println!("{error}");
            exit(1)
        }
    }
}

fn run() -> Result<(), ConfigError> {
    let config = Config::parse(DOCUMENT)?;
    // Another document, or a change in code: it is checked just the same.
    let mut fewer = config.clone();
    if let Some(slots) = &mut fewer.slots {
        slots.limit = 2;
    }
    let mut gate: Upstream<'_> = config.gate(T0)?;

    let credits = config.account("credits").unwrap_or(AccountId(0));
    let cost = [Line::new::<Credits>(credits, Amount::whole(20))];
    for id in 1..=2 {
        ask(&mut gate, &config, id, &cost);
    }
    fewer.apply(T0, &mut gate, &config)?;
    println!("two slots from now on");
    ask(&mut gate, &fewer, 3, &cost);

    let mut page = [0; 1280];
    match fewer.status(T0, &gate, &mut page) {
        Ok(status) => println!("{status}"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}

fn ask(gate: &mut Upstream<'_>, config: &Config, id: u64, cost: &[Line]) {
    match gate.ask(T0, &config.request(JobId(id)).costs(cost)) {
        Ok(permit) => println!("job {id} may go until {}", permit.until()),
        Err(AskError::Refused { limit, denied }) => println!("job {id} waits for {limit}: {denied}"),
        Err(error) => println!("job {id}: {error}"),
    }
}
