//! Checks that a file is a complete shared library for this machine, and reads its metadata.
//!
//! Reads bytes; never loads anything. `dlopen` of a truncated file ends the process with SIGBUS, so
//! [`check`] runs before it.

use std::fmt;

use object::{
    Endianness, Object, ObjectSection, ObjectSymbol, SymbolKind, elf,
    read::elf::{Dyn, ElfFile64, ProgramHeader},
};

const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: u64 = 56;
const SECTION_HEADER_BYTES: u64 = 64;

/// The machine that this host was built for.
const THIS_MACHINE: u16 = if cfg!(target_arch = "x86_64") {
    elf::EM_X86_64
} else if cfg!(target_arch = "aarch64") {
    elf::EM_AARCH64
} else if cfg!(target_arch = "riscv64") {
    elf::EM_RISCV
} else if cfg!(target_arch = "s390x") {
    elf::EM_S390
} else if cfg!(target_arch = "powerpc64") {
    elf::EM_PPC64
} else {
    elf::EM_NONE
};

/// The reason a file is not a library that could be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// Text, an archive, a Windows DLL, an empty file ...
    #[error("not an ELF file: expected it to start with 7f 45 4c 46, found {0}")]
    NotElf(String),
    /// A 32-bit library.
    #[error("expected a 64-bit library, found ELF class {0}")]
    Class(u8),
    /// Another byte order.
    #[error("expected this machine's byte order, found ELF data encoding {0}")]
    ByteOrder(u8),
    /// A library for another processor.
    #[error("expected a library for machine {}, found machine {}", Machine(THIS_MACHINE), Machine(*.0))]
    Machine(u16),
    /// An object file or a program.
    #[error("expected a shared library (ET_DYN), found {0}")]
    Type(&'static str),
    /// The file is shorter than its headers say.
    #[error(
        "the file is cut or damaged: {what} ends at byte {end}, the file has {len} bytes; \
         copy it again"
    )]
    Cut {
        /// The part that lies outside of the file.
        what: &'static str,
        /// The offset at which it would end.
        end: u64,
        /// The length of the file.
        len: u64,
    },
    /// A header that no linker writes.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
}

struct Machine(u16);

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            elf::EM_386 => "x86 (32 bit)",
            elf::EM_X86_64 => "x86-64",
            elf::EM_ARM => "ARM (32 bit)",
            elf::EM_AARCH64 => "aarch64",
            elf::EM_RISCV => "RISC-V",
            elf::EM_S390 => "S/390",
            elf::EM_PPC64 => "64-bit PowerPC",
            elf::EM_MIPS => "MIPS",
            other => return write!(f, "{other}"),
        })
    }
}

/// Checks that `bytes` are a complete shared library for this machine: 64-bit, `ET_DYN`, with
/// program headers, section headers, segments and sections inside the file.
///
/// # Errors
/// The expected and the actual value.
pub(crate) fn check(bytes: &[u8]) -> Result<(), ElfError> {
    let header = header(bytes)?;
    let file = Extent {
        len: bytes.len() as u64,
    };
    let kind = header.u16(16);
    if kind != elf::ET_DYN {
        return Err(ElfError::Type(match kind {
            elf::ET_REL => "an object file (ET_REL)",
            elf::ET_EXEC => "a program (ET_EXEC)",
            elf::ET_CORE => "a core dump (ET_CORE)",
            _ => "a file of an unknown type",
        }));
    }
    let machine = header.u16(18);
    if THIS_MACHINE != elf::EM_NONE && machine != THIS_MACHINE {
        return Err(ElfError::Machine(machine));
    }
    segments(&header, bytes, file)?;
    sections(&header, bytes, file)
}

fn header(bytes: &[u8]) -> Result<Fields<'_>, ElfError> {
    if bytes.get(..4) != Some(&elf::ELFMAG) {
        let start: Vec<String> = bytes
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        return Err(ElfError::NotElf(if start.is_empty() {
            "an empty file".to_owned()
        } else {
            start.join(" ")
        }));
    }
    let Some(header) = bytes.get(..HEADER_BYTES) else {
        let (end, len) = (HEADER_BYTES as u64, bytes.len() as u64);
        return Err(ElfError::Cut {
            what: "the ELF header",
            end,
            len,
        });
    };
    if header[4] != elf::ELFCLASS64 {
        return Err(ElfError::Class(header[4]));
    }
    let native = if cfg!(target_endian = "little") {
        elf::ELFDATA2LSB
    } else {
        elf::ELFDATA2MSB
    };
    if header[5] != native {
        return Err(ElfError::ByteOrder(header[5]));
    }
    Ok(Fields(header))
}

fn segments(header: &Fields<'_>, bytes: &[u8], file: Extent) -> Result<(), ElfError> {
    let (offset, size, count) = (header.u64(32), header.u16(54), u64::from(header.u16(56)));
    if count == 0 || count == u64::from(elf::PN_XNUM) {
        return Err(ElfError::Damaged("it has no program headers"));
    }
    if u64::from(size) != PROGRAM_HEADER_BYTES {
        return Err(ElfError::Damaged(
            "its program headers have an unknown size",
        ));
    }
    let table = file.slice(
        bytes,
        offset,
        count * PROGRAM_HEADER_BYTES,
        "the program headers",
    )?;
    let (mut loadable, mut dynamic) = (false, false);
    for entry in table
        .chunks_exact(PROGRAM_HEADER_BYTES as usize)
        .map(Fields)
    {
        let (kind, offset) = (entry.u32(0), entry.u64(8));
        let (in_file, in_memory) = (entry.u64(32), entry.u64(40));
        file.slice(bytes, offset, in_file, "a segment")?;
        match kind {
            elf::PT_LOAD if in_memory < in_file => {
                return Err(ElfError::Damaged(
                    "a segment is larger in the file than in memory",
                ));
            }
            elf::PT_LOAD if entry.u64(16).checked_add(in_memory).is_none() => {
                return Err(ElfError::Damaged("a segment ends beyond the address space"));
            }
            elf::PT_LOAD => loadable = true,
            elf::PT_DYNAMIC => dynamic = true,
            _ => {}
        }
    }
    if !loadable {
        return Err(ElfError::Damaged("it has no loadable segment"));
    }
    if !dynamic {
        return Err(ElfError::Damaged("it has no dynamic section"));
    }
    Ok(())
}

fn sections(header: &Fields<'_>, bytes: &[u8], file: Extent) -> Result<(), ElfError> {
    let (offset, size, count) = (header.u64(40), header.u16(58), u64::from(header.u16(60)));
    if count == 0 && offset == 0 {
        // Stripped of its section headers; the loader needs none.
        return Ok(());
    }
    if count == 0 || u64::from(size) != SECTION_HEADER_BYTES {
        return Err(ElfError::Damaged(
            "its section headers have an unknown size or number",
        ));
    }
    let table = file.slice(
        bytes,
        offset,
        count * SECTION_HEADER_BYTES,
        "the section headers",
    )?;
    for entry in table
        .chunks_exact(SECTION_HEADER_BYTES as usize)
        .map(Fields)
    {
        if !matches!(entry.u32(4), elf::SHT_NULL | elf::SHT_NOBITS) {
            file.slice(bytes, entry.u64(24), entry.u64(32), "a section")?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Extent {
    len: u64,
}

impl Extent {
    fn slice<'a>(
        self,
        bytes: &'a [u8],
        offset: u64,
        size: u64,
        what: &'static str,
    ) -> Result<&'a [u8], ElfError> {
        let end = offset
            .checked_add(size)
            .ok_or(ElfError::Damaged("an offset overflows"))?;
        let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
        range
            .and_then(|(start, end)| bytes.get(start..end))
            .ok_or(ElfError::Cut {
                what,
                end,
                len: self.len,
            })
    }
}

/// Numbers of a header in this machine's byte order. The caller has checked the length.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        if let Some(bytes) = self.0.get(at..at + N) {
            array.copy_from_slice(bytes);
        }
        array
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_ne_bytes(self.array(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.array(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.array(at))
    }
}

/// Metadata of a library.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    /// The compilers and linkers of its `.comment` section.
    pub(crate) compilers: Vec<String>,
    /// The libraries that it needs (`DT_NEEDED`).
    pub(crate) needed: Vec<String>,
    /// The symbols that it exports.
    pub(crate) exports: Vec<String>,
    /// True if its thread-local variables need the small space reserved at start (`DF_STATIC_TLS`):
    /// only a few such libraries can be loaded.
    pub(crate) static_tls: bool,
    /// The size of its thread-local variables.
    pub(crate) tls_bytes: u64,
}

/// Reads the summary of a library that [`check`] passed; fields that cannot be read are left out.
pub(crate) fn summary(bytes: &[u8]) -> Summary {
    let mut summary = Summary::default();
    let Ok(file) = ElfFile64::<Endianness>::parse(bytes) else {
        return summary;
    };
    let mut exports: Vec<String> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && !symbol.is_local())
        .filter(|symbol| !matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File))
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .collect();
    exports.sort_unstable();
    exports.dedup();
    summary.exports = exports;
    if let Some(comment) = file.section_by_name(".comment").and_then(|s| s.data().ok()) {
        let mut compilers: Vec<String> = comment
            .split(|byte| *byte == 0)
            .filter(|text| !text.is_empty())
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        compilers.sort_unstable();
        compilers.dedup();
        summary.compilers = compilers;
    }
    let endian = file.endian();
    let strings = file.elf_dynamic_symbol_table().strings();
    for segment in file.elf_program_headers() {
        if segment.p_type(endian) == elf::PT_TLS {
            summary.tls_bytes = segment.p_memsz(endian);
        }
        let Ok(Some(entries)) = segment.dynamic(endian, file.data()) else {
            continue;
        };
        for entry in entries {
            match entry.tag32(endian) {
                Some(elf::DT_NEEDED) => {
                    if let Ok(name) = entry.string(endian, strings) {
                        summary
                            .needed
                            .push(String::from_utf8_lossy(name).into_owned());
                    }
                }
                Some(elf::DT_FLAGS) => {
                    summary.static_tls |= entry.d_val(endian) & u64::from(elf::DF_STATIC_TLS) != 0;
                }
                _ => {}
            }
        }
    }
    summary
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    /// A shared library that every machine with a toolchain has.
    fn some_library() -> Vec<u8> {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let path = maps
            .lines()
            .filter_map(|line| line.split_whitespace().nth(5))
            .map(PathBuf::from)
            .find(|path| {
                path.file_name()
                    .is_some_and(|n| n.to_string_lossy().starts_with("libgcc_s"))
            })
            .unwrap();
        fs::read(path).unwrap()
    }

    #[test]
    fn a_library_of_the_system_passes() {
        let bytes = some_library();
        check(&bytes).unwrap();
        let summary = summary(&bytes);
        assert!(
            summary
                .needed
                .iter()
                .any(|name| name.starts_with("libc.so")),
            "{summary:?}"
        );
        assert!(summary.exports.iter().any(|name| name == "_Unwind_Resume"));
    }

    #[test]
    fn no_cut_passes() {
        let bytes = some_library();
        let step = (bytes.len() / 2_000).max(1);
        for len in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            assert!(
                check(&bytes[..len]).is_err(),
                "cut at {len} of {}",
                bytes.len()
            );
        }
    }

    #[test]
    fn says_what_it_found() {
        assert!(
            check(b"")
                .unwrap_err()
                .to_string()
                .contains("an empty file")
        );
        assert!(
            check(b"#!/bin/sh\n")
                .unwrap_err()
                .to_string()
                .contains("23 21 2f 62")
        );
        let bytes = some_library();
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            check(&bytes).unwrap_err()
        };
        assert_eq!(with(4, 1), ElfError::Class(1));
        assert_eq!(with(16, 2), ElfError::Type("a program (ET_EXEC)"));
        let other = if THIS_MACHINE == elf::EM_AARCH64 {
            elf::EM_X86_64
        } else {
            elf::EM_AARCH64
        };
        assert_eq!(with(18, other as u8), ElfError::Machine(other));
        assert!(matches!(with(5, 9), ElfError::ByteOrder(9)));
    }

    proptest::proptest! {
        /// Any bytes get an answer.
        #[test]
        fn never_panics(flips in proptest::collection::vec((0_usize..4_096, 0_u8..=255), 1..20)) {
            let mut bytes = some_library();
            for (at, byte) in flips {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let _ = check(&bytes);
            let _ = summary(&bytes);
        }
    }
}
