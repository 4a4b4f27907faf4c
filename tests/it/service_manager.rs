//! What a service manager such as systemd is told of the process.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use crate::child::Site;
use crate::server::Engine;

const PATIENCE: Duration = Duration::from_secs(30);

/// The next message, as its lines.
fn next(socket: &UnixDatagram) -> Vec<String> {
    let mut message = [0; 1_024];
    let length = socket.recv(&mut message).expect("a message in time");
    String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned).collect()
}

fn has(message: &[String], line: &str) -> bool {
    message.iter().any(|it| it == line)
}

/// Starts a server that is to tell this socket, and stops it.
async fn told_from_start_to_stop(socket: UnixDatagram, name: String) {
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    let mut site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    site.set("NOTIFY_SOCKET", name);
    site.set("WATCHDOG_USEC", 400_000);
    let mut process = site.spawn();
    let first = next(&socket);
    assert!(has(&first, "READY=1"), "{first:?}");
    let target = process.address.to_string();
    assert!(consign::server::is_serving(&target).await.expect("it answers"), "who is told may call");

    // Again and again, and nothing else.
    for _ in 0..3 {
        assert_eq!(next(&socket), ["WATCHDOG=1"]);
    }
    process.signal("TERM");
    let began = Instant::now();
    let mut message = next(&socket);
    while !has(&message, "STOPPING=1") {
        assert!(message == ["WATCHDOG=1"] && began.elapsed() < PATIENCE, "{message:?}");
        message = next(&socket);
    }
    assert!(process.ends_well());
    assert!(!site.log().contains("cannot be told"), "{}", site.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_manager_is_told_when_it_serves_lives_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    told_from_start_to_stop(socket, path.display().to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_at_a_socket_without_a_file() {
    let name = format!("consign-{}", uuid::Uuid::now_v7().simple());
    let address = SocketAddr::from_abstract_name(&name).expect("an address");
    let socket = UnixDatagram::bind_addr(&address).expect("a socket");
    told_from_start_to_stop(socket, format!("@{name}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_manager_does_not_listen_serves_and_stops_well() {
    let mut site = Site::prepare(Engine::Sqlite).await.expect("it is embedded");
    site.set("NOTIFY_SOCKET", "/nowhere/notify");
    let mut process = site.start().await;
    process.signal("TERM");
    assert!(process.ends_well());
    assert!(site.log().contains("the service manager cannot be told"), "{}", site.log());
}
