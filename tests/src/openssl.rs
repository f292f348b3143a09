//! OpenSSL's command as the judge of signatures: our own code does not vouch for itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use p256::ecdsa::Signature;

/// A public key in a file, ready to judge signatures over digests.
pub struct Judge {
    folder: tempfile::TempDir,
    key: PathBuf,
}

impl Judge {
    /// `point` is a P-256 point in SEC1 form, compressed or not.
    pub fn new(point: &[u8]) -> Result<Self> {
        use p256::elliptic_curve::sec1::ToEncodedPoint;
        let key = p256::PublicKey::from_sec1_bytes(point).context("not a P-256 point")?;
        let mut spki = SPKI_PREFIX.to_vec();
        spki.extend_from_slice(key.to_encoded_point(false).as_bytes());
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("public.der");
        fs::write(&path, spki)?;
        Ok(Self { folder, key: path })
    }

    /// Whether `openssl pkeyutl -verify` accepts r‖s over the digest.
    pub fn accepts(&self, digest: &[u8], signature: &[u8]) -> Result<bool> {
        let Ok(signature) = Signature::from_slice(signature) else { return Ok(false) };
        let digest_file = self.write("digest", digest)?;
        let signature_file = self.write("signature", signature.to_der().as_bytes())?;
        let output = Command::new("openssl")
            .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey"])
            .arg(&self.key)
            .arg("-in")
            .arg(&digest_file)
            .arg("-sigfile")
            .arg(&signature_file)
            .output()
            .context("running openssl")?;
        let said = String::from_utf8_lossy(&output.stdout);
        match (output.status.success(), said.contains("Verified Successfully")) {
            (true, true) => Ok(true),
            (false, _) if said.contains("Verification Failure") => Ok(false),
            _ => bail!("openssl: {said}{}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path: &Path = &self.folder.path().join(name);
        fs::write(path, bytes)?;
        Ok(path.to_owned())
    }
}

/// Judges every (digest, signature) line of an application, and says how many there were.
pub fn accept_all(point: &[u8], signed: &[(Vec<u8>, Vec<u8>)]) -> Result<usize> {
    let judge = Judge::new(point)?;
    for (digest, signature) in signed {
        ensure!(
            judge.accepts(digest, signature)?,
            "OpenSSL refuses {} over {}",
            hex::encode(signature),
            hex::encode(digest)
        );
    }
    Ok(signed.len())
}

/// DER of a P-256 SubjectPublicKeyInfo up to the point (RFC 5480, 2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::hazmat::PrehashSigner;

    #[test]
    fn judge_accepts_the_right_and_refuses_the_wrong() {
        let key = SigningKey::from_bytes(&[5; 32].into()).unwrap();
        let signature: Signature = key.sign_prehash(&[9; 32]).unwrap();
        let judge = Judge::new(key.verifying_key().to_encoded_point(true).as_bytes()).unwrap();
        assert!(judge.accepts(&[9; 32], &signature.to_bytes()).unwrap());
        assert!(!judge.accepts(&[8; 32], &signature.to_bytes()).unwrap());
        let mut altered = signature.to_bytes();
        altered[40] ^= 1;
        assert!(!judge.accepts(&[9; 32], &altered).unwrap());
    }
}
