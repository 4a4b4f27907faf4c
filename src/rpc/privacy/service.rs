//! PrivacyService.

use tonic::{Request, Response, Status};

use crate::access::ANONYMOUS;
use crate::domain::{DataSubject, etag};
use crate::pb;
use crate::rpc::access::data_reads::{shows_customer, shows_data_of};
use crate::rpc::api::{Api, Reply, answered, command, parsed};
use crate::rpc::call_gate::StreamSlot;
use crate::rpc::identity::actor;
use crate::rpc::privacy::export::Export;
use crate::rpc::privacy::parse;
use crate::rpc::privacy::parse::LegalHoldCommand;
use crate::rpc::reply::{legal_hold, timestamp};
use crate::rpc::status;
use crate::rpc::streams::watch::{Stream, sent_by};
use crate::store::Person;
use crate::work::{ErasedPerson, NotErasable, closed_orders, erase_person, why_not_erasable};

#[tonic::async_trait]
impl pb::privacy_service_server::PrivacyService for Api {
    type ExportCustomerDataStream = Stream<pb::ExportCustomerDataResponse>;

    async fn export_customer_data(
        &self,
        request: Request<pb::ExportCustomerDataRequest>,
    ) -> Reply<Self::ExportCustomerDataStream> {
        let slot = StreamSlot::of(&request);
        let subject = parsed(|bad| parse::export_customer_data(request.into_inner(), bad))?;
        let person = self.person(&subject).await?;
        // Noted at once: who reads half of it has been shown it.
        let only = person.customers.first().filter(|_| person.customers.len() == 1).map(|it| it.id);
        person.customers.iter().for_each(|it| shows_customer(it.id));
        person.orders.iter().for_each(|it| shows_data_of(*it, only));

        let (store, shutdown) = (self.store().clone(), self.shutdown.clone());
        let read_within = self.limits.slow_reader();
        sent_by(slot, read_within, move |pieces| {
            Export { store, person, pieces, read_within, shutdown }.run()
        })
    }

    async fn set_legal_hold(
        &self,
        request: Request<pb::SetLegalHoldRequest>,
    ) -> Reply<pb::SetLegalHoldResponse> {
        let (call, command) = command(request, parse::set_legal_hold)?;
        if !call.is_named() {
            return Err(status::actor_required());
        }
        match command {
            LegalHoldCommand::Order(command) => {
                self.change_order(call, command, |(), order| pb::SetLegalHoldResponse {
                    legal_hold: order.legal_hold.as_deref().map(legal_hold),
                    etag: order.etag(),
                })
                .await
            }
            LegalHoldCommand::Customer(command) => {
                self.change(call, command, |account, _| pb::SetLegalHoldResponse {
                    legal_hold: account.legal_hold.as_ref().map(legal_hold),
                    etag: etag(account.version),
                })
                .await
            }
        }
    }

    async fn release_legal_hold(
        &self,
        request: Request<pb::ReleaseLegalHoldRequest>,
    ) -> Reply<pb::ReleaseLegalHoldResponse> {
        let (call, command) = command(request, parse::release_legal_hold)?;
        if !call.is_named() {
            return Err(status::actor_required());
        }
        match command {
            LegalHoldCommand::Order(command) => {
                let reply = |(): &(), order: &crate::domain::Order| pb::ReleaseLegalHoldResponse {
                    etag: order.etag(),
                };
                self.change_order(call, command, reply).await
            }
            LegalHoldCommand::Customer(command) => {
                self.change(call, command, |account, _| pb::ReleaseLegalHoldResponse {
                    etag: etag(account.version),
                })
                .await
            }
        }
    }

    async fn erase_customer_data(
        &self,
        request: Request<pb::EraseCustomerDataRequest>,
    ) -> Reply<pb::EraseCustomerDataResponse> {
        let only_asks = request.get_ref().validate_only;
        let (actor, subject) = parsed(|bad| {
            let actor = actor(request.metadata(), bad);
            let subject = parse::erase_customer_data(request.into_inner(), bad);
            Some((actor?, subject?))
        })?;
        if actor.as_str() == ANONYMOUS {
            return Err(status::actor_required());
        }
        let person = self.person(&subject).await?;
        let looked = answered(why_not_erasable(self.store(), &self.app.rules, &person).await)?;
        let erased = looked.map_err(|it: NotErasable| status::of_refusal(&it.into_refusal()))?;
        if !only_asks {
            let app = self.app.clone();
            let erasure = answered(app.store.begin_erasure(subject, actor).await)?;
            // It goes on when nobody waits for it any more.
            let erasing = tokio::spawn(async move { erase_person(&app, &erasure).await });
            answered(erasing.await.map_err(|_| status::internal())?)?;
        }
        if erased.closed_orders > 0 {
            return Err(status::of_refusal(&closed_orders(erased.closed_orders)));
        }
        Ok(Response::new(told(&erased)))
    }
}

fn told(erased: &ErasedPerson) -> pb::EraseCustomerDataResponse {
    let ErasedPerson { customers, orders, kept_orders, kept_until, closed_orders: _ } = *erased;
    let count = |it: usize| i32::try_from(it).unwrap_or(i32::MAX);
    let kept = kept_until.map(|until| {
        format!(
            "the law keeps what invoices of {kept_orders} orders say of whom they were issued to (name, billing \
            address, tax number) and the references of their payments; the last of it is erased at {until}"
        )
    });
    pb::EraseCustomerDataResponse {
        erased_customers: count(customers),
        erased_orders: count(orders),
        kept_orders: count(kept_orders),
        kept_until_time: kept_until.map(timestamp),
        kept: kept.unwrap_or_default(),
    }
}

impl Api {
    async fn person(&self, subject: &DataSubject) -> Result<Person, Status> {
        let unknown = || match subject {
            DataSubject::Customer(id) => status::not_found("customer", id),
            DataSubject::Email(_) => status::not_found("customer", "with this e-mail address"),
        };
        answered(self.store().person(subject).await)?.ok_or_else(unknown)
    }
}
