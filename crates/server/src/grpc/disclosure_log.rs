//! `DisclosureLogService`: the log as supervisors read it, checkpoints and proofs as every agency checks them.
//!
//! A supervisor's question is an event before it is answered, and its answer holds only what stood before it.

use brygga_engine::store::Reader;
use brygga_wire::v1;
use brygga_wire::v1::disclosure_log_service_server::DisclosureLogService;
use tonic::{Request, Response, Status};

use super::Rpc;
use super::stream::Outgoing;
use super::stream::log::Tail;

#[tonic::async_trait]
impl<R: Reader> DisclosureLogService for Rpc<R> {
    async fn search_entries(&self, request: Request<v1::SearchEntriesRequest>) -> Result<Response<v1::SearchEntriesResponse>, Status> {
        let found = self.search(request).await;
        found.map_err(|failed| self.status(&failed))
    }

    async fn get_entry(&self, request: Request<v1::GetEntryRequest>) -> Result<Response<v1::GetEntryResponse>, Status> {
        let found = self.entry(request).await;
        found.map_err(|failed| self.status(&failed))
    }

    type TailEntriesStream = Outgoing<v1::TailEntriesResponse>;

    async fn tail_entries(&self, request: Request<v1::TailEntriesRequest>) -> Result<Response<Self::TailEntriesStream>, Status> {
        let source = self.supervisor(request.extensions()).map(|agency| Tail::new(agency, request.get_ref().from_position));
        self.answered(source.and_then(|source| self.stream(source, request.extensions())))
    }

    async fn get_checkpoint(&self, request: Request<v1::GetCheckpointRequest>) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        self.answered(self.checkpoint(&request).await)
    }

    async fn get_inclusion_proof(&self, request: Request<v1::GetInclusionProofRequest>) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        self.answered(self.inclusion(&request).await)
    }

    async fn get_consistency_proof(&self, request: Request<v1::GetConsistencyProofRequest>) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        self.answered(self.consistency(&request).await)
    }
}
