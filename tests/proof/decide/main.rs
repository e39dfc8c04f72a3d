#![no_std]
#![no_main]
use tollgate_proof as _;
#[unsafe(no_mangle)]
extern "C" fn reset() {}
