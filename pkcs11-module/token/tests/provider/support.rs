//! An application's side of the interface: buffers, templates and a token that is ready for use.

use std::sync::Arc;

use cryptoki_sys::*;
use token::backend::{Attributes, BackendError};
use token::local_backend::LocalBackend;
use token::{
    AttributeOutput, Error, KeyPairHandles, MechanismCall, Offer, Output, Parameter, Provider, TemplateItem,
};

pub const SO_PIN: &[u8] = b"so-secret";
pub const PIN: &[u8] = b"user-secret";

/// An output buffer that does what the C interface does.
pub struct Buffer {
    /// `None` is a null pointer.
    pub capacity: Option<usize>,
    /// The length the caller is told.
    pub length: Option<usize>,
    pub bytes: Vec<u8>,
    pub unavailable: bool,
}

impl Buffer {
    pub fn null() -> Self {
        Self { capacity: None, length: None, bytes: Vec::new(), unavailable: false }
    }

    pub fn of(capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..Self::null() }
    }
}

impl Output for Buffer {
    fn offer(&mut self, len: usize) -> Offer {
        self.length = Some(len);
        match self.capacity {
            None => Offer::LengthOnly,
            Some(capacity) if capacity < len => Offer::TooSmall,
            Some(_) => Offer::Ready,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        assert_eq!(self.length, Some(bytes.len()));
        self.bytes = bytes.to_vec();
    }
}

impl AttributeOutput for Buffer {
    fn unavailable(&mut self) {
        self.unavailable = true;
    }
}

/// A template with owned values.
#[derive(Debug, Clone, Default)]
pub struct Items(Vec<(u64, Vec<u8>)>);

impl Items {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn bytes(mut self, id: u64, value: &[u8]) -> Self {
        self.0.push((id, value.to_vec()));
        self
    }

    pub fn bool(self, id: u64, value: bool) -> Self {
        self.bytes(id, &[u8::from(value)])
    }

    pub fn ulong(self, id: u64, value: u64) -> Self {
        self.bytes(id, &value.to_ne_bytes())
    }

    pub fn with<T>(&self, call: impl FnOnce(&[TemplateItem<'_>]) -> T) -> T {
        call(&self.0.iter().map(|(kind, value)| TemplateItem { kind: *kind, value }).collect::<Vec<_>>())
    }
}

/// An application with one initialised token.
pub struct Application {
    pub backend: Arc<LocalBackend>,
    pub provider: Arc<Provider>,
    pub slot: u64,
}

impl Application {
    pub fn new() -> Self {
        let backend = Arc::new(LocalBackend::with_token("test token", SO_PIN, PIN));
        let provider = Arc::new(Provider::new(backend.clone()));
        let slot = provider.slot_list(true).unwrap()[0];
        Self { backend, provider, slot }
    }

    /// A new read/write session.
    pub fn session(&self) -> u64 {
        self.provider.open_session(self.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap()
    }

    /// A new read-only session.
    pub fn read_only(&self) -> u64 {
        self.provider.open_session(self.slot, CKF_SERIAL_SESSION).unwrap()
    }

    /// A new read/write session, the user logged in.
    pub fn user(&self) -> u64 {
        let session = self.session();
        self.provider.login(session, CKU_USER, PIN).unwrap();
        session
    }

    pub fn create(&self, session: u64, items: &Items) -> Result<u64, Error> {
        items.with(|template| self.provider.create_object(session, template))
    }

    pub fn copy(&self, session: u64, object: u64, items: &Items) -> Result<u64, Error> {
        items.with(|template| self.provider.copy_object(session, object, template))
    }

    pub fn set(&self, session: u64, object: u64, items: &Items) -> Result<(), Error> {
        items.with(|template| self.provider.set_attributes(session, object, template))
    }

    pub fn find(&self, session: u64, items: &Items) -> Vec<u64> {
        items.with(|template| self.provider.find_init(session, template)).unwrap();
        let found = self.provider.find(session, 1000).unwrap();
        self.provider.find_final(session).unwrap();
        found
    }

    /// One attribute as the application has it in memory.
    pub fn get(&self, session: u64, object: u64, id: u64) -> Result<Vec<u8>, Error> {
        let mut buffer = Buffer::of(usize::MAX);
        self.provider.get_attributes(session, object, &mut [(id, &mut buffer)])?;
        Ok(buffer.bytes)
    }

    pub fn get_bool(&self, session: u64, object: u64, id: u64) -> bool {
        self.get(session, object, id).unwrap() == [1]
    }

    pub fn generate(&self, session: u64, public: &Items, private: &Items) -> Result<KeyPairHandles, Error> {
        self.generate_with(session, CKM_EC_KEY_PAIR_GEN, public, private)
    }

    pub fn generate_with(
        &self,
        session: u64,
        mechanism: u64,
        public: &Items,
        private: &Items,
    ) -> Result<KeyPairHandles, Error> {
        public.with(|public| {
            private.with(|private| self.provider.generate_key_pair(session, call(mechanism), public, private))
        })
    }

    /// The mechanisms with this `CKF_`.
    pub fn mechanisms(&self, flag: u64) -> Vec<u64> {
        let mut listed = self.provider.mechanism_list(self.slot).unwrap();
        listed.retain(|id| self.provider.mechanism_info(self.slot, *id).unwrap().flags & flag != 0);
        assert!(!listed.is_empty(), "{flag:#x}");
        listed
    }

    /// Those of keys of type `CKK_EC` on every curve.
    pub fn ec_mechanisms(&self, flag: u64) -> Vec<u64> {
        let of_rsa = |id: &u64| self.provider.mechanism_info(self.slot, *id).unwrap().min_key_size >= 2048;
        let others = [CKM_EDDSA, FROST_P256, BIP340];
        self.mechanisms(flag).into_iter().filter(|id| !others.contains(id) && !of_rsa(id)).collect()
    }

    /// A pair on the curve that these parameters name.
    pub fn pair_on(&self, session: u64, params: &[u8]) -> KeyPairHandles {
        let public = Items::new().bool(CKA_TOKEN, true).bytes(CKA_EC_PARAMS, params);
        self.generate(session, &public, &private_template()).unwrap()
    }

    /// A pair with plain templates.
    pub fn pair(&self, session: u64) -> KeyPairHandles {
        self.generate(session, &public_template(), &private_template()).unwrap()
    }

    pub fn sign(&self, session: u64, mechanism: u64, key: u64, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.provider.sign_init(session, Some(call(mechanism)), key)?;
        let mut buffer = Buffer::of(96);
        self.provider.sign(session, data, &mut buffer)?;
        Ok(buffer.bytes)
    }

    pub fn verify(
        &self,
        session: u64,
        mechanism: u64,
        key: u64,
        data: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        self.provider.verify_init(session, Some(call(mechanism)), key)?;
        self.provider.verify(session, data, signature)
    }
}

pub fn call(id: u64) -> MechanismCall<'static> {
    MechanismCall { id, parameter: Parameter::NONE }
}

/// prime256v1.
/// Each curve by its name, with its object identifier and the bytes of a coordinate.
pub const CURVES: [(&[u8], &[u8], usize); 3] = [
    (b"\x13\x0aprime256v1", P256_OID, 32),
    (b"\x13\x09secp384r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], 48),
    (b"\x13\x09secp256k1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], 32),
];

/// Schnorr with keys on P-256.
pub const FROST_P256: u64 = CKM_VENDOR_DEFINED | 0x4346_0001;
/// BIP-340 with keys on secp256k1.
pub const BIP340: u64 = CKM_VENDOR_DEFINED | 0x4346_0002;

pub const P256_OID: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

pub fn public_template() -> Items {
    Items::new().bool(CKA_TOKEN, true).bytes(CKA_EC_PARAMS, P256_OID)
}

pub fn private_template() -> Items {
    Items::new().bool(CKA_TOKEN, true)
}

pub fn data_template(label: &str) -> Items {
    Items::new().ulong(CKA_CLASS, CKO_DATA).bytes(CKA_LABEL, label.as_bytes()).bytes(CKA_VALUE, b"content")
}

pub fn certificate_template() -> Items {
    Items::new()
        .ulong(CKA_CLASS, CKO_CERTIFICATE)
        .ulong(CKA_CERTIFICATE_TYPE, CKC_X_509)
        .bytes(CKA_SUBJECT, b"\x30\x00")
        .bytes(CKA_VALUE, b"\x30\x03\x02\x01\x01")
}

/// The attributes of a stored public key, for a second author of changes.
pub fn relabelled(attributes: &Attributes, label: &[u8]) -> Attributes {
    let mut attributes = attributes.clone();
    attributes.insert(CKA_LABEL, label.to_vec());
    attributes
}

pub fn is_unavailable(error: &Error) -> bool {
    matches!(error, Error::Backend(BackendError::Unavailable(_)))
}

/// `CKR_TEMPLATE_INCONSISTENT`, whatever contradicts.
pub const INCONSISTENT: Error = Error::Contradiction { attribute: 0, why: "" };

/// Demands `CKR_TEMPLATE_INCONSISTENT` for this attribute, whose name the text has for the log.
pub fn contradicts<T: std::fmt::Debug>(outcome: Result<T, Error>, expected: u64) {
    match outcome {
        Err(error @ Error::Contradiction { attribute, .. }) if attribute == expected => {
            assert_eq!(error.rv(), CKR_TEMPLATE_INCONSISTENT);
            assert!(error.to_string().starts_with("CKA_"), "{error}");
        }
        other => panic!("{expected:#x}: {other:?}"),
    }
}
