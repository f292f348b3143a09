//! What an application's own configuration changes: hidden keys, a PIN that nobody types, where the configuration is,
//! several clusters, and the lines of the log that people need.

use std::ffi::CString;
use std::path::Path;
use std::ptr::null_mut;

use conformance::call;
use conformance::dead::DeadCluster;
use conformance::lab::{Lab, skipped};
use conformance::module::Module;
use conformance::session::{P256, flag, labelled, on_token};
use conformance::token::{Token, slots};
use cryptoki_sys::*;

use crate::importing::private_key;

const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

fn mechanisms(token: &Token) -> Vec<CK_MECHANISM_TYPE> {
    let mut count = 0;
    let module = &token.module;
    assert_eq!(call!(module, C_GetMechanismList(token.slot, null_mut(), &mut count)), CKR_OK);
    let mut list = vec![0; count as usize];
    assert_eq!(call!(module, C_GetMechanismList(token.slot, list.as_mut_ptr(), &mut count)), CKR_OK);
    list
}

#[test]
fn hidden_keys_are_not_found_and_their_mechanisms_not_listed() {
    if skipped("the configuration of our client") {
        return;
    }
    let token = Token::shared();
    let session = token.user();
    let label = format!("hidden {}", std::process::id());
    let small = session.pair_on(&P256, &label);
    let large = session.pair_on(P384, &label);
    assert_eq!(session.find(&[labelled(&label)]).unwrap().len(), 4);
    drop(token);

    let lab = Lab::shared();
    let view = format!("[[token]]\nlabel = \"{}\"\nhide_keys = [\"P-384\"]", lab.token);
    let config = lab.config_with("hide-curve", &view);
    let token = Token::configured(lab, &config);
    let session = token.user();
    let found = session.find(&[labelled(&label)]).unwrap();
    assert_eq!(found.len(), 2, "those on P-256");
    for object in found {
        assert_eq!(session.get(object, CKA_EC_PARAMS), Ok(P256.to_vec()));
    }
    assert!(mechanisms(&token).contains(&CKM_ECDSA));
    let (public, private) = ([(CKA_EC_PARAMS, P384.to_vec())], [labelled(&label)]);
    assert_eq!(session.generate(&public, &private).err(), Some(CKR_CURVE_NOT_SUPPORTED));
    let brought = private_key(P384, &[1; 48], &[labelled(&label)]);
    assert_eq!(session.create(&brought), Err(CKR_CURVE_NOT_SUPPORTED));
    drop(token);

    let lab = Lab::shared();
    let config = lab.config_with("hide-type", "[[token]]\nhide_keys = [\"EC\"]");
    let token = Token::configured(lab, &config);
    let session = token.user();
    assert_eq!(session.find(&[labelled(&label)]), Ok(vec![]));
    let listed = mechanisms(&token);
    assert!(
        !listed.contains(&CKM_ECDSA)
            && !listed.contains(&CKM_EC_KEY_PAIR_GEN)
            && listed.contains(&CKM_SHA256)
    );
    let mut info = CK_MECHANISM_INFO::default();
    assert_eq!(
        call!(token.module, C_GetMechanismInfo(token.slot, CKM_ECDSA, &mut info)),
        CKR_MECHANISM_INVALID
    );
    let public = [(CKA_EC_PARAMS, P256.to_vec())];
    assert_eq!(session.generate(&public, &private).err(), Some(CKR_MECHANISM_INVALID));
    drop(token);

    let token = Token::shared();
    let session = token.user();
    let all = session.find(&[labelled(&label)]).unwrap();
    assert!(all.len() == 4 && small.private != large.private);
    all.into_iter().for_each(|object| assert_eq!(session.destroy(object), CKR_OK));
}

/// PKCS#11 before 2.30 did not say whether `CKA_EC_POINT` is DER, and some applications took it bare.
#[test]
fn points_are_bare_where_the_configuration_says_so() {
    if skipped("the configuration of our client") {
        return;
    }
    let token = Token::shared();
    let session = token.user();
    let label = format!("bare point {}", std::process::id());
    let pair = session.pair_on(&P256, &label);
    let wrapped = session.get(pair.public, CKA_EC_POINT).unwrap();
    assert_eq!((wrapped.len(), &wrapped[..3]), (67, &[4, 65, 4][..]));
    drop(token);

    let lab = Lab::shared();
    let config = lab.config_with("bare-points", "[[token]]\nbare_ec_points = true");
    let token = Token::configured(lab, &config);
    let session = token.user();
    let bare = wrapped[2..].to_vec();
    for point in [&bare, &wrapped] {
        let found = session.find(&[(CKA_EC_POINT, point.clone()), labelled(&label)]).unwrap();
        assert!(!found.is_empty(), "a search takes either form");
        found.into_iter().for_each(|object| assert_eq!(session.get(object, CKA_EC_POINT), Ok(bare.clone())));
    }
    let all = session.find(&[labelled(&label)]).unwrap();
    all.into_iter().for_each(|object| assert_eq!(session.destroy(object), CKR_OK));
}

#[test]
fn a_service_logs_in_with_the_pin_of_its_configuration() {
    if skipped("the configuration of our client") {
        return;
    }
    let null_login = |token: &Token, user| {
        let session = token.session(CKF_RW_SESSION);
        call!(token.module, C_Login(session.handle, user, null_mut(), 0))
    };
    // Off by default.
    let token = Token::shared();
    assert_eq!(token.info().flags & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
    assert_eq!(null_login(&token, CKU_USER), CKR_ARGUMENTS_BAD);
    drop(token);

    let lab = Lab::shared();
    let file = lab.config_with("pin", "");
    std::fs::write(&file, format!("{}\n", lab.pin)).unwrap();
    let view = format!("[[token]]\npin_file = \"{}\"", file.display());
    let config = lab.config_with("with-pin", &view);
    let mode =
        |mode| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o644);
    let token = Token::configured(lab, &config);
    assert_ne!(token.info().flags & CKF_PROTECTED_AUTHENTICATION_PATH, 0);
    assert_eq!(null_login(&token, CKU_USER), CKR_GENERAL_ERROR, "others can read it");
    mode(0o600);
    assert_eq!(null_login(&token, CKU_SO), CKR_ARGUMENTS_BAD);
    assert_eq!(null_login(&token, CKU_USER), CKR_OK);
}

#[test]
fn the_configuration_is_named_by_a_string_in_c_initialize() {
    if skipped("the configuration of our client") {
        return;
    }
    let lab = Lab::shared();
    let config = lab.config_with("reserved", "");
    // What the environment names is not looked at.
    conformance::dead::configure("/nowhere/client.toml");
    let module = Module::load();
    let initialize = |text: &str| {
        let text = CString::new(text).unwrap();
        let mut args = CK_C_INITIALIZE_ARGS {
            flags: CKF_OS_LOCKING_OK,
            pReserved: text.as_ptr().cast_mut().cast(),
            ..Default::default()
        };
        call!(module, C_Initialize((&raw mut args).cast()))
    };
    assert_eq!(initialize("configdir='sql:/etc/pki'"), CKR_GENERAL_ERROR, "a string for somebody else");
    assert_eq!(initialize("counterfoil:colour=red"), CKR_GENERAL_ERROR);
    assert_eq!(initialize(&format!("counterfoil:config={}", config.display())), CKR_OK);
    assert_eq!(slots(&module).len(), 1);
}

/// GnuTLS passes no string on from p11-kit's module file, and services get no variables.
#[test]
fn a_configuration_in_its_place_needs_neither_string_nor_variable() {
    if skipped("the configuration of our client") {
        return;
    }
    let cluster = DeadCluster::configured();
    let home = cluster.path().with_file_name("home");
    std::fs::create_dir_all(home.join(".config")).unwrap();
    let folder = cluster.path().parent().unwrap().to_owned();
    std::os::unix::fs::symlink(folder, home.join(".config/counterfoil")).unwrap();
    let before = std::env::var_os("HOME").unwrap_or_default();
    let module = Module::load();
    conformance::dead::set_variable("HOME", &home);
    conformance::dead::configure("/nowhere/client.toml");
    let named = module.initialize();
    conformance::dead::configure("");
    let found = module.initialize();
    conformance::dead::set_variable("HOME", before);
    assert_eq!(named, CKR_GENERAL_ERROR, "a name comes before a place");
    assert_eq!(found, CKR_OK);
}

#[test]
fn one_cluster_that_is_down_does_not_hide_another() {
    if skipped("the configuration of our client") {
        return;
    }
    let dead = DeadCluster::configured();
    let lab = Lab::shared();
    let config = lab.config_with("several", "");
    let before = Token::shared().slot;
    let both = std::env::join_paths([dead.path(), config]).unwrap();
    let token = Token::configured(lab, both);
    assert_eq!(token.slot, before, "slot ids are those of the token, whatever else is configured");
    let session = token.user();
    let pair = session.p256("several");
    assert!(session.sign(CKM_ECDSA, pair.private, &[1; 32]).is_ok());
    assert_eq!(session.destroy(pair.private), CKR_OK);
}

fn log(config: &Path) -> String {
    std::fs::read_to_string(config.with_extension("log")).unwrap_or_default()
}

#[test]
fn a_template_that_contradicts_itself_has_a_line_that_names_the_attribute() {
    if skipped("the configuration of our client") {
        return;
    }
    let lab = Lab::shared();
    let config = lab.config_with("contradiction", "");
    let text = std::fs::read_to_string(&config).unwrap();
    let text: String =
        text.lines().filter(|line| !line.starts_with("log")).map(|line| format!("{line}\n")).collect();
    let log_file = config.with_extension("log");
    std::fs::write(&config, format!("log = \"{}\"\n{text}", log_file.display())).unwrap();
    let token = Token::configured(lab, &config);
    let session = token.user();
    let curve = (CKA_EC_PARAMS, P256.to_vec());
    let end = (CKA_END_DATE, b"20200101".to_vec());
    let start = (CKA_START_DATE, b"20260101".to_vec());
    let dates = session.generate(std::slice::from_ref(&curve), &[on_token(true), start, end]);
    assert_eq!(dates.unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
    let class =
        session.generate(&[curve, (CKA_CLASS, CKO_DATA.to_ne_bytes().to_vec())], &[flag(CKA_SIGN, true)]);
    assert_eq!(class.unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
    let log = log(&config);
    for name in ["C_GenerateKeyPair: CKA_END_DATE", "C_GenerateKeyPair: CKA_CLASS"] {
        assert!(log.contains(name), "{name} is not in {log}");
    }
}
