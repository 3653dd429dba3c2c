//! `InboxService`: what recipients see and do. Before it: `proto/brygga/v1/inbox.proto`; after it: `domain::decide`, and the gate.
//!
//! Content leaves through `OpenReferral` and nowhere else: exactly the committed release, bytes as they were stored.

use brygga_engine::store::Reader;
use brygga_wire::v1::inbox_service_server::InboxService;
use brygga_wire::{convert, v1};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::command::served;
use super::stream::Outgoing;
use super::stream::inbox::Inbox;

#[tonic::async_trait]
impl<R: Reader> InboxService for Rpc<R> {
    async fn list_inbox(&self, request: Request<v1::ListInboxRequest>) -> Result<Response<v1::ListInboxResponse>, Status> {
        self.answered(self.envelopes(&request).await)
    }

    type WatchInboxStream = Outgoing<v1::WatchInboxResponse>;

    async fn watch_inbox(&self, request: Request<v1::WatchInboxRequest>) -> Result<Response<Self::WatchInboxStream>, Status> {
        let function = self.own_function(request.extensions(), || convert::read::function_name(&request.get_ref().function));
        let source = function.map(|function| Inbox::new(function, request.get_ref().after));
        self.answered(source.and_then(|source| self.stream(source, request.extensions())))
    }

    async fn claim_referral(&self, request: Request<v1::ClaimReferralRequest>) -> Result<Response<v1::ClaimReferralResponse>, Status> {
        self.write(request).await
    }

    async fn open_referral(&self, request: Request<v1::OpenReferralRequest>) -> Result<Response<v1::OpenReferralResponse>, Status> {
        self.write(request).await
    }

    async fn acknowledge_delivery(&self, request: Request<v1::AcknowledgeDeliveryRequest>) -> Result<Response<v1::AcknowledgeDeliveryResponse>, Status> {
        self.write(request).await
    }

    async fn confirm_import(&self, request: Request<v1::ConfirmImportRequest>) -> Result<Response<v1::ConfirmImportResponse>, Status> {
        self.write(request).await
    }

    async fn accept_referral(&self, request: Request<v1::AcceptReferralRequest>) -> Result<Response<v1::AcceptReferralResponse>, Status> {
        self.write(request).await
    }

    async fn decline_referral(&self, request: Request<v1::DeclineReferralRequest>) -> Result<Response<v1::DeclineReferralResponse>, Status> {
        self.write(request).await
    }

    async fn return_referral(&self, request: Request<v1::ReturnReferralRequest>) -> Result<Response<v1::ReturnReferralResponse>, Status> {
        self.write(request).await
    }

    async fn record_contact(&self, request: Request<v1::RecordContactRequest>) -> Result<Response<v1::RecordContactResponse>, Status> {
        self.write(request).await
    }

    async fn close_referral(&self, request: Request<v1::CloseReferralRequest>) -> Result<Response<v1::CloseReferralResponse>, Status> {
        self.write(request).await
    }

    async fn acknowledge_stop_use(&self, request: Request<v1::AcknowledgeStopUseRequest>) -> Result<Response<v1::AcknowledgeStopUseResponse>, Status> {
        self.write(request).await
    }

    async fn acknowledge_recall(&self, request: Request<v1::AcknowledgeRecallRequest>) -> Result<Response<v1::AcknowledgeRecallResponse>, Status> {
        self.write(request).await
    }
}

served! {
    ClaimReferralRequest claim_referral => |done| Ok(v1::ClaimReferralResponse { envelope: Some(done.envelope()?), ..Default::default() });
    AcknowledgeDeliveryRequest acknowledge_delivery => |done| Ok(v1::AcknowledgeDeliveryResponse { envelope: Some(done.envelope()?), ..Default::default() });
    ConfirmImportRequest confirm_import => |done| Ok(v1::ConfirmImportResponse { envelope: Some(done.envelope()?), ..Default::default() });
    AcceptReferralRequest accept_referral => |done| Ok(v1::AcceptReferralResponse { envelope: Some(done.envelope()?), ..Default::default() });
    DeclineReferralRequest decline_referral => |done| Ok(v1::DeclineReferralResponse { envelope: Some(done.envelope()?), ..Default::default() });
    ReturnReferralRequest return_referral => |done| Ok(v1::ReturnReferralResponse { envelope: Some(done.envelope()?), ..Default::default() });
    RecordContactRequest record_contact => |done| Ok(v1::RecordContactResponse { envelope: Some(done.envelope()?), ..Default::default() });
    CloseReferralRequest close_referral => |done| Ok(v1::CloseReferralResponse { envelope: Some(done.envelope()?), ..Default::default() });
    AcknowledgeStopUseRequest acknowledge_stop_use => |done| Ok(v1::AcknowledgeStopUseResponse { envelope: Some(done.envelope()?), ..Default::default() });
    AcknowledgeRecallRequest acknowledge_recall => |done| Ok(v1::AcknowledgeRecallResponse { envelope: Some(done.envelope()?), ..Default::default() });
}
