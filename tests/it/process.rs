//! The twenty steps, once, whole: the demo is played against a server, as an operator would.

use consign::demo::{self, Options};

use crate::server::{TestServer, on_both_engines};

on_both_engines!(the_demo_takes_every_order_through_all_twenty_steps, twenty_steps);

async fn twenty_steps(server: TestServer) {
    // Twice, since a second run meets what the first has left.
    for _ in 0..2 {
        let target = Some(server.server.address.to_string());
        let played = demo::run(Options { target, json: true }).await;
        assert!(played.expect("the demo comes to its end"), "something is not as it should be");
    }
    server.stop().await;
}
