//! Subscribers of events that calls make: signed for, told, moved, silenced and ended, in every process.

use std::time::{Duration, Instant};

use consign::pb;
use consign::server::Server;
use consign::settings::{Secret, Settings};
use prost_types::FieldMask;
use tonic::Status;
use tonic_types::StatusExt;

use crate::server::{Clients, Engine, TestServer, connect, on_both_engines, patient};
use crate::shop::{by, every_law_holds, reason};
use crate::subscribers::{Answer, Receiver, buy, feed, is_whole_and_in_order, place, quiet};

const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn beside(settings: &mut Settings) {
    patient(settings);
    quiet(settings);
    settings.events.private_addresses = true;
}

fn wanted(url: &str) -> pb::EventSubscription {
    pb::EventSubscription { url: url.to_owned(), description: "the shop".to_owned(), ..Default::default() }
}

fn creating(subscription: pb::EventSubscription, request_id: &str) -> pb::CreateEventSubscriptionRequest {
    let (subscription, request_id) = (Some(subscription), request_id.to_owned());
    pb::CreateEventSubscriptionRequest { subscription, request_id, validate_only: false }
}

async fn create(
    server: &Clients,
    request: pb::CreateEventSubscriptionRequest,
) -> Result<pb::CreateEventSubscriptionResponse, Status> {
    Ok(server.events.clone().create_event_subscription(by("dana", request)).await?.into_inner())
}

async fn list(server: &Clients, filter: &str) -> Vec<pb::EventSubscription> {
    let request = pb::ListEventSubscriptionsRequest { filter: filter.to_owned(), ..Default::default() };
    let page = server.events.clone().list_event_subscriptions(request).await.expect("a page");
    page.into_inner().subscriptions
}

async fn get(server: &Clients, id: &str) -> pb::EventSubscription {
    let request = pb::GetEventSubscriptionRequest { subscription_id: id.to_owned() };
    let found = server.events.clone().get_event_subscription(request).await.expect("it is there");
    found.into_inner().subscription.expect("a subscription")
}

async fn update(
    server: &Clients,
    subscription: pb::EventSubscription,
    path: &str,
    etag: &str,
) -> Result<pb::EventSubscription, Status> {
    let request = pb::UpdateEventSubscriptionRequest {
        subscription: Some(subscription),
        update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let answer = server.events.clone().update_event_subscription(by("erin", request)).await?;
    Ok(answer.into_inner().subscription.expect("a subscription"))
}

async fn disable(server: &Clients, id: &str, reason: &str) -> Result<pb::EventSubscription, Status> {
    let request = pb::DisableEventSubscriptionRequest {
        subscription_id: id.to_owned(),
        reason: reason.to_owned(),
        ..Default::default()
    };
    let answer = server.events.clone().disable_event_subscription(by("dana", request)).await?;
    Ok(answer.into_inner().subscription.expect("a subscription"))
}

async fn enable(server: &Clients, id: &str) -> Result<pb::EventSubscription, Status> {
    let request = pb::EnableEventSubscriptionRequest { subscription_id: id.to_owned(), ..Default::default() };
    let answer = server.events.clone().enable_event_subscription(by("dana", request)).await?;
    Ok(answer.into_inner().subscription.expect("a subscription"))
}

async fn delete(server: &Clients, id: &str) -> Result<pb::EventSubscription, Status> {
    let request = pb::DeleteEventSubscriptionRequest {
        subscription_id: id.to_owned(),
        reason: "nobody listens".to_owned(),
        ..Default::default()
    };
    let answer = server.events.clone().delete_event_subscription(by("dana", request)).await?;
    Ok(answer.into_inner().subscription.expect("a subscription"))
}

async fn rotate(server: &Clients, id: &str) -> pb::RotateSubscriptionSecretResponse {
    let request =
        pb::RotateSubscriptionSecretRequest { subscription_id: id.to_owned(), ..Default::default() };
    let answer = server.events.clone().rotate_subscription_secret(by("dana", request)).await;
    answer.expect("a new secret").into_inner()
}

async fn subscribers(server: &Clients) -> Vec<pb::EventSubscriber> {
    let found = server.events.clone().list_event_subscribers(pb::ListEventSubscribersRequest {}).await;
    found.expect("a list").into_inner().subscribers
}

/// Until a subscriber has come to the end of the feed.
async fn until_told(server: &Clients, name: &str) {
    let began = Instant::now();
    loop {
        let all = subscribers(server).await;
        let found = all.iter().find(|it| it.name == name).expect("a subscriber");
        if found.behind == 0 && found.waiting_count == 0 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

on_both_engines!(one_that_a_call_makes_hears_what_happens_from_then_on, beside, async |server| {
    let receiver = Receiver::start(|_, _| Answer::Take).await;
    buy(&server, 2).await;
    let before = feed(&server).await;

    let request = creating(wanted(&receiver.address()), "request-0001");
    let asked = pb::CreateEventSubscriptionRequest { validate_only: true, ..request.clone() };
    let asked = create(&server, asked).await.expect("it would be made");
    assert!(asked.secret.is_empty() && !asked.secret_withheld.is_empty(), "{asked:?}");
    assert!(list(&server, "").await.is_empty() && subscribers(&server).await.is_empty(), "it was only asked");

    let made = create(&server, request.clone()).await.expect("a subscription");
    receiver.expect(&made.secret);
    assert!(made.secret.starts_with("whsec_") && made.secret_withheld.is_empty(), "{made:?}");
    let subscription = made.subscription.expect("a subscription");
    assert_eq!((subscription.created_by.as_str(), subscription.etag.as_str()), ("dana", "v1"));
    assert_eq!(subscription.state(), pb::EventSubscriptionState::Enabled);
    let again = create(&server, request).await.expect("the stored answer");
    assert_eq!((again.subscription.as_ref(), again.secret.as_str()), (Some(&subscription), ""));
    assert!(again.secret_withheld.contains("RotateSubscriptionSecret"), "{}", again.secret_withheld);
    assert_eq!(list(&server, "state = ENABLED").await, std::slice::from_ref(&subscription));
    assert_eq!(get(&server, &subscription.id).await, subscription);

    place(&server, "later", 6).await;
    let feed = feed(&server).await;
    let expected = &feed[before.len()..];
    let taken = receiver.until_taken(expected.len()).await;
    is_whole_and_in_order(&taken, expected);
    assert_eq!(receiver.signatures(), 1);
    until_told(&server, &subscription.id).await;
    let shown = subscribers(&server).await;
    let expected = (subscription.id.as_str(), receiver.address());
    assert_eq!(shown.iter().map(|it| (it.name.as_str(), it.address.clone())).collect::<Vec<_>>(), [expected]);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_secret_that_is_only_asked_for_signs_nothing, beside, async |server| {
    let receiver = Receiver::start(|_, _| Answer::Take).await;
    let made = create(&server, creating(wanted(&receiver.address()), "")).await.expect("a subscription");
    receiver.expect(&made.secret);
    let before = made.subscription.expect("a subscription");
    let asked = pb::RotateSubscriptionSecretRequest {
        subscription_id: before.id.clone(),
        validate_only: true,
        ..Default::default()
    };
    let told = server.events.clone().rotate_subscription_secret(by("dana", asked)).await;
    let told = told.expect("as it would be").into_inner();
    assert!(told.secret.is_empty() && !told.secret_withheld.is_empty(), "{told:?}");
    assert!(told.subscription.expect("a subscription").previous_secret_expire_time.is_some());
    assert_eq!(get(&server, &before.id).await, before);

    buy(&server, 1).await;
    let expected = feed(&server).await;
    receiver.until_taken(expected.len()).await;
    assert_eq!(receiver.signatures(), 1, "the secret that was told signs alone");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_subscription_is_moved_silenced_and_ended, beside, async |server| {
    let (old, new) = (Receiver::start(|_, _| Answer::Take).await, Receiver::start(|_, _| Answer::Take).await);
    let made = create(&server, creating(wanted(&old.address()), "")).await.expect("a subscription");
    let id = made.subscription.expect("a subscription").id;
    old.expect(&made.secret);
    buy(&server, 2).await;
    let first = feed(&server).await;
    old.until_taken(first.len()).await;
    until_told(&server, &id).await;

    // It is elsewhere, and goes on there. Both secrets sign.
    let elsewhere = pb::EventSubscription { id: id.clone(), url: new.address(), ..Default::default() };
    let moved = update(&server, elsewhere.clone(), "url", "v1").await.expect("it moves");
    assert_eq!(
        (moved.url, moved.description.as_str(), moved.updated_by.as_str()),
        (new.address(), "the shop", "erin")
    );
    let stale = update(&server, elsewhere, "url", "v1").await.expect_err("somebody was here");
    assert_eq!(reason(&stale), "ETAG_MISMATCH");
    let rotated = rotate(&server, &id).await;
    assert!(rotated.subscription.expect("it is there").previous_secret_expire_time.is_some());
    assert_ne!(rotated.secret, made.secret);
    new.expect(&made.secret);
    place(&server, "moved", 1).await;
    let second = feed(&server).await;
    new.until_taken(second.len() - first.len()).await;
    assert_eq!(new.signatures(), 2, "the old one is known still");
    new.expect(&rotated.secret);
    until_told(&server, &id).await;

    // Silenced, it hears later what happened meanwhile.
    let silenced = disable(&server, &id, "its disk is full").await.expect("disabled");
    assert_eq!(silenced.state(), pb::EventSubscriptionState::Disabled);
    assert_eq!(silenced.state_reason, "its disk is full");
    place(&server, "silent", 2).await;
    let third = feed(&server).await;
    assert_eq!(new.taken().len(), second.len() - first.len(), "it is told nothing");
    let enabled = enable(&server, &id).await.expect("enabled");
    assert_eq!((enabled.state(), enabled.state_reason.as_str()), (pb::EventSubscriptionState::Enabled, ""));
    let taken = new.until_taken(third.len() - first.len()).await;
    is_whole_and_in_order(&taken, &third[first.len()..]);
    assert_eq!(old.taken().len(), first.len(), "nothing went to the old place");
    until_told(&server, &id).await;

    // Ended, it is the record of what it was.
    let deleted = delete(&server, &id).await.expect("deleted");
    assert_eq!(deleted.state(), pb::EventSubscriptionState::Deleted);
    assert_eq!(
        (deleted.state_reason.as_str(), &deleted.previous_secret_expire_time),
        ("nobody listens", &None)
    );
    assert_eq!(list(&server, "state = DELETED").await, std::slice::from_ref(&deleted));
    assert!(subscribers(&server).await.is_empty());
    for refused in [
        delete(&server, &id).await,
        enable(&server, &id).await,
        disable(&server, &id, "why").await,
        update(&server, deleted.clone(), "url", "").await,
    ] {
        assert_eq!(reason(&refused.expect_err("it is there no more")), "NOT_FOUND");
    }
    place(&server, "after", 1).await;
    feed(&server).await;
    assert_eq!(new.taken().len(), third.len() - first.len(), "it is told nothing any more");
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(every_fault_of_a_subscription_is_told_and_none_is_made, async |server| {
    let bad = pb::EventSubscription {
        url: "https://169.254.169.254/latest".to_owned(),
        types: ["ORDER_PAID", "ORDER_SUNK", "ORDER_PAID"].map(str::to_owned).to_vec(),
        description: "d".repeat(501),
        ..Default::default()
    };
    let refused = create(&server, creating(bad, "short")).await.expect_err("nothing of it is right");
    let fields = refused.get_details_bad_request().expect("fields").field_violations;
    let fields: Vec<_> = fields.into_iter().map(|it| it.field).collect();
    let expected = [
        "request_id",
        "subscription.url",
        "subscription.types[1]",
        "subscription.types[2]",
        "subscription.description",
    ];
    assert_eq!(fields, expected);
    for url in
        ["", "http://shop.example.com/", "https://10.1.2.3/", "https://ann:secret@shop.example.com/", "shop"]
    {
        let refused = create(&server, creating(wanted(url), "")).await.expect_err(url);
        assert_eq!(reason(&refused), "INVALID_FIELD", "{url}");
    }
    let unnamed = creating(wanted("https://shop.example.com/"), "");
    let unnamed = server.events.clone().create_event_subscription(unnamed).await.expect_err("nobody asks");
    assert_eq!(reason(&unnamed), "ACTOR_REQUIRED");
    let nobody = "sub_00000000000000000000000001";
    assert_eq!(reason(&enable(&server, nobody).await.expect_err("no such one")), "NOT_FOUND");
    assert_eq!(reason(&disable(&server, "shop", "").await.expect_err("no id")), "INVALID_FIELD");
    assert!(list(&server, "").await.is_empty());
    server.stop().await;
});

/// One process makes it and stops; the other goes on telling.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_makes_the_others_tell() {
    let Some(first) = TestServer::start_with(Engine::Postgres, beside).await else { return };
    let mut settings = Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: first.folder().join("other"),
        database_url: first.database_url().map(|it| Secret::new(&it)),
        insecure_durability: true,
        ..Settings::default()
    };
    beside(&mut settings);
    let other = Server::start(settings).await.expect("it starts");
    let second = Clients::over(connect(&other).await);

    let receiver = Receiver::start(|_, _| Answer::Take).await;
    let made = create(&first, creating(wanted(&receiver.address()), "")).await.expect("a subscription");
    receiver.expect(&made.secret);
    buy(&first, 3).await;
    let places = first.stop().await;
    place(&second, "second", 3).await;
    let feed = feed(&second).await;
    let taken = receiver.until_taken(feed.len()).await;
    is_whole_and_in_order(&taken, &feed);
    let id = made.subscription.expect("a subscription").id;
    until_told(&second, &id).await;
    delete(&second, &id).await.expect("deleted");
    other.stop().await.expect("it stops");
    drop(places);
}
