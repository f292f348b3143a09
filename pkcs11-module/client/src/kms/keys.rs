//! Records of keys: each is an attribute of the key's object, and every change of it an ordinary registry command.

use std::sync::Arc;

use prost::Message;
use proto::client::v1::GenerateRequest;
use proto::kms::v1::{KmsKey, Material, Usage};
use proto::kms::{CKA_COUNTERFOIL_KMS, CKK_COUNTERFOIL_DPRF, object_of, uuid};
use proto::limits::FORMAT;
use proto::registry::v1::{NewObject, Purpose};
use proto::statement;
use threshold::dprf;
use token::backend::{
    Attributes, Backend, BackendError, Curve, Freshness, KeySpec, ObjectId, ObjectRecord, PublicExponent,
};
use token::object::import::{self, usage};
use token::object::pair;

use super::{Kms, KmsError, sort};
use crate::record::to_wire;

/// What kind of key it is, by the names of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spec {
    /// `SYMMETRIC_DEFAULT`.
    Symmetric,
    /// A key pair.
    Pair(KeySpec),
}

const SPECS: [(&str, Spec); 8] = [
    ("SYMMETRIC_DEFAULT", Spec::Symmetric),
    ("ECC_NIST_P256", Spec::Pair(KeySpec::Curve(Curve::P256))),
    ("ECC_NIST_P384", Spec::Pair(KeySpec::Curve(Curve::P384))),
    ("ECC_SECG_P256K1", Spec::Pair(KeySpec::Curve(Curve::Secp256k1))),
    ("ECC_NIST_EDWARDS25519", Spec::Pair(KeySpec::Curve(Curve::Edwards25519))),
    ("RSA_2048", Spec::Pair(KeySpec::Rsa { bits: 2048, exponent: PublicExponent::F4 })),
    ("RSA_3072", Spec::Pair(KeySpec::Rsa { bits: 3072, exponent: PublicExponent::F4 })),
    ("RSA_4096", Spec::Pair(KeySpec::Rsa { bits: 4096, exponent: PublicExponent::F4 })),
];

impl Spec {
    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        SPECS.iter().find(|(known, _)| *known == name).map(|(_, spec)| *spec)
    }

    /// Its name; `None` for pairs that the interface has no name for.
    pub fn name(self) -> Option<&'static str> {
        SPECS.iter().find(|(_, spec)| *spec == self).map(|(name, _)| *name)
    }

    /// Uses of the PKCS#11 object of a pair.
    fn pkcs11_usage(usage: Usage) -> &'static [u64] {
        match usage {
            Usage::SignVerify => &[usage::SIGN],
            Usage::EncryptDecrypt => &[usage::DECRYPT],
            Usage::KeyAgreement => &[usage::DERIVE],
            Usage::Unspecified => &[],
        }
    }
}

/// A key as the registry has it.
#[derive(Debug, Clone)]
pub struct KmsRecord {
    /// What kind of key.
    pub spec: Spec,
    /// The record of the interface.
    pub key: KmsKey,
    /// The object that has it, with its id and version. Of a pair it has the public half in `CKA_PUBLIC_KEY_INFO`.
    pub object: Arc<ObjectRecord>,
}

impl KmsRecord {
    /// The key's id: a UUID.
    pub fn id(&self) -> String {
        uuid(&self.object.id.0)
    }

    /// The version of the newest material, from 1.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.key.materials.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The object of a version of the material.
    pub fn material(&self, version: u32) -> Option<ObjectId> {
        match version.checked_sub(2) {
            None => (version == 1).then_some(self.object.id),
            Some(later) => {
                let material = self.key.materials.get(usize::try_from(later).ok()?)?;
                material.object_id.as_slice().try_into().ok().map(ObjectId)
            }
        }
    }

    /// The record in an object; `None` for other objects, and for material of a key.
    pub fn of_object(object: &Arc<ObjectRecord>) -> Option<Self> {
        let key = KmsKey::decode(object.attributes.get(&CKA_COUNTERFOIL_KMS)?.as_slice()).ok()?;
        let spec = match object.attributes.get(&CKA_KEY_TYPE) {
            Some(kind) if *kind == CKK_COUNTERFOIL_DPRF.to_be_bytes() => Spec::Symmetric,
            _ => Spec::Pair(token::object::key::spec_of(&object.attributes)?),
        };
        let is_material = !key.material_of.is_empty();
        (!is_material).then(|| Self { spec, key, object: object.clone() })
    }
}

impl Kms<'_> {
    /// All keys of the token in order of creation. [`Freshness::Cached`] costs no network round once the token's
    /// objects were read.
    ///
    /// # Errors
    /// As [`Backend::objects`].
    pub fn list(&self, freshness: Freshness) -> Result<Vec<KmsRecord>, KmsError> {
        let list = self.client.objects(self.token, freshness)?;
        Ok(list.objects().into_iter().filter_map(KmsRecord::of_object).collect())
    }

    /// The key of this id, a UUID in lower case.
    ///
    /// # Errors
    /// [`KmsError::NotFound`]; as [`Backend::objects`].
    pub fn find(&self, id: &str, freshness: Freshness) -> Result<KmsRecord, KmsError> {
        let object = ObjectId(object_of(id).ok_or(KmsError::NotFound)?);
        let list = self.client.objects(self.token, freshness)?;
        list.get(&object).and_then(KmsRecord::of_object).ok_or(KmsError::NotFound)
    }

    /// The key of this alias, without its `alias/`.
    ///
    /// # Errors
    /// [`KmsError::NotFound`]; as [`Backend::objects`].
    pub fn find_alias(&self, alias: &str, freshness: Freshness) -> Result<KmsRecord, KmsError> {
        let list = self.client.objects(self.token, freshness)?;
        let object = self.client.aliases.find(self.token, &list, alias).ok_or(KmsError::NotFound)?;
        list.get(&object).and_then(KmsRecord::of_object).ok_or(KmsError::NotFound)
    }

    /// Has all nodes generate a key and records it with `key`; an RSA key takes minutes. `label` is that of the PKCS#11
    /// objects, of which a pair has two.
    ///
    /// # Errors
    /// [`KmsError::Usage`] for a usage that the spec does not have, [`KmsError::Refused`] for a record that the nodes do
    /// not accept, [`KmsError::TooFewNodes`] unless all N nodes take part.
    pub fn create(&self, spec: Spec, label: &str, mut key: KmsKey) -> Result<KmsRecord, KmsError> {
        key.format = FORMAT;
        sort(&mut key);
        let object = match spec {
            Spec::Symmetric => Arc::new(self.create_symmetric(label, &key)?),
            Spec::Pair(pair) => {
                let usage = Spec::pkcs11_usage(key.usage());
                let mut request = pair::of_kind(pair, &import::Purpose { label, id: None, usage })
                    .map_err(|error| KmsError::Usage(error.to_string()))?;
                request.private.insert(CKA_COUNTERFOIL_KMS, key.encode_to_vec());
                let generated = self.client.generate_key_pair(self.token, request)?;
                Arc::new(generated.private)
            }
        };
        KmsRecord::of_object(&object).ok_or(KmsError::Internal("the new key has no record".into()))
    }

    /// Makes new material, with which the key encrypts from then on.
    ///
    /// # Errors
    /// [`KmsError::Usage`] for a pair; [`KmsError::Stale`]; as [`Kms::create`].
    pub fn rotate(
        &self,
        record: &KmsRecord,
        now_unix_s: u64,
        on_demand: bool,
    ) -> Result<KmsRecord, KmsError> {
        if record.spec != Spec::Symmetric {
            return Err(KmsError::Usage("the material of a pair does not change".into()));
        }
        let of = KmsKey { format: FORMAT, material_of: record.object.id.0.to_vec(), ..KmsKey::default() };
        let label = record.object.attributes.get(&CKA_LABEL).map(Vec::as_slice).unwrap_or_default();
        let material = self.create_symmetric(&String::from_utf8_lossy(label), &of)?;
        let mut key = record.key.clone();
        let object_id = material.id.0.to_vec();
        key.materials.push(Material { object_id, created_unix_s: now_unix_s, on_demand });
        self.update(record, key)
    }

    /// Replaces the record. What may change, and by whom, the nodes decide by what has changed.
    ///
    /// # Errors
    /// [`KmsError::Stale`], [`KmsError::Denied`], [`KmsError::Refused`] for a record that the nodes do not accept, and for an alias
    /// of another key.
    pub fn update(&self, record: &KmsRecord, mut key: KmsKey) -> Result<KmsRecord, KmsError> {
        sort(&mut key);
        let mut attributes = record.object.attributes.clone();
        attributes.insert(CKA_COUNTERFOIL_KMS, key.encode_to_vec());
        let (id, version) = (record.object.id, record.object.version);
        let object = Arc::new(self.client.update_object(self.token, id, version, attributes)?);
        KmsRecord::of_object(&object).ok_or(KmsError::Internal("the key has lost its record".into()))
    }

    /// Makes a key of the interface of a private key that PKCS#11 made. From then on its policy holds there too.
    ///
    /// # Errors
    /// As [`Kms::update`].
    pub fn adopt(&self, object: ObjectId, mut key: KmsKey) -> Result<KmsRecord, KmsError> {
        let list = self.client.objects(self.token, Freshness::Cached)?;
        let found = list.get(&object).ok_or(KmsError::NotFound)?;
        let pair = token::object::key::spec_of(&found.attributes);
        key.format = FORMAT;
        let spec = Spec::Pair(pair.ok_or(KmsError::Usage("no key pair".into()))?);
        self.update(&KmsRecord { spec, key: KmsKey::default(), object: found.clone() }, key)
    }

    /// Removes a key whose deletion date is past, with all its material.
    ///
    /// # Errors
    /// [`KmsError::State`] before that date, [`KmsError::Denied`], [`KmsError::Stale`].
    pub fn destroy(&self, record: &KmsRecord) -> Result<(), KmsError> {
        let object = &record.object;
        Ok(self.client.destroy_object(self.token, object.id, object.version)?)
    }

    /// An object with a key of the pseudorandom function.
    fn create_symmetric(&self, label: &str, key: &KmsKey) -> Result<ObjectRecord, KmsError> {
        let core = &self.client.core;
        let deadline = core.start()?;
        let attributes = to_wire(&symmetric(label, key));
        let asked = GenerateRequest {
            purpose: Purpose::SigningKey.into(),
            token_id: self.token.0.to_vec(),
            curve: dprf::NAME.to_owned(),
            attributes_hash: statement::attributes_hash(&attributes).to_vec(),
            ..GenerateRequest::default()
        };
        let (birth, certificate) = core.generate(asked, Some(self.token), deadline, &mut Vec::new())?;
        let object_id = birth.statement().key_id.clone();
        let object = NewObject { object_id, attributes, birth: Some(certificate) };
        let records = self.client.registry.create(core, self.token, vec![object], deadline)?;
        let nothing = || BackendError::Internal("no record was made".into());
        Ok(records.into_iter().next().ok_or_else(nothing)?)
    }
}

/// A secret key that never was outside, and that no mechanism of PKCS#11 uses.
fn symmetric(label: &str, key: &KmsKey) -> Attributes {
    let mut attributes = Attributes::from([
        (CKA_CLASS, CKO_SECRET_KEY.to_be_bytes().to_vec()),
        (CKA_KEY_TYPE, CKK_COUNTERFOIL_DPRF.to_be_bytes().to_vec()),
        (CKA_LABEL, label.as_bytes().to_vec()),
        (CKA_COUNTERFOIL_KMS, key.encode_to_vec()),
    ]);
    attributes.extend(TRUE.map(|flag| (flag, vec![1])));
    attributes.extend(FALSE.map(|flag| (flag, vec![0])));
    attributes
}

const CKA_CLASS: u64 = 0x0;
const CKA_LABEL: u64 = 0x3;
const CKA_KEY_TYPE: u64 = 0x100;
const CKO_SECRET_KEY: u64 = 4;
/// CKA_TOKEN, PRIVATE, SENSITIVE, LOCAL, NEVER_EXTRACTABLE, ALWAYS_SENSITIVE, MODIFIABLE, DESTROYABLE.
const TRUE: [u64; 8] = [0x1, 0x2, 0x103, 0x163, 0x164, 0x165, 0x170, 0x172];
/// CKA_EXTRACTABLE, COPYABLE, ENCRYPT, DECRYPT, WRAP, UNWRAP, SIGN, VERIFY, DERIVE.
const FALSE: [u64; 9] = [0x162, 0x171, 0x104, 0x105, 0x106, 0x107, 0x108, 0x10a, 0x10c];
