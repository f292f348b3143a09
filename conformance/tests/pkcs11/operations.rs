//! What starts an operation, keeps it, and ends it: the same for every mechanism that is listed. Crate `token` states the
//! rules in `operation.rs`.

use std::ptr::null_mut;

use conformance::call;
use conformance::mechanisms::{CKM_COUNTERFOIL_FROST_P256_SHA256, Mechanism, key_pair, listed};
use conformance::rsa::RsaMechanism;
use conformance::session::{Pair, Session};
use conformance::token::Token;
use cryptoki_sys::*;

/// One kind of operation with one mechanism in one session.
struct Operation<'a> {
    session: &'a Session<'a>,
    kind: CK_FLAGS,
    mechanism: CK_MECHANISM_TYPE,
    key: CK_OBJECT_HANDLE,
    name: &'static str,
    /// As long as a signature or ciphertext.
    length: CK_ULONG,
    /// What is digested, signed, encrypted or decrypted.
    message: Vec<u8>,
}

/// Where a result goes, or how long a signature is.
#[derive(Clone, Copy)]
enum End {
    Room,
    Small,
    Length,
    Null,
}

use End::{Length, Null, Room, Small};

impl Operation<'_> {
    fn init_with(&self, mechanism: *mut CK_MECHANISM) -> CK_RV {
        let (module, handle) = (self.session.module, self.session.handle);
        match self.kind {
            CKF_DIGEST => call!(module, C_DigestInit(handle, mechanism)),
            CKF_SIGN => call!(module, C_SignInit(handle, mechanism, self.key)),
            CKF_ENCRYPT => call!(module, C_EncryptInit(handle, mechanism, self.key)),
            CKF_DECRYPT => call!(module, C_DecryptInit(handle, mechanism, self.key)),
            _ => call!(module, C_VerifyInit(handle, mechanism, self.key)),
        }
    }

    fn init(&self) -> CK_RV {
        RsaMechanism::usual(self.mechanism).with(|mechanism| self.init_with(mechanism))
    }

    fn cancel(&self, kind: CK_FLAGS) -> CK_RV {
        call!(self.session.module, C_SessionCancel(self.session.handle, kind))
    }

    fn update(&self, length: CK_ULONG, data: *mut u8) -> CK_RV {
        let (module, handle) = (self.session.module, self.session.handle);
        match self.kind {
            CKF_DIGEST => call!(module, C_DigestUpdate(handle, data, length)),
            CKF_SIGN => call!(module, C_SignUpdate(handle, data, length)),
            _ => call!(module, C_VerifyUpdate(handle, data, length)),
        }
    }

    /// The single-part call for the message, or the final one.
    fn end(&self, at_once: bool, end: End) -> CK_RV {
        let (module, handle) = (self.session.module, self.session.handle);
        let mut buffer = [1u8; 256];
        let (data, data_len) = (self.message.as_ptr().cast_mut(), self.message.len() as CK_ULONG);
        if self.kind == CKF_VERIFY {
            let (signature, len) = match end {
                Null => (null_mut(), self.length),
                Small => (buffer.as_mut_ptr(), 3),
                Room | Length => (buffer.as_mut_ptr(), self.length),
            };
            return match at_once {
                true => call!(module, C_Verify(handle, data, data_len, signature, len)),
                false => call!(module, C_VerifyFinal(handle, signature, len)),
            };
        }
        let mut length = if matches!(end, Small) { 1 } else { 256 };
        let out = if matches!(end, Length) { null_mut() } else { buffer.as_mut_ptr() };
        let length = if matches!(end, Null) { null_mut() } else { &raw mut length };
        match (self.kind, at_once) {
            (CKF_DIGEST, true) => call!(module, C_Digest(handle, data, data_len, out, length)),
            (CKF_DIGEST, false) => call!(module, C_DigestFinal(handle, out, length)),
            (CKF_ENCRYPT, _) => call!(module, C_Encrypt(handle, data, data_len, out, length)),
            (CKF_DECRYPT, _) => call!(module, C_Decrypt(handle, data, data_len, out, length)),
            (_, true) => call!(module, C_Sign(handle, data, data_len, out, length)),
            (_, false) => call!(module, C_SignFinal(handle, out, length)),
        }
    }

    /// Whether it has functions for parts.
    fn has_parts(&self) -> bool {
        ![CKF_ENCRYPT, CKF_DECRYPT].contains(&self.kind)
    }

    /// Runs `steps` in a started operation and says whether it is active afterwards.
    fn after(&self, steps: &[(&dyn Fn() -> CK_RV, CK_RV)]) -> bool {
        assert_eq!(self.init(), CKR_OK, "{}", self.name);
        for (position, (step, expected)) in steps.iter().enumerate() {
            assert_eq!(step(), *expected, "{}, kind {:#x}, step {position}", self.name, self.kind);
        }
        let active = match self.init() {
            CKR_OK => false,
            CKR_OPERATION_ACTIVE => true,
            other => panic!("{}: {other:#x}", self.name),
        };
        assert_eq!(self.cancel(self.kind), CKR_OK);
        active
    }
}

/// Runs `check` for every listed mechanism and every kind of operation that it has.
fn for_every_mechanism(check: impl Fn(&Operation<'_>)) {
    let token = Token::shared();
    let session = token.user();
    let mut done = 0;
    for Mechanism { id, name, info, .. } in listed(&token) {
        let kinds = [CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT];
        let kinds = kinds.into_iter().filter(|kind| info.flags & kind != 0);
        for kind in kinds {
            let Pair { public, private } = match kind {
                CKF_DIGEST => Pair { public: 0, private: 0 },
                _ => key_pair(&session, id),
            };
            let key = if [CKF_SIGN, CKF_DECRYPT].contains(&kind) { private } else { public };
            let message = match kind {
                CKF_DECRYPT => session.rsa_encrypt(&RsaMechanism::usual(id), public, b"secret").unwrap(),
                _ => vec![7; 32],
            };
            let length = match id {
                CKM_COUNTERFOIL_FROST_P256_SHA256 => 65,
                _ if name.contains("RSA") => 256,
                _ => 64,
            };
            check(&Operation { session: &session, kind, mechanism: id, key, name, length, message });
            let own = [public, private].into_iter().filter(|key| *key != 0 && !name.contains("RSA"));
            own.for_each(|key| {
                session.destroy(key);
            });
            done += 1;
        }
    }
    assert!(done > 20, "{done}");
}

#[test]
fn a_second_init_is_refused_and_the_first_goes_on() {
    for_every_mechanism(|operation| {
        assert!(operation.after(&[(&|| operation.init(), CKR_OPERATION_ACTIVE)]));
    });
}

#[test]
fn lengths_and_small_buffers_keep_it_and_the_result_ends_it() {
    for_every_mechanism(|operation| {
        let end = |at_once, end| move || operation.end(at_once, end);
        for at_once in [true, false] {
            if operation.kind == CKF_VERIFY {
                // There is no result to ask the length of; a wrong signature ends it, whatever is wrong.
                assert!(!operation.after(&[
                    (&|| operation.update(32, [7; 32].as_mut_ptr()), CKR_OK),
                    (&end(false, Small), CKR_SIGNATURE_LEN_RANGE)
                ]));
                assert!(!operation.after(&[(&end(true, Room), CKR_SIGNATURE_INVALID)]));
                continue;
            }
            let asked = [
                (&end(at_once, Length) as &dyn Fn() -> CK_RV, CKR_OK),
                (&end(at_once, Length), CKR_OK),
                (&end(at_once, Small), CKR_BUFFER_TOO_SMALL),
            ];
            if at_once || operation.has_parts() {
                assert!(operation.after(&asked));
            }
        }
        if operation.kind == CKF_DIGEST {
            assert!(!operation.after(&[(&end(true, Room), CKR_OK)]));
            assert!(!operation.after(&[(&end(false, Room), CKR_OK)]));
        }
        if [CKF_SIGN, CKF_ENCRYPT, CKF_DECRYPT].contains(&operation.kind) {
            assert!(
                !operation
                    .after(&[(&end(true, Room), CKR_OK), (&end(true, Room), CKR_OPERATION_NOT_INITIALIZED)])
            );
        }
    });
}

#[test]
fn bad_arguments_end_it() {
    for_every_mechanism(|operation| {
        assert!(!operation.after(&[(&|| operation.end(true, Null), CKR_ARGUMENTS_BAD)]));
        if !operation.has_parts() {
            return;
        }
        assert!(!operation.after(&[(&|| operation.end(false, Null), CKR_ARGUMENTS_BAD)]));
        assert!(!operation.after(&[(&|| operation.update(8, null_mut()), CKR_ARGUMENTS_BAD)]));
    });
}

#[test]
fn single_and_multiple_parts_do_not_mix() {
    for_every_mechanism(|operation| {
        if !operation.has_parts() {
            return;
        }
        let part = || operation.update(16, [7; 16].as_mut_ptr());
        let at_once = || operation.end(true, Length);
        assert!(operation.after(&[(&part, CKR_OK), (&at_once, CKR_OPERATION_ACTIVE), (&part, CKR_OK)]));
        if operation.kind != CKF_VERIFY {
            assert!(!operation.after(&[(&at_once, CKR_OK), (&part, CKR_OPERATION_ACTIVE)]));
            let last = || operation.end(false, Room);
            assert!(!operation.after(&[(&at_once, CKR_OK), (&last, CKR_OPERATION_ACTIVE)]));
        }
    });
}

#[test]
fn it_is_cancelled_by_a_null_mechanism_or_by_name_and_by_nothing_else() {
    for_every_mechanism(|operation| {
        let part = || match operation.has_parts() {
            true => operation.update(16, [7; 16].as_mut_ptr()),
            false => operation.end(true, Length),
        };
        assert!(!operation.after(&[(&part, CKR_OK), (&|| operation.init_with(null_mut()), CKR_OK)]));
        assert!(!operation.after(&[(&part, CKR_OK), (&|| operation.cancel(operation.kind), CKR_OK)]));
        let others = (CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT | CKF_FIND_OBJECTS)
            & !operation.kind;
        assert!(operation.after(&[(&|| operation.cancel(others), CKR_OK)]));
        // Nothing is active: there is nothing to cancel, which is no error.
        assert_eq!(operation.cancel(operation.kind), CKR_OK);
        assert_eq!(operation.init_with(null_mut()), CKR_OK);
    });
}
