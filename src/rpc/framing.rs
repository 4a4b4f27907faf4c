//! How gRPC writes messages one after the other: each behind a header that says its length.

/// The bytes before a message: whether it is compressed, and its length.
pub(super) const FRAME_BYTES: usize = 5;

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Zero: it is not compressed.
    pub(super) compression: u8,
    /// The announced length of the message.
    pub(super) length: usize,
}

/// Takes a header off what was received; None: it is incomplete.
pub(super) fn split_header(received: &[u8]) -> Option<(FrameHeader, &[u8])> {
    let ([compression, length @ ..], after) = received.split_first_chunk::<FRAME_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some((FrameHeader { compression: *compression, length }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_split_off_once_it_is_whole() {
        let received = [1_u8, 0, 0, 1, 2, 7, 8];
        let header = FrameHeader { compression: 1, length: 258 };
        assert_eq!(split_header(&received), Some((header, [7, 8].as_slice())));
        assert_eq!(split_header(&received[..FRAME_BYTES]), Some((header, [].as_slice())));
        assert_eq!(split_header(&received[..FRAME_BYTES - 1]), None);
    }
}
