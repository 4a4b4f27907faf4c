//! What customers say after a delivery, over the wire: by the token of a letter, line by line, once more or not at all;
//! what is done about it, what a report says of it, and that it changes the next choice of a courier.

use consign::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::mail::MovedClock;
use crate::server::{Clients, Engine, TestServer, connect, on_both_engines};
use crate::shop::{
    LEIPZIG, by, create_courier, create_courier_for, create_order, create_product, draft, eur,
    every_law_holds, order, pay_by_card, reason, receive, stocked,
};
use crate::warehouse::Warehouse;

const DAY: i64 = 86_400;

/// An order of so many units of each product, delivered.
async fn delivered(server: &Clients, buyer: &str, lines: &[&str]) -> pb::Order {
    let mut new = draft(buyer, lines[0], 1);
    let line = |sku: &&str| pb::OrderLineDraft { sku: (*sku).to_owned(), quantity: 1, ..Default::default() };
    new.lines = lines.iter().map(line).collect();
    let placed = create_order(server, new).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    Warehouse { server }.deliver_all(&placed.id).await;
    order(server, &placed.id).await
}

fn answer(order: &pb::Order, delivery_rating: i32, product_rating: i32) -> pb::SubmitFeedbackRequest {
    pb::SubmitFeedbackRequest {
        order_id: order.id.clone(),
        delivery_rating,
        product_rating,
        ..Default::default()
    }
}

async fn submit(server: &Clients, request: pb::SubmitFeedbackRequest) -> Result<pb::Feedback, Status> {
    let answer = server.feedback.clone().submit_feedback(by("storefront", request)).await?;
    Ok(answer.into_inner().feedback.expect("feedback"))
}

async fn ask_again(server: &Clients, order_id: &str) -> Result<pb::Feedback, Status> {
    let request = pb::RequestFeedbackRequest { order_id: order_id.to_owned(), ..Default::default() };
    let answer = server.feedback.clone().request_feedback(by("support", request)).await?;
    Ok(answer.into_inner().feedback.expect("feedback"))
}

async fn opt_out(server: &Clients, token: &str) -> Result<pb::Feedback, Status> {
    let request = pb::OptOutFeedbackRequest { token: token.to_owned(), ..Default::default() };
    let answer = server.feedback.clone().opt_out_feedback(by("storefront", request)).await?;
    Ok(answer.into_inner().feedback.expect("feedback"))
}

async fn feedback_by(server: &Clients, token: &str) -> Result<pb::Feedback, Status> {
    let request = pb::GetFeedbackRequest { token: token.to_owned(), ..Default::default() };
    Ok(server.feedback.clone().get_feedback(request).await?.into_inner().feedback.expect("feedback"))
}

async fn letters(server: &Clients, order_id: &str, kind: &str) -> Vec<pb::CustomerMessage> {
    let filter = format!("order_id = {order_id} AND kind = {kind}");
    let request = pb::ListMessagesRequest { filter, ..Default::default() };
    server.orders.clone().list_messages(request).await.expect("a page").into_inner().messages
}

/// The token in the letter that confirms the delivery, as its reader has it.
async fn token_of(server: &Clients, order_id: &str) -> String {
    let letter = letters(server, order_id, "DELIVERY_CONFIRMED").await.remove(0);
    let request = pb::GetMessageRequest { message_id: letter.id };
    let letter = server.orders.clone().get_message(request).await.expect("a letter").into_inner();
    let body = letter.message.expect("a letter").body;
    let rest = body.split_once("?t=").expect("a link with a token").1;
    rest.chars().take_while(|it| it.is_ascii_alphanumeric() || "-_".contains(*it)).collect()
}

async fn follow_ups(server: &Clients, filter: &str) -> Vec<pb::FollowUp> {
    let request = pb::ListFollowUpsRequest { filter: filter.to_owned(), ..Default::default() };
    server.feedback.clone().list_follow_ups(request).await.expect("a page").into_inner().follow_ups
}

/// The orders of one page, and its token of the next one.
async fn listed(server: &Clients, request: pb::ListFeedbackRequest) -> Result<(Vec<String>, String), Status> {
    let page = server.feedback.clone().list_feedback(request).await?.into_inner();
    Ok((page.feedback.into_iter().map(|it| it.order_id).collect(), page.next_page_token))
}

async fn close_follow_up(
    server: &Clients,
    id: &str,
    result: &str,
    who: Option<&'static str>,
) -> Result<pb::FollowUp, Status> {
    let request = pb::CloseFollowUpRequest {
        follow_up_id: id.to_owned(),
        result: result.to_owned(),
        ..Default::default()
    };
    let request = match who {
        Some(who) => by(who, request),
        None => tonic::Request::new(request),
    };
    let answer = server.feedback.clone().close_follow_up(request).await?;
    Ok(answer.into_inner().follow_up.expect("a follow-up"))
}

/// The paths of the bad fields.
fn bad_fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().expect("a BadRequest");
    details.field_violations.into_iter().map(|it| it.field).collect()
}

async fn two_products(server: &Clients) {
    stocked(server, "MUG", 100).await;
    create_product(server, "PEN", 490).await;
    receive(server, "PEN", LEIPZIG, 100).await;
    create_courier(server).await;
}

fn with_link(settings: &mut consign::settings::Settings) {
    let pattern = "https://shop.example/rate/{order_number}?t={feedback_token}";
    settings.letters.feedback_url = Some(pattern.parse().expect("a pattern"));
}

on_both_engines!(who_has_the_letter_answers_without_an_account, with_link, async |server| {
    two_products(&server).await;
    let placed = delivered(&server, "ada", &["MUG", "PEN"]).await;
    let token = token_of(&server, &placed.id).await;
    assert_eq!(token.len(), 43);

    // A page that is open to everybody knows what to ask.
    let asked = feedback_by(&server, &token).await.expect("the token opens it");
    assert_eq!((asked.state(), asked.order_number.as_str()), (pb::FeedbackState::Requested, &*placed.number));
    let lines: Vec<_> = asked.lines.iter().map(|it| (it.line_number, &*it.description, it.rating)).collect();
    assert_eq!(lines, [(1, "product MUG", 0), (2, "product PEN", 0)]);

    // Nowhere else is the token to be seen.
    let listed = letters(&server, &placed.id, "DELIVERY_CONFIRMED").await.remove(0);
    assert!(listed.body.contains("?t={feedback_token}"), "{}", listed.body);
    let request = pb::GetOrderTimelineRequest {
        key: Some(pb::get_order_timeline_request::Key::OrderId(placed.id.clone())),
    };
    let timeline = server.orders.clone().get_order_timeline(request).await.expect("a timeline").into_inner();
    for shown in [format!("{listed:?}"), format!("{placed:?}"), format!("{timeline:?}"), format!("{asked:?}")]
    {
        assert!(!shown.contains(&token), "{shown}");
    }

    // Of a wrong one nothing is said: not whether there is such an order, nor that it is no token at all.
    let mut wrong = token.clone();
    let last = if wrong.ends_with('A') { 'E' } else { 'A' };
    wrong.replace_range(42.., &last.to_string());
    let other = delivered(&server, "bob", &["MUG"]).await;
    let of_another = token_of(&server, &other.id).await;
    let mixed = format!("{}{}", &token[..21], &of_another[21..]);
    let mut told = Vec::new();
    for wrong in [&*wrong, &*mixed, &"A".repeat(43), "nonsense", &"x".repeat(5_000)] {
        let rated = pb::SubmitFeedbackRequest {
            token: wrong.to_owned(),
            order_id: String::new(),
            ..answer(&placed, 1, 1)
        };
        for status in [
            submit(&server, rated).await.expect_err("it opens nothing"),
            feedback_by(&server, wrong).await.expect_err("it opens nothing"),
            opt_out(&server, wrong).await.expect_err("it opens nothing"),
        ] {
            assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "NOT_FOUND"));
            told.push(format!("{} {:?}", status.message(), status.details()));
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");

    let line = pb::LineRating {
        line_number: 2,
        rating: 3,
        reasons: vec![pb::FeedbackReason::Quality as i32],
        comment: "it blots".to_owned(),
    };
    let said = pb::SubmitFeedbackRequest {
        order_id: String::new(),
        token: token.clone(),
        comment: "quick".to_owned(),
        reasons: vec![pb::FeedbackReason::Packaging as i32],
        lines: vec![line],
        request_id: "feedback-by-letter".to_owned(),
        ..answer(&placed, 5, 4)
    };
    let given = submit(&server, said.clone()).await.expect("asked for");
    assert_eq!(given.state(), pb::FeedbackState::Submitted);
    assert_eq!((given.lines[1].rating, given.lines[1].comment.as_str()), (3, "it blots"));
    assert_eq!(submit(&server, said.clone()).await.expect("the stored answer"), given);
    let again = pb::SubmitFeedbackRequest { request_id: String::new(), ..said };
    let refused = submit(&server, again).await.expect_err("given once");
    assert_eq!(reason(&refused), "FEEDBACK_NOT_OPEN");

    let after = order(&server, &placed.id).await;
    let shown = after.feedback.expect("given");
    assert_eq!(shown.lines.iter().map(|it| it.line_number).collect::<Vec<_>>(), [2], "those that were rated");
    assert_eq!(after.follow_up, None);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(every_problem_of_an_answer_is_named_at_once, async |server| {
    two_products(&server).await;
    let placed = delivered(&server, "ada", &["MUG", "PEN"]).await;
    Warehouse { server: &server }.until_quiet(&placed.id).await;
    let placed = order(&server, &placed.id).await;
    let line = |line_number, rating| pb::LineRating { line_number, rating, ..Default::default() };
    let bad = pb::SubmitFeedbackRequest {
        token: "x".to_owned(),
        comment: "x".repeat(2_001),
        lines: vec![line(1, 6), line(1, 5)],
        ..answer(&placed, 0, 3)
    };
    let refused = submit(&server, bad).await.expect_err("bad");
    let expected = ["token", "delivery_rating", "comment", "lines[0].rating", "lines[1].line_number"];
    assert_eq!(bad_fields(&refused), expected);
    let unknown = pb::SubmitFeedbackRequest {
        lines: vec![line(2, 5), line(3, 5), line(9, 5)],
        ..answer(&placed, 5, 5)
    };
    let refused = submit(&server, unknown).await.expect_err("no such lines");
    assert_eq!(bad_fields(&refused), ["lines[1].line_number", "lines[2].line_number"]);
    assert_eq!(order(&server, &placed.id).await, placed);
    server.stop().await;
});

async fn asked_again(engine: Engine) {
    let Some(clock) = MovedClock::set(engine).await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let server = clock.serve_with(folder.path(), with_link).await;
    let clients = Clients::over(connect(&server).await);
    two_products(&clients).await;
    let placed = delivered(&clients, "ada", &["MUG"]).await;
    let warehouse = Warehouse { server: &clients };
    warehouse.until_quiet(&placed.id).await;
    let soon = ask_again(&clients, &placed.id).await.expect_err("the delivery letter has just asked");
    assert_eq!(reason(&soon), "LIMIT_REACHED");
    assert!(soon.message().contains("left in peace until"), "{soon:?}");

    clock.pass(3 * DAY).await;
    let asked = ask_again(&clients, &placed.id).await.expect("three days later");
    assert_eq!((asked.state(), asked.repeat_count), (pb::FeedbackState::Requested, 1));
    warehouse.until_quiet(&placed.id).await;
    let sent = letters(&clients, &placed.id, "FEEDBACK_REQUESTED").await.remove(0);
    assert_eq!(sent.state(), pb::MessageState::Sent);
    assert!(sent.body.contains("/rate/") && sent.body.contains("?t={feedback_token}"), "{}", sent.body);

    // Closed without an answer, and asked once more: then the customer has enough of it.
    warehouse.close(&placed.id).await;
    clock.pass(3 * DAY).await;
    let asked = ask_again(&clients, &placed.id).await.expect("it is not archived");
    assert_eq!((asked.state(), asked.repeat_count), (pb::FeedbackState::Requested, 2));
    warehouse.until_quiet(&placed.id).await;
    let token = token_of(&clients, &placed.id).await;
    let out = opt_out(&clients, &token).await.expect("asked for");
    assert_eq!(out.state(), pb::FeedbackState::OptedOut);
    assert_eq!(opt_out(&clients, &token).await.expect("no news"), out);
    clock.pass(3 * DAY).await;
    let refused = ask_again(&clients, &placed.id).await.expect_err("a wish");
    assert_eq!(reason(&refused), "FEEDBACK_NOT_OPEN");
    let unwanted = order(&clients, &placed.id).await.unwanted_message_kinds;
    assert_eq!(unwanted, [pb::MessageKind::FeedbackRequested as i32]);
    assert_eq!(letters(&clients, &placed.id, "FEEDBACK_REQUESTED").await.len(), 2);

    let request = pb::GetFeedbackReportRequest::default();
    let report = clients.feedback.clone().get_feedback_report(request).await.expect("a report").into_inner();
    let report = report.report.expect("a report");
    assert_eq!((report.requested, report.opted_out, report.submitted), (1, 1, 0));
    every_law_holds(&clients).await;
    server.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_asked_again_until_they_have_enough_on_sqlite() {
    asked_again(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_asked_again_until_they_have_enough_on_postgres() {
    asked_again(Engine::Postgres).await;
}

on_both_engines!(feedback_is_listed_by_what_was_said_when_and_of_whom, async |server| {
    two_products(&server).await;
    let poor = delivered(&server, "poor", &["MUG", "PEN"]).await;
    let fair = delivered(&server, "fair", &["MUG"]).await;
    let silent = delivered(&server, "silent", &["MUG"]).await;
    // The younger order is answered first.
    submit(&server, answer(&fair, 4, 5)).await.expect("asked for");
    let line =
        pb::LineRating { line_number: 2, rating: 1, comment: "broken".to_owned(), ..Default::default() };
    let said = pb::SubmitFeedbackRequest { lines: vec![line], ..answer(&poor, 2, 1) };
    submit(&server, said).await.expect("asked for");
    let warehouse = Warehouse { server: &server };
    warehouse.close(&poor.id).await;
    warehouse.archive(&poor.id).await;

    let (poor, fair, silent) = (&*poor.id, &*fair.id, &*silent.id);
    let of_poor = format!("order_id = {poor}");
    for (filter, found) in [
        ("", vec![silent, fair, poor]),
        ("state = REQUESTED", vec![silent]),
        ("state = submitted", vec![fair, poor]),
        ("delivery_rating IN (1, 2)", vec![poor]),
        ("delivery_rating != 0", vec![fair, poor]),
        ("product_rating = 5", vec![fair]),
        ("courier = swift", vec![silent, fair, poor]),
        ("courier = swift AND product_rating = 1", vec![poor]),
        ("courier = other", vec![]),
        (of_poor.as_str(), vec![poor]),
        ("archived = true", vec![poor]),
        ("archived = false", vec![silent, fair]),
        ("archived = true AND courier = swift", vec![poor]),
        ("submit_time > 2020-01-01", vec![poor, fair]),
        ("submit_time < 2020-01-01", vec![]),
    ] {
        let request = pb::ListFeedbackRequest { filter: filter.to_owned(), ..Default::default() };
        let (orders, next) = listed(&server, request).await.expect(filter);
        assert_eq!((orders.iter().map(|it| &**it).collect::<Vec<_>>(), &*next), (found, ""), "{filter}");
    }

    // Page by page, the oldest order first.
    let mut request =
        pb::ListFeedbackRequest { page_size: 2, order_by: "create_time".to_owned(), ..Default::default() };
    let (first, next) = listed(&server, request.clone()).await.expect("a page");
    request.page_token = next;
    let (second, end) = listed(&server, request).await.expect("a page");
    assert_eq!(
        ([first, second].concat(), &*end),
        (vec![poor.to_owned(), fair.to_owned(), silent.to_owned()], "")
    );

    let request = pb::ListFeedbackRequest { filter: of_poor, ..Default::default() };
    let page = server.feedback.clone().list_feedback(request).await.expect("a page").into_inner();
    let lines: Vec<_> =
        page.feedback[0].lines.iter().map(|it| (&*it.description, it.rating, &*it.comment)).collect();
    assert_eq!(lines, [("product PEN", 1, "broken")]);
    let wrong = pb::ListFeedbackRequest {
        page_size: 500,
        filter: "delivery_rating = 6 AND mood = good".to_owned(),
        order_by: "number".to_owned(),
        ..Default::default()
    };
    let refused = listed(&server, wrong).await.expect_err("nonsense");
    assert_eq!(refused.code(), Code::InvalidArgument);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_bad_rating_is_followed_up_in_the_archive_too, async |server| {
    two_products(&server).await;
    let good = delivered(&server, "good", &["MUG"]).await;
    submit(&server, answer(&good, 3, 3)).await.expect("asked for");
    let bad = delivered(&server, "bad", &["MUG", "PEN"]).await;
    let line =
        pb::LineRating { line_number: 2, rating: 2, comment: "broken".to_owned(), ..Default::default() };
    let said = pb::SubmitFeedbackRequest { lines: vec![line], ..answer(&bad, 5, 4) };
    submit(&server, said).await.expect("asked for");
    let worse = delivered(&server, "worse", &["MUG"]).await;
    submit(&server, answer(&worse, 1, 1)).await.expect("asked for");
    let warehouse = Warehouse { server: &server };
    warehouse.close(&bad.id).await;
    warehouse.archive(&bad.id).await;

    let open = follow_ups(&server, "state = OPEN").await;
    let orders: Vec<&str> = open.iter().map(|it| &*it.order_id).collect();
    assert_eq!(orders, [&*worse.id, &*bad.id], "the youngest first");
    let said = open[1].feedback.as_ref().expect("what was said");
    assert_eq!((said.lines[0].rating, said.lines[0].comment.as_str()), (2, "broken"));
    assert_eq!(follow_ups(&server, "state = OPEN AND archived = true").await.len(), 1);

    let id = open[1].id.clone();
    let nobody = close_follow_up(&server, &id, "called", None).await.expect_err("who?");
    assert_eq!(reason(&nobody), "ACTOR_REQUIRED");
    let wordless = close_follow_up(&server, &id, " ", Some("sam")).await.expect_err("what was done?");
    assert_eq!(bad_fields(&wordless), ["result"]);
    let closed = close_follow_up(&server, &id, "sent a new pen", Some("sam")).await.expect("open");
    let told = (closed.state(), closed.closed_by.as_str(), closed.result.as_str());
    assert_eq!(told, (pb::FollowUpState::Closed, "sam", "sent a new pen"));
    let twice = close_follow_up(&server, &id, "again", Some("sam")).await.expect_err("closed");
    assert_eq!(reason(&twice), "ILLEGAL_TRANSITION");

    let after = order(&server, &bad.id).await;
    assert_eq!(after.state(), pb::OrderState::Archived);
    assert_eq!(after.follow_up.map(|it| it.state()), Some(pb::FollowUpState::Closed));
    assert_eq!(follow_ups(&server, "state = CLOSED").await.len(), 1);
    assert_eq!(follow_ups(&server, &format!("order_id = {}", worse.id)).await.len(), 1);
    every_law_holds(&server).await;
    server.stop().await;
});

on_both_engines!(a_report_tells_by_courier_product_region_reason_and_time, async |server| {
    two_products(&server).await;
    let (late, price) = (pb::FeedbackReason::Late as i32, pb::FeedbackReason::Price as i32);
    let line = |line_number, rating, reasons: &[i32]| pb::LineRating {
        line_number,
        rating,
        reasons: reasons.to_vec(),
        ..Default::default()
    };
    let first = delivered(&server, "one", &["MUG", "PEN"]).await;
    let lines = vec![line(1, 5, &[]), line(2, 2, &[late, price])];
    let said = pb::SubmitFeedbackRequest { lines, reasons: vec![late], ..answer(&first, 1, 4) };
    submit(&server, said).await.expect("asked for");
    let warehouse = Warehouse { server: &server };
    warehouse.close(&first.id).await;
    warehouse.archive(&first.id).await;
    let second = delivered(&server, "two", &["MUG"]).await;
    let said = pb::SubmitFeedbackRequest {
        lines: vec![line(1, 4, &[])],
        comment: "fine".to_owned(),
        reasons: vec![late],
        ..answer(&second, 4, 5)
    };
    submit(&server, said).await.expect("asked for");
    delivered(&server, "silent", &["PEN"]).await;

    let report = async |request: pb::GetFeedbackReportRequest| {
        let answer = server.feedback.clone().get_feedback_report(request).await.expect("a report");
        answer.into_inner().report.expect("a report")
    };
    let whole = report(pb::GetFeedbackReportRequest::default()).await;
    assert_eq!((whole.requested, whole.submitted, whole.opted_out), (3, 2, 0));
    assert_eq!((whole.average_delivery_rating, whole.average_product_rating), (2.5, 4.5));
    assert_eq!(whole.delivery_rating_counts, [1, 0, 0, 1, 0]);
    let couriers: Vec<_> =
        whole.couriers.iter().map(|it| (&*it.courier, it.count, it.average_rating)).collect();
    assert_eq!(couriers, [("swift", 2, 2.5)]);
    let products: Vec<_> =
        whole.products.iter().map(|it| (&*it.sku, &*it.name, it.count, it.average_rating)).collect();
    assert_eq!(products, [("MUG", "product MUG", 2, 4.5), ("PEN", "product PEN", 1, 2.0)]);
    let regions: Vec<_> = whole
        .regions
        .iter()
        .map(|it| (&*it.region, it.count, it.average_delivery_rating, it.average_product_rating))
        .collect();
    assert_eq!(regions, [("EUROPE", 2, 2.5, 4.5)]);
    let reasons: Vec<_> = whole.reasons.iter().map(|it| (it.reason, it.count)).collect();
    assert_eq!(reasons, [(late, 2), (price, 1)], "an answer that says it twice counts once");
    assert_eq!(whole.trend_unit(), pb::TrendUnit::Day);
    assert_eq!(whole.trend.iter().map(|it| it.count).sum::<i64>(), 2);
    assert_eq!(whole.comments.iter().map(|it| &*it.comment).collect::<Vec<_>>(), ["fine"]);

    // A period of some years is told by months, one that is over has nothing.
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let between = |start_time, end_time| pb::GetFeedbackReportRequest {
        start_time: at(start_time),
        end_time: at(end_time),
        archived: None,
    };
    let years = report(between(0, 10_000_000_000)).await;
    assert_eq!((years.trend_unit(), years.submitted), (pb::TrendUnit::Month, 2));
    let before = report(between(0, 1)).await;
    assert_eq!((before.requested, before.submitted, before.products.len()), (0, 0, 0));
    assert_eq!(before.trend, []);
    server.stop().await;
});

async fn assigned(server: &TestServer, order: &pb::Order) -> pb::CourierAssignment {
    let request = pb::GetShipmentRequest { shipment_id: order.shipment_ids[0].clone() };
    let answer = server.shipping.clone().get_shipment(request).await.expect("a shipment").into_inner();
    answer.shipment.expect("a shipment").assignment.expect("assigned")
}

/// What couriers ask for a mug.
async fn quotes(server: &Clients, buyer: &str) -> Vec<pb::CourierQuote> {
    let placed = create_order(server, draft(buyer, "MUG", 1)).await.expect("an order");
    pay_by_card(server, &placed.id, "tok_success").await.expect("a payment");
    let shipment_id = order(server, &placed.id).await.shipment_ids.remove(0);
    Warehouse { server }.label(&shipment_id).await;
    let request = pb::QuoteCouriersRequest { shipment_id, ..Default::default() };
    let answer = server.shipping.clone().quote_couriers(by("warehouse", request)).await.expect("quotes");
    answer.into_inner().quotes
}

on_both_engines!(
    a_rating_of_one_sends_the_next_parcel_with_another_courier,
    |it| it.rules.courier_record.least = 1,
    async |server| {
        two_products(&server).await;
        create_courier_for(&server, "steady", "Steady Parcel", 520).await;
        let first = delivered(&server, "ada", &["MUG"]).await;
        assert_eq!(assigned(&server, &first).await.courier, "swift", "the cheaper one");
        submit(&server, answer(&first, 1, 5)).await.expect("asked for");
        let request = pb::GetCourierRequest { courier: "swift".to_owned() };
        let swift = server.shipping.clone().get_courier(request).await.expect("a courier").into_inner();
        let record = swift.courier.expect("a courier").record.expect("a record");
        assert_eq!((record.rated, record.average_rating), (1, 1.0));

        // Four points below five, at 4 % each: 5.40 counts as 6.26, and 5.70 is less.
        let second = delivered(&server, "bob", &["MUG"]).await;
        let assignment = assigned(&server, &second).await;
        assert_eq!(assignment.courier, "steady");
        let why = "EUR 5.70; passed over for its record swift STANDARD: EUR 0.30 less, but rated 1.00: counts as EUR 6.26";
        assert!(assignment.reason.ends_with(why), "{}", assignment.reason);
        let asked = quotes(&server, "cid").await;
        for (code, price, score, note) in [("steady", 570, 570, ""), ("swift", 540, 626, "rated 1.00")] {
            let quote = asked.iter().find(|it| it.courier == code).expect("both quote");
            assert_eq!((&quote.price, &quote.score), (&Some(eur(price)), &Some(eur(score))), "{code}");
            assert_eq!(quote.record_note, note, "{code}");
        }
        every_law_holds(&server).await;
        server.stop().await;
    }
);
