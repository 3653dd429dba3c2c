//! `DirectoryService`: who takes part, and where a referral has to go. For every known agency.

use brygga_domain::event::PersonName;
use brygga_domain::routing::register_misleads;
use brygga_domain::{Directory, Function, Reason, Role};
use brygga_engine::readers::AskError;
use brygga_engine::store::{Corrupt, Reader, StoreError};
use brygga_wire::convert;
use brygga_wire::convert::read::{self as wanted, Cursor};
use brygga_wire::v1::directory_service_server::DirectoryService;
use brygga_wire::{v1, view};
use tonic::{Request, Response, Status};

use super::Rpc;
use super::read;
use super::status::Failed;

#[tonic::async_trait]
impl<R: Reader> DirectoryService for Rpc<R> {
    async fn list_agencies(&self, request: Request<v1::ListAgenciesRequest>) -> Result<Response<v1::ListAgenciesResponse>, Status> {
        self.answered(self.agencies(&request))
    }

    async fn get_function(&self, request: Request<v1::GetFunctionRequest>) -> Result<Response<v1::GetFunctionResponse>, Status> {
        let found = self.function(&request);
        self.answered(found.map(|function| v1::GetFunctionResponse { function: Some(function) }))
    }

    async fn resolve_route(&self, request: Request<v1::ResolveRouteRequest>) -> Result<Response<v1::ResolveRouteResponse>, Status> {
        let found = self.route(&request);
        self.answered(found.map(|function| v1::ResolveRouteResponse { function: Some(function) }))
    }
}

impl<R: Reader> Rpc<R> {
    fn agencies(&self, request: &Request<v1::ListAgenciesRequest>) -> Result<v1::ListAgenciesResponse, Failed> {
        self.caller(request.extensions())?;
        let page = wanted::list_page(request.get_ref().page_size, &request.get_ref().page_token)?;
        let after = page.after.and_then(|cursor| cursor.0.first().copied()).unwrap_or(read::BEGINNING);
        let (directory, now) = (self.broker.directory(), self.broker.now());
        let rest = (0_i64..).zip(directory.agencies()).filter(|(place, _)| *place > after);
        let (agencies, next_page_token) = read::filled(rest.map(|(place, agency)| (Cursor(vec![place]), view::agency(agency, now))), page.entries);
        Ok(v1::ListAgenciesResponse { agencies, next_page_token })
    }

    fn function(&self, request: &Request<v1::GetFunctionRequest>) -> Result<v1::Function, Failed> {
        self.caller(request.extensions())?;
        let name = wanted::function_name(&request.get_ref().function)?;
        let directory = self.broker.directory();
        shown(&directory, directory.function(&name))
    }

    fn route(&self, request: &Request<v1::ResolveRouteRequest>) -> Result<v1::Function, Failed> {
        self.caller(request.extensions())?;
        let asked = convert::resolve_route(request.get_ref())?;
        // Whom it is about has no name yet; whoever it is may live at hers.
        let somebody = PersonName { role: Role::Victim, number: 1 };
        if register_misleads(Some(asked.basis), [(somebody, asked.protected_identity)]).is_some() {
            return Err(Reason::ResidenceFromRegister.into());
        }
        let directory = self.broker.directory();
        let function = directory.route(&asked.territory, asked.kind, asked.whom);
        shown(&directory, function)
    }
}

fn shown(directory: &Directory, function: Option<&Function>) -> Result<v1::Function, Failed> {
    let function = function.ok_or(Failed::from(Reason::NotFound))?;
    let corrupt = || Failed::Read(AskError::Store(StoreError::Corrupt(Corrupt { table: "function", row: function.id.to_string(), column: "host" })));
    let host = directory.agency(&function.host).ok_or_else(corrupt)?;
    Ok(view::function(function, host.kind))
}
