//! `CK_MECHANISM`, copied, with whatever its parameter points to.

use cryptoki_sys::*;
use token::{Error, MechanismCall, ParameterForm};

use super::ptr::Ptr;
use super::{Answer, Failure};

/// A copy of a mechanism and its parameter.
pub(super) struct Mechanism {
    id: u64,
    parameter: Parameter,
}

/// A copy of a parameter.
enum Parameter {
    Bytes(Vec<u8>),
    Ecdh1Derive { kdf: u64, shared_data: Vec<u8>, public_data: Vec<u8> },
    Eddsa { prehashed: bool, context: Vec<u8> },
    RsaPss { hash: u64, mgf: u64, salt_bytes: u64 },
    RsaOaep { hash: u64, mgf: u64, source: u64, label: Vec<u8> },
    RsaAesKeyWrap { aes_bits: u64, hash: u64, mgf: u64, source: u64, label: Vec<u8> },
}

impl Mechanism {
    /// Null where a mechanism may be absent: an init function with null ends the active operation (PKCS#11 3.0).
    ///
    /// # Errors
    /// `CKR_MECHANISM_PARAM_INVALID` if the parameter is too long or not the structure of its mechanism,
    /// `CKR_ARGUMENTS_BAD` if it is null with a length.
    pub(super) fn optional(mechanism: Ptr<'_, CK_MECHANISM>) -> Answer<Option<Self>> {
        if mechanism.is_null() {
            return Ok(None);
        }
        let (id, parameter, len) = mechanism.mechanism()?;
        let parameter = match ParameterForm::of(id) {
            ParameterForm::Ecdh1Derive => Parameter::ecdh1_derive(parameter, len)?,
            ParameterForm::RsaPss => Parameter::rsa_pss(parameter, len)?,
            ParameterForm::RsaOaep => Parameter::rsa_oaep(parameter, len)?,
            ParameterForm::RsaAesKeyWrap => Parameter::rsa_aes_key_wrap(parameter, len)?,
            ParameterForm::Eddsa if len != 0 => Parameter::eddsa(parameter, len)?,
            ParameterForm::Eddsa | ParameterForm::Bytes => Parameter::Bytes(bytes(parameter, len)?),
        };
        Ok(Some(Self { id, parameter }))
    }

    /// A mechanism that must be there.
    ///
    /// # Errors
    /// As [`Mechanism::optional`], and `CKR_ARGUMENTS_BAD` for null.
    pub(super) fn required(mechanism: Ptr<'_, CK_MECHANISM>) -> Answer<Self> {
        Self::optional(mechanism.required()?)?.ok_or(Failure::ARGUMENTS_BAD)
    }

    /// The mechanism as crate `token` takes it.
    pub(super) fn call(&self) -> MechanismCall<'_> {
        let parameter = match &self.parameter {
            Parameter::Bytes(bytes) => token::Parameter::Bytes(bytes),
            Parameter::Ecdh1Derive { kdf, shared_data, public_data } => {
                token::Parameter::Ecdh1Derive { kdf: *kdf, shared_data, public_data }
            }
            Parameter::Eddsa { prehashed, context } => {
                token::Parameter::Eddsa { prehashed: *prehashed, context }
            }
            &Parameter::RsaPss { hash, mgf, salt_bytes } => {
                token::Parameter::RsaPss { hash, mgf, salt_bytes }
            }
            Parameter::RsaOaep { hash, mgf, source, label } => {
                token::Parameter::RsaOaep { hash: *hash, mgf: *mgf, source: *source, label }
            }
            Parameter::RsaAesKeyWrap { aes_bits, hash, mgf, source, label } => {
                token::Parameter::RsaAesKeyWrap {
                    aes_bits: *aes_bits,
                    hash: *hash,
                    mgf: *mgf,
                    source: *source,
                    label,
                }
            }
        };
        MechanismCall { id: self.id, parameter }
    }
}

impl Parameter {
    fn ecdh1_derive(parameter: Ptr<'_, u8>, len: CK_ULONG) -> Answer<Self> {
        let invalid = || Failure::from(Error::MechanismParamInvalid);
        if parameter.is_null() || len != size_of::<CK_ECDH1_DERIVE_PARAMS>() as CK_ULONG {
            return Err(invalid());
        }
        let (kdf, shared_data, public_data) = parameter.cast::<CK_ECDH1_DERIVE_PARAMS>().ecdh1_derive()?;
        let read = |(data, len): (Ptr<'_, u8>, CK_ULONG)| bytes(data, len).map_err(|_| invalid());
        Ok(Self::Ecdh1Derive { kdf, shared_data: read(shared_data)?, public_data: read(public_data)? })
    }

    fn rsa_pss(parameter: Ptr<'_, u8>, len: CK_ULONG) -> Answer<Self> {
        if parameter.is_null() || len != size_of::<CK_RSA_PKCS_PSS_PARAMS>() as CK_ULONG {
            return Err(Failure::from(Error::MechanismParamInvalid));
        }
        let CK_RSA_PKCS_PSS_PARAMS { hashAlg, mgf, sLen } =
            parameter.cast::<CK_RSA_PKCS_PSS_PARAMS>().read()?;
        Ok(Self::RsaPss { hash: hashAlg, mgf, salt_bytes: sLen })
    }

    fn rsa_oaep(parameter: Ptr<'_, u8>, len: CK_ULONG) -> Answer<Self> {
        let invalid = || Failure::from(Error::MechanismParamInvalid);
        if parameter.is_null() || len != size_of::<CK_RSA_PKCS_OAEP_PARAMS>() as CK_ULONG {
            return Err(invalid());
        }
        let ((hash, mgf, source), (label, len)) = parameter.cast::<CK_RSA_PKCS_OAEP_PARAMS>().rsa_oaep()?;
        Ok(Self::RsaOaep { hash, mgf, source, label: bytes(label, len).map_err(|_| invalid())? })
    }

    fn rsa_aes_key_wrap(parameter: Ptr<'_, u8>, len: CK_ULONG) -> Answer<Self> {
        let invalid = || Failure::from(Error::MechanismParamInvalid);
        if parameter.is_null() || len != size_of::<CK_RSA_AES_KEY_WRAP_PARAMS>() as CK_ULONG {
            return Err(invalid());
        }
        let (aes_bits, oaep) = parameter.cast::<CK_RSA_AES_KEY_WRAP_PARAMS>().rsa_aes_key_wrap()?;
        let oaep_len = size_of::<CK_RSA_PKCS_OAEP_PARAMS>() as CK_ULONG;
        match Self::rsa_oaep(oaep, oaep_len)? {
            Self::RsaOaep { hash, mgf, source, label } => {
                Ok(Self::RsaAesKeyWrap { aes_bits, hash, mgf, source, label })
            }
            _ => Err(invalid()),
        }
    }

    fn eddsa(parameter: Ptr<'_, u8>, len: CK_ULONG) -> Answer<Self> {
        let invalid = || Failure::from(Error::MechanismParamInvalid);
        if parameter.is_null() {
            return Err(Failure::ARGUMENTS_BAD);
        }
        if len != size_of::<CK_EDDSA_PARAMS>() as CK_ULONG {
            return Err(invalid());
        }
        let (flag, context, len) = parameter.cast::<CK_EDDSA_PARAMS>().eddsa()?;
        let prehashed = match flag {
            CK_FALSE => false,
            CK_TRUE => true,
            _ => return Err(invalid()),
        };
        Ok(Self::Eddsa { prehashed, context: bytes(context, len).map_err(|_| invalid())? })
    }
}

fn bytes(data: Ptr<'_, u8>, len: CK_ULONG) -> Answer<Vec<u8>> {
    data.bytes(len, PARAMETER_BYTES_MAX, Error::MechanismParamInvalid)
}

/// Longest parameter, and longest field of one.
const PARAMETER_BYTES_MAX: usize = 64 * 1024;
