//! The file of the refresh tokens that were used, beside the store in memory: a used one stays so after a
//! restart. For each sign-in it has the number of the token that is good now.
//!
//! Each refresh appends a line, which has a digest of its own; at the start, the lines that no longer
//! mean anything are left out. Never goes on with a file that is damaged or that others may change.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    str::Lines,
};

use foundation::clock::UnixMillis;

use super::MAX_FAMILIES;
use crate::{
    state_file::{self, About, Locked, StateFile, StateFileError},
    types::FamilyId,
};

/// The file's first line.
const HEAD: &str = "datahub-mcp used refresh tokens 1";
/// The longest line: an id of at most 64 bytes, three numbers and a digest.
const MAX_LINE_BYTES: usize = 160;
/// The lines that are appended before those that mean nothing any more are left out.
const MAX_APPENDED: usize = 100_000;
static ABOUT: About = About {
    name: "oauth-used-refresh-tokens",
    what: "list of used refresh tokens",
    max_bytes: ((MAX_FAMILIES + MAX_APPENDED + 2) * MAX_LINE_BYTES) as u64,
    damaged: "is damaged, so it is not known which were used\n\
        hint: restore it; or delete it, and a stolen one that was used is good once more until it expires",
    denied: "make it and its directory writable for the user that runs the server, or set `OAUTH_STORE_URL`",
    exposed: "",
};
/// Characters of a line's digest: against accidents. Whoever may write the file may write digests.
const DIGEST_CHARS: usize = 16;

/// A sign-in after a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    /// The number of the refresh token that is good now; those below it were used.
    pub(super) generation: u64,
    /// The end of the time for which the last one may be used again.
    pub(super) grace: UnixMillis,
    /// The time from which no token of the sign-in is good.
    pub(super) expires: UnixMillis,
}

/// Sign-ins that were refreshed.
pub(super) type AllUsed = HashMap<FamilyId, Used>;

/// The file that was read, and the end of what was read of it.
#[derive(Debug, Default)]
pub(super) struct Mark {
    inode: u64,
    end: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct UsedFile(StateFile);

impl UsedFile {
    pub(super) fn new(directory: &Path) -> Self {
        Self(StateFile::new(directory, &ABOUT))
    }

    /// What the file holds; nothing if there is no file. Blocks.
    pub(super) fn read(&self) -> Result<AllUsed, StateFileError> {
        Ok(self.0.read(parse)?.unwrap_or_default())
    }

    /// What was written since `read`, which moves on; all of it if the file was replaced. Blocks.
    pub(super) fn news(&self, read: &mut Mark) -> Result<AllUsed, StateFileError> {
        let failed = |source| self.0.failed(source);
        let file = match File::open(self.0.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AllUsed::new()),
            opened => opened.map_err(failed)?,
        };
        let metadata = file.metadata().map_err(failed)?;
        let (inode, length) = (metadata.ino(), metadata.len());
        if inode != read.inode || length < read.end {
            let mut end = 0;
            let all = self.0.read(|text| {
                end = whole_lines(text).len();
                parse(text)
            })?;
            // If it was replaced meanwhile, it is another one at the next look.
            *read = Mark {
                inode,
                end: u64::try_from(end).unwrap_or(u64::MAX),
            };
            return Ok(all.unwrap_or_default());
        }
        let more = usize::try_from(length - read.end).unwrap_or(usize::MAX);
        let mut bytes = vec![0; more];
        file.read_exact_at(&mut bytes, read.end).map_err(failed)?;
        let news = std::str::from_utf8(&bytes).ok().map(whole_lines);
        let all = news.and_then(|news| parse_lines(news.lines()));
        let (Some(news), Some(all)) = (news, all) else {
            return Err(self.0.damaged());
        };
        read.end += u64::try_from(news.len()).unwrap_or_default();
        Ok(all)
    }

    /// Leaves out what no longer means anything, and returns the rest. The directory is there. Blocks.
    pub(super) fn tidy(&self, now: UnixMillis) -> Result<AllUsed, StateFileError> {
        self.rewrite(&self.0.lock()?, now)
    }

    /// The same, in a directory that is locked.
    fn rewrite(&self, locked: &Locked, now: UnixMillis) -> Result<AllUsed, StateFileError> {
        let mut all = self.read()?;
        all.retain(|_, used| now < used.expires);
        if all.len() > MAX_FAMILIES {
            let mut by_end: Vec<_> = all.into_iter().collect();
            by_end.sort_unstable_by_key(|(_, used)| std::cmp::Reverse(used.expires));
            by_end.truncate(MAX_FAMILIES);
            all = by_end.into_iter().collect();
        }
        let mut text = format!("{HEAD}\n");
        for (family, used) in &all {
            text.push_str(&line(family, used));
        }
        self.0.replace(&text, locked)?;
        Ok(all)
    }

    /// Appends what became of one sign-in. Blocks.
    pub(super) fn append(
        &self,
        family: &FamilyId,
        used: &Used,
        now: UnixMillis,
    ) -> Result<(), StateFileError> {
        let failed = |source| self.0.failed(source);
        // Another process may be replacing the file.
        let locked = self.0.lock()?;
        let path = self.0.path();
        if !ends_with_a_line(&path).map_err(failed)? {
            self.rewrite(&locked, now)?;
        }
        let open = OpenOptions::new().append(true).open(path);
        let mut file = open.map_err(failed)?;
        file.write_all(line(family, used).as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(failed)
    }
}

/// False for a file whose last line was cut off when it was written, and where there is none.
fn ends_with_a_line(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let mut last = [0];
    let end = file.metadata()?.len();
    let read = file.read_at(&mut last, end.saturating_sub(1))?;
    Ok(read == 1 && last == *b"\n")
}

/// The number of lines after which [`UsedFile::tidy`] is due.
pub(super) fn is_long(appended: usize) -> bool {
    appended >= MAX_APPENDED
}

fn line(family: &FamilyId, used: &Used) -> String {
    let content = format!(
        "{} {} {} {}",
        family.as_str(),
        used.generation,
        used.grace.0,
        used.expires.0
    );
    let digest = state_file::digest(&content);
    format!("{content} {}\n", &digest[..DIGEST_CHARS])
}

/// `None` for anything that is not written here. The last line may be cut off: its refresh was not
/// answered.
fn parse(text: &str) -> Option<AllUsed> {
    let mut lines = whole_lines(text).lines();
    if lines.next()? != HEAD {
        return None;
    }
    parse_lines(lines)
}

/// `text` without the line at its end that was cut off.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

fn parse_lines(lines: Lines<'_>) -> Option<AllUsed> {
    let mut all = AllUsed::new();
    for line in lines {
        let (family, used) = parse_line(line)?;
        let known = all.entry(family).or_insert(used);
        if known.generation < used.generation {
            *known = used;
        }
    }
    Some(all)
}

fn parse_line(line: &str) -> Option<(FamilyId, Used)> {
    let (content, digest) = line.rsplit_once(' ')?;
    if state_file::digest(content).get(..DIGEST_CHARS)? != digest {
        return None;
    }
    let mut words = content.split(' ');
    let family = words.next()?.to_owned();
    let mut number = || words.next()?.parse().ok();
    let used = Used {
        generation: number()?,
        grace: UnixMillis(number()?),
        expires: UnixMillis(number()?),
    };
    Some((FamilyId::from_store(family), used))
}
