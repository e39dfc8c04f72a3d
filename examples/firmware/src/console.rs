//! Text and the end of the run, through the debugger (semihosting): no wire, no driver, the same on every board.

use core::fmt;

use crate::core_of_board::ask_debugger;

const OPEN: usize = 0x01;
const WRITE: usize = 0x05;
const GET_COMMAND_LINE: usize = 0x15;
const EXIT_EXTENDED: usize = 0x20;
const APPLICATION_EXIT: usize = 0x2_0026;

/// How the debugger's console is opened: as output, and as output for errors.
const FOR_OUTPUT: usize = 4;
const FOR_ERRORS: usize = 8;

/// The standard output of the debugger.
#[derive(Clone, Copy, Debug)]
pub struct Console;

/// The standard error output of the debugger.
#[derive(Clone, Copy, Debug)]
pub struct Errors;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(FOR_OUTPUT, text)
    }
}

impl fmt::Write for Errors {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(FOR_ERRORS, text)
    }
}

/// Ends the run; the emulator's exit code is `code`.
pub fn exit(code: u8) -> ! {
    let why = [APPLICATION_EXIT, usize::from(code)];
    loop {
        ask_debugger(EXIT_EXTENDED, why.as_ptr() as usize);
    }
}

/// Opening again brings the same handle or another one to the same place; a line is rare enough for it.
fn write(mode: usize, text: &str) -> fmt::Result {
    const NAME: &str = ":tt\0";
    let file = [NAME.as_ptr() as usize, mode, NAME.len() - 1];
    let handle = ask_debugger(OPEN, file.as_ptr() as usize);
    let piece = [handle, text.as_ptr() as usize, text.len()];
    match ask_debugger(WRITE, piece.as_ptr() as usize) {
        0 => Ok(()),
        _ => Err(fmt::Error),
    }
}

/// The words that the emulator was given for the firmware, into `room`; nothing if there are none or they do not fit.
pub fn command_line(room: &mut [u8]) -> &str {
    let mut line = [room.as_mut_ptr() as usize, room.len()];
    if ask_debugger(GET_COMMAND_LINE, line.as_mut_ptr() as usize) != 0 {
        return "";
    }
    let length = room.iter().position(|byte| *byte == 0).unwrap_or(0);
    room.get(..length).and_then(|line| core::str::from_utf8(line).ok()).unwrap_or("")
}
