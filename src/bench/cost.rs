//! Cost of a run: processor seconds of the server, of its database and of the driver, and the server's memory and
//! context switches.
//!
//! Read from `/proc`; on other systems, and of what is not on this machine, nothing is known.

use std::fs;

use super::switches::{SwitchCounter, Switches, Watch};

/// The unit in which Linux tells processor time to programs, on every architecture that it runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes whose cost is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    server: Option<u32>,
    switches: Option<SwitchCounter>,
    /// The process that all of a PostgreSQL cluster's processes descend from.
    pub(super) postmaster: Option<u32>,
}

/// Processor seconds since each began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) server: Option<f64>,
    pub(super) database: Option<f64>,
    pub(super) driver: Option<f64>,
    /// Of the server, since they are counted.
    pub(super) switches: Option<Switches>,
}

impl Meter {
    pub(super) fn of(server: Option<u32>, postmaster: Option<u32>) -> Self {
        Self { server, switches: server.map(SwitchCounter::of), postmaster }
    }

    /// Keeps count of threads that end, until the watch is dropped.
    pub(super) fn watch(&self) -> Option<Watch> {
        self.switches.as_ref().map(SwitchCounter::watch)
    }

    pub(super) fn read(&self) -> Reading {
        Reading {
            server: self.server.and_then(stat_of).map(|it| it.own_seconds),
            database: self.postmaster.and_then(cluster_seconds),
            driver: stat_of(std::process::id()).map(|it| it.own_seconds),
            switches: self.switches.as_ref().and_then(SwitchCounter::read),
        }
    }

    /// The most memory that the server ever had, in MiB.
    pub(super) fn peak_memory_mib(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server?)).ok()?;
        high_water_kib(&status).map(|it| it as f64 / 1_024.0)
    }
}

/// The fields of a line of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stat {
    parent: u32,
    own_seconds: f64,
    /// Time of children that ended and were waited for, and of their children.
    reaped_seconds: f64,
}

impl Stat {
    fn read(line: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            reaped_seconds: (ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
        })
    }
}

fn stat_of(process: u32) -> Option<Stat> {
    Stat::read(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The parent of a process of PostgreSQL on this machine that serves a client at this port; none if it is not that.
pub(super) fn postmaster_of(backend: u32, client_port: Option<u32>) -> Option<u32> {
    let title = fs::read_to_string(format!("/proc/{backend}/cmdline")).ok()?;
    let serves_us = client_port.is_none_or(|it| title.contains(&format!("({it})")));
    if !title.starts_with("postgres") || !serves_us {
        return None;
    }
    stat_of(backend).map(|it| it.parent)
}

/// Time of the postmaster, of its processes, and of those that have ended.
fn cluster_seconds(postmaster: u32) -> Option<f64> {
    let Stat { parent: _, own_seconds, reaped_seconds } = stat_of(postmaster)?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let ids = processes.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let children = ids.filter_map(stat_of).filter(|it| it.parent == postmaster);
    Some(own_seconds + reaped_seconds + children.map(|it| it.own_seconds).sum::<f64>())
}

fn high_water_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name_is() {
        let line = "17 (post) gres) S 4 17 17 0 -1 4194560 5 6 0 0 250 50 7 3 20 0 1 0 99 1 2";
        let stat = Stat::read(line).unwrap();
        assert_eq!(stat, Stat { parent: 4, own_seconds: 3.0, reaped_seconds: 0.1 });
        assert_eq!(Stat::read("17 (post"), None);
    }

    #[test]
    fn the_high_water_mark_is_that_of_the_memory_in_use() {
        assert_eq!(high_water_kib("VmPeak:\t  900 kB\nVmHWM:\t  512 kB\n"), Some(512));
        assert_eq!(high_water_kib("VmPeak:\t  900 kB\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_driver_knows_its_own_cost() {
        assert!(Meter::default().read().driver.is_some());
        let own = Meter::of(Some(std::process::id()), None);
        assert!(own.peak_memory_mib().is_some_and(|it| it > 1.0));
    }
}
