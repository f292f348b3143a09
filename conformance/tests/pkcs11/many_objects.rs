//! A token with many certificates and data objects. `OBJECTS=100000 conformance/run many_objects --no-capture` makes a
//! hundred thousand and prints how long searches take, and how soon another client sees a change.

use std::thread;
use std::time::{Duration, Instant};

use conformance::call;
use conformance::lab::skipped;
use conformance::session::{Attribute, Session, labelled, number, on_token};
use conformance::token::Token;
use cryptoki_sys::*;

/// Every tenth object is a certificate. Four objects share an id.
fn object(number_of: usize) -> Vec<Attribute> {
    let label = labelled(&format!("object {number_of}"));
    if number_of.is_multiple_of(10) {
        // The nodes and the library store a certificate as it is.
        let certificate = vec![number_of as u8; 700];
        return vec![
            number(CKA_CLASS, CKO_CERTIFICATE),
            number(CKA_CERTIFICATE_TYPE, CKC_X_509),
            on_token(true),
            label,
            (CKA_ID, id(number_of)),
            (CKA_SUBJECT, vec![0x30, 0]),
            (CKA_VALUE, certificate),
        ];
    }
    vec![number(CKA_CLASS, CKO_DATA), on_token(true), label, (CKA_VALUE, vec![number_of as u8; 40])]
}

fn id(number: usize) -> Vec<u8> {
    (number / 40).to_be_bytes().to_vec()
}

/// Makes objects in as many sessions as there are threads.
fn make(token: &Token, count: usize) {
    thread::scope(|scope| {
        for first in 0..THREADS {
            scope.spawn(move || {
                let session = Session { module: &token.module, handle: token.session(CKF_RW_SESSION).handle };
                for number in (first..count).step_by(THREADS) {
                    session.create(&object(number)).unwrap_or_else(|rv| panic!("object {number}: {rv:#x}"));
                }
            });
        }
    });
}

/// The median time of searches, and whether each finds so many.
fn search(
    session: &Session<'_>,
    what: impl Fn(usize) -> Attribute,
    expected: usize,
    count: usize,
) -> Duration {
    let mut times: Vec<Duration> = (0..SEARCHES)
        .map(|round| {
            let wanted = what(round * 40 % count / 40 * 40);
            let begun = Instant::now();
            let found = session.find(&[wanted]).unwrap();
            let time = begun.elapsed();
            assert_eq!(found.len(), expected, "round {round}");
            time
        })
        .collect();
    times.sort_unstable();
    times[SEARCHES / 2]
}

#[test]
fn many_objects_are_found_and_changes_are_seen() {
    if skipped("two clients of one cluster") {
        return;
    }
    let count = std::env::var("OBJECTS").map_or(400, |text| text.parse().unwrap());
    let token = Token::private();
    let user = token.user();
    let begun = Instant::now();
    make(&token, count);
    println!("{count} objects made in {:.1} s", begun.elapsed().as_secs_f64());
    let other = token.elsewhere();
    let reader = other.user();
    let begun = Instant::now();
    let all = reader.find(&[]).unwrap();
    println!("the first search of another client took {:.3} s", begun.elapsed().as_secs_f64());
    assert_eq!(all.len(), count);
    let by_label = search(&reader, |number| labelled(&format!("object {number}")), 1, count);
    let by_id = search(&reader, |number| (CKA_ID, id(number)), 4, count);
    println!("a search by label takes {} us, by id {} us (medians)", by_label.as_micros(), by_id.as_micros());

    let mut waits: Vec<Duration> = (0..CHANGES)
        .map(|change| {
            let label = labelled(&format!("change {change}"));
            let made = [number(CKA_CLASS, CKO_DATA), on_token(true), label.clone()];
            let handle = user.create(&made).unwrap();
            let begun = Instant::now();
            while reader.find(std::slice::from_ref(&label)).unwrap().is_empty() {
                assert!(begun.elapsed() < PATIENCE, "the change is not seen");
                thread::sleep(Duration::from_millis(5));
            }
            let waited = begun.elapsed();
            assert_eq!(user.destroy(handle), CKR_OK);
            waited
        })
        .collect();
    waits.sort_unstable();
    println!("a change is seen elsewhere after {} ms at most", waits[CHANGES - 1].as_millis());
    let begun = Instant::now();
    while reader.find(&[]).unwrap().len() != count {
        assert!(begun.elapsed() < PATIENCE, "what was destroyed is still seen");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(call!(token.module, C_CloseAllSessions(token.slot)), CKR_OK);
}

const THREADS: usize = 8;
const SEARCHES: usize = 101;
const CHANGES: usize = 10;
/// On a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);
