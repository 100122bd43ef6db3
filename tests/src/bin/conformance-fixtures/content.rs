//! The content of the fixtures: one image and one sound, as short as their formats allow, and text.

use rmcp::model::{ContentBlock, ResourceContents};

/// One blue pixel as a PNG file, in base64.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNQSDgAAAHkAUGcFuGgAAAAAElFTkSuQmCC";
/// Half a millisecond of silence as a WAV file, in base64.
const SILENCE: &str = "UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQQAAACAgICA";

/// The pixel as a content block.
pub(crate) fn picture() -> ContentBlock {
    ContentBlock::image(PIXEL, "image/png")
}

/// The silence as a content block.
pub(crate) fn sound() -> ContentBlock {
    ContentBlock::audio(SILENCE, "audio/wav")
}

/// A resource embedded in an answer.
pub(crate) fn embedded(uri: &str, mime_type: &str, text: &str) -> ContentBlock {
    ContentBlock::resource(ResourceContents::text(text, uri).with_mime_type(mime_type))
}
