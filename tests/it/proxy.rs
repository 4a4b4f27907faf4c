//! A proxy before PostgreSQL that can stop forwarding, or cut a connection at the moment of its COMMIT.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;

/// COMMIT as a simple query: its kind, its length, its text, its end.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// The server's word that it is done: its kind, its length, its tag, its end.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// How the next connection that sends COMMIT is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It never reaches PostgreSQL.
    Before,
    /// PostgreSQL commits, and the answer is lost.
    After,
}

pub(crate) struct Proxy {
    ways: Arc<Ways>,
    cuts: Mutex<mpsc::UnboundedReceiver<Cut>>,
    // With this value all connections end.
    _tasks: JoinSet<()>,
}

struct Ways {
    target: SocketAddr,
    /// Rises when it goes dark: connections from before get nothing more, not even their end.
    darkness: watch::Sender<u64>,
    dark: AtomicBool,
    armed: std::sync::Mutex<Option<Cut>>,
    done: mpsc::UnboundedSender<Cut>,
}

impl Proxy {
    /// To the PostgreSQL that this address is of; and the address that goes through here.
    pub(crate) async fn to(url: &str) -> (Self, String) {
        let (before, rest) = url.split_once("://").expect("a postgres:// address");
        let (user, rest) = rest.rsplit_once('@').expect("a user");
        let (host, path) = rest.split_once('/').expect("a database");
        let target = tokio::net::lookup_host(host).await.expect("a host").next().expect("an address");

        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (done, cuts) = mpsc::unbounded_channel();
        let ways = Arc::new(Ways {
            target,
            darkness: watch::Sender::new(0),
            dark: AtomicBool::new(false),
            armed: std::sync::Mutex::new(None),
            done,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&ways)));
        let url = format!("{before}://{user}@{address}/{path}");
        (Self { ways, cuts: Mutex::new(cuts), _tasks: tasks }, url)
    }

    /// From here on nothing gets through and nothing is refused.
    pub(crate) fn go_dark(&self) {
        self.ways.dark.store(true, Ordering::SeqCst);
        self.ways.darkness.send_modify(|it| *it += 1);
    }

    /// New connections get through; those from before stay silent for ever.
    pub(crate) fn heal(&self) {
        self.ways.dark.store(false, Ordering::SeqCst);
    }

    /// Cuts the next connection that says COMMIT, and waits until that has happened.
    pub(crate) async fn cut(&self, cut: Cut) {
        *self.ways.armed.lock().expect("nobody panics with it") = Some(cut);
        let done = self.cuts.lock().await.recv().await;
        assert_eq!(done, Some(cut));
    }
}

async fn accept(listener: TcpListener, ways: Arc<Ways>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                let ways = Arc::clone(&ways);
                connections.spawn(async move {
                    // A connection that breaks is one of the things that happen.
                    let _ = carry(client, &ways).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn carry(mut client: TcpStream, ways: &Ways) -> io::Result<()> {
    let mut darkness = ways.darkness.subscribe();
    if ways.dark.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(ways.target).await?;
    server.set_nodelay(true)?;

    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            biased;
            _ = darkness.changed() => std::future::pending::<()>().await,
            read = client.read(&mut up) => {
                let data = match read? {
                    0 => return Ok(()),
                    read => &up[..read],
                };
                let commits = data.windows(COMMIT.len()).any(|it| it == COMMIT);
                let armed = || ways.armed.lock().expect("nobody panics with it").take();
                match commits.then(armed).flatten() {
                    None => server.write_all(data).await?,
                    Some(cut) => {
                        if cut == Cut::After {
                            server.write_all(data).await?;
                            // What went along with COMMIT is answered before it.
                            let mut answers: Vec<u8> = Vec::new();
                            while !answers.windows(COMMITTED.len()).any(|it| it == COMMITTED) {
                                match server.read(&mut down).await? {
                                    0 => return Ok(()),
                                    read => answers.extend(&down[..read]),
                                }
                            }
                        }
                        let _ = ways.done.send(cut);
                        return Ok(());
                    }
                }
            }
            read = server.read(&mut down) => match read? {
                0 => return Ok(()),
                read => client.write_all(&down[..read]).await?,
            },
        }
    }
}

/// A way to `target` for one connection, which is cut when this is dropped.
pub(crate) struct Tether {
    pub(crate) address: SocketAddr,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

impl Tether {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await?;
            let mut server = TcpStream::connect(target).await?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await.map(|_| ())
        });
        Self { address, task }
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.task.abort();
    }
}
