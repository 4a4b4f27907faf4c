//! Leaves out of each answer what its caller may not see, as the proto's `shown_to` says, whichever handler made it.

use std::collections::BTreeSet;
use std::mem;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame};
use prost::{decode_length_delimiter, encode_length_delimiter};
use tonic::codegen::Bytes;
use tonic::service::AxumBody;

use crate::access::{Pass, Scope, name_of};
use crate::pb::{GUARDED_MESSAGES, GuardedField, GuardedMessage, Permission};
use crate::rpc::framing::split_header;
use crate::rpc::status;

/// Metadata of an answer: the permissions that its caller lacks for some field of it, whether or not that field was filled.
const HIDDEN: &str = "consign-hidden";

/// The wire type of texts, bytes and messages.
const LENGTH_DELIMITED: usize = 2;

/// For each of [`GUARDED_MESSAGES`], which `build.rs` makes of the proto's `shown_to`: the permissions that its fields ask for,
/// and those of the messages within it.
static ASKED: LazyLock<Vec<BTreeSet<Permission>>> = LazyLock::new(|| {
    let mut asked: Vec<BTreeSet<Permission>> = GUARDED_MESSAGES.iter().map(asked_by).collect();
    loop {
        let before = asked.clone();
        for (message, asked) in GUARDED_MESSAGES.iter().zip(&mut asked) {
            let within = message.fields.iter().filter_map(|it| before.get(it.message?));
            asked.extend(within.flatten().copied());
        }
        if asked == before {
            return asked;
        }
    }
});

fn asked_by(message: &GuardedMessage) -> BTreeSet<Permission> {
    message.fields.iter().flat_map(|it| it.shown_to).copied().collect()
}

/// The index of a message in [`GUARDED_MESSAGES`], by its name: `.consign.v1.Order` or `consign.v1.Order`. None: everybody is
/// shown all of it.
pub(super) fn guarded(message: &str) -> Option<usize> {
    let name = message.trim_start_matches('.');
    GUARDED_MESSAGES.iter().position(|it| it.name == name)
}

/// What its caller may not see of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mask {
    /// Where the answer stands among the guarded messages.
    answer: usize,
    /// Permissions that some of it asks for.
    lacked: BTreeSet<Permission>,
}

impl Mask {
    /// None: the caller sees all of it, as everybody does while callers are believed. A carrier does too: what it is shown of its
    /// courier's shipments was chosen field by field before (`src/rpc/shipping/carried.rs`).
    pub(super) fn of(answer: Option<usize>, pass: Option<&Pass>) -> Option<Self> {
        let (answer, pass) = (answer?, pass?);
        let lacked: BTreeSet<Permission> = match &pass.scope {
            Scope::Carried(_) => return None,
            Scope::Everything => {
                ASKED.get(answer)?.difference(&pass.principal.permissions).copied().collect()
            }
        };
        (!lacked.is_empty()).then_some(Self { answer, lacked })
    }

    /// Whether what the answer says of persons stays in it.
    pub(super) fn shows_persons(&self) -> bool {
        !self.lacked.contains(&Permission::ReadPersonalData)
    }

    /// The answer without what its caller may not see. Without a mask it stays as it is.
    pub(super) fn apply(mask: Option<Self>, mut response: Response<AxumBody>) -> Response<AxumBody> {
        let Some(mask) = mask else { return response };
        let names: Vec<&str> = mask.lacked.iter().map(|it| name_of(*it)).collect();
        // Names of permissions are always legal in a header.
        let hidden = HeaderValue::from_str(&names.join(", "));
        hidden.into_iter().for_each(|it| drop(response.headers_mut().insert(HIDDEN, it)));
        response.map(|body| AxumBody::new(MaskedBody { body, mask, begun: Vec::new(), over: false }))
    }

    /// The message without what its caller may not see; None: it cannot be read.
    fn over(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut kept = Vec::with_capacity(message.len());
        self.keep(self.answer, message, &mut kept)?;
        Some(kept)
    }

    /// Adds to `kept` what stays of the message that stands at `at` among the guarded ones.
    fn keep(&self, at: usize, message: &[u8], kept: &mut Vec<u8>) -> Option<()> {
        let described = GUARDED_MESSAGES.get(at)?;
        let mut rest = message;
        while !rest.is_empty() {
            let EncodedField { number, whole, content } = next_field(&mut rest)?;
            match described.fields.iter().find(|it| it.number == number) {
                Some(field) if field.shown_to.iter().any(|it| self.lacked.contains(it)) => {}
                Some(GuardedField { message: Some(inner), .. }) => {
                    let mut within = Vec::with_capacity(content.len());
                    self.keep(*inner, content, &mut within)?;
                    put(number, &within, kept)?;
                }
                Some(_) | None => kept.extend_from_slice(whole),
            }
        }
        if described.hidden == 0 {
            return Some(());
        }
        let mut told = Vec::new();
        for permission in ASKED.get(at)?.intersection(&self.lacked) {
            let number = usize::try_from(i32::from(*permission)).ok()?;
            encode_length_delimiter(number, &mut told).ok()?;
        }
        match told.is_empty() {
            true => Some(()),
            false => put(described.hidden, &told, kept),
        }
    }
}

/// A field as it is encoded.
struct EncodedField<'a> {
    number: u32,
    /// With its number and length.
    whole: &'a [u8],
    /// Of texts, bytes and messages; otherwise nothing needs it.
    content: &'a [u8],
}

/// Takes the next field off; None: it cannot be read.
fn next_field<'a>(rest: &mut &'a [u8]) -> Option<EncodedField<'a>> {
    let begin = *rest;
    // A field's key and an integer are varints, as a length is, so one function reads all three.
    let key = decode_length_delimiter(&mut *rest).ok()?;
    let content = match key & 7 {
        0 => {
            decode_length_delimiter(&mut *rest).ok()?;
            Default::default()
        }
        1 => cut(rest, 8)?,
        LENGTH_DELIMITED => {
            let length = decode_length_delimiter(&mut *rest).ok()?;
            cut(rest, length)?
        }
        5 => cut(rest, 4)?,
        _ => return None,
    };
    let whole = begin.get(..begin.len() - rest.len())?;
    Some(EncodedField { number: u32::try_from(key >> 3).ok()?, whole, content })
}

fn cut<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(content)
}

/// Adds a text, bytes or a message.
fn put(number: u32, content: &[u8], kept: &mut Vec<u8>) -> Option<()> {
    let key = (usize::try_from(number).ok()? << 3) | LENGTH_DELIMITED;
    encode_length_delimiter(key, kept).ok()?;
    encode_length_delimiter(content.len(), kept).ok()?;
    kept.extend_from_slice(content);
    Some(())
}

/// Asks the service for an answer without compression if it is to be masked: a compressed one could not be read.
pub(super) fn ask_plainly(mask: Option<&Mask>, headers: &mut HeaderMap) {
    if mask.is_some() {
        headers.remove("grpc-accept-encoding");
    }
}

/// An answer on its way, of one message or a stream of them.
struct MaskedBody {
    body: AxumBody,
    mask: Mask,
    /// What has come of a message that is not whole yet.
    begun: Vec<u8>,
    over: bool,
}

impl MaskedBody {
    /// The messages that have come whole, masked; None: they cannot be read.
    fn messages(&mut self) -> Option<Vec<u8>> {
        let begun = mem::take(&mut self.begun);
        let (mut rest, mut masked) = (begun.as_slice(), Vec::with_capacity(begun.len()));
        while let Some((header, after)) = split_header(rest) {
            if header.compression != 0 {
                return None;
            }
            let Some((message, after)) = after.split_at_checked(header.length) else { break };
            let message = self.mask.over(message)?;
            masked.push(header.compression);
            masked.extend_from_slice(&u32::try_from(message.len()).ok()?.to_be_bytes());
            masked.extend_from_slice(&message);
            rest = after;
        }
        self.begun = rest.to_vec();
        Some(masked)
    }
}

impl Body for MaskedBody {
    type Data = Bytes;
    type Error = <AxumBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        while !self.over {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                ended => return Poll::Ready(ended),
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            };
            self.begun.extend_from_slice(&data);
            match self.messages() {
                // No message has come whole yet.
                Some(masked) if masked.is_empty() => {}
                Some(masked) => return Poll::Ready(Some(Ok(Frame::data(masked.into())))),
                None => {
                    self.over = true;
                    tracing::error!("an answer could not be read, so nothing of it was sent");
                    let trailers = status::trailers_of(&status::internal());
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body_util::BodyExt;
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    use crate::pb;
    use crate::rpc::framing::FRAME_BYTES;

    fn lacking(answer: &str, permissions: &[Permission]) -> Mask {
        let answer = guarded(answer).expect("a message with such fields");
        Mask { answer, lacked: permissions.iter().copied().collect() }
    }

    fn eur(units: i64) -> Option<pb::Money> {
        Some(pb::Money { currency_code: "EUR".to_owned(), units, nanos: -1 })
    }

    fn answer() -> pb::GetOrderResponse {
        let ada = pb::Customer { name: "Ada Lovelace".to_owned(), ..Default::default() };
        let line = pb::OrderLine { sku: "A-1".to_owned(), quantity: 2, total: eur(20), ..Default::default() };
        let approval = pb::Approval { id: "apr_1".to_owned(), amount: eur(20), ..Default::default() };
        let order = pb::Order {
            id: "ord_1".to_owned(),
            customer: Some(ada),
            lines: vec![line],
            totals: Some(pb::OrderTotals { total: eur(20), ..Default::default() }),
            labels: [("gift".to_owned(), "yes".to_owned())].into(),
            approvals: vec![approval],
            late: true,
            ..Default::default()
        };
        pb::GetOrderResponse { order: Some(order) }
    }

    fn seen(mask: &Mask) -> pb::Order {
        let kept = mask.over(&answer().encode_to_vec()).expect("an answer");
        pb::GetOrderResponse::decode(kept.as_slice()).expect("an answer").order.expect("an order")
    }

    const PERSONS: Permission = Permission::ReadPersonalData;
    const MONEY: Permission = Permission::ReadMoney;

    #[test]
    fn who_may_not_see_persons_sees_what_they_ordered_and_is_told_that_something_is_hidden() {
        let whole = answer().order.expect("an order");
        let seen = seen(&lacking("consign.v1.GetOrderResponse", &[PERSONS]));
        assert_eq!((&seen.customer, seen.labels.len()), (&None, 0));
        assert_eq!((&seen.lines, &seen.totals, seen.late), (&whole.lines, &whole.totals, true));
        assert_eq!(
            (seen.hidden, seen.approvals[0].hidden.clone()),
            (vec![PERSONS.into()], vec![PERSONS.into()])
        );
    }

    #[test]
    fn who_may_not_see_amounts_sees_the_goods_and_whose_they_are() {
        let whole = answer().order.expect("an order");
        let seen = seen(&lacking("consign.v1.GetOrderResponse", &[MONEY]));
        assert_eq!((&seen.totals, &seen.approvals[0].amount), (&None, &None));
        assert_eq!(seen.lines, [pb::OrderLine { total: None, ..whole.lines[0].clone() }]);
        assert_eq!((seen.customer, seen.hidden), (whole.customer, vec![MONEY.into()]));
    }

    #[test]
    fn why_a_courier_declines_may_name_a_person_and_which_one_declines_does_not() {
        let decline = pb::CourierDecline { courier: "swift".to_owned(), reason: "no zyx".to_owned() };
        let answer = pb::QuoteCouriersResponse { declines: vec![decline], ..Default::default() };
        let mask = lacking("consign.v1.QuoteCouriersResponse", &[PERSONS]);
        let kept = mask.over(&answer.encode_to_vec()).expect("an answer");
        let seen = pb::QuoteCouriersResponse::decode(kept.as_slice()).expect("an answer");
        assert_eq!((seen.declines[0].courier.as_str(), seen.declines[0].reason.as_str()), ("swift", ""));
    }

    #[test]
    fn what_somebody_noted_of_a_movement_of_stock_may_name_a_person() {
        let moved =
            pb::StockMovement { reason: "Zyx's jar".to_owned(), on_hand_delta: -1, ..Default::default() };
        let answer = pb::ListStockMovementsResponse { movements: vec![moved], ..Default::default() };
        let mask = lacking("consign.v1.ListStockMovementsResponse", &[PERSONS]);
        let kept = mask.over(&answer.encode_to_vec()).expect("an answer");
        let seen = pb::ListStockMovementsResponse::decode(kept.as_slice()).expect("an answer");
        assert_eq!((seen.movements[0].reason.as_str(), seen.movements[0].on_hand_delta), ("", -1));
    }

    #[test]
    fn a_share_is_hidden_with_the_amounts_it_would_tell() {
        use pb::{discount, order_change_item, set_discount};

        let share = pb::Discount { value: Some(discount::Value::RatePpm(100_000)) };
        let wanted = set_discount::Discount::AmountOrRate(share);
        let item = order_change_item::Item::SetDiscount(pb::SetDiscount { discount: Some(wanted) });
        let change =
            pb::OrderChange { items: vec![pb::OrderChangeItem { item: Some(item) }], ..Default::default() };
        let kept = lacking("consign.v1.OrderChange", &[MONEY]).over(&change.encode_to_vec());
        let seen = pb::OrderChange::decode(kept.expect("a change").as_slice()).expect("a change");
        let nothing = order_change_item::Item::SetDiscount(pb::SetDiscount { discount: None });
        assert_eq!(seen.items, [pb::OrderChangeItem { item: Some(nothing) }]);
        assert_eq!(seen.hidden, [i32::from(MONEY)]);
    }

    #[test]
    fn who_lacks_nothing_that_is_asked_for_sees_the_answer_as_it_is() {
        let kept =
            lacking("consign.v1.GetOrderResponse", &[Permission::Refund]).over(&answer().encode_to_vec());
        let kept = kept.expect("an answer");
        assert_eq!(pb::GetOrderResponse::decode(kept.as_slice()), Ok(answer()));
    }

    #[test]
    fn what_is_shown_to_everybody_is_not_looked_at() {
        assert_eq!(guarded("consign.v1.GetOverviewResponse"), None);
        assert_eq!(guarded("consign.v1.StockLevel"), None);
        assert_eq!(guarded(".consign.v1.Order"), guarded("consign.v1.Order"));
        let order = guarded("consign.v1.Order").expect("it has such fields");
        assert_eq!(ASKED[order].iter().filter(|it| [PERSONS, MONEY].contains(it)).count(), 2);
    }

    /// The answer as it goes over the wire, in pieces of so many bytes.
    async fn sent(pieces: usize, compression: u8) -> Result<pb::GetOrderResponse, tonic::Code> {
        let message = answer().encode_to_vec();
        let length = u32::try_from(message.len()).expect("small").to_be_bytes();
        let framed = [&[compression], length.as_slice(), &message].concat();
        let pieces: Vec<_> =
            framed.chunks(pieces).map(|it| Ok::<_, std::io::Error>(Bytes::copy_from_slice(it))).collect();
        let body = AxumBody::from_stream(futures_util::stream::iter(pieces));
        let mask = lacking("consign.v1.GetOrderResponse", &[PERSONS, MONEY]);
        let response = Mask::apply(Some(mask), Response::new(body));
        let hidden = response.headers().get(HIDDEN).expect("it is told");
        assert_eq!(hidden.as_bytes(), b"READ_MONEY, READ_PERSONAL_DATA");

        let mut body = response.into_body();
        let mut received = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match frame.expect("a frame").into_data() {
                Ok(data) => received.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().expect("trailers");
                    return Err(tonic::Status::from_header_map(&trailers).expect("a status").code());
                }
            }
        }
        assert_eq!(
            received[1..FRAME_BYTES],
            u32::try_from(received.len() - FRAME_BYTES).expect("small").to_be_bytes()
        );
        Ok(pb::GetOrderResponse::decode(&received[FRAME_BYTES..]).expect("an answer"))
    }

    #[tokio::test]
    async fn an_answer_in_pieces_is_masked_whole_and_one_that_cannot_be_read_is_not_sent() {
        for pieces in [1, 7, 4_096] {
            let seen = sent(pieces, 0).await.expect("an answer").order.expect("an order");
            assert_eq!((seen.customer, seen.totals, seen.id.as_str()), (None, None, "ord_1"));
        }
        assert_eq!(sent(4_096, 1).await, Err(tonic::Code::Internal));
        let whole = Mask::apply(None, Response::new(AxumBody::from("as it is")));
        assert_eq!(whole.into_body().collect().await.expect("a body").to_bytes(), "as it is");
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = lacking("consign.v1.GetOrderResponse", &[PERSONS]).over(&bytes);
        }
    }
}
