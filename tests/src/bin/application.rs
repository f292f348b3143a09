//! An application as users have them: it loads a PKCS#11 library, logs in and signs.
//!
//! Driven by the tests and the benchmark, on our module and on others alike. The PIN comes in
//! `APPLICATION_PIN`.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use tests::application::REFUSED;
use tests::curve::{CURVE25519, EDWARDS25519};
use tests::process::{own_cpu_time, percentile};

#[derive(Parser)]
struct Arguments {
    /// Path of the PKCS#11 library.
    #[arg(long)]
    module: String,
    /// Label of the token.
    #[arg(long)]
    token: String,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make a key pair and print its public point, or the modulus of an RSA key.
    Keygen {
        #[arg(long)]
        label: String,
        /// Name of the curve, or `rsa:` and the bits; without it P-256 by its object identifier.
        #[arg(long)]
        curve: Option<String>,
    },
    /// Sign each digest, or message with an Ed25519 key, given on standard input, hex, a line each.
    Sign {
        #[arg(long)]
        label: String,
        /// Number of a vendor's mechanism without a parameter, instead of the usual one of the key.
        #[arg(long)]
        vendor_mechanism: Option<u64>,
    },
    /// Sign random digests from several threads for a while.
    Load {
        #[arg(long)]
        label: String,
        #[arg(long)]
        seconds: u64,
        #[arg(long)]
        threads: usize,
        /// Signatures of each thread between two pauses; without it there are none.
        #[arg(long)]
        burst: Option<usize>,
        /// Length of a pause; its time counts for nothing.
        #[arg(long, default_value_t = 0)]
        pause_ms: u64,
        /// As for `sign`.
        #[arg(long)]
        vendor_mechanism: Option<u64>,
    },
    /// Do what standard input says, a line each, and stay: `keygen LABEL`, `keygen LABEL KIND` (as of `keygen`),
    /// `sign LABEL DIGEST`, `hold HEX` (keep these bytes in memory).
    Serve,
    /// Make a key that derives, and print its public point; then agree with each peer given on standard input,
    /// an uncompressed point or a u-coordinate in hex a line, and print the secrets.
    Agree {
        #[arg(long)]
        label: String,
        /// Name of the curve; without it the key exists.
        #[arg(long)]
        curve: Option<String>,
    },
    /// Make a P-256 key that derives, agree with one peer so often, and print each time in microseconds.
    Derivations {
        #[arg(long)]
        count: usize,
    },
    /// Make keys one by one, sign once with each, print both times in microseconds, destroy it.
    Cold {
        #[arg(long)]
        count: usize,
        /// As of `keygen`.
        #[arg(long)]
        curve: Option<String>,
        /// Time between two keys.
        #[arg(long, default_value_t = 0)]
        pause_ms: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let pin = std::env::var("APPLICATION_PIN").context("APPLICATION_PIN")?;
    let library = Pkcs11::new(&arguments.module)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot = find_slot(&library, &arguments.token)?;
    let session = library.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::new(pin.into())))?;
    let mut out = std::io::stdout().lock();
    match arguments.task {
        Task::Keygen { label, curve } => {
            let (public, _) = generate(&session, &label, &Kind::of_name(curve.as_deref())?)?;
            writeln!(out, "{}", hex::encode(point(&session, public)?))?;
        }
        Task::Sign { label, vendor_mechanism } => {
            let key = find_key(&session, &label)?;
            let mechanism = mechanism_for(&session, key, vendor_mechanism)?;
            for line in std::io::stdin().lock().lines() {
                let digest = hex::decode(line?)?;
                let signature = session.sign(&mechanism, key, &digest)?;
                writeln!(out, "{} {}", hex::encode(digest), hex::encode(signature))?;
            }
        }
        Task::Load { label, seconds, threads, burst, pause_ms, vendor_mechanism } => {
            let (time, pause) = (Duration::from_secs(seconds), Duration::from_millis(pause_ms));
            let pace = Pace { time, burst, pause, vendor_mechanism };
            load(&library, slot, &label, pace, threads, &mut out)?;
        }
        Task::Serve => serve(&session, &mut out)?,
        Task::Agree { label, curve } => {
            let private = match curve {
                None => find_key(&session, &label)?,
                Some(curve) => {
                    let (public, private) = deriving(&session, &label, printable(&curve))?;
                    writeln!(out, "{}", hex::encode(point(&session, public)?))?;
                    private
                }
            };
            for line in std::io::stdin().lock().lines() {
                writeln!(out, "{}", hex::encode(secret(&session, private, &hex::decode(line?)?)?))?;
            }
        }
        Task::Derivations { count } => derivations(&session, count, &mut out)?,
        Task::Cold { count, curve, pause_ms } => {
            let pause = Duration::from_millis(pause_ms);
            cold(&session, count, &Kind::of_name(curve.as_deref())?, pause, &mut out)?;
        }
    }
    Ok(())
}

fn find_slot(library: &Pkcs11, token: &str) -> Result<Slot> {
    for slot in library.get_slots_with_token()? {
        if library.get_token_info(slot)?.label() == token {
            return Ok(slot);
        }
    }
    Err(anyhow!("no token {token:?}"))
}

/// A kind of key.
enum Kind {
    /// `CKA_EC_PARAMS`.
    Curve(Vec<u8>),
    /// Bits of the modulus.
    Rsa(u64),
}

impl Kind {
    /// What `keygen` is asked for.
    fn of_name(name: Option<&str>) -> Result<Self> {
        Ok(match name.map(|name| (name, name.strip_prefix("rsa:"))) {
            None => Self::Curve(P256_OID.to_vec()),
            Some((_, Some(bits))) => Self::Rsa(bits.parse()?),
            Some((name, None)) => Self::Curve(printable(name)),
        })
    }
}

fn generate(session: &Session, label: &str, kind: &Kind) -> Result<(ObjectHandle, ObjectHandle)> {
    let mechanism = match kind {
        Kind::Rsa(_) => Mechanism::RsaPkcsKeyPairGen,
        Kind::Curve(params) if *params == printable(EDWARDS25519.name) => Mechanism::EccEdwardsKeyPairGen,
        Kind::Curve(_) => Mechanism::EccKeyPairGen,
    };
    let common = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Id(label.into())];
    let mut public = common.to_vec();
    match kind {
        Kind::Curve(params) => public.push(Attribute::EcParams(params.clone())),
        Kind::Rsa(bits) => public.extend([
            Attribute::ModulusBits((*bits).into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
            Attribute::Verify(true),
        ]),
    }
    let mut private = common.to_vec();
    private.extend([Attribute::Private(true), Attribute::Sign(true)]);
    Ok(session.generate_key_pair(&mechanism, &public, &private)?)
}

/// A curve by its name (PKCS#11 3.1, 6.3): a PrintableString.
fn printable(name: &str) -> Vec<u8> {
    [&[0x13, name.len() as u8], name.as_bytes()].concat()
}

/// A vendor's mechanism, or what the key usually signs with.
fn mechanism_for(session: &Session, key: ObjectHandle, vendor: Option<u64>) -> Result<Mechanism<'static>> {
    let Some(number) = vendor else { return mechanism_of(session, key) };
    let kind = MechanismType::new_vendor_defined(number)?;
    Ok(Mechanism::VendorDefined(VendorDefinedMechanism::new::<()>(kind, None)))
}

/// What a private key signs with.
fn mechanism_of(session: &Session, key: ObjectHandle) -> Result<Mechanism<'static>> {
    match session.get_attributes(key, &[AttributeType::KeyType])?.as_slice() {
        [Attribute::KeyType(kind)] if *kind == KeyType::EC_EDWARDS => {
            Ok(Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)))
        }
        [Attribute::KeyType(KeyType::RSA)] => Ok(Mechanism::Sha256RsaPkcs),
        _ => Ok(Mechanism::Ecdsa),
    }
}

/// The point inside the DER OCTET STRING of `CKA_EC_POINT`, or the modulus of an RSA key.
fn point(session: &Session, public: ObjectHandle) -> Result<Vec<u8>> {
    let attributes = session.get_attributes(public, &[AttributeType::EcPoint, AttributeType::Modulus])?;
    match attributes.as_slice() {
        [Attribute::Modulus(modulus)] => Ok(modulus.clone()),
        [Attribute::EcPoint(der)] => match der.as_slice() {
            [0x04, length, point @ ..] if usize::from(*length) == point.len() => Ok(point.to_vec()),
            _ => Err(anyhow!("CKA_EC_POINT is not DER")),
        },
        _ => Err(anyhow!("no CKA_EC_POINT")),
    }
}

fn find_key(session: &Session, label: &str) -> Result<ObjectHandle> {
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(label.into())];
    session.find_objects(&template)?.first().copied().ok_or_else(|| anyhow!("no private key {label:?}"))
}

/// How long to sign, where to rest, and by what.
#[derive(Clone, Copy)]
struct Pace {
    time: Duration,
    burst: Option<usize>,
    pause: Duration,
    vendor_mechanism: Option<u64>,
}

fn serve(session: &Session, out: &mut impl Write) -> Result<()> {
    let mut held = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["keygen", label, kind @ ..] => {
                let (public, _) = generate(session, label, &Kind::of_name(kind.first().copied())?)?;
                writeln!(out, "{}", hex::encode(point(session, public)?))?;
            }
            ["sign", label, digest] => {
                let key = find_key(session, label)?;
                match session.sign(&mechanism_of(session, key)?, key, &hex::decode(digest)?) {
                    Ok(signature) => writeln!(out, "{}", hex::encode(signature))?,
                    Err(error) => writeln!(out, "{REFUSED}{error}")?,
                }
            }
            ["hold", bytes] => {
                held.push(hex::decode(bytes)?);
                writeln!(out, "{}", held.len())?;
            }
            _ => return Err(anyhow!("odd line {line:?}")),
        }
        out.flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Tally {
    active: Duration,
    times_us: Vec<u64>,
    failures: u64,
    first_error: Option<String>,
    samples: Vec<(Vec<u8>, Vec<u8>)>,
}

fn load(
    library: &Pkcs11,
    slot: Slot,
    label: &str,
    pace: Pace,
    threads: usize,
    out: &mut impl Write,
) -> Result<()> {
    let library = Arc::new(library.clone());
    let cpu = own_cpu_time()?;
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (library, label) = (library.clone(), label.to_owned());
            std::thread::spawn(move || work(&library, slot, &label, pace))
        })
        .collect();
    let mut total = Tally::default();
    let mut per_second = 0.0;
    for worker in workers {
        let tally = worker.join().map_err(|_| anyhow!("a worker panicked"))??;
        per_second += tally.times_us.len() as f64 / tally.active.as_secs_f64();
        total.times_us.extend(tally.times_us);
        total.failures += tally.failures;
        total.first_error = total.first_error.or(tally.first_error);
        total.samples.extend(tally.samples);
    }
    total.times_us.sort_unstable();
    for (digest, signature) in &total.samples {
        writeln!(out, "{} {}", hex::encode(digest), hex::encode(signature))?;
    }
    let report = serde_json::json!({
        "operations": total.times_us.len(),
        "failures": total.failures,
        "p50_us": percentile(&total.times_us, 50),
        "p99_us": percentile(&total.times_us, 99),
        "max_us": total.times_us.last().copied().unwrap_or(0),
        "per_second": per_second,
        "cpu_us": (own_cpu_time()? - cpu).as_micros() as u64,
        "first_error": total.first_error,
    });
    writeln!(out, "report {report}")?;
    Ok(())
}

fn work(library: &Pkcs11, slot: Slot, label: &str, pace: Pace) -> Result<Tally> {
    let session = library.open_ro_session(slot)?;
    let key = find_key(&session, label)?;
    let mechanism = mechanism_for(&session, key, pace.vendor_mechanism)?;
    let mut tally = Tally::default();
    let until = Instant::now() + pace.time;
    for number in 1.. {
        let begin = Instant::now();
        if begin >= until {
            break;
        }
        let mut digest = vec![0; 32];
        rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, &mut digest);
        let result = session.sign(&mechanism, key, &digest);
        tally.active += begin.elapsed();
        match result {
            Ok(signature) => {
                tally.times_us.push(begin.elapsed().as_micros() as u64);
                if tally.times_us.len() % SAMPLE_EVERY == 1 {
                    tally.samples.push((digest, signature));
                }
            }
            Err(error) => {
                tally.failures += 1;
                tally.first_error.get_or_insert(error.to_string());
            }
        }
        if pace.burst.is_some_and(|burst| number % burst == 0) {
            std::thread::sleep(pace.pause);
        }
    }
    Ok(tally)
}

fn deriving(session: &Session, label: &str, params: Vec<u8>) -> Result<(ObjectHandle, ObjectHandle)> {
    let private = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::Derive(true)];
    let mechanism = match params == printable(CURVE25519.name) {
        true => Mechanism::EccMontgomeryKeyPairGen,
        false => Mechanism::EccKeyPairGen,
    };
    let public = [Attribute::Token(true), Attribute::Label(label.into()), Attribute::EcParams(params)];
    Ok(session.generate_key_pair(&mechanism, &public, &private)?)
}

/// The secret that a key and a peer's point have in common.
fn secret(session: &Session, private: ObjectHandle, peer: &[u8]) -> Result<Vec<u8>> {
    let parameters = Ecdh1DeriveParams::new(EcKdf::null(), peer);
    // X and Y behind the form of the point, or a u-coordinate.
    let length = if peer.len().is_multiple_of(2) { peer.len() } else { peer.len() / 2 } as u64;
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::ValueLen(length.into()),
    ];
    let key = session.derive_key(&Mechanism::Ecdh1Derive(parameters), private, &template)?;
    let value = session.get_attributes(key, &[AttributeType::Value])?;
    session.destroy_object(key)?;
    match value.into_iter().next() {
        Some(Attribute::Value(value)) => Ok(value),
        _ => Err(anyhow!("the secret cannot be read")),
    }
}

fn derivations(session: &Session, count: usize, out: &mut impl Write) -> Result<()> {
    let (public, private) = deriving(session, "derivations", P256_OID.to_vec())?;
    // The peer is another key, whose private half nobody needs.
    let (peer, _) = generate(session, "peer of derivations", &Kind::of_name(None)?)?;
    let peer = point(session, peer)?;
    for _ in 0..count {
        let begin = Instant::now();
        secret(session, private, &peer)?;
        writeln!(out, "{}", begin.elapsed().as_micros())?;
    }
    session.destroy_object(private)?;
    Ok(session.destroy_object(public)?)
}

fn cold(session: &Session, count: usize, kind: &Kind, pause: Duration, out: &mut impl Write) -> Result<()> {
    for number in 0..count {
        std::thread::sleep(pause);
        let begin = Instant::now();
        let (public, private) = generate(session, &format!("cold {number}"), kind)?;
        let keygen = begin.elapsed();
        let mechanism = mechanism_of(session, private)?;
        let begin = Instant::now();
        session.sign(&mechanism, private, &[number as u8; 32])?;
        let sign = begin.elapsed();
        writeln!(out, "{} {}", keygen.as_micros(), sign.as_micros())?;
        out.flush()?;
        session.destroy_object(private)?;
        session.destroy_object(public)?;
    }
    Ok(())
}

/// One signature of so many is kept for the judge.
const SAMPLE_EVERY: usize = 50;

/// DER of the OID 1.2.840.10045.3.1.7.
const P256_OID: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
