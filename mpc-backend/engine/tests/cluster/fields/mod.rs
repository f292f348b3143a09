//! Lies in every field of every message that reaches a node, and the documents that list them:
//! `proto/fields/from-nodes.md` and `from-clients.md`. `UPDATE_FIELDS=1` writes them anew.
//!
//! The fields come from the schema: a new one has no row, and the test fails until it has. What a lie led
//! to is what the nodes themselves said. Where nothing came of it, the reason stands here.

mod clients;
mod peers;

use lies::Lie;

/// Why a lie may have no effect: a field, the lies or all, and the reason.
type Harmless = (&'static str, &'static [Lie], &'static str);

fn reason(harmless: &[Harmless], field: &str, lie: Lie) -> Option<&'static str> {
    let fits = |(name, lies, _): &&Harmless| *name == field && (lies.is_empty() || lies.contains(&lie));
    harmless.iter().find(fits).map(|(.., reason)| *reason)
}
