//! Letters while the mail is away for hours, and what became old meanwhile.

use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::registry::Registry;

use crate::domain::{MessageKind, MessageState, Order, OrderState, ReadSet, Unsent};
use crate::work::outbound::send;
use crate::work::tests::{Scene, all_told};

#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_hours_until_their_folder_is_back() {
    let mut scene = Scene::set().await;
    let folder = scene.folder.path().join("mail");
    std::fs::remove_dir(&folder).unwrap();
    scene.begin_work();
    // It waits for stock, so that nothing else becomes of it meanwhile.
    let id = scene.create_order("ann", 100).await;
    scene.pass(1);
    for attempts in 1..=12 {
        scene.until(id, |it| it.messages.iter().all(|it| it.attempts == attempts)).await;
        scene.pass(301);
    }

    std::fs::create_dir(&folder).unwrap();
    scene.pass(301);
    let order = scene.until(id, all_told).await;
    scene.end_work().await;
    assert!(order.messages.iter().all(|it| it.state == MessageState::Sent), "{order:#?}");
    assert_eq!(scene.letters().len(), order.messages.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_news_became_old_while_it_waited_is_not_sent() {
    let scene = Scene::set().await;
    let blocked = scene.create_order("ann", 100).await;
    let message = |order: &Order| {
        order.messages.iter().find(|it| it.kind == MessageKind::AwaitingStock).expect("told to wait").clone()
    };
    let waiting = message(&scene.order(blocked).await);
    let reads = ReadSet { orders: vec![blocked], order_stock: true, ..ReadSet::default() };
    scene
        .change(reads, move |unit| {
            let mut order = unit.take_order(blocked)?;
            let away = Unsent::Later("the relay is away".to_owned());
            order.answer_message(unit, waiting.id, Err(away))?;
            unit.keep_order(order);
            Ok(())
        })
        .await
        .unwrap();

    // The goods have come meanwhile.
    let mut order = scene.order(blocked).await;
    order.state = OrderState::Invoiced;
    let (sent, _) = send(&scene.app, &order, message(&order).id).await;
    assert!(matches!(sent, Err(Unsent::Suppressed(_))), "{sent:?}");
    assert!(scene.letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_stored_with_somebody_elses_address_is_not_written_to() {
    let scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    // Stored before such addresses were refused.
    let mut order = scene.order(id).await;
    order.customer.email = "ann@example.com, victim@example.org".to_owned();
    let message = order.messages[0].clone();
    assert_eq!(message.state, MessageState::Queued);
    let (sent, _) = send(&scene.app, &order, message.id).await;
    assert!(matches!(sent, Err(Unsent::Suppressed(_))), "{sent:?}");
    assert!(scene.letters().is_empty());
}

/// Calls to the mail that have been counted, whatever their outcome.
fn calls_to_the_mail(scene: &Scene) -> u64 {
    let mut registry = Registry::default();
    scene.app.outside_calls.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).expect("a text");
    let of_mail: Vec<_> =
        text.lines().filter(|it| it.starts_with("outside_calls_total{target=\"mail\",")).collect();
    assert_eq!(of_mail.len(), 3, "one for each outcome: {text}");
    let count = |line: &&str| line.rsplit(' ').next().and_then(|it| it.parse::<u64>().ok()).expect("a count");
    of_mail.iter().map(count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_not_handed_over_is_no_call_to_the_mail() {
    let scene = Scene::set().await;
    let id = scene.create_order("ann", 1).await;
    let order = scene.order(id).await;
    let message = order.messages[0].id;
    let mut unreachable = order.clone();
    unreachable.customer.email = "ann@example.com, victim@example.org".to_owned();
    let (sent, said) = send(&scene.app, &unreachable, message).await;
    assert!(matches!(sent, Err(Unsent::Suppressed(_))), "{sent:?}");
    assert!(said.is_some(), "it was written");
    assert_eq!(calls_to_the_mail(&scene), 0);

    let (sent, _) = send(&scene.app, &order, message).await;
    assert_eq!(sent, Ok(()));
    assert_eq!(calls_to_the_mail(&scene), 1);
}
