//! RSA in few words: mechanisms with their parameters, and keys.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::lab;
use crate::session::{Attribute, Outcome, Pair, Session, labelled, number, ok, on_token, template};

/// A mechanism and its parameter.
#[derive(Clone)]
pub struct RsaMechanism {
    id: CK_MECHANISM_TYPE,
    parameter: Parameter,
}

#[derive(Clone)]
enum Parameter {
    None,
    Pss(CK_RSA_PKCS_PSS_PARAMS),
    Oaep(CK_RSA_PKCS_OAEP_PARAMS, Vec<u8>),
    AesKeyWrap(CK_ULONG, CK_RSA_PKCS_OAEP_PARAMS),
}

impl RsaMechanism {
    /// Without a parameter.
    pub const fn plain(id: CK_MECHANISM_TYPE) -> Self {
        Self { id, parameter: Parameter::None }
    }

    /// One of PSS.
    pub const fn pss(
        id: CK_MECHANISM_TYPE,
        hash: CK_MECHANISM_TYPE,
        mgf: CK_RSA_PKCS_MGF_TYPE,
        salt_bytes: usize,
    ) -> Self {
        let parameters = CK_RSA_PKCS_PSS_PARAMS { hashAlg: hash, mgf, sLen: salt_bytes as CK_ULONG };
        Self { id, parameter: Parameter::Pss(parameters) }
    }

    /// OAEP with a label.
    pub fn oaep(hash: CK_MECHANISM_TYPE, mgf: CK_RSA_PKCS_MGF_TYPE, label: &[u8]) -> Self {
        Self::oaep_from(CKZ_DATA_SPECIFIED, hash, mgf, label)
    }

    /// OAEP with a label whose source is named.
    pub fn oaep_from(
        source: CK_RSA_PKCS_OAEP_SOURCE_TYPE,
        hash: CK_MECHANISM_TYPE,
        mgf: CK_RSA_PKCS_MGF_TYPE,
        label: &[u8],
    ) -> Self {
        let parameters = CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: hash,
            mgf,
            source,
            pSourceData: null_mut(),
            ulSourceDataLen: label.len() as CK_ULONG,
        };
        Self { id: CKM_RSA_PKCS_OAEP, parameter: Parameter::Oaep(parameters, label.to_vec()) }
    }

    /// A key under an AES key of these bits, which is under OAEP with SHA-256.
    pub fn aes_key_wrap(bits: usize) -> Self {
        let oaep = CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: CKM_SHA256,
            mgf: CKG_MGF1_SHA256,
            source: CKZ_DATA_SPECIFIED,
            pSourceData: null_mut(),
            ulSourceDataLen: 0,
        };
        Self { id: CKM_RSA_AES_KEY_WRAP, parameter: Parameter::AesKeyWrap(bits as CK_ULONG, oaep) }
    }

    /// Any mechanism with a parameter that it usually has.
    pub fn usual(id: CK_MECHANISM_TYPE) -> Self {
        let pss = |hash, mgf| Self::pss(id, hash, mgf, 20);
        match id {
            // SHA-1 is what every token takes.
            CKM_RSA_PKCS_OAEP if lab::foreign() => Self::oaep(CKM_SHA_1, CKG_MGF1_SHA1, &[]),
            CKM_RSA_PKCS_OAEP => Self::oaep(CKM_SHA256, CKG_MGF1_SHA256, &[]),
            CKM_RSA_AES_KEY_WRAP => Self::aes_key_wrap(256),
            CKM_RSA_PKCS_PSS | CKM_SHA256_RSA_PKCS_PSS => pss(CKM_SHA256, CKG_MGF1_SHA256),
            CKM_SHA1_RSA_PKCS_PSS => pss(CKM_SHA_1, CKG_MGF1_SHA1),
            CKM_SHA224_RSA_PKCS_PSS => pss(CKM_SHA224, CKG_MGF1_SHA224),
            CKM_SHA384_RSA_PKCS_PSS => pss(CKM_SHA384, CKG_MGF1_SHA384),
            CKM_SHA512_RSA_PKCS_PSS => pss(CKM_SHA512, CKG_MGF1_SHA512),
            _ => Self::plain(id),
        }
    }

    /// Does something with the mechanism as the C interface takes it.
    pub fn with<T>(&self, work: impl FnOnce(*mut CK_MECHANISM) -> T) -> T {
        let mut parameter = self.parameter.clone();
        let mut envelope;
        let (pointer, length): (*mut std::ffi::c_void, usize) = match &mut parameter {
            Parameter::None => (null_mut(), 0),
            Parameter::Pss(parameters) => (std::ptr::from_mut(parameters).cast(), size_of_val(parameters)),
            Parameter::Oaep(parameters, label) => {
                parameters.pSourceData =
                    if label.is_empty() { null_mut() } else { label.as_mut_ptr().cast() };
                (std::ptr::from_mut(parameters).cast(), size_of_val(parameters))
            }
            Parameter::AesKeyWrap(bits, oaep) => {
                envelope = CK_RSA_AES_KEY_WRAP_PARAMS { ulAESKeyBits: *bits, pOAEPParams: oaep };
                (std::ptr::from_mut(&mut envelope).cast(), size_of_val(&envelope))
            }
        };
        work(&mut CK_MECHANISM {
            mechanism: self.id,
            pParameter: pointer,
            ulParameterLen: length as CK_ULONG,
        })
    }
}

impl Session<'_> {
    /// A public key as a session object, from its two numbers.
    pub fn rsa_public(&self, modulus: &[u8], exponent: &[u8]) -> Outcome<CK_OBJECT_HANDLE> {
        self.create(&[
            number(CKA_CLASS, CKO_PUBLIC_KEY),
            number(CKA_KEY_TYPE, CKK_RSA),
            (CKA_MODULUS, modulus.to_vec()),
            (CKA_PUBLIC_EXPONENT, exponent.to_vec()),
            on_token(false),
        ])
    }

    /// A private key on the token, from these of its numbers.
    pub fn rsa_private(&self, numbers: &[Attribute], more: &[Attribute]) -> Outcome<CK_OBJECT_HANDLE> {
        let kind = [number(CKA_CLASS, CKO_PRIVATE_KEY), number(CKA_KEY_TYPE, CKK_RSA), on_token(true)];
        self.create(&[&kind[..], numbers, more].concat())
    }

    /// The key pair of 2048 bits that all tests share: making one takes the nodes seconds. Nobody destroys it.
    ///
    /// # Panics
    /// If it is neither there nor generated.
    pub fn rsa(&self) -> Pair {
        let first = |template: &[Attribute]| self.find(template).expect("a search").first().copied();
        // Tests that come at once may each make a pair: the two halves must be of one.
        let found = first(&[number(CKA_CLASS, CKO_PUBLIC_KEY), labelled(SHARED)]).and_then(|public| {
            let id = self.get(public, CKA_ID).expect("the identifier of a key on the token");
            let private = first(&[number(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_ID, id)])?;
            Some(Pair { public, private })
        });
        found.unwrap_or_else(|| self.rsa_of(2048, SHARED))
    }

    /// A new pair on the token.
    ///
    /// # Panics
    /// If it is not generated.
    pub fn rsa_of(&self, bits: usize, label: &str) -> Pair {
        let public = [number(CKA_MODULUS_BITS, bits as CK_ULONG), on_token(true), labelled(label)];
        let private = [on_token(true), labelled(label)];
        self.generate_with(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private).expect("C_GenerateKeyPair")
    }

    /// `C_SignInit` and `C_Sign`.
    pub fn rsa_sign(&self, mechanism: &RsaMechanism, key: CK_OBJECT_HANDLE, data: &[u8]) -> Outcome<Vec<u8>> {
        ok(mechanism.with(|mechanism| call!(self.module, C_SignInit(self.handle, mechanism, key))))?;
        let (mut out, mut length) = (vec![0; 512], 512);
        ok(call!(
            self.module,
            C_Sign(self.handle, data.as_ptr().cast_mut(), len(data), out.as_mut_ptr(), &mut length)
        ))?;
        out.truncate(length as usize);
        Ok(out)
    }

    /// `C_VerifyInit` and `C_Verify`.
    pub fn rsa_verify(
        &self,
        mechanism: &RsaMechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> CK_RV {
        let started =
            mechanism.with(|mechanism| call!(self.module, C_VerifyInit(self.handle, mechanism, key)));
        if started != CKR_OK {
            return started;
        }
        let (data, data_len) = (data.as_ptr().cast_mut(), len(data));
        let (signature, signature_len) = (signature.as_ptr().cast_mut(), len(signature));
        call!(self.module, C_Verify(self.handle, data, data_len, signature, signature_len))
    }

    /// `C_SignInit`, `C_SignUpdate` for each part, and `C_SignFinal`.
    pub fn rsa_sign_parts(
        &self,
        mechanism: &RsaMechanism,
        key: CK_OBJECT_HANDLE,
        parts: &[&[u8]],
    ) -> Outcome<Vec<u8>> {
        ok(mechanism.with(|mechanism| call!(self.module, C_SignInit(self.handle, mechanism, key))))?;
        for part in parts {
            ok(call!(self.module, C_SignUpdate(self.handle, part.as_ptr().cast_mut(), len(part))))?;
        }
        let (mut out, mut length) = (vec![0; 512], 512);
        ok(call!(self.module, C_SignFinal(self.handle, out.as_mut_ptr(), &mut length)))?;
        out.truncate(length as usize);
        Ok(out)
    }

    /// `C_VerifyInit`, `C_VerifyUpdate` for each part, and `C_VerifyFinal`.
    pub fn rsa_verify_parts(
        &self,
        mechanism: &RsaMechanism,
        key: CK_OBJECT_HANDLE,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> CK_RV {
        let started =
            mechanism.with(|mechanism| call!(self.module, C_VerifyInit(self.handle, mechanism, key)));
        if started != CKR_OK {
            return started;
        }
        for part in parts {
            let rv = call!(self.module, C_VerifyUpdate(self.handle, part.as_ptr().cast_mut(), len(part)));
            if rv != CKR_OK {
                return rv;
            }
        }
        call!(self.module, C_VerifyFinal(self.handle, signature.as_ptr().cast_mut(), len(signature)))
    }

    /// `C_WrapKey`, by both calls that an application makes.
    pub fn wrap(
        &self,
        mechanism: &RsaMechanism,
        wrapping_key: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Outcome<Vec<u8>> {
        let mut length = 0;
        let call = |out: *mut CK_BYTE, length: &mut CK_ULONG| {
            ok(mechanism.with(|mechanism| {
                call!(self.module, C_WrapKey(self.handle, mechanism, wrapping_key, key, out, length))
            }))
        };
        call(null_mut(), &mut length)?;
        let mut out = vec![0; length as usize];
        call(out.as_mut_ptr(), &mut length)?;
        out.truncate(length as usize);
        Ok(out)
    }

    /// `C_UnwrapKey`.
    pub fn unwrap(
        &self,
        mechanism: &RsaMechanism,
        unwrapping_key: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        attributes: &[Attribute],
    ) -> Outcome<CK_OBJECT_HANDLE> {
        let (mut template, mut key) = (template(attributes), 0);
        let (data, count) = (wrapped.as_ptr().cast_mut(), template.len() as CK_ULONG);
        ok(mechanism.with(|mechanism| {
            call!(
                self.module,
                C_UnwrapKey(
                    self.handle,
                    mechanism,
                    unwrapping_key,
                    data,
                    len(wrapped),
                    template.as_mut_ptr(),
                    count,
                    &mut key
                )
            )
        }))?;
        Ok(key)
    }

    /// `C_EncryptInit` and `C_Encrypt`.
    pub fn rsa_encrypt(
        &self,
        mechanism: &RsaMechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Outcome<Vec<u8>> {
        ok(mechanism.with(|mechanism| call!(self.module, C_EncryptInit(self.handle, mechanism, key))))?;
        let (mut out, mut length) = (vec![0; 512], 512);
        ok(call!(
            self.module,
            C_Encrypt(self.handle, data.as_ptr().cast_mut(), len(data), out.as_mut_ptr(), &mut length)
        ))?;
        out.truncate(length as usize);
        Ok(out)
    }

    /// `C_DecryptInit` and `C_Decrypt`.
    pub fn rsa_decrypt(
        &self,
        mechanism: &RsaMechanism,
        key: CK_OBJECT_HANDLE,
        ciphertext: &[u8],
    ) -> Outcome<Vec<u8>> {
        ok(mechanism.with(|mechanism| call!(self.module, C_DecryptInit(self.handle, mechanism, key))))?;
        let (mut out, mut length) = (vec![0; 512], 512);
        let (data, data_len) = (ciphertext.as_ptr().cast_mut(), len(ciphertext));
        ok(call!(self.module, C_Decrypt(self.handle, data, data_len, out.as_mut_ptr(), &mut length)))?;
        out.truncate(length as usize);
        Ok(out)
    }
}

fn len(bytes: &[u8]) -> CK_ULONG {
    bytes.len() as CK_ULONG
}

const SHARED: &str = "shared RSA pair";

/// A modulus of 2048 bits, for keys with which nothing is signed: no key has it.
pub const MODULUS: [u8; 256] = {
    let mut modulus = [0xb7; 256];
    modulus[255] = 0x01;
    modulus
};
