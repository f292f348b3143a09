//! p11-kit loads the library from the module file that `counterfoil client p11-kit` prints, without any variable set.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tests::application::binary_beside;
use tests::lab::{Lab, TOKEN};

/// p11-kit reads no user's configuration as root: then it runs as this user (`nobody`).
const NOBODY: &str = "65534";

#[test]
fn p11_kit_lists_the_token() {
    let lab = Lab::up(3, 2).unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = own_configuration(&lab, home.path());
    // Another user may not be able to enter the folder of the build.
    let module = home.path().join("libcounterfoil_pkcs11.so");
    std::fs::copy(lab.variable("PKCS11_MODULE").unwrap(), &module).unwrap();
    let counterfoil = binary_beside(&std::env::current_exe().unwrap(), "counterfoil").unwrap();
    let printed = Command::new(counterfoil)
        .args(["client", "p11-kit", "--module", module.to_str().unwrap(), "--config"])
        .arg(config)
        .output()
        .unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let modules = home.path().join(".config/pkcs11/modules");
    std::fs::create_dir_all(&modules).unwrap();
    std::fs::write(modules.join("counterfoil.module"), printed.stdout).unwrap();

    std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = match std::fs::metadata(home.path()).unwrap().uid() {
        0 => {
            let owned = Command::new("chown").args(["-R", NOBODY]).arg(home.path()).status().unwrap();
            assert!(owned.success());
            let mut command = Command::new("setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "p11-kit"]);
            command
        }
        _ => Command::new("p11-kit"),
    };
    command.arg("list-modules").env_remove("COUNTERFOIL_CONFIG").env_remove("XDG_CONFIG_HOME");
    let listed = command.env("HOME", home.path()).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("counterfoil: ") && text.contains(&format!("token: {TOKEN}")), "{text}");
}

/// The lab's client, in a folder that another user may own.
fn own_configuration(lab: &Lab, home: &Path) -> std::path::PathBuf {
    let good = lab.variable("COUNTERFOIL_CONFIG").unwrap();
    let value: toml::Table = std::fs::read_to_string(&good).unwrap().parse().unwrap();
    let folder = Path::new(&good).parent().unwrap();
    for (name, copy) in [("manifest", "manifest.toml"), ("identity", "client.key")] {
        std::fs::copy(folder.join(value[name].as_str().unwrap()), home.join(copy)).unwrap();
    }
    let config = home.join("client.toml");
    std::fs::write(&config, "manifest = \"manifest.toml\"\nidentity = \"client.key\"\n").unwrap();
    config
}
