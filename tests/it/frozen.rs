//! A worker that is frozen for longer than its lease while another process takes over, and then wakes up.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::child::{Site, scale};
use crate::server::Clients;
use crate::server::Engine;

const LEASE: Duration = Duration::from_secs(3);
const ORDERS: usize = 12;

/// Takes a letter's id out of it, takes its time, and leaves one line for each letter that went out.
const SLOW_POST: &str = r#"#!/bin/sh
id=$(sed -n 's/^Message-ID: <\([^@]*\)@.*/\1/p')
sleep 0.4
echo "$id" >> "$0.sent"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_frozen_does_nothing_twice() {
    let Some(mut site) = Site::prepare(Engine::Postgres).await else { return };
    let post = slow_post(site.folder.path());
    site.set("CONSIGN_MAIL__PROVIDER", "program");
    site.set("CONSIGN_MAIL__PROGRAM", post.display());
    site.set("CONSIGN_LIMITS__LEASE_SECONDS", LEASE.as_secs());
    site.set("CONSIGN_LIMITS__HEARTBEAT_SECONDS", 1);

    let (mut refused, mut taken_over) = (0, 0);
    for round in 0..scale(1, 20) {
        let log_before = site.log().len();
        let mut first = site.start().await;
        let clients = Clients::over(first.channel());
        if round == 0 {
            clients.stock_up().await;
        }
        // Everything that is to be done outside: letters by a slow post, and asking a provider whose first answer
        // got lost.
        let tokens = ["tok_success", "tok_timeout"];
        let posted_before = posted(&post);
        for number in 0..ORDERS {
            let order = clients
                .create_order(&format!("frozen{round}.{number}"), String::new())
                .await
                .expect("an order");
            clients.pay(&order.id, tokens[number % 2], String::new()).await.expect("paid, or asked for");
        }
        until_posting(&post, posted_before).await;
        first.signal("STOP");
        let frozen_at = Instant::now();

        let second = site.start().await;
        let clients = Clients::over(second.channel());
        let left = LEASE * 2;
        tokio::time::sleep(left.saturating_sub(frozen_at.elapsed())).await;
        clients.until_quiet(Duration::from_secs(60)).await;
        first.signal("CONT");
        // It finds out what it has lost.
        let woken = Instant::now();
        while !lost_leases(&site.log()[log_before..]) {
            assert!(
                woken.elapsed() < Duration::from_secs(20),
                "it had nothing to lose: the run says nothing"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        clients.until_quiet(Duration::from_secs(60)).await;
        refused += site.log()[log_before..].matches("another worker has this job now").count();
        taken_over += ORDERS;

        first.signal("TERM");
        assert!(first.ends_well());
        assert_eq!(site.broken_laws(), "");
        each_letter_is_booked_once(&clients).await;
        let charges = crate::kills::no_money_moved_twice(&site.data(), &clients).await;
        assert_eq!(charges, (round + 1) * ORDERS, "one charge per payment");
    }

    let sent = std::fs::read_to_string(post.with_extension("sent")).expect("letters went out");
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for id in sent.lines() {
        *times.entry(id).or_default() += 1;
    }
    let twice = times.values().filter(|it| **it > 1).count();
    println!(
        "{taken_over} orders taken over from a frozen worker: {refused} stale results refused; {} letters, {twice} of \
         them handed to the post again under the same id; every payment charged once",
        times.len()
    );
    assert!(refused > 0);
}

fn slow_post(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("post");
    std::fs::write(&path, SLOW_POST).expect("a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made runnable");
    path
}

/// Letters that the post has taken.
fn posted(post: &Path) -> usize {
    std::fs::read_to_string(post.with_extension("sent")).unwrap_or_default().lines().count()
}

/// Waits until letters of this round go out, so that some are on their way.
async fn until_posting(post: &Path, before: usize) {
    let began = Instant::now();
    while posted(post) <= before {
        assert!(began.elapsed() < Duration::from_secs(20), "no letter goes out");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn lost_leases(log: &str) -> bool {
    log.contains("another worker has this job now")
}

/// Each message was sent by one decision: its order says so once.
async fn each_letter_is_booked_once(clients: &Clients) {
    use consign::pb;
    let request = pb::WatchEventsRequest { after_position: 0, ..Default::default() };
    let mut events = clients.events.clone().watch_events(request).await.expect("a stream").into_inner();
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    while let Some(message) = events.message().await.expect("the stream goes on") {
        match message.update {
            Some(pb::watch_events_response::Update::Event(event)) if event.to_state == "SENT" => {
                *sent.entry(event.subject_id).or_default() += 1;
            }
            Some(pb::watch_events_response::Update::Event(_)) => {}
            // The first heartbeat says that this was all.
            Some(pb::watch_events_response::Update::Heartbeat(_)) | None => break,
        }
    }
    assert!(!sent.is_empty() && sent.values().all(|it| *it == 1), "{sent:?}");
}
