//! What the specification says of wrong arguments and wrong moments, each rule once, with its clause. Sections are those
//! of PKCS#11 3.1; the text of 2.40 is the same where a rule does not say otherwise.

use cryptoki_sys::*;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Section and reason.
    pub clause: &'static str,
    /// What may be answered. If `CKR_OK` is among them, the rule alone does not make the call fail.
    pub codes: &'static [CK_RV],
}

/// The rules among `rules` that decide.
///
/// Sections 5.1.2 and 5.1.7: a wrong session comes before everything else. The functions that do nothing may look at it or
/// not: section 5.20 lists both codes.
pub fn deciding(rules: &[&'static Rule]) -> Vec<&'static Rule> {
    let is = |known: &'static Rule| rules.iter().any(|rule| std::ptr::eq(*rule, known));
    if is(&NOT_PARALLEL) && is(&SESSION) && !is(&NOT_INITIALIZED) {
        return vec![&NOT_PARALLEL_NOR_SESSION];
    }
    let first = [&NOT_INITIALIZED, &NOT_PARALLEL, &SESSION, &CANCEL];
    let decides = first.into_iter().find(|first| is(first));
    decides.map_or_else(|| rules.to_vec(), |rule| vec![rule])
}

/// The codes that a call may be answered with, where several rules apply: any of their errors, and success only if no
/// rule forbids it (section 5.1.7).
pub fn allowed(rules: &[&'static Rule]) -> Vec<CK_RV> {
    let rules = deciding(rules);
    // All that a length query does is to tell the length; it need not look at the data.
    let asks = rules.iter().any(|rule| std::ptr::eq(*rule, &LENGTH_QUERY));
    let data =
        [&NULL, &ABSURD, &NO_DATA, &NO_CIPHERTEXT, &CIPHERTEXT, &CIPHERTEXT_LENGTH, &ABSURD_CIPHERTEXT];
    let harmless = |rule: &Rule| asks && data.iter().any(|known| std::ptr::eq(rule, *known));
    let succeeds = rules.iter().all(|rule| rule.codes.contains(&CKR_OK) || harmless(rule));
    let errors = rules.iter().flat_map(|rule| rule.codes).copied().filter(|code| *code != CKR_OK);
    let mut codes: Vec<_> = errors.chain(succeeds.then_some(CKR_OK)).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Declares rules.
macro_rules! rules {
    ($($name:ident $clause:literal $($code:ident)*;)*) => {
        $(#[doc = $clause] pub static $name: Rule = Rule { clause: $clause, codes: &[$($code),*] };)*
    };
}

rules! {
    GOOD "5.1.1: nothing is wrong" CKR_OK;
    // The library and the session.
    NOT_INITIALIZED "5.4.1: every call but a few needs C_Initialize first" CKR_CRYPTOKI_NOT_INITIALIZED;
    ALREADY "5.4.1: C_Initialize is called once" CKR_CRYPTOKI_ALREADY_INITIALIZED;
    MUTEXES "5.4.1: mutexes of the application, to be used or refused" CKR_OK CKR_CANT_LOCK;
    SOME_MUTEXES "5.4.1: some mutex functions, but not all" CKR_ARGUMENTS_BAD;
    INIT_FLAGS "5.4.1: flags beyond those defined; a library that needs threads says so"
        CKR_OK CKR_ARGUMENTS_BAD CKR_NEED_TO_CREATE_THREADS;
    // We depart from the text, because NSS hands every module its parameter string there.
    INIT_RESERVED "5.4.1: pReserved must be null; our decision: it may be NSS's string" CKR_ARGUMENTS_BAD CKR_OK;
    INIT_RESERVED_AND_MUTEXES "5.4.1: some mutex functions, but not all, and pReserved" CKR_ARGUMENTS_BAD;
    SESSION "5.1.2 and 5.1.7: an invalid session handle comes before all other errors" CKR_SESSION_HANDLE_INVALID;
    SLOT "5.5: no such slot" CKR_SLOT_ID_INVALID;
    SESSION_EXISTS "5.5.7: C_InitToken fails while a session is open" CKR_SESSION_EXISTS;
    NOT_SUPPORTED "5.1.6: the stub of a function that is not supported" CKR_FUNCTION_NOT_SUPPORTED;
    STUB "5.4.1: every call but a few needs C_Initialize first; 5.1.6: the stub of a function that is not supported"
        CKR_CRYPTOKI_NOT_INITIALIZED CKR_FUNCTION_NOT_SUPPORTED;
    NOT_PARALLEL "5.20: legacy functions" CKR_FUNCTION_NOT_PARALLEL;
    NOT_PARALLEL_NOR_SESSION "5.20: legacy functions, which may look at the session"
        CKR_FUNCTION_NOT_PARALLEL CKR_SESSION_HANDLE_INVALID;
    NO_EVENT "5.5.4: CKF_DONT_BLOCK and no event" CKR_NO_EVENT;
    // Section 5.5.4 lists no code for it. A library that has no events, and no thread to be woken by, would wait for ever; NSS
    // asks again from time to time where it gets this answer.
    BLOCKING "our decision: C_WaitForSlotEvent does not wait for an event that cannot come" CKR_FUNCTION_NOT_SUPPORTED;
    PARALLEL "5.6.1: CKF_SERIAL_SESSION must be set" CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    UNKNOWN_FLAGS "5.6.1: flags beyond those defined" CKR_OK CKR_ARGUMENTS_BAD CKR_SESSION_ASYNC_NOT_SUPPORTED;
    READ_ONLY_SO "5.6.1: no read-only session while the SO is logged in" CKR_SESSION_READ_WRITE_SO_EXISTS;
    // Pointers and lengths.
    NULL "5.1.6, CKR_ARGUMENTS_BAD: a pointer that must not be null" CKR_ARGUMENTS_BAD;
    RESERVED "5.4.2, 5.5.4: a reserved pointer must be null" CKR_ARGUMENTS_BAD;
    ODD "3: no alignment is demanded" CKR_OK;
    NO_DATA "5.1.6: null with length 0 is no data" CKR_OK CKR_DATA_LEN_RANGE CKR_ARGUMENTS_BAD;
    ABSURD "5.1.6: a length that no memory has" CKR_ARGUMENTS_BAD CKR_DATA_LEN_RANGE CKR_HOST_MEMORY;
    LENGTH_QUERY "5.2: a null buffer asks for the length" CKR_OK;
    TOO_SMALL "5.2: a buffer that is too small" CKR_BUFFER_TOO_SMALL;
    NO_ROOM "5.7.8: no handles are wanted" CKR_OK CKR_ARGUMENTS_BAD;
    INTERFACE "5.4.6: no such interface" CKR_ARGUMENTS_BAD CKR_FUNCTION_FAILED;
    // PINs and logins.
    NULL_PIN "5.6.8: a null PIN is for tokens with a keypad" CKR_ARGUMENTS_BAD CKR_PIN_INCORRECT;
    LOGIN_PIN "5.6.8: a PIN that cannot be right; 5.1.6: CKR_PIN_LEN_RANGE is for functions that set a PIN"
        CKR_PIN_INCORRECT CKR_ARGUMENTS_BAD;
    WRONG_PIN "5.5.7, 5.5.9: a PIN that cannot be right" CKR_PIN_INCORRECT CKR_PIN_LEN_RANGE CKR_ARGUMENTS_BAD;
    NEW_PIN "5.5.8, 5.5.9: a PIN that cannot be set"
        CKR_PIN_LEN_RANGE CKR_PIN_INVALID CKR_ARGUMENTS_BAD;
    USER_NAME "5.6.9: the token's user has no name; 5.1.6, CKR_ARGUMENTS_BAD" CKR_ARGUMENTS_BAD;
    USER_TYPE "5.6.8: no such user" CKR_USER_TYPE_INVALID;
    CONTEXT "5.6.8: CKU_CONTEXT_SPECIFIC needs an operation that waits for it" CKR_OPERATION_NOT_INITIALIZED;
    ALREADY_IN "5.6.8: the user is logged in" CKR_USER_ALREADY_LOGGED_IN;
    OTHER_IN "5.6.8: another user is logged in" CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
    NOT_IN "5.6.10, 5.7.1, 5.18.2, 5.5.8: needs a login" CKR_USER_NOT_LOGGED_IN;
    READ_ONLY "5.7.1, 5.18.2, 5.5.9: the session is read-only" CKR_SESSION_READ_ONLY;
    // Objects and keys.
    OBJECT "5.7: no such object" CKR_OBJECT_HANDLE_INVALID;
    KEY "5.1.6: no such key" CKR_KEY_HANDLE_INVALID;
    HIDDEN_KEY "4.4, 5.6.8: private objects do not exist without a login" CKR_KEY_HANDLE_INVALID CKR_USER_NOT_LOGGED_IN;
    WRONG_KEY "5.13.1, 5.15.1: the other half, or no key at all"
        CKR_KEY_HANDLE_INVALID CKR_KEY_TYPE_INCONSISTENT CKR_KEY_FUNCTION_NOT_PERMITTED;
    OTHER_FAMILY "5.1.6, CKR_KEY_TYPE_INCONSISTENT: a key of a type that the mechanism does not work with"
        CKR_KEY_TYPE_INCONSISTENT CKR_KEY_FUNCTION_NOT_PERMITTED CKR_MECHANISM_INVALID;
    OTHER_PARAMETER "5.1.6: a parameter that the mechanism does not take, and a key that it does not work with"
        CKR_MECHANISM_PARAM_INVALID CKR_ARGUMENTS_BAD CKR_KEY_TYPE_INCONSISTENT CKR_KEY_FUNCTION_NOT_PERMITTED
        CKR_MECHANISM_INVALID;
    WRAPPING_KEY "5.18.3: no such wrapping key" CKR_WRAPPING_KEY_HANDLE_INVALID CKR_KEY_HANDLE_INVALID;
    OTHER_WRAPPING_KEY "5.18.3: a wrapping key of a type that the mechanism does not work with"
        CKR_WRAPPING_KEY_TYPE_INCONSISTENT CKR_WRAPPING_KEY_HANDLE_INVALID CKR_KEY_HANDLE_INVALID
        CKR_KEY_FUNCTION_NOT_PERMITTED CKR_MECHANISM_INVALID;
    UNEXTRACTABLE "5.18.3: a key that is not wrapped" CKR_KEY_UNEXTRACTABLE CKR_KEY_NOT_WRAPPABLE CKR_KEY_HANDLE_INVALID;
    UNWRAPPING_KEY "5.18.4: no such unwrapping key" CKR_UNWRAPPING_KEY_HANDLE_INVALID CKR_KEY_HANDLE_INVALID;
    OTHER_UNWRAPPING_KEY "5.18.4: an unwrapping key of a type that the mechanism does not work with"
        CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT CKR_UNWRAPPING_KEY_HANDLE_INVALID CKR_KEY_HANDLE_INVALID
        CKR_KEY_FUNCTION_NOT_PERMITTED CKR_MECHANISM_INVALID;
    HIDDEN_UNWRAPPING_KEY "4.4, 5.6.8: private objects do not exist without a login"
        CKR_UNWRAPPING_KEY_HANDLE_INVALID CKR_KEY_HANDLE_INVALID CKR_USER_NOT_LOGGED_IN;
    ABSURD_WRAPPED "5.18.4: a length that no wrapped key has"
        CKR_WRAPPED_KEY_LEN_RANGE CKR_WRAPPED_KEY_INVALID CKR_ARGUMENTS_BAD CKR_HOST_MEMORY;
    INDIGESTIBLE "5.12.4: only secret keys have a value to digest" CKR_KEY_INDIGESTIBLE CKR_KEY_HANDLE_INVALID;
    // Templates.
    TEMPLATE "5.1.6: null with a count, or a count that no memory has" CKR_ARGUMENTS_BAD CKR_HOST_MEMORY;
    INCOMPLETE "4.1.1: the template lacks an attribute" CKR_TEMPLATE_INCOMPLETE;
    RSA_WITH_A_CURVE "4.1.1, 6.1.4: a template without CKA_MODULUS_BITS and with an attribute of another type of key"
        CKR_TEMPLATE_INCOMPLETE CKR_TEMPLATE_INCONSISTENT CKR_ATTRIBUTE_TYPE_INVALID;
    RSA_SIZE "4.1.1, 6.1.4: numbers of which no RSA key is made, and no key on a curve either"
        CKR_ATTRIBUTE_VALUE_INVALID CKR_TEMPLATE_INCONSISTENT CKR_TEMPLATE_INCOMPLETE CKR_ATTRIBUTE_TYPE_INVALID
        CKR_KEY_SIZE_RANGE CKR_ATTRIBUTE_READ_ONLY;
    PUBLIC_KEY "5.1.6, CKR_PUBLIC_KEY_INVALID: a public key that is none, told when it is created or when it is used"
        CKR_PUBLIC_KEY_INVALID CKR_ATTRIBUTE_VALUE_INVALID CKR_OK;
    UNKNOWN_ATTRIBUTE "4.1.1: an attribute that does not exist" CKR_ATTRIBUTE_TYPE_INVALID CKR_TEMPLATE_INCONSISTENT;
    ATTRIBUTE_VALUE "4.1.1: a value that cannot be"
        CKR_ATTRIBUTE_VALUE_INVALID CKR_ARGUMENTS_BAD CKR_TEMPLATE_INCONSISTENT;
    OTHER_CLASS "4.1.1, 5.1.8: a class of object that the function does not make"
        CKR_TEMPLATE_INCONSISTENT CKR_ATTRIBUTE_VALUE_INVALID;
    TWICE "4.1.1: the same attribute with two values" CKR_TEMPLATE_INCONSISTENT;
    FIXED "4.1.2: an attribute that is not for the application to set"
        CKR_ATTRIBUTE_READ_ONLY CKR_TEMPLATE_INCONSISTENT CKR_ATTRIBUTE_TYPE_INVALID CKR_ATTRIBUTE_VALUE_INVALID;
    FOREIGN_ATTRIBUTE "4.1.1: an attribute of another class" CKR_ATTRIBUTE_TYPE_INVALID CKR_TEMPLATE_INCONSISTENT;
    NOTHING_TO_DO "5.7: an empty template" CKR_OK CKR_ARGUMENTS_BAD;
    NO_SUCH_ATTRIBUTE "5.7.5, case 2: the object has no such attribute" CKR_ATTRIBUTE_TYPE_INVALID;
    SMALL_ATTRIBUTE "5.7.5, case 5: an entry is too small" CKR_BUFFER_TOO_SMALL;
    FINDS_NOTHING "5.7.7: a search may name any attribute" CKR_OK CKR_ATTRIBUTE_TYPE_INVALID CKR_ATTRIBUTE_VALUE_INVALID;
    CURVE "6.3: no such curve"
        CKR_CURVE_NOT_SUPPORTED CKR_DOMAIN_PARAMS_INVALID CKR_ATTRIBUTE_VALUE_INVALID CKR_TEMPLATE_INCONSISTENT;
    // Mechanisms and operations.
    MECHANISM "5.1.6: no such mechanism, or not for this function" CKR_MECHANISM_INVALID;
    MECHANISM_PARAMETER "5.1.6: a parameter that the mechanism does not take"
        CKR_MECHANISM_PARAM_INVALID CKR_ARGUMENTS_BAD;
    CANCEL "5.12.1, 5.13.1, 5.15.1: a null mechanism ends the active operation" CKR_OK CKR_OPERATION_CANCEL_FAILED;
    ACTIVE "5.1.6: such an operation is active" CKR_OPERATION_ACTIVE;
    MAYBE_ACTIVE "5.1.6: operations of other kinds may be active beside it or not" CKR_OK CKR_OPERATION_ACTIVE;
    NOT_STARTED "5.1.6: no such operation is active" CKR_OPERATION_NOT_INITIALIZED;
    MIXED "5.12.2, 5.13.2, 5.15.2: no single-part call amid parts"
        CKR_OPERATION_ACTIVE CKR_OPERATION_NOT_INITIALIZED CKR_FUNCTION_FAILED;
    ABSURD_CIPHERTEXT "5.10.2: a length that no memory has"
        CKR_ENCRYPTED_DATA_LEN_RANGE CKR_ARGUMENTS_BAD CKR_HOST_MEMORY;
    NO_CIPHERTEXT "5.1.6: null with length 0 is no ciphertext" CKR_ENCRYPTED_DATA_LEN_RANGE CKR_ARGUMENTS_BAD;
    CIPHERTEXT "5.10.2: what is not a ciphertext of this key"
        CKR_ENCRYPTED_DATA_INVALID CKR_ENCRYPTED_DATA_LEN_RANGE;
    CIPHERTEXT_LENGTH "5.10.2: the ciphertext has the wrong length" CKR_ENCRYPTED_DATA_LEN_RANGE;
    SIGNATURE "5.15.2: the signature is wrong" CKR_SIGNATURE_INVALID;
    SIGNATURE_LENGTH "5.15.2: the signature has the wrong length" CKR_SIGNATURE_LEN_RANGE;
    ABSURD_SIGNATURE "5.15.2: a length that no memory has"
        CKR_SIGNATURE_LEN_RANGE CKR_ARGUMENTS_BAD CKR_HOST_MEMORY;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_session_outweighs_everything_and_other_errors_are_equals() {
        assert_eq!(allowed(&[&NULL, &SESSION, &MECHANISM]), [CKR_SESSION_HANDLE_INVALID]);
        assert_eq!(
            allowed(&[&NOT_PARALLEL, &SESSION]),
            [CKR_FUNCTION_NOT_PARALLEL, CKR_SESSION_HANDLE_INVALID]
        );
        assert_eq!(allowed(&[&NOT_INITIALIZED, &NOT_PARALLEL, &SESSION]), [CKR_CRYPTOKI_NOT_INITIALIZED]);
        assert_eq!(allowed(&[&NULL, &MECHANISM]), [CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID]);
        assert_eq!(allowed(&[&ODD, &NULL]), [CKR_ARGUMENTS_BAD]);
        assert_eq!(allowed(&[&ODD, &MAYBE_ACTIVE]), [CKR_OK, CKR_OPERATION_ACTIVE]);
        assert_eq!(allowed(&[&LENGTH_QUERY, &ABSURD]).first(), Some(&CKR_OK));
        assert_eq!(allowed(&[]), [CKR_OK]);
    }
}
