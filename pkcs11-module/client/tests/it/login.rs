//! PINs, login keys and logins over many connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proto::client::v1::{OprfReply, node_frame, request, response};
use token::backend::{Backend, BackendError, Freshness, Role};

use crate::fake::{Deed, Fake};
use crate::{PIN, SO_PIN, TOKEN, key_pair, ready, sign};

#[test]
fn wrong_pin_is_found_without_a_login_at_any_node() {
    let (fake, client) = ready();
    client.logout(TOKEN);
    let before = fake.count("login");
    assert_eq!(client.login(TOKEN, Role::User, b"wrong-pin"), Err(BackendError::PinIncorrect));
    assert_eq!(client.login(TOKEN, Role::User, b""), Err(BackendError::PinIncorrect));
    assert_eq!(fake.count("login"), before);
    let count_low = || client.pin_states(TOKEN).unwrap().user.count_low;
    assert!(count_low());
    client.login(TOKEN, Role::User, PIN).unwrap();
    assert!(!count_low());
}

#[test]
fn states_of_a_token_without_pins_are_told_apart() {
    let fake = Fake::start();
    let client = fake.client();
    assert_eq!(client.login(TOKEN, Role::User, PIN), Err(BackendError::TokenNotInitialized));
    assert_eq!(client.init_pin(TOKEN, PIN), Err(BackendError::NotLoggedIn));
    client.init_token(TOKEN, SO_PIN, &[b'L'; 32]).unwrap();
    assert_eq!(client.login(TOKEN, Role::User, PIN), Err(BackendError::PinNotInitialized));
    let token = client.tokens().unwrap().remove(0);
    assert!(token.initialized && !token.user_pin_initialized && token.label == [b'L'; 32]);
    assert_eq!(client.init_token(TOKEN, b"not the SO's", &[b'M'; 32]), Err(BackendError::PinIncorrect));
    client.login(TOKEN, Role::SecurityOfficer, SO_PIN).unwrap();
    assert_eq!(client.init_pin(TOKEN, b"abc"), Err(BackendError::PinLenRange));
    assert_eq!(client.init_pin(TOKEN, &[b'a'; 256]), Err(BackendError::PinLenRange));
}

#[test]
fn new_pin_replaces_the_old_one_and_the_login_goes_on() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    client.set_pin(TOKEN, Role::User, PIN, b"another-pin").unwrap();
    sign(&client, pair.private.id).unwrap();
    let other = fake.client();
    assert_eq!(other.login(TOKEN, Role::User, PIN), Err(BackendError::PinIncorrect));
    other.login(TOKEN, Role::User, b"another-pin").unwrap();
    assert_eq!(client.set_pin(TOKEN, Role::User, PIN, b"third-pin"), Err(BackendError::PinIncorrect));
}

#[test]
fn lying_evaluation_is_never_taken_for_a_wrong_pin() {
    let (fake, client) = ready();
    for liar in 1..=3 {
        client.logout(TOKEN);
        fake.script(liar, |op| {
            matches!(op, request::Op::Oprf(_)).then_some(Deed::Lie(|result| {
                if let response::Result::Oprf(reply) = result {
                    reply.proof[0] ^= 1;
                }
            }))
        });
        assert_eq!(client.login(TOKEN, Role::User, PIN), Ok(()), "liar {liar}");
        fake.behave(liar);
    }
}

#[test]
fn locked_pin_is_told_and_remembered() {
    let (fake, client) = ready();
    client.logout(TOKEN);
    for node in 1..=3 {
        say_free(&fake, node, |_| 0);
    }
    assert_eq!(client.login(TOKEN, Role::User, PIN), Err(BackendError::PinLocked));
    assert!(client.pin_states(TOKEN).unwrap().user.locked);
}

/// Attempts at changing quorums leave each node tries that no other node has left.
#[test]
fn a_pin_is_locked_when_no_try_is_left_at_t_nodes() {
    let (fake, client) = ready();
    client.logout(TOKEN);
    say_free(&fake, 1, |_| 0b00_0011_1000);
    say_free(&fake, 2, |_| 0b11_1100_0000);
    say_free(&fake, 3, |_| 0b00_0000_0111);
    assert_eq!(client.login(TOKEN, Role::User, PIN), Err(BackendError::PinLocked));
    assert!(client.pin_states(TOKEN).unwrap().user.locked);
    say_free(&fake, 3, |_| 0b00_0000_1111);
    let client = fake.client();
    assert_eq!(client.login(TOKEN, Role::User, PIN), Ok(()));
    assert!(client.pin_states(TOKEN).unwrap().user.final_try);
}

#[test]
fn a_node_that_lies_about_its_tries_locks_nobody_out() {
    for lie in [|_: u32| 0, |_| u32::MAX << 10, |free: u32| !free] {
        for liar in 1..=3 {
            let (fake, client) = ready();
            assert_eq!(fake.client().login(TOKEN, Role::User, b"wrong"), Err(BackendError::PinIncorrect));
            client.logout(TOKEN);
            say_free(&fake, liar, lie);
            assert!(!client.pin_states(TOKEN).unwrap().user.locked, "liar {liar}");
            assert_eq!(client.login(TOKEN, Role::User, PIN), Ok(()), "liar {liar}");
        }
    }
}

/// All tries are taken by attempts that may be right yet: the eleventh process waits, and comes to its turn.
#[test]
fn who_finds_all_tries_taken_just_now_waits_for_one() {
    let (fake, client) = ready();
    client.logout(TOKEN);
    let asked = Arc::new(AtomicU32::new(0));
    for node in 1..=3 {
        let asked = asked.clone();
        alter_tries(&fake, node, move |reply| {
            if asked.fetch_add(1, Ordering::SeqCst) < 15 {
                (reply.free_tries, reply.quiet_ms) = (0, 20);
            }
        });
    }
    assert_eq!(client.login(TOKEN, Role::User, PIN), Ok(()));
    assert!(asked.load(Ordering::SeqCst) > 15);
}

/// The lie holds the answer up, and does not change it.
#[test]
fn a_node_that_says_its_tries_are_on_the_move_keeps_no_lock_secret() {
    let (fake, _) = ready();
    let client = fake.client_with(Duration::from_secs(20));
    for node in 1..=3 {
        alter_tries(&fake, node, move |reply| {
            (reply.free_tries, reply.quiet_ms) = (0, if node == 2 { 20 } else { 60_000 });
        });
    }
    assert_eq!(client.login(TOKEN, Role::User, PIN), Err(BackendError::PinLocked));
}

/// Has the node say that other tries are free than it has.
fn say_free(fake: &Fake, node: u8, lie: fn(u32) -> u32) {
    alter_tries(fake, node, move |reply| reply.free_tries = lie(reply.free_tries));
}

/// Alters what a node says of its tries.
fn alter_tries(fake: &Fake, node: u8, lie: impl Fn(&mut OprfReply) + Send + 'static) {
    fake.alter(node, move |frame| {
        if let Some(node_frame::Frame::Response(response)) = &mut frame.frame
            && let Some(response::Result::Oprf(reply)) = &mut response.result
            && reply.evaluated.is_empty()
        {
            lie(reply);
        }
    });
}

#[test]
fn login_outlives_a_restart_of_every_node() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    for node in 1..=3 {
        fake.stop(node);
        fake.restart(node);
    }
    sign(&client, pair.private.id).unwrap();
}

#[test]
fn after_logout_nothing_private_is_seen_or_used() {
    let (_fake, client) = ready();
    let pair = key_pair(&client);
    assert_eq!(client.objects(TOKEN, Freshness::Current).unwrap().objects().len(), 2);
    client.logout(TOKEN);
    assert_eq!(client.objects(TOKEN, Freshness::Current).unwrap().objects().len(), 1);
    assert_eq!(sign(&client, pair.private.id), Err(BackendError::NoSuchObject));
}

#[test]
fn login_ended_by_the_cluster_is_told() {
    let (fake, client) = ready();
    let pair = key_pair(&client);
    fake.client().set_pin(TOKEN, Role::User, PIN, b"another-pin").unwrap();
    // The old login cannot be shown to nodes that have restarted since.
    for node in 1..=3 {
        fake.stop(node);
        fake.restart(node);
    }
    assert_eq!(sign(&client, pair.private.id), Err(BackendError::NotLoggedIn));
}
