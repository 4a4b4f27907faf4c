//! Messages of a server's writer to its database, as the server counts them on its operators' port.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The line of the page that has the count.
const COUNT: &str = "consign_writer_messages_total ";
const PAGE: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const WITHIN: Duration = Duration::from_secs(10);

/// So far; None where the server does not count them.
pub(super) async fn writer_messages(address: &str) -> Option<u64> {
    let page = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(PAGE).await.ok()?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await.ok()?;
        Some(page)
    };
    count_of(&timeout(WITHIN, page).await.ok()??)
}

fn count_of(page: &str) -> Option<u64> {
    page.lines().find_map(|it| it.strip_prefix(COUNT))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_among_others() {
        let page = "HTTP/1.1 200 OK\r\n\r\n# TYPE consign_writer_messages counter\n\
            consign_writer_messages_total 42\nconsign_writer_races_total 1\n";
        assert_eq!(count_of(page), Some(42));
        assert_eq!(count_of("HTTP/1.1 404 Not Found\r\n\r\n"), None);
    }
}
