//! Whole configurations from any text: no panic, what is read is JSON and holds together, and what is written is read as the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate::config::{ConfiguredGate, GateConfig};
use tollgate::{Instant, JobId};

fuzz_target!(|text: &str| {
    let Ok(config) = GateConfig::<4>::parse(text) else { return };
    assert_eq!(config.check(), Ok(()));
    let mut page = [0; 8192];
    let written = config.write(&mut page).expect("room for four accounts");
    assert_eq!(GateConfig::parse(written), Ok(config.clone()), "{written}");

    let now = Instant::from_secs(1);
    let gate: Result<ConfiguredGate<'_, 4, 8, 4, 2, 61, 32>, _> = config.gate(now);
    if let Ok(mut gate) = gate {
        let _ = gate.ask(now, &config.request(JobId(1)));
        config.apply(now, &mut gate, &config).expect("the same is no change");
        let mut page = [0; 8192];
        config.status(now, &gate, &mut page).expect("room for four accounts");
    }
});
