//! The console, as a browser asks for its pages.

use consign::access::{KeyHash, Role};
use consign::pb;
use consign::settings::{KeySettings, Settings};

use crate::access::{ADMIN, stock, with_key};
use crate::operations::{get, send, with_port};
use crate::server::{TestServer, on_both_engines};
use crate::shop::{create_order, draft, order, stocked};

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
    assert!(!page.contains("<script"), "{page}");

    let here = format!("/console/orders/{}", placed.number);
    let (status, page) = dana.get(&here).await;
    assert_eq!(status, 200, "{page}");
    for seen in ["receive order", "prepare next order", "47.36", "dana"] {
        assert!(page.contains(seen), "{seen} is not in {page}");
    }
    assert_eq!(page.matches("<li class=\"").count(), 20, "{page}");
    assert!(!page.contains("<script"), "{page}");

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
