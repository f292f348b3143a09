//! Keys of the KMS interface with real nodes: two clients of one token whose policies differ, nodes away, nodes
//! restarted.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use client::ClusterClient;
use client::kms::{Ask, Kms, KmsError, KmsRecord, Parts, Spec, pairs};
use proto::kms::v1::{Kind, KmsKey, Pair, State, Usage};
use tests::application::binary_beside;
use tests::lab::{Lab, PIN, TOKEN};
use token::backend::{Backend, Freshness, Role, TokenId};

/// A client of the lab, logged in; its configuration is at `config`.
fn log_in(config: &Path) -> (Arc<ClusterClient>, TokenId) {
    let client = ClusterClient::from_config(config).unwrap();
    let token = client.tokens().unwrap()[0].id;
    client.login(token, Role::User, PIN.as_bytes()).unwrap();
    (client, token)
}

/// Enrols one more client, as an operator does.
fn enrol(lab: &Lab, name: &str) -> (Arc<ClusterClient>, TokenId) {
    let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
    let folder = lab.folder().join(name);
    let manifest = lab.folder().join("manifest.toml");
    let run = |arguments: &[&str], paths: &[(&str, &Path)]| {
        let mut command = Command::new(&counterfoil);
        command.args(["client"]).args(arguments);
        for (option, path) in paths {
            command.arg(option).arg(path);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let key = run(&["init"], &[("--dir", &folder)]);
    run(&["configure"], &[("--dir", &folder), ("--manifest", &manifest)]);
    let operators: Vec<_> =
        (1..=2).map(|number| lab.folder().join(format!("operator{number}/operator.key"))).collect();
    let agreed = [
        ("--manifest", manifest.as_path()),
        ("--operator-key", &operators[0]),
        ("--operator-key", &operators[1]),
    ];
    run(&["enrol", "--client-key", &key, "--name", name], &agreed);
    log_in(&folder.join("client.toml"))
}

fn policy(token: TokenId, rules: &[(&str, &str)]) -> String {
    let account = policy::account_of(&token.0);
    let rule = |(client, action): &(&str, &str)| {
        let principal = policy::principal_of(&account, client);
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"{action}","Resource":"*"}}"#
        )
    };
    let rules: Vec<String> = rules.iter().map(rule).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, rules.join(","))
}

fn record(usage: Usage, policy: String) -> KmsKey {
    let mut key = KmsKey { created_unix_s: 1, policy, ..KmsKey::default() };
    key.set_usage(usage);
    key.set_state(State::Enabled);
    key
}

type Opened = Result<[u8; 32], KmsError>;

fn encrypt(kms: &Kms<'_>, key: &KmsRecord, context: &[Pair]) -> Result<(Parts, [u8; 32]), KmsError> {
    let ask = Ask { operation: "Encrypt", context };
    kms.encrypt_key(key, Kind::Message, ask, [7; 32]).map(|(parts, value)| (parts, *value))
}

fn decrypt(kms: &Kms<'_>, key: &KmsRecord, parts: &Parts, context: &[Pair]) -> Opened {
    kms.decrypt_key(key, parts, Ask { operation: "Decrypt", context }).map(|value| *value)
}

/// What another process or client has done is seen within a second; the machine may be busy.
fn seen<T, E>(find: impl Fn() -> Result<T, E>) -> T {
    let mut looks = (0..100).map(|_| {
        let found = find();
        if found.is_err() {
            std::thread::sleep(Duration::from_millis(100));
        }
        found
    });
    looks.find_map(Result::ok).unwrap()
}

#[test]
fn two_principals_and_a_cluster_with_nodes_away() {
    let lab = Lab::up(3, 2).unwrap();
    let config = lab.variable("COUNTERFOIL_CONFIG").unwrap();
    let (owner, token) = log_in(Path::new(&config));
    let (guest, _) = enrol(&lab, "guest");
    let (ours, theirs) = (owner.kms(token), guest.kms(token));
    let rules = policy(token, &[("lab", "kms:*"), ("guest", "kms:Encrypt")]);
    let key = ours.create(Spec::Symmetric, "seeds", record(Usage::EncryptDecrypt, rules)).unwrap();
    let context = pairs(&[("app".to_owned(), "web".to_owned())].into());

    // The guest encrypts and opens nothing: neither the owner's nor its own, under any name.
    let shown = seen(|| theirs.find(&key.id(), Freshness::Current));
    let (secret, value) = encrypt(&ours, &key, &context).unwrap();
    let (own, own_value) = encrypt(&theirs, &shown, &context).unwrap();
    for parts in [&secret, &own] {
        assert!(matches!(decrypt(&theirs, &shown, parts, &context), Err(KmsError::Denied(_))));
        let replayed = theirs.decrypt_key(&shown, parts, Ask { operation: "Encrypt", context: &context });
        assert!(replayed.is_err(), "an input of the past, as if it were being encrypted");
    }
    assert_eq!(decrypt(&ours, &key, &own, &context), Ok(own_value));
    assert_eq!(decrypt(&ours, &key, &secret, &context), Ok(value));
    assert_ne!(decrypt(&ours, &key, &secret, &[]), Ok(value), "another context is another key");

    // Nor does it change or remove the key, or use one that names it nowhere.
    let mut stolen = shown.key.clone();
    stolen.policy = String::new();
    assert!(matches!(theirs.update(&shown, stolen), Err(KmsError::Denied(_))));
    assert!(theirs.destroy(&shown).is_err());
    let own_pair = record(Usage::SignVerify, policy(token, &[("lab", "kms:*")]));
    let pair = ours.create(Spec::from_name("ECC_NIST_P256").unwrap(), "pair", own_pair).unwrap();
    let scheme = token::backend::Scheme::Ecdsa { curve: token::backend::Curve::P256, mechanism: 0x1041 };
    assert_eq!(owner.sign(token, pair.object.id, &scheme, &[5; 32], None).unwrap().len(), 64);
    seen(|| theirs.find(&pair.id(), Freshness::Current));
    assert!(guest.sign(token, pair.object.id, &scheme, &[5; 32], None).is_err());

    // The other way round: a pair of PKCS#11 becomes a key of the interface, and clients that read it before find out.
    let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
    let key_command = |command: &str, arguments: &[&str]| {
        let mut run = Command::new(&counterfoil);
        run.args(["key", command, "--config", &config, "--token", TOKEN, "--pin", PIN]).args(arguments);
        let output = run.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let object = key_command("generate", &["--label", "moved", "--type", "ec:P-256"]);
    let found = seen(|| {
        let listed = owner.objects(token, Freshness::Current).unwrap();
        let found = listed.objects().into_iter().find(|found| found.id.to_string() == object);
        found.map(|found| found.id).ok_or("not yet")
    });
    assert_eq!(owner.sign(token, found, &scheme, &[5; 32], None).unwrap().len(), 64);
    let id = key_command("adopt", &["--object", &object, "--alias", "moved"]);
    assert_eq!(
        owner.sign(token, found, &scheme, &[5; 32], None).unwrap().len(),
        64,
        "by what was read before"
    );
    let adopted = seen(|| ours.find_alias("moved", Freshness::Current));
    assert_eq!((adopted.id(), adopted.key.usage()), (id, Usage::SignVerify));
    assert_eq!(owner.sign(token, found, &scheme, &[5; 32], None).unwrap().len(), 64);

    // New material, with old ciphertexts.
    let rotated = ours.rotate(&key, 5, true).unwrap();
    let (second, second_value) = encrypt(&ours, &rotated, &context).unwrap();
    assert_eq!((second.version(), rotated.newest()), (2, 2));
    assert_eq!(decrypt(&ours, &rotated, &secret, &context), Ok(value));

    // A node that restarted has forgotten its nonces; one that is away is not needed.
    lab.kill(3).unwrap();
    lab.start(3).unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();
    for node in [1, 2, 3] {
        lab.kill(node).unwrap();
        lab.wait_gone(&[node], Duration::from_secs(5)).unwrap();
        assert_eq!(decrypt(&ours, &rotated, &second, &context), Ok(second_value), "without node {node}");
        let (parts, made) = encrypt(&ours, &rotated, &context).unwrap();
        assert_eq!(decrypt(&ours, &rotated, &parts, &context), Ok(made));
        lab.start(node).unwrap();
        lab.wait_healthy(Duration::from_secs(20)).unwrap();
    }
    lab.kill(1).unwrap();
    lab.kill(2).unwrap();
    let refused = decrypt(&ours, &rotated, &second, &context);
    assert!(matches!(refused, Err(KmsError::TooFewNodes(_))), "{refused:?}");
    assert!(matches!(encrypt(&ours, &rotated, &context), Err(KmsError::TooFewNodes(_))));
    println!(
        "2 clients, 3 nodes: leave to encrypt opened nothing, every ciphertext opened without any one node"
    );
}
