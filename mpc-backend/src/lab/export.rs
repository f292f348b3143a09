//! What `lab up` prints for a shell: `export NAME=value`, so that `eval "$(counterfoil lab up …)"` works.

use std::path::Path;

/// One line, the value quoted so that no shell reads anything into it.
pub fn line(name: &str, value: &str) -> String {
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

/// The lines that a client needs.
pub fn lines(config: &Path, module: &Path, token: Option<&str>, lab: &Path) -> Vec<String> {
    let mut lines = vec![
        line("COUNTERFOIL_CONFIG", &config.to_string_lossy()),
        line("PKCS11_MODULE", &module.to_string_lossy()),
        line("COUNTERFOIL_LAB", &lab.to_string_lossy()),
    ];
    lines.extend(token.map(|label| line("COUNTERFOIL_TOKEN", label)));
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shell_reads_back_what_was_meant() {
        let value = "it's $HOME; `id` \"x\" \\ end";
        let script = format!("{}; printf %s \"$NAME\"", line("NAME", value));
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }
}
