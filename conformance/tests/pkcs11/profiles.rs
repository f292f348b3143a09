//! The runner of the OASIS profile cases, with cases of our own in their form: it passes what is right, and fails each
//! answer that is not the library's. The cases themselves are run by `conformance/suites/run oasis`.

use conformance::lab::skipped;
use conformance::profiles::{Outcome, follow};
use conformance::token::Token;

/// What the mandatory cases of Baseline and Extended Provider do, with a wrong PIN and a closed session besides.
const CASE: &str = r#"
<PKCS11>
  <C_Initialize/>
  <C_Initialize rv="OK"/>
  <C_GetInfo/>
  <C_GetInfo rv="OK"/>
  <C_GetSlotList><TokenPresent value="true"/><SlotList/></C_GetSlotList>
  <C_GetSlotList rv="OK"><SlotList length="${SlotList.length}"/></C_GetSlotList>
  <C_GetSlotList><TokenPresent value="true"/><SlotList length="${SlotList.length}"/></C_GetSlotList>
  <C_GetSlotList rv="OK"><SlotList><SlotID value="${SlotList.SlotID[0]}"/></SlotList></C_GetSlotList>
  <C_GetSlotInfo><SlotID value="${SlotList.SlotID[0]}"/></C_GetSlotInfo>
  <C_GetSlotInfo rv="OK"><Info><Flags value="TOKEN_PRESENT"/></Info></C_GetSlotInfo>
  <C_GetTokenInfo><SlotID value="${SlotList.SlotID[0]}"/></C_GetTokenInfo>
  <C_GetTokenInfo rv="OK"><Info><Flags value="RNG|LOGIN_REQUIRED|TOKEN_INITIALIZED"/></Info></C_GetTokenInfo>
  <C_GetMechanismList><SlotID value="${SlotList.SlotID[0]}"/><MechanismList/></C_GetMechanismList>
  <C_GetMechanismList rv="OK"><MechanismList length="${MechanismList.length}"/></C_GetMechanismList>
  <C_GetMechanismList><SlotID value="${SlotList.SlotID[0]}"/><MechanismList length="${MechanismList.length}"/></C_GetMechanismList>
  <C_GetMechanismList rv="OK"><MechanismList><Type value="RSA_PKCS"/></MechanismList></C_GetMechanismList>
  <C_GetMechanismInfo><SlotID value="${SlotList.SlotID[0]}"/><Type value="RSA_PKCS"/></C_GetMechanismInfo>
  <C_GetMechanismInfo rv="OK"><Info><Flags value="SIGN|VERIFY"/></Info></C_GetMechanismInfo>
  <C_OpenSession><SlotID value="${SlotList.SlotID[1]}"/><Flags value="SERIAL_SESSION"/></C_OpenSession>
  <C_OpenSession rv="OK"><Session value="${Session}"/></C_OpenSession>
  <C_Login><Session value="${Session}"/><UserType value="USER"/><Pin value="not the PIN"/></C_Login>
  <C_Login rv="PIN_INCORRECT"/>
  <C_Login><Session value="${Session}"/><UserType value="USER"/><Pin value="${Pin}"/></C_Login>
  <C_Login rv="OK"/>
  <C_FindObjectsInit><Session value="${Session}"/><Template><Attribute type="TOKEN" value="TRUE"/></Template></C_FindObjectsInit>
  <C_FindObjectsInit rv="OK"/>
  <C_FindObjects><Session value="${Session}"/><Object length="1"/></C_FindObjects>
  <C_FindObjects rv="OK"><Object/></C_FindObjects>
  <C_FindObjectsFinal><Session value="${Session}"/></C_FindObjectsFinal>
  <C_FindObjectsFinal rv="OK"/>
  <C_Logout><Session value="${Session}"/></C_Logout>
  <C_Logout rv="OK"/>
  <C_CloseSession><Session value="${Session}"/></C_CloseSession>
  <C_CloseSession rv="OK"/>
  <C_CloseSession><Session value="${Session}"/></C_CloseSession>
  <C_CloseSession rv="SESSION_HANDLE_INVALID"/>
  <C_CloseAllSessions><SlotID value="${SlotList.SlotID[0]}"/></C_CloseAllSessions>
  <C_CloseAllSessions rv="OK"/>
  <C_Finalize/>
  <C_Finalize rv="OK"/>
</PKCS11>"#;

#[test]
fn cases_of_the_profiles_that_we_claim_pass_and_others_are_not_run() {
    if skipped("the runner of the OASIS profile cases") {
        return;
    }
    let token = Token::private();
    for name in ["BL-M-1-31", "EXT-M-1-31"] {
        assert_eq!(follow(&token, name, CASE), Outcome::Passed);
    }
    for (name, profile) in
        [("AUTH-M-1-31", "Authentication Token"), ("CERT-M-1-31", "Public Certificates Token")]
    {
        assert_eq!(follow(&token, name, CASE), Outcome::NotClaimed(profile));
    }
}

#[test]
fn an_answer_that_is_not_the_librarys_fails_the_case() {
    if skipped("the runner of the OASIS profile cases") {
        return;
    }
    let token = Token::private();
    let last = CASE.rfind("<C_Finalize rv").unwrap();
    for (right, wrong, why) in [
        (r#"<C_Logout rv="OK"/>"#, r#"<C_Logout rv="ARGUMENTS_BAD"/>"#, "C_Logout: 0x0 in place of 0x7"),
        (r#""SESSION_HANDLE_INVALID""#, r#""OK""#, "C_CloseSession: 0xb3 in place of 0x0"),
        (r#"value="SIGN|VERIFY""#, r#"value="DIGEST""#, "no use of the case's"),
        (
            r#"<Object/>"#,
            r#"<Object><Object value="${a}"/><Object value="${b}"/></Object>"#,
            "fewer than the case has",
        ),
        (
            r#"<Type value="RSA_PKCS"/></MechanismList>"#,
            r#"<Type value="DES"/></MechanismList>"#,
            "not known here",
        ),
        (r#""not the PIN""#, r#""${Nobody}""#, "was never answered"),
        (r#"<C_Login rv="OK"/>"#, r#"<C_Logout rv="OK"/>"#, "C_Login is followed by C_Logout"),
        (&CASE[last..], "</PKCS11>", "each with its answer"),
        (r#"<C_GetInfo/>"#, r#"<C_GetInfo>"#, "expected"),
    ] {
        assert_eq!(CASE.matches(right).count(), 1, "{right}");
        let Outcome::Failed(said) = follow(&token, "EXT-M-1-31", &CASE.replace(right, wrong)) else {
            panic!("{wrong} passes")
        };
        assert!(said.contains(why), "{wrong}: {said}");
    }
}
