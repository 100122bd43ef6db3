//! The bytes of a library in a memory mapping of their own, which is returned to the system as soon
//! as it is dropped: an allocator would keep tens of megabytes for a next one that never comes.

use std::{
    fmt,
    io::{self, Read},
    ops::Deref,
};

use memmap2::MmapMut;

/// The bytes of a file.
pub(crate) struct Image {
    memory: MmapMut,
    length: usize,
}

impl Image {
    /// Reads `source` to its end, at most `limit` bytes.
    ///
    /// # Errors
    /// If it cannot be read, or if there are more bytes: `FileTooLarge`.
    pub(crate) fn read(source: &mut impl Read, limit: usize) -> io::Result<Self> {
        // One byte more than allowed, to notice a longer file.
        let mut memory = MmapMut::map_anon(limit + 1)?;
        let mut length = 0;
        while length < memory.len() {
            match source.read(&mut memory[length..]) {
                Ok(0) => return Ok(Self { memory, length }),
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

impl Deref for Image {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_to_the_end_and_no_further_than_allowed() {
        let text = b"a library".to_vec();
        for limit in [text.len(), text.len() + 1, 1 << 20] {
            assert_eq!(*Image::read(&mut text.as_slice(), limit).unwrap(), text);
        }
        assert!(Image::read(&mut [].as_slice(), 0).unwrap().is_empty());
        let error = Image::read(&mut text.as_slice(), text.len() - 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
