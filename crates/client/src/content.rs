//! Sections' content as typed messages. Nothing else in this crate looks into it.

use brygga_domain::Category;
use brygga_wire::content_v1::Content;
use brygga_wire::content_v1::content::Section;
use bytes::Bytes;
use prost::Message;

/// Why bytes are no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not a message of this shape.
    #[error("the bytes are no content of a section")]
    Malformed,
    /// A message without a section, or with one that this program does not know.
    #[error("the content has no section that is known here")]
    Unknown,
}

/// The bytes to submit. They are stored, committed to and forwarded exactly as they are.
pub fn encode(section: Section) -> Bytes {
    Content { section: Some(section) }.encode_to_vec().into()
}

/// The section in released bytes.
pub fn decode(bytes: &[u8]) -> Result<Section, ContentError> {
    Content::decode(bytes).map_err(|_| ContentError::Malformed)?.section.ok_or(ContentError::Unknown)
}

/// The category that a section belongs to.
pub fn category(section: &Section) -> Category {
    brygga_wire::content::category(section)
}
