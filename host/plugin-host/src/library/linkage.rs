//! The other libraries that a library brings in: what it makes the dynamic linker load, and where it makes
//! the linker look.
//!
//! Their code runs with the plugin's rights before any of the plugin's own, and no owner, mode or checksum
//! of the plugin's file says anything about them. So a plugin may bring in libraries of the system only:
//! files in the folders of the system's linker that only root can write.
//!
//! Reads the bytes as the linker does, by program headers and addresses: section headers may say anything.

use std::path::{Path, PathBuf};

use object::{
    Endianness,
    elf::{self, FileHeader64},
    read::elf::{FileHeader, ProgramHeader},
};

use super::{ownership::OwnershipError, system_folders::SystemFolders};

/// The largest number of entries of a dynamic section.
const MAX_ENTRIES: u64 = 4_096;
const ENTRY_BYTES: u64 = 16;

const HOW_TO_LINK: &str =
    "link it into the plugin (statically), or install it as a package of the system";

/// The reason that a library's links are not trusted.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The dynamic linker would read something else than this check, or nothing at all.
    #[error("the file is damaged: {0}; build it again with an ordinary linker")]
    Damaged(&'static str),
    /// A search path relative to the library's own place.
    #[error(
        "its {tag} `{entry}` is relative to its own folder (`$ORIGIN`), but the server loads a private copy of the \
         checked file, which has no folder: {HOW_TO_LINK}, and build without `-rpath` (or run \
         `patchelf --remove-rpath` on the file)"
    )]
    Origin {
        /// `RUNPATH`, `RPATH` or `NEEDED`.
        tag: &'static str,
        /// The entry.
        entry: String,
    },
    /// A search path outside the system's folders.
    #[error(
        "its {tag} makes the linker look in `{entry}`, which is not a folder of the system's linker: what lies there \
         would run unchecked. Build without `-rpath` (or run `patchelf --remove-rpath` on the file); if it needs a \
         library from there, {HOW_TO_LINK}"
    )]
    SearchPath {
        /// `RUNPATH` or `RPATH`.
        tag: &'static str,
        /// The entry.
        entry: String,
    },
    /// A needed library that is named by a path outside the system's folders.
    #[error("it needs `{name}`, which is not in a folder of the system's linker: {HOW_TO_LINK}")]
    OutsideSystem {
        /// The name.
        name: String,
    },
    /// A needed library that no folder of the system holds.
    #[error("it needs `{name}`, which is in none of the system's library folders ({}): {HOW_TO_LINK}", Folders(.folders))]
    NotFound {
        /// The name.
        name: String,
        /// The folders of the system's linker.
        folders: Vec<PathBuf>,
    },
    /// A library of the system that others than root could have written.
    #[error("it needs `{name}`: {source}; libraries of the system must be writable by root only")]
    Untrusted {
        /// The name, or the entry of the search path.
        name: String,
        /// The owner or mode that is not trusted.
        source: OwnershipError,
    },
    /// An entry that makes the linker load something in another way.
    #[error(
        "its dynamic section has an entry {tag}, which makes the linker load `{name}`: build it without"
    )]
    Loads {
        /// The entry's name.
        tag: &'static str,
        /// Its value.
        name: String,
    },
}

struct Folders<'a>(&'a [PathBuf]);

impl std::fmt::Display for Folders<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, folder) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}", folder.display())?;
        }
        Ok(())
    }
}

/// Checks what `bytes`, a library that passed [`super::elf::check`], makes the linker load and search.
///
/// # Errors
/// The first link that leads out of the system's folders, or to a file that others can write.
pub(crate) fn check(bytes: &[u8], system: &SystemFolders) -> Result<(), LinkError> {
    let links = read(bytes)?;
    if let Some((tag, name)) = links.others.into_iter().next() {
        return Err(LinkError::Loads { tag, name });
    }
    let mut first = Vec::new();
    for (tag, path) in &links.search_paths {
        for entry in path.split(':') {
            first.push(search_path(tag, entry, system)?);
        }
    }
    for name in links.needed {
        needed(&name, &first, system)?;
    }
    Ok(())
}

fn search_path(
    tag: &'static str,
    entry: &str,
    system: &SystemFolders,
) -> Result<PathBuf, LinkError> {
    if entry.contains('$') {
        return Err(LinkError::Origin {
            tag,
            entry: entry.to_owned(),
        });
    }
    let path = Path::new(entry);
    if !system.holds(path) {
        return Err(LinkError::SearchPath {
            tag,
            entry: entry.escape_default().to_string(),
        });
    }
    // A folder that is not there can be made by root only, as those above it are root's.
    if path.exists() {
        system
            .trusts_folder(path)
            .map_err(|source| LinkError::Untrusted {
                name: entry.to_owned(),
                source,
            })?;
    }
    Ok(path.to_path_buf())
}

fn needed(name: &str, first: &[PathBuf], system: &SystemFolders) -> Result<(), LinkError> {
    if name.contains('$') {
        return Err(LinkError::Origin {
            tag: "NEEDED",
            entry: name.escape_default().to_string(),
        });
    }
    let found = if name.contains('/') {
        let path = PathBuf::from(name);
        if !system.holds(&path) {
            return Err(LinkError::OutsideSystem {
                name: name.escape_default().to_string(),
            });
        }
        path.exists().then_some(path)
    } else {
        let folders = first.iter().chain(system.folders());
        folders
            .map(|folder| folder.join(name))
            .find(|path| !name.is_empty() && path.exists())
    };
    let Some(path) = found else {
        return Err(LinkError::NotFound {
            name: name.escape_default().to_string(),
            folders: system.folders().to_vec(),
        });
    };
    system
        .trusts_file(&path)
        .map_err(|source| LinkError::Untrusted {
            name: name.to_owned(),
            source,
        })
}

/// The entries of a dynamic section that concern other libraries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Links {
    needed: Vec<String>,
    search_paths: Vec<(&'static str, String)>,
    others: Vec<(&'static str, String)>,
}

fn read(bytes: &[u8]) -> Result<Links, LinkError> {
    let memory = Memory::of(bytes)?;
    let entries = memory.dynamic()?;
    let mut tables = entries
        .iter()
        .filter(|(tag, _)| *tag == u64::from(elf::DT_STRTAB));
    let table = tables.next().map(|(_, address)| *address);
    if tables.next().is_some() {
        return Err(LinkError::Damaged("it has two tables of names"));
    }
    let mut links = Links::default();
    for (tag, value) in entries {
        let Ok(tag) = u32::try_from(tag) else {
            continue;
        };
        let text = || {
            let address = table.and_then(|table| table.checked_add(value));
            address
                .and_then(|address| memory.text(address))
                .ok_or(LinkError::Damaged(
                    "a name in its dynamic section lies outside of it",
                ))
        };
        match tag {
            elf::DT_NEEDED => links.needed.push(text()?),
            elf::DT_RPATH => links.search_paths.push(("RPATH", text()?)),
            elf::DT_RUNPATH => links.search_paths.push(("RUNPATH", text()?)),
            elf::DT_AUXILIARY => links.others.push(("AUXILIARY", text()?)),
            elf::DT_FILTER => links.others.push(("FILTER", text()?)),
            elf::DT_AUDIT => links.others.push(("AUDIT", text()?)),
            elf::DT_DEPAUDIT => links.others.push(("DEPAUDIT", text()?)),
            elf::DT_CONFIG => links.others.push(("CONFIG", text()?)),
            _ => {}
        }
    }
    Ok(links)
}

/// The bytes of a library at the addresses at which the linker maps them.
struct Memory<'a> {
    bytes: &'a [u8],
    /// Address, offset in the file and size of each loaded segment.
    loaded: Vec<(u64, u64, u64)>,
    /// Address and size of the dynamic section.
    dynamic: (u64, u64),
}

impl<'a> Memory<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, LinkError> {
        let damaged = |_| LinkError::Damaged("its program headers cannot be read");
        let header = FileHeader64::<Endianness>::parse(bytes).map_err(damaged)?;
        let endian = header.endian().map_err(damaged)?;
        let segments = header.program_headers(endian, bytes).map_err(damaged)?;
        let mut loaded = Vec::new();
        let mut dynamic = None;
        let mut end = 0;
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4_096);
        for segment in segments {
            let (address, size) = (segment.p_vaddr(endian), segment.p_filesz(endian));
            match segment.p_type(endian) {
                elf::PT_LOAD => {
                    // Segments that overlap are mapped over each other: the last one would win.
                    if address / page * page < end {
                        return Err(LinkError::Damaged(
                            "its segments overlap or are out of order",
                        ));
                    }
                    end = address
                        .checked_add(segment.p_memsz(endian).max(size))
                        .and_then(|end| end.checked_next_multiple_of(page))
                        .ok_or(LinkError::Damaged(
                            "a segment ends beyond the address space",
                        ))?;
                    loaded.push((address, segment.p_offset(endian), size));
                }
                elf::PT_DYNAMIC if dynamic.is_some() => {
                    return Err(LinkError::Damaged("it has two dynamic sections"));
                }
                elf::PT_DYNAMIC => dynamic = Some((address, size)),
                _ => {}
            }
        }
        let dynamic = dynamic.ok_or(LinkError::Damaged("it has no dynamic section"))?;
        Ok(Self {
            bytes,
            loaded,
            dynamic,
        })
    }

    /// The bytes from `address` to the end of its segment's part of the file.
    fn from(&self, address: u64) -> Option<&'a [u8]> {
        let (start, offset, size) = self
            .loaded
            .iter()
            .find(|(start, _, size)| *start <= address && address - start < *size)?;
        let within = address - start;
        let from = usize::try_from(offset.checked_add(within)?).ok()?;
        let to = usize::try_from(offset.checked_add(*size)?).ok()?;
        self.bytes.get(from..to)
    }

    /// Tag and value of each entry, to the one that ends the section.
    fn dynamic(&self) -> Result<Vec<(u64, u64)>, LinkError> {
        let (address, size) = self.dynamic;
        let bytes = self
            .from(address)
            .filter(|bytes| u64::try_from(bytes.len()).is_ok_and(|there| size <= there))
            .ok_or(LinkError::Damaged(
                "its dynamic section is not in a loaded segment",
            ))?;
        let mut entries = Vec::new();
        for entry in bytes.chunks_exact(ENTRY_BYTES as usize) {
            let number = |at: usize| {
                let mut array = [0; 8];
                array.copy_from_slice(&entry[at..at + 8]);
                u64::from_ne_bytes(array)
            };
            if number(0) == u64::from(elf::DT_NULL) {
                return Ok(entries);
            }
            if entries.len() as u64 >= MAX_ENTRIES {
                break;
            }
            entries.push((number(0), number(8)));
        }
        Err(LinkError::Damaged("its dynamic section has no end"))
    }

    fn text(&self, address: u64) -> Option<String> {
        let bytes = self.from(address)?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        String::from_utf8(bytes[..end].to_vec()).ok()
    }
}

#[cfg(test)]
mod tests;
