//! The one look that the broker takes at content: whether it is of the declared category.
//!
//! Nothing that is read here is kept, and nothing is ever encoded again.

use brygga_domain::Category;
use prost::Message;

use crate::content_v1::Content;
use crate::content_v1::content::Section;

/// The category of encoded content; `None` when the bytes are no content of a known category.
pub fn category_of(bytes: &[u8]) -> Option<Category> {
    Content::decode(bytes).ok()?.section.as_ref().map(category)
}

/// The category that content belongs to.
pub fn category(section: &Section) -> Category {
    match section {
        Section::VictimIdentity(_) => Category::VictimIdentity,
        Section::SafeContact(_) => Category::SafeContact,
        Section::Interpreter(_) => Category::Interpreter,
        Section::OffenceHeading(_) => Category::OffenceHeading,
        Section::Offence(_) => Category::Offence,
        Section::RiskAssessment(_) => Category::RiskAssessment,
        Section::Children(_) => Category::Children,
        Section::Suspect(_) => Category::Suspect,
        Section::Measures(_) => Category::Measures,
        Section::SupportNeeds(_) => Category::SupportNeeds,
        Section::CaseParties(_) => Category::CaseParties,
        Section::ContactBanRequest(_) => Category::ContactBanRequest,
        Section::InformationWish(_) => Category::InformationWish,
        Section::CourtDecision(_) => Category::CourtDecision,
        Section::HearingNotice(_) => Category::HearingNotice,
        Section::CustodyNotice(_) => Category::CustodyNotice,
        Section::SupportStatus(_) => Category::SupportStatus,
        Section::RiskNotice(_) => Category::RiskNotice,
        Section::ContactData(_) => Category::ContactData,
        Section::Child(_) => Category::Child,
        Section::Custodians(_) => Category::Custodians,
        Section::Concern(_) => Category::Concern,
        Section::ImmediateDanger(_) => Category::ImmediateDanger,
        Section::Whereabouts(_) => Category::Whereabouts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brygga_domain::Code;

    #[test]
    fn every_category_has_content_under_its_own_number() {
        for known in Category::ALL {
            let tag = u32::try_from(known.number()).unwrap() << 3 | 2;
            let mut bytes = Vec::new();
            prost::encoding::encode_varint(u64::from(tag), &mut bytes);
            bytes.push(0);
            assert_eq!(category_of(&bytes), Some(*known));
        }
    }

    #[test]
    fn what_is_no_content_has_no_category() {
        for bad in [&b""[..], b"\xff\xff", b"\xc2\x0c\x00", b"\x0a\x05ab"] {
            assert_eq!(category_of(bad), None, "{bad:?}");
        }
    }
}
