//! What the signing engine must reach, and what it aims at, held against a report.

use std::fmt::Write;

use crate::bench::Report;

/// One line of the table.
pub struct Gate {
    what: &'static str,
    /// Its row in the report.
    row: &'static str,
    bound: Bound,
}

/// Gate, then aim.
enum Bound {
    AtMost(f64, f64),
    AtLeast(f64, f64),
}

/// All gates that `make bench` can judge.
pub const GATES: [Gate; 30] = {
    use Bound::{AtLeast, AtMost};
    const fn gate(what: &'static str, row: &'static str, bound: Bound) -> Gate {
        Gate { what, row, bound }
    }
    [
        gate(
            "CPU of a signature 2-of-3 / dkls23-core",
            "ratio.protocol.sign.p256.2of3.cpu",
            AtMost(1.0 / 7.0, 1.0 / 12.0),
        ),
        gate(
            "CPU of a signature 3-of-5 / dkls23-core",
            "ratio.protocol.sign.p256.3of5.cpu",
            AtMost(1.0 / 7.0, 1.0 / 11.0),
        ),
        gate("bytes of a signature / dkls23-core", "ratio.protocol.sign.p256.2of3.bytes", AtMost(0.6, 0.54)),
        gate("online step, all parties, CPU us", "protocol.online.p256.2of3.cpu_us", AtMost(200.0, 120.0)),
        gate("warm C_Sign p50 / SoftHSM", "ratio.sign.p256.warm.p50", AtMost(5.0, 3.0)),
        gate("ECDH P-256 C_DeriveKey p50 / SoftHSM", "ratio.derive.p256.p50", AtMost(12.0, 6.0)),
        gate(
            "sustained C_Sign, 8 threads / SoftHSM",
            "ratio.sign.p256.sustained.8thr",
            AtLeast(1.0 / 40.0, 1.0 / 20.0),
        ),
        gate("first signature 2-of-3, us", "sign.p256.2of3.first.p50_us", AtMost(10_000.0, 5_000.0)),
        gate("first signature 3-of-5, us", "sign.p256.3of5.first.p50_us", AtMost(20_000.0, 10_000.0)),
        gate("C_GenerateKeyPair 2-of-3, us", "keygen.p256.2of3.p50_us", AtMost(30_000.0, 15_000.0)),
        gate("C_GenerateKeyPair 3-of-5, us", "keygen.p256.3of5.p50_us", AtMost(80_000.0, 40_000.0)),
        gate("pair set-up of 3 nodes, CPU us", "protocol.pairs.3nodes.cpu_us", AtMost(300_000.0, 120_000.0)),
        gate(
            "pair set-up of 5 nodes, CPU us",
            "protocol.pairs.5nodes.cpu_us",
            AtMost(1_000_000.0, 400_000.0),
        ),
        gate(
            "secret bytes of a key and node",
            "protocol.state.p256.2of3.secret_bytes",
            AtMost(1024.0, 200.0),
        ),
        gate(
            "CPU of a secp256k1 signature / dkls23-core",
            "ratio.protocol.sign.secp256k1.2of3.cpu",
            AtMost(1.0 / 5.0, 1.0 / 7.0),
        ),
        gate(
            "CPU of a P-384 signature / our P-256",
            "ratio.protocol.sign.p384_over_p256.cpu",
            AtMost(5.0, 3.0),
        ),
        gate(
            "warm Ed25519 C_Sign p50 / our P-256's",
            "ratio.sign.ed25519_over_p256.warm.p50",
            AtMost(1.5, 1.0),
        ),
        gate("nginx handshakes / SoftHSM's", "ratio.tls.nginx.p256", AtLeast(0.3, 0.5)),
        gate("CPU of a part RSA-2048 / OpenSSL's signature", "ratio.cpu.rsa2048.part", AtMost(4.0, 3.2)),
        gate("C_Sign RSA-2048 p50 / SoftHSM's", "ratio.sign.rsa2048.p50", AtMost(5.0, 3.0)),
        gate(
            "sustained RSA-2048, 8 threads / SoftHSM's",
            "ratio.sign.rsa2048.sustained.8thr",
            AtLeast(1.0 / 8.0, 1.0 / 4.0),
        ),
        gate("RSA-2048 without a dealer, s", "keygen.rsa2048.2of3.p50_s", AtMost(15.0, 4.0)),
        gate("RSA-3072 without a dealer, s", "keygen.rsa3072.2of3.p50_s", AtMost(60.0, 20.0)),
        gate(
            "RSA-2048 from a filled pool, us",
            "keygen.rsa2048.2of3.pooled.p50_us",
            AtMost(100_000.0, 40_000.0),
        ),
        gate("bytes sent by a node for RSA-2048", "keygen.rsa2048.2of3.sent_bytes", AtMost(12e6, 6e6)),
        gate("P-256 p50 beside a generation / without", "ratio.sign.p256.beside_rsa.p50", AtMost(2.0, 1.5)),
        gate("GenerateDataKey p50 by boto3 / moto's", "ratio.kms.generate_data_key.p50", AtMost(1.5, 1.0)),
        gate("Encrypt 1 KiB, agent and nodes, CPU us", "kms.encrypt_1kib.cpu_us", AtMost(2000.0, 700.0)),
        gate("KMS Sign P-256 p50 / our C_Sign's", "ratio.kms.sign_over_c_sign.p50", AtMost(4.0, 2.5)),
        gate(
            "Encrypt and Decrypt, 8 KMS clients, calls/s",
            "kms.sustained.8clients.calls_per_s",
            AtLeast(500.0, 1500.0),
        ),
    ]
};

/// The table as text, and whether every gate holds. What was not measured does not hold.
pub fn judge(report: &Report) -> (String, bool) {
    let (mut table, mut all) = (String::new(), true);
    for Gate { what, row, bound } in &GATES {
        let figure = report.get(*row).copied();
        let (gate, aim, sign) = match bound {
            Bound::AtMost(gate, aim) => (*gate, *aim, "<="),
            Bound::AtLeast(gate, aim) => (*gate, *aim, ">="),
        };
        let holds = |bound: f64| {
            figure.is_some_and(|figure| if sign == "<=" { figure <= bound } else { figure >= bound })
        };
        let verdict = match (figure, holds(gate), holds(aim)) {
            (None, ..) => "not measured",
            (_, _, true) => "aim met",
            (_, true, false) => "gate met",
            _ => "MISSED",
        };
        all &= holds(gate);
        let figure = figure.map_or("-".into(), |figure| format!("{figure:.3}"));
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "{what:<42} {figure:>12}  gate {sign} {gate:<12.3} aim {sign} {aim:<12.3} {verdict}"
        );
    }
    (table, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_judged_on_their_own_side() {
        let (table, all) = judge(&Report::new());
        assert!(!all && table.lines().all(|line| line.ends_with("not measured")));
        let mut report: Report = GATES
            .iter()
            .map(|gate| match gate.bound {
                Bound::AtMost(_, aim) | Bound::AtLeast(_, aim) => (gate.row.to_owned(), aim),
            })
            .collect();
        let (table, all) = judge(&report);
        assert!(all && table.lines().all(|line| line.ends_with("aim met")), "{table}");
        report.insert("ratio.sign.p256.warm.p50".into(), 4.0);
        assert_eq!(judge(&report).0.lines().filter(|line| line.ends_with("gate met")).count(), 1);
        report.insert("ratio.tls.nginx.p256".into(), 0.1);
        let (table, all) = judge(&report);
        assert!(!all && table.lines().filter(|line| line.ends_with("MISSED")).count() == 1);
    }
}
