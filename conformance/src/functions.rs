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

/// What a function takes: one argument, or a pointer and the length or count that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Parameter {
    // Where and what.
    Session,
    Slot,
    Object,
    SignKey,
    VerifyKey,
    DigestedKey,
    EncryptKey,
    DecryptKey,
    BaseKey,
    WrappingKey,
    WrappedKey,
    UnwrappingKey,
    OtherKey,
    // Numbers.
    Bool,
    OpenFlags,
    EventFlags,
    CancelFlags,
    InterfaceFlags,
    UserType,
    MechanismType,
    Number,
    // Pointers to one thing.
    /// A result of fixed size.
    Out,
    Reserved,
    Ignored,
    InitArgs,
    Label,
    InterfaceName,
    InterfaceVersion,
    DigestMechanism,
    SignMechanism,
    EncryptMechanism,
    DecryptMechanism,
    PairMechanism,
    DeriveMechanism,
    WrapMechanism,
    UnwrapMechanism,
    OtherMechanism,
    // A pointer and a length or count.
    Data,
    Ciphertext,
    Wrapped,
    Signature,
    Pin,
    UserName,
    OldPin,
    NewPin,
    FirstPin,
    SoPin,
    Random,
    NewObject,
    Changes,
    Wanted,
    Search,
    PublicTemplate,
    PrivateTemplate,
    SecretTemplate,
    Template,
    // A pointer for the result and one to its length.
    Buffer,
    List,
    /// The handles that were found: pointer, how many at most, pointer to how many.
    Found,
}

impl Parameter {
    /// How many arguments it is.
    pub fn arguments(self) -> usize {
        use Parameter::*;
        match self {
            Session | Slot | Object | SignKey | VerifyKey | DigestedKey | EncryptKey | DecryptKey => 1,
            BaseKey | WrappingKey | WrappedKey | UnwrappingKey | OtherKey => 1,
            Bool | OpenFlags | EventFlags | CancelFlags | InterfaceFlags => 1,
            UserType | MechanismType | Number | Out | Reserved | Ignored | InitArgs | Label => 1,
            InterfaceName | InterfaceVersion => 1,
            EncryptMechanism | DecryptMechanism | WrapMechanism | UnwrapMechanism => 1,
            DigestMechanism | SignMechanism | PairMechanism | DeriveMechanism | OtherMechanism => 1,
            Data | Ciphertext | Wrapped | Signature | Pin | UserName | OldPin | NewPin | FirstPin | SoPin
            | Random => 2,
            NewObject | Changes | Wanted | Search => 2,
            PublicTemplate | PrivateTemplate | SecretTemplate | Template => 2,
            Buffer | List => 2,
            Found => 3,
        }
    }
}

/// What an initialised library does with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Does what the standard says; `chapter::test` shows it.
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
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// What it is expected to answer.
    pub answer: Answer,
}

impl Function {
    /// How many arguments it has.
    pub fn arguments(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.arguments()).sum()
    }
}

const fn f(name: &'static str, since: Since, parameters: &'static [Parameter], answer: Answer) -> Function {
    Function { name, since, parameters, answer }
}

use Answer::{Done, NotParallel, NotSupported};
use Parameter::*;
use Since::{V2_40, V3_0, V3_2};

/// All functions; the index is the position in the 3.2 table.
#[rustfmt::skip]
pub static FUNCTIONS: [Function; 104] = [
    f("C_Initialize", V2_40, &[InitArgs], Done("general::initialisation_and_finalisation_happen_once_each_and_again")),
    f("C_Finalize", V2_40, &[Reserved], Done("general::initialisation_and_finalisation_happen_once_each_and_again")),
    f("C_GetInfo", V2_40, &[Out], Done("general::info_names_the_library")),
    f("C_GetFunctionList", V2_40, &[Out], Done("interfaces::old_loaders_get_a_table_that_is_no_newer_than_it_says")),
    f("C_GetSlotList", V2_40, &[Bool, List], Done("slots::slots_are_listed_by_two_calls")),
    f("C_GetSlotInfo", V2_40, &[Slot, Out], Done("slots::a_slot_holds_its_token")),
    f("C_GetTokenInfo", V2_40, &[Slot, Out], Done("slots::a_token_says_what_it_is")),
    f("C_GetMechanismList", V2_40, &[Slot, List], Done("slots::every_mechanism_is_known_and_sized")),
    f("C_GetMechanismInfo", V2_40, &[Slot, MechanismType, Out], Done("slots::every_mechanism_is_known_and_sized")),
    f("C_InitToken", V2_40, &[Slot, SoPin, Label], Done("login::initialising_a_token_wipes_it")),
    f("C_InitPIN", V2_40, &[Session, FirstPin], Done("login::the_security_officer_sets_a_users_pin")),
    f("C_SetPIN", V2_40, &[Session, OldPin, NewPin], Done("login::a_changed_pin_replaces_the_old_one")),
    f("C_OpenSession", V2_40, &[Slot, OpenFlags, Ignored, Ignored, Out], Done("sessions::sessions_are_serial")),
    f("C_CloseSession", V2_40, &[Session], Done("sessions::a_closed_session_is_gone_and_its_number_is_not_used_again")),
    f("C_CloseAllSessions", V2_40, &[Slot], Done("sessions::sessions_are_counted_and_closed_together")),
    f("C_GetSessionInfo", V2_40, &[Session, Out], Done("sessions::info_follows_the_login")),
    f("C_GetOperationState", V2_40, &[Session, Buffer], NotSupported),
    f("C_SetOperationState", V2_40, &[Session, Data, OtherKey, OtherKey], NotSupported),
    f("C_Login", V2_40, &[Session, UserType, Pin], Done("login::login_is_shared_by_all_sessions_and_told_once")),
    f("C_Logout", V2_40, &[Session], Done("login::private_objects_come_and_go_with_the_login")),
    f("C_CreateObject", V2_40, &[Session, NewObject, Out], Done("objects::a_token_object_outlives_the_library")),
    f("C_CopyObject", V2_40, &[Session, Object, Changes, Out], Done("objects::a_copy_may_move_to_the_token")),
    f("C_DestroyObject", V2_40, &[Session, Object], Done("keys::a_destroyed_key_signs_no_more")),
    f("C_GetObjectSize", V2_40, &[Session, Object, Out], Done("objects::a_size_is_told")),
    f("C_GetAttributeValue", V2_40, &[Session, Object, Wanted], Done("objects::every_entry_of_a_template_is_answered")),
    f("C_SetAttributeValue", V2_40, &[Session, Object, Changes], Done("objects::attributes_change_where_they_may")),
    f("C_FindObjectsInit", V2_40, &[Session, Search], Done("objects::a_search_is_one_operation")),
    f("C_FindObjects", V2_40, &[Session, Found], Done("objects::a_search_is_one_operation")),
    f("C_FindObjectsFinal", V2_40, &[Session], Done("objects::a_search_is_one_operation")),
    f("C_EncryptInit", V2_40, &[Session, EncryptMechanism, EncryptKey], Done("rsa_public::encryption_is_one_operation_in_one_part")),
    f("C_Encrypt", V2_40, &[Session, Data, Buffer], Done("rsa_public::what_is_encrypted_others_decrypt")),
    f("C_EncryptUpdate", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_EncryptFinal", V2_40, &[Session, Buffer], NotSupported),
    f("C_DecryptInit", V2_40, &[Session, DecryptMechanism, DecryptKey], Done("rsa::decryption_is_one_operation_in_one_part")),
    f("C_Decrypt", V2_40, &[Session, Ciphertext, Buffer], Done("rsa::what_is_encrypted_is_decrypted")),
    f("C_DecryptUpdate", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_DecryptFinal", V2_40, &[Session, Buffer], NotSupported),
    f("C_DigestInit", V2_40, &[Session, DigestMechanism], Done("digesting::fips_examples")),
    f("C_Digest", V2_40, &[Session, Data, Buffer], Done("digesting::fips_examples")),
    f("C_DigestUpdate", V2_40, &[Session, Data], Done("digesting::parts_make_the_same_digest")),
    f("C_DigestKey", V2_40, &[Session, DigestedKey], Done("digesting::the_value_of_our_keys_is_not_digested")),
    f("C_DigestFinal", V2_40, &[Session, Buffer], Done("digesting::parts_make_the_same_digest")),
    f("C_SignInit", V2_40, &[Session, SignMechanism, SignKey], Done("signing::keys_sign_only_as_their_attributes_allow")),
    f("C_Sign", V2_40, &[Session, Data, Buffer], Done("signing::hashed_mechanisms_sign_what_they_hash")),
    f("C_SignUpdate", V2_40, &[Session, Data], Done("signing::parts_are_signed_as_one_message")),
    f("C_SignFinal", V2_40, &[Session, Buffer], Done("signing::parts_are_signed_as_one_message")),
    f("C_SignRecoverInit", V2_40, &[Session, OtherMechanism, OtherKey], NotSupported),
    f("C_SignRecover", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_VerifyInit", V2_40, &[Session, SignMechanism, VerifyKey], Done("verifying::our_signatures_verify_and_others_do_not")),
    f("C_Verify", V2_40, &[Session, Data, Signature], Done("verifying::our_signatures_verify_and_others_do_not")),
    f("C_VerifyUpdate", V2_40, &[Session, Data], Done("verifying::parts_are_verified_as_one_message")),
    f("C_VerifyFinal", V2_40, &[Session, Signature], Done("verifying::parts_are_verified_as_one_message")),
    f("C_VerifyRecoverInit", V2_40, &[Session, OtherMechanism, OtherKey], NotSupported),
    f("C_VerifyRecover", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_DigestEncryptUpdate", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_DecryptDigestUpdate", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_SignEncryptUpdate", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_DecryptVerifyUpdate", V2_40, &[Session, Data, Buffer], NotSupported),
    f("C_GenerateKey", V2_40, &[Session, OtherMechanism, Template, Out], NotSupported),
    f("C_GenerateKeyPair", V2_40, &[Session, PairMechanism, PublicTemplate, PrivateTemplate, Out, Out], Done("keys::a_private_key_is_born_sensitive_and_stays_so")),
    f("C_WrapKey", V2_40, &[Session, WrapMechanism, WrappingKey, WrappedKey, Buffer], Done("wrapping::a_secret_key_goes_out_and_comes_back")),
    f("C_UnwrapKey", V2_40, &[Session, UnwrapMechanism, UnwrappingKey, Wrapped, SecretTemplate, Out], Done("wrapping::a_secret_key_goes_out_and_comes_back")),
    f("C_DeriveKey", V2_40, &[Session, DeriveMechanism, BaseKey, SecretTemplate, Out], Done("deriving::two_sides_agree_on_every_curve")),
    f("C_SeedRandom", V2_40, &[Session, Data], Done("random::a_seed_is_mixed_in_and_decides_nothing")),
    f("C_GenerateRandom", V2_40, &[Session, Random], Done("random::random_bytes_are_not_the_same_twice")),
    f("C_GetFunctionStatus", V2_40, &[Session], NotParallel),
    f("C_CancelFunction", V2_40, &[Session], NotParallel),
    f("C_WaitForSlotEvent", V2_40, &[EventFlags, Out, Reserved], Done("slots::there_is_no_slot_event_and_no_waiting_for_one")),
    f("C_GetInterfaceList", V3_0, &[List], Done("interfaces::interfaces_are_listed_best_first")),
    f("C_GetInterface", V3_0, &[InterfaceName, InterfaceVersion, Out, InterfaceFlags], Done("interfaces::an_interface_is_chosen_by_name_version_and_flags")),
    f("C_LoginUser", V3_0, &[Session, UserType, Pin, UserName], Done("login::the_user_has_no_name")),
    f("C_SessionCancel", V3_0, &[Session, CancelFlags], Done("sessions::cancelling_ends_the_operations_that_are_named")),
    f("C_MessageEncryptInit", V3_0, &[Session, OtherMechanism, OtherKey], NotSupported),
    f("C_EncryptMessage", V3_0, &[Session, Data, Data, Data, Buffer], NotSupported),
    f("C_EncryptMessageBegin", V3_0, &[Session, Data, Data], NotSupported),
    f("C_EncryptMessageNext", V3_0, &[Session, Data, Data, Buffer, Number], NotSupported),
    f("C_MessageEncryptFinal", V3_0, &[Session], NotSupported),
    f("C_MessageDecryptInit", V3_0, &[Session, OtherMechanism, OtherKey], NotSupported),
    f("C_DecryptMessage", V3_0, &[Session, Data, Data, Data, Buffer], NotSupported),
    f("C_DecryptMessageBegin", V3_0, &[Session, Data, Data], NotSupported),
    f("C_DecryptMessageNext", V3_0, &[Session, Data, Data, Buffer, Number], NotSupported),
    f("C_MessageDecryptFinal", V3_0, &[Session], NotSupported),
    f("C_MessageSignInit", V3_0, &[Session, OtherMechanism, OtherKey], NotSupported),
    f("C_SignMessage", V3_0, &[Session, Data, Data, Buffer], NotSupported),
    f("C_SignMessageBegin", V3_0, &[Session, Data], NotSupported),
    f("C_SignMessageNext", V3_0, &[Session, Data, Data, Buffer], NotSupported),
    f("C_MessageSignFinal", V3_0, &[Session], NotSupported),
    f("C_MessageVerifyInit", V3_0, &[Session, OtherMechanism, OtherKey], NotSupported),
    f("C_VerifyMessage", V3_0, &[Session, Data, Data, Data], NotSupported),
    f("C_VerifyMessageBegin", V3_0, &[Session, Data], NotSupported),
    f("C_VerifyMessageNext", V3_0, &[Session, Data, Data, Data], NotSupported),
    f("C_MessageVerifyFinal", V3_0, &[Session], NotSupported),
    f("C_EncapsulateKey", V3_2, &[Session, OtherMechanism, OtherKey, Template, Buffer, Out], NotSupported),
    f("C_DecapsulateKey", V3_2, &[Session, OtherMechanism, OtherKey, Template, Data, Out], NotSupported),
    f("C_VerifySignatureInit", V3_2, &[Session, OtherMechanism, OtherKey, Data], NotSupported),
    f("C_VerifySignature", V3_2, &[Session, Data], NotSupported),
    f("C_VerifySignatureUpdate", V3_2, &[Session, Data], NotSupported),
    f("C_VerifySignatureFinal", V3_2, &[Session], NotSupported),
    f("C_GetSessionValidationFlags", V3_2, &[Session, Number, Out], NotSupported),
    f("C_AsyncComplete", V3_2, &[Session, Out, Out], NotSupported),
    f("C_AsyncGetID", V3_2, &[Session, Out, Out], NotSupported),
    f("C_AsyncJoin", V3_2, &[Session, Out, Number, Data], NotSupported),
    f("C_WrapKeyAuthenticated", V3_2, &[Session, OtherMechanism, OtherKey, OtherKey, Data, Buffer], NotSupported),
    f("C_UnwrapKeyAuthenticated", V3_2, &[Session, OtherMechanism, OtherKey, Data, Template, Data, Out], NotSupported),
];
