//! A session in few words: each method is one function of the module, and its `CK_RV` is never hidden.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::module::Module;

/// A session.
pub struct Session<'a> {
    /// The module.
    pub module: &'a Module,
    /// Its handle.
    pub handle: CK_SESSION_HANDLE,
}

/// An attribute and its value as an application has it in memory.
pub type Attribute = (CK_ATTRIBUTE_TYPE, Vec<u8>);

/// What a call delivers, or its `CKR_`.
pub type Outcome<T> = Result<T, CK_RV>;

/// Handles of a key pair.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// The public key.
    pub public: CK_OBJECT_HANDLE,
    /// The private key.
    pub private: CK_OBJECT_HANDLE,
}

impl Session<'_> {
    /// `C_Login`.
    pub fn login(&self, user: CK_USER_TYPE, pin: &str) -> CK_RV {
        let mut pin = pin.as_bytes().to_vec();
        call!(self.module, C_Login(self.handle, user, pin.as_mut_ptr(), len(&pin)))
    }

    /// `C_Logout`.
    pub fn logout(&self) -> CK_RV {
        call!(self.module, C_Logout(self.handle))
    }

    /// `C_InitPIN`.
    pub fn init_pin(&self, pin: &str) -> CK_RV {
        let mut pin = pin.as_bytes().to_vec();
        call!(self.module, C_InitPIN(self.handle, pin.as_mut_ptr(), len(&pin)))
    }

    /// `C_SetPIN`.
    pub fn set_pin(&self, old: &str, new: &str) -> CK_RV {
        let (mut old, mut new) = (old.as_bytes().to_vec(), new.as_bytes().to_vec());
        call!(self.module, C_SetPIN(self.handle, old.as_mut_ptr(), len(&old), new.as_mut_ptr(), len(&new)))
    }

    /// `C_CloseSession`.
    pub fn close(&self) -> CK_RV {
        call!(self.module, C_CloseSession(self.handle))
    }

    /// `C_GetSessionInfo`.
    pub fn info(&self) -> Outcome<CK_SESSION_INFO> {
        let mut info = CK_SESSION_INFO::default();
        ok(call!(self.module, C_GetSessionInfo(self.handle, &mut info))).map(|()| info)
    }

    /// `C_CreateObject`.
    pub fn create(&self, attributes: &[Attribute]) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut template, mut object) = (template(attributes), 0);
        let rv = call!(
            self.module,
            C_CreateObject(self.handle, template.as_mut_ptr(), count(&template), &mut object)
        );
        ok(rv).map(|()| object)
    }

    /// `C_CopyObject`.
    pub fn copy(&self, object: CK_OBJECT_HANDLE, attributes: &[Attribute]) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut template, mut copy) = (template(attributes), 0);
        let rv = call!(
            self.module,
            C_CopyObject(self.handle, object, template.as_mut_ptr(), count(&template), &mut copy)
        );
        ok(rv).map(|()| copy)
    }

    /// `C_DestroyObject`.
    pub fn destroy(&self, object: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.module, C_DestroyObject(self.handle, object))
    }

    /// `C_SetAttributeValue`.
    pub fn set(&self, object: CK_OBJECT_HANDLE, attributes: &[Attribute]) -> CK_RV {
        let mut template = template(attributes);
        call!(self.module, C_SetAttributeValue(self.handle, object, template.as_mut_ptr(), count(&template)))
    }

    /// `C_GetAttributeValue` for one attribute, by both calls that an application makes.
    pub fn get(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Outcome<Vec<u8>> {
        let mut wanted = CK_ATTRIBUTE { type_: kind, pValue: null_mut(), ulValueLen: 0 };
        ok(call!(self.module, C_GetAttributeValue(self.handle, object, &mut wanted, 1)))?;
        let mut value = vec![0u8; wanted.ulValueLen as usize];
        wanted.pValue = value.as_mut_ptr().cast();
        ok(call!(self.module, C_GetAttributeValue(self.handle, object, &mut wanted, 1)))?;
        value.truncate(wanted.ulValueLen as usize);
        Ok(value)
    }

    /// `C_FindObjectsInit`, `C_FindObjects` until there are no more, `C_FindObjectsFinal`.
    pub fn find(&self, attributes: &[Attribute]) -> Outcome<Vec<CK_OBJECT_HANDLE>> {
        let mut template = template(attributes);
        ok(call!(self.module, C_FindObjectsInit(self.handle, template.as_mut_ptr(), count(&template))))?;
        let mut all = Vec::new();
        loop {
            let (mut some, mut found) = ([0; 3], 0);
            ok(call!(self.module, C_FindObjects(self.handle, some.as_mut_ptr(), 3, &mut found)))?;
            if found == 0 {
                break;
            }
            all.extend_from_slice(&some[..found as usize]);
        }
        ok(call!(self.module, C_FindObjectsFinal(self.handle))).map(|()| all)
    }

    /// `C_GenerateKeyPair` with CKM_EC_KEY_PAIR_GEN.
    pub fn generate(&self, public: &[Attribute], private: &[Attribute]) -> Outcome<Pair> {
        self.generate_with(CKM_EC_KEY_PAIR_GEN, public, private)
    }

    /// `C_GenerateKeyPair`.
    pub fn generate_with(
        &self,
        id: CK_MECHANISM_TYPE,
        public: &[Attribute],
        private: &[Attribute],
    ) -> Outcome<Pair> {
        let (mut public, mut private) = (template(public), template(private));
        let mut pair = Pair { public: 0, private: 0 };
        let rv = call!(
            self.module,
            C_GenerateKeyPair(
                self.handle,
                &mut mechanism(id),
                public.as_mut_ptr(),
                count(&public),
                private.as_mut_ptr(),
                count(&private),
                &mut pair.public,
                &mut pair.private,
            )
        );
        ok(rv).map(|()| pair)
    }

    /// A P-256 key pair on the token with this label.
    ///
    /// # Panics
    /// If it is not generated.
    pub fn p256(&self, label: &str) -> Pair {
        self.pair_on(&P256, label)
    }

    /// A key pair on the curve that these `CKA_EC_PARAMS` name.
    ///
    /// # Panics
    /// If it is not generated.
    pub fn pair_on(&self, params: &[u8], label: &str) -> Pair {
        let public = [(CKA_EC_PARAMS, params.to_vec()), on_token(true), labelled(label)];
        self.generate(&public, &[on_token(true), labelled(label)]).expect("C_GenerateKeyPair")
    }

    /// An Ed25519 key pair on the token with this label.
    ///
    /// # Panics
    /// If it is not generated.
    pub fn ed25519(&self, label: &str) -> Pair {
        let public = [(CKA_EC_PARAMS, ED25519.to_vec()), on_token(true), labelled(label)];
        let private = [on_token(true), labelled(label)];
        self.generate_with(CKM_EC_EDWARDS_KEY_PAIR_GEN, &public, &private).expect("C_GenerateKeyPair")
    }

    /// `C_SignInit`.
    pub fn sign_init(&self, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.module, C_SignInit(self.handle, &mut mechanism(id), key))
    }

    /// `C_SignInit` and `C_Sign` into a buffer that is large enough.
    pub fn sign(&self, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE, data: &[u8]) -> Outcome<Vec<u8>> {
        ok(self.sign_init(id, key))?;
        let (mut data, mut signature, mut signature_len) = (data.to_vec(), vec![0; 256], 256);
        let rv = call!(
            self.module,
            C_Sign(self.handle, data.as_mut_ptr(), len(&data), signature.as_mut_ptr(), &mut signature_len)
        );
        signature.truncate(signature_len as usize);
        ok(rv).map(|()| signature)
    }

    /// `C_VerifyInit`.
    pub fn verify_init(&self, id: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) -> CK_RV {
        call!(self.module, C_VerifyInit(self.handle, &mut mechanism(id), key))
    }

    /// `C_VerifyInit` and `C_Verify`.
    pub fn verify(
        &self,
        id: CK_MECHANISM_TYPE,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> CK_RV {
        let rv = self.verify_init(id, key);
        if rv != CKR_OK {
            return rv;
        }
        let (mut data, mut signature) = (data.to_vec(), signature.to_vec());
        call!(
            self.module,
            C_Verify(self.handle, data.as_mut_ptr(), len(&data), signature.as_mut_ptr(), len(&signature))
        )
    }

    /// `C_DeriveKey` by `CKM_ECDH1_DERIVE` or its cofactor variant.
    pub fn derive(
        &self,
        id: CK_MECHANISM_TYPE,
        base_key: CK_OBJECT_HANDLE,
        agreement: &Agreement<'_>,
        attributes: &[Attribute],
    ) -> Outcome<CK_OBJECT_HANDLE> {
        let Agreement { kdf, shared_data, public_data } = *agreement;
        let mut parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf,
            ulSharedDataLen: len(shared_data),
            // PKCS#11 3.1 section 6.3.16: null where there is none.
            pSharedData: if shared_data.is_empty() { null_mut() } else { shared_data.as_ptr().cast_mut() },
            ulPublicDataLen: len(public_data),
            pPublicData: public_data.as_ptr().cast_mut(),
        };
        let mut mechanism = CK_MECHANISM {
            mechanism: id,
            pParameter: (&raw mut parameter).cast(),
            ulParameterLen: size_of::<CK_ECDH1_DERIVE_PARAMS>() as CK_ULONG,
        };
        let (mut template, mut key) = (template(attributes), 0);
        let rv = call!(
            self.module,
            C_DeriveKey(
                self.handle,
                &mut mechanism,
                base_key,
                template.as_mut_ptr(),
                count(&template),
                &mut key
            )
        );
        ok(rv).map(|()| key)
    }

    /// `C_DigestInit`.
    pub fn digest_init(&self, id: CK_MECHANISM_TYPE) -> CK_RV {
        call!(self.module, C_DigestInit(self.handle, &mut mechanism(id)))
    }

    /// `C_GenerateRandom`.
    pub fn random(&self, bytes: usize) -> Outcome<Vec<u8>> {
        let mut random = vec![0; bytes];
        ok(call!(self.module, C_GenerateRandom(self.handle, random.as_mut_ptr(), len(&random))))
            .map(|()| random)
    }
}

/// With whom a key agrees, and what is made of the secret.
#[derive(Debug, Clone, Copy)]
pub struct Agreement<'a> {
    /// `CKD_`.
    pub kdf: CK_EC_KDF_TYPE,
    /// For the key derivation function.
    pub shared_data: &'a [u8],
    /// The other side's public key.
    pub public_data: &'a [u8],
}

/// `CKR_OK` or not.
pub fn ok(rv: CK_RV) -> Outcome<()> {
    if rv == CKR_OK { Ok(()) } else { Err(rv) }
}

/// A mechanism without a parameter.
pub fn mechanism(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: null_mut(), ulParameterLen: 0 }
}

/// A `CK_ATTRIBUTE` array over the values, which must outlive it.
pub fn template(attributes: &[Attribute]) -> Vec<CK_ATTRIBUTE> {
    let entry = |(kind, value): &Attribute| CK_ATTRIBUTE {
        type_: *kind,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: len(value),
    };
    attributes.iter().map(entry).collect()
}

/// An attribute of type CK_ULONG.
pub fn number(kind: CK_ATTRIBUTE_TYPE, value: CK_ULONG) -> Attribute {
    (kind, value.to_ne_bytes().to_vec())
}

/// An attribute of type CK_BBOOL.
pub fn flag(kind: CK_ATTRIBUTE_TYPE, value: bool) -> Attribute {
    (kind, vec![CK_BBOOL::from(value)])
}

/// What a secret key's template says of its value: that it can be read. The default is the token's own affair.
pub fn readable() -> [Attribute; 2] {
    [flag(CKA_SENSITIVE, false), flag(CKA_EXTRACTABLE, true)]
}

/// `CKA_LABEL`.
pub fn labelled(label: &str) -> Attribute {
    (CKA_LABEL, label.into())
}

/// `CKA_TOKEN`.
pub fn on_token(value: bool) -> Attribute {
    flag(CKA_TOKEN, value)
}

fn len(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

fn count(template: &[CK_ATTRIBUTE]) -> CK_ULONG {
    template.len() as CK_ULONG
}

/// edwards25519 as `CKA_EC_PARAMS`: id-Ed25519.
pub const ED25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x70];
/// curve25519 as `CKA_EC_PARAMS`: id-X25519.
pub const X25519: [u8; 5] = [0x06, 0x03, 0x2b, 0x65, 0x6e];
/// secp384r1 as `CKA_EC_PARAMS`.
pub const P384: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// secp256k1 as `CKA_EC_PARAMS`.
pub const SECP256K1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];
/// prime256v1 as `CKA_EC_PARAMS`.
pub const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
