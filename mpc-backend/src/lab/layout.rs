//! The folder of a lab: making it, and finding everything in it again.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use proto::limits::FORMAT;
use proto::manifest::{Manifest, NodeEntry, OperatorEntry};

use crate::cli::failure::Failure;
use crate::cli::files::{self, Readers};
use crate::cli::{client, keys, node};
use crate::config::NodeConfig;
use crate::lab::ports;
use crate::lab::process::Process;

/// A lab's folder and manifest.
pub struct Lab {
    dir: PathBuf,
    manifest: Manifest,
}

impl Lab {
    /// Opens the lab in `dir`.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let dir = files::absolute(dir)?;
        if !dir.join(MANIFEST).exists() {
            return Err(Failure::file(&dir, "there is no lab", "make one with `counterfoil lab up --dir`"));
        }
        Ok(Self { manifest: files::manifest(&dir.join(MANIFEST))?, dir })
    }

    /// Opens the lab in `dir` if there is one of this size and mode, or makes keys and configuration there.
    pub fn open_or_create(dir: &Path, nodes: u8, threshold: u8, strict: bool) -> Result<Self, Failure> {
        if !dir.join(MANIFEST).exists() {
            return Self::create(dir, nodes, threshold, strict);
        }
        let lab = Self::open(dir)?;
        let (have, need) = (lab.manifest.nodes.len(), lab.manifest.threshold);
        if (have, need) != (usize::from(nodes), threshold) {
            let why = format!("it holds a lab of {need} of {have} nodes");
            return Err(Failure::file(dir, why, "give the same --nodes and --threshold, or another --dir"));
        }
        let first = lab.node_folder(1).join(node::NODE_CONFIG);
        if NodeConfig::load(&first, None).map_err(Failure::input)?.strict != strict {
            let why = "it holds a lab with the other choice of --strict";
            return Err(Failure::file(dir, why, "give the same choice, or another --dir"));
        }
        Ok(lab)
    }

    /// Makes every key and file, or leaves nothing behind.
    fn create(dir: &Path, nodes: u8, threshold: u8, strict: bool) -> Result<Self, Failure> {
        if !dir.read_dir().map_or(true, |mut entries| entries.next().is_none()) {
            return Err(Failure::file(dir, "it is not empty and holds no lab", "give a new --dir"));
        }
        let manifest = plan(nodes, threshold)?;
        files::folder(dir)?;
        let mut lab = Self { dir: files::absolute(dir)?, manifest };
        let made = lab.fill(strict);
        if made.is_err() {
            // Only what this call made is in there: the folder was empty.
            let _ = std::fs::remove_dir_all(&lab.dir);
        }
        made.map(|()| lab)
    }

    fn fill(&mut self, strict: bool) -> Result<(), Failure> {
        for index in 1..=self.size() {
            let key = node::init(&self.node_folder(index))?;
            if let Some(node) = self.manifest.nodes.iter_mut().find(|node| node.index == index) {
                node.key = key.verifying_key().to_bytes();
            }
        }
        for (number, operator) in (1u8..).zip(&mut self.manifest.operators) {
            let folder = self.dir.join(format!("operator{number}"));
            files::folder(&folder)?;
            operator.key = keys::create(&folder.join(keys::OPERATOR_KEY))?.verifying_key().to_bytes();
        }
        self.manifest.check().map_err(Failure::input)?;
        let manifest = self.manifest_path();
        files::create(&manifest, self.manifest.to_toml().as_bytes(), Readers::All)?;
        for index in 1..=self.size() {
            node::configure(&self.node_folder(index), &manifest, None, None, strict)?;
        }
        client::init(&self.client_folder())?;
        client::configure(
            &self.client_folder(),
            &manifest,
            None,
            Some(&self.client_folder().join("client.log")),
        )?;
        Ok(())
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the manifest is.
    pub fn manifest_path(&self) -> PathBuf {
        self.dir.join(MANIFEST)
    }

    /// The lab's folder, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `COUNTERFOIL_CONFIG` shall name.
    pub fn client_config(&self) -> PathBuf {
        self.client_folder().join(client::CLIENT_CONFIG)
    }

    /// The key of the lab's client.
    pub fn client_key(&self) -> Result<SigningKey, Failure> {
        keys::read(&self.client_folder().join(keys::CLIENT_KEY))
    }

    /// The keys of all operators, in the manifest's order.
    pub fn operator_keys(&self) -> Result<Vec<SigningKey>, Failure> {
        (1..=self.manifest.operators.len())
            .map(|number| keys::read(&self.dir.join(format!("operator{number}")).join(keys::OPERATOR_KEY)))
            .collect()
    }

    /// The process of node `index`.
    pub fn process(&self, index: u8) -> Result<Process, Failure> {
        match self.manifest.node(index) {
            Some(_) => Ok(Process::new(self.node_folder(index))),
            None => Err(Failure::input(format!("there is no node {index}: give 1 to {}", self.size()))),
        }
    }

    /// All nodes with their processes.
    pub fn processes(&self) -> impl Iterator<Item = (&NodeEntry, Process)> {
        self.manifest.nodes.iter().map(|node| (node, Process::new(self.node_folder(node.index))))
    }

    /// The KMS agent's process, which may never have been.
    pub fn kms(&self) -> Process {
        Process::kms(self.kms_folder())
    }

    /// Where the KMS agent's files are.
    pub fn kms_folder(&self) -> PathBuf {
        self.dir.join("kms")
    }

    /// N; the manifest's check has bounded it.
    fn size(&self) -> u8 {
        u8::try_from(self.manifest.nodes.len()).unwrap_or(u8::MAX)
    }

    fn node_folder(&self, index: u8) -> PathBuf {
        self.dir.join(format!("node{index}"))
    }

    fn client_folder(&self) -> PathBuf {
        self.dir.join("client")
    }
}

/// A manifest with addresses but without keys. As many operators as agree.
fn plan(nodes: u8, threshold: u8) -> Result<Manifest, Failure> {
    // Sizes are judged before anything is made; the full check needs the keys.
    if u16::from(nodes) + 1 != 2 * u16::from(threshold) || !(2..=5).contains(&threshold) {
        return Err(Failure::input(format!(
            "{threshold} of {nodes} is not offered: use 2 of 3, 3 of 5, 4 of 7 or 5 of 9"
        )));
    }
    let mut ports = ports::free(2 * usize::from(nodes))?.into_iter();
    let mut address = || format!("127.0.0.1:{}", ports.next().unwrap_or_default());
    Ok(Manifest {
        format: FORMAT,
        threshold,
        nodes: (1..=nodes)
            .map(|index| NodeEntry { index, key: [0; 32], peer: address(), client: address() })
            .collect(),
        operators: (1..=threshold)
            .map(|number| OperatorEntry { name: format!("operator{number}"), key: [0; 32] })
            .collect(),
    })
}

const MANIFEST: &str = "manifest.toml";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lab_is_made_once_and_opened_again() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("lab");
        let made = Lab::open_or_create(&dir, 3, 2, false).unwrap();
        let again = Lab::open_or_create(&dir, 3, 2, false).unwrap();
        assert_eq!(made.manifest(), again.manifest());
        assert_eq!(again.operator_keys().unwrap().len(), 2);
        assert!(again.client_config().exists());
        assert!(Lab::open_or_create(&dir, 5, 3, false).is_err());
        assert!(Lab::open_or_create(&dir, 3, 2, true).is_err());
        assert!(again.process(4).is_err());
    }

    #[test]
    fn wrong_size_leaves_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("lab");
        assert!(Lab::open_or_create(&dir, 3, 3, false).is_err());
        assert!(!dir.exists());
    }

    #[test]
    fn folder_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("letter"), "dear").unwrap();
        assert!(Lab::open_or_create(dir.path(), 3, 2, false).is_err());
        assert!(dir.path().join("letter").exists());
    }
}
