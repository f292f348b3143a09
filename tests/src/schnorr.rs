//! frost-core's verifiers as the judges of Schnorr signatures, which OpenSSL does not know.

use anyhow::{Result, anyhow, bail, ensure};

use crate::curve::Curve;

/// Judges every (message, signature) line of an application with a key at this uncompressed point, and says how many
/// there were.
pub fn accept_all(curve: &Curve, point: &[u8], signed: &[(Vec<u8>, Vec<u8>)]) -> Result<usize> {
    let (x, y) =
        point.get(1..).unwrap_or_default().split_at_checked(32).ok_or_else(|| anyhow!("no point"))?;
    let tag = 2 + (y.last().copied().unwrap_or_default() & 1);
    let compressed = [&[tag], x].concat();
    for (message, signature) in signed {
        macro_rules! accepts {
            ($suite:ident) => {{
                let key = $suite::VerifyingKey::deserialize(&compressed)?;
                key.verify(message, &$suite::Signature::deserialize(signature)?).is_ok()
            }};
        }
        let accepted = match curve.name {
            "prime256v1" => accepts!(frost_p256),
            "secp256k1" => accepts!(frost_secp256k1_tr),
            other => bail!("no Schnorr on {other}"),
        };
        ensure!(accepted, "refused: {} over {}", hex::encode(signature), hex::encode(message));
    }
    Ok(signed.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::curve::P256;

    /// RFC 9591, appendix E.4.
    #[test]
    fn judge_accepts_the_right_and_refuses_the_wrong() {
        let compressed = "023a309ad94e9fe8a7ba45dfc58f38bf091959d3c99cfbd02b4dc00585ec45ab70";
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&hex::decode(compressed).unwrap()).unwrap();
        let signature = hex::decode(concat!(
            "02aea65143565d19f2811d6c1d7a7486fdd57dd3f6b08d8653ca260ec0ebe00b61",
            "ca5d775641ac46891ac3d6089e1db471b3ab173ccb586035582185e43f13f245"
        ));
        let point = key.to_encoded_point(false);
        let line = |message: &[u8]| [(message.to_vec(), signature.clone().unwrap())];
        assert_eq!(accept_all(&P256, point.as_bytes(), &line(b"test")).unwrap(), 1);
        assert!(accept_all(&P256, point.as_bytes(), &line(b"text")).is_err());
    }
}
