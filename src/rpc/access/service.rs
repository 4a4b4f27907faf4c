//! AccessService: API keys that are made and revoked by calls.

use std::sync::Arc;

use tonic::{Extensions, Request, Response, Status};

use crate::access::{ApiKey, Denied, Grant, Principal};
use crate::domain::KeyId;
use crate::pb;
use crate::rpc::access::parse::NewKey;
use crate::rpc::access::{parse, reply};
use crate::rpc::api::{Api, Reply, answered, codec, command, existing, parsed};
use crate::rpc::identity::permitted;
use crate::rpc::listing::page_token;
use crate::rpc::parse::id;
use crate::rpc::status;
use crate::store::{Changed, Codec};

const ONLY_ASKED: &str = "the call was only asked: there is no key";

const TOLD_BEFORE: &str = "the key was told in the answer to the first call with this request_id, and is kept nowhere; \
    if it was lost, revoke it and make another";

#[tonic::async_trait]
impl pb::access_service_server::AccessService for Api {
    async fn create_api_key(
        &self,
        request: Request<pb::CreateApiKeyRequest>,
    ) -> Reply<pb::CreateApiKeyResponse> {
        let access = Arc::clone(&self.keys.access);
        let key = ApiKey::generate().ok_or_else(status::internal)?;
        let extensions = request.extensions().clone();
        let (call, NewKey { command, roles }) = command(request, |request, bad| {
            parse::create_api_key(request, &key, |it| access.is_in_settings(it), bad)
        })?;
        if access.believes_callers() {
            return Err(status::denied(&Denied::FirstKey));
        }
        may_grant(&extensions, &roles, command.names_persons)?;

        // What is kept for repeats has no secret: that is put into this one answer.
        let codec = Codec { size_max: call.answer_bytes_max(&self.limits), ..codec() };
        let kept = |it: &crate::domain::IssuedKey, _: &crate::store::View<'_>| pb::CreateApiKeyResponse {
            api_key: Some(reply::api_key(it, None)),
            secret: String::new(),
            secret_withheld: TOLD_BEFORE.to_owned(),
        };
        let answer = match answered(self.store().change(call.into_store(), command, kept, codec).await)? {
            Changed::Decided { answer, output, orders: _ } => {
                tracing::info!(key = %output.id, principal = %output.principal, "an API key was made");
                self.know_keys().await;
                let (secret, secret_withheld) = (key.reveal().to_owned(), String::new());
                pb::CreateApiKeyResponse { secret, secret_withheld, ..answer }
            }
            Changed::Validated(answer) => {
                pb::CreateApiKeyResponse { secret_withheld: ONLY_ASKED.to_owned(), ..answer }
            }
            Changed::Replayed(answer) => answer,
        };
        Ok(Response::new(answer))
    }

    async fn get_api_key(&self, request: Request<pb::GetApiKeyRequest>) -> Reply<pb::GetApiKeyResponse> {
        let pb::GetApiKeyRequest { api_key_id } = request.into_inner();
        let id: KeyId = parsed(|bad| id("api_key_id", &api_key_id, bad))?;
        let (key, day) = existing("API key", id, self.store().api_key(id).await)?;
        Ok(Response::new(pb::GetApiKeyResponse { api_key: Some(reply::api_key(&key, day)) }))
    }

    async fn list_api_keys(
        &self,
        request: Request<pb::ListApiKeysRequest>,
    ) -> Reply<pb::ListApiKeysResponse> {
        let listing = parsed(|bad| parse::list_api_keys(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (keys, next) = answered(self.store().list_api_keys(&listing).await)?;
            Ok::<_, Status>(pb::ListApiKeysResponse {
                api_keys: keys.iter().map(|(key, day)| reply::api_key(key, *day)).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }

    async fn revoke_api_key(
        &self,
        request: Request<pb::RevokeApiKeyRequest>,
    ) -> Reply<pb::RevokeApiKeyResponse> {
        let (call, command) = command(request, parse::revoke_api_key)?;
        let id = command.id;
        let answer = self
            .change(call, command, |it, _| pb::RevokeApiKeyResponse {
                api_key: Some(reply::api_key(it, None)),
            })
            .await?;
        tracing::info!(key = %id, "an API key was revoked");
        self.know_keys().await;
        Ok(answer)
    }

    async fn list_data_access(
        &self,
        request: Request<pb::ListDataAccessRequest>,
    ) -> Reply<pb::ListDataAccessResponse> {
        let listing = parsed(|bad| parse::list_data_access(request.into_inner(), &self.limits, bad))?;
        self.page(listing, |listing| async move {
            let (reads, next) = answered(self.store().list_data_reads(&listing).await)?;
            Ok::<_, Status>(pb::ListDataAccessResponse {
                records: reads.iter().map(reply::data_access).collect(),
                next_page_token: page_token(next),
            })
        })
        .await
    }
}

impl Api {
    /// Lets in, or out, at once what this process has changed. If it fails, the next look a second later does it.
    async fn know_keys(&self) {
        if let Err(error) = self.keys.read_again().await {
            tracing::warn!(%error, "a change of API keys is not known here yet");
        }
    }
}

/// Nobody gives what they do not have.
fn may_grant(extensions: &Extensions, roles: &[Grant], names_persons: bool) -> Result<(), Status> {
    for permission in Grant::permissions_of(roles) {
        permitted(extensions, permission)?;
    }
    match extensions.get::<Arc<Principal>>() {
        Some(it) if names_persons && !it.names_persons => {
            Err(status::denied(&Denied::NamesPerson(it.name.clone())))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::access::Role;
    use crate::domain::Carriers;
    use crate::pb::Permission;

    fn caller(permissions: &[Permission], names_persons: bool) -> Extensions {
        let principal = Principal {
            name: "ann".parse().expect("a name"),
            permissions: permissions.iter().copied().collect(),
            names_persons,
            carriers: Carriers::default(),
        };
        let mut extensions = Extensions::new();
        extensions.insert(Arc::new(principal));
        extensions
    }

    #[test]
    fn nobody_gives_what_they_do_not_have() {
        let ann =
            caller(&[Permission::ManageAccess, Permission::ReadOrders, Permission::ReadCatalogue], false);
        assert!(may_grant(&ann, &[Role::Reader.into()], false).is_ok());
        for more in [Role::Warehouse, Role::Monitor, Role::Admin] {
            let refused =
                may_grant(&ann, &[Role::Reader.into(), more.into()], false).expect_err("she has less");
            assert_eq!(status::reason_in(&refused), "PERMISSION_MISSING", "{more:?}");
        }
        let refused = may_grant(&ann, &[Role::Reader.into()], true).expect_err("she names nobody");
        assert_eq!(status::reason_in(&refused), "ACTOR_NOT_ALLOWED");
        assert!(may_grant(&caller(&[], true), &[], true).is_ok());
    }
}
