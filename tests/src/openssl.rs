//! OpenSSL's command as the judge of signatures: our own code does not vouch for itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::curve::{CURVE25519, Curve, P256};

/// A public key in a file, ready to judge signatures over digests, or over messages on an Edwards curve.
pub struct Judge {
    edwards: bool,
    folder: tempfile::TempDir,
    key: PathBuf,
}

impl Judge {
    /// `point` is a point of the curve in uncompressed SEC1 form, or in that of RFC 8032.
    pub fn new(curve: &Curve, point: &[u8]) -> Result<Self> {
        let spki = [&hex::decode(curve.public_key_head)?, point].concat();
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("public.der");
        fs::write(&path, spki)?;
        Ok(Self { edwards: curve.edwards, folder, key: path })
    }

    /// Whether `openssl pkeyutl -verify` accepts r‖s over the digest, or R‖S over the message.
    pub fn accepts(&self, digest: &[u8], signature: &[u8]) -> Result<bool> {
        let (r, s) = signature.split_at(signature.len() / 2);
        let digest_file = self.write("digest", digest)?;
        let encoded = match self.edwards {
            true => signature.to_vec(),
            false => der(0x30, &[integer(r), integer(s)].concat()),
        };
        let signature_file = self.write("signature", &encoded)?;
        let raw: &[&str] = if self.edwards { &["-rawin"] } else { &[] };
        let output = Command::new("openssl")
            .args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER"])
            .args(raw)
            .arg("-inkey")
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

/// A key pair of OpenSSL on a curve, as the other side of a key agreement.
pub struct Peer {
    folder: tempfile::TempDir,
    /// Its public point, uncompressed, or u-coordinate.
    pub point: Vec<u8>,
}

impl Peer {
    /// A fresh key pair.
    pub fn new(curve: &Curve) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (key, public) = (folder.path().join("key.pem"), folder.path().join("public.der"));
        let group = format!("ec_paramgen_curve:{}", curve.name);
        let algorithm: &[&str] = match curve.name == CURVE25519.name {
            true => &["X25519"],
            false => &["EC", "-pkeyopt", &group],
        };
        run(Command::new("openssl").args(["genpkey", "-algorithm"]).args(algorithm).arg("-out").arg(&key))?;
        run(Command::new("openssl")
            .args(["pkey", "-pubout", "-outform", "DER", "-in"])
            .arg(&key)
            .arg("-out")
            .arg(&public))?;
        let head = hex::decode(curve.public_key_head)?;
        let der = fs::read(public)?;
        let point = der.strip_prefix(head.as_slice()).context("another form of public key")?.to_vec();
        Ok(Self { folder, point })
    }

    /// What `openssl pkeyutl -derive` computes with the other side's public key in the same form.
    pub fn agree(&self, curve: &Curve, point: &[u8]) -> Result<Vec<u8>> {
        let [key, other, secret] =
            ["key.pem", "other.der", "secret"].map(|name| self.folder.path().join(name));
        fs::write(&other, [&hex::decode(curve.public_key_head)?, point].concat())?;
        run(Command::new("openssl")
            .args(["pkeyutl", "-derive", "-inkey"])
            .arg(key)
            .args(["-peerform", "DER", "-peerkey"])
            .arg(other)
            .arg("-out")
            .arg(&secret))?;
        Ok(fs::read(secret)?)
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("openssl")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Judges every (digest, signature) line of an application with a P-256 key, and says how many there were.
pub fn accept_all(point: &[u8], signed: &[(Vec<u8>, Vec<u8>)]) -> Result<usize> {
    accept_all_on(&P256, point, signed)
}

/// The same with a key on any curve.
pub fn accept_all_on(curve: &Curve, point: &[u8], signed: &[(Vec<u8>, Vec<u8>)]) -> Result<usize> {
    let judge = Judge::new(curve, point)?;
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

/// Judges every (message, signature) line of an application with an RSA key of this modulus and 65537, by PKCS#1
/// v1.5 with SHA-256.
pub fn accept_all_rsa(modulus: &[u8], signed: &[(Vec<u8>, Vec<u8>)]) -> Result<usize> {
    let folder = tempfile::tempdir()?;
    let [key, message, signature] =
        ["public.der", "message", "signature"].map(|name| folder.path().join(name));
    // RSAPublicKey of RFC 8017, A.1.1.
    fs::write(&key, der(0x30, &[integer(modulus), integer(&[1, 0, 1])].concat()))?;
    for (said, made) in signed {
        fs::write(&message, said)?;
        fs::write(&signature, made)?;
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-keyform", "DER", "-verify"]).arg(&key);
        run(command.arg("-signature").arg(&signature).arg(&message))?;
    }
    Ok(signed.len())
}

/// CPU time in microseconds of a signature by OpenSSL with a whole RSA key of so many bits.
pub fn rsa_signature_us(bits: u32) -> Result<f64> {
    let name = format!("rsa{bits}");
    let output = Command::new("openssl").args(["speed", "-mr", "-seconds", "3", &name]).output()?;
    // `+F2:number:bits:seconds of a signature:seconds of a verification`, or signatures a second before OpenSSL 3.
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().find_map(|line| line.strip_prefix("+F2:"));
    let field = line.and_then(|line| line.split(':').nth(2)?.parse::<f64>().ok());
    let figure = field.with_context(|| format!("openssl speed: {said}"))?;
    Ok(1e6 * if figure < 1.0 { figure } else { 1.0 / figure })
}

/// A DER INTEGER from big-endian bytes: as short as can be, with a zero before a set highest bit.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let (_, significant) = bytes.split_at(start);
    let positive = significant.first().is_none_or(|first| *first >= 0x80);
    der(0x02, &[&[0; 1][..usize::from(positive)], significant].concat())
}

/// A DER value shorter than 64 KiB.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let head = if content.len() < 0x80 { vec![tag, low] } else { vec![tag, 0x82, high, low] };
    [&head, content].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use p256::ecdsa::signature::hazmat::PrehashSigner;
    use p256::ecdsa::{Signature, SigningKey};

    #[test]
    fn judge_accepts_the_right_and_refuses_the_wrong() {
        let key = SigningKey::from_bytes(&[5; 32].into()).unwrap();
        let signature: Signature = key.sign_prehash(&[9; 32]).unwrap();
        let judge = Judge::new(&P256, key.verifying_key().to_encoded_point(false).as_bytes()).unwrap();
        assert!(judge.accepts(&[9; 32], &signature.to_bytes()).unwrap());
        assert!(!judge.accepts(&[8; 32], &signature.to_bytes()).unwrap());
        let mut altered = signature.to_bytes();
        altered[40] ^= 1;
        assert!(!judge.accepts(&[9; 32], &altered).unwrap());
    }
}
