//! The console, as a browser asks for its pages.

use std::time::Duration;

use consign::access::{KeyHash, Role};
use consign::pb;
use consign::pb::order_change_item::Item;
use consign::settings::{KeySettings, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::access::{ADMIN, stock, with_key};
use crate::operations::{get, send, with_port};
use crate::order_changes;
use crate::server::{TestServer, on_both_engines};
use crate::shop::{LEIPZIG, create_courier, create_order, draft, order, pay_by_card, receive, stocked};
use crate::warehouse::Warehouse;

const PICKER: &str = "consign_picker";

/// One who may do all, and one who may sell nothing and see no money.
fn two_keys(settings: &mut Settings) {
    with_port(settings);
    for (name, key, role) in [("boss", ADMIN, Role::Admin), ("picker", PICKER, Role::Reader)] {
        let sha256 = vec![KeyHash::of(key)];
        let known = KeySettings { sha256, roles: vec![role.into()], expires: None, names_persons: false };
        settings.access.keys.insert(name.to_owned(), known);
    }
}

async fn post(server: &TestServer, path: &str, form: &str, more: &str) -> (u16, String, String) {
    let length = form.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {length}\r\n\
         content-type: application/x-www-form-urlencoded\r\n{more}\r\n{form}"
    );
    send(server, &head).await
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let of_name = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
    head.lines().find(of_name).and_then(|line| line.split_once(": ")).map(|it| it.1)
}

/// The value of the first hidden field with this name after `from`.
fn hidden(page: &str, from: &str, name: &str) -> String {
    let page = &page[page.find(from).unwrap_or_else(|| panic!("{from} is not in {page}"))..];
    let field = page.split_once(&format!("name=\"{name}\" value=\"")).expect("the field is there").1;
    let value = field.split('"').next().expect("a value");
    value.replace("&#x2f;", "/")
}

/// One at a browser.
struct Browser<'a> {
    server: &'a TestServer,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn sign_in(server: &'a TestServer, who: &str) -> Self {
        let (status, head, _) = post(server, "/console/login", &format!("who={who}"), "").await;
        assert_eq!((status, header(&head, "location")), (303, Some("/console")));
        let cookie = header(&head, "set-cookie").expect("a cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains("Secure"), "nobody would send it back without TLS: {cookie}");
        Self { server, cookie: cookie.split(';').next().expect("a value").to_owned() }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let line = format!("cookie: {}\r\n", self.cookie);
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{line}\r\n");
        let (status, _, body) = send(self.server, &request).await;
        (status, body)
    }

    async fn post(&self, path: &str, form: &str) -> (u16, String, String) {
        post(self.server, path, form, &format!("cookie: {}\r\n", self.cookie)).await
    }

    /// Presses the button of `action` on a page that was shown.
    async fn press(&self, page: &str, action: &str, more: &str) -> u16 {
        let mark = format!("name=\"action\" value=\"{action}\"");
        let field = |name| hidden(page, &mark, name);
        let token = hidden(page, "<", "token");
        let form = format!(
            "token={token}&action={action}&id={}&etag={}&request_id={}&back={}&{more}",
            field("id"),
            field("etag"),
            field("request_id"),
            field("back"),
        );
        self.post("/console/act", &form).await.0
    }
}

on_both_engines!(who_looks_after_an_order_sees_it_and_cancels_it, with_port, async |server| {
    stocked(&server, "A-1", 9).await;
    let mut wanted = draft("ada", "A-1", 2);
    wanted.customer.as_mut().expect("a customer").name = "<script>alert(1)</script>".to_owned();
    let placed = create_order(&server, wanted).await.expect("an order");

    let dana = Browser::sign_in(&server, "dana").await;
    let (status, page) = dana.get("/console/orders").await;
    assert_eq!(status, 200);
    assert!(page.contains(&placed.number) && page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<script>"), "{page}");

    let here = format!("/console/orders/{}", placed.number);
    let (status, page) = dana.get(&here).await;
    assert_eq!(status, 200, "{page}");
    for seen in ["receive order", "prepare next order", "47.36", "dana"] {
        assert!(page.contains(seen), "{seen} is not in {page}");
    }
    assert_eq!(page.matches("<li class=\"").count(), 20, "{page}");
    assert!(!page.contains("<script>"), "{page}");

    // A page that is out of date changes nothing, and says so.
    assert_eq!(dana.press(&page, "AddOrderNote", "text=call+back").await, 303);
    assert_eq!(dana.press(&page, "CancelOrder", "text=too+late").await, 303);
    let (_, page) = dana.get(&here).await;
    assert!(page.contains("changed since you looked at it"), "{page}");
    assert!(page.contains("call back"));
    assert_ne!(order(&server, &placed.id).await.state(), pb::OrderState::Cancelled);

    assert_eq!(dana.press(&page, "CancelOrder", "text=changed+her+mind").await, 303);
    let (_, page) = dana.get(&here).await;
    assert!(page.contains("The order is cancelled."), "{page}");
    assert_eq!(order(&server, &placed.id).await.state(), pb::OrderState::Cancelled);
    let key = Some(pb::get_order_timeline_request::Key::OrderId(placed.id.clone()));
    let timeline = server.orders.clone().get_order_timeline(pb::GetOrderTimelineRequest { key }).await;
    let events = timeline.expect("it has one").into_inner().timeline.expect("it has one").events;
    assert!(events.iter().any(|it| it.actor == "dana" && it.to_state == "CANCELLED"), "{events:#?}");

    let (_, page) = dana.get(&here).await;
    assert!(!page.contains("The order is cancelled."), "it is said once");
    server.stop().await;
});

on_both_engines!(every_page_is_made_and_none_without_a_sign_in, with_port, async |server| {
    stocked(&server, "A-1", 9).await;
    let placed = create_order(&server, draft("ada", "A-1", 1)).await.expect("an order");
    let request = pb::ListMessagesRequest::default();
    let letters = server.orders.clone().list_messages(request).await.expect("letters").into_inner();
    let dana = Browser::sign_in(&server, "dana").await;
    let letter = format!("/console/messages/{}", letters.messages.first().expect("a letter").id);
    let one = format!("/console/orders/{}", placed.id);
    for path in [
        "/console",
        "/console/orders?filter=state+%3D+RESERVED",
        one.as_str(),
        "/console/approvals?filter=",
        "/console/stock",
        "/console/shipments",
        "/console/messages?filter=",
        letter.as_str(),
        "/console/returns?filter=",
        "/console/system",
    ] {
        let (status, page) = dana.get(path).await;
        assert_eq!(status, 200, "{path}: {page}");
        assert!(page.contains("href=\"#main\"") && page.contains("</html>"), "{path}: {page}");
        let nobody = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let (status, head, body) = send(&server, &nobody).await;
        assert_eq!((status, header(&head, "location")), (303, Some("/console/login")), "{path}");
        assert!(body.is_empty() && head.contains("frame-ancestors 'none'"), "{head}");
    }
    assert!(dana.get("/console/system").await.1.contains("Callers are believed"));
    assert_eq!(dana.get("/console/orders/100999").await.0, 404);
    assert_eq!(dana.get("/console/nothing").await.0, 404);
    let (status, page) = dana.get("/console/orders?filter=colour+%3D+blue").await;
    assert_eq!(status, 400, "{page}");
    assert!(page.contains("colour"), "{page}");

    let token = hidden(&dana.get("/console").await.1, "<", "token");
    assert_eq!(dana.post("/console/logout", "token=wrong").await.0, 403);
    assert_eq!(dana.post("/console/logout", &format!("token={token}")).await.0, 303);
    assert_eq!(dana.get("/console").await.0, 303);
    server.stop().await;
});

on_both_engines!(who_sends_a_parcel_opens_its_papers_from_the_order, with_port, async |server| {
    stocked(&server, "A-1", 9).await;
    create_courier(&server).await;
    let placed = create_order(&server, draft("ada", "A-1", 1)).await.expect("an order");
    pay_by_card(&server, &placed.id, "tok_success").await.expect("a payment");
    let shipment = order(&server, &placed.id).await.shipment_ids.remove(0);
    let dana = Browser::sign_in(&server, "dana").await;
    let here = format!("/console/orders/{}", placed.id);
    let paper = |name: &str| format!("/console/shipments/{shipment}/{name}");
    let before = dana.get(&here).await.1;
    assert!(before.contains(&paper("pick-list")) && !before.contains(&paper("label")), "{before}");
    assert_eq!(dana.get(&paper("label")).await.0, 409, "there is none yet");

    Warehouse { server: &server }.label(&shipment).await;
    let page = dana.get(&here).await.1;
    for name in ["label", "packing-slip", "pick-list", "return-form"] {
        assert!(page.contains(&format!("href=\"{}\"", paper(name))), "{name} is not in {page}");
        let (status, found) = dana.get(&paper(name)).await;
        assert!(status == 200 && found.starts_with("%PDF-"), "{name}: {status}");
    }
    let invoice = format!("/console/invoices/{}", order(&server, &placed.id).await.invoice_id);
    assert!(page.contains(&invoice), "{page}");
    assert!(dana.get(&invoice).await.1.starts_with("%PDF-"));
    for nothing in [paper("bill"), format!("/console/shipments/{}/label", placed.id)] {
        assert!([400, 404].contains(&dana.get(&nothing).await.0), "{nothing}");
    }
    server.stop().await;
});

on_both_engines!(forms_from_elsewhere_and_too_large_ones_do_nothing, with_port, async |server| {
    stocked(&server, "A-1", 9).await;
    let placed = create_order(&server, draft("ada", "A-1", 1)).await.expect("an order");
    let dana = Browser::sign_in(&server, "dana").await;
    let omar = Browser::sign_in(&server, "omar").await;
    let others = hidden(&omar.get("/console").await.1, "<", "token");
    let form = |token: &str| {
        format!("token={token}&action=CancelOrder&id={}&request_id=request-1&text=no", placed.id)
    };
    assert_eq!(dana.post("/console/act", &form("")).await.0, 403);
    assert_eq!(dana.post("/console/act", &form(&others)).await.0, 403);
    assert_eq!(dana.post("/console/act", "").await.0, 403);
    let own = hidden(&dana.get("/console").await.1, "<", "token");
    let more = format!("cookie: {}\r\nsec-fetch-site: cross-site\r\n", dana.cookie);
    assert_eq!(post(&server, "/console/act", &form(&own), &more).await.0, 403);
    let large = format!("{}{}", form(&own), "x".repeat(20_000));
    let (status, _, page) = dana.post("/console/act", &large).await;
    assert_eq!(status, 413, "{page}");
    let unknown = format!("token={own}&action=DropTables&id=x&request_id=request-1");
    assert_eq!(dana.post("/console/act", &unknown).await.0, 404);
    // A name that someone points at this machine.
    assert_eq!(get(&server, "/console/login", "").await.0, 403);
    assert_ne!(order(&server, &placed.id).await.state(), pb::OrderState::Cancelled);
    server.stop().await;
});

on_both_engines!(a_key_says_what_is_seen_and_done, two_keys, async |server| {
    stock(&server).await;
    let request = pb::CreateOrderRequest { order: Some(draft("ada", "A-1", 1)), ..Default::default() };
    let placed = server.orders.clone().create_order(with_key(ADMIN, request)).await.expect("an order");
    let number = placed.into_inner().order.expect("an order").number;

    let (status, head, page) = post(&server, "/console/login", "who=consign_nobody", "").await;
    assert_eq!((status, header(&head, "set-cookie")), (401, None));
    assert!(page.contains("not known here"), "{page}");
    assert!(!page.contains("consign_nobody"), "a key is never shown");

    let boss = Browser::sign_in(&server, ADMIN).await;
    let (status, page) = boss.get("/console").await;
    assert_eq!(status, 200);
    assert!(page.contains(">boss<") && !page.contains(ADMIN), "{page}");

    let picker = Browser::sign_in(&server, PICKER).await;
    let (status, page) = picker.get(&format!("/console/orders/{number}")).await;
    assert_eq!(status, 200);
    assert!(page.contains("no role with the permission READ_MONEY"), "{page}");
    assert!(page.contains("Hidden from you:") && page.contains("its words are hidden"), "{page}");
    for kept in ["Buyer ada", "10.00", "11.90"] {
        assert!(!page.contains(kept), "{kept}: {page}");
    }
    assert_eq!(picker.press(&page, "CancelOrder", "text=no").await, 303);
    let (_, page) = picker.get(&format!("/console/orders/{number}")).await;
    assert!(page.contains("no role with the permission CHANGE_ORDERS"), "{page}");
    assert!(page.contains(">invoiced</span>"), "{page}");
    let (status, page) = picker.get("/console/system").await;
    assert_eq!(status, 200);
    assert_eq!(picker.press(&page, "CheckIntegrity", "").await, 303);
    let (_, page) = picker.get("/console/system").await;
    assert!(page.contains("no role with the permission READ_OPERATIONS"), "{page}");
    server.stop().await;
});

on_both_engines!(a_change_is_named_as_far_as_it_may_be_seen, two_keys, async |server| {
    stock(&server).await;
    let request = pb::CreateOrderRequest { order: Some(draft("ada", "A-1", 1)), ..Default::default() };
    let placed = server.orders.clone().create_order(with_key(ADMIN, request)).await.expect("an order");
    let placed = placed.into_inner().order.expect("an order");
    let own = pb::Discount { value: Some(pb::discount::Value::RatePpm(100_000)) };
    let off = pb::SetDiscount { discount: Some(pb::set_discount::Discount::AmountOrRate(own)) };
    let items = vec![Item::SetDiscount(off), Item::SetInstructions("ring twice".to_owned())];
    let change = with_key(ADMIN, order_changes::request(&placed.id, items));
    server.changes.clone().create_order_change(change).await.expect("a draft");

    let path = format!("/console/orders/{}", placed.number);
    let boss = Browser::sign_in(&server, ADMIN).await;
    let (_, page) = boss.get(&path).await;
    let discount = "<li>Another discount, or none</li>";
    assert!(page.contains(discount) && page.contains("<li>Other instructions</li>"), "{page}");
    let picker = Browser::sign_in(&server, PICKER).await;
    let (_, page) = picker.get(&path).await;
    assert!(page.contains(discount) && page.contains("<li>hidden</li>"), "{page}");
    assert!(!page.contains("<li>Other instructions</li>"), "{page}");
    server.stop().await;
});

/// The number on the tile with this label.
fn tile(page: &str, label: &str) -> Option<i64> {
    let before = page.split_once(&format!("<span>{label}</span>"))?.0;
    let number = before.rsplit_once("<span class=\"number\">")?.1;
    number.split_once('<')?.0.parse().ok()
}

on_both_engines!(today_counts_what_there_is_for_who_may_see_it, two_keys, async |server| {
    stock(&server).await;
    for buyer in ["ada", "ben"] {
        let request = pb::CreateOrderRequest { order: Some(draft(buyer, "A-1", 1)), ..Default::default() };
        server.orders.clone().create_order(with_key(ADMIN, request)).await.expect("an order");
    }
    let boss = Browser::sign_in(&server, ADMIN).await;
    let (status, page) = boss.get("/console").await;
    assert_eq!(status, 200, "{page}");
    for (label, count) in [
        ("Orders placed today", 2),
        ("Orders delivered today", 0),
        ("Approvals waiting", 0),
        ("Letters that failed", 0),
        ("Payments without an answer", 0),
        ("Shelves below their point", 0),
    ] {
        assert_eq!(tile(&page, label), Some(count), "{label}: {page}");
    }
    assert!(page.contains("The laws have not been checked since the server started."), "{page}");
    for drawn in ["placed-title placed-says", "No courier has delivered", "<svg class=\"chart\""] {
        assert!(page.contains(drawn), "{drawn}: {page}");
    }
    let (_, system) = boss.get("/console/system").await;
    assert_eq!(boss.press(&system, "CheckIntegrity", "").await, 303);
    assert!(boss.get("/console").await.1.contains("all held."));

    let picker = Browser::sign_in(&server, PICKER).await;
    let (_, page) = picker.get("/console").await;
    assert_eq!(tile(&page, "Orders placed today"), Some(2), "{page}");
    for hidden in ["Payments without an answer", "Jobs that are due", "The laws"] {
        assert!(!page.contains(hidden), "{hidden}: {page}");
    }
    server.stop().await;
});

on_both_engines!(
    behind_a_proxy_with_tls_the_cookie_goes_over_tls_only,
    |it| {
        with_port(it);
        it.operations.behind_tls = true;
    },
    async |server| {
        let (status, head, _) = post(&server, "/console/login", "who=dana", "").await;
        let cookie = header(&head, "set-cookie").expect("a cookie");
        assert!(status == 303 && cookie.ends_with("; Secure"), "{cookie}");
        server.stop().await;
    }
);

on_both_engines!(a_visit_ends_with_the_key_that_it_began_with, two_keys, async |server| {
    let wanted =
        pb::ApiKey { principal: "dana".to_owned(), roles: vec!["reader".to_owned()], ..Default::default() };
    let request = pb::CreateApiKeyRequest { api_key: Some(wanted), ..Default::default() };
    let made = server.access.clone().create_api_key(with_key(ADMIN, request)).await.expect("a key");
    let made = made.into_inner();
    let dana = Browser::sign_in(&server, &made.secret).await;
    let (status, page) = dana.get("/console/orders").await;
    assert_eq!(status, 200, "{page}");

    let id = made.api_key.expect("a key").id;
    let request =
        pb::RevokeApiKeyRequest { api_key_id: id, reason: "she left".to_owned(), ..Default::default() };
    server.access.clone().revoke_api_key(with_key(ADMIN, request)).await.expect("it is taken away");
    let (status, page) = dana.get("/console/orders").await;
    assert_eq!((status, page.contains("dana")), (303, false), "{page}");
    let (status, ..) = post(&server, "/console/login", &format!("who={}", made.secret), "").await;
    assert_eq!(status, 401);
    server.stop().await;
});

/// What an open page is told, as it comes.
struct Told {
    stream: TcpStream,
    text: String,
}

impl Told {
    async fn at(dana: &Browser<'_>, path: &str) -> Self {
        let address = dana.server.server.operations.expect("the port is on");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {}\r\n\r\n", dana.cookie);
        stream.write_all(head.as_bytes()).await.expect("it is sent");
        let mut told = Self { stream, text: String::new() };
        told.until(|it| it.contains("\r\n\r\n")).await;
        told
    }

    fn is_open(&self) -> bool {
        self.text.starts_with("HTTP/1.1 200") && self.text.contains("content-type: text/event-stream")
    }

    fn changes(&self) -> usize {
        self.text.matches("event: change\n").count()
    }

    /// Where a browser would go on.
    fn position(&self) -> i64 {
        let last = self.text.rsplit("id: ").next().and_then(|it| it.lines().next());
        last.and_then(|it| it.parse().ok()).unwrap_or_default()
    }

    async fn until(&mut self, seen: impl Fn(&str) -> bool) {
        while !seen(&self.text) {
            assert!(self.read().await > 0, "it ended: {}", self.text);
        }
    }

    async fn read(&mut self) -> usize {
        let mut some = [0; 1_024];
        let read = timeout(Duration::from_secs(30), self.stream.read(&mut some)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing more than {}", self.text)).unwrap_or_default();
        self.text.push_str(std::str::from_utf8(&some[..read]).expect("only ASCII is told"));
        read
    }

    async fn into_its_end(mut self) {
        while self.read().await > 0 {}
    }
}

on_both_engines!(an_open_page_is_told_that_something_of_it_has_changed, with_port, async |server| {
    stocked(&server, "A-1", 9).await;
    let placed = create_order(&server, draft("ada", "A-1", 2)).await.expect("an order");
    let dana = Browser::sign_in(&server, "dana").await;
    let here = format!("/console/orders/{}", placed.id);
    let (_, page) = dana.get(&here).await;
    let link = page.split_once("data-live=\"").expect("it follows what happens").1;
    let link = link.split('"').next().expect("a link").replace("&amp;", "&");
    assert!(link.starts_with("/console/live?order=ord_") && link.contains("&after="), "{link}");

    let mut told = Told::at(&dana, &link).await;
    assert!(told.is_open(), "{}", told.text);
    told.until(|it| it.contains("retry: 500\n")).await;
    assert_eq!(dana.press(&page, "AddOrderNote", "text=call+back").await, 303);
    let key = Some(pb::get_order_timeline_request::Key::OrderId(placed.id.clone()));
    let timeline = server.orders.clone().get_order_timeline(pb::GetOrderTimelineRequest { key }).await;
    let events = timeline.expect("it has one").into_inner().timeline.expect("it has one").events;
    let noted = events.last().expect("an event").position;
    while told.position() < noted || told.changes() == 0 {
        assert!(told.read().await > 0, "it ended before {noted}: {}", told.text);
    }
    assert!(!told.text.contains("call back") && !told.text.contains(&placed.id), "{}", told.text);

    // A page that does not know how old it is looks once; one of stock hears of stock that no order is about.
    let mut lists = Told::at(&dana, "/console/live").await;
    lists.until(|it| it.contains("event: change\n")).await;
    let mut stock = Told::at(&dana, "/console/live?skus=A-1").await;
    stock.until(|it| it.contains("event: change\n")).await;
    receive(&server, "A-1", LEIPZIG, 1).await;
    while stock.changes() < 2 {
        assert!(stock.read().await > 0, "it ended: {}", stock.text);
    }

    let token = hidden(&page, "<", "token");
    assert_eq!(dana.post("/console/logout", &format!("token={token}")).await.0, 303);
    told.into_its_end().await;
    let nobody = Told::at(&dana, &link).await;
    assert!(nobody.text.starts_with("HTTP/1.1 401"), "{}", nobody.text);

    let omar = Browser::sign_in(&server, "omar").await;
    // What is no id is no part of a filter.
    let smuggled = format!("/console/live?order={}%20AND%20type%3DORDER_RECEIVED", placed.id);
    assert_eq!(omar.get(&smuggled).await.0, 400);
    let open = Told::at(&omar, "/console/live").await;
    assert!(open.is_open(), "{}", open.text);
    server.stop().await;
    open.into_its_end().await;
});

on_both_engines!(what_is_said_once_waits_for_who_opens_a_page, with_port, async |server| {
    stocked(&server, "A-1", 9).await;
    let placed = create_order(&server, draft("ada", "A-1", 1)).await.expect("an order");
    let dana = Browser::sign_in(&server, "dana").await;
    let here = format!("/console/orders/{}", placed.id);
    let (_, page) = dana.get(&here).await;
    assert_eq!(dana.press(&page, "AddOrderNote", "text=call+back").await, 303);
    let request = format!(
        "GET {here} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncookie: {}\r\nconsign-follows: 1\r\n\r\n",
        dana.cookie
    );
    let (_, _, followed) = send(&server, &request).await;
    assert!(followed.contains("call back") && !followed.contains("The note is kept."), "{followed}");
    assert!(dana.get(&here).await.1.contains("The note is kept."));
    server.stop().await;
});

on_both_engines!(one_visitor_has_eight_open_pages_at_most, with_port, async |server| {
    let dana = Browser::sign_in(&server, "dana").await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let told = Told::at(&dana, "/console/live").await;
        assert!(told.is_open(), "{}", told.text);
        open.push(told);
    }
    let ninth = Told::at(&dana, "/console/live").await;
    assert!(ninth.text.starts_with("HTTP/1.1 503"), "{}", ninth.text);
    let omar = Browser::sign_in(&server, "omar").await;
    let other = Told::at(&omar, "/console/live").await;
    assert!(other.is_open(), "{}", other.text);
    server.stop().await;
});

on_both_engines!(
    half_of_the_connections_are_for_open_pages_at_most,
    |it| {
        with_port(it);
        it.operations.connections = 8;
    },
    async |server| {
        let dana = Browser::sign_in(&server, "dana").await;
        let mut open = Vec::new();
        for _ in 0..4 {
            let told = Told::at(&dana, "/console/live").await;
            assert!(told.is_open(), "{}", told.text);
            open.push(told);
        }
        let fifth = Told::at(&dana, "/console/live").await;
        assert!(fifth.text.starts_with("HTTP/1.1 503"), "{}", fifth.text);
        drop(fifth);
        assert_eq!(dana.get("/console").await.0, 200, "others are served");

        open.pop();
        let begun = std::time::Instant::now();
        while !Told::at(&dana, "/console/live").await.is_open() {
            assert!(begun.elapsed() < Duration::from_secs(30), "no place becomes free");
            sleep(Duration::from_millis(200)).await;
        }
        server.stop().await;
    }
);
