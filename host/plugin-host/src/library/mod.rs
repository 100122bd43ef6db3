//! From a library's name to bytes that may be opened: the file, its owner, its checksum, its ELF
//! header, the libraries that it brings in. Nothing of the plugin runs here.

pub(crate) mod check;
pub(crate) mod demands;
pub(crate) mod digest;
pub(crate) mod elf;
pub(crate) mod find;
pub(crate) mod image;
pub(crate) mod linkage;
pub(crate) mod lock;
pub(crate) mod ownership;
pub(crate) mod signature;
pub(crate) mod system_folders;
