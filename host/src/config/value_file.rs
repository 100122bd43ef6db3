//! Files that hold the value of a setting.

use std::{fs::File, io::Read, path::Path};

/// The largest file that a value is read from.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The text of a small file without the line break at its end.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = file
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(format!("larger than {MAX_FILE_BYTES} bytes"));
    }
    // Editors on Windows begin a file with a byte order mark.
    let value = text.trim_start_matches('\u{feff}');
    let value = value.trim_end_matches(['\r', '\n']);
    match value.is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(value.to_owned()),
    }
}
