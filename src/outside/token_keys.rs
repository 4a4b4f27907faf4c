//! The keys of an issuer of tokens, as its server tells them.

use std::time::Duration;

use http::{StatusCode, Uri};
use hyper::body::Bytes;

use crate::outside::http::Client;

/// How long an issuer may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The key set at `url`; or why there is none, in words. Redirects are not followed.
pub async fn fetch_key_set(url: &str) -> Result<Bytes, String> {
    let uri: Uri = url.parse().map_err(|_| "the address cannot be used".to_owned())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("the address has no host".to_owned());
    };
    let client = Client::without_key(&format!("{scheme}://{authority}"));
    let client = client.ok_or_else(|| "the address cannot be used".to_owned())?;
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    let answer = tokio::time::timeout(ANSWER_WITHIN, client.get(path)).await;
    let answer = answer.map_err(|_| format!("no answer within {} seconds", ANSWER_WITHIN.as_secs()))?;
    let answer = answer.map_err(|it| it.to_string())?;
    match answer.status {
        StatusCode::OK => Ok(answer.body),
        status => Err(format!("it answers {status}")),
    }
}
