//! The paths that are served, as metrics name them. A test holds the list equal to the contract.

/// Every path of the contract, and health.
pub const METHODS: &[&str] = &[
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/brygga.v1.ClearanceService/ListPendingClearances",
    "/brygga.v1.ClearanceService/AssessReferral",
    "/brygga.v1.ClearanceService/DecideClearance",
    "/brygga.v1.ClearanceService/ConfirmClearance",
    "/brygga.v1.ClearanceService/RevokeClearance",
    "/brygga.v1.ClearanceService/DeclareEmergency",
    "/brygga.v1.ClearanceService/ReviewEmergency",
    "/brygga.v1.ConsentService/RecordConsent",
    "/brygga.v1.ConsentService/WithdrawConsent",
    "/brygga.v1.ConsentService/GetConsent",
    "/brygga.v1.ConsentService/ListConsents",
    "/brygga.v1.DirectoryService/ListAgencies",
    "/brygga.v1.DirectoryService/GetFunction",
    "/brygga.v1.DirectoryService/ResolveRoute",
    "/brygga.v1.DisclosureLogService/SearchEntries",
    "/brygga.v1.DisclosureLogService/GetEntry",
    "/brygga.v1.DisclosureLogService/TailEntries",
    "/brygga.v1.DisclosureLogService/GetCheckpoint",
    "/brygga.v1.DisclosureLogService/GetInclusionProof",
    "/brygga.v1.DisclosureLogService/GetConsistencyProof",
    "/brygga.v1.InboxService/ListInbox",
    "/brygga.v1.InboxService/WatchInbox",
    "/brygga.v1.InboxService/ClaimReferral",
    "/brygga.v1.InboxService/OpenReferral",
    "/brygga.v1.InboxService/AcknowledgeDelivery",
    "/brygga.v1.InboxService/ConfirmImport",
    "/brygga.v1.InboxService/AcceptReferral",
    "/brygga.v1.InboxService/DeclineReferral",
    "/brygga.v1.InboxService/ReturnReferral",
    "/brygga.v1.InboxService/RecordContact",
    "/brygga.v1.InboxService/CloseReferral",
    "/brygga.v1.InboxService/AcknowledgeStopUse",
    "/brygga.v1.InboxService/AcknowledgeRecall",
    "/brygga.v1.ReferralService/RecordOffer",
    "/brygga.v1.ReferralService/SubmitReferral",
    "/brygga.v1.ReferralService/AmendReferral",
    "/brygga.v1.ReferralService/RetractReferral",
    "/brygga.v1.ReferralService/GetReferral",
    "/brygga.v1.ReferralService/ListReferrals",
    "/brygga.v1.ReferralService/WatchReferrals",
    "/brygga.v1.StreamService/StreamReferrals",
    "/brygga.v1.StreamService/StreamInbox",
];

#[cfg(test)]
mod tests {
    use super::METHODS;
    use prost::Message as _;

    #[test]
    fn every_method_of_the_contract_has_its_label() {
        let set = prost_types::FileDescriptorSet::decode(brygga_wire::DESCRIPTORS).unwrap();
        for file in set.file.iter().filter(|file| file.package() == "brygga.v1") {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/brygga.v1.{}/{}", service.name(), method.name());
                    assert!(METHODS.contains(&path.as_str()), "{path} has no label");
                }
            }
        }
    }
}
