//! Frames between clients and nodes: a 32-bit big-endian length, then that many bytes of protobuf.

use std::io::{self, Read, Write};

/// Bytes of the length before each frame.
pub const HEADER_BYTES: usize = 4;

/// Puts the length before a message, ready to be written at once.
///
/// Errors with `InvalidInput` when the message is longer than `max`.
pub fn encode(message: &impl prost::Message, max: usize) -> io::Result<Vec<u8>> {
    let length = message.encoded_len();
    if length > max {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("frame of {length} bytes is over the limit of {max}"),
        ));
    }
    let mut frame = Vec::with_capacity(HEADER_BYTES + length);
    frame.extend_from_slice(&(length as u32).to_be_bytes());
    message.encode(&mut frame).expect("a Vec grows as needed");
    Ok(frame)
}

/// Reads the length of the next frame and refuses it when it is over `max`, before allocating.
pub fn length(header: [u8; HEADER_BYTES], max: usize) -> io::Result<usize> {
    let length = u32::from_be_bytes(header) as usize;
    if length > max {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("frame of {length} bytes is over the limit of {max}"),
        ));
    }
    Ok(length)
}

/// Writes one message to a blocking stream.
pub fn write(stream: &mut impl Write, message: &impl prost::Message, max: usize) -> io::Result<()> {
    stream.write_all(&encode(message, max)?)?;
    stream.flush()
}

/// Reads one message from a blocking stream.
pub fn read<M: prost::Message + Default>(stream: &mut impl Read, max: usize) -> io::Result<M> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; length(header, max)?];
    stream.read_exact(&mut body)?;
    M::decode(body.as_slice()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Takes one whole message off the front of what has arrived, if there is one. An announced length
/// over `max` is refused before more is read.
pub fn cut<M: prost::Message + Default>(arrived: &mut Vec<u8>, max: usize) -> io::Result<Option<M>> {
    let Some(header) = arrived.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
    let end = HEADER_BYTES + length(*header, max)?;
    let Some(body) = arrived.get(HEADER_BYTES..end) else { return Ok(None) };
    let message = M::decode(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    arrived.drain(..end);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::client::v1::RandomRequest;

    #[test]
    fn frame_round_trips() {
        let mut bytes = Vec::new();
        write(&mut bytes, &RandomRequest { length: 7 }, 100).unwrap();
        let back: RandomRequest = read(&mut bytes.as_slice(), 100).unwrap();
        assert_eq!(back.length, 7);
    }

    #[test]
    fn frames_are_cut_off_whole() {
        let (mut bytes, mut arrived) = (Vec::new(), Vec::new());
        write(&mut bytes, &RandomRequest { length: 7 }, 100).unwrap();
        write(&mut bytes, &RandomRequest { length: 8 }, 100).unwrap();
        let mut lengths = Vec::new();
        for byte in bytes {
            arrived.push(byte);
            lengths.extend(cut::<RandomRequest>(&mut arrived, 100).unwrap().map(|message| message.length));
        }
        assert_eq!((lengths, arrived.len()), (vec![7, 8], 0));
        let mut oversized = u32::MAX.to_be_bytes().to_vec();
        assert!(cut::<RandomRequest>(&mut oversized, 100).is_err());
    }

    #[test]
    fn oversized_length_is_refused_before_allocation() {
        let bytes = u32::MAX.to_be_bytes();
        let error = read::<RandomRequest>(&mut bytes.as_slice(), 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn truncated_frame_is_an_error() {
        let error = read::<RandomRequest>(&mut [0, 0, 0, 9, 1].as_slice(), 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
