//! The `counterfoil` command against a running cluster: what operators do on real hosts, and the
//! lab's own promises.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tests::application::binary_beside;
use tests::curve::{CURVE25519, EDWARDS25519, P256, P384};
use tests::lab::{Lab, PIN, TOKEN};
use tests::openssl::{Peer, accept_all_on};

struct Shell {
    counterfoil: PathBuf,
    lab: Lab,
}

impl Shell {
    fn up() -> Self {
        let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
        Self { counterfoil, lab: Lab::up(3, 2).unwrap() }
    }

    /// Runs a command line in the lab's folder; words are separated by blanks.
    fn run(&self, line: &str) -> Output {
        Command::new(&self.counterfoil).args(line.split(' ')).current_dir(self.lab.folder()).output().unwrap()
    }

    /// OpenSSL's command in the lab's folder.
    fn openssl(&self, line: &str) {
        let output =
            Command::new("openssl").args(line.split(' ')).current_dir(self.lab.folder()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Standard output of a command that must succeed.
    fn done(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// The one line of a command that the cluster or a process refuses.
    fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).unwrap()
    }
}

#[test]
fn client_is_enrolled_by_file_and_revoked_for_ever() {
    let shell = Shell::up();
    let key = shell.done("client init --dir web");
    shell.done("client configure --dir web --manifest manifest.toml");
    assert!(shell.refused("status --config web/client.toml").contains("NOT_ENROLLED"));

    let one = "--manifest manifest.toml --operator-key operator1/operator.key";
    let two = "--manifest manifest.toml --operator-key operator2/operator.key";
    shell.done(&format!("client enrol {one} --client-key {key} --name web --out cmd.bin"));
    assert!(shell.refused(&format!("command submit {two} cmd.bin")).contains("must still run"));
    shell.done(&format!("command sign {two} cmd.bin"));
    shell.done(&format!("command submit {two} cmd.bin"));
    shell.done("status --config web/client.toml");
    assert!(shell.done("token list --config web/client.toml").contains(TOKEN));

    let both = format!("{one} --operator-key operator2/operator.key");
    let other = shell.done("client init --dir other");
    let taken = shell.refused(&format!("client enrol {both} --client-key {other} --name web"));
    assert!(taken.lines().count() == 1 && taken.contains("another client has it"), "{taken}");
    shell.done(&format!("client revoke {both} --client-key {key}"));
    assert!(shell.refused("status --config web/client.toml").contains("NOT_ENROLLED"));
    let again = shell.refused(&format!("client enrol {both} --client-key {key} --name web"));
    assert!(again.contains("stays revoked"), "{again}");
    let passed = shell.refused(&format!("client enrol {both} --client-key {other} --name web"));
    assert!(passed.lines().count() == 1 && passed.contains("revoked client's"), "{passed}");
    shell.done(&format!("client enrol {both} --client-key {other} --name web --succeeds-revoked"));
}

#[test]
fn token_is_made_by_operators_and_initialised_by_its_owner() {
    let shell = Shell::up();
    let config = "--config client/client.toml";
    let operators = "--manifest manifest.toml --operator-key operator1/operator.key --operator-key operator2/operator.key";
    let id = shell.done(&format!("token create {operators}"));
    assert!(shell.done(&format!("token list {config}")).contains(&format!("{id}  empty")));
    std::fs::write(shell.lab.folder().join("pin"), "tenant-pin-1\n").unwrap();
    shell.done(&format!("token init {config} --id {id} --label tenant --so-pin-file pin --pin-file pin"));
    assert!(shell.done(&format!("token list {config}")).contains(&format!("{id}  ready        tenant")));
    assert_eq!(shell.done(&format!("key list {config} --token tenant --pin-file pin")), "");
    assert!(shell.refused(&format!("key list {config} --token tenant --pin wrong-pin")).contains("PIN"));
    assert!(shell.refused(&format!("key list {config} --token none --pin {PIN}")).contains("token list"));
}

/// Files as OpenSSL writes them: the key that comes out signs what OpenSSL accepts under the file's public half.
#[test]
fn keys_move_in_from_the_files_that_people_have() {
    let shell = Shell::up();
    let target = shell.lab.target().unwrap();
    let import = format!("key import --config client/client.toml --token {TOKEN} --pin {PIN}");
    let p256 = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    for (label, make, more, curve) in [
        ("plain", p256, "", &P256),
        ("sealed", &*format!("{p256} -aes256 -pass pass:secret"), " --passphrase-file passphrase", &P256),
        ("sec1", "ecparam -genkey -name secp384r1", "", &P384),
        ("seed", "genpkey -algorithm ED25519", "", &EDWARDS25519),
    ] {
        shell.openssl(&format!("{make} -out {label}.pem"));
        shell.openssl(&format!(
            "pkey -in {label}.pem -passin pass:secret -pubout -outform DER -out {label}.der"
        ));
        std::fs::write(shell.lab.folder().join("passphrase"), "secret\n").unwrap();
        shell.done(&format!("{import} --label {label}{more} {label}.pem"));
        let public = std::fs::read(shell.lab.folder().join(format!("{label}.der"))).unwrap();
        let point = &public[curve.public_key_head.len() / 2..];
        let signed = target.sign(label, &[vec![9; 32], vec![7; 20]]).unwrap();
        assert_eq!(accept_all_on(curve, point, &signed).unwrap(), 2, "{label}");
    }
    // A key of X25519 signs nothing: it agrees with OpenSSL's.
    shell.openssl("genpkey -algorithm X25519 -out agree.pem");
    shell.openssl("pkey -in agree.pem -pubout -outform DER -out agree.der");
    shell.done(&format!("{import} --label agree agree.pem"));
    let public = std::fs::read(shell.lab.folder().join("agree.der")).unwrap();
    let peer = Peer::new(&CURVE25519).unwrap();
    let secret = target.agree_with("agree", &peer.point).unwrap();
    let own = &public[CURVE25519.public_key_head.len() / 2..];
    assert_eq!(secret, peer.agree(&CURVE25519, own).unwrap());
    let keys = format!("key list --config client/client.toml --token {TOKEN} --pin {PIN}");
    assert_eq!(shell.done(&keys).lines().count(), 5);
    std::fs::write(shell.lab.folder().join("passphrase"), "other\n").unwrap();
    for wrong in
        ["--passphrase-file passphrase sealed.pem", "sealed.pem", "plain.der", "manifest.toml", "none.pem"]
    {
        let output = shell.run(&format!("{import} --label wrong {wrong}"));
        assert!(!output.status.success(), "{wrong}");
    }
    shell.lab.kill(2).unwrap();
    let missing = shell.refused(&format!("{import} --label wrong plain.pem"));
    assert!(missing.contains("node 2"), "{missing}");
    assert_eq!(shell.done(&keys).lines().count(), 5);
}

#[test]
fn keys_are_made_by_command_and_an_interrupt_ends_one_everywhere() {
    let shell = Shell::up();
    let token = format!("--config client/client.toml --token {TOKEN} --pin {PIN}");
    let made = shell.done(&format!("key generate {token} --label one --type ec:P-256 --id 0a0b"));
    let agrees = shell.done(&format!("key generate {token} --label two --type EC:Curve25519"));
    let keys = shell.done(&format!("key list {token}"));
    assert_eq!(keys.lines().count(), 4, "{keys}");
    let first = keys.lines().find(|line| line.contains(&made)).unwrap();
    assert!(
        ["private key", "P-256", "id 0a0b", "\"one\""].iter().all(|word| first.contains(word)),
        "{first}"
    );
    assert!(keys.lines().any(|line| line.contains(&agrees) && line.contains("curve25519")), "{keys}");

    // One of 4096 bits takes minutes.
    let line = format!("key generate {token} --label never --type rsa:4096");
    let mut long = Command::new(&shell.counterfoil);
    long.args(line.split(' ')).current_dir(shell.lab.folder()).stderr(Stdio::piped());
    let mut running = long.spawn().unwrap();
    let making = || {
        let status = shell.lab.status().unwrap();
        let nodes = status["nodes"].as_array().unwrap().clone();
        nodes
            .iter()
            .filter(|node| node["rsa_generations"].as_array().is_some_and(|all| !all.is_empty()))
            .count()
    };
    wait_until(|| making() == 3);
    let pid = i32::try_from(running.id()).unwrap();
    let told = Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(running.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut running.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("interrupted") && said.contains("no key was made"), "{said}");
    wait_until(|| making() == 0);
    assert_eq!(shell.done(&format!("key list {token}")), keys);
}

/// Waits for what other processes do.
fn wait_until(holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn status_tells_a_dead_node_and_its_return() {
    let shell = Shell::up();
    let status = "lab status --dir .";
    shell.done(status);
    shell.lab.kill(2).unwrap();
    assert!(shell.refused(status).contains("not healthy"));
    assert!(shell.refused("lab kill 2 --dir .").contains("does not run"));
    assert!(shell.refused("lab start 1 --dir .").contains("runs already"));
    shell.lab.start(2).unwrap();
    shell.lab.wait_healthy(Duration::from_secs(30)).unwrap();
    shell.done(status);
}

#[test]
fn lab_comes_up_again_with_everything_in_it() {
    let shell = Shell::up();
    let before = shell.done("token list --config client/client.toml");
    shell.done("lab down --dir .");
    assert!(shell.refused("status --config client/client.toml").contains("not healthy"));
    let exports = shell.done(&format!("lab up --dir . --token {TOKEN} --so-pin unused-1 --pin unused-1"));
    assert!(exports.lines().all(|line| line.starts_with("export ")), "{exports}");
    assert_eq!(shell.done("token list --config client/client.toml"), before);
}

#[test]
fn two_labs_run_side_by_side() {
    let (one, two) = (Shell::up(), Shell::up());
    assert_ne!(one.done("cluster show manifest.toml"), two.done("cluster show manifest.toml"));
    one.done("lab down --dir .");
    two.done("lab status --dir .");
}
