//! What firmware is made of: the symbols, sections and panics in an ELF file of a 32-bit chip.

use anyhow::{Context, Result, ensure};

/// A file, and its sections: type, flags, address, offset, size, link.
pub(crate) struct Elf<'f> {
    file: &'f [u8],
    sections: Vec<Section>,
}

struct Section {
    kind: u32,
    flags: u32,
    address: u32,
    offset: usize,
    size: usize,
    link: usize,
}

/// A function or a variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symbol<'f> {
    pub(crate) name: &'f str,
    pub(crate) address: u32,
    pub(crate) bytes: u32,
}

const PROGRAM: u32 = 1;
const SYMBOLS: u32 = 2;
const LOADED: u32 = 2;

impl<'f> Elf<'f> {
    pub(crate) fn parse(file: &'f [u8]) -> Result<Self> {
        ensure!(file.starts_with(b"\x7fELF\x01\x01"), "not firmware of a 32-bit chip");
        let (table, each, count) = (word(file, 32)? as usize, half(file, 46)?, half(file, 48)?);
        let section = |number: usize| {
            let field = |at: usize| word(file, table + number * each + 4 * at);
            Ok(Section {
                kind: field(1)?,
                flags: field(2)?,
                address: field(3)?,
                offset: field(4)? as usize,
                size: field(5)? as usize,
                link: field(6)? as usize,
            })
        };
        let sections = (0..count).map(section).collect::<Result<_>>()?;
        Ok(Self { file, sections })
    }

    fn bytes(&self, section: &Section) -> &'f [u8] {
        self.file.get(section.offset..).and_then(|rest| rest.get(..section.size)).unwrap_or_default()
    }

    /// Every named function and variable.
    pub(crate) fn symbols(&self) -> Vec<Symbol<'f>> {
        let mut found = Vec::new();
        for table in self.sections.iter().filter(|section| section.kind == SYMBOLS) {
            let names = self.sections.get(table.link).map(|names| self.bytes(names)).unwrap_or_default();
            for entry in self.bytes(table).chunks_exact(16) {
                let (Ok(at), Ok(address), Ok(bytes)) = (word(entry, 0), word(entry, 4), word(entry, 8)) else {
                    continue;
                };
                let name = names.get(at as usize..).and_then(|rest| rest.split(|byte| *byte == 0).next());
                if let Some(name) = name.and_then(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty())
                {
                    found.push(Symbol { name, address, bytes });
                }
            }
        }
        found
    }

    /// Bytes that go into flash: everything that is loaded and has contents.
    pub(crate) fn flash(&self) -> usize {
        let loaded = self.sections.iter().filter(|section| section.kind == PROGRAM && section.flags & LOADED != 0);
        loaded.map(|section| section.size).sum()
    }

    /// Where the panics are that the firmware still contains, as `file:line`: whatever looks like the four words of a
    /// `core::panic::Location`.
    pub(crate) fn panics(&self) -> Vec<String> {
        let loaded = || self.sections.iter().filter(|section| section.kind == PROGRAM && section.flags & LOADED != 0);
        let text = |address: u32, length: u32| {
            let home = loaded()
                .find(|section| address.checked_sub(section.address).is_some_and(|at| (at as usize) < section.size))?;
            let at = (address - home.address) as usize;
            let text = self.bytes(home).get(at..)?.get(..length as usize)?;
            std::str::from_utf8(text).ok().filter(|text| text.as_bytes().ends_with(b".rs"))
        };
        let mut found: Vec<(&str, u32)> = Vec::new();
        for section in loaded() {
            for place in self.bytes(section).windows(16).step_by(4) {
                let field = |at: usize| word(place, at).unwrap_or_default();
                if let (address, length @ 4..500, line @ 1..50_000, 1..500) = (field(0), field(4), field(8), field(12))
                {
                    found.extend(text(address, length).map(|file| (file, line)));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|(file, line)| format!("{file}:{line}")).collect()
    }
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk()).context("the firmware is cut off")?;
    Ok(u32::from_le_bytes(*four))
}

fn half(bytes: &[u8], at: usize) -> Result<usize> {
    let two = bytes.get(at..).and_then(|rest| rest.first_chunk()).context("the firmware is cut off")?;
    Ok(u16::from_le_bytes(*two).into())
}
