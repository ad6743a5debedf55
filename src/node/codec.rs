//! Bytes: how messages travel and how records lie on disk.
//!
//! A frame is the length of its payload (u32, little endian), the CRC-32C of the payload (u32, little
//! endian), and the payload, which is postcard's encoding of a message or record.

use super::Damage;
use serde::{Deserialize, Serialize};

/// Length and checksum.
const HEADER: usize = 8;

/// Longer payloads are not believed: a flipped bit in a length must not make us wait for gigabytes.
pub const LONGEST: usize = 64 << 20;

/// Puts a value into a frame.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut frame =
        postcard::to_extend(value, vec![0; HEADER]).expect("values of the contract have no shape that postcard lacks");
    let payload = &frame[HEADER..];
    let length = u32::try_from(payload.len()).expect("a message is shorter than 4 GiB");
    let checksum = crc32c::crc32c(payload);
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    frame
}

/// Takes the value out of the frame that begins `bytes`, and says how long the frame is. `Torn` if the
/// bytes end before it does, `Corrupt` if it is not what was written.
pub fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, usize), Damage> {
    let (payload, length) = payload(bytes)?;
    let value = postcard::from_bytes(payload).map_err(|_| Damage::Corrupt)?;
    Ok((value, length))
}

/// The payload of the frame that begins `bytes`, and the length of the frame.
fn payload(bytes: &[u8]) -> Result<(&[u8], usize), Damage> {
    let header = bytes.get(..HEADER).ok_or(Damage::Torn)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let length = word(0) as usize;
    if length > LONGEST {
        return Err(Damage::Corrupt);
    }
    let payload = bytes.get(HEADER..HEADER + length).ok_or(Damage::Torn)?;
    if crc32c::crc32c(payload) != word(4) {
        return Err(Damage::Corrupt);
    }
    Ok((payload, HEADER + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back() {
        let value = (7u64, "seven".to_owned(), vec![Some(-7i64), None]);
        let mut bytes = encode(&value);
        let length = bytes.len();
        bytes.extend(encode(&1u8));
        assert_eq!(decode(&bytes), Ok((value, length)));
        assert_eq!(decode::<u8>(&bytes[length..]), Ok((1, HEADER + 1)));
    }

    /// Whatever is cut off or flipped is noticed.
    #[test]
    fn damage_is_noticed() {
        let frame = encode(&(42u64, "answer"));
        for cut in 0..frame.len() {
            assert_eq!(decode::<(u64, String)>(&frame[..cut]), Err(Damage::Torn));
        }
        for bit in 0..frame.len() * 8 {
            let mut bad = frame.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode::<(u64, String)>(&bad).is_err(), "bit {bit}");
        }
    }
}
