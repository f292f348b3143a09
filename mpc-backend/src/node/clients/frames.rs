//! Cuts the bytes that a client sends into frames. The limit is small until the node has accepted
//! the client's hello, and memory grows with what has arrived, not with what was announced.

use bytes::{Buf, BytesMut};
use prost::Message;
use proto::client::v1::ClientFrame;
use proto::frame::{HEADER_BYTES, length};
use proto::limits::{COMMAND_BYTES_MAX, HELLO_FRAME_BYTES_MAX};

/// Why a frame was not read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The announced length is over the limit.
    #[error("{0}")]
    Length(#[from] std::io::Error),
    /// Not a `ClientFrame`.
    #[error("malformed frame: {0}")]
    Decode(#[from] prost::DecodeError),
    /// A `ClientFrame` without contents.
    #[error("empty frame")]
    Empty,
}

/// Bytes received and not yet cut.
#[derive(Default)]
pub struct Frames {
    bytes: BytesMut,
    /// Whether the hello was accepted.
    pub accepted: bool,
}

impl Frames {
    /// Where received bytes go.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.bytes.reserve(READ_BYTES);
        &mut self.bytes
    }

    /// The next whole frame, if it has arrived.
    pub fn next(&mut self) -> Result<Option<ClientFrame>, FrameError> {
        let Some(header) = self.bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let max = if self.accepted { REQUEST_BYTES_MAX } else { HELLO_FRAME_BYTES_MAX };
        let length = length(*header, max)?;
        if self.bytes.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        self.bytes.advance(HEADER_BYTES);
        let frame = ClientFrame::decode(self.bytes.split_to(length))?;
        if frame.frame.is_none() {
            return Err(FrameError::Empty);
        }
        Ok(Some(frame))
    }
}

/// The largest request is a proposal with the largest command.
const REQUEST_BYTES_MAX: usize = COMMAND_BYTES_MAX + (4 << 10);
const READ_BYTES: usize = 16 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proto::client::v1::{Hello, client_frame::Frame};

    fn hello() -> Vec<u8> {
        let hello = Hello { format: 1, cluster_id: vec![1; 32], software: "test".into(), instance: vec![] };
        proto::frame::encode(&ClientFrame { frame: Some(Frame::Hello(hello)) }, 1024).unwrap()
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let mut frames = Frames::default();
        for byte in [hello(), hello()].concat() {
            assert!(frames.next().unwrap().is_none());
            frames.buffer().extend_from_slice(&[byte]);
            if frames.bytes.len() == hello().len() {
                assert!(frames.next().unwrap().is_some());
            }
        }
        assert!(frames.bytes.is_empty());
    }

    #[test]
    fn limit_is_small_before_the_hello_is_accepted() {
        let header = (HELLO_FRAME_BYTES_MAX as u32 + 1).to_be_bytes();
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(&header);
        assert!(matches!(frames.next(), Err(FrameError::Length(_))));
        frames.accepted = true;
        assert!(frames.next().unwrap().is_none());
        let mut frames = Frames { accepted: true, ..Frames::default() };
        frames.buffer().extend_from_slice(&(REQUEST_BYTES_MAX as u32 + 1).to_be_bytes());
        assert!(matches!(frames.next(), Err(FrameError::Length(_))));
    }

    #[test]
    fn malformed_and_empty_frames_are_refused() {
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(&[0, 0, 0, 2, 0xff, 0xff]);
        assert!(matches!(frames.next(), Err(FrameError::Decode(_))));
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(&[0, 0, 0, 0]);
        assert!(matches!(frames.next(), Err(FrameError::Empty)));
    }
}
