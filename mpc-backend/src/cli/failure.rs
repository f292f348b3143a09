//! Why a command did not do what it was told: one line for people, and an exit code.

use std::fmt::Display;
use std::path::Path;

/// A failed command. The text is one line that names the thing and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line, a file or a key is wrong; nothing was started or sent. Exit code 2.
    #[error("{0}")]
    Input(String),
    /// All was understood, but the cluster or a process refused, is unhealthy or did not answer.
    /// Exit code 1.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    /// A file that is missing, unreadable or wrong, and what to do.
    pub fn file(path: &Path, why: impl Display, remedy: &str) -> Self {
        Self::Input(one_line(&format!("{}: {why}; {remedy}", path.display())))
    }

    /// Something given on the command line.
    pub fn input(text: impl Display) -> Self {
        Self::Input(one_line(&text.to_string()))
    }

    /// What the cluster or a process answered.
    pub fn refused(text: impl Display) -> Self {
        Self::Refused(one_line(&text.to_string()))
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) => 1,
            Self::Input(_) => 2,
        }
    }
}

/// Parsers answer with several lines and a drawing; a log wants one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_one_line_with_path_and_remedy() {
        let failure = Failure::file(Path::new("/x/node.toml"), "line 1\n  | bad", "mend it");
        assert_eq!(failure.to_string(), "/x/node.toml: line 1 | bad; mend it");
        assert_eq!(failure.exit_code(), 2);
    }
}
