//! `counterfoil doctor` against a lab and against SoftHSM2: each thing that can be wrong, and what it says to do.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::application::{Target, binary_beside};
use tests::lab::{Lab, PIN};
use tests::softhsm::SoftHsm;

struct Said {
    code: Option<i32>,
    found: String,
    /// The one line of what to do.
    remedy: String,
}

fn doctor(target: &Target, pin: Option<&str>, more: &[&str]) -> Said {
    let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
    let mut command = Command::new(counterfoil);
    command.env_remove("COUNTERFOIL_CONFIG").env_remove("PKCS11_MODULE").envs(target.environment.clone());
    command.args(["doctor", "--module", &target.module, "--token", &target.token]);
    if let Some(pin) = pin {
        command.args(["--pin-env", "DOCTOR_PIN"]).env("DOCTOR_PIN", pin);
    }
    let output = command.args(more).output().unwrap();
    Said {
        code: output.status.code(),
        found: String::from_utf8(output.stdout).unwrap(),
        remedy: String::from_utf8(output.stderr).unwrap().trim().to_owned(),
    }
}

impl Said {
    fn is_sound(&self, words: &[&str]) {
        assert_eq!(self.code, Some(0), "{}{}", self.found, self.remedy);
        self.has(words);
    }

    fn is_a_problem(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{}{}", self.found, self.remedy);
        assert_eq!(self.remedy.lines().count(), 1, "{}", self.remedy);
        assert!(self.found.contains("problem  "), "{}", self.found);
        words.iter().for_each(|word| assert!(self.remedy.contains(word), "{word} is not in {}", self.remedy));
    }

    fn has(&self, words: &[&str]) {
        words.iter().for_each(|word| assert!(self.found.contains(word), "{word} is not in {}", self.found));
    }
}

#[test]
fn what_is_wrong_with_a_cluster_is_said_with_a_remedy() {
    let lab = Lab::up(3, 2).unwrap();
    let target = lab.target().unwrap();
    doctor(&target, Some(PIN), &[]).is_sound(&["3 of 3 nodes serve", "no private key"]);
    target.keygen("doctor").unwrap();
    let sound = ["signed with CKM_ECDSA", "the signature is right"];
    doctor(&target, Some(PIN), &[]).is_sound(&sound);
    doctor(&target, Some(PIN), &["--key", "doctor"]).is_sound(&sound);
    doctor(&target, None, &[]).is_sound(&["no PIN was given"]);
    doctor(&target, Some(PIN), &["--key", "absent"]).is_a_problem(&["no private key \"absent\""]);
    let other = Target { token: "absent".into(), ..lab.target().unwrap() };
    doctor(&other, Some(PIN), &[]).is_a_problem(&["no token \"absent\"", "lab"]);
    doctor(&target, Some("wrong-pin"), &[]).is_a_problem(&["login", "each wrong try counts"]);

    configurations(&lab, &target);

    lab.kill(2).unwrap();
    lab.wait_gone(&[2], Duration::from_secs(5)).unwrap();
    doctor(&target, Some(PIN), &[]).is_sound(&["note     node 2 at", "2 of 3 nodes serve", sound[0]]);
    lab.kill(3).unwrap();
    doctor(&target, Some(PIN), &[]).is_a_problem(&["2 are needed", "node 2, 3", "start these nodes"]);
    lab.start(2).unwrap();
    lab.start(3).unwrap();
    lab.wait_healthy(Duration::from_secs(20)).unwrap();

    for _ in 0..12 {
        doctor(&target, Some("wrong-pin"), &[]);
    }
    doctor(&target, Some(PIN), &[]).is_a_problem(&["locked", "security officer"]);
}

/// Files of the client that are missing, wrong, or another's.
fn configurations(lab: &Lab, target: &Target) {
    let good = lab.variable("COUNTERFOIL_CONFIG").unwrap();
    let text = std::fs::read_to_string(&good).unwrap();
    let folder = Path::new(&good).parent().unwrap();
    let with = |name: &str, text: &str, words: &[&str]| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let environment = vec![("COUNTERFOIL_CONFIG".to_owned(), path.display().to_string())];
        let target = Target { environment, module: target.module.clone(), ..lab.target().unwrap() };
        doctor(&target, Some(PIN), &[]).is_a_problem(words);
    };
    with("unknown.toml", &format!("colour = \"red\"\n{text}"), &["colour", "the keys are"]);
    let missing = Target {
        environment: vec![("COUNTERFOIL_CONFIG".into(), "/nowhere/client.toml".into())],
        ..lab.target().unwrap()
    };
    doctor(&missing, Some(PIN), &[]).is_a_problem(&["/nowhere/client.toml", "COUNTERFOIL_CONFIG"]);

    let field = |name: &str| {
        let value: toml::Table = text.parse().unwrap();
        folder.join(value[name].as_str().unwrap())
    };
    let (key, manifest) = (field("identity"), field("manifest"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    with("readable.toml", &text, &["chmod 600"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();

    let stranger = folder.join("stranger.key");
    std::fs::write(&stranger, "17".repeat(32)).unwrap();
    std::fs::set_permissions(&stranger, std::fs::Permissions::from_mode(0o600)).unwrap();
    let stranger = format!("manifest = {manifest:?}\nidentity = {stranger:?}\n");
    with("stranger.toml", &stranger, &["not enrolled", "client enrol --client-key"]);

    // Another key for node 1: what answers there is not what the manifest names.
    let pins = std::fs::read_to_string(&manifest).unwrap();
    let pinned = pins.lines().find(|line| line.starts_with("key")).unwrap();
    let other = "key = \"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"";
    std::fs::write(folder.join("other-manifest.toml"), pins.replacen(pinned, other, 1)).unwrap();
    let other = format!("manifest = \"other-manifest.toml\"\nidentity = {key:?}\n");
    with("pins.toml", &other, &["node 1", "another identity key"]);
}

#[test]
fn another_vendors_library_is_walked_through_as_well() {
    let softhsm = SoftHsm::new().unwrap();
    let target = softhsm.target().unwrap();
    doctor(&target, Some(&target.pin), &[]).is_sound(&["no private key"]);
    target.keygen("doctor").unwrap();
    doctor(&target, Some(&target.pin), &[]).is_sound(&["signed with CKM_ECDSA", "the signature is right"]);
    doctor(&target, Some("0000"), &[]).is_a_problem(&["login", "PIN"]);
    let unconfigured = Target {
        environment: vec![("SOFTHSM2_CONF".into(), "/nowhere".into())],
        ..softhsm.target().unwrap()
    };
    doctor(&unconfigured, None, &[]).is_a_problem(&["SOFTHSM2_CONF"]);
    let no_library = Target { module: "/etc/passwd".into(), ..softhsm.target().unwrap() };
    doctor(&no_library, None, &[]).is_a_problem(&["/etc/passwd", "give the path of the library"]);
}
