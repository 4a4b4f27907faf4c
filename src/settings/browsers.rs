//! Whose pages may call.

use http::{HeaderValue, Uri};
use serde::{Deserialize, Serialize};

use crate::domain::Problems;

/// Calls from pages in browsers, as gRPC-Web.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Browsers {
    /// Where the pages come from: `https://shop.example`. Empty: no page may call, and HTTP/1 is not spoken.
    pub origins: Vec<String>,
}

impl Browsers {
    /// The origins as browsers send them.
    pub fn headers(&self) -> Vec<HeaderValue> {
        self.origins.iter().filter_map(|it| it.parse().ok()).collect()
    }

    pub(super) fn check(&self, bad: &mut Problems) {
        for (index, origin) in self.origins.iter().enumerate().filter(|(_, it)| !is_origin(it)) {
            let message =
                format!("{origin} must be an origin such as https://shop.example or http://localhost:8080");
            bad.add(format!("browsers.origins.{index}"), message);
        }
    }
}

/// Scheme, host and port in small letters, and nothing else (RFC 6454, section 6.1).
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let usual = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let plain = !host.contains(['/', '?', '#', '@', '*']) && !host.ends_with(usual);
    let small = !text.bytes().any(|it| it.is_ascii_uppercase());
    plain && small && text.parse::<Uri>().is_ok_and(|it| it.host().is_some_and(|it| !it.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for right in ["https://shop.example", "http://localhost:8080", "http://[::1]:3000", "https://a.b:444"]
        {
            assert!(is_origin(right), "{right}");
        }
        let wrong = [
            "*",
            "null",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://Shop.example",
            "https://u@shop.example",
            "ftp://shop.example",
            "https://*.example",
            "https://a b",
        ];
        for wrong in wrong {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
