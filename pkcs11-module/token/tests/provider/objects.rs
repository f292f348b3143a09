//! C_CreateObject, C_CopyObject, C_DestroyObject, C_GetObjectSize, C_FindObjects*.

use cryptoki_sys::*;
use token::Error;
use token::backend::Backend;

use crate::support::*;

#[test]
fn an_object_lives_on_the_token_or_with_its_session() {
    let application = Application::new();
    let session = application.user();
    let lasting = application.create(session, &certificate_template().bool(CKA_TOKEN, true)).unwrap();
    let passing = application.create(session, &certificate_template()).unwrap();
    assert_eq!(application.find(session, &Items::new().bool(CKA_TOKEN, true)), [lasting]);
    assert_eq!(application.find(session, &Items::new().bool(CKA_TOKEN, false)), [passing]);
    application.provider.close_all_sessions(application.slot).unwrap();
    assert_eq!(application.find(application.session(), &Items::new()), [lasting]);
}

#[test]
fn a_read_only_session_touches_session_objects_only() {
    let application = Application::new();
    let writer = application.user();
    let lasting = application.create(writer, &data_template("x").bool(CKA_TOKEN, true)).unwrap();
    let session = application.read_only();
    let passing = application.create(session, &data_template("y")).unwrap();
    let refused = Err(Error::SessionReadOnly);
    assert_eq!(application.create(session, &data_template("z").bool(CKA_TOKEN, true)).map(|_| ()), refused);
    assert_eq!(application.set(session, lasting, &Items::new().bytes(CKA_LABEL, b"z")), refused);
    assert_eq!(application.provider.destroy_object(session, lasting), refused);
    assert_eq!(application.copy(session, passing, &Items::new().bool(CKA_TOKEN, true)).map(|_| ()), refused);
    application.set(session, passing, &Items::new().bytes(CKA_LABEL, b"z")).unwrap();
    application.provider.destroy_object(session, passing).unwrap();
}

#[test]
fn secret_keys_are_never_handed_in() {
    let application = Application::new();
    let session = application.user();
    let key = Items::new().ulong(CKA_CLASS, CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES);
    contradicts(application.create(session, &key.bytes(CKA_VALUE, &[1; 32])), CKA_CLASS);
}

#[test]
fn a_template_is_checked_entry_by_entry() {
    let application = Application::new();
    let session = application.user();
    let create = |items: Items| application.create(session, &items).unwrap_err();
    assert_eq!(create(Items::new()), Error::TemplateIncomplete);
    assert_eq!(create(Items::new().ulong(CKA_CLASS, CKO_MECHANISM)), Error::AttributeValueInvalid);
    contradicts(Err::<u64, _>(create(data_template("x").bytes(CKA_LABEL, b"y"))), CKA_LABEL);
    assert_eq!(create(data_template("x").bytes(CKA_TOKEN, b"yes")), Error::AttributeValueInvalid);
    assert_eq!(create(data_template("x").bytes(0x8000_0001, b"")), Error::AttributeTypeInvalid);
    contradicts(Err::<u64, _>(create(data_template("x").bytes(CKA_EC_POINT, b""))), CKA_EC_POINT);
    assert_eq!(create(data_template("x").bytes(CKA_UNIQUE_ID, b"mine")), Error::AttributeReadOnly);
    let no_value = Items::new().ulong(CKA_CLASS, CKO_CERTIFICATE).ulong(CKA_CERTIFICATE_TYPE, CKC_X_509);
    assert_eq!(create(no_value.bytes(CKA_SUBJECT, b"")), Error::TemplateIncomplete);
    let wtls = Items::new().ulong(CKA_CLASS, CKO_CERTIFICATE).ulong(CKA_CERTIFICATE_TYPE, CKC_WTLS);
    assert_eq!(create(wtls), Error::AttributeValueInvalid);
}

/// Trusted objects are the security officer's, and trust is not copied (PKCS#11 3.1 section 4.6.2).
#[test]
fn what_is_trusted_is_not_modified() {
    let application = Application::new();
    let session = application.session();
    let login = |user, pin| application.provider.login(session, user, pin).unwrap();
    login(CKU_SO, SO_PIN);
    let trusted = certificate_template().bool(CKA_TOKEN, true).bool(CKA_TRUSTED, true);
    let certificate = application.create(session, &trusted).unwrap();
    application.provider.logout(session).unwrap();
    let issuer = Items::new().bytes(CKA_ISSUER, b"another");
    for logged_in in [false, true] {
        if logged_in {
            login(CKU_USER, PIN);
        }
        for change in [issuer.clone(), Items::new().bool(CKA_TRUSTED, false)] {
            assert_eq!(application.set(session, certificate, &change), Err(Error::ActionProhibited));
        }
        let copy = application.copy(session, certificate, &issuer.clone().bool(CKA_TOKEN, false)).unwrap();
        assert!(!application.get_bool(session, copy, CKA_TRUSTED));
    }
    application.provider.logout(session).unwrap();
    login(CKU_SO, SO_PIN);
    application.set(session, certificate, &Items::new().bool(CKA_TRUSTED, false)).unwrap();
}

#[test]
fn sizes_are_limited() {
    let application = Application::new();
    let session = application.user();
    let create = |items: Items| application.create(session, &items);
    assert!(create(data_template(&"x".repeat(255))).is_ok());
    assert_eq!(create(data_template(&"x".repeat(256))), Err(Error::AttributeValueInvalid));
    let data = |bytes: usize| Items::new().ulong(CKA_CLASS, CKO_DATA).bytes(CKA_VALUE, &vec![1; bytes]);
    assert!(create(data(65_536)).is_ok());
    assert_eq!(create(data(65_537)), Err(Error::AttributeValueInvalid));
    let many = (0..65).fold(Items::new(), |items, _| items.bool(CKA_TOKEN, true));
    contradicts(create(many), CKA_TOKEN);
    let certificate =
        certificate_template().bytes(CKA_ISSUER, &[1; 65_000]).bytes(CKA_SERIAL_NUMBER, &[1; 65_000]);
    assert_eq!(create(certificate.bytes(CKA_PUBLIC_KEY_INFO, &[1; 2000])), Err(Error::DeviceMemory));
}

#[test]
fn the_number_of_session_objects_is_limited() {
    let application = Application::new();
    let session = application.session();
    for _ in 0..4096 {
        application.create(session, &data_template("one of many")).unwrap();
    }
    assert_eq!(application.create(session, &data_template("one too many")), Err(Error::DeviceMemory));
    let first = application.find(session, &Items::new())[0];
    application.provider.destroy_object(session, first).unwrap();
    application.create(session, &data_template("fits again")).unwrap();
}

#[test]
fn a_public_key_is_accepted_if_it_is_on_its_curve() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let point = application.get(session, pair.public, CKA_EC_POINT).unwrap();
    let key = |point: &[u8]| {
        Items::new()
            .ulong(CKA_CLASS, CKO_PUBLIC_KEY)
            .ulong(CKA_KEY_TYPE, CKK_EC)
            .bytes(CKA_EC_PARAMS, P256_OID)
            .bytes(CKA_EC_POINT, point)
    };
    let imported = application.create(session, &key(&point)).unwrap();
    let signature = application.sign(session, CKM_ECDSA_SHA256, pair.private, b"message").unwrap();
    application.verify(session, CKM_ECDSA_SHA256, imported, b"message", &signature).unwrap();
    assert!(!application.get_bool(session, imported, CKA_LOCAL));
    let bare = application.create(session, &key(&point[2..])).unwrap();
    assert_eq!(application.get(session, bare, CKA_EC_POINT).unwrap(), point);
    let mut off_curve = point.clone();
    off_curve[40] ^= 1;
    assert_eq!(application.create(session, &key(&off_curve)), Err(Error::PublicKeyInvalid));
    assert_eq!(application.create(session, &key(b"")), Err(Error::PublicKeyInvalid));
    let dsa = Items::new().ulong(CKA_CLASS, CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_DSA);
    assert_eq!(application.create(session, &dsa), Err(Error::AttributeValueInvalid));
}

#[test]
fn a_search_matches_every_attribute_exactly() {
    let application = Application::new();
    let session = application.session();
    let one = application.create(session, &data_template("one")).unwrap();
    let other = application.create(session, &data_template("other")).unwrap();
    let find = |items: Items| application.find(session, &items);
    assert_eq!(find(Items::new()), [one, other]);
    assert_eq!(find(Items::new().bytes(CKA_LABEL, b"one")), [one]);
    assert_eq!(find(Items::new().ulong(CKA_CLASS, CKO_DATA).bytes(CKA_LABEL, b"oth")), [0; 0]);
    assert_eq!(find(Items::new().ulong(CKA_CLASS, CKO_HW_FEATURE)), [0; 0]);
    assert_eq!(find(Items::new().bytes(0x8000_0001, b"vendor")), [0; 0]);
    assert_eq!(find(Items::new().bytes(CKA_TOKEN, b"")), [0; 0]);
}

#[test]
fn a_search_is_fetched_in_pages_and_is_exclusive_in_its_session() {
    let application = Application::new();
    let session = application.session();
    for _ in 0..5 {
        application.create(session, &data_template("x")).unwrap();
    }
    let provider = &application.provider;
    assert_eq!(provider.find(session, 1), Err(Error::OperationNotInitialized));
    provider.find_init(session, &[]).unwrap();
    assert_eq!(provider.find_init(session, &[]), Err(Error::OperationActive));
    assert_eq!(provider.find(session, 3).unwrap().len(), 3);
    assert_eq!(provider.find(session, 3).unwrap().len(), 2);
    assert_eq!(provider.find(session, 3).unwrap().len(), 0);
    provider.find_final(session).unwrap();
    assert_eq!(provider.find_final(session), Err(Error::OperationNotInitialized));
}

#[test]
fn a_handle_stays_the_same_and_dies_with_its_object() {
    let application = Application::new();
    let session = application.user();
    let object = application.create(session, &data_template("x").bool(CKA_TOKEN, true)).unwrap();
    assert_eq!(application.find(session, &Items::new()), [object]);
    application.provider.destroy_object(session, object).unwrap();
    assert_eq!(application.provider.destroy_object(session, object), Err(Error::ObjectHandleInvalid));
    assert!(application.find(session, &Items::new()).is_empty());
    let next = application.create(session, &data_template("x").bool(CKA_TOKEN, true)).unwrap();
    assert_ne!(next, object);
}

#[test]
fn an_object_destroyed_by_another_process_is_gone() {
    let application = Application::new();
    let session = application.user();
    let object = application.create(session, &data_template("x").bool(CKA_TOKEN, true)).unwrap();
    let token = application.backend.tokens().unwrap()[0].id;
    let list = application.backend.objects(token, token::backend::Freshness::Current).unwrap();
    application.backend.destroy_object(token, list.objects()[0].id, 1).unwrap();
    assert_eq!(application.get(session, object, CKA_LABEL), Err(Error::ObjectHandleInvalid));
}

#[test]
fn an_object_says_what_may_be_done_with_it() {
    let application = Application::new();
    let session = application.session();
    let create = |id| application.create(session, &data_template("x").bool(id, false)).unwrap();
    let prohibited = Err(Error::ActionProhibited);
    assert_eq!(application.provider.destroy_object(session, create(CKA_DESTROYABLE)), prohibited);
    assert_eq!(application.copy(session, create(CKA_COPYABLE), &Items::new()).map(|_| ()), prohibited);
    let label = Items::new().bytes(CKA_LABEL, b"y");
    assert_eq!(application.set(session, create(CKA_MODIFIABLE), &label), prohibited);
}

#[test]
fn a_copy_may_differ_where_the_standard_allows() {
    let application = Application::new();
    let session = application.user();
    let object = application.create(session, &data_template("x")).unwrap();
    let copy = application
        .copy(session, object, &Items::new().bool(CKA_TOKEN, true).bytes(CKA_LABEL, b"y"))
        .unwrap();
    assert!(application.get_bool(session, copy, CKA_TOKEN));
    assert_eq!(application.get(session, copy, CKA_LABEL).unwrap(), b"y");
    assert_eq!(application.get(session, copy, CKA_VALUE).unwrap(), b"content");
    assert_eq!(application.get(session, object, CKA_LABEL).unwrap(), b"x");
    let class = Items::new().ulong(CKA_CLASS, CKO_CERTIFICATE);
    assert_eq!(application.copy(session, object, &class), Err(Error::AttributeReadOnly));
    let hidden = application.copy(session, object, &Items::new().bool(CKA_PRIVATE, true)).unwrap();
    let shown = application.copy(session, hidden, &Items::new().bool(CKA_PRIVATE, false));
    contradicts(shown, CKA_PRIVATE);
}

#[test]
fn a_private_key_is_copied_to_the_token_or_for_a_session() {
    let application = Application::new();
    let session = application.user();
    let pair = application.pair(session);
    let copy = application.copy(session, pair.private, &Items::new()).unwrap();
    assert!(application.get_bool(session, copy, CKA_TOKEN));
    let in_session = Items::new().bool(CKA_TOKEN, false);
    let copy = application.copy(session, pair.private, &in_session).unwrap();
    assert!(!application.get_bool(session, copy, CKA_TOKEN));
    assert_eq!(application.backend.session_keys(), 1);
    application.provider.destroy_object(session, copy).unwrap();
    assert_eq!(application.backend.session_keys(), 0);
    assert!(application.sign(session, CKM_ECDSA, pair.private, &[1; 32]).is_ok());
    assert!(application.copy(session, pair.public, &in_session).is_ok());
}

#[test]
fn a_handle_of_one_token_means_nothing_to_another() {
    let backend = std::sync::Arc::new(token::local_backend::LocalBackend::uninitialized(2));
    let provider = token::Provider::new(backend);
    let slots = provider.slot_list(true).unwrap();
    let label = token::info::blank_padded("x");
    let sessions: Vec<_> = slots
        .iter()
        .map(|slot| {
            provider.init_token(*slot, SO_PIN, &label).unwrap();
            provider.open_session(*slot, CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap()
        })
        .collect();
    let object = data_template("x").with(|items| provider.create_object(sessions[0], items)).unwrap();
    assert!(provider.object_size(sessions[0], object).unwrap() > 0);
    assert_eq!(provider.object_size(sessions[1], object), Err(Error::ObjectHandleInvalid));
    provider.login(sessions[0], CKU_SO, SO_PIN).unwrap();
    assert_eq!(provider.session_info(sessions[1]).unwrap().state, CKS_RW_PUBLIC_SESSION);
}

#[test]
fn profiles_are_found_by_who_asks_for_them_and_nobody_changes_them() {
    let application = Application::new();
    let session = application.session();
    assert!(application.find(session, &Items::new()).is_empty(), "older applications do not know the class");
    let wanted = Items::new().ulong(CKA_CLASS, CKO_PROFILE);
    let [baseline, extended] = application.find(session, &wanted)[..] else { panic!("two profiles") };
    for (profile, id) in [(baseline, CKP_BASELINE_PROVIDER), (extended, CKP_EXTENDED_PROVIDER)] {
        assert_eq!(application.get(session, profile, CKA_PROFILE_ID).unwrap(), id.to_ne_bytes());
        let wanted = Items::new().ulong(CKA_CLASS, CKO_PROFILE).ulong(CKA_PROFILE_ID, id);
        assert_eq!(application.find(session, &wanted), [profile]);
        let label = Items::new().bytes(CKA_LABEL, b"x");
        assert_eq!(application.set(session, profile, &label), Err(Error::ActionProhibited));
        assert_eq!(application.copy(session, profile, &label), Err(Error::ActionProhibited));
        assert_eq!(application.provider.destroy_object(session, profile), Err(Error::ActionProhibited));
    }
    let another = Items::new().ulong(CKA_CLASS, CKO_PROFILE);
    contradicts(application.create(session, &another), CKA_CLASS);
}

#[test]
fn a_certificate_has_the_check_value_of_its_bytes() {
    let application = Application::new();
    let session = application.session();
    let create = |items: Items| application.create(session, &items);
    let certificate = create(certificate_template()).unwrap();
    // SHA-1 of 30 03 02 01 01 starts so.
    let right = hex::decode("90d80b").unwrap();
    assert_eq!(application.get(session, certificate, CKA_CHECK_VALUE).unwrap(), right);
    assert!(create(certificate_template().bytes(CKA_CHECK_VALUE, &right)).is_ok());
    assert!(create(certificate_template().bytes(CKA_CHECK_VALUE, &[])).is_ok());
    let wrong = create(certificate_template().bytes(CKA_CHECK_VALUE, &[1, 2, 3]));
    assert_eq!(wrong, Err(Error::AttributeValueInvalid));
}

#[test]
fn a_certificate_that_contradicts_itself_is_refused() {
    let application = Application::new();
    let session = application.session();
    let create = |items: Items| application.create(session, &items);
    let with = |id, value: &[u8]| create(certificate_template().bytes(id, value));
    assert_eq!(
        with(CKA_URL, b"http://example"),
        Err(Error::TemplateIncomplete),
        "nothing binds what is there"
    );
    assert_eq!(with(CKA_CERTIFICATE_CATEGORY, &4u64.to_ne_bytes()), Err(Error::AttributeValueInvalid));
    assert_eq!(with(CKA_START_DATE, b"20261301"), Err(Error::AttributeValueInvalid));
    let dates = |start: &[u8], end: &[u8]| {
        create(certificate_template().bytes(CKA_START_DATE, start).bytes(CKA_END_DATE, end))
    };
    contradicts(dates(b"20270101", b"20261231"), CKA_END_DATE);
    assert!(dates(b"20260101", b"20261231").is_ok() && dates(b"20260101", b"").is_ok());
}
