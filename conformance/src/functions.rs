//! All functions of PKCS#11 3.2 in the order of the function table, with what each takes and what we expect of it.

/// The first version of the standard's function table that has a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// 2.40 and before.
    V2_40,
    /// 3.0.
    V3_0,
    /// 3.2.
    V3_2,
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A pointer.
    Pointer,
    /// A length or count that belongs to the pointer before it.
    Length,
    /// A session handle.
    Session,
    /// Any other number: object, slot, flags, mechanism.
    Number,
}

/// What an initialised library does with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Does what the standard says; the chapter that tests it.
    Done(&'static str),
    /// `CKR_FUNCTION_NOT_SUPPORTED`.
    NotSupported,
    /// `CKR_FUNCTION_NOT_PARALLEL`, as the standard demands.
    NotParallel,
}

/// One function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// `C_` name.
    pub name: &'static str,
    /// First table that has it.
    pub since: Since,
    /// Its arguments in order.
    pub arguments: &'static [Argument],
    /// What it is expected to answer.
    pub answer: Answer,
}

const fn f(name: &'static str, since: Since, arguments: &'static [Argument], answer: Answer) -> Function {
    Function { name, since, arguments, answer }
}

use Answer::{Done, NotParallel, NotSupported};
use Argument::{Length as L, Number as N, Pointer as P, Session as S};
use Since::{V2_40, V3_0, V3_2};

/// All functions; the index is the position in the 3.2 table.
#[rustfmt::skip]
pub static FUNCTIONS: [Function; 104] = [
    f("C_Initialize", V2_40, &[P], Done("general")),
    f("C_Finalize", V2_40, &[P], Done("general")),
    f("C_GetInfo", V2_40, &[P], Done("general")),
    f("C_GetFunctionList", V2_40, &[P], Done("interfaces")),
    f("C_GetSlotList", V2_40, &[N, P, P], Done("slots")),
    f("C_GetSlotInfo", V2_40, &[N, P], Done("slots")),
    f("C_GetTokenInfo", V2_40, &[N, P], Done("slots")),
    f("C_GetMechanismList", V2_40, &[N, P, P], Done("slots")),
    f("C_GetMechanismInfo", V2_40, &[N, N, P], Done("slots")),
    f("C_InitToken", V2_40, &[N, P, L, P], Done("login")),
    f("C_InitPIN", V2_40, &[S, P, L], Done("login")),
    f("C_SetPIN", V2_40, &[S, P, L, P, L], Done("login")),
    f("C_OpenSession", V2_40, &[N, N, P, P, P], Done("sessions")),
    f("C_CloseSession", V2_40, &[S], Done("sessions")),
    f("C_CloseAllSessions", V2_40, &[N], Done("sessions")),
    f("C_GetSessionInfo", V2_40, &[S, P], Done("sessions")),
    f("C_GetOperationState", V2_40, &[S, P, P], NotSupported),
    f("C_SetOperationState", V2_40, &[S, P, L, N, N], NotSupported),
    f("C_Login", V2_40, &[S, N, P, L], Done("login")),
    f("C_Logout", V2_40, &[S], Done("login")),
    f("C_CreateObject", V2_40, &[S, P, L, P], Done("objects")),
    f("C_CopyObject", V2_40, &[S, N, P, L, P], Done("objects")),
    f("C_DestroyObject", V2_40, &[S, N], Done("objects")),
    f("C_GetObjectSize", V2_40, &[S, N, P], Done("objects")),
    f("C_GetAttributeValue", V2_40, &[S, N, P, L], Done("objects")),
    f("C_SetAttributeValue", V2_40, &[S, N, P, L], Done("objects")),
    f("C_FindObjectsInit", V2_40, &[S, P, L], Done("objects")),
    f("C_FindObjects", V2_40, &[S, P, L, P], Done("objects")),
    f("C_FindObjectsFinal", V2_40, &[S], Done("objects")),
    f("C_EncryptInit", V2_40, &[S, P, N], NotSupported),
    f("C_Encrypt", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_EncryptUpdate", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_EncryptFinal", V2_40, &[S, P, P], NotSupported),
    f("C_DecryptInit", V2_40, &[S, P, N], NotSupported),
    f("C_Decrypt", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_DecryptUpdate", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_DecryptFinal", V2_40, &[S, P, P], NotSupported),
    f("C_DigestInit", V2_40, &[S, P], Done("digesting")),
    f("C_Digest", V2_40, &[S, P, L, P, P], Done("digesting")),
    f("C_DigestUpdate", V2_40, &[S, P, L], Done("digesting")),
    f("C_DigestKey", V2_40, &[S, N], Done("digesting")),
    f("C_DigestFinal", V2_40, &[S, P, P], Done("digesting")),
    f("C_SignInit", V2_40, &[S, P, N], Done("signing")),
    f("C_Sign", V2_40, &[S, P, L, P, P], Done("signing")),
    f("C_SignUpdate", V2_40, &[S, P, L], Done("signing")),
    f("C_SignFinal", V2_40, &[S, P, P], Done("signing")),
    f("C_SignRecoverInit", V2_40, &[S, P, N], NotSupported),
    f("C_SignRecover", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_VerifyInit", V2_40, &[S, P, N], Done("verifying")),
    f("C_Verify", V2_40, &[S, P, L, P, L], Done("verifying")),
    f("C_VerifyUpdate", V2_40, &[S, P, L], Done("verifying")),
    f("C_VerifyFinal", V2_40, &[S, P, L], Done("verifying")),
    f("C_VerifyRecoverInit", V2_40, &[S, P, N], NotSupported),
    f("C_VerifyRecover", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_DigestEncryptUpdate", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_DecryptDigestUpdate", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_SignEncryptUpdate", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_DecryptVerifyUpdate", V2_40, &[S, P, L, P, P], NotSupported),
    f("C_GenerateKey", V2_40, &[S, P, P, L, P], NotSupported),
    f("C_GenerateKeyPair", V2_40, &[S, P, P, L, P, L, P, P], Done("keys")),
    f("C_WrapKey", V2_40, &[S, P, N, N, P, P], NotSupported),
    f("C_UnwrapKey", V2_40, &[S, P, N, P, L, P, L, P], NotSupported),
    f("C_DeriveKey", V2_40, &[S, P, N, P, L, P], NotSupported),
    f("C_SeedRandom", V2_40, &[S, P, L], Done("random")),
    f("C_GenerateRandom", V2_40, &[S, P, L], Done("random")),
    f("C_GetFunctionStatus", V2_40, &[S], NotParallel),
    f("C_CancelFunction", V2_40, &[S], NotParallel),
    f("C_WaitForSlotEvent", V2_40, &[N, P, P], Done("slots")),
    f("C_GetInterfaceList", V3_0, &[P, P], Done("interfaces")),
    f("C_GetInterface", V3_0, &[P, P, P, N], Done("interfaces")),
    f("C_LoginUser", V3_0, &[S, N, P, L, P, L], NotSupported),
    f("C_SessionCancel", V3_0, &[S, N], Done("sessions")),
    f("C_MessageEncryptInit", V3_0, &[S, P, N], NotSupported),
    f("C_EncryptMessage", V3_0, &[S, P, L, P, L, P, L, P, P], NotSupported),
    f("C_EncryptMessageBegin", V3_0, &[S, P, L, P, L], NotSupported),
    f("C_EncryptMessageNext", V3_0, &[S, P, L, P, L, P, P, N], NotSupported),
    f("C_MessageEncryptFinal", V3_0, &[S], NotSupported),
    f("C_MessageDecryptInit", V3_0, &[S, P, N], NotSupported),
    f("C_DecryptMessage", V3_0, &[S, P, L, P, L, P, L, P, P], NotSupported),
    f("C_DecryptMessageBegin", V3_0, &[S, P, L, P, L], NotSupported),
    f("C_DecryptMessageNext", V3_0, &[S, P, L, P, L, P, P, N], NotSupported),
    f("C_MessageDecryptFinal", V3_0, &[S], NotSupported),
    f("C_MessageSignInit", V3_0, &[S, P, N], NotSupported),
    f("C_SignMessage", V3_0, &[S, P, L, P, L, P, P], NotSupported),
    f("C_SignMessageBegin", V3_0, &[S, P, L], NotSupported),
    f("C_SignMessageNext", V3_0, &[S, P, L, P, L, P, P], NotSupported),
    f("C_MessageSignFinal", V3_0, &[S], NotSupported),
    f("C_MessageVerifyInit", V3_0, &[S, P, N], NotSupported),
    f("C_VerifyMessage", V3_0, &[S, P, L, P, L, P, L], NotSupported),
    f("C_VerifyMessageBegin", V3_0, &[S, P, L], NotSupported),
    f("C_VerifyMessageNext", V3_0, &[S, P, L, P, L, P, L], NotSupported),
    f("C_MessageVerifyFinal", V3_0, &[S], NotSupported),
    f("C_EncapsulateKey", V3_2, &[S, P, N, P, L, P, P, P], NotSupported),
    f("C_DecapsulateKey", V3_2, &[S, P, N, P, L, P, L, P], NotSupported),
    f("C_VerifySignatureInit", V3_2, &[S, P, N, P, L], NotSupported),
    f("C_VerifySignature", V3_2, &[S, P, L], NotSupported),
    f("C_VerifySignatureUpdate", V3_2, &[S, P, L], NotSupported),
    f("C_VerifySignatureFinal", V3_2, &[S], NotSupported),
    f("C_GetSessionValidationFlags", V3_2, &[S, N, P], NotSupported),
    f("C_AsyncComplete", V3_2, &[S, P, P], NotSupported),
    f("C_AsyncGetID", V3_2, &[S, P, P], NotSupported),
    f("C_AsyncJoin", V3_2, &[S, P, L, P, L], NotSupported),
    f("C_WrapKeyAuthenticated", V3_2, &[S, P, N, N, P, L, P, P], NotSupported),
    f("C_UnwrapKeyAuthenticated", V3_2, &[S, P, N, P, L, P, L, P, L, P], NotSupported),
];
