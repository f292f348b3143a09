//! Wire messages altered one field at a time, by their schema. For tests alone: no product crate uses it.
//!
//! A test asks for every field that a message can hold, lies in each, and writes down what came of it. A
//! field that is added to the schema is in that list at once, and the test fails until it is lied about.
#![allow(clippy::expect_used)]

mod alter;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

pub use alter::Lie;
use protox::prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor};

/// Byte fields that hold an encoded message: a lie in it is signed and checked like any other.
const EMBEDDED: [(&str, &str); 5] = [
    ("SignedHead.statement", "counterfoil.registry.v1.HeadStatement"),
    ("BirthCertificate.statement", "counterfoil.registry.v1.BirthStatement"),
    ("GenerationStart.statement", "counterfoil.registry.v1.BirthStatement"),
    ("GenerationSigned.statement", "counterfoil.registry.v1.BirthStatement"),
    ("SignedCommand.command", "counterfoil.registry.v1.Command"),
];

/// All messages of the wire.
pub struct Schema(DescriptorPool);

impl Schema {
    /// Reads the schemas of this repository.
    ///
    /// # Panics
    /// When they do not compile; then nothing here was built either.
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema");
        let files = ["counterfoil/client/v1/client.proto", "counterfoil/peer/v1/peer.proto"];
        let files = protox::compile(files, [root]).expect("the schemas compile");
        Self(DescriptorPool::from_file_descriptor_set(files).expect("the schemas are whole"))
    }

    fn message(&self, name: &str) -> MessageDescriptor {
        self.0.get_message_by_name(name).expect("a message of the schemas")
    }

    /// `Message.field` of every field that `root` can hold at any depth, but for what is inside `stops`.
    /// A message that is a member of two others is one.
    pub fn fields(&self, root: &str, stops: &[&str]) -> BTreeSet<String> {
        let (mut fields, mut open) = (BTreeSet::new(), vec![self.message(root)]);
        while let Some(message) = open.pop() {
            if stops.contains(&message.name()) {
                continue;
            }
            for field in message.fields() {
                let name = format!("{}.{}", message.name(), field.name());
                let embedded = EMBEDDED.iter().find(|(holder, _)| *holder == name);
                let inside = match field.kind() {
                    Kind::Message(inside) => Some(inside),
                    _ => embedded.map(|(_, inside)| self.message(inside)),
                };
                if fields.insert(name) {
                    open.extend(inside);
                }
            }
        }
        fields
    }

    /// The lies that can be told in `field`.
    ///
    /// # Panics
    /// When there is no such field.
    pub fn lies(&self, field: &str) -> &'static [Lie] {
        let (message, name) = field.split_once('.').expect("Message.field");
        let mut messages = self.0.all_messages().filter(|known| known.name() == message);
        let found = messages.find_map(|message| message.get_field_by_name(name));
        Lie::of(&found.expect("a field of the schemas"))
    }

    /// `bytes`, an encoded `root`, with `lie` told in the first `field` that they hold; `None` when they hold
    /// none, or when the lie is what they said.
    pub fn alter(&self, root: &str, bytes: &[u8], field: &str, lie: Lie) -> Option<Vec<u8>> {
        let mut message = DynamicMessage::decode(self.message(root), bytes).ok()?;
        let changed = self.change(&mut message, field, lie);
        changed.then(|| alter::encoded(&message))
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

/// What came of lies, and of which.
type Verdict = (String, Vec<&'static str>);

/// What came of the lies, field by field.
#[derive(Default)]
pub struct Table {
    rows: Vec<(String, Vec<Verdict>)>,
}

impl Table {
    /// Notes what came of `lie` in `field`.
    pub fn add(&mut self, field: &str, lie: Lie, verdict: String) {
        if self.rows.last().is_none_or(|(last, _)| last != field) {
            self.rows.push((field.to_owned(), Vec::new()));
        }
        let Some((_, verdicts)) = self.rows.last_mut() else { return };
        match verdicts.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, lies)) => lies.push(lie.label()),
            None => verdicts.push((verdict, vec![lie.label()])),
        }
    }

    /// Gives `field` a row that says why no lie is told in it.
    pub fn except(&mut self, field: &str, reason: &str) {
        self.rows.push((field.to_owned(), vec![(reason.to_owned(), vec!["none"])]));
    }

    /// The fields of `all` that have no row.
    pub fn without(&self, all: &BTreeSet<String>) -> Vec<String> {
        all.iter().filter(|field| self.rows.iter().all(|(row, _)| row != *field)).cloned().collect()
    }

    /// Compares the table with the document at `path`, or writes that anew when `UPDATE_FIELDS` is set.
    ///
    /// # Panics
    /// When the document says something else.
    pub fn check(&self, path: &str, head: &str) {
        let mut text = format!("{head}\n| field | lies → what came of them |\n|---|---|\n");
        for (field, verdicts) in &self.rows {
            let part = |(verdict, lies): &Verdict| format!("{} → {verdict}", lies.join(", "));
            let cell = verdicts.iter().map(part).collect::<Vec<_>>().join("; ");
            writeln!(text, "| `{field}` | {cell} |").expect("a string takes it");
        }
        if std::env::var_os("UPDATE_FIELDS").is_some() {
            std::fs::write(path, &text).expect("the document can be written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let differs = written.lines().zip(text.lines()).find(|(written, now)| written != now);
        assert!(written == text, "{path} is not what happens (UPDATE_FIELDS=1 writes it anew): {differs:?}");
    }
}
