//! What is answered beside the API: whether the server takes calls, and what it has. To everybody, or to those who show who they
//! are, as the settings say.

use std::sync::Arc;

use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::access::{Access, Shown};
use crate::pb;
use crate::rpc;
use crate::server::error::ServeError;
use crate::settings::AccessSettings;

/// Adds health and reflection.
pub(super) fn with_open_services(
    api: Routes,
    settings: &AccessSettings,
    access: &Arc<Access>,
    health: HealthReporter,
) -> Result<Routes, ServeError> {
    let door = |is_open: bool| (!is_open).then(|| Arc::clone(access));
    let of_health = door(settings.open_health);
    let healthy = HealthServer::new(HealthService::from_health_reporter(health));
    let healthy = InterceptedService::new(healthy, move |request| known(of_health.as_ref(), request));
    Ok(with_descriptions(api, door(settings.open_reflection))?.add_service(healthy))
}

/// Reflection in both versions that tools speak, error details included; behind the door only for who has a key.
fn with_descriptions(routes: Routes, door: Option<Arc<Access>>) -> Result<Routes, ServeError> {
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let known = move |request: tonic::Request<()>| known(door.as_ref(), request);
    let newer = InterceptedService::new(described().build_v1()?, known.clone());
    let older = InterceptedService::new(described().build_v1alpha()?, known);
    Ok(routes.add_service(newer).add_service(older))
}

/// Lets those ask who show who they are; with no door, everybody.
fn known(
    door: Option<&Arc<Access>>,
    request: tonic::Request<()>,
) -> Result<tonic::Request<()>, tonic::Status> {
    let Some(door) = door else { return Ok(request) };
    match door.identify(Shown::over(request.metadata().as_ref(), request.extensions().get())) {
        Ok(_) => Ok(request),
        Err(denied) => Err(rpc::denied(&denied)),
    }
}
