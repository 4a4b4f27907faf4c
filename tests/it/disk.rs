//! The disk under SQLite: full, and asked to keep what was acknowledged.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tonic::Code;

use crate::child::{Site, scale};
use crate::postgres::say;
use crate::server::Clients;
use crate::server::Engine;

/// Size of the small file system, in MiB.
const ROOM: u32 = 24;

/// A small file system in memory. It goes with this value.
struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// None where one may not be mounted; a note on standard error says so.
    fn mount(place: &Path) -> Option<Self> {
        std::fs::create_dir_all(place).expect("a folder");
        let size = format!("size={ROOM}m");
        let mounting = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(place).output();
        if mounting.is_ok_and(|it| it.status.success()) {
            return Some(Self { place: place.to_owned() });
        }
        say("SKIPPED on a full disk: no small file system can be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.place).status();
    }
}

/// Takes all the room that is left, but for so many KiB.
fn fill(disk: &SmallDisk, but_kib: u64) -> PathBuf {
    let table = Command::new("df").arg("-Pk").arg(&disk.place).output().expect("df runs");
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let free: u64 = table.lines().nth(1).and_then(|it| it.split_whitespace().nth(3)?.parse().ok()).unwrap();
    let filler = disk.place.join("filler");
    std::fs::write(&filler, vec![7; (free.saturating_sub(but_kib) * 1_024) as usize]).expect("there is room");
    filler
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_and_recovers() {
    let site = Site::prepare(Engine::Sqlite).await.expect("SQLite is always there");
    let Some(disk) = SmallDisk::mount(&site.data()) else { return };
    let mut process = site.start().await;
    let mut clients = Clients::over(process.channel());
    clients.stock_up().await;

    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for round in 0..scale(2, 10) {
        let filler = fill(&disk, 300);
        let before = acknowledged.len();
        // A few in a row, since there is room for a small one now and then.
        let mut in_a_row = 0;
        for number in 0.. {
            let buyer = format!("full{round}.{number}");
            match clients.create_order(&buyer, format!("request {buyer}")).await {
                Ok(order) => {
                    acknowledged.push(order.id);
                    in_a_row = 0;
                }
                Err(status) => {
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
                    refused += 1;
                    in_a_row += 1;
                }
            }
            if in_a_row == 5 {
                break;
            }
        }
        // Reading goes on.
        for id in &acknowledged[before..] {
            assert_eq!(clients.order(id).await.expect("it can be read").id, *id);
        }
        let killed = round % 2 == 1;
        if killed {
            process.kill();
        }

        std::fs::remove_file(filler).expect("room is made");
        if killed {
            process = site.start().await;
            clients = Clients::over(process.channel());
        }
        let room_again = Instant::now();
        let buyer = format!("room{round}");
        acknowledged.push(clients.create_order(&buyer, String::new()).await.expect("there is room again").id);
        println!("round {round}: accepted again {:?} after there was room", room_again.elapsed());
        for id in &acknowledged {
            assert_eq!(clients.order(id).await.expect("it is there").id, *id);
        }
        clients.until_quiet(Duration::from_secs(60)).await;
        assert_eq!(site.broken_laws(), "");
    }
    assert!(refused > 0, "the disk was never full");
    println!("{refused} refused on a full disk, {} acknowledged and there", acknowledged.len());
    drop(process);
}

/// Looks at the system calls, since a killed process cannot show whether a commit reached the disk.
#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_group_was_synced_to_the_disk() {
    const ORDERS: usize = 20;

    let mut site = Site::prepare(Engine::Sqlite).await.expect("SQLite is always there");
    // Letters are not synced by us then.
    site.set("CONSIGN_MAIL__PROVIDER", "program");
    site.set("CONSIGN_MAIL__PROGRAM", "/bin/true");
    let process = site.start().await;
    let clients = Clients::over(process.channel());
    clients.stock_up().await;

    let calls = site.folder.path().join("calls");
    let tracer = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,fsync", "-o"])
        .arg(&calls)
        .args(["-p", &process.id().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut tracer) = tracer else {
        say("SKIPPED counting syncs: there is no strace");
        assert!(std::env::var_os("CI").is_none(), "CI has strace");
        return;
    };
    until_traced(process.id()).await;

    // One after the other: each is a group of its own.
    for number in 0..ORDERS {
        clients.create_order(&format!("synced{number}"), String::new()).await.expect("an order");
    }
    let stopped = Command::new("kill").arg(tracer.id().to_string()).status();
    assert!(stopped.is_ok_and(|it| it.success()));
    tracer.wait().expect("it ends");

    let calls = std::fs::read_to_string(calls).expect("what it saw");
    let syncs = calls.lines().filter(|it| it.contains("sync(") && it.contains("consign.db-wal>")).count();
    println!("{syncs} syncs of the log for {ORDERS} acknowledged groups and what workers did meanwhile");
    assert!(syncs >= ORDERS, "{syncs} syncs for {ORDERS} acknowledged groups");
}

async fn until_traced(id: u32) {
    let began = Instant::now();
    loop {
        let mut tasks =
            std::fs::read_dir(format!("/proc/{id}/task")).expect("the process is there").flatten();
        let traced = |task: std::fs::DirEntry| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            status.lines().any(|it| it.starts_with("TracerPid:") && !it.ends_with("\t0"))
        };
        if tasks.all(traced) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "strace does not attach");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
