//! Several hosts in the address of a PostgreSQL, as a cluster has them: one of them takes writes, and which one that is
//! may change. Whoever connects tries them in their order.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use sea_orm::sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::{Config, Error};

use crate::store::connection::error::StoreError;
use crate::store::connection::tls::{Connected, Tls};

/// How long a reader waits for a connection.
pub(super) const ACQUIRE_WITHIN: Duration = Duration::from_secs(3);

/// How long PostgreSQL may take to accept a connection where it has one host.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Parameters of an address that say which hosts there are, and which of them is meant.
const ABOUT_HOSTS: [&str; 5] = ["host", "hostaddr", "port", "target_session_attrs", "load_balance_hosts"];

/// Why none of the hosts has let anybody in.
pub(super) enum NoHost {
    /// All have refused; what the last one said.
    Refused(Error),
    /// The time was over before one had answered; what another said, if there was one.
    Silent { within: Duration, refused: Option<Error> },
}

impl From<NoHost> for StoreError {
    fn from(none: NoHost) -> Self {
        match none {
            NoHost::Refused(error) => error.into(),
            NoHost::Silent { within, refused: _ } => {
                Self::Unavailable(format!("no answer to a new connection within {} s", within.as_secs()))
            }
        }
    }
}

/// The hosts of an address, each alone and with its time. Of several only one that takes writes is meant: what the others
/// have may be old.
pub(super) fn each(url: &str) -> Result<(Vec<Config>, Tls), StoreError> {
    let (mut config, tls) = Tls::of(url)?;
    let hosts = count(&config);
    if hosts <= 1 {
        config.connect_timeout(let_in_within(hosts) / 2);
        return Ok((vec![config], tls));
    }
    let (names, numbers, ports) =
        (config.get_hosts().len(), config.get_hostaddrs().len(), config.get_ports().len());
    for (what, found) in [("host", names), ("hostaddr", numbers)] {
        if found != 0 && found != hosts {
            return Err(uneven(what, found, hosts));
        }
    }
    if ports > 1 && ports != hosts {
        return Err(uneven("port", ports, hosts));
    }
    let mut alone = Vec::with_capacity(hosts);
    for index in 0..hosts {
        let (mut host, _) = Tls::of(&with_only(url, &config, index))?;
        host.connect_timeout(let_in_within(hosts) / 2).target_session_attrs(TargetSessionAttrs::ReadWrite);
        alone.push(host);
    }
    Ok((alone, tls))
}

fn uneven(what: &str, found: usize, hosts: usize) -> StoreError {
    let text = format!("the database address has {hosts} hosts, and {found} values of {what}");
    StoreError::Unavailable(text)
}

/// Connects to the first of these hosts that lets it in, and says which one that is. When one has not answered in its time,
/// the next is asked too: one that accepts connections and says nothing keeps nobody from the others, and one that is only
/// slow may still be the first.
pub(super) async fn connect(hosts: &[Config], tls: &Tls) -> Result<(usize, Connected), NoHost> {
    let within = let_in_within(hosts.len());
    let until = Instant::now() + within;
    let (mut asked, mut refused) = (FuturesUnordered::new(), None);
    let mut others = hosts.iter().enumerate();
    loop {
        let ends = match others.next() {
            Some((index, host)) => {
                asked.push(async move { (index, tls.begin(host).await) });
                Instant::now() + connect_within(hosts.len())
            }
            None => until,
        };
        match timeout_at(ends, asked.next()).await {
            Ok(Some((index, Ok(connected)))) => return Ok((index, connected)),
            Ok(Some((_, Err(error)))) => refused = Some(error),
            Err(_) if Instant::now() < until => {}
            Ok(None) | Err(_) => break,
        }
    }
    match refused {
        Some(error) if asked.is_empty() => Err(NoHost::Refused(error)),
        refused => Err(NoHost::Silent { within, refused }),
    }
}

/// The way to that host which takes writes now, for migrations, which know of one only.
pub(super) async fn writable(url: &str) -> Result<PgConnectOptions, StoreError> {
    way_to(&find_writable(url).await?)
}

fn way_to(url: &str) -> Result<PgConnectOptions, StoreError> {
    let way: PgConnectOptions = url.parse()?;
    // The brackets around a number of IPv6 are the address's; no host is named with them.
    let host = way.get_host().trim_matches(['[', ']']).to_owned();
    Ok(way.host(&host))
}

/// The address with only the host that takes writes.
async fn find_writable(url: &str) -> Result<String, StoreError> {
    let (hosts, tls) = each(url)?;
    if hosts.len() <= 1 {
        return Ok(url.to_owned());
    }
    let (index, _) = connect(&hosts, &tls).await?;
    let (config, _) = Tls::of(url)?;
    Ok(with_only(url, &config, index))
}

fn count(config: &Config) -> usize {
    config.get_hosts().len().max(config.get_hostaddrs().len())
}

/// How long each of so many hosts may take until the next one is asked too. All but the last may be dark, and a reader, who
/// waits for [`ACQUIRE_WITHIN`], has twice that time left for the last.
fn connect_within(hosts: usize) -> Duration {
    let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
    if hosts <= 1 { CONNECT_WITHIN } else { ACQUIRE_WITHIN / hosts.saturating_add(1) }
}

/// How long so many hosts together may take to let a connection in. Each address has half of it: a host may have two, the
/// first of them dark.
fn let_in_within(hosts: usize) -> Duration {
    if hosts <= 1 { 2 * CONNECT_WITHIN } else { ACQUIRE_WITHIN }
}

/// The same address with one of its hosts.
fn with_only(url: &str, config: &Config, index: usize) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
    let (user, server) = rest.split_once('@').unwrap_or(("", rest));
    let path = server.split_once('/').map_or("", |(_, path)| path);
    let at = if user.is_empty() { "" } else { "@" };

    let numeric = config.get_hostaddrs().get(index);
    let host = match config.get_hosts().get(index) {
        Some(Host::Tcp(name)) => in_brackets(name),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => folder.display().to_string().replace('%', "%25").replace('/', "%2F"),
        None => numeric.map(|it| in_brackets(&it.to_string())).unwrap_or_default(),
    };
    let ports = config.get_ports();
    let port = ports.get(index).or_else(|| ports.first()).copied().unwrap_or(5432);

    let numeric = numeric.map(|it| format!("hostaddr={it}"));
    let is_about_hosts = |pair: &str| pair.split_once('=').is_some_and(|(key, _)| ABOUT_HOSTS.contains(&key));
    let others = query.split('&').filter(|it| !it.is_empty() && !is_about_hosts(it));
    let query: Vec<_> = others.map(str::to_owned).chain(numeric).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{scheme}://{user}{at}{host}:{port}/{path}{query}")
}

/// As addresses write numbers with colons.
fn in_brackets(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses of the hosts of an address, each alone.
    fn alone(url: &str) -> Vec<String> {
        let (config, _) = Tls::of(url).expect("an address");
        (0..count(&config)).map(|it| with_only(url, &config, it)).collect()
    }

    #[test]
    fn the_address_of_one_host_has_all_but_the_others() {
        assert_eq!(
            alone(
                "postgres://clerk:se%40cret@one:5433,two,[::1]:5434/shop?sslmode=require&load_balance_hosts=random"
            ),
            [
                "postgres://clerk:se%40cret@one:5433/shop?sslmode=require",
                "postgres://clerk:se%40cret@two:5432/shop?sslmode=require",
                "postgres://clerk:se%40cret@[::1]:5434/shop?sslmode=require",
            ]
        );
        assert_eq!(
            alone(
                "postgresql:///shop?user=clerk&host=one&host=%2Ftmp&port=5433&target_session_attrs=read-write"
            ),
            ["postgresql://one:5433/shop?user=clerk", "postgresql://%2Ftmp:5433/shop?user=clerk"]
        );
        assert_eq!(
            alone("postgres://clerk@one,two?hostaddr=10.0.0.1,10.0.0.2"),
            ["postgres://clerk@one:5432/?hostaddr=10.0.0.1", "postgres://clerk@two:5432/?hostaddr=10.0.0.2"]
        );
    }

    #[test]
    fn the_address_of_one_host_is_of_that_host() {
        let several = "postgres://clerk:se%40cret@one:5433,two,[::1]:5434,%2Ftmp/shop";
        let (config, _) = Tls::of(several).expect("an address");
        for (index, only) in alone(several).iter().enumerate() {
            let (only, _) = Tls::of(only).expect("an address");
            assert_eq!(only.get_hosts(), &config.get_hosts()[index..=index]);
            assert_eq!(only.get_ports(), &config.get_ports()[index..=index]);
            assert_eq!(only.get_password(), Some(&b"se@cret"[..]));
            assert_eq!((only.get_user(), only.get_dbname()), (Some("clerk"), Some("shop")));
        }
    }

    #[test]
    fn migrations_go_to_the_one_host() {
        for (url, host, port) in [
            ("postgres://clerk@one:5433/shop", "one", 5433),
            ("postgres://clerk@[::1]:5434/shop?sslmode=require", "::1", 5434),
            ("postgres://clerk@one:5432/shop?hostaddr=10.0.0.1", "10.0.0.1", 5432),
        ] {
            let way = way_to(url).expect("a way");
            assert_eq!((way.get_host(), way.get_port()), (host, port), "{url}");
            assert_eq!((way.get_username(), way.get_database()), ("clerk", Some("shop")), "{url}");
        }
    }

    #[test]
    fn several_hosts_leave_each_other_time_and_one_of_them_takes_writes() {
        for (url, within, wanted) in [
            ("postgres://one/shop", CONNECT_WITHIN, TargetSessionAttrs::Any),
            ("postgres://one,two/shop", Duration::from_secs(1), TargetSessionAttrs::ReadWrite),
            ("postgres://one,two,three/shop", Duration::from_millis(750), TargetSessionAttrs::ReadWrite),
        ] {
            let (hosts, _) = each(url).expect("an address");
            for host in &hosts {
                assert_eq!(host.get_hosts().len(), 1, "{url}");
                assert_eq!(host.get_connect_timeout(), Some(&(let_in_within(hosts.len()) / 2)), "{url}");
                assert!(within < let_in_within(hosts.len()), "{url}");
                assert_eq!(host.get_target_session_attrs(), wanted, "{url}");
            }
            let dark = within * u32::try_from(hosts.len() - 1).expect("a few");
            assert!(dark + 2 * within <= let_in_within(hosts.len()), "{url}");
            assert!(hosts.len() == 1 || let_in_within(hosts.len()) <= ACQUIRE_WITHIN, "{url}");
        }
    }

    #[test]
    fn hosts_with_other_numbers_of_ports_or_addresses_are_told() {
        for (url, what) in [
            (
                "postgres://clerk@one,two,three/shop?hostaddr=10.0.0.1,10.0.0.2",
                "3 hosts, and 2 values of hostaddr",
            ),
            ("postgres://clerk@one,two,three/shop?port=5433", "3 hosts, and 4 values of port"),
        ] {
            let refused = each(url).err().expect("it is uneven").to_string();
            assert!(refused.contains(what), "{refused}");
        }
    }
}
